"""The vitrine client on its own: whole folders, globs, aliases, login, ls, show, rm;
and the administrator's commands beside a running server.

Proves: a folder with a real model goes up and comes back as the same tree and
still runs; parts of it can be asked for; the client needs nothing but what
`vitrine login` wrote down. Users, tokens and projects made on the server's machine
work at once over the network.
"""

import json
import os
import pathlib

import gitlab
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


def administer(*words):
    return json.loads(shell.vitrine(*words, "--data", api.DATA, "--json"))


def test_administration_beside_the_server(gl, unique):
    name = unique("grace")
    user = administer("user", "create", name, "--email", f"{name}@example.com")
    assert gl.users.get(user["id"]).username == name
    assert name in [u["username"] for u in administer("user", "list")]

    made = administer("token", "create", name, "--scope", "api")
    with gitlab.Gitlab(api.URL, private_token=made["token"]) as theirs:
        theirs.auth()
        assert theirs.user.username == name
        project = administer("project", "create", f"{name}/vision")
        assert theirs.projects.get(f"{name}/vision").id == project["id"]
        administer("token", "revoke", str(made["id"]))
        with pytest.raises(gitlab.exceptions.GitlabAuthenticationError):
            theirs.auth()
    assert "vision" in json.dumps(administer("project", "list"))


def test_gc_and_verify_beside_the_server(target, root, tmp_path):
    lost, kept = os.urandom(100_000), os.urandom(100_000)
    for name, data in (("lost.bin", lost), ("kept.bin", kept), ("twin.bin", kept)):
        (tmp_path / name).write_bytes(data)
        shell.vitrine("push", tmp_path / name, target.reference)
    shell.vitrine("rm", target.reference, "lost.bin", "twin.bin", "--yes")

    gone = administer("gc", "--gc-grace", "0s")
    assert (gone["blobs"], gone["bytes"]) == (1, 100_000), "the twin's bytes are kept.bin's, too"
    shell.vitrine("verify", "--data", api.DATA)
    assert list(root.listed(target.version_id)) == ["kept.bin"]
    assert root.get_file(target.version_id, "kept.bin").content == kept


def test_verify_finds_damage(target, root):
    """The last test of this server, as it leaves a broken file behind."""
    root.put_file(target.version_id, "x.bin", os.urandom(50_000))
    digest = root.listed(target.version_id)["x.bin"]["file_sha256"]
    (stored,) = [p for p in pathlib.Path(api.DATA).rglob(f"*{digest}*") if p.is_file()]
    stored.chmod(0o600)
    stored.write_bytes(b"\0" * 50_000)
    assert digest in shell.vitrine("verify", "--data", api.DATA, status=1)
