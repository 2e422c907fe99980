"""Trains as an ML engineer does, and lets MLflow's autologging do the rest.

 * a grid search over 200 decision trees for scikit-learn's handwritten digits:
   autologging makes a run with files and a child run for each tree;
 * six boosters by XGBoost, with a loss for each round; two of them become
   versions of the model "boosted-digits".

MLflow's own variables say where to.
"""

import matplotlib

matplotlib.use("Agg")  # pictures without a screen

import mlflow
import mlflow.sklearn
import mlflow.xgboost
import xgboost
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.tree import DecisionTreeClassifier

digits = load_digits()
train, test, labels, answers = train_test_split(digits.data / 16, digits.target, random_state=7)

mlflow.set_experiment("trees")
mlflow.sklearn.autolog(max_tuning_runs=200, silent=True)
grid = {"max_depth": list(range(2, 12)), "min_samples_leaf": list(range(1, 11)), "criterion": ["gini", "entropy"]}
with mlflow.start_run(run_name="grid"):
    GridSearchCV(DecisionTreeClassifier(random_state=7), grid, cv=2).fit(train, labels)
mlflow.sklearn.autolog(disable=True)

mlflow.set_experiment("boosters")
rows, held = xgboost.DMatrix(train, label=labels), xgboost.DMatrix(test, label=answers)
for i, eta in enumerate([0.05, 0.1, 0.2, 0.3, 0.5, 0.9]):
    mlflow.xgboost.autolog(log_models=i in (1, 3), registered_model_name="boosted-digits" if i in (1, 3) else None, silent=True)
    with mlflow.start_run(run_name=f"eta {eta}"):
        xgboost.train({"objective": "multi:softprob", "num_class": 10, "eta": eta, "max_depth": 2 + i % 3, "nthread": 1}, rows,
                      num_boost_round=40, evals=[(rows, "train"), (held, "held")], verbose_eval=False)
