"""Fixtures of whole working days with MLflow's client.

They set what a user sets, MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN, and
nothing else. Every test runs at both addresses of the server: its root, and
GitLab's address of the project.
"""

import itertools
import os

import mlflow
import pytest
import requests

SERVER = os.environ["VITRINE_SERVER"]
TOKEN = os.environ.get("VITRINE_TOKEN", "")
DOORS = {"root": "", "gitlab": "/api/v4/projects/1/ml/mlflow"}
MAJOR = int(mlflow.__version__.split(".")[0])

# To check the tests against MLflow's own server, which has one address and is slow.
if os.environ.get("SESSIONS_AT_REAL_SERVER"):
    del DOORS["gitlab"]

numbers = itertools.count(1)


@pytest.fixture(params=DOORS, autouse=True)
def door(request, monkeypatch):
    """Is where this test's server is."""
    address = SERVER + DOORS[request.param]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    yield address
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.tracking.fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)


@pytest.fixture
def unique(request, door):
    """Makes names that nothing else has."""
    where = "root" if door == SERVER else "gitlab"
    return lambda stem: f"{stem}-{MAJOR}-{where}-{next(numbers)}"


@pytest.fixture
def experiment(unique):
    """Is the name of a fresh experiment, which is the active one."""
    name = unique("experiment")
    mlflow.set_experiment(name)
    return name


@pytest.fixture
def client(door):
    """Is MLflow's client."""
    return mlflow.MlflowClient()


@pytest.fixture
def versions(client):
    """Gives the versions of a model, oldest first, as a client names them: at GitLab's address by their ids."""
    return lambda name: sorted((str(v.version) for v in client.search_model_versions(f"name = '{name}'")), key=int)


@pytest.fixture
def gitlab():
    """Makes GETs at GitLab's addresses, below /api/v4/projects/1."""
    session = requests.Session()
    session.headers["PRIVATE-TOKEN"] = TOKEN

    def get(path, **how):
        answer = session.get(f"{SERVER}/api/v4/projects/1/{path}", timeout=60, **how)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer

    return get
