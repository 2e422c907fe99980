"""curl and the finer points of HTTP.

Proves: ranges, resumed downloads, conditional requests, HEAD, uploads refused
before their body is sent, uploads of unknown length, wrong digests, and every
way of handing over a token.
"""

import base64
import hashlib
import os

import pytest

import api
import shell

CONTENT = os.urandom(300_000)
SHA256 = hashlib.sha256(CONTENT)


@pytest.fixture
def url(root, target):
    root.put_file(target.version_id, "dir/model.bin", CONTENT)
    return api.files_url(target.version_id, "dir/model.bin")


@pytest.fixture
def local(tmp_path):
    path = tmp_path / "local.bin"
    path.write_bytes(CONTENT)
    return path


def test_headers_of_a_download(url, tmp_path):
    answer = shell.curl(tmp_path, url)
    assert (answer.status, answer.body) == (200, CONTENT)
    head = answer.headers
    assert head["etag"] == f'"{SHA256.hexdigest()}"'
    assert head["x-checksum-sha256"] == SHA256.hexdigest()
    assert head["repr-digest"] == f"sha-256=:{base64.b64encode(SHA256.digest()).decode()}:"
    assert head["content-length"] == str(len(CONTENT))
    assert head["accept-ranges"] == "bytes"
    assert head["x-content-type-options"] == "nosniff"
    assert head["content-disposition"].startswith("attachment")
    assert "model.bin" in head["content-disposition"]
    assert "last-modified" in head


def test_head(url, tmp_path):
    full, head = shell.curl(tmp_path, url), shell.curl(tmp_path, "-I", url)
    assert head.status == 200
    volatile = ("date", "x-request-id", "x-runtime")
    strip = lambda fields: {k: v for k, v in fields.items() if k not in volatile}
    assert strip(head.headers) == strip(full.headers)


@pytest.mark.parametrize(
    "asked, first, last",
    [("0-99", 0, 99), ("100-", 100, len(CONTENT) - 1), ("-50", len(CONTENT) - 50, len(CONTENT) - 1), ("7-7", 7, 7)],
)
def test_ranges(url, tmp_path, asked, first, last):
    answer = shell.curl(tmp_path, "-r", asked, url)
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_range_outside(url, tmp_path):
    answer = shell.curl(tmp_path, "-r", f"{len(CONTENT)}-", url)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_resumed_download(url, tmp_path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:123_456])
    answer = shell.curl(tmp_path, "-C", "-", url, output=part)
    assert (answer.status, answer.exit_code) == (206, 0)
    assert part.read_bytes() == CONTENT


def test_if_range_of_another_version(url, tmp_path):
    answer = shell.curl(tmp_path, "-r", "0-9", "-H", 'If-Range: "other"', url)
    assert (answer.status, answer.body) == (200, CONTENT)


def test_not_modified(url, tmp_path):
    etag = tmp_path / "etag"
    first = shell.curl(tmp_path, "--etag-save", etag, url)
    assert first.status == 200
    again = shell.curl(tmp_path, "--etag-compare", etag, url)
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert shell.curl(tmp_path, "-H", 'If-None-Match: "other"', url).status == 200
    since = shell.curl(tmp_path, "-z", first.headers["last-modified"], url)
    assert since.status == 304


def refused(tmp_path, url, *options, **more):
    """Offers 1 GiB with `Expect: 100-continue`; the answer, after which nothing was sent."""
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(1 << 30)
    wait = ["-H", "Expect: 100-continue", "--expect100-timeout", "20"]
    answer = shell.curl(tmp_path, *wait, *options, "-T", big, url, **more)
    assert answer.sent == 0, f"{answer.sent} bytes went out before the refusal"
    assert answer.seconds < 10
    return answer


def test_refused_before_the_body(root, target, tmp_path):
    url = api.files_url(target.version_id, "big.bin")
    assert refused(tmp_path, url, token="vtpat-" + "x" * 32).status == 401
    assert refused(tmp_path, url, token=None).status == 401
    assert refused(tmp_path, api.files_url(999_999, "big.bin")).status == 404
    assert refused(tmp_path, api.files_url(target.version_id, "x", project="no/such")).status == 404
    assert not root.listed(target.version_id)


def test_refused_role_before_the_body(root, gl, newcomer, target, tmp_path):
    user, theirs = newcomer
    gl.projects.get(api.PROJECT_ID).members.create({"user_id": user.id, "access_level": 20})
    answer = refused(tmp_path, api.files_url(target.version_id, "big.bin"), token=theirs.private_token)
    assert answer.status == 403
    assert not root.listed(target.version_id)


def test_accepted_after_expect(root, target, local, tmp_path):
    url = api.files_url(target.version_id, "x.bin")
    answer = shell.curl(tmp_path, "-H", "Expect: 100-continue", "--expect100-timeout", "20", "-T", local, url)
    assert (answer.status, answer.sent) == (201, len(CONTENT))
    assert answer.seconds < 10, "no 100 Continue came"
    assert root.get_file(target.version_id, "x.bin").content == CONTENT


def test_upload_of_unknown_length(root, target, local, tmp_path):
    with local.open("rb") as stream:
        answer = shell.curl(tmp_path, "-T", "-", api.files_url(target.version_id, "x.bin"), stdin=stream)
    assert answer.status == 201
    assert answer.headers["etag"] == f'"{SHA256.hexdigest()}"'
    assert root.get_file(target.version_id, "x.bin").content == CONTENT


def test_empty_file(root, target, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    url = api.files_url(target.version_id, "empty")
    assert shell.curl(tmp_path, "-T", empty, url).status == 201
    answer = shell.curl(tmp_path, url)
    assert (answer.status, answer.body) == (200, b"")
    assert root.listed(target.version_id)["empty"]["size"] == 0


def digest_header(name, digest):
    if name == "X-Checksum-Sha256":
        return f"{name}: {digest.hex()}"
    return f"{name}: sha-256=:{base64.b64encode(digest).decode()}:"


@pytest.mark.parametrize("name", ["X-Checksum-Sha256", "Repr-Digest", "Content-Digest"])
def test_announced_digest(root, target, local, tmp_path, name):
    url = api.files_url(target.version_id, "x.bin")
    wrong = hashlib.sha256(b"something else").digest()
    answer = shell.curl(tmp_path, "-H", digest_header(name, wrong), "-T", local, url)
    assert answer.status == 400, answer
    root.get_file(target.version_id, "x.bin", 404)
    assert not root.listed(target.version_id)
    answer = shell.curl(tmp_path, "-H", digest_header(name, SHA256.digest()), "-T", local, url)
    assert answer.status == 201, answer


def test_malformed_digest(target, local, tmp_path):
    url = api.files_url(target.version_id, "x.bin")
    assert shell.curl(tmp_path, "-H", "X-Checksum-Sha256: zz", "-T", local, url).status == 400


def test_authorize_before_the_upload(target, local, tmp_path):
    url = api.files_url(target.version_id, "x.bin")
    answer = shell.curl(tmp_path, "-X", "PUT", url + "/authorize")
    assert (answer.status, answer.body.strip()) == (200, b'{"status":"ok"}')
    assert shell.curl(tmp_path, "-X", "PUT", url + "/authorize", token="bad").status == 401
    assert shell.curl(tmp_path, url).status == 404


def test_hidden_files(root, target, local, tmp_path):
    url = api.files_url(target.version_id, "h.bin")
    assert shell.curl(tmp_path, "-T", local, url + "?status=hidden").status == 201
    assert not root.listed(target.version_id)
    listed = root.get(api.files_path(target.version_id).rstrip("/"), params={"include_hidden": "true"}).json()
    assert [(file["path"], file["status"]) for file in listed] == [("h.bin", "hidden")]
    assert shell.curl(tmp_path, url).body == CONTENT


def test_ways_to_give_a_token(url, tmp_path):
    basic = base64.b64encode(f"anybody:{api.TOKEN}".encode()).decode()
    for way in (
        ["-H", f"PRIVATE-TOKEN: {api.TOKEN}"],
        ["-H", f"Private-Token: {api.TOKEN}"],
        ["-H", f"Authorization: Bearer {api.TOKEN}"],
        ["-H", f"Authorization: Basic {basic}"],
        ["-u", f"anybody:{api.TOKEN}"],
    ):
        assert shell.curl(tmp_path, *way, url, token=None).body == CONTENT, way
    assert shell.curl(tmp_path, f"{url}?private_token={api.TOKEN}", token=None).body == CONTENT
    assert shell.curl(tmp_path, f"{url}?private_token=wrong", token=None).status == 401
    assert shell.curl(tmp_path, url, token=None).status in (401, 404)


def test_token_is_not_logged_in_the_answer(url, tmp_path):
    answer = shell.curl(tmp_path, f"{url}x?private_token={api.TOKEN}", token=None)
    assert answer.status == 404
    assert api.TOKEN.encode() not in answer.body
