"""python-gitlab's searches: of everything, of a group, of a project.

Proves: each scope finds its things as far as the caller may see them, page by
page and by keyset; a scope that there is not is GitLab's 400.
"""

import warnings

import gitlab
import pytest

from api import code_of

SCOPES = gitlab.const.SearchScope


@pytest.fixture
def place(gl, root, unique):
    """A group with a private project: models of one stem, the first with a version."""
    name = unique("searched")
    group = gl.groups.create({"name": name, "path": name})
    project = gl.projects.create({"name": f"{name}-project", "namespace_id": group.id})
    models = [root.new_model(f"{name}-model-{n}", project.id) for n in range(3)]
    root.new_version(models[0]["id"], "7.8.9", project.id)
    return name, group, project


def walked(search, *arguments, **options):
    """The ids of a search, page by page, fetched whole and by keyset."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = [item["id"] for item in search(*arguments, iterator=True, per_page=1, **options)]
    assert ids == [item["id"] for item in search(*arguments, get_all=True, **options)]
    assert ids == [item["id"] for item in search(*arguments, iterator=True, per_page=1, pagination="keyset", **options)]
    return ids


def test_scopes(gl, place):
    name, group, project = place
    assert walked(gl.search, SCOPES.PROJECTS, name) == walked(group.search, SCOPES.PROJECTS, "project") == [project.id]
    assert walked(gl.search, SCOPES.USERS, "root") == [1]
    assert walked(project.search, SCOPES.USERS, "root") == walked(group.search, SCOPES.USERS, "root") == [1]
    everywhere = walked(gl.search, "ml_models", f"{name.upper()}-MODEL")
    assert len(everywhere) == 3
    assert everywhere == walked(group.search, "ml_models", "model") == walked(project.search, "ml_models", name)
    found = gl.search("ml_models", f"{name}-model-0", get_all=True)[0]
    assert (found["project_path"], found["latest_version"]["version"]) == (project.path_with_namespace, "7.8.9")
    for search in (gl.search, group.search, project.search):
        assert [v["model_name"] for v in search("ml_model_versions", f"{name} 7.8", get_all=True)] == [f"{name}-model-0"]
    assert project.search("ml_models", "no such name", get_all=True) == []


def test_who_sees_what(gl, place, newcomer):
    name, group, project = place
    user, theirs = newcomer
    assert theirs.search("ml_models", name, get_all=True) == theirs.search(SCOPES.PROJECTS, name, get_all=True) == []
    assert code_of(theirs.projects.get(project.id, lazy=True).search, "ml_models", name, get_all=True) == 404
    assert code_of(theirs.groups.get(group.id, lazy=True).search, "ml_models", name, get_all=True) == 404
    project.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.GUEST})
    assert len(theirs.search("ml_models", name, get_all=True)) == 3
    assert len(theirs.projects.get(project.id).search("ml_models", name, get_all=True)) == 3


def test_refusals(gl, place):
    _, group, project = place
    for search in (gl.search, group.search, project.search):
        assert code_of(search, SCOPES.ISSUES, "x", get_all=True) == 400
    assert code_of(project.search, SCOPES.PROJECTS, "x", get_all=True) == 400
