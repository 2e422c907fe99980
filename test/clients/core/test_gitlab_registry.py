"""The model registry by python-gitlab: what it has no object for, by its own session.

Proves: gl.http_post and its sisters work on models, versions, aliases, candidates
and experiments, by numbers and by paths, with paging by iterator=True and get_all;
whole versions come as archives with a manifest; an administrator acts as somebody
else by sudo; and the small lists that scripts ask for answer.
"""

import csv
import hashlib
import io
import tarfile
import zipfile

import gitlab
import pytest

import api
from api import code_of


@pytest.fixture
def project(gl, unique):
    group = gl.groups.create({"name": unique("team"), "path": unique("team")})
    sub = gl.groups.create({"name": "sub", "path": "sub", "parent_id": group.id})
    return gl.projects.create({"name": "vision", "namespace_id": sub.id})


@pytest.fixture(params=["number", "path"])
def ml(request, project):
    """The address of the registry of a project in a sub-group, in both ways to write it."""
    name = project.id if request.param == "number" else api.quote(project.path_with_namespace)
    return f"/projects/{name}/ml"


def test_candidates(gl, ml):
    model = gl.http_post(f"{ml}/models", post_data={"name": "resnet", "description": "# Card"})
    made = gl.http_post(
        f"{ml}/candidates",
        post_data={"model_id": model["id"], "name": "first", "params": [{"name": "lr", "value": "0.1"}], "ci_job_id": 7},
    )
    one = f"{ml}/candidates/{made['id']}"
    logged = {
        "params": [{"name": "batch", "value": "32"}],
        "metrics": [{"name": "loss", "value": str(1 / (step + 1)), "step": step, "timestamp": 1000 + step} for step in range(150)],
        "metadata": [{"name": "gpu", "value": "h100"}],
    }
    gl.http_post(f"{one}/log", post_data=logged)
    gl.http_put(one, post_data={"status": "finished"})
    got = gl.http_get(one)
    assert (got["name"], got["status"], got["ci_job_id"]) == ("first", "finished", 7)
    assert {p["name"]: p["value"] for p in got["params"]} == {"lr": "0.1", "batch": "32"}
    history = gl.http_list(f"{one}/metrics", query_data={"name": "loss"}, iterator=True, per_page=40)
    assert history.total == 150
    assert [point["step"] for point in history] == list(range(150))
    assert len(gl.http_list(f"{one}/metrics", query_data={"name": "loss"}, get_all=True)) == 150
    assert code_of(gl.http_post, f"{one}/log", post_data={"params": [{"name": "lr", "value": "0.2"}]}) == 400
    assert [c["id"] for c in gl.http_list(f"{ml}/candidates", get_all=True, query_data={"model_id": model["id"]})] == [made["id"]]

    # Its files become the version's.
    files = ml.removesuffix("/ml") + f"/packages/ml_models/candidate:{made['id']}/files"
    gl.http_put(f"{files}/out/model.onnx", post_data=io.BytesIO(b"weights"), raw=True)
    version = gl.http_post(f"{one}/promote", post_data={"version": "2.0.0"})
    assert (version["version"], version["file_count"], version["candidate_id"]) == ("2.0.0", 1, made["id"])
    by_alias = ml.removesuffix("/ml") + "/packages/ml_models/model:resnet@latest/files/out/model.onnx"
    assert gl.http_get(by_alias, raw=True).content == b"weights"
    gl.http_delete(f"{ml}/models/{model['id']}")
    assert code_of(gl.http_get, one) == 404


def test_lists_of_candidates_page_by_page(gl, ml):
    experiment = gl.http_post(f"{ml}/experiments", post_data={"name": "sweep"})
    for i in range(7):
        gl.http_post(f"{ml}/candidates", post_data={"experiment_id": experiment["id"], "name": f"run-{i}"})
    listed = {"experiment_id": experiment["id"], "order_by": "name", "sort": "asc"}
    names = [f"run-{i}" for i in range(7)]
    pages = gl.http_list(f"{ml}/candidates", query_data=listed, iterator=True, per_page=3)
    assert (pages.total, pages.total_pages) == (7, 3)
    assert [c["name"] for c in pages] == names
    keyset = gl.http_list(f"{ml}/candidates", query_data=listed | {"pagination": "keyset"}, iterator=True, per_page=2)
    assert [c["name"] for c in keyset] == names
    table = gl.http_get(f"{ml}/experiments/{experiment['id']}/csv", raw=True).text
    assert sorted(row["name"] for row in csv.DictReader(io.StringIO(table))) == names


def test_aliases(gl, ml):
    model = gl.http_post(f"{ml}/models", post_data={"name": "resnet"})
    versions = f"{ml}/models/{model['id']}/versions"
    first, second = (gl.http_post(versions, post_data={})["id"] for _ in range(2))
    champion = f"{ml}/models/{model['id']}/aliases/champion"
    gl.http_put(champion, post_data={"version_id": first, "expected_version_id": 0})
    assert code_of(gl.http_put, champion, post_data={"version_id": second, "expected_version_id": 0}) == 409
    gl.http_put(champion, post_data={"version_id": second, "expected_version_id": first})
    assert gl.http_get(champion)["version"] == "1.0.1"
    assert code_of(gl.http_delete, champion, query_data={"expected_version_id": first}) == 409
    assert gl.http_get(champion)["version_id"] == second
    gl.http_delete(champion, expected_version_id=second)
    assert code_of(gl.http_get, champion) == 404
    moves = gl.http_list(f"{champion}/history", get_all=True)
    assert [m["version"] for m in moves] == [None, "1.0.1", "1.0.0"]


def test_archives(gl, root, unique):
    target = api.new_target(root, unique("whole"), "1.2.3")
    files = {"config.json": b"{}", "deep/weights.bin": b"w" * 100_000, "empty": b""}
    for path, content in files.items():
        root.put_file(target.version_id, path, content)
    base = f"/projects/{api.PROJECT_ID}"
    for address in (
        f"{base}/ml/models/{target.model_id}/versions/{target.version_id}/archive",
        f"{base}/packages/ml_models/{target.version_id}/archive",
        f"{base}/packages/ml_models/model:{target.model}:1.2.3/archive",
        f"{base}/packages/ml_models/model:{target.model}@latest/archive",
    ):
        packed = zipfile.ZipFile(io.BytesIO(gl.http_get(address, raw=True).content))
        assert packed.testzip() is None
        got = {name: packed.read(name) for name in packed.namelist()}
        sums = got.pop("SHA256SUMS").decode().splitlines()
        assert got == files
        assert sorted(sums) == sorted(f"{hashlib.sha256(c).hexdigest()}  {p}" for p, c in files.items())
        streamed = gl.http_get(address, query_data={"format": "tar"}, streamed=True, raw=True)
        with tarfile.open(fileobj=io.BytesIO(streamed.content)) as tar:
            assert set(tar.getnames()) == {"SHA256SUMS", *files}
            assert tar.extractfile("deep/weights.bin").read() == files["deep/weights.bin"]


def test_sudo(gl, newcomer, unique):
    user, theirs = newcomer
    admin = gl.users.get(1)
    token = admin.personal_access_tokens.create({"name": "sudo", "scopes": "api,sudo"})
    assert token.scopes == ["api", "sudo"]
    assert code_of(gl.users.list, get_all=True, sudo=user.username) == 403  # no such scope
    assert code_of(theirs.projects.list, get_all=True, sudo="root") == 403
    with gitlab.Gitlab(api.URL, private_token=token.token, timeout=60) as client:
        made = client.projects.create({"name": unique("theirs")}, sudo=user.username)
        assert made.path_with_namespace.startswith(f"{user.username}/")
        assert [p.id for p in theirs.projects.list(get_all=True, owned=True)] == [made.id]
        assert client.http_get("/user", sudo=user.id)["username"] == user.username
        assert client.http_get("/user")["username"] == "root"
        assert code_of(client.projects.get, api.PROJECT, sudo=user.username) == 404
        assert code_of(client.projects.list, get_all=True, sudo="nobody-here") == 404


def test_invitations(gl, project, newcomer):
    user, theirs = newcomer
    group = gl.groups.get(project.namespace["id"])
    assert project.invitations.list(get_all=True) == list(group.invitations.list(iterator=True)) == []
    project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    assert project.invitations.list(get_all=True) == []
    assert code_of(theirs.projects.get(project.id).invitations.list, get_all=True) == 403


def test_invite(gl, project, newcomer):
    user, theirs = newcomer
    group = gl.groups.get(project.namespace["id"])
    for place in (project, group):
        made = place.invitations.create({"email": user.email, "access_level": 20})
        assert made.status == "success"
        assert place.members.get(user.id).access_level == 20
        place.invitations.create({"user_id": user.id, "access_level": 30})
        assert place.members.get(user.id).access_level == 30
        with pytest.raises(gitlab.exceptions.GitlabInvitationError) as refused:
            place.invitations.create({"email": [user.email, "nobody@example.com"], "access_level": 10})
        assert "No account has this address" in refused.value.error_message["nobody@example.com"]
        assert user.email not in refused.value.error_message
        assert place.members.get(user.id).access_level == 10
        assert place.invitations.list(get_all=True) == []
        assert code_of(place.invitations.create, {"user_id": user.id, "access_level": 21}) == 400
    assert code_of(theirs.projects.get(project.id).invitations.create, {"user_id": 1, "access_level": 10}) == 403


def test_audit_events(gl, project, newcomer):
    user, theirs = newcomer
    project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    project.archive()
    project.unarchive()
    events = project.audit_events.list(iterator=True, pagination="keyset", order_by="id", per_page=2)
    assert [e.event_name for e in events][:3] == ["project_reopened", "project_archived", "member_added"]
    added = project.audit_events.list(get_all=False)[2]
    assert (added.entity_type, added.entity_id, added.author_name) == ("Project", project.id, "root")
    assert added.details["target_details"] == user.username and added.details["target_id"] == user.id
    assert project.audit_events.get(added.id).attributes == added.attributes
    assert gl.audit_events.get(added.id).created_at == added.created_at
    everywhere = gl.audit_events.list(get_all=True, entity_type="Project", entity_id=project.id)
    assert [e.id for e in everywhere] == [e.id for e in project.audit_events.list(get_all=True)]
    assert gl.audit_events.list(get_all=True, created_after="2190-01-01T00:00:00Z") == []
    assert code_of(gl.audit_events.list, get_all=True, entity_id=project.id) == 400
    group = gl.groups.get(project.namespace["id"])
    assert [e.details["custom_message"] for e in group.audit_events.list(get_all=True)] == ["Group created"]
    seen = theirs.projects.get(project.id)
    assert seen.audit_events.list(get_all=True) == []
    assert code_of(seen.audit_events.get, added.id) == 404
    assert code_of(theirs.audit_events.list, get_all=True) == 403


def test_packages_for_everybody(gl, project, newcomer):
    user, theirs = newcomer
    project.generic_packages.upload("data", "1", "x", data=b"x")
    hidden = theirs.projects.get(project.id, lazy=True)
    assert code_of(hidden.generic_packages.download, "data", "1", "x") == 404
    project.package_registry_access_level = "public"
    project.save()
    assert hidden.generic_packages.download("data", "1", "x") == b"x"
    with gitlab.Gitlab(api.URL, timeout=60) as nobody:
        assert nobody.projects.get(project.id, lazy=True).generic_packages.download("data", "1", "x") == b"x"
    assert code_of(theirs.projects.get, project.id) == 404
