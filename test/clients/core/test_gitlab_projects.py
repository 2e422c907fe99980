"""python-gitlab on projects, groups and lists, used as its manual shows.

Proves: the official-looking client signs in, reads the version, and creates,
lists, changes and deletes projects and groups without noticing that this is
not GitLab; and its iterators walk all pages.
"""

import datetime
import io
import warnings

import gitlab
import pytest
from tusclient import client, exceptions

import api
import shell


def gone(manager, key):
    with pytest.raises(gitlab.exceptions.GitlabGetError) as caught:
        manager.get(key)
    assert caught.value.response_code == 404


def test_auth_and_version(gl):
    with warnings.catch_warnings():
        # It warns when web_url points to another host than it was told.
        warnings.simplefilter("error")
        gl.auth()
    assert (gl.user.username, gl.user.id) == ("root", 1)
    version, revision = gl.version()
    # "unknown" is what it says when the answer was not understood; a build
    # outside a checkout says it of its own revision, too.
    assert version not in ("", "unknown")
    assert revision


def test_first_project_by_number_and_path(gl):
    by_path, by_number = gl.projects.get(api.PROJECT), gl.projects.get(api.PROJECT_ID)
    assert by_path.asdict() == by_number.asdict()
    assert by_path.path_with_namespace == api.PROJECT
    assert by_path.namespace["kind"] == "user"
    assert by_path.get_id() == api.PROJECT_ID


@pytest.fixture
def seven(gl, unique):
    stem = unique("page")
    return stem, [gl.projects.create({"name": f"{stem}-{i}"}).id for i in range(7)]


def test_iterator_walks_all_pages(gl, seven):
    stem, ids = seven
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the next page's link must lead to the same host
        pages = gl.projects.list(iterator=True, per_page=3, search=stem, order_by="id", sort="asc")
        assert (pages.total, pages.total_pages, pages.per_page, pages.current_page, pages.next_page) == (7, 3, 3, 1, 2)
        assert [project.id for project in pages] == ids
    assert pages.next_page is None
    backwards = gl.projects.list(get_all=True, per_page=2, search=stem, order_by="id", sort="desc")
    assert [project.id for project in backwards] == ids[::-1]


def test_keyset_pages(gl, seven):
    stem, ids = seven
    walk = gl.projects.list(iterator=True, per_page=2, pagination="keyset", order_by="id", sort="asc", search=stem)
    assert [project.id for project in walk] == ids


def test_single_pages(gl, seven):
    stem, ids = seven
    last = gl.projects.list(page=3, per_page=3, search=stem, order_by="id", sort="asc", get_all=False)
    assert [project.id for project in last] == ids[6:]
    assert gl.projects.list(page=9, per_page=3, search=stem, get_all=False) == []
    for bad in ({"page": "x"}, {"per_page": 0}):
        with pytest.raises(gitlab.exceptions.GitlabHttpError) as caught:
            gl.http_get("/projects", query_data=bad)
        assert caught.value.response_code == 400


def test_project_life(gl, unique):
    name = unique("life")
    project = gl.projects.create({"name": name, "description": "first", "visibility": "private"})
    assert (project.path_with_namespace, project.visibility) == (f"root/{name}", "private")

    project.description = "second"
    project.save()
    assert gl.projects.get(f"root/{name}").description == "second"
    gl.projects.update(project.id, {"visibility": "internal"})
    assert gl.projects.get(project.id).visibility == "internal"

    project.archive()
    assert gl.projects.get(project.id).archived is True
    project.unarchive()
    assert gl.projects.get(project.id).archived is False

    project.delete()
    gone(gl.projects, project.id)
    gone(gl.projects, f"root/{name}")


def test_project_name_is_taken(gl, unique):
    name = unique("taken")
    gl.projects.create({"name": name})
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as caught:
        gl.projects.create({"name": name})
    assert caught.value.response_code == 400
    assert "has already been taken" in str(caught.value)


def test_times_are_iso(gl):
    created = gl.projects.get(api.PROJECT_ID).created_at
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=datetime.UTC
    )
    assert datetime.timedelta(0) <= age < datetime.timedelta(hours=1)


def test_groups_with_subgroups(gl, unique):
    name = unique("team")
    top = gl.groups.create({"name": "The Team", "path": name})
    sub = gl.groups.create({"name": "Vision", "path": "vision", "parent_id": top.id})
    assert (sub.full_path, sub.parent_id) == (f"{name}/vision", top.id)
    assert gl.groups.get(f"{name}/vision").id == sub.id
    assert [group.id for group in top.subgroups.list(get_all=True)] == [sub.id]
    assert top.id in [group.id for group in gl.groups.list(search=name, get_all=True)]

    project = gl.projects.create({"name": "classifier", "namespace_id": sub.id})
    assert project.path_with_namespace == f"{name}/vision/classifier"
    assert project.namespace["kind"] == "group"
    assert [p.id for p in sub.projects.list(get_all=True)] == [project.id]
    assert gl.projects.get(f"{name}/vision/classifier").id == project.id

    sub.description = "sees"
    sub.save()
    assert gl.groups.get(sub.id).description == "sees"


def test_group_delete_takes_everything(gl, unique):
    name = unique("short-lived")
    top = gl.groups.create({"name": name, "path": name})
    sub = gl.groups.create({"name": "sub", "path": "sub", "parent_id": top.id})
    project = gl.projects.create({"name": "inside", "namespace_id": sub.id})
    top.delete()
    for manager, key in ((gl.groups, top.id), (gl.groups, sub.id), (gl.projects, project.id)):
        gone(manager, key)


def test_file_in_a_group_project(gl, root, unique, tmp_path):
    name = unique("files")
    group = gl.groups.create({"name": name, "path": name})
    project = gl.projects.create({"name": "p", "namespace_id": group.id})
    model = root.new_model("m", project.id)
    version = root.new_version(model["id"], "1.0.0", project.id)
    gl.http_put(api.files_path(version["id"], "d/x.bin", f"{name}/p"), post_data=b"content", raw=True)
    assert gl.http_get(api.files_path(version["id"], "d/x.bin", project.id), raw=True).content == b"content"
    project.delete()
    root.get_file(version["id"], "d/x.bin", 404, project.id)


def test_storage_limit(gl, root, unique, newcomer):
    user, theirs = newcomer
    project = gl.projects.create({"name": unique("limited"), "repository_size_limit": 1000})
    assert project.repository_size_limit == 1000
    project.members.create({"user_id": user.id, "access_level": 40})
    their = theirs.projects.get(project.id, statistics=True)
    assert "repository_size_limit" not in their.attributes
    their.generic_packages.upload("data", "1", "a", data=b"a" * 600)
    with pytest.raises(gitlab.exceptions.GitlabUploadError) as refused:
        their.generic_packages.upload("data", "1", "b", data=b"b" * 401)
    assert refused.value.response_code == 413
    assert "its limit is 1000 bytes, 600 are used" in str(refused.value)
    assert theirs.projects.get(project.id, statistics=True).statistics == {"storage_size": 600, "packages_size": 600}
    their.repository_size_limit = 5000
    assert api.code_of(their.save) == 403
    project.repository_size_limit = 0
    project.save()
    their.generic_packages.upload("data", "1", "b", data=b"b" * 401)


def test_storage_limit_of_resumable_uploads(gl, root, unique, tmp_path):
    """What does not fit is refused before its bytes are sent, and leaves nothing."""
    project = gl.projects.create({"name": unique("limited"), "repository_size_limit": 1000})
    below = f"/projects/{project.id}/packages/uploads"
    tus = client.TusClient(f"{api.URL}/api/v4{below}/generic/data/1", headers={"PRIVATE-TOKEN": api.TOKEN})
    with pytest.raises(exceptions.TusCommunicationError) as refused:
        tus.uploader(file_stream=io.BytesIO(b"x" * 1001), metadata={"filename": "f"}).upload()
    assert refused.value.status_code == 413
    assert "its limit is 1000 bytes, 0 are used" in str(refused.value.response_content)
    big = tmp_path / "big.bin"
    with open(big, "wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(AssertionError, match="exit 1\\n(.|\\n)*its limit is 1000 bytes, 0 are used"):
        shell.vitrine("push", big, f"{project.path_with_namespace}/m:1.0.0")
    assert root.get(below).json() == []
    assert gl.projects.get(project.id, statistics=True).statistics["storage_size"] == 0
    tus.uploader(file_stream=io.BytesIO(b"x" * 1000), metadata={"filename": "f"}).upload()
    assert gl.projects.get(project.id, statistics=True).statistics["storage_size"] == 1000
