"""python-gitlab on packages: lists, files, and generic packages, used as its manual shows.

Proves: every filter and order of GitLab's package lists, iterators over many
pages, files up and down whole and in streams, and what only some may do, work
with the client unchanged.
"""

import datetime
import hashlib
import io
import os

import gitlab
import pytest

import api
from api import code_of


@pytest.fixture
def project(gl, unique):
    return gl.projects.create({"name": unique("packages")})


@pytest.fixture
def filled(project, root):
    """A project with model packages iris 1.0.0 and 1.1.0, a candidate's, and generic ones, oldest first."""
    model = root.new_model("iris", project.id)["id"]
    for version in ("1.0.0", "1.1.0"):
        made = root.new_version(model, version, project.id)
        root.put_file(made["id"], "model.onnx", version.encode(), project=project.id)
    candidate = root.new_candidate(model, project.id)
    root.put_file(f"candidate:{candidate['id']}", "train.log", b"epoch 1", project=project.id)
    for name, version in (("raw", "2026.11"), ("raw", "2026.10"), ("labels", "7")):
        project.generic_packages.upload(name, version, "data.csv", data=b"a,b")
    project.generic_packages.upload("secret", "1", "x", data=b"x")
    api.Api(api.URL, api.TOKEN).call("PUT", f"/projects/{project.id}/packages/generic/secret/1/y?status=hidden", 201, data=b"y")
    return project


def named(packages):
    return [(package.name, package.version) for package in packages]


def test_list_with_every_filter(filled):
    listed = filled.packages.list
    everything = [("iris", "1.0.0"), ("iris", "1.1.0"), ("iris", "candidate_3"), ("raw", "2026.11"), ("raw", "2026.10"), ("labels", "7")]
    assert named(listed(get_all=True)) == everything
    assert named(listed(get_all=True, sort="desc")) == everything[::-1]
    assert named(listed(get_all=True, package_type="ml_model")) == everything[:3]
    assert named(listed(get_all=True, package_type="generic", package_name="RA")) == everything[3:5]
    assert named(listed(get_all=True, package_version="1.1.0")) == [("iris", "1.1.0")]
    assert named(listed(get_all=True, status="hidden")) == [("secret", "1")]
    assert listed(get_all=True, status="error") == listed(get_all=True, package_type="npm") == []
    assert named(listed(get_all=True, include_versionless=True)) == everything
    assert [n for n, _ in named(listed(get_all=True, order_by="name"))] == ["iris"] * 3 + ["labels", "raw", "raw"]
    assert [v for _, v in named(listed(get_all=True, order_by="version", package_type="generic"))] == ["2026.10", "2026.11", "7"]
    assert [p.package_type for p in listed(get_all=True, order_by="type", sort="desc")] == ["ml_model"] * 3 + ["generic"] * 3
    for wrong in ({"order_by": "size"}, {"sort": "up"}, {"package_type": "exe"}, {"status": "lost"}):
        assert code_of(listed, get_all=True, **wrong) == 400


def test_iterator_walks_all_pages(filled):
    pages = filled.packages.list(iterator=True, per_page=2)
    assert (pages.total, pages.total_pages, pages.per_page, pages.current_page) == (6, 3, 2, 1)
    assert named(pages) == named(filled.packages.list(get_all=True))
    keyset = filled.packages.list(iterator=True, per_page=2, pagination="keyset", order_by="name", sort="asc")
    assert sorted(named(keyset)) == sorted(named(filled.packages.list(get_all=True)))
    assert len(filled.packages.list(page=2, per_page=4, get_all=False)) == 2


def test_one_package(gl, filled):
    first = filled.packages.list(package_version="2026.11", get_all=True)[0]
    package = filled.packages.get(first.id)
    assert (package.name, package.version, package.package_type, package.status) == ("raw", "2026.11", "generic", "default")
    assert package._links["delete_api_path"] == f"{api.URL}/api/v4/projects/{filled.id}/packages/{package.id}"
    assert package._links["web_path"].startswith(f"/{filled.path_with_namespace}/-/packages/")
    assert (package.tags, package.last_downloaded_at, package.creator_id) == ([], None, 1)
    assert [v["version"] for v in package.versions] == ["2026.10"]
    assert package.pipelines.list(get_all=True) == []
    datetime.datetime.strptime(package.created_at, "%Y-%m-%dT%H:%M:%S.%fZ")
    assert code_of(filled.packages.get, 999999) == 404


def test_package_files(filled):
    package = filled.packages.list(package_version="1.0.0", get_all=True)[0]
    (file,) = package.package_files.list(get_all=True)
    assert (file.file_name, file.size, file.package_id) == ("model.onnx", 5, package.id)
    assert file.file_sha256 == hashlib.sha256(b"1.0.0").hexdigest()
    file.delete()
    assert package.package_files.list(get_all=True) == []
    assert code_of(package.package_files.delete, file.id) == 404


def test_package_files_over_many_pages(project):
    for i in range(7):
        project.generic_packages.upload("many", "1", f"part-{i}", data=str(i).encode())
    package = project.packages.list(get_all=True)[0]
    assert [f.file_name for f in package.package_files.list(iterator=True, per_page=3)] == [f"part-{i}" for i in range(7)]


def test_delete(filled, newcomer, gl):
    package = filled.packages.list(package_name="labels", get_all=True)[0]
    user, theirs = newcomer
    filled.members.create({"user_id": user.id, "access_level": gitlab.const.AccessLevel.DEVELOPER})
    seen = theirs.projects.get(filled.id).packages.get(package.id)
    assert "delete_api_path" not in seen._links
    assert code_of(seen.delete) == 403
    package.delete()
    assert code_of(filled.packages.get, package.id) == 404
    # What was a version's stays, without files.
    filled.packages.delete(filled.packages.list(package_version="1.0.0", get_all=True)[0].id)
    again = filled.packages.list(package_version="1.0.0", get_all=True)[0]
    assert again.package_files.list(get_all=True) == []


def test_group_packages(gl, root, unique):
    name = unique("group")
    group = gl.groups.create({"name": name, "path": name})
    sub = gl.groups.create({"name": "sub", "path": "sub", "parent_id": group.id})
    projects = [gl.projects.create({"name": n, "namespace_id": g.id}) for n, g in (("b", group), ("a", sub))]
    for project in projects:
        project.generic_packages.upload(f"data-{project.name}", "1", "x", data=b"x")
    listed = group.packages.list
    assert named(listed(get_all=True)) == [("data-b", "1"), ("data-a", "1")]
    first = listed(get_all=True, order_by="project_path")[0]
    assert (first.project_id, first.project_path) == (projects[0].id, f"{name}/b")
    assert named(listed(get_all=True, exclude_subgroups=True)) == [("data-b", "1")]
    assert named(listed(iterator=True, per_page=1, package_type="generic", package_name="data-a")) == [("data-a", "1")]
    assert listed(get_all=True, package_type="ml_model") == listed(get_all=True, status="hidden") == []


def test_generic_upload_and_download(project, tmp_path):
    content = os.urandom(3_000_000)
    local = tmp_path / "set.bin"
    local.write_bytes(content)
    generic = project.generic_packages
    made = generic.upload("data", "1.0", "set.bin", path=local)
    assert made.message == "201 Created"
    with local.open("rb") as stream:
        picked = generic.upload("data", "1.0", "train/part 1.bin", data=stream, select="package_file")
    assert picked.file_sha256 == hashlib.sha256(content).hexdigest()
    assert picked.file_name == "train%2Fpart%201.bin"

    assert generic.download("data", "1.0", "set.bin") == content
    assert generic.download("data", "1.0", "train/part 1.bin") == content
    # As GitLab's manual has it: the name of the list in the address.
    assert generic.download("data", "1.0", picked.file_name) == content
    streamed = io.BytesIO()
    generic.download("data", "1.0", "set.bin", streamed=True, action=streamed.write, chunk_size=65536)
    assert streamed.getvalue() == content
    assert b"".join(generic.download("data", "1.0", "set.bin", iterator=True, chunk_size=65536)) == content

    names = [f.file_name for f in project.packages.list(get_all=True)[0].package_files.list(get_all=True)]
    assert names == ["set.bin", "train%2Fpart%201.bin"]
    assert code_of(generic.download, "data", "1.0", "none") == 404
    assert code_of(generic.upload, "da ta", "1.0", "x", data=b"x") == 400


def test_duplicates(project):
    generic = project.generic_packages
    generic.upload("data", "1", "x", data=b"one")
    generic.upload("data", "1", "x", data=b"two")
    assert generic.download("data", "1", "x") == b"two"
    project.generic_duplicates_allowed = False
    project.save()
    with pytest.raises(gitlab.exceptions.GitlabUploadError, match="Duplicate package is not allowed"):
        generic.upload("data", "1", "x", data=b"three")
    generic.upload("data", "1", "y", data=b"new")
    assert generic.download("data", "1", "x") == b"two"


def test_ci_job_uploads(gl, project, root):
    job = root.post(f"/projects/{project.id}/job_tokens", {"user_id": 1, "job_id": 7})
    with gitlab.Gitlab(api.URL, job_token=job["token"], timeout=60) as client:
        inside = client.projects.get(project.id, lazy=True)
        inside.generic_packages.upload("built", "7", "out.bin", data=b"out")
        assert inside.generic_packages.download("built", "7", "out.bin") == b"out"
        assert named(inside.packages.list(get_all=True)) == [("built", "7")]


def test_anonymous_sees_public_packages_only(gl, project):
    project.generic_packages.upload("data", "1", "x", data=b"x")
    with gitlab.Gitlab(api.URL, timeout=60) as nobody:
        there = nobody.projects.get(project.id, lazy=True)
        assert code_of(there.packages.list, get_all=True) == 404
        project.visibility = "public"
        project.save()
        assert named(there.packages.list(get_all=True)) == [("data", "1")]
        assert there.generic_packages.download("data", "1", "x") == b"x"
