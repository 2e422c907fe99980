"""Runs: their life, names, tags, parameters, inputs and outputs."""

import json

import pytest


def create(both, experiment, **fields):
    """Makes a run with a start time that the servers need not choose."""
    return both.post("runs/create", experiment_id=experiment, **({"start_time": 1000} | fields))


def see(both, run):
    """Compares a run."""
    both.get("runs/get", run_id=run)


@pytest.mark.parametrize("fields", [
    {"run_name": "named"}, {"run_name": "named", "user_id": "ann"}, {"run_name": "ünï 🎉"},
    {"tags": [{"key": "mlflow.runName", "value": "by tag"}]},
    {"run_name": "same", "tags": [{"key": "mlflow.runName", "value": "same"}]},
    {"run_name": "one", "tags": [{"key": "mlflow.runName", "value": "two"}]},
    {"run_name": "n", "tags": [{"key": "mlflow.user", "value": "tag-user"}]},
    {"run_name": "n", "tags": [{"key": "mlflow.parentRunId", "value": "0" * 31}]},
    {"run_name": "n", "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]},
    {"run_name": "n", "start_time": 0}, {"run_name": "n", "start_time": 1_600_000_000_000}, {"run_name": "n", "start_time": "77"},
    {"run_name": "x" * 250}, {"run_name": "n", "tags": [{"key": "k" * 250, "value": "v" * 8000}]},
])
def test_create(both, experiment, fields):
    answers = create(both, experiment, **fields)
    if answers.real.ok and answers.ours.ok:
        see(both, answers.pick("run.info.run_id"))


@pytest.mark.parametrize("fields", [
    {"tags": [{"key": "k" * 251, "value": "v"}]}, {"tags": [{"key": "k", "value": "v" * 8001}]},
    {"tags": [{"key": "bad#", "value": "v"}]}, {"tags": [{"value": "v"}]}, {"start_time": -5},
    {"start_time": "soon"}, {"start_time": 1.5}, {"run_name": 5}, {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
])
def test_create_refused(both, experiment, fields):
    create(both, experiment, how={"may_refuse": True, "message": "tags" not in fields}, **({"run_name": "n"} | fields))


@pytest.mark.parametrize("experiment_id", ["999999", "", "abc", "-1", None, 7, "0"])
def test_create_in_odd_experiments(both, experiment_id):
    create(both, experiment_id, how={"message": experiment_id not in ("", None)}, run_name="n")


def test_a_name_is_made_up(both, experiment):
    see(both, create(both, experiment).pick("run.info.run_id"))


@pytest.mark.parametrize("fields", [
    {"status": "FINISHED", "end_time": 5000}, {"status": "FAILED"}, {"status": "KILLED", "end_time": 1},
    {"status": "SCHEDULED"}, {"status": "RUNNING"}, {"end_time": 7}, {"run_name": "renamed"},
    {"run_name": ""}, {"run_name": "renamed", "status": "FINISHED", "end_time": 9}, {}, {"status": "FINISHED"},
    {"status": 3}, {"status": "DONE"}, {"status": "finished"}, {"end_time": "12"}, {"end_time": "x"}, {"end_time": -1},
    {"end_time": 0}, {"status": None}, {"run_name": None}, {"run_name": 7},
])
def test_update(both, run, fields):
    both.post("runs/update", how={"may_refuse": True}, run_id=run, **fields)
    see(both, run)


def test_finished_runs_take_more(both, run):
    both.post("runs/update", run_id=run, status="FINISHED", end_time=2000)
    both.post("runs/log-metric", run_id=run, key="late", value=1, timestamp=1)
    both.post("runs/set-tag", run_id=run, key="late", value="x")
    both.post("runs/update", run_id=run, status="RUNNING")
    see(both, run)


def test_life(both, run):
    both.post("runs/restore", run_id=run)
    both.post("runs/delete", run_id=run)
    both.get("runs/get", run_id=run)
    both.post("runs/delete", run_id=run)
    for path, fields in [
        ("update", {"status": "FINISHED", "end_time": 1}), ("log-metric", {"key": "a", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "a", "value": "1"}), ("set-tag", {"key": "a", "value": "1"}),
        ("delete-tag", {"key": "mlflow.runName"}), ("log-batch", {"tags": [{"key": "b", "value": "1"}]}),
        ("log-batch", {}), ("log-inputs", {}), ("outputs", {}),
    ]:
        both.post(f"runs/{path}", run_id=run, **fields)
    both.get("metrics/get-history", run_id=run, metric_key="a")
    both.post("runs/restore", run_id=run)
    both.post("runs/restore", run_id=run)
    see(both, run)


def test_tags(both, run):
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("k" * 250, "v"), ("k" * 251, "v"), ("c", "v" * 8000),
                       ("d", "v" * 8001), ("a/b c.d-e_f", "z"), ("a//b", "z"), ("/a", "z"), ("a/../b", "z"), ("..", "z"),
                       ("bad#key", "v"), ("a:b", "v"), ("ü", "v"), ("mlflow.runName", "renamed by tag"),
                       ("mlflow.user", "somebody"), ("mlflow.note.content", "# title")]:
        both.post("runs/set-tag", run_id=run, key=key, value=value)
    see(both, run)
    for key in ["a", "a", "never", "mlflow.note.content"]:
        both.post("runs/delete-tag", run_id=run, key=key)
    see(both, run)
    both.post("runs/set-tag", run_uuid=run, key="by uuid", value="v")
    both.post("runs/set-tag", run_id=run, key="null", value=None)


def test_parameters(both, run):
    for key, value in [("lr", "0.1"), ("lr", "0.1"), ("lr", "0.2"), ("empty", ""), ("empty", ""), ("k" * 250, "v"),
                       ("k" * 251, "v"), ("c", "v" * 6000), ("d", "v" * 6001), ("a/b c.d-e_f", "z"), ("a//b", "z"), ("../a", "z"),
                       ("bad#key", "v"), ("ü", "v"), ("true", "True"), ("json", '{"a": [1]}'), ("Lr", "other case")]:
        both.post("runs/log-parameter", run_id=run, key=key, value=value)
    see(both, run)


@pytest.mark.parametrize("batch", [
    {}, {"metrics": [], "params": [], "tags": []},
    {"metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}], "params": [{"key": "p", "value": "1"}],
     "tags": [{"key": "t", "value": "1"}]},
    {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]},
    {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "2"}]},
    {"params": [{"key": "new", "value": "x"}, {"key": "taken", "value": "other"}], "tags": [{"key": "t", "value": "1"}]},
    {"params": [{"key": "taken", "value": "here"}]},
    {"tags": [{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]},
    {"tags": [{"key": "k" * 251, "value": "1"}]}, {"params": [{"key": "k" * 251, "value": "1"}]},
    {"params": [{"key": "long", "value": "v" * 6001}]}, {"tags": [{"key": "long", "value": "v" * 8001}]},
    {"metrics": [{"key": "bad#", "value": 1, "timestamp": 1}]}, {"metrics": [{"key": "m", "timestamp": 1}]},
    {"metrics": [{"key": "m", "value": 1}]}, {"metrics": [{"value": 1, "timestamp": 1}]},
    {"metrics": [{"key": "m", "value": "x", "timestamp": 1}]}, {"metrics": [{"key": "m", "value": None, "timestamp": 1}]},
    {"metrics": [{"key": "m", "value": 1, "timestamp": "x"}]}, {"metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": "x"}]},
    {"metrics": [{"key": "ok", "value": 1, "timestamp": 1}, {"key": "m", "value": 1, "timestamp": 1, "step": 1.5}]},
    {"metrics": [{"key": "k" * 251, "value": 1, "timestamp": 1}]}, {"metrics": "x"}, {"params": {"a": "b"}}, {"tags": [1]},
    {"tags": [{"key": "mlflow.runName", "value": "renamed in a batch"}]},
    {"metrics": [{"key": f"m{i}", "value": i, "timestamp": 1} for i in range(1000)]},
    {"metrics": [{"key": f"m{i}", "value": i, "timestamp": 1} for i in range(1001)]},
    {"params": [{"key": f"p{i}", "value": "1"} for i in range(100)]},
    {"params": [{"key": f"p{i}", "value": "1"} for i in range(101)]},
    {"tags": [{"key": f"t{i}", "value": "1"} for i in range(100)]}, {"tags": [{"key": f"t{i}", "value": "1"} for i in range(101)]},
    {"metrics": [{"key": f"m{i}", "value": i, "timestamp": 1} for i in range(950)],
     "params": [{"key": f"p{i}", "value": "1"} for i in range(51)]},
    {"params": [{"key": "p"}]}, {"tags": [{"key": "t"}]}, {"params": [{"key": "p", "value": 5}]},
])
def test_batches(both, run, batch):
    both.post("runs/log-parameter", run_id=run, key="taken", value="here")
    both.post("runs/log-batch", how={"may_refuse": True}, run_id=run, **batch)
    see(both, run)


def test_log_model(both, run):
    model = {"run_id": run, "artifact_path": "model", "utc_time_created": "2026-01-01 00:00:00", "model_uuid": "m",
             "flavors": {"python_function": {"loader_module": "x"}}}
    fill = {"artifact_path": "model", "utc_time_created": "2026-01-01 00:00:00", "flavors": {}}
    for text in [json.dumps(model), json.dumps(model | {"artifact_path": "second"}), json.dumps(fill), "{}", "not json", "[]",
                 json.dumps(model | {"run_id": "0" * 32})]:
        both.post("runs/log-model", run_id=run, model_json=text, how={"message": "not json" not in text})
    see(both, run)


DATASET = {"name": "d1", "digest": "abc", "source_type": "local", "source": '{"uri": "x"}', "schema": "{}", "profile": "{}"}


@pytest.mark.parametrize("inputs", [
    {"datasets": [{"dataset": DATASET}]},
    {"datasets": [{"dataset": DATASET, "tags": [{"key": "mlflow.data.context", "value": "training"}]}]},
    {"datasets": [{"dataset": DATASET}, {"dataset": DATASET | {"name": "d2"}}]},
    {"datasets": [{"dataset": {k: v for k, v in DATASET.items() if k not in ("schema", "profile")}}]},
    {"datasets": []}, {}, {"datasets": [{"dataset": {k: v for k, v in DATASET.items() if k != "name"}}]},
    {"datasets": [{"dataset": {k: v for k, v in DATASET.items() if k != "digest"}}]},
    {"datasets": [{"dataset": {k: v for k, v in DATASET.items() if k != "source"}}]},
    {"datasets": [{"dataset": DATASET | {"name": "n" * 501}}]}, {"datasets": [{"dataset": DATASET | {"digest": "n" * 37}}]},
    {"datasets": [{"dataset": DATASET, "tags": [{"key": "k" * 256, "value": "v"}]}]},
    {"datasets": [{"dataset": DATASET, "tags": [{"key": "k", "value": "v" * 501}]}]},
    {"datasets": [{"tags": [{"key": "k", "value": "v"}]}]}, {"datasets": "x"},
    {"datasets": [{"dataset": DATASET, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}]},
])
def test_inputs(both, experiment, run, inputs):
    both.post("runs/log-inputs", how={"message": False, "may_refuse": True}, run_id=run, **inputs)
    both.get("runs/get", run_id=run)
    both.post("runs/log-inputs", how={"message": False, "may_refuse": True}, run_id=run, **inputs)
    both.get("runs/get", run_id=run)
    if not both.parted:  # the real one takes data sets without a name, ours does not
        both.post("/ajax-api/2.0/mlflow/experiments/search-datasets", how={"sort": "dataset_summaries"}, experiment_ids=[experiment])


def test_nested_runs(both, experiment):
    parent = create(both, experiment, run_name="parent").pick("run.info.run_id")
    for i in range(3):
        create(both, experiment, run_name=f"child {i}", start_time=2000 + i, tags=[{"key": "mlflow.parentRunId", "value": parent}])
    both.post("runs/search", experiment_ids=[experiment], order_by=["start_time ASC"],
              filter=f"tags.mlflow.parentRunId = '{parent}'")


def test_the_client(both):
    name = both.name()

    def log_everything(client, fill):
        experiment = client.create_experiment(name)
        made = client.create_run(experiment, start_time=5, tags={"a": "1"}, run_name="by client")
        run_id = made.info.run_id
        client.log_metric(run_id, "m", 1.5, timestamp=3, step=2)
        client.log_param(run_id, "p", 0.25)
        client.set_tag(run_id, "t", [1, 2])
        client.delete_tag(run_id, "a")
        client.update_run(run_id, name="again", status="SCHEDULED")
        client.set_terminated(run_id, "FAILED", end_time=9)
        run = client.get_run(run_id)
        info = {k: v for k, v in dict(run.info).items() if k not in ("run_id", "run_uuid", "artifact_uri", "experiment_id")}
        return [info, run.data.metrics, run.data.params, sorted(run.data.tags.items())]

    both.client(log_everything)
