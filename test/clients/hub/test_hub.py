"""huggingface_hub loads what was pushed by the command line.

The client reads HF_ENDPOINT and HF_TOKEN when it is imported; the Go test sets
both, and HF_HOME to a folder of its own.
"""

import hashlib
import os
import subprocess

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

FILES = {"README.md": b"# Iris\n", "model.safetensors": os.urandom(3_000_000), "sub/config.json": b"{}"}


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    for version in ("1.0.0", "1.1.0"):
        subprocess.run([os.environ["VITRINE_BIN"], "push", str(folder), f"root/default/hub-iris:{version}"], check=True, capture_output=True)
    subprocess.run([os.environ["VITRINE_BIN"], "alias", "set", "root/default/hub-iris@champion", "1.0.0"], check=True, capture_output=True)
    return "hub-iris"


def digests(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("revision", ["1.0.0", "champion", "main", None])
def test_snapshot(pushed, tmp_path, revision):
    found = snapshot_download(pushed, revision=revision, cache_dir=tmp_path)
    want = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert digests(type(tmp_path)(found)) == want


def test_info(pushed):
    api = HfApi()
    assert api.whoami()["name"] == "root"
    assert pushed in [m.id for m in api.list_models(search="hub")]
    info = api.model_info(f"default/{pushed}", files_metadata=True)
    assert {s.rfilename: s.size for s in info.siblings} == {name: len(content) for name, content in FILES.items()}
    latest = api.model_info(pushed, revision="1.1.0")
    assert info.sha == latest.sha != api.model_info(pushed, revision="champion").sha
    refs = api.list_repo_refs(pushed)
    assert {t.name for t in refs.tags} == {"1.0.0", "1.1.0"} and {b.name for b in refs.branches} == {"main", "champion"}
    assert next(b for b in refs.branches if b.name == "main").target_commit == latest.sha


def test_files(pushed, tmp_path):
    api = HfApi()
    assert api.file_exists(pushed, "sub/config.json") and not api.file_exists(pushed, "none")
    assert [e.path for e in api.list_repo_tree(pushed)] == ["README.md", "model.safetensors", "sub"]
    assert [e.path for e in api.list_repo_tree(pushed, "sub")] == ["sub/config.json"]
    assert [e.path for e in api.get_paths_info(pushed, ["sub", "README.md", "none"])] == ["sub", "README.md"]
    commit = api.model_info(pushed).sha
    path = hf_hub_download(pushed, "model.safetensors", revision=commit, cache_dir=tmp_path)
    assert open(path, "rb").read() == FILES["model.safetensors"]


def test_errors(pushed, tmp_path):
    api = HfApi()
    for call, error in (
        (lambda: api.model_info("none"), RepositoryNotFoundError),
        (lambda: api.model_info(f"elsewhere/{pushed}"), RepositoryNotFoundError),
        (lambda: api.model_info(pushed, revision="9.0.0"), RevisionNotFoundError),
        (lambda: hf_hub_download(pushed, "none", cache_dir=tmp_path), EntryNotFoundError),
        (lambda: api.model_info(pushed, token=False), RepositoryNotFoundError),
    ):
        with pytest.raises(error):
            call()
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api.model_info(pushed, token="wrong")
    with pytest.raises(HfHubHTTPError, match="vitrine push"):
        api.create_repo("new")
