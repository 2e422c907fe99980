"""Starts MLflow's own server for the differential tests; ours is given.

VITRINE_SERVER and VITRINE_TOKEN tell where ours is. To check the tests
themselves, REAL_TWICE=1 puts a second one of MLflow's own in its place: whatever
differs then is the test's fault.
"""

import os
import socket
import subprocess
import sys
import time

import pytest
import requests

from both import Both, Side


def start_real(folder):
    """Starts `mlflow server` on an empty folder; gives the process and its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "VITRINE_"))}
    env |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = open(folder / "server.log", "wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")],
        env=env, stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True)
    return process, f"http://127.0.0.1:{port}"


def await_health(process, url, folder):
    """Waits until a server answers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(url + "/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError("mlflow server did not start:\n" + (folder / "server.log").read_text()[-4000:])


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """Is the pair of servers, both empty at the start."""
    token = os.environ.get("VITRINE_TOKEN")
    count = 2 if os.environ.get("REAL_TWICE") else 1
    folders = [tmp_path_factory.mktemp("real") for _ in range(count)]
    started = [start_real(folder) for folder in folders]
    try:
        for (process, url), folder in zip(started, folders):
            await_health(process, url, folder)
        real = Side("real", started[0][1])
        ours = Side("ours", started[1][1]) if count == 2 else Side("ours", os.environ["VITRINE_SERVER"], token)
        if token:
            os.environ["MLFLOW_TRACKING_TOKEN"] = token
        yield real, ours
    finally:
        for process, _ in started:
            os.killpg(process.pid, 15)
            process.wait(20)


@pytest.fixture
def both(servers, request):
    """Is both servers, for one test."""
    request.node.both = Both(*servers, request.node.nodeid)
    return request.node.both


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    result = yield
    if both := getattr(item, "both", None):
        assert both.calls, "the test compared nothing"
        if both.differences:
            shown = "\n".join(both.differences[:20])
            pytest.fail(f"{len(both.differences)} of {both.calls} calls differ\n{shown}", pytrace=False)
    return result


@pytest.fixture
def experiment(both):
    """Is a fresh experiment's id."""
    return both.post("experiments/create", name=both.name("experiment")).pick("experiment_id")


@pytest.fixture
def run(both, experiment):
    """Is a fresh run's id."""
    answers = both.post("runs/create", experiment_id=experiment, run_name="a run", start_time=1000)
    return answers.pick("run.info.run_id")
