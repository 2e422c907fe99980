"""python-gitlab on the tokens of projects, groups and machines.

Proves: access tokens of projects and groups are made, listed, found, rotated,
rotate themselves and are revoked through python-gitlab's managers; each acts in
its place and nowhere else; re-use of an old secret ends the family; and deploy
tokens read or write model files.
"""

import datetime

import gitlab
import pytest
import requests

import api
from api import code_of

TOMORROW = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
WEEK = (datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=7)).isoformat()


def client(secret):
    return gitlab.Gitlab(api.URL, private_token=secret, timeout=60)


@pytest.fixture
def place(gl, root, unique):
    """A group with a sub-group and a private project in it, which has a model version: (group, project, version id)."""
    name = unique("place")
    top = gl.groups.create({"name": name, "path": name})
    sub = gl.groups.create({"name": "sub", "path": "sub", "parent_id": top.id})
    project = gl.projects.create({"name": "p", "namespace_id": sub.id})
    model = root.new_model("m", project.id)
    version = root.new_version(model["id"], "1.0.0", project.id)
    root.put_file(version["id"], "w.bin", b"weights", project=project.id)
    return top, project, version["id"]


def managers(gl, place):
    """The access tokens of the project, and those of the group, found by path."""
    top, project, _ = place
    return gl.projects.get(project.path_with_namespace).access_tokens, gl.groups.get(top.full_path).access_tokens


def test_access_tokens(gl, place):
    _, project, version = place
    for tokens in managers(gl, place):
        scopes = ["api", "read_repository"]
        made = tokens.create({"name": "ci", "scopes": scopes, "access_level": 30, "expires_at": TOMORROW})
        assert (made.name, made.scopes, made.access_level, made.expires_at) == ("ci", scopes, 30, TOMORROW)
        default = tokens.create({"name": "default", "scopes": ["read_api"]})
        assert default.access_level == gitlab.const.AccessLevel.MAINTAINER
        assert (default.active, default.revoked, default.last_used_at) == (True, False, None)

        assert [t.id for t in tokens.list(iterator=True, per_page=1)] == [made.id, default.id]
        assert [t.name for t in tokens.list(get_all=True, search="def")] == ["default"]
        assert not hasattr(tokens.get(made.id), "token"), "the secret is shown again"

        with client(made.token) as bot:
            bot.auth()
            assert (bot.user.id, bot.user.bot) == (made.user_id, True)
            bot.http_put(api.files_path(version, "by-bot.bin", project.id), post_data=b"x", raw=True)
            assert code_of(bot.projects.get(project.id).delete) == 403
            assert bot.personal_access_tokens.get("self").id == made.id

        made.delete()
        default.delete()
        assert tokens.list(get_all=True, state="active") == []
        assert {t.id for t in tokens.list(get_all=True, state="inactive")} == {made.id, default.id}
        with client(made.token) as bot:
            assert code_of(bot.auth) == 401
        assert code_of(tokens.get, 999999) == 404
        assert code_of(tokens.delete, 999999) == 404


def place_of(client, token):
    """The project or group of an access token, without asking for it."""
    kind = client.projects if token["resource_type"] == "project" else client.groups
    return kind.get(token["resource_id"], lazy=True)


def test_access_tokens_rotate(gl, place):
    for tokens in managers(gl, place):
        first = tokens.create({"name": "ci", "scopes": ["api"], "access_level": 40})
        by_id = tokens.rotate(first.id, expires_at=TOMORROW)
        assert (by_id["user_id"], by_id["access_level"], by_id["expires_at"]) == (first.user_id, 40, TOMORROW)
        second = tokens.get(by_id["id"])
        by_object = second.rotate()
        assert by_object["expires_at"] == WEEK

        with client(by_object["token"]) as bot:
            by_self = place_of(bot, by_object).access_tokens.get("self", lazy=True).rotate(self_rotate=True)
            assert by_self["user_id"] == first.user_id
            assert code_of(bot.auth) == 401
        with client(by_self["token"]) as bot:
            bot.auth()
            # Somebody else has the secret of old:
            with client(by_object["token"]) as thief:
                assert code_of(thief.personal_access_tokens.get("self", lazy=True).rotate, self_rotate=True) == 401
            assert code_of(bot.auth) == 401, "the family lives on"
        assert tokens.list(get_all=True, state="active") == []
        assert code_of(tokens.rotate, by_self["id"]) == 400


def test_access_tokens_stay_in_their_place(gl, unique, place):
    top, project, _ = place
    other = gl.projects.create({"name": unique("elsewhere"), "visibility": "public"})
    projects, groups = managers(gl, place)
    for tokens, sees in ((projects, []), (groups, [top.id, top.subgroups.list(get_all=True)[0].id])):
        made = tokens.create({"name": "ci", "scopes": ["api"], "access_level": 40})
        with client(made.token) as bot:
            assert [p.id for p in bot.projects.list(iterator=True)] == [project.id]
            assert sorted(g.id for g in bot.groups.list(get_all=True)) == sorted(sees)
            assert code_of(bot.projects.get, other.id) == 404
            assert code_of(bot.projects.get, "root/default") == 404
            assert code_of(bot.http_post, "/users", post_data={"username": "x"}) == 403
    assert "ci" not in [u.name for u in gl.users.list(iterator=True)]
    assert {m.name for m in project.members_all.list(get_all=True)} >= {"ci"}


def test_access_tokens_do_not_rise(gl, place, newcomer):
    _, project, _ = place
    user, theirs = newcomer
    project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.MAINTAINER})
    tokens = theirs.projects.get(project.id).access_tokens
    assert code_of(tokens.create, {"name": "x", "scopes": ["api"], "access_level": 50}) == 400
    made = tokens.create({"name": "x", "scopes": ["api"], "access_level": 40})
    with client(made.token) as bot:
        below = bot.projects.get(project.id)
        assert code_of(below.access_tokens.create, {"name": "y", "scopes": ["api"], "access_level": 10}) == 400
        assert code_of(below.members.create, {"user_id": user.id, "access_level": 50}) in (403, 409)
    project.members.update(user.id, {"access_level": 30})
    assert code_of(tokens.create, {"name": "x", "scopes": ["api"], "access_level": 10}) == 400
    assert code_of(tokens.list, get_all=True) == 401
    assert code_of(tokens.rotate, made.id) == 401


def test_personal_tokens_rotate(gl, newcomer):
    user, theirs = newcomer
    made = user.personal_access_tokens.create({"name": "ci", "scopes": ["self_rotate"]})
    with client(made.token) as narrow:
        assert code_of(narrow.auth) == 403
        fresh = narrow.personal_access_tokens.get("self").rotate(self_rotate=True)
    with client(fresh["token"]) as narrow:
        assert narrow.personal_access_tokens.rotate("self", expires_at=TOMORROW)["expires_at"] == TOMORROW
    listed = gl.personal_access_tokens.list(user_id=user.id, search="ci", state="active", get_all=True)
    assert [(t.name, t.scopes) for t in listed] == [("ci", ["self_rotate"])]
    listed[0].delete()
    assert code_of(theirs.personal_access_tokens.get, 1) == 401


def test_impersonation_tokens(gl, newcomer):
    user, theirs = newcomer
    made = user.impersonationtokens.create({"name": "support", "scopes": ["api"], "expires_at": TOMORROW})
    assert (made.impersonation, made.user_id, made.expires_at) == (True, user.id, TOMORROW)
    with client(made.token) as acting:
        acting.auth()
        assert acting.user.id == user.id
        assert made.id not in [t.id for t in theirs.personal_access_tokens.list(get_all=True)]
        assert [t.id for t in user.impersonationtokens.list(state="active", iterator=True)] == [made.id]
        user.impersonationtokens.get(made.id).delete()
        assert code_of(acting.auth) == 401
    assert code_of(theirs.users.get(user.id).impersonationtokens.list, get_all=True) == 403


def test_deploy_tokens(gl, place):
    top, project, version = place
    url = api.files_url(version, "w.bin", project.id)
    for tokens in (project.deploytokens, gl.groups.get(top.id).deploytokens):
        scopes = ["read_package_registry"]
        made = tokens.create({"name": "servers", "scopes": scopes, "expires_at": TOMORROW, "username": "web"})
        assert (made.username, made.scopes, made.expires_at) == ("web", scopes, TOMORROW + "T00:00:00.000Z")
        writer = tokens.create({"name": "trainer", "scopes": ["write_package_registry"]})
        assert writer.username == f"gitlab+deploy-token-{writer.id}"
        assert [t.id for t in tokens.list(iterator=True, per_page=1)] == [made.id, writer.id]
        got = tokens.get(made.id)
        assert (got.name, got.revoked, got.expired) == ("servers", False, False)
        assert {made.id, writer.id} <= {t.id for t in gl.deploytokens.list(get_all=True, active=True)}

        def asks(method, secret, **options):
            by_header = requests.request(method, url, headers={"Deploy-Token": secret}, timeout=60, **options)
            by_name = requests.request(method, url, auth=("web", secret), timeout=60, **options)
            assert by_header.status_code == by_name.status_code
            return by_header

        assert asks("GET", made.token).content == b"weights"
        assert asks("PUT", made.token, data=b"new").status_code == 403
        assert asks("PUT", writer.token, data=b"weights").status_code == 201
        elsewhere = f"{api.URL}/api/v4/projects/1/packages"
        assert requests.get(elsewhere, headers={"Deploy-Token": writer.token}, timeout=60).status_code == 404

        made.delete()
        tokens.delete(writer.id)
        assert asks("GET", made.token).status_code == 401
        assert tokens.list(get_all=True) == []
        assert code_of(tokens.get, made.id) == 404


def test_job_tokens(root, place, newcomer):
    _, project, version = place
    user, _ = newcomer
    project.members.create({"user_id": user.id, "access_level": 30})
    minted = root.post(f"/projects/{project.id}/job_tokens", {"user_id": user.id, "job_id": 7, "expires_in": 600})
    with gitlab.Gitlab(api.URL, job_token=minted["token"], timeout=60) as job:
        path = api.files_path(version, "w.bin", project.id)
        assert job.http_get(path, raw=True).content == b"weights"
        job.http_put(api.files_path(version, "job.bin", project.id), post_data=b"x", raw=True)
        assert code_of(job.projects.list, get_all=True) == 403
        assert code_of(job.projects.get, 1) == 404
