"""A pytest plugin that points MLflow's own tests at another server.

MLflow's tests start their server inside the test's process, or talk to SQLite
without any. This plugin puts a separate server in both places, a fresh one for
every test, and notes each test's outcome. Which server is told by
UPSTREAM_SERVER: `real` for MLflow's own, else the path of our binary; UPSTREAM_OUT
is the file for the outcomes, one line a test:

    node id <tab> outcome <tab> `server` or `none` <tab> seconds <tab> first line of the error

`none` marks a test that never had a server: it says nothing about one.
"""

import contextlib
import os
import re
import sys
import types
from urllib.parse import urlsplit

import pytest
import requests

import servers
import stores

# Tests that talk to SQLite by the tracking address; they get a server's instead.
BY_ADDRESS = ("tests/tracking/test_tracking.py", "tests/tracking/test_log_image.py",
              "tests/tracking/test_log_figure.py", "tests/tracking/fluent/test_fluent.py")

# Tests that call the SQL store; they get the store that speaks REST.
BY_STORE = ("tests/store/tracking/sqlalchemy_store/", "tests/store/model_registry/test_sqlalchemy_store.py")


class Harness:
    """What is running and what came of it."""

    def __init__(self):
        name = os.environ["UPSTREAM_SERVER"]
        self.kind = servers.Real() if name == "real" else servers.Vitrine(name)
        self.ours = name != "real"
        self.out = open(os.environ["UPSTREAM_OUT"], "w")
        self.live = set()
        self.served = False
        self.reports = {}

    @contextlib.contextmanager
    def server(self, port=None):
        """Runs a server and remembers that the test had one."""
        with servers.running(self.kind, port) as url:
            self.live.add(urlsplit(url).netloc)
            self.served = True
            try:
                yield url
            finally:
                self.live.discard(urlsplit(url).netloc)

    def authorise(self, request):
        """Gives our token to requests that the tests send without one."""
        if self.ours and urlsplit(request.url).netloc in self.live:
            request.headers.setdefault("Authorization", f"Bearer {servers.TOKEN}")


harness = None


class ServerProcess:
    """Stands where MLflow's tests have their ServerThread."""

    def __init__(self, app, port):
        self.context = harness.server(port)

    def __enter__(self):
        return self.context.__enter__()

    def __exit__(self, *reason):
        return self.context.__exit__(*reason)


@contextlib.contextmanager
def init_server(backend_uri=None, root_artifact_uri=None, **_):
    """Stands where MLflow's tests have _init_server."""
    with harness.server() as url:
        yield url


@contextlib.contextmanager
def launch_server(host, port, *_):
    """Stands where the artifact tests have _launch_server."""
    with harness.server(port):
        yield None


def pytest_configure(config):
    global harness
    harness = Harness()
    if harness.ours:
        os.environ["MLFLOW_TRACKING_TOKEN"] = servers.TOKEN
    send = requests.Session.send

    def send_authorised(self, request, **kwargs):
        harness.authorise(request)
        return send(self, request, **kwargs)

    requests.Session.send = send_authorised


def pytest_collection(session):
    from tests.tracking import integration_test_utils as utils

    utils.ServerThread = ServerProcess
    utils._init_server = init_server
    # One module wants polars for two of its tests; without it none would run.
    sys.modules["polars"] = types.ModuleType("polars")
    import tests.tracking.fluent.test_fluent  # noqa: F401

    del sys.modules["polars"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session, config, items):
    # MLflow skips its file store and runs the SQL suites twice; once is enough.
    items[:] = [item for item in items if not re.search(r"\[(file|workspace-enabled)\b", item.nodeid)]
    for item in items:
        path = item.nodeid.split("::")[0]
        if hasattr(item.module, "_launch_server"):
            item.module._launch_server = launch_server
        if hasattr(item.module, "local_file_uri_to_path"):
            item.module.local_file_uri_to_path = fetched
        if path in BY_ADDRESS:
            replace_fixture(session, item, "tracking_uri_mock", "_server_tracking_address")
        if path.startswith(BY_STORE):
            ours = "_server_registry_store" if "model_registry" in path else "_server_tracking_store"
            replace_fixture(session, item, "store", ours)


def fetched(uri):
    """Stands where the tests turn an artifact address into a folder: downloads it."""
    from mlflow.artifacts import download_artifacts
    from mlflow.utils.file_utils import local_file_uri_to_path

    return download_artifacts(uri) if uri.startswith("mlflow-artifacts:") else local_file_uri_to_path(uri)


def replace_fixture(session, item, name, ours):
    """Puts a fixture of this plugin behind one of MLflow's, for this item alone."""
    known = item._fixtureinfo.name2fixturedefs
    if name in known:
        known[name] = session._fixturemanager.getfixturedefs(ours, item)


@pytest.fixture(name="_server_tracking_address")
def tracking_address():
    """Is the tracking address of a fresh server."""
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    with harness.server() as url, _use_tracking_uri(url):
        yield url


@pytest.fixture(name="_server_tracking_store")
def tracking_store():
    """Is a tracking store that speaks REST to a fresh server."""
    with harness.server() as url:
        yield stores.tracking(url)


@pytest.fixture(name="_server_registry_store")
def registry_store():
    """Is a registry store that speaks REST to a fresh server."""
    with harness.server() as url:
        yield stores.registry(url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    harness.served = False
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    harness.served = harness.served or bool(harness.live)
    try:
        return (yield)
    finally:
        harness.served = harness.served or bool(harness.live)


def pytest_runtest_logreport(report):
    took, outcome, why = harness.reports.get(report.nodeid, (0, "passed", ""))
    if report.outcome != "passed" and outcome in ("passed", "rerun"):
        outcome = "error" if report.failed and report.when != "call" else report.outcome
        why = first_line(report)
    if report.when == "call" and report.passed and outcome == "rerun":
        outcome = "passed"
    harness.reports[report.nodeid] = took + report.duration, outcome, why
    if report.when == "teardown":
        took, outcome, why = harness.reports.pop(report.nodeid)
        served = "server" if harness.served else "none"
        print(report.nodeid, outcome, served, f"{took:.2f}", why, sep="\t", file=harness.out, flush=True)


def first_line(report):
    """Says in one line what went wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return " ".join(text.split())[:400]


def pytest_unconfigure(config):
    harness.out.close()
    harness.kind.close()
