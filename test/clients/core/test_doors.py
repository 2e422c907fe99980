"""Every way in, times every way out, with real models.

Proves: whatever client put a model there (curl raw, curl form, python-gitlab raw
and form, `vitrine push` of a file and of a folder), every client gets the same
bytes back under the same SHA-256, and the copy loads and predicts exactly what
the original predicts.
"""

import pytest

import api
import doors

pushed = {}  # (artifact, door) -> (target, path in the version); each push happens once


def push_once(gl, root, tmp_path, artifact, door):
    key = (artifact.name, door)
    if key not in pushed:
        target = api.new_target(root, f"{artifact.name}-{door}")
        pushed[key] = target, doors.PUSH[door](gl, tmp_path, target, artifact.path)
    return pushed[key]


@pytest.mark.parametrize("pull", doors.PULL)
@pytest.mark.parametrize("push", doors.PUSH)
def test_push_and_pull(gl, root, tmp_path, artifact, push, pull):
    target, remote = push_once(gl, root, tmp_path, artifact, push)
    want = api.sha256(artifact.path)

    copy, announced = doors.PULL[pull](gl, tmp_path, target, remote)

    assert copy.read_bytes() == artifact.path.read_bytes()
    assert announced in (want, None)
    listed = root.listed(target.version_id)[remote]
    assert (listed["file_sha256"], listed["size"]) == (want, artifact.path.stat().st_size)
    artifact.check(copy)
