"""Every endpoint with every field missing, empty, of a wrong type, or of nothing that is there."""

import pytest

from both import Both

ABSENT = object()
WRONG = {"absent": ABSENT, "null": None, "empty": "", "number": 12345, "flag": True, "list": [], "object": {}, "unknown": "no-such-thing"}

RUN = "0" * 32
RUNS = {
    "create": {"experiment_id": "<experiment>", "run_name": "n", "start_time": 5, "tags": []},
    "update": {"run_id": "<run>", "status": "FINISHED", "end_time": 5, "run_name": "n"},
    "delete": {"run_id": "<run>"}, "restore": {"run_id": "<run>"},
    "log-metric": {"run_id": "<run>", "key": "m", "value": 1, "timestamp": 1, "step": 0},
    "log-parameter": {"run_id": "<run>", "key": "p", "value": "1"},
    "set-tag": {"run_id": "<run>", "key": "t", "value": "1"}, "delete-tag": {"run_id": "<run>", "key": "mlflow.runName"},
    "log-batch": {"run_id": "<run>", "metrics": [], "params": [], "tags": []},
    "log-inputs": {"run_id": "<run>", "datasets": []}, "outputs": {"run_id": "<run>", "models": []},
    "log-model": {"run_id": "<run>", "model_json": "{}"},
    "search": {"experiment_ids": ["<experiment>"], "filter": "", "max_results": 5, "order_by": [], "page_token": ""},
}
EXPERIMENTS = {
    "create": {"name": "<new>", "tags": []}, "update": {"experiment_id": "<experiment>", "new_name": "<new>"},
    "delete": {"experiment_id": "<experiment>"}, "restore": {"experiment_id": "<experiment>"},
    "set-experiment-tag": {"experiment_id": "<experiment>", "key": "k", "value": "v"},
    "delete-experiment-tag": {"experiment_id": "<experiment>", "key": "k"},
    "search": {"filter": "name = 'x'", "max_results": 5, "order_by": [], "page_token": ""},
}
MODELS = {
    "create": {"name": "<new>", "description": "d", "tags": []}, "rename": {"name": "<model>", "new_name": "<new>"},
    "set-tag": {"name": "<model>", "key": "k", "value": "v"}, "alias": {"name": "<model>", "alias": "a", "version": "1"},
    "get-latest-versions": {"name": "<model>", "stages": []},
}
VERSIONS = {
    "create": {"name": "<model>", "source": "s3://b/k", "run_id": "", "description": "d"},
    "set-tag": {"name": "<model>", "version": "1", "key": "k", "value": "v"},
    "transition-stage": {"name": "<model>", "version": "1", "stage": "Staging", "archive_existing_versions": False},
}
POSTS = [(f"{area}/{name}", base) for area, table in (
    ("runs", RUNS), ("experiments", EXPERIMENTS), ("registered-models", MODELS), ("model-versions", VERSIONS))
    for name, base in table.items()]
GETS = [
    ("experiments/get", {"experiment_id": "<experiment>"}), ("experiments/get-by-name", {"experiment_name": "<new>"}),
    ("runs/get", {"run_id": "<run>"}), ("metrics/get-history", {"run_id": "<run>", "metric_key": "m"}),
    ("metrics/get-history-bulk-interval", {"run_ids": "<run>", "metric_key": "m", "start_step": 0, "end_step": 5, "max_results": 5}),
    ("artifacts/list", {"run_id": "<run>", "path": "x"}), ("registered-models/get", {"name": "<model>"}),
    ("registered-models/alias", {"name": "<model>", "alias": "a"}), ("model-versions/get", {"name": "<model>", "version": "1"}),
    ("model-versions/get-download-uri", {"name": "<model>", "version": "1"}),
    ("registered-models/search", {"filter": "name = 'x'", "max_results": 5, "page_token": ""}),
    ("model-versions/search", {"filter": "name = 'x'", "max_results": 5, "page_token": ""}),
]
OTHERS = [
    ("PATCH", "registered-models/update", {"name": "<model>", "description": "d"}),
    ("PATCH", "model-versions/update", {"name": "<model>", "version": "1", "description": "d"}),
    ("DELETE", "registered-models/delete-tag", {"name": "<model>", "key": "k"}),
    ("DELETE", "registered-models/alias", {"name": "<model>", "alias": "a"}),
    ("DELETE", "model-versions/delete-tag", {"name": "<model>", "version": "1", "key": "k"}),
    ("DELETE", "model-versions/delete", {"name": "<model>", "version": "1"}), ("DELETE", "registered-models/delete", {"name": "<model>"}),
]


@pytest.fixture
def world(both, experiment, run):
    """Is something of each kind: what the words in pointed brackets stand for."""
    name = both.name("model")
    both.post("registered-models/create", name=name)
    both.post("model-versions/create", name=name, source="s3://bucket/x")
    return {"<experiment>": experiment, "<run>": run, "<model>": name, "<new>": both.name("new")}


def fill(world, value):
    """Puts the world's names into a request."""
    return [fill(world, v) for v in value] if isinstance(value, list) else world.get(value, value) if isinstance(value, str) else value


def spoil(both, world, method, path, base):
    """Sends a request with each field wrong in each way."""
    for field in base:
        for word, value in WRONG.items():
            words = {k: fill(world, v) for k, v in base.items()} | {field: value}
            words = {k: v for k, v in words.items() if v is not ABSENT}
            # A name of its own, so that a request that is taken does not end the next one.
            if world["<new>"] in words.values():
                words = {k: both.name("new") if v == world["<new>"] else v for k, v in words.items()}
            how = {"params": words} if method == "GET" else {"json": words}
            both.call(method, path, may_refuse=True, message=word in ("absent", "empty", "unknown") and method != "GET", **how)


@pytest.mark.parametrize("path, base", POSTS, ids=[p for p, _ in POSTS])
def test_posts(both, world, path, base):
    spoil(both, world, "POST", path, base)


@pytest.mark.parametrize("path, base", GETS, ids=[p for p, _ in GETS])
def test_gets(both, world, path, base):
    spoil(both, world, "GET", path, base)


@pytest.mark.parametrize("method, path, base", OTHERS, ids=[f"{m} {p}" for m, p, _ in OTHERS])
def test_others(both, world, method, path, base):
    spoil(both, world, method, path, base)


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"text"', "5", "{}", '{"name": }', "\x00", '{"name": "a", "name": "b"}',
                                  '"{\\"name\\": \\"x\\"}"'])
def test_bodies(both, body):
    for path in ("experiments/create", "runs/create", "registered-models/create", "runs/search"):
        # A body that is no JSON is an empty message for the real one, which then finds fault with that.
        both.call("POST", path, data=body, headers={"Content-Type": "application/json"}, message=False, may_refuse=True,
                  ignore=("experiments", "runs", "error_code", "error_class"))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "application/xml", "",
                                  "APPLICATION/JSON"])
def test_content_types(both, kind):
    both.call("POST", "experiments/create", data="{}", headers={"Content-Type": kind}, message=False)
    both.call("POST", "experiments/search", data='{"filter": "name = \'x\'", "max_results": 5}', headers={"Content-Type": kind}, message=False)


@pytest.mark.parametrize("method, path", [
    ("GET", "none"), ("POST", "runs/none"), ("GET", "/api/2.0/none"), ("GET", "/api/9.0/mlflow/runs/get"), ("PUT", "runs/create"),
    ("GET", "runs/create"), ("POST", "runs/get"), ("DELETE", "experiments/create"), ("GET", "/api/3.0/mlflow/runs/get"),
])
def test_no_such_address(both, method, path):
    path = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
    real, ours = (side.call(method, path) for side in (both.real, both.ours))
    both.calls += 1
    if real.status_code != ours.status_code:
        both.note(f"{method} {path}", real, ours, "status")


def test_addresses_of_the_page(both, experiment, run):
    both.call("GET", "/ajax-api/2.0/mlflow/experiments/get", params={"experiment_id": experiment}, message=False)
    both.call("GET", "/ajax-api/2.0/mlflow/runs/get", params={"run_id": run})
    both.call("GET", "/health")
    both.call("GET", "/version")
    both.call("GET", "/api/3.0/mlflow/server-info", ignore=("store_type", "workspaces_enabled", "trace_archival_enabled", "features_enabled"))


def test_unknown_fields_are_passed_over(both, experiment):
    both.post("runs/create", experiment_id=experiment, run_name="n", start_time=5, unknown="field")
    both.post("experiments/create", name=both.name(), unknown={"a": 1})
    both.get("experiments/get", experiment_id=experiment, unknown="x")


def test_fields_by_their_other_names(both, experiment, run):
    both.post("runs/create", how={"may_refuse": True}, experimentId=experiment, runName="camel", startTime=5)
    both.get("runs/get", how={"may_refuse": True}, runId=run)
    both.get("runs/get", run_uuid=run)
    both.get("runs/get", how={"message": False}, run_id=run, run_uuid=RUN)


@pytest.fixture(scope="module")
def nothing(servers):
    """Is ids of what was there once: a deleted experiment and a deleted run."""
    both = Both(*servers, "errors-nothing")
    experiment = both.post("experiments/create", name="errors nothing").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="n", start_time=5).pick("run.info.run_id")
    both.post("runs/delete", run_id=run)
    both.post("experiments/delete", experiment_id=experiment)
    return {"<experiment>": experiment, "<run>": run, "<model>": "never there", "<new>": "errors-new"}


def test_what_is_deleted(both, nothing):
    for path, base in POSTS:
        if path not in ("experiments/restore", "runs/restore", "experiments/create", "registered-models/create", "experiments/search"):
            both.post(path, **{k: fill(nothing, v) for k, v in base.items()})
    for path, base in GETS:
        both.get(path, **{k: fill(nothing, v) for k, v in base.items()})
    for method, path, base in OTHERS:
        both.call(method, path, json={k: fill(nothing, v) for k, v in base.items()})
