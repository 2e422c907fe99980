"""Artifacts through the proxy: up, down, lists, odd paths, deletion."""

import pytest

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
HEADERS = ("Content-Disposition", "X-Content-Type-Options", "Content-Length")


@pytest.fixture
def home(both, experiment, run):
    """Is the folder of a fresh run, below the proxy."""
    return f"{experiment}/{run}/artifacts"


def put(both, path, data=b"content"):
    """Uploads one file to both."""
    return both.call("PUT", f"{PROXY}/{path}", data=data)


def get(both, path, **how):
    """Downloads one file from both."""
    return both.call("GET", f"{PROXY}/{path}", headers_too=HEADERS, **how)


@pytest.mark.parametrize("name", [
    "a.txt", "b.json", "c.html", "d.png", "e.bin", "f", "g.svg", "MLmodel", "conda.yaml", "h.py", "i.csv", "j.md", "k.tar.gz", "l.pkl",
    "m.ipynb", "n.parquet", "o.log", "p.js", "with%20space.txt", "%C3%BCn%C3%AF.txt", "%E6%97%A5%E6%9C%AC.txt", "quote'.txt",
    "a%22b.txt", "plus+plus.txt", "semi;colon.txt", "percent%25.txt", "comma,x.txt", ".hidden", "deep/er/still/x.txt", "at@x.txt",
])
def test_types_and_names(both, home, name):
    put(both, f"{home}/{name}")
    get(both, f"{home}/{name}")


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_sizes(both, run, home, size):
    put(both, f"{home}/x.bin", b"x" * size)
    get(both, f"{home}/x.bin")
    both.get("artifacts/list", run_id=run)


def test_overwriting(both, run, home):
    put(both, f"{home}/x.txt", b"one")
    put(both, f"{home}/x.txt", b"two, longer")
    get(both, f"{home}/x.txt")
    both.get("artifacts/list", run_id=run)


@pytest.fixture
def tree(both, home):
    """Is the folder of a run that has some files."""
    for name in ["z.txt", "a.txt", "model/MLmodel", "model/data/weights.bin", "model/b c.txt", "B.txt", "empty.txt"]:
        put(both, f"{home}/{name.replace(' ', '%20')}", b"" if name == "empty.txt" else name.encode())
    return home


@pytest.mark.parametrize("path", [
    None, "", "model", "model/", "model/data", "a.txt", "none", "model/none", "model/../a.txt", "..", "../..", "/", "/etc", "model//data",
    "./model", "%2e%2e", "model/%2e%2e/a.txt", "model\\data", "a" * 300, "b c.txt", "file:///etc", "model?x=1", "model#x", "~",
])
def test_lists(both, tree, run, path):
    words = {} if path is None else {"path": path}
    odd = {"may_refuse": "\\" in (path or "")}  # which no path has here
    both.get("artifacts/list", odd, run_id=run, **words)
    both.get("artifacts/list", odd, run_uuid=run, **words)
    both.call("GET", PROXY, sort="files", params={"path": tree if path is None else f"{tree}/{path}"}, **odd)


def test_lists_of_nothing(both, run):
    both.get("artifacts/list", run_id=run)
    both.get("artifacts/list", run_id=run, path="none")
    both.get("artifacts/list", run_id="0" * 32)
    both.get("artifacts/list")
    both.get("artifacts/list", run_id="")
    both.get("artifacts/list", run_id=run, page_token="x")


def test_deleted_runs_keep_their_files(both, tree, run):
    both.post("runs/delete", run_id=run)
    both.get("artifacts/list", run_id=run)
    get(both, f"{tree}/a.txt")
    both.post("runs/restore", run_id=run)
    both.get("artifacts/list", run_id=run)


@pytest.mark.parametrize("path", ["none.txt", "model", "model/none", "", "model/data/weights.bin/x"])
def test_downloads_of_nothing(both, tree, path):
    # Of a folder the real server says so in another form than all else.
    both.call("GET", f"{PROXY}/{tree}/{path}", message=False, ignore=("detail", "error_code", "sqlstate", "error_class"))


@pytest.mark.parametrize("path", [
    "../x", "a/../../x", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "a%2f..%2f..%2fx", "..%2f..%2fx", "%252e%252e/x", "a/%00x", "a\\..\\x", "%2fetc",
])
def test_paths_that_climb(both, home, path):
    for method in ("GET", "PUT", "DELETE"):
        both.call(method, f"{PROXY}/{home}/{path}", message=False, may_refuse=True, **({"data": b"x"} if method == "PUT" else {}))


# The real server refuses ranges that RFC 9110 wants to be ignored; those stand in our own tests.
@pytest.mark.parametrize("value", ["bytes=0-2", "bytes=2-", "bytes=-3", "bytes=0-0"])
def test_ranges(both, home, value):
    put(both, f"{home}/x.txt", b"0123456789")
    both.call("GET", f"{PROXY}/{home}/x.txt", headers={"Range": value}, headers_too=("Content-Range",))


def test_deletion(both, tree, run):
    for path in ("a.txt", "a.txt", "model/data", "none"):
        both.call("DELETE", f"{PROXY}/{tree}/{path}", message=False)
        both.get("artifacts/list", run_id=run)
    get(both, f"{tree}/a.txt", message=False)
    both.call("DELETE", f"{PROXY}/{tree}", message=False)
    both.get("artifacts/list", run_id=run)


@pytest.mark.parametrize("path", ["a.txt", "model/MLmodel", "model", "none", "", "../x", "%2e%2e/x", "/etc/passwd"])
def test_get_artifact(both, tree, run, path):
    both.call("GET", "/get-artifact", message=False, params={"run_id": run, "path": path})
    both.call("GET", "/get-artifact", message=False, params={"run_uuid": run, "path": path})


def test_get_artifact_of_nothing(both):
    both.call("GET", "/get-artifact", message=False, params={"run_id": "0" * 32, "path": "x"})


@pytest.mark.parametrize("words", [
    {"path": "MLmodel"}, {"path": "none"}, {"path": "../x"}, {"version": "9", "path": "MLmodel"}, {"name": "none", "path": "MLmodel"},
])
def test_files_of_a_version(both, tree, run, words):
    name = both.name("model")
    both.post("registered-models/create", name=name)
    both.post("model-versions/create", name=name, source=f"mlflow-artifacts:/{tree}/model", run_id=run)
    both.call("GET", "/model-versions/get-artifact", message=False, params={"name": name, "version": "1"} | words)


def test_upload_by_the_page(both, run):
    address = "/ajax-api/2.0/mlflow/upload-artifact"
    for params in ({"run_uuid": run, "path": "up/load.txt"}, {"run_uuid": run}, {"path": "x"}, {"run_uuid": run, "path": "../x"},
                   {"run_uuid": "0" * 32, "path": "x"}):
        both.call("POST", address, message=False, params=params, data=b"from the page")
    both.call("POST", address, message=False, params={"run_uuid": run, "path": "empty"}, data=b"")
    both.get("artifacts/list", run_id=run, path="up")
    both.get("artifacts/list", run_id=run)


def test_the_client(both, tmp_path):
    name = both.name("client")
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for file in ("one.txt", "sub/two.bin", "sub/ün ï.txt"):
        (tmp_path / "in" / file).write_text(file)

    def files(client, fill):
        run_id = client.create_run(client.create_experiment(name), run_name="x").info.run_id
        client.log_artifact(run_id, tmp_path / "in" / "one.txt")
        client.log_artifacts(run_id, tmp_path / "in", "all")
        client.log_text(run_id, "text", "notes/a.txt")
        client.log_dict(run_id, {"a": 1}, "notes/b.json")
        out = tmp_path / run_id
        out.mkdir()
        client.download_artifacts(run_id, "", out)
        got = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
        return [got, client.list_artifacts(run_id), client.list_artifacts(run_id, "all"), (out / "all/sub/two.bin").read_text()]

    def a_missing_file(client, fill):
        run_id = client.create_run("0", run_name="x").info.run_id
        try:
            client.download_artifacts(run_id, "none")
        except Exception as e:
            return type(e).__name__

    both.client(files)
    both.client(a_missing_file)
