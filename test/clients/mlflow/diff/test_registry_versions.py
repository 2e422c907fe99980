"""Model versions: sources, life, stages, tags, searches."""

import pytest

from both import Both

SOURCE = "s3://bucket/model"


@pytest.fixture
def model(both):
    """Is the name of a fresh model."""
    name = both.name("model")
    both.post("registered-models/create", name=name)
    return name


@pytest.mark.parametrize("fields", [
    {"source": SOURCE}, {"source": SOURCE, "description": "text"}, {"source": SOURCE, "description": ""},
    {"source": SOURCE, "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]}, {"source": SOURCE, "run_link": "http://x/y"},
    {"source": SOURCE, "run_id": "0" * 32}, {"source": SOURCE, "run_id": ""}, {"source": SOURCE, "run_id": "not a run"},
    {"source": SOURCE, "tags": [{"key": "k" * 251, "value": "v"}]}, {"source": SOURCE, "tags": [{"key": "a#", "value": "v"}]},
    {"source": SOURCE, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, {"source": SOURCE, "description": "d" * 5001},
    {}, {"source": ""}, {"source": None}, {"source": 5},
])
def test_create(both, model, fields):
    both.post("model-versions/create", how={"may_refuse": True}, name=model, **fields)
    both.get("model-versions/get", name=model, version="1")
    both.get("model-versions/get-download-uri", name=model, version="1")


@pytest.mark.parametrize("source", [
    "/etc/passwd", "file:///etc/passwd", "file:/etc", "../x", "./x", "x", "runs:/" + "0" * 32 + "/model", "models:/other/1",
    "models:/m-" + "0" * 32, "mlflow-artifacts:/0/" + "0" * 32 + "/artifacts/model", "mlflow-artifacts:/", "http://host/x",
    "https://host/../x", "s3://bucket/../x", "s3://bucket/%2e%2e/x", "dbfs:/x", "hdfs://x/y", "mlflow-artifacts:/a/../b",
    "mlflow-artifacts://host/x", "file://remote/x", "ftp://x/y", "gs://b/k", "s3://" + "x" * 600, "mlflow-artifacts:/a%2f..%2fb",
    "s3://bucket/x?a=b", "s3://bucket/x#f", "C:\\x", "abfss://c@a.dfs.core.windows.net/p", " s3://bucket/x", "runs:/",
])
def test_sources(both, model, source):
    both.post("model-versions/create", how={"may_refuse": True}, name=model, source=source)


def test_a_run_must_have_the_source(both, model, experiment, run):
    uri = f"mlflow-artifacts:/{experiment}/{run}/artifacts"
    other = both.post("runs/create", experiment_id=experiment, run_name="other", start_time=7).pick("run.info.run_id")
    for fields in ({"source": uri + "/model", "run_id": run}, {"source": uri, "run_id": run}, {"source": uri + "/model", "run_id": other},
                   {"source": uri + "/../x", "run_id": run}, {"source": uri + "/model"}, {"source": "runs:/" + run + "/model", "run_id": run},
                   {"source": f"mlflow-artifacts:/{experiment}/{run}", "run_id": run}):
        both.post("model-versions/create", name=model, **fields)
    both.get("model-versions/search", how={"sort": "model_versions:version"}, filter=f"run_id = '{run}'")


def test_versions_count_up(both, model):
    for _ in range(3):
        both.post("model-versions/create", name=model, source=SOURCE)
    both.delete("model-versions/delete", name=model, version="3")
    both.post("model-versions/create", name=model, source=SOURCE)
    both.delete("model-versions/delete", name=model, version="1")
    both.post("model-versions/create", name=model, source=SOURCE)
    both.post("model-versions/create", name="none-such", source=SOURCE)
    both.get("model-versions/search", filter=f"name = '{model}'")


@pytest.mark.parametrize("version", ["1", 1, "01", "0", "-1", "2", "abc", "1.5", "", None, "99999999999999999999", " 1"])
def test_version_numbers(both, model, version):
    both.post("model-versions/create", name=model, source=SOURCE)
    how = {"may_refuse": True, "message": version not in (1, "01", " 1", "99999999999999999999", None)}
    both.get("model-versions/get", how=how, name=model, version=version)
    both.get("model-versions/get-download-uri", how=how, name=model, version=version)
    both.patch("model-versions/update", how=how, name=model, version=version, description="x")
    both.post("model-versions/set-tag", how=how, name=model, version=version, key="a", value="b")
    both.delete("model-versions/delete-tag", how=how, name=model, version=version, key="a")
    both.post("model-versions/transition-stage", how=how, name=model, version=version, stage="Staging")


def test_life(both, model):
    both.post("model-versions/create", name=model, source=SOURCE)
    for text in ("first", "", None, "d" * 5001):
        # No description and an empty one are the same to a client.
        how = {"may_refuse": True, "ignore": () if text else ("description",)}
        both.patch("model-versions/update", how=how, name=model, version="1", description=text)
        both.get("model-versions/get", how=how, name=model, version="1")
    both.patch("model-versions/update", how={"ignore": ("description",)}, name=model, version="1")
    both.delete("model-versions/delete", name=model, version="1")
    both.delete("model-versions/delete", name=model, version="1")
    both.get("model-versions/get", name=model, version="1")
    both.get("model-versions/get-download-uri", name=model, version="1")
    both.patch("model-versions/update", name=model, version="1", description="gone")
    both.post("model-versions/set-tag", name=model, version="1", key="a", value="b")
    both.get("model-versions/get", name="none-such", version="1")


def test_stages(both, model):
    for _ in range(3):
        both.post("model-versions/create", name=model, source=SOURCE)
    for version, stage, archive in [("1", "Staging", False), ("1", "production", False), ("2", "PRODUCTION", True), ("1", "None", False),
                                    ("1", "Archived", True), ("2", "none", True), ("3", "nonsense", False), ("3", "", False),
                                    ("3", None, False), ("3", "Production", "x"), ("3", "Staging", None), ("3", "Archived", False)]:
        both.post("model-versions/transition-stage", how={"may_refuse": True}, name=model, version=version, stage=stage,
                  archive_existing_versions=archive)
        both.get("model-versions/search", filter=f"name = '{model}'", order_by=["version_number"])
    both.post("model-versions/transition-stage", name=model, version="1", stage="Staging")


def test_tags(both, model):
    both.post("model-versions/create", name=model, source=SOURCE)
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("k" * 250, "v"), ("k" * 251, "v"), ("c", "v" * 5000), ("d", "v" * 100000),
                       ("e", "v" * 100001), ("a/b c.d-e_f", "z"), ("a//b", "z"), ("bad#key", "v"), ("ü", "v"), ("a:b", "v")]:
        both.post("model-versions/set-tag", name=model, version="1", key=key, value=value)
    both.get("model-versions/get", name=model, version="1")
    for key in ["a", "a", "never"]:
        both.delete("model-versions/delete-tag", name=model, version="1", key=key)
    both.get("model-versions/get", name=model, version="1")


@pytest.fixture(scope="module")
def shelf(servers):
    """Is two models with eight versions, and the run of some."""
    both = Both(*servers, "versions-shelf")
    experiment = both.post("experiments/create", name="versions shelf").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="r", start_time=5).pick("run.info.run_id")
    for name in ("vshelf-one", "vshelf-Two"):
        both.post("registered-models/create", name=name)
        for i in range(4):
            tags = [{"key": "parity", "value": "even" if i % 2 else "odd"}] + ([{"key": "a key", "value": "x"}] if i == 3 else [])
            both.post("model-versions/create", name=name, source=f"s3://bucket/{name}/{i}", tags=tags, **({"run_id": run} if i < 2 else {}))
    both.post("registered-models/alias", name="vshelf-one", alias="champion", version="2")
    return run


FILTERS = [
    "name = 'vshelf-one'", "name LIKE 'vshelf-%'", "name ILIKE 'VSHELF-T%'", "name != 'vshelf-one' AND name LIKE 'vshelf-%'", "run_id = '{0}'",
    "run_id IN ('{0}')", "run_id IN ('{0}', 'x')", "run_id IN ('x')", "source_path = 's3://bucket/vshelf-one/1'",
    "source_path LIKE '%/3'", "source_path ILIKE '%ONE%'", "source_path != 's3://bucket/vshelf-one/1'", "version_number = 2",
    "version_number > 2", "version_number >= 3", "version_number < 2", "version_number != 1", "version_number <= 2", "version_number = '2'",
    "tags.parity = 'even'", "tags.parity != 'even'", "tags.parity LIKE 'o%'", "tags.parity ILIKE 'O%'", "tag.parity = 'odd'",
    "tags.`a key` = 'x'", "name = 'vshelf-one' AND version_number > 2", "name = 'vshelf-one' and tags.parity = 'even'",
    "name = 'none'", "tags.none = 'x'", "attribute.name = 'vshelf-one'", "version_number = 1 AND run_id = '{0}'", "version_number = -1",
    "tags.parity IS NULL", "tags.parity IS NOT NULL", "tags.parity IN ('even')", "name IN ('vshelf-one')",
]


@pytest.mark.parametrize("text", FILTERS)
def test_filters(both, shelf, text):
    text = text.format(shelf)
    text = text if "name" in text else f"{text} AND name LIKE 'vshelf-%'"
    both.get("model-versions/search", filter=text, order_by=["name", "version_number"])


@pytest.mark.parametrize("text", [
    "name", "name =", "name = x", "name > 'x'", "name = 'a' OR name = 'b'", "nome = 'x'", "version_number = 'x'", "version_number LIKE '1'",
    "version_number > 'x'", "run_id LIKE 'x'", "run_id IN ()", "run_id IN (1)", "run_id > 'x'", "source_path > 'x'", "tags = 'x'",
    "tags.a > 'x'", "creation_timestamp > 1", "current_stage = 'Production'", "(name = 'x')", "name = 'a' AND", "run_id = 'a' run_id = 'b'",
    "version_number = 1.5", "aliases = 'champion'", "user_id = 'x'", "status = 'READY'", "run_id IN ('a'", "name LIKE 5",
    "version_number IN (1, 2)", "name = 'x' AND OR",
])
def test_bad_filters(both, text):
    both.get("model-versions/search", how={"may_refuse": True}, filter=text, max_results=5)


@pytest.mark.parametrize("order", [
    ["name", "version_number DESC"], ["name DESC", "version_number"], ["version_number", "name"], ["creation_timestamp", "name", "version_number"],
    ["last_updated_timestamp DESC", "name", "version_number"], [], ["nome"], ["version_number DOWN"], [""], ["run_id"],
    ["source_path", "name"], ["user_id"], ["version_number DESC", "name ASC"], ["tags.parity"],
])
def test_orders(both, shelf, order):
    both.get("model-versions/search", filter="name LIKE 'vshelf-%'", order_by=order)


@pytest.mark.parametrize("size", [1, 3, 8, 200000, 200001, 0, -1, "x"])
def test_sizes(both, shelf, size):
    both.get("model-versions/search", filter="name LIKE 'vshelf-%'", max_results=size, order_by=["name", "version_number"])


def test_pages(both, shelf):
    token = None
    for _ in range(4):
        more = {"page_token": token} if token else {}
        answers = both.get("model-versions/search", filter="name LIKE 'vshelf-%'", max_results=3, order_by=["name", "version_number"], **more)
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")
    both.get("model-versions/search", how={"message": False}, page_token="nonsense")


def test_the_client(both):
    name = both.name("client")

    def versions(client, fill):
        client.create_registered_model(name)
        made = client.create_model_version(name, SOURCE, tags={"a": "1"}, description="text")
        client.create_model_version(name, SOURCE)
        client.set_model_version_tag(name, made.version, "b", "2")
        client.delete_model_version_tag(name, made.version, "a")
        client.update_model_version(name, made.version, "new text")
        client.set_registered_model_alias(name, "champion", made.version)
        found = client.get_model_version_by_alias(name, "champion")
        client.delete_model_version(name, "2")
        listed = client.search_model_versions(f"name = '{name}'")
        return [found.version, found.tags, found.aliases, found.description, found.status, len(listed),
                client.get_model_version_download_uri(name, "1")]

    def copy(client, fill):
        copied = client.copy_model_version(f"models:/{name}/1", name + "-copy")
        return [copied.version, copied.source, copied.name]

    def a_missing_version(client, fill):
        return client.get_model_version(name, "77")

    for what in (versions, copy, a_missing_version):
        both.client(what)
