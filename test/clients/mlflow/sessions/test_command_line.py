"""The `mlflow` command, as typed; and `mlflow models serve`."""

import os
import re
import socket
import subprocess
import sys
import time

import mlflow
import requests
from click.testing import CliRunner
from mlflow.cli import cli

from models import IRIS, log_model, trained


def run(*words):
    """Runs a command of `mlflow` in this process, as its start takes seconds; gives what it prints."""
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, f"mlflow {' '.join(words)}: {done.output[-2000:]} {done.exception!r}"
    return done.output


def typed(*words, **how):
    """Starts `mlflow words` as a program, with the environment of this test."""
    env = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    return subprocess.Popen(["mlflow", *words], env=env, **how)


def test_experiments_runs_and_artifacts(unique, tmp_path, client):
    name = unique("typed")
    experiment_id = re.search(r"with id (\S+)", run("experiments", "create", "--experiment-name", name)).group(1)
    assert name in run("experiments", "search", "--view", "all")
    run("experiments", "rename", "--experiment-id", experiment_id, "--new-name", name + "-2")
    with mlflow.start_run(experiment_id=experiment_id, run_name="typed run") as made:
        mlflow.log_metric("m", 1)
        mlflow.log_param("p", "v")
    run_id = made.info.run_id
    with typed("runs", "list", "--experiment-id", experiment_id, stdout=subprocess.PIPE, text=True) as listing:
        assert run_id in listing.stdout.read()
    assert '"run_id": "' + run_id in run("runs", "describe", "--run-id", run_id)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("typed")
    run("artifacts", "log-artifacts", "--local-dir", str(tmp_path / "in"), "--run-id", run_id, "--artifact-path", "sub")
    assert "sub/a.txt" in run("artifacts", "list", "--run-id", run_id, "--artifact-path", "sub")
    run("artifacts", "download", "--run-id", run_id, "--artifact-path", "sub/a.txt", "--dst-path", str(tmp_path / "out"))
    assert [p.read_text() for p in (tmp_path / "out").rglob("a.txt")] == ["typed"]
    run("experiments", "csv", "--experiment-id", experiment_id, "--filename", str(tmp_path / "x.csv"))
    assert run_id in (tmp_path / "x.csv").read_text()
    run("runs", "delete", "--run-id", run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    run("runs", "restore", "--run-id", run_id)
    run("experiments", "delete", "--experiment-id", experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
    run("experiments", "restore", "--experiment-id", experiment_id)
    assert client.get_experiment(experiment_id).name == name + "-2"


def free_port():
    """Finds a port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def served(address, tmp_path):
    """Serves a model with `mlflow models serve` and gives what it predicts for three rows."""
    port, log = free_port(), open(tmp_path / "serve.log", "wb")
    process = typed("models", "serve", "-m", address, "--env-manager", "local", "--port", str(port), "--host", "127.0.0.1",
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if requests.get(f"http://127.0.0.1:{port}/ping", timeout=5).ok:
                    break
            except requests.RequestException:
                time.sleep(0.1)
        rows = IRIS.data.iloc[[0, 60, 120]].to_dict(orient="split")
        answer = requests.post(f"http://127.0.0.1:{port}/invocations", json={"dataframe_split": {
            "columns": rows["columns"], "data": rows["data"]}}, timeout=30)
        assert answer.ok, answer.text
        return answer.json()["predictions"]
    except requests.RequestException as e:
        raise AssertionError((tmp_path / "serve.log").read_text()[-3000:]) from e
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 15)
        process.wait(20)


def test_models_serve(experiment, unique, client, versions, tmp_path):
    name = unique("served")
    with mlflow.start_run():
        log_model(trained(), "model", registered_model_name=name)
    (number,) = versions(name)
    client.set_registered_model_alias(name, "champion", number)
    for address in (f"models:/{name}/{number}", f"models:/{name}@champion"):
        assert served(address, tmp_path) == [0, 1, 2]
