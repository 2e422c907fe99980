"""Trains a small classifier of iris flowers and tells about it, a line at a time.

What it prints is what `vitrine run log` reads: parameters, metrics by step, tags. It
writes the model and its scores into a folder.
"""

import argparse
import json
import pathlib

import joblib
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--output", type=pathlib.Path, default="model", help="folder for the model")
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--alpha", type=float, default=0.001, help="strength of the regularization")
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()

    print(f"param epochs={given.epochs} alpha={given.alpha} seed={given.seed}")
    print(f'tag dataset=iris library="scikit-learn {sklearn.__version__}"')

    x, y = load_iris(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.3, random_state=given.seed, stratify=y)
    scaler = StandardScaler().fit(x)
    classifier = SGDClassifier(loss="log_loss", alpha=given.alpha, random_state=given.seed)
    for epoch in range(given.epochs):
        classifier.partial_fit(scaler.transform(x), y, classes=[0, 1, 2])
        chances = classifier.predict_proba(scaler.transform(x_test))
        scores = {"accuracy": accuracy_score(y_test, chances.argmax(axis=1)), "loss": log_loss(y_test, chances)}
        # Flushed, so that whoever listens sees it now.
        print(json.dumps({"step": epoch, **scores}), flush=True)

    given.output.mkdir(parents=True, exist_ok=True)
    joblib.dump(make_pipeline(scaler, classifier), given.output / "model.joblib")
    (given.output / "scores.json").write_text(json.dumps(scores) + "\n")
    print("wrote", given.output)


if __name__ == "__main__":
    main()
