"""The doors through which a file goes up and comes down.

A push door takes (gl, tmp_path, target, local file) and returns the path that
the file got in the version. A pull door takes (gl, tmp_path, target, remote path)
and returns the local copy and the SHA-256 that the server announced with it
(None where the client checks it by itself and shows none).
"""

import shutil

import api
import shell


def push_curl_raw(_gl, tmp_path, target, local):
    answer = shell.curl(tmp_path, "-T", local, api.files_url(target.version_id, local.name))
    assert (answer.status, answer.exit_code) == (201, 0), answer
    assert answer.headers["x-checksum-sha256"] == api.sha256(local)
    return local.name


def push_curl_multipart(_gl, tmp_path, target, local):
    url = api.files_url(target.version_id, f"forms/{local.name}")
    answer = shell.curl(tmp_path, "-X", "PUT", "-F", f"file=@{local}", url)
    assert (answer.status, answer.exit_code) == (201, 0), answer
    assert answer.headers["x-checksum-sha256"] == api.sha256(local)
    return f"forms/{local.name}"


def push_gitlab_raw(gl, _tmp_path, target, local):
    with local.open("rb") as file:
        answer = gl.http_put(api.files_path(target.version_id, local.name), post_data=file, raw=True)
    assert answer["message"] == "201 Created"
    return local.name


def push_gitlab_multipart(gl, _tmp_path, target, local):
    # python-gitlab adds an empty part "avatar" to every form.
    with local.open("rb") as file:
        part = {"file": (local.name, file, "application/octet-stream")}
        answer = gl.http_put(api.files_path(target.version_id, local.name), files=part)
    assert answer["message"] == "201 Created"
    return local.name


def push_vitrine_file(_gl, _tmp_path, target, local):
    shell.vitrine("push", local, target.reference)
    return local.name


def push_vitrine_folder(_gl, tmp_path, target, local):
    folder = tmp_path / "folder"
    (folder / "weights").mkdir(parents=True)
    shutil.copy(local, folder / "weights" / local.name)
    (folder / "README.md").write_text("# A model\n")
    shell.vitrine("push", folder, target.reference)
    return f"weights/{local.name}"


def pull_curl(_gl, tmp_path, target, remote):
    copy = tmp_path / "copy"
    answer = shell.curl(tmp_path, api.files_url(target.version_id, remote), output=copy)
    assert (answer.status, answer.exit_code) == (200, 0), answer
    return copy, answer.headers["x-checksum-sha256"]


def pull_gitlab_raw(gl, tmp_path, target, remote):
    answer = gl.http_get(api.files_path(target.version_id, remote), raw=True)
    copy = tmp_path / "copy"
    copy.write_bytes(answer.content)
    return copy, answer.headers["X-Checksum-Sha256"]


def pull_gitlab_streamed(gl, tmp_path, target, remote):
    answer = gl.http_get(api.files_path(target.version_id, remote), streamed=True, raw=True)
    copy = tmp_path / "copy"
    with copy.open("wb") as file:
        for chunk in answer.iter_content(chunk_size=64 * 1024):
            file.write(chunk)
    return copy, answer.headers["X-Checksum-Sha256"]


def pull_vitrine(_gl, tmp_path, target, remote):
    shell.vitrine("pull", target.reference, remote, "--output", tmp_path / "pulled")
    return tmp_path / "pulled" / remote, None


PUSH = {
    "curl-T": push_curl_raw,
    "curl-F": push_curl_multipart,
    "gitlab-raw": push_gitlab_raw,
    "gitlab-form": push_gitlab_multipart,
    "vitrine-file": push_vitrine_file,
    "vitrine-folder": push_vitrine_folder,
}
PULL = {
    "curl": pull_curl,
    "gitlab-raw": pull_gitlab_raw,
    "gitlab-streamed": pull_gitlab_streamed,
    "vitrine": pull_vitrine,
}
