"""What autologging sends of PyTorch Lightning and of Transformers' Trainer.

Both need PyTorch, several gigabytes from PyPI. The calls in autolog/*.json were
recorded once, from real trainings with mlflow 3.17.2 (the bodies of files left
out), and are made again here, in their order, with these servers' ids:

- lightning: lightning 2.6, torch 2.15, `mlflow.pytorch.autolog(checkpoint=True,
  registered_model_name=…)`, four epochs with early stopping, then a test;
- transformers: transformers 5.24, a Trainer with `report_to=["mlflow"]` and
  HF_MLFLOW_LOG_ARTIFACTS over a small BERT with two checkpoints, and
  `mlflow.transformers.log_model` of a pipeline.
"""

import json
from pathlib import Path

import pytest

# The id that an answer to one of these tells first.
NEW = {"/experiments/create": ("experiment", "experiment_id"), "/runs/create": ("run", "run.info.run_id"), "/logged-models": ("model", "model.info.model_id")}


def replay(both, session):
    """Makes the recorded calls; gives the tokens of what they made."""
    calls = json.loads((Path(__file__).parent / "autolog" / f"{session}.json").read_text())
    names = {"<name>": both.name("experiment"), "<registered>": both.name("model")}
    for call in calls:
        text = json.dumps(call)
        for name, value in names.items():
            text = text.replace(name, value)
        assert not any(word in text for word in ("<run>", "<experiment>", "<model ")), text
        call = json.loads(text)
        how = {"data": b"bytes"} if call.get("file") else {"json": call["json"]} if "json" in call else {}
        answers = both.call(call["method"], call["path"], **how)
        kind, place = NEW.get(call["path"].removeprefix("/api/2.0/mlflow"), (None, None))
        if kind == "model":
            kind = f"model {sum(name.startswith('<model') for name in names)}"
        if kind and call["method"] == "POST":
            names[f"<{kind}>"] = answers.pick(place)
    return names


def folders(both, run, path=None):
    """Compares all that is listed below a folder of a run's artifacts."""
    listed = both.get("artifacts/list", run_id=run, **({"path": path} if path else {}))
    for f in listed.value("files") if "files" in listed.real.json() else []:
        if f["is_dir"]:
            folders(both, run, f["path"])


@pytest.mark.parametrize("session", ["lightning", "transformers"])
def test_session(both, session):
    names = replay(both, session)
    run = names["<run>"]
    found = both.get("runs/get", run_id=run)
    data = found.value("run.data")
    assert len(data["params"]) > 10 and len(data["metrics"]) > 4, data
    for metric in data["metrics"]:
        both.get("metrics/get-history", run_id=run, metric_key=metric["key"])
    for name, model in names.items():
        if name.startswith("<model"):
            both.get(f"logged-models/{model}")
            both.get(f"logged-models/{model}/artifacts/directories")
    folders(both, run)
    both.get("model-versions/get", name=names["<registered>"], version="1")
    both.post("runs/search", experiment_ids=[names["<experiment>"]])
