"""Logged models: MLflow 3's models without a registered name."""

import pytest

from both import Both

MODELS = "logged-models"


def create(both, experiment, **fields):
    """Makes a logged model on both."""
    return both.post(MODELS, experiment_id=experiment, **fields)


@pytest.fixture
def model(both, experiment):
    """Is a fresh logged model's id."""
    return create(both, experiment, name="a model").pick("model.info.model_id")


@pytest.mark.parametrize("fields", [
    {"name": "plain"}, {"name": "with all", "model_type": "agent", "tags": [{"key": "a", "value": "1"}], "params": [{"key": "p", "value": "1"}]},
    {"name": "ünï"}, {"name": "a/b"}, {"name": "a:b"}, {"name": "a.b"}, {"name": "a%b"}, {"name": 'a"b'}, {"name": "a'b"}, {"name": ""},
    {"name": "n" * 256}, {"name": "n" * 257}, {"name": "n" * 500}, {"name": 5}, {"name": "x", "source_run_id": "0" * 32},
    {"name": "x", "params": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, {"name": "x", "params": [{"key": "k" * 251, "value": "1"}]},
    {"name": "x", "params": [{"key": "k", "value": "v" * 6001}]}, {"name": "x", "tags": [{"key": "k" * 251, "value": "1"}]},
    {"name": "x", "tags": [{"key": "k", "value": "v" * 8001}]}, {"name": "x", "tags": [{"key": "bad#", "value": "1"}]},
    {"name": "x", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, {"name": "x", "model_type": ""}, {"name": "@x"},
    {"name": "x", "model_type": 5}, {"name": "x", "tags": "y"}, {"name": "x", "params": "y"}, {"name": "x", "params": [{"key": "p"}]},
])
def test_create(both, experiment, fields):
    answers = create(both, experiment, how={"may_refuse": True, "message": len(str(fields)) < 400}, **fields)
    if answers.real.ok and answers.ours.ok:
        both.get(f"{MODELS}/{answers.pick('model.info.model_id')}")


def test_a_name_is_made_up(both, experiment):
    create(both, experiment)


@pytest.mark.parametrize("experiment_id", ["999999", "", None, "abc", 5])
def test_odd_experiments(both, experiment_id):
    create(both, experiment_id, how={"may_refuse": True}, name="x")


def test_of_a_run(both, experiment, run):
    made = create(both, experiment, name="x", source_run_id=run).pick("model.info.model_id")
    both.get(f"{MODELS}/{made}")
    for models in ([{"model_id": made, "step": 3}], [{"model_id": made, "step": 4}], [], [{"model_id": "m-" + "0" * 32}]):
        both.post("runs/outputs", how={"message": False}, run_id=run, models=models)
    both.post("runs/log-inputs", run_id=run, models=[{"model_id": made}])
    both.get("runs/get", run_id=run)
    both.post("runs/log-metric", run_id=run, key="acc", value=0.5, timestamp=5, step=1, model_id=made)
    both.post("runs/log-metric", run_id=run, key="acc", value=0.7, timestamp=6, step=2, model_id=made, dataset_name="d", dataset_digest="x")
    both.get(f"{MODELS}/{made}")
    both.get("runs/get", run_id=run)
    both.get("metrics/get-history", run_id=run, metric_key="acc")


@pytest.mark.parametrize("status", [
    "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_STATUS_UNSPECIFIED", "READY", "", None, 2, 3, 9,
])
def test_finalize(both, model, status):
    both.patch(f"{MODELS}/{model}", how={"may_refuse": True}, model_id=model, status=status)
    both.get(f"{MODELS}/{model}")


def test_finalize_twice(both, model):
    for status in ("LOGGED_MODEL_READY", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"):
        both.patch(f"{MODELS}/{model}", model_id=model, status=status)
    both.patch(f"{MODELS}/m-{'0' * 32}", model_id="m-" + "0" * 32, status="LOGGED_MODEL_READY")


def test_tags(both, model):
    for tags in ([{"key": "a", "value": "1"}], [{"key": "a", "value": "2"}, {"key": "b", "value": ""}], [], [{"key": "k" * 251, "value": "v"}],
                 [{"key": "c", "value": "v" * 8001}], [{"key": "bad#", "value": "v"}], [{"key": "a/b", "value": "v"}]):
        both.patch(f"{MODELS}/{model}/tags", how={"message": len(str(tags)) < 200}, model_id=model, tags=tags)
        both.get(f"{MODELS}/{model}")
    for key in ("a", "a", "never"):
        both.delete(f"{MODELS}/{model}/tags/{key}")
    both.get(f"{MODELS}/{model}")
    both.patch(f"{MODELS}/m-none/tags", model_id="m-none", tags=[{"key": "a", "value": "1"}])
    both.delete(f"{MODELS}/m-none/tags/a")


def test_params(both, model):
    for params in ([{"key": "a", "value": "1"}], [{"key": "a", "value": "1"}], [{"key": "b", "value": ""}], [],
                   [{"key": "c", "value": "v" * 6000}], [{"key": "k" * 251, "value": "v"}], [{"key": "bad#", "value": "v"}]):
        both.post(f"{MODELS}/{model}/params", how={"message": False, "may_refuse": True}, model_id=model, params=params)
        both.get(f"{MODELS}/{model}")
    both.post(f"{MODELS}/m-none/params", how={"message": False}, model_id="m-none", params=[{"key": "a", "value": "1"}])


def test_deletion(both, experiment, model):
    both.delete(f"{MODELS}/{model}")
    both.get(f"{MODELS}/{model}")
    both.get(f"{MODELS}/{model}", allow_deleted="true")
    both.delete(f"{MODELS}/{model}")
    both.patch(f"{MODELS}/{model}", model_id=model, status="LOGGED_MODEL_READY")
    both.patch(f"{MODELS}/{model}/tags", how={"message": False}, model_id=model, tags=[{"key": "a", "value": "1"}])
    both.post(f"{MODELS}/search", experiment_ids=[experiment])
    both.delete(f"{MODELS}/m-{'0' * 32}")
    both.get(f"{MODELS}/none")


def test_files(both, experiment, model):
    home = f"{experiment}/models/{model}/artifacts"
    for name in ("MLmodel", "data/weights.bin"):
        both.call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{home}/{name}", data=name.encode())
    for path in (None, "data", "none", "../x", ""):
        words = {} if path is None else {"artifact_directory_path": path}
        both.get(f"{MODELS}/{model}/artifacts/directories", **words)
    both.call("GET", f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files", params={"artifact_file_path": "MLmodel"})
    both.call("GET", f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files", message=False, params={"artifact_file_path": "none"})
    both.call("GET", f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files", message=False)
    both.get(f"{MODELS}/m-{'0' * 32}/artifacts/directories")


def test_a_version_of_a_logged_model(both, experiment, model):
    name = both.name("registered")
    both.post("registered-models/create", name=name)
    # Ours tells the model's id, which the real one forgets.
    how = {"ignore": ("model_id",)}
    both.post("model-versions/create", how=how, name=name, source=f"models:/{model}", model_id=model)
    both.get("model-versions/get", how=how, name=name, version="1")
    both.get("model-versions/get-download-uri", name=name, version="1")
    both.post("model-versions/create", how=how, name=name, source=f"models:/{model}")
    both.post("model-versions/create", name=name, source="s3://bucket/x", model_id="m-" + "0" * 32)
    both.get(f"{MODELS}/{model}")
    both.post("registered-models/alias", name=name, alias="champion", version="1")
    both.get(f"{MODELS}/{model}")
    both.delete("model-versions/delete", name=name, version="1")
    both.get(f"{MODELS}/{model}")


@pytest.fixture(scope="module")
def shelf(servers):
    """Is an experiment with six models to search among."""
    both = Both(*servers, "logged-shelf")
    experiment = both.post("experiments/create", name="logged shelf").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="r", start_time=1).pick("run.info.run_id")
    ids = []
    for i, name in enumerate(["alpha", "Beta", "gamma", "delta", "epsilon", "gone"]):
        made = create(both, experiment, name=name, model_type="agent" if i % 2 else "", params=[{"key": "depth", "value": str(i)}],
                      tags=[{"key": "team", "value": "red" if i < 3 else "blue"}], **({"source_run_id": run} if i < 2 else {}))
        ids.append(made.pick("model.info.model_id"))
        words = {"dataset_name": "iris", "dataset_digest": "d1"} if i == 2 else {}
        both.post("runs/log-metric", run_id=run, key="acc", value=i / 10, timestamp=5, step=i, model_id=ids[-1], **words)
    both.patch(f"{MODELS}/{ids[0]}", model_id=ids[0], status="LOGGED_MODEL_READY")
    both.delete(f"{MODELS}/{ids[-1]}")
    return experiment, run, ids


@pytest.mark.parametrize("text", [
    "name = 'alpha'", "name != 'alpha'", "name LIKE '%a'", "name ILIKE 'b%'", "name IN ('alpha', 'Beta')", "name NOT IN ('alpha')",
    "model_type = 'agent'", "attributes.model_type != 'agent'", 
    "source_run_id = '{1}'", "model_id = '{2[0]}'", "attributes.model_id = '{2[1]}'", "params.depth = '1'", "params.depth != '1'",
    "params.depth LIKE '1%'", "tags.team = 'red'", "tags.team != 'red'", "tags.`team` ILIKE 'R%'", "metrics.acc > 0.1", "metrics.acc = 0.2",
    "metrics.acc <= 0.2 AND tags.team = 'red'", "creation_timestamp > 0", "last_updated_timestamp < 5", "creation_time > 0", "tags.none = 'x'",
    "name = 'none'", "", "experiment_id = '0'",
    # refused
    "name", "name = x", "name > 'x'", "nome = 'x'", "metrics.acc = 'x'", "metrics.acc LIKE 'x'", "params.depth > '1'", "tags.team > 'x'",
    "name = 'a' OR name = 'b'", "name = 'a' AND", "datasets.name = 'iris'", "creation_timestamp = 'x'", "metrics.acc", "name IN ()",
    "model.name = 'x'", "(name = 'x')", "status > 'x'",
])
def test_filters(both, shelf, text):
    both.post(f"{MODELS}/search", how={"may_refuse": True}, experiment_ids=[shelf[0]], filter=text.format(*shelf), order_by=[
        {"field_name": "name", "ascending": True}])


@pytest.mark.parametrize("order", [
    [{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "metrics.acc", "ascending": False}],
    [{"field_name": "metrics.acc", "ascending": True}], [{"field_name": "creation_timestamp", "ascending": True}, {"field_name": "name"}],
    [{"field_name": "last_updated_timestamp"}, {"field_name": "name"}], [{"field_name": "params.depth"}], [{"field_name": "nonsense"}],
    [{"field_name": "metrics.acc", "dataset_name": "iris"}, {"field_name": "name"}], [{"field_name": "tags.team"}], [{"field_name": ""}],
    [{"field_name": "metrics.acc", "dataset_name": "iris", "dataset_digest": "d1"}, {"field_name": "name"}], [{}],
    [{"field_name": "metrics.acc", "dataset_digest": "d1"}], [{"field_name": "model_id"}], [{"field_name": "attributes.name"}],
    [{"field_name": "model_type"}, {"field_name": "name"}],
])
def test_orders(both, shelf, order):
    plain = order in ([{"field_name": "model_id"}],)  # ids are chosen by the servers
    both.post(f"{MODELS}/search", how={"may_refuse": True, **({"sort": "models:info.name"} if plain else {})},
              experiment_ids=[shelf[0]], order_by=order)


@pytest.mark.parametrize("words", [
    {"max_results": 2}, {"max_results": 0}, {"max_results": -1}, {"max_results": 50}, {"max_results": 51}, {"max_results": 5000},
    {"max_results": "x"}, {"experiment_ids": []}, {"experiment_ids": ["999999"]}, {"experiment_ids": None}, {"page_token": "nonsense"},
    {"datasets": [{"dataset_name": "iris", "dataset_digest": "d1"}]},
    {"datasets": [{"dataset_name": "iris", "dataset_digest": "d1"}], "filter": "metrics.acc > 0"},
    {"datasets": [{"dataset_name": "none"}], "filter": "metrics.acc > 0"}, {"datasets": [{}]}, {"datasets": "x"}, {"filter": 5},
])
def test_words(both, shelf, words):
    both.post(f"{MODELS}/search", how={"may_refuse": True, "message": "page_token" not in words},
              **({"experiment_ids": [shelf[0]], "order_by": [{"field_name": "name", "ascending": True}]} | words))


def test_a_dataset_by_its_name_alone(both, shelf):
    """The real server's REST takes the digest that is left out for one that has to be missing, against its documents."""
    both.calls += 1
    answer = both.ours.call("POST", f"/api/2.0/mlflow/{MODELS}/search", json={
        "experiment_ids": [shelf[0]], "datasets": [{"dataset_name": "iris"}]})
    assert [m["info"]["name"] for m in answer.json()["models"]] == ["gamma"]


def test_pages(both, shelf):
    token = None
    words = {"experiment_ids": [shelf[0]], "max_results": 2, "order_by": [{"field_name": "name", "ascending": True}]}
    for _ in range(4):
        answers = both.post(f"{MODELS}/search", **words, **({"page_token": token} if token else {}))
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")


def test_the_client(both):
    name = both.name("client")

    def logged(client, fill):
        experiment = client.create_experiment(name)
        made = client.create_logged_model(experiment, name="m", params={"a": "1"}, tags={"t": "x"}, model_type="agent")
        client.set_logged_model_tags(made.model_id, {"u": "y"})
        client.delete_logged_model_tag(made.model_id, "t")
        client.log_model_params(made.model_id, {"b": "2"})
        client.finalize_logged_model(made.model_id, "READY")
        found = client.get_logged_model(made.model_id)
        listed = client.search_logged_models([experiment], filter_string="params.a = '1'")
        client.delete_logged_model(made.model_id)
        return [found.name, found.params, found.tags, found.model_type, str(found.status), [m.name for m in listed],
                len(client.search_logged_models([experiment]))]

    both.client(logged)
