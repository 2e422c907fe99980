"""The vitrine client on its own: whole folders, globs, aliases, login, ls, show, rm.

Proves: a folder with a real model goes up and comes back as the same tree and
still runs; parts of it can be asked for; the client needs nothing but what
`vitrine login` wrote down.
"""

import json
import os

import magika
import pytest

import api
import artifacts
import shell


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def released(target):
    """A version that holds magika's whole model folder."""
    shell.vitrine("push", artifacts.MAGIKA_DIR, target.reference)
    return target


def test_folder_comes_back_and_runs(released, tmp_path):
    shell.vitrine("pull", released.reference, "--output", tmp_path / "out")

    assert tree(tmp_path / "out") == tree(artifacts.MAGIKA_DIR)
    original, copy = magika.Magika(), magika.Magika(model_dir=tmp_path / "out")
    for kind, text in artifacts.SAMPLES.items():
        found = copy.identify_bytes(text.encode())
        assert found.output.label == kind
        assert found.score == pytest.approx(original.identify_bytes(text.encode()).score)


def test_pull_by_glob(released, tmp_path):
    shell.vitrine("pull", released.reference, "*.json", "--output", tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == ["config.min.json", "metadata.json"]


def test_pull_by_alias_and_latest(released, root, tmp_path):
    alias = f"/projects/{api.PROJECT_ID}/ml/models/{released.model_id}/aliases/champion"
    root.call("PUT", alias, 200, json={"version_id": released.version_id})
    for place in ("@champion", ""):
        out = tmp_path / f"out{place}"
        shell.vitrine("pull", f"{api.PROJECT}/{released.model}{place}", "model.onnx", "--output", out)
        assert api.sha256(out / "model.onnx") == api.sha256(artifacts.MAGIKA_DIR / "model.onnx")


def test_push_makes_model_and_version(root, unique, tmp_path):
    local, model = tmp_path / "weights.bin", unique("from-nothing")
    local.write_bytes(os.urandom(100_000))
    shell.vitrine("push", local, f"{api.PROJECT}/{model}:2.1.0")
    shell.vitrine("pull", f"{api.PROJECT}/{model}:2.1.0", "--output", tmp_path / "out")
    assert tree(tmp_path / "out") == {"weights.bin": local.read_bytes()}

    models = root.get(f"/projects/{api.PROJECT_ID}/ml/models", params={"search": model}).json()
    assert [(m["name"], m["latest_version"]["version"]) for m in models] == [(model, "2.1.0")]


def test_pull_of_nothing_fails_with_a_reason(target, tmp_path):
    absent = (f"{api.PROJECT}/no-such-model:1.0.0", f"{api.PROJECT}/{target.model}:9.9.9", "no/where/model:1.0.0")
    for missing in absent:
        with pytest.raises(AssertionError, match="(?i)not found"):
            shell.vitrine("pull", missing, "--output", tmp_path / "out")


def test_login_then_no_environment(released, tmp_path):
    lean = {k: v for k, v in os.environ.items() if not k.startswith(("VITRINE_", "XDG_"))} | {"HOME": str(tmp_path)}
    shell.vitrine("ls", api.PROJECT, environment=lean, status=1)
    shell.vitrine("login", api.URL, "--token", api.TOKEN, environment=lean)
    assert released.model in shell.vitrine("ls", api.PROJECT, environment=lean)
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert [p for p in written if p.stat().st_mode & 0o077] == [], "others can read the token"


def test_ls_and_show_as_json(released):
    assert released.model in json.dumps(json.loads(shell.vitrine("ls", api.PROJECT, "--json")))
    shown = json.dumps(json.loads(shell.vitrine("show", released.reference, "--json")))
    assert '"1.0.0"' in shown
    assert "model.onnx" in shell.vitrine("show", released.reference)


def test_rm(released, root):
    shell.vitrine("rm", released.reference, "--yes")
    root.get_file(released.version_id, "model.onnx", 404)
