"""The few REST calls that every test needs, and the names of things."""

import dataclasses
import hashlib
import os
import pathlib
import urllib.parse

import gitlab
import pytest
import requests

URL = os.environ["VITRINE_SERVER"].rstrip("/")
TOKEN = os.environ["VITRINE_TOKEN"]
BIN = os.environ["VITRINE_BIN"]
DATA = os.environ["VITRINE_DATA"]

# The project that the server makes at its first start.
PROJECT = "root/default"
PROJECT_ID = 1


def quote(text):
    """Percent-encodes everything that is special in a URL, "/" too."""
    return urllib.parse.quote(str(text), safe="")


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def files_path(version, name="", project=PROJECT_ID):
    """The path below /api/v4 of a file; version is 5 or "candidate:5", name has real slashes."""
    encoded = "/".join(quote(part) for part in name.split("/"))
    return f"/projects/{quote(project)}/packages/ml_models/{version}/files/{encoded}"


def files_url(version, name="", project=PROJECT_ID):
    return f"{URL}/api/v4{files_path(version, name, project)}"


def code_of(call, *arguments, **options):
    """The status with which python-gitlab is refused."""
    with pytest.raises(gitlab.exceptions.GitlabError) as caught:
        call(*arguments, **options)
    return caught.value.response_code


class Api:
    """One session with one token; every call checks the status it expects."""

    def __init__(self, url, token):
        self.base = url + "/api/v4"
        self.session = requests.Session()
        if token:
            self.session.headers["PRIVATE-TOKEN"] = token

    def call(self, method, path, status, **options):
        answer = self.session.request(method, self.base + path, timeout=120, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def get(self, path, status=200, **options):
        return self.call("GET", path, status, **options)

    def post(self, path, body, status=201):
        return self.call("POST", path, status, json=body).json()

    def new_project(self, name):
        return self.post("/projects", {"name": name})

    def new_model(self, name, project=PROJECT_ID):
        return self.post(f"/projects/{project}/ml/models", {"name": name})

    def new_version(self, model_id, version=None, project=PROJECT_ID):
        body = {"version": version} if version else {}
        return self.post(f"/projects/{project}/ml/models/{model_id}/versions", body)

    def new_candidate(self, model_id, project=PROJECT_ID):
        return self.post(f"/projects/{project}/ml/candidates", {"model_id": model_id})

    def put_file(self, version, name, data, status=201, project=PROJECT_ID, **options):
        return self.call("PUT", files_path(version, name, project), status, data=data, **options)

    def get_file(self, version, name, status=200, project=PROJECT_ID, **options):
        return self.get(files_path(version, name, project), status, **options)

    def listed(self, version, project=PROJECT_ID):
        """The version's files by path."""
        answer = self.get(files_path(version, project=project).rstrip("/"), params={"per_page": 100})
        return {file["path"]: file for file in answer.json()}


@dataclasses.dataclass
class Target:
    """A model version to push to."""

    model: str
    model_id: int
    version: str
    version_id: int

    @property
    def reference(self):
        """How the vitrine client names it."""
        return f"{PROJECT}/{self.model}:{self.version}"


def new_target(root, model, version="1.0.0"):
    made = root.new_model(model)
    version_id = root.new_version(made["id"], version)["id"]
    return Target(model, made["id"], version, version_id)
