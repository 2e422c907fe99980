"""python-gitlab on users, tokens and members.

Proves: an administrator makes users and their tokens; a user lists, reads,
rotates and revokes tokens; and a role given, changed and taken away changes
what the user may do at once.
"""

import datetime

import gitlab
import pytest

import api
from api import code_of

TOMORROW = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()


def client(secret):
    return gitlab.Gitlab(api.URL, private_token=secret, timeout=60)


def test_user_life(gl, unique):
    name = unique("ada")
    user = gl.users.create(
        {"username": name, "name": "Ada L", "email": f"{name}@example.com", "force_random_password": True}
    )
    assert gl.users.get(user.id).username == name
    assert [u.id for u in gl.users.list(username=name, get_all=True)] == [user.id]
    assert [u.id for u in gl.users.list(search=name, get_all=True)] == [user.id]

    user.name = "Ada Lovelace"
    user.save()
    assert gl.users.get(user.id).name == "Ada Lovelace"
    user.delete()
    assert code_of(gl.users.get, user.id) == 404


def test_blocked_user_is_out(gl, newcomer):
    user, theirs = newcomer
    theirs.auth()
    user.block()
    assert code_of(theirs.auth) in (401, 403)
    user.unblock()
    theirs.auth()
    assert theirs.user.id == user.id


def test_user_name_is_taken(gl, newcomer):
    user, _ = newcomer
    again = {"username": user.username, "name": "x", "email": "other@example.com", "force_random_password": True}
    assert code_of(gl.users.create, again) in (400, 409)


def test_user_may_not_administrate(newcomer):
    _, theirs = newcomer
    spec = {"username": "sneaky", "name": "x", "email": "sneaky@example.com", "force_random_password": True}
    assert code_of(theirs.users.create, spec) == 403


def test_tokens_of_a_user(gl, newcomer):
    user, _ = newcomer
    made = user.personal_access_tokens.create({"name": "ci", "scopes": ["read_api"], "expires_at": TOMORROW})
    assert made.token.startswith("vtpat-")
    assert (made.scopes, made.expires_at, made.active, made.revoked) == (["read_api"], TOMORROW, True, False)

    listed = {token.id: token for token in gl.personal_access_tokens.list(user_id=user.id, get_all=True)}
    assert made.id in listed
    assert not hasattr(listed[made.id], "token"), "the secret is shown again"
    assert gl.personal_access_tokens.get(made.id).name == "ci"

    with client(made.token) as theirs:
        me = theirs.personal_access_tokens.get("self")
        assert (me.id, me.user_id) == (made.id, user.id)
        assert {token.user_id for token in theirs.personal_access_tokens.list(get_all=True)} == {user.id}
        spec = {"name": "no", "namespace_id": user.namespace_id} if hasattr(user, "namespace_id") else {"name": "no"}
        assert code_of(theirs.projects.create, spec) == 403  # read_api does not write


def test_rotate_and_revoke(newcomer):
    user, theirs = newcomer
    old = theirs.personal_access_tokens.get("self")
    fresh = theirs.personal_access_tokens.rotate(old.id, expires_at=TOMORROW)
    assert fresh["token"] != theirs.private_token
    assert fresh["expires_at"] == TOMORROW
    assert code_of(theirs.auth) == 401

    with client(fresh["token"]) as again:
        again.auth()
        newest = again.personal_access_tokens.get("self")
        secret = newest.rotate(self_rotate=True)["token"]
        assert code_of(again.auth) == 401
    with client(secret) as last:
        last.auth()
        assert last.user.id == user.id
        last.personal_access_tokens.delete("self")
        assert code_of(last.auth) == 401


def test_admin_revokes(gl, newcomer):
    user, theirs = newcomer
    (token,) = gl.personal_access_tokens.list(user_id=user.id, state="active", get_all=True)
    token.delete()
    assert code_of(theirs.auth) == 401
    assert gl.personal_access_tokens.list(user_id=user.id, state="active", get_all=True) == []
    (token,) = gl.personal_access_tokens.list(user_id=user.id, revoked=True, get_all=True)
    assert (token.revoked, token.active) == (True, False)


@pytest.fixture
def project(gl, unique):
    return gl.projects.create({"name": unique("members"), "visibility": "private"})


def test_members(gl, project, newcomer):
    user, theirs = newcomer
    assert code_of(theirs.projects.get, project.id) == 404  # not even its existence

    member = project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.REPORTER})
    assert (member.id, member.username, member.access_level) == (user.id, user.username, 20)
    assert user.id in [m.id for m in project.members.list(get_all=True)]
    assert project.members.get(user.id).access_level == 20
    assert project.members_all.get(user.id).access_level == 20
    assert theirs.projects.get(project.id).id == project.id
    models = f"/projects/{project.id}/ml/models"
    assert code_of(theirs.http_post, models, post_data={"name": "m"}) == 403

    member.access_level = gitlab.const.AccessLevel.DEVELOPER
    member.expires_at = TOMORROW
    member.save()
    assert project.members.get(user.id).expires_at == TOMORROW
    assert theirs.http_post(models, post_data={"name": "m"})["author"]["id"] == user.id
    assert code_of(theirs.projects.get(project.id).delete) == 403

    member.delete()
    assert code_of(project.members.get, user.id) == 404
    assert code_of(theirs.projects.get, project.id) == 404


def test_members_inherit_from_groups(gl, unique, newcomer):
    user, theirs = newcomer
    name = unique("inherit")
    group = gl.groups.create({"name": name, "path": name})
    project = gl.projects.create({"name": "p", "namespace_id": group.id})
    group.members.create({"username": user.username, "access_level": 40})
    assert code_of(project.members.get, user.id) == 404
    assert project.members_all.get(user.id).access_level == 40
    assert user.id in [m.id for m in project.members_all.list(get_all=True)]
    assert theirs.projects.get(project.id).permissions["group_access"]["access_level"] == 40


def test_member_mistakes(project, newcomer):
    user, _ = newcomer
    assert code_of(project.members.create, {"user_id": user.id, "access_level": 33}) == 400
    assert code_of(project.members.create, {"user_id": 999999, "access_level": 30}) == 404
    project.members.create({"user_id": user.id, "access_level": 30})
    assert code_of(project.members.create, {"user_id": user.id, "access_level": 30}) == 409
