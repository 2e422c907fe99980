"""What loading files would run, told of files that Python itself writes.

Proves: real models of scikit-learn, by pickle and joblib in all their forms, are
worth a notice and no more; arrays of numbers are safe; and a pickle that calls
something is found in each protocol and each wrapping, whatever its name.
"""

import collections
import io
import os
import pickle

import joblib
import numpy
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import api


class Calls:
    """An object whose loading calls os.system."""

    def __reduce__(self):
        return os.system, ("true",)


def verdict(root, target, name, content):
    root.put_file(target.version_id, name, content)
    told = root.get(f"/projects/{api.PROJECT_ID}/packages/ml_models/{target.version_id}/safety").json()
    (file,) = [f for f in told["files"] if f["path"] == name]
    return file["verdict"], [f["what"] for f in file["findings"]]


def written(write, value, **how):
    b = io.BytesIO()
    write(value, b, **how)
    return b.getvalue()


def models():
    x, y = numpy.random.default_rng(1).normal(size=(60, 4)), numpy.arange(60) % 3
    for model in (
        make_pipeline(StandardScaler(), LogisticRegression()),
        RandomForestClassifier(10),
        GradientBoostingClassifier(n_estimators=5),
        KNeighborsClassifier(algorithm="kd_tree"),
        SVC(),
    ):
        yield model.fit(x, y)
    yield make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["red rose", "blue iris", "red iris"], [0, 1, 1])


def test_real_models(root, target):
    for n, model in enumerate(models()):
        for p in range(6):
            assert verdict(root, target, f"{n}-{p}.pkl", pickle.dumps(model, p))[0] == "notice", (model, p)
        for how in ({}, {"compress": 3}, {"compress": ("gzip", 3)}, {"compress": ("bz2", 3)}, {"protocol": 2}):
            got = verdict(root, target, f"{n}-{how}.joblib", written(joblib.dump, model, **how))
            assert got[0] == "notice", (model, how, got)


def test_arrays_of_numbers(root, target):
    arrays = {"a": numpy.arange(1000.0), "b": numpy.ones((3, 4), "i2")}
    for p in range(6):
        assert verdict(root, target, f"{p}.pkl", pickle.dumps(collections.OrderedDict(arrays), p)) == ("safe", [])
    assert verdict(root, target, "a.npy", written(lambda v, b: numpy.save(b, v), arrays["a"])) == ("safe", [])
    assert verdict(root, target, "a.npz", written(lambda v, b: numpy.savez_compressed(b, **v), arrays)) == ("safe", [])
    mixed = numpy.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U5")])
    assert verdict(root, target, "mixed.joblib", written(joblib.dump, {"m": mixed, "d": mixed["n"] > 1, **arrays}))[0] == "notice"


@pytest.mark.parametrize("name", ["model.pkl", "weights", "vocab.json", "model.safetensors"])
def test_calls_are_found(root, target, name):
    bad = numpy.array([1, Calls()], dtype=object)
    for content in [pickle.dumps(Calls(), p) for p in range(6)] + [
        written(joblib.dump, [numpy.ones(500), Calls()]),
        written(joblib.dump, [bad, numpy.ones(500)]),
        written(joblib.dump, [Calls()], compress=("zlib", 3)),
        written(lambda v, b: numpy.save(b, v), bad),
        written(lambda v, b: numpy.savez(b, v), bad),
    ]:
        got, why = verdict(root, target, name, content)
        assert got == "unsafe" and any("system" in w for w in why), (name, content, why)
