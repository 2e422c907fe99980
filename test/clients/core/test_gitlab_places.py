"""python-gitlab on where things are: namespaces, groups in groups, transfers.

Proves: lists by all ways of paging, look-ups by number and by group/sub/project,
transfers of projects and groups, the levels of a project's parts; and that an
old path leads python-gitlab to the project, until something takes it.
"""

import warnings

import gitlab
import pytest

import api
from test_gitlab_credentials import client, code_of


@pytest.fixture
def tree(gl, unique):
    """A group with two groups in it, one of which has another with a project: (top, deepest, project)."""
    name = unique("tree")
    top = gl.groups.create({"name": name, "path": name, "visibility": "public"})
    first = gl.groups.create({"name": "First", "path": "first", "parent_id": top.id})
    gl.groups.create({"name": "Second", "path": "second", "parent_id": top.id})
    deepest = gl.groups.create({"name": "Deep", "path": "deep", "parent_id": first.id})
    return top, deepest, gl.projects.create({"name": "p", "namespace_id": deepest.id})


def both(manager, **filters):
    """What a list has, walked page by page and fetched whole."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        walked = [item.get_id() for item in manager.list(iterator=True, per_page=1, **filters)]
    assert walked == [item.get_id() for item in manager.list(get_all=True, **filters)]
    return walked


def test_metadata(gl):
    meta = gl.http_get("/metadata")
    assert set(meta) == {"version", "revision", "kas", "enterprise"}
    assert gl.version() == (meta["version"], meta["revision"])


def test_namespaces(gl, tree, newcomer):
    top, deepest, _ = tree
    user, theirs = newcomer
    assert [(n.kind, n.full_path) for n in theirs.namespaces.list(get_all=True)] == [("user", user.username)]
    assert code_of(theirs.namespaces.get, top.id) == 404
    gl.groups.get(deepest.id).members.create({"user_id": user.id, "access_level": 30})
    assert [n.full_path for n in theirs.namespaces.list(get_all=True, search="deep")] == [deepest.full_path]
    assert theirs.namespaces.get(deepest.full_path).id == deepest.id
    assert theirs.namespaces.get(deepest.id).parent_id == deepest.parent_id
    assert set(both(gl.namespaces, search=top.path, top_level_only=True)) == {top.id}

    taken = gl.namespaces.exists(top.path)
    assert (taken.exists, taken.suggests) == (True, [f"{top.path}1"])
    assert gl.namespaces.exists("nobody-has-this").exists is False
    assert gl.namespaces.exists("first", parent_id=top.id).exists is True


def test_groups_below(gl, tree):
    top, deepest, project = tree
    by_path = gl.groups.get(top.full_path)
    assert len(both(by_path.subgroups)) == 2
    assert deepest.id not in both(by_path.subgroups)
    assert len(both(by_path.descendant_groups)) == 3
    assert deepest.id in both(by_path.descendant_groups)
    assert both(by_path.projects) == []
    assert both(by_path.projects, include_subgroups=True) == [project.id]
    assert gl.projects.get(f"{top.path}/first/deep/p").id == project.id


def test_members_of_all_levels(gl, tree, newcomer):
    top, deepest, project = tree
    user, theirs = newcomer
    gl.groups.get(top.id).members.create({"user_id": user.id, "access_level": 10})
    for place, above in ((gl.groups.get(deepest.id), 10), (gl.projects.get(project.path_with_namespace), 20)):
        assert code_of(place.members.get, user.id) == 404
        assert place.members_all.get(user.id).access_level == above
        assert user.id in both(place.members_all)
        place.members.create({"user_id": user.id, "access_level": above + 10})
        assert place.members_all.get(user.id).access_level == above + 10
    assert user.id in [u.id for u in project.users.list(get_all=True)]
    found = {(m.source_type, m.source_id): m.access_level for m in gl.users.get(user.id).memberships.list(get_all=True)}
    assert found == {("Namespace", top.id): 10, ("Namespace", deepest.id): 20, ("Project", project.id): 30}
    roles = theirs.projects.get(project.id).permissions
    assert (roles["project_access"]["access_level"], roles["group_access"]["access_level"]) == (30, 20)


def test_levels_of_parts(gl, tree):
    _, _, project = tree
    for level in ("model_registry_access_level", "model_experiments_access_level", "package_registry_access_level"):
        assert getattr(project, level) == "enabled"
        for value in ("private", "disabled", "enabled"):
            setattr(project, level, value)
            project.save()
            assert getattr(gl.projects.get(project.id), level) == value
        assert code_of(gl.projects.update, project.id, {level: "sometimes"}) == 400


def test_transfer_project(gl, tree, unique, newcomer):
    top, _, project = tree
    old = project.path_with_namespace
    project.transfer(top.full_path)
    assert gl.projects.get(f"{top.path}/p").id == project.id
    assert gl.projects.get(old).path_with_namespace == f"{top.path}/p"  # follows the redirect
    name = unique("target")
    target = gl.groups.create({"name": name, "path": name})
    project.transfer(target.id)
    assert gl.projects.get(project.id).namespace["full_path"] == name
    assert code_of(project.transfer, target.id) == 400
    assert code_of(project.transfer, "no/such") == 404
    top.transfer_project(project.id)
    assert gl.projects.get(project.id).namespace["id"] == top.id

    user, theirs = newcomer
    project.members.create({"user_id": user.id, "access_level": 40})
    assert code_of(theirs.projects.get(project.id).transfer, user.username) == 403
    project.members.update(user.id, {"access_level": 50})
    theirs.projects.get(project.id).transfer(user.username)
    assert theirs.projects.get(f"{user.username}/p").id == project.id


def test_transfer_group(gl, tree, unique):
    top, deepest, project = tree
    name = unique("parent")
    parent = gl.groups.create({"name": name, "path": name})
    gl.groups.get(deepest.id).transfer(parent.id)
    assert gl.groups.get(f"{name}/deep").id == deepest.id
    assert gl.projects.get(f"{name}/deep/p").id == project.id
    assert gl.projects.get(f"{top.path}/first/deep/p").id == project.id
    gl.groups.get(top.id).transfer(parent.id)
    assert gl.groups.get(top.id).visibility == "private"
    assert code_of(gl.groups.get(parent.id).transfer, top.id) == 400
    gl.groups.get(top.id).transfer()
    assert gl.groups.get(top.path).id == top.id


def test_old_paths(gl, unique):
    name = unique("old")
    project = gl.projects.create({"name": name})
    old = f"root/{name}"
    gl.projects.update(project.id, {"path": f"{name}-new"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gl.projects.get(old).path_with_namespace == f"root/{name}-new"
        assert gl.http_list(f"/projects/root%2F{name}/ml/models", get_all=True) == []
    stale = gl.projects.get(old, lazy=True)
    assert code_of(stale.archive) == 405
    assert code_of(gl.projects.update, old, {"description": "x"}) == 405
    again = gl.projects.create({"name": name})
    assert gl.projects.get(old).id == again.id


def test_archive(gl, root, tree):
    _, _, project = tree
    project.archive()
    assert project.archived is True
    root.call("POST", f"/projects/{project.id}/ml/models", 403, json={"name": "m"})
    assert project.access_tokens.create({"name": "x", "scopes": ["api"], "access_level": 10}).active
    project.unarchive()
    assert project.archived is False
    root.new_model("m", project.id)


def test_projects_of_a_user(gl, newcomer):
    user, theirs = newcomer
    made = theirs.projects.create({"name": "own"})
    assert [p.id for p in user.projects.list(get_all=True)] == [made.id]
    assert [p.id for p in theirs.projects.list(owned=True, iterator=True)] == [made.id]
    with client(api.TOKEN) as again:
        assert again.projects.get(f"{user.username}/own").id == made.id
