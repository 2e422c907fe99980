"""Artifacts: many files, large files, odd names; and what else reads them."""

import hashlib
import os
import zlib

import mlflow
import pytest

from conftest import MAJOR
from models import log_model, same, trained

MIB = 1 << 20


def write_big(path, size, seed):
    """Writes a file that does not repeat itself, quickly; gives its SHA-256."""
    digest, block = hashlib.sha256(), os.urandom(MIB)
    with open(path, "wb") as out:
        for i in range(size // MIB):
            piece = zlib.crc32(f"{seed} {i}".encode()).to_bytes(4, "big") + block[4:]
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def sha256(path):
    """Is a file's SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(folder):
    """Is what is in a folder: each file's place and content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_of_500_files(experiment, client, tmp_path):
    source = tmp_path / "source"
    for i in range(500):
        file = source / f"shard {i % 20:02}" / f"part-{i:04}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {i}" * (i % 50))
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(source), "data")
    assert len(client.list_artifacts(run.info.run_id, "data")) == 20
    got = client.download_artifacts(run.info.run_id, "data", str(tmp_path))
    assert tree(type(tmp_path)(got)) == tree(source)


def test_names_that_need_quoting(experiment, client, tmp_path):
    names = ["with space.txt", "ünïcödé.txt", "日本語.txt", "50% off.txt", "plus+.txt", "a&b=c.txt", "semi;colon.txt", "quote'.txt"]
    for name in names:
        (tmp_path / name).write_text(name)
    with mlflow.start_run() as run:
        for name in names:
            mlflow.log_artifact(str(tmp_path / name), "odd names")
    assert sorted(f.path for f in client.list_artifacts(run.info.run_id, "odd names")) == sorted(f"odd names/{n}" for n in names)
    for name in names:
        assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/odd names/{name}") == name


def test_a_large_artifact_in_parts(experiment, client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    size = 1024 * MIB
    if MAJOR == 2:  # the same way, in small
        size = 48 * MIB
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(16 * MIB))
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(7 * MIB))
    path = tmp_path / "weights.bin"
    digest = write_big(path, size, experiment)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(path))
    path.unlink()
    assert [(f.path, f.file_size) for f in client.list_artifacts(run.info.run_id)] == [("weights.bin", size)]
    got = client.download_artifacts(run.info.run_id, "weights.bin", str(tmp_path))
    assert sha256(got) == digest


def test_a_large_artifact_in_one_piece(experiment, client, tmp_path):
    path = tmp_path / "data.bin"
    digest = write_big(path, 64 * MIB, experiment)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(path), "raw")
    path.unlink()
    assert sha256(client.download_artifacts(run.info.run_id, "raw/data.bin", str(tmp_path))) == digest


def test_tables_images_and_figures(experiment, client):
    import pandas as pd

    with mlflow.start_run() as run:
        mlflow.log_table(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "table.json")
        mlflow.log_table({"a": [3], "b": ["z"]}, "table.json")
        mlflow.log_dict({"deep": {"er": [1, 2]}}, "conf/settings.yaml")
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    assert list(table["a"]) == [1, 2, 3]
    assert "table.json" in client.get_run(run.info.run_id).data.tags["mlflow.loggedArtifacts"]
    assert "- 2" in mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/conf/settings.yaml")


def candidate(gitlab, run_id):
    """Is the candidate that shows a run at GitLab's address."""
    page = 1
    while found := gitlab("ml/candidates", params={"per_page": 100, "page": page}).json():
        for one in found:
            if one["eid"] == run_id:
                return one
        page += 1
    pytest.fail(f"no candidate for run {run_id}")


def test_runs_are_candidates(experiment, client, gitlab, tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"\x00\x01" * 5000)
    with mlflow.start_run(run_name="shown") as run:
        mlflow.log_param("lr", 0.1)
        mlflow.log_metric("acc", 0.75)
        mlflow.log_artifact(str(tmp_path / "weights.bin"), "deep/er")
    shown = candidate(gitlab, run.info.run_id)
    assert shown["name"] == "shown"
    files = f"packages/ml_models/candidate:{shown['id']}/files"
    assert gitlab(f"{files}/deep/er/weights.bin").content == b"\x00\x01" * 5000
    whole = gitlab(f"ml/candidates/{shown['id']}").json()
    assert [(p["name"], p["value"]) for p in whole["params"]] == [("lr", "0.1")]
    assert [(m["name"], m["value"]) for m in whole["metrics"]] == [("acc", 0.75)]


def test_versions_are_versions_everywhere(experiment, unique, gitlab, versions):
    name = unique("everywhere")
    with mlflow.start_run():
        model = trained()
        log_model(model, "model", registered_model_name=name)
    shown = next(m for m in gitlab("ml/models", params={"search": name}).json() if m["name"] == name)
    (listed,) = gitlab(f"ml/models/{shown['id']}/versions").json()
    assert "mlflow.sklearn" in gitlab(f"packages/ml_models/{listed['id']}/files/MLmodel").text
    same(mlflow.pyfunc.load_model(f"models:/{name}/{versions(name)[0]}"), model)
