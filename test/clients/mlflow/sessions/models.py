"""The models of the sessions: small, real, trained on data that scikit-learn ships."""

import mlflow
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

IRIS = load_iris(as_frame=True)
ROWS = IRIS.data.head(20)


def trained(c=1.0):
    """Trains a classifier."""
    return LogisticRegression(C=c, max_iter=300).fit(IRIS.data, IRIS.target)


def same(loaded, model):
    """Compares what a loaded model and the one in memory say."""
    assert np.array_equal(loaded.predict(ROWS), model.predict(ROWS))


def log_model(model, name, **how):
    """Logs a scikit-learn model; MLflow 2 and 3 call its place differently.

    The requirements are given, as finding them out takes ten seconds a model.
    """
    how = {"pip_requirements": ["scikit-learn"]} | how
    if mlflow.__version__.startswith("2."):
        return mlflow.sklearn.log_model(model, artifact_path=name, **how)
    return mlflow.sklearn.log_model(model, name=name, **how)


class Doubler(mlflow.pyfunc.PythonModel):
    """Is a model of one's own code."""

    def predict(self, context, model_input: list[float], params=None) -> list[float]:
        return [2 * x for x in model_input]
