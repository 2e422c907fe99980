"""Training: autologging, sweeps of nested runs, models of one's own."""

import mlflow
import mlflow.sklearn
import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LogisticRegression

from conftest import MAJOR
from models import IRIS, ROWS, Doubler, log_model, same, trained


def test_autolog_registers_the_model(experiment, unique, client, versions):
    name = unique("autologged")
    mlflow.sklearn.autolog(registered_model_name=name, silent=True)
    try:
        with mlflow.start_run(run_name="iris") as run:
            model = LogisticRegression(max_iter=300).fit(IRIS.data, IRIS.target)
            model.score(IRIS.data, IRIS.target)
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.info.run_name == "iris" and found.info.end_time >= found.info.start_time
    assert found.data.params["max_iter"] == "300" and found.data.params["solver"] == "lbfgs"
    assert found.data.metrics["training_accuracy_score"] > 0.9
    assert found.data.tags["estimator_name"] == "LogisticRegression"
    assert [d.dataset.name for d in found.inputs.dataset_inputs] == ["dataset"] * len(found.inputs.dataset_inputs)
    (number,) = versions(name)
    assert client.get_model_version(name, number).status == "READY"
    for address in (f"models:/{name}/{number}", f"models:/{name}/latest", f"runs:/{run.info.run_id}/model"):
        same(mlflow.pyfunc.load_model(address), model)
    same(mlflow.sklearn.load_model(f"models:/{name}/{number}"), model)
    listed = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert "estimator.html" in listed, listed
    if MAJOR == 2:
        assert "model" in listed
        assert "mlflow.log-model.history" in found.data.tags
    else:
        assert len(found.outputs.model_outputs) == 1
        logged = client.get_logged_model(found.outputs.model_outputs[0].model_id)
        assert logged.source_run_id == run.info.run_id and str(logged.status) == "READY"


def test_xgboost_autologs(experiment, unique, client, versions):
    import mlflow.xgboost
    import xgboost

    name = unique("boosted")
    rows = xgboost.DMatrix(IRIS.data, label=IRIS.target)
    mlflow.xgboost.autolog(registered_model_name=name, silent=True)
    try:
        with mlflow.start_run() as run:
            booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "nthread": 1}, rows, num_boost_round=20,
                                    evals=[(rows, "train")], early_stopping_rounds=5, verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["max_depth"] == "3" and found.data.params["num_boost_round"] == "20"
    history = client.get_metric_history(run.info.run_id, "train-mlogloss")
    steps = [m.step for m in sorted(history, key=lambda m: (m.step, m.timestamp))]
    # The autologger repeats the best iteration behind the last one.
    assert steps == list(range(21)) and found.data.metrics["best_iteration"] == 19
    listed = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert "feature_importance_weight.json" in listed, listed
    (number,) = versions(name)
    loaded = mlflow.xgboost.load_model(f"models:/{name}/{number}")
    assert (loaded.predict(xgboost.DMatrix(ROWS)) == booster.predict(xgboost.DMatrix(ROWS))).all()


def test_a_sweep_of_200_nested_runs(experiment, client):
    with mlflow.start_run(run_name="sweep") as parent:
        mlflow.log_params({"space": "log", "trials": 200})
        for i in range(200):
            with mlflow.start_run(run_name=f"trial {i}", nested=True):
                mlflow.log_params({"lr": 0.001 * (i + 1), "depth": i % 7})
                for step in range(3):
                    mlflow.log_metrics({"loss": 1 / (1 + i + step), "acc": (i * 37 % 200) / 200}, step=step)
    where = f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    ids = [client.get_experiment_by_name(experiment).experiment_id]
    best = client.search_runs(ids, where, order_by=["metrics.acc DESC"], max_results=3)
    assert [r.data.metrics["acc"] for r in best] == [0.995, 0.99, 0.985]
    assert best[0].data.params["lr"] == str(0.001 * (int(best[0].info.run_name.split()[1]) + 1))
    deep = client.search_runs(ids, f"{where} and params.depth = '3' and metrics.loss < 0.02")
    assert deep and all(r.data.params["depth"] == "3" and r.data.metrics["loss"] < 0.02 for r in deep)
    seen, token = [], None
    while True:
        page = client.search_runs(ids, where, max_results=64, page_token=token)
        seen += [r.info.run_name for r in page]
        if not (token := page.token):
            break
    assert sorted(seen) == sorted(f"trial {i}" for i in range(200))
    frame = mlflow.search_runs(ids, filter_string=where)
    assert len(frame) == 200 and frame["metrics.acc"].max() == 0.995
    history = client.get_metric_history(best[0].info.run_id, "loss")
    assert [m.step for m in history] == [0, 1, 2]


def test_versions_aliases_and_stages_of_a_model(experiment, unique, client, versions):
    name = unique("lifecycle")
    kept = {}
    for c in (0.1, 1.0, 10.0):
        with mlflow.start_run():
            kept[c] = trained(c)
            log_model(kept[c], "model", registered_model_name=name, input_example=ROWS.head(2))
    one, two, three = versions(name)
    client.set_registered_model_alias(name, "champion", one)
    same(mlflow.pyfunc.load_model(f"models:/{name}@champion"), kept[0.1])
    client.set_registered_model_alias(name, "champion", three)
    same(mlflow.pyfunc.load_model(f"models:/{name}@champion"), kept[10.0])
    assert client.get_model_version_by_alias(name, "champion").version in (three, int(three))
    assert client.get_registered_model(name).aliases["champion"] == three
    client.set_model_version_tag(name, two, "validated", "yes")
    client.update_model_version(name, two, description="the *good* one")
    found = client.search_model_versions(f"name = '{name}' and tags.validated = 'yes'")
    assert [(str(v.version), v.description) for v in found] == [(two, "the *good* one")]
    client.transition_model_version_stage(name, two, "Production")
    same(mlflow.pyfunc.load_model(f"models:/{name}/Production"), kept[1.0])
    client.delete_registered_model_alias(name, "champion")
    with pytest.raises(MlflowException):
        mlflow.pyfunc.load_model(f"models:/{name}@champion")
    client.delete_model_version(name, one)
    with pytest.raises(MlflowException):
        mlflow.pyfunc.load_model(f"models:/{name}/{one}")
    assert versions(name) == [two, three]
    client.rename_registered_model(name, name + "-renamed")
    same(mlflow.pyfunc.load_model(f"models:/{name}-renamed/{two}"), kept[1.0])
    client.delete_registered_model(name + "-renamed")
    assert client.search_registered_models(f"name = '{name}-renamed'") == []


def test_a_model_of_own_code(experiment, unique, versions):
    name = unique("doubler")
    place = {"artifact_path": "model"} if MAJOR == 2 else {"name": "model"}
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(**place, python_model=Doubler(), pip_requirements=["mlflow"], registered_model_name=name)
    (number,) = versions(name)
    for address in (f"models:/{name}/{number}", f"runs:/{run.info.run_id}/model"):
        assert mlflow.pyfunc.load_model(address).predict([1.0, 2.5]) == [2.0, 5.0]


def test_a_version_of_a_logged_run(experiment, unique, versions):
    name = unique("later")
    with mlflow.start_run() as run:
        model = trained()
        log_model(model, "model")
    version = mlflow.register_model(f"runs:/{run.info.run_id}/model", name, tags={"from": "run"})
    same(mlflow.pyfunc.load_model(f"models:/{name}/{version.version}"), model)
    again = mlflow.register_model(f"runs:/{run.info.run_id}/model", name)
    assert versions(name) == [str(version.version), str(again.version)]


def test_deletion_and_restore(experiment, client):
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1)
        mlflow.log_text("kept", "note.txt")
    experiment_id = run.info.experiment_id
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment_id]) == []
    with pytest.raises(MlflowException):
        client.log_metric(run.info.run_id, "m", 2)
    client.restore_run(run.info.run_id)
    assert [r.info.run_id for r in client.search_runs([experiment_id])] == [run.info.run_id]
    client.delete_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
    with pytest.raises(MlflowException):
        mlflow.set_experiment(experiment)
    client.restore_experiment(experiment_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == "kept"


def test_resuming_a_run(experiment, client):
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("m", 0.5, step=10)
        mlflow.set_tags({"resumed": "yes"})
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FINISHED" and found.data.tags["resumed"] == "yes" and found.data.params == {"a": "1"}
    with pytest.raises(ValueError), mlflow.start_run() as failed:
        raise ValueError("out of memory")
    assert client.get_run(failed.info.run_id).info.status == "FAILED"


def test_the_queue_of_autologging(experiment, client):
    """The queueing client, used as autologging of a training uses it; recorded trainings are in ../diff/test_autolog.py."""
    from mlflow.utils.autologging_utils.client import MlflowAutologgingQueueingClient

    with mlflow.start_run() as run:
        run_id = run.info.run_id
        queue = MlflowAutologgingQueueingClient()
        queue.set_tags(run_id, {"Mode": "training"})
        queue.log_params(run_id, {"optimizer_name": "Adam", "lr": 0.001, "betas": "(0.9, 0.999)", "epochs": 25, "monitor": "val_loss"})
        queue.flush(synchronous=True)
        for epoch in range(25):
            queue.log_metrics(run_id, {"train_loss": 1 / (epoch + 1), "train_loss_step": 0.5, "val_loss": 2 / (epoch + 1)}, step=epoch)
        queue.log_metrics(run_id, {"stopped_epoch": 24, "wait_count": 0})
        queue.flush(synchronous=True)
        mlflow.log_text("  | Name | Type | Params", "model_summary.txt")
        mlflow.log_dict({"epoch": 3, "val_loss": 0.5}, "checkpoints/latest_checkpoint_metrics.json")
        queue.set_tags(run_id, {"Mode": "testing"})
        queue.flush(synchronous=True)
    found = client.get_run(run_id)
    assert found.data.tags["Mode"] == "testing" and found.data.params["optimizer_name"] == "Adam"
    assert [m.step for m in client.get_metric_history(run_id, "val_loss")] == list(range(25))
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/model_summary.txt").startswith("  | Name")


def test_many_params_and_a_checkpoint(experiment, client, tmp_path):
    """More params than one batch takes, and a folder of files; recorded trainings are in ../diff/test_autolog.py."""
    with mlflow.start_run(run_name="finetune") as run:
        words = [(f"arg_{i}", f"value {i}") for i in range(230)]  # as many as TrainingArguments of transformers has fields
        for i in range(0, len(words), 100):
            mlflow.log_params(dict(words[i : i + 100]))
        mlflow.set_tags({"task": "text-classification"})
        for step in range(0, 500, 50):
            mlflow.log_metrics({"loss": 2.0 - step / 500, "grad_norm": 1.5, "learning_rate": 5e-5, "epoch": step / 100}, step=step)
        folder = tmp_path / "checkpoint-500"
        folder.mkdir()
        for name in ("config.json", "model.safetensors", "tokenizer.json", "trainer_state.json"):
            (folder / name).write_bytes(name.encode() * 1000)
        mlflow.log_artifacts(str(folder), "checkpoint-500/artifacts")
    found = client.get_run(run.info.run_id)
    assert len(found.data.params) == 230 and found.data.metrics["learning_rate"] == 5e-5
    listed = [f.path for f in client.list_artifacts(run.info.run_id, "checkpoint-500/artifacts")]
    assert len(listed) == 4, listed


def test_metrics_logged_asynchronously(experiment, client):
    with mlflow.start_run() as run:
        for step in range(300):
            mlflow.log_metric("m", step * 0.5, step=step, synchronous=False)
        mlflow.log_params({"a": 1}, synchronous=False)
        mlflow.set_tag("b", "2", synchronous=False)
        mlflow.flush_async_logging()
    assert [m.step for m in client.get_metric_history(run.info.run_id, "m")] == list(range(300))
    assert client.get_run(run.info.run_id).data.params == {"a": "1"}
