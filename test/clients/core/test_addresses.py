"""One file has many spellings of its address, and all of them lead to it.

Proves: projects by number and by encoded path; versions by id and runs as
candidate:IID; directories with real or encoded slashes; names with spaces, plus
and percent signs, and other alphabets; and that no spelling leads outside.
"""

import itertools
import os

import pytest

import api
import shell

PROJECTS = [api.PROJECT_ID, api.PROJECT]
NAMES = [
    "model.bin",
    "dir/model.bin",
    "deep/er/and/deep er/model.bin",
    "with space.bin",
    "a+b.bin",
    "100%.bin",
    "%20.bin",
    "%2F.bin",
    "größe.bin",
    "模型/权重.safetensors",
    "модель 🚀.onnx",
    "semi;colon,comma&and=equal.bin",
    "question?.bin",
    "hash#.bin",
    "it's [1] (x) ~ @ ! $.bin",
    ".hidden",
    "dots...in..name.bin",
]


@pytest.mark.parametrize("name", NAMES)
def test_names(root, target, tmp_path, name):
    local = tmp_path / "local"
    local.write_bytes(os.urandom(1000))
    url = api.files_url(target.version_id, name)
    up = shell.curl(tmp_path, "--globoff", "-T", local, url)
    assert up.status == 201, up

    assert list(root.listed(target.version_id)) == [name]
    assert shell.curl(tmp_path, "--globoff", url).body == local.read_bytes()
    assert root.get_file(target.version_id, name).content == local.read_bytes()
    shell.vitrine("pull", target.reference, "--output", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == local.read_bytes()

    root.call("DELETE", api.files_path(target.version_id, name), 204)
    root.get_file(target.version_id, name, 404)


@pytest.mark.parametrize("name", [n for n in NAMES if "/" not in n])
def test_curl_names_the_file_itself(root, target, tmp_path, name):
    """`curl -T FILE URL/` appends the file's name by its own rules of encoding."""
    local = tmp_path / "up" / name
    local.parent.mkdir()
    local.write_bytes(os.urandom(1000))
    # curl takes [] and {} in the name of a local file as a pattern.
    up = shell.curl(tmp_path, "--globoff", "-T", local, api.files_url(target.version_id))
    assert up.status == 201, up
    assert list(root.listed(target.version_id)) == [name]


def test_vitrine_push_keeps_names(root, target, tmp_path):
    for name in NAMES:
        local = tmp_path / "up" / name
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(name.encode())
    shell.vitrine("push", tmp_path / "up", target.reference)
    listed = set(root.listed(target.version_id))
    visible = {name for name in NAMES if not name.startswith(".")}
    assert listed - {".hidden"} == visible
    for name in visible:
        assert root.get_file(target.version_id, name).content == name.encode()


@pytest.mark.parametrize("up, down", list(itertools.product(PROJECTS, PROJECTS)))
def test_project_by_number_and_path(root, target, up, down):
    data = os.urandom(500)
    root.put_file(target.version_id, "d/x.bin", data, project=up)
    assert root.get_file(target.version_id, "d/x.bin", project=down).content == data


@pytest.mark.parametrize("spelling", ["candidate:{}", "candidate%3A{}", "candidate%3a{}"])
@pytest.mark.parametrize("project", PROJECTS)
def test_candidate(root, target, project, spelling):
    iid = root.new_candidate(target.model_id)["id"]
    data = os.urandom(500)
    root.put_file(spelling.format(iid), "run/x.bin", data, project=project)
    assert root.get_file(f"candidate:{iid}", "run/x.bin").content == data
    assert list(root.listed(f"candidate:{iid}")) == ["run/x.bin"]
    assert not root.listed(target.version_id), "a run's file shows up in the version"


def test_promoted_candidate_keeps_its_files(root, target):
    iid = root.new_candidate(target.model_id)["id"]
    data = os.urandom(500)
    root.put_file(f"candidate:{iid}", "x.bin", data)
    version = root.post(f"/projects/{api.PROJECT_ID}/ml/candidates/{iid}/promote", {"version": "3.0.0"})
    assert root.get_file(version["id"], "x.bin").content == data


def test_encoded_slashes(root, target):
    """GitLab's clients send dir%2Fmodel.bin as often as dir/model.bin."""
    base = api.files_path(target.version_id)
    root.call("PUT", base + "a%2Fb%2Fx.bin", 201, data=b"one")
    assert list(root.listed(target.version_id)) == ["a/b/x.bin"]
    assert root.get(base + "a/b/x.bin").content == b"one"
    assert root.get(base + "a/b%2Fx.bin").content == b"one"


OUTSIDE = ["../x", "a/../../x", "%2e%2e/x", "..%2Fx", "a/%2e%2e%2f%2e%2e%2fx", "a//x", "./x", ".."]


@pytest.mark.parametrize("tail", OUTSIDE)
def test_no_way_outside(root, target, tmp_path, tail):
    local = tmp_path / "local"
    local.write_bytes(b"x")
    answer = shell.curl(tmp_path, "--path-as-is", "-T", local, api.files_url(target.version_id) + tail)
    assert 400 <= answer.status < 500, answer
    assert not root.listed(target.version_id)


def test_absent_things(root, target):
    root.put_file(target.version_id, "x.bin", b"x")
    root.get_file(target.version_id, "y.bin", 404)
    root.get_file(target.version_id, "x.bin/y", 404)
    root.get_file(target.version_id + 1000, "x.bin", 404)
    root.get_file("candidate:999999", "x.bin", 404)
    answer = root.get_file(target.version_id, "x.bin", 404, project="no/such")
    assert answer.json() == {"message": "404 Project Not Found"}
