"""Registered models: names, life, tags, aliases, searches."""

import pytest

from both import Both


@pytest.mark.parametrize("name", [
    "plain", "with space", "ünïcödé", "日本語", "a/b", "a:b", "percent%", "quote's", "a.b_c-d", "tab\tin", "emoji 🎉", "..", "@x", "x@y",
    "new\nline", "back\\slash", "#", "?q",
])
def test_names(both, name):
    name = name + both.name("m")
    both.post("registered-models/create", how={"may_refuse": not name.isprintable()}, name=name)
    both.get("registered-models/get", name=name)
    both.post("registered-models/create", how={"message": False, "may_refuse": not name.isprintable()}, name=name)


@pytest.mark.parametrize("name", ["", " ", "n" * 255, "n" * 256, "n" * 257, "n" * 500, None, 5, [], "."])
def test_odd_names(both, name):
    both.post("registered-models/create", how={"may_refuse": True}, name=name)
    if isinstance(name, str):
        both.get("registered-models/get", name=name)


@pytest.mark.parametrize("fields", [
    {"description": "# text\n\nmore"}, {"description": ""}, {"description": "d" * 5000}, {"description": "d" * 5001},
    {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]}, {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
    {"tags": [{"key": "k" * 250, "value": "v"}]}, {"tags": [{"key": "k" * 251, "value": "v"}]},
    {"tags": [{"key": "k", "value": "v" * 5000}]}, {"tags": [{"key": "k", "value": "v" * 100001}]}, {"tags": [{"key": "a#b", "value": "v"}]},
    {"tags": [{"value": "v"}]}, {"deployment_job_id": "7"}, {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]},
    {"description": 5}, {"tags": "x"},
])
def test_create(both, fields):
    name = both.name()
    both.post("registered-models/create", how={"may_refuse": True}, name=name, **fields)
    both.get("registered-models/get", name=name)


@pytest.fixture
def model(both):
    """Is the name of a fresh model."""
    name = both.name("model")
    both.post("registered-models/create", name=name)
    return name


def test_life(both, model):
    other = both.name()
    both.patch("registered-models/update", name=model, description="first")
    both.patch("registered-models/update", name=model, description="")
    both.patch("registered-models/update", name=model)
    both.get("registered-models/get", name=model)
    both.post("registered-models/rename", name=model, new_name=other)
    both.get("registered-models/get", name=model)
    both.get("registered-models/get", name=other)
    both.post("registered-models/rename", name=other, new_name=other)
    both.post("registered-models/rename", name=model, new_name="x")
    both.delete("registered-models/delete", name=other)
    both.delete("registered-models/delete", name=other)
    both.get("registered-models/get", name=other)
    both.patch("registered-models/update", name=other, description="gone")
    both.post("registered-models/set-tag", name=other, key="a", value="b")
    both.post("registered-models/create", name=other)
    both.get("registered-models/get", name=other)


def test_rename_refused(both, model):
    other = both.name("taken")
    both.post("registered-models/create", name=other)
    for new in [other, "", None, "n" * 257, 5]:
        both.post("registered-models/rename", how={"may_refuse": True, "message": False}, name=model, new_name=new)


def test_rename_keeps_what_it_has(both, model):
    both.post("registered-models/set-tag", name=model, key="a", value="1")
    both.post("model-versions/create", name=model, source="s3://bucket/x")
    both.post("registered-models/alias", name=model, alias="champion", version="1")
    other = both.name("renamed")
    both.post("registered-models/rename", name=model, new_name=other)
    both.get("registered-models/get", name=other)
    both.get("model-versions/get", name=other, version="1")
    both.get("registered-models/alias", name=other, alias="champion")
    both.get("model-versions/get", name=model, version="1")


def test_tags(both, model):
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("k" * 250, "v"), ("k" * 251, "v"), ("c", "v" * 5000), ("d", "v" * 5001),
                       ("a/b c.d-e_f", "z"), ("a//b", "z"), ("../a", "z"), ("bad#key", "v"), ("ü", "v"), ("a:b", "v"),
                       ("mlflow.note.content", "text")]:
        both.post("registered-models/set-tag", name=model, key=key, value=value)
    both.get("registered-models/get", name=model)
    for key in ["a", "a", "never", "k" * 251]:
        both.delete("registered-models/delete-tag", name=model, key=key)
    both.get("registered-models/get", name=model)


def test_aliases(both, model):
    for _ in range(2):
        both.post("model-versions/create", name=model, source="s3://bucket/x")
    for alias, version in [("champion", "1"), ("champion", "2"), ("Champion", "1"), ("best-1_x", "1"), ("latest", "1"), ("Latest", "1"),
                           ("v1", "1"), ("V9", "1"), ("v1a", "1"), ("1", "1"), ("a b", "1"), ("a.b", "1"), ("ü", "1"), ("", "1"),
                           ("a" * 255, "1"), ("a" * 256, "1"), ("x", "9"), ("x", "0"), ("x", "abc"), ("x", ""), ("x", 1), ("x", None),
                           ("-", "1"), ("_", "1"), ("a@b", "1")]:
        both.post("registered-models/alias", how={"may_refuse": True}, name=model, alias=alias, version=version)
    both.get("registered-models/get", name=model)
    for alias in ["champion", "Champion", "latest", "none", "v1", "", "a b"]:
        both.get("registered-models/alias", name=model, alias=alias)
    for alias in ["champion", "champion", "none", "latest", ""]:
        both.delete("registered-models/alias", name=model, alias=alias)
    both.get("registered-models/alias", name=model, alias="champion")
    both.get("registered-models/get", name=model)
    both.get("model-versions/get", name=model, version="1")


def test_aliases_go_with_their_version(both, model):
    both.post("model-versions/create", name=model, source="s3://bucket/x")
    both.post("registered-models/alias", name=model, alias="champion", version="1")
    both.delete("model-versions/delete", name=model, version="1")
    both.get("registered-models/alias", name=model, alias="champion")
    both.get("registered-models/get", name=model)
    both.post("registered-models/alias", name=model, alias="champion", version="1")


def test_a_deleted_model_takes_its_versions(both, model):
    both.post("model-versions/create", name=model, source="s3://bucket/x")
    both.delete("registered-models/delete", name=model)
    both.get("model-versions/get", name=model, version="1")
    both.get("model-versions/search", filter=f"name = '{model}'")
    both.post("registered-models/create", name=model)
    both.post("model-versions/create", name=model, source="s3://bucket/x")


def test_latest_versions(both, model):
    both.get("registered-models/get-latest-versions", name=model)
    for _ in range(3):
        both.post("model-versions/create", name=model, source="s3://bucket/x")
    both.post("model-versions/transition-stage", name=model, version="1", stage="Production")
    both.post("model-versions/transition-stage", name=model, version="2", stage="staging")
    for stages in ([], ["Production"], ["production", "Staging"], ["None"], ["Archived"], ["nonsense"]):
        both.post("registered-models/get-latest-versions", how={"sort": "model_versions"}, name=model, stages=stages)
        both.get("registered-models/get-latest-versions", how={"sort": "model_versions"}, name=model, stages=stages)
    both.get("registered-models/get", how={"ignore": ("latest_versions",)}, name=model)
    both.post("registered-models/get-latest-versions", name="none-such")


@pytest.fixture(scope="module")
def shelf(servers):
    """Is seven models to search among."""
    both = Both(*servers, "models-shelf")
    for i, name in enumerate(["alpha", "Beta", "gamma_1", "gamma%2", "delta", "épsilon", "zeta's"]):
        tags = [{"key": "group", "value": "even" if i % 2 == 0 else "odd"}, {"key": "n", "value": str(i)}]
        tags += [{"key": "a key.with/all", "value": "x"}] if i == 2 else []
        both.post("registered-models/create", name=f"mshelf-{name}", tags=tags)
    both.post("registered-models/create", name="mshelf-prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])


FILTERS = [
    "name = 'mshelf-alpha'", "name != 'mshelf-alpha'", "name LIKE 'mshelf-%a'", "name LIKE 'MSHELF-%'", "name ILIKE 'MSHELF-B%'",
    "name LIKE 'mshelf-gamma_1'", "name = 'mshelf-zeta''s'", 'name = "mshelf-zeta\'s"', "name LIKE '%\\%2'",
    "tags.group = 'even'", "tags.group != 'even'", "tags.group LIKE 'e%'", "tags.group ILIKE 'E%'", "tag.group = 'odd'",
    "tags.`a key.with/all` = 'x'", "tags.group = 'even' AND tags.n = '2'", "name LIKE '%a' and tags.group = 'odd'", "tags.none = 'x'",
    "tags.none != 'x'", "attribute.name = 'mshelf-alpha'", "attributes.name = 'mshelf-alpha'", "tags.`mlflow.prompt.is_prompt` = 'true'",
    "tags.`mlflow.prompt.is_prompt` != 'true'", "name = ''", "tags.group IS NULL", "tags.group IS NOT NULL", "tags.n IN ('1', '2')", "",
]


@pytest.mark.parametrize("text", FILTERS)
def test_filters(both, shelf, text):
    text = f"{text} AND name LIKE 'mshelf-%'" if "name" not in text and text else text or "name LIKE 'mshelf-%'"
    both.get("registered-models/search", filter=text, max_results=100)


@pytest.mark.parametrize("text", [
    "name", "name =", "name = x", "name > 'x'", "name = 'x", "name = 'a' OR name = 'b'", "nome = 'x'", "name = 5", "tags = 'x'",
    "tags.a > 'x'", "run_id = 'x'", "name IN ('a', 'b')", "(name = 'x')", "name = 'a' AND", "name == 'x'", "creation_timestamp > 5",
    "version_number > 1", "params.x = '1'", "name LIKE 5", "name = 'a' name = 'b'", "aliases = 'x'", "description = 'x'",
])
def test_bad_filters(both, text):
    both.get("registered-models/search", how={"may_refuse": True}, filter=text, max_results=5)


@pytest.mark.parametrize("order", [
    ["name"], ["name DESC"], ["timestamp"], ["timestamp DESC"], ["last_updated_timestamp", "name"], ["creation_timestamp DESC"], ["nome"],
    ["name DOWN"], [""], ["name", "name"], ["name ASC", "timestamp DESC"], ["description"], ["attribute.name"], ["`name`"],
])
def test_orders(both, shelf, order):
    both.get("registered-models/search", filter="name LIKE 'mshelf-%'", order_by=order)


@pytest.mark.parametrize("size", [1, 3, 100, 1000, 1001, 0, -1, "x", 2.5])
def test_sizes(both, shelf, size):
    both.get("registered-models/search", how={"may_refuse": True}, filter="name LIKE 'mshelf-%'", max_results=size)


def test_pages(both, shelf):
    token = None
    for _ in range(4):
        more = {"page_token": token} if token else {}
        answers = both.get("registered-models/search", filter="name LIKE 'mshelf-%'", max_results=3, **more)
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")
    both.get("registered-models/search", how={"message": False}, page_token="nonsense")


def test_the_client(both):
    name = both.name("client")

    def a_model(client, fill):
        client.create_registered_model(name, tags={"a": "1"}, description="text")
        client.set_registered_model_tag(name, "b", 2)
        client.delete_registered_model_tag(name, "a")
        client.update_registered_model(name, "new text")
        found = client.get_registered_model(name)
        client.rename_registered_model(name, name + "-2")
        listed = client.search_registered_models(f"name LIKE '{name}%'")
        client.delete_registered_model(name + "-2")
        return [found.tags, found.description, [m.name for m in listed], client.search_registered_models(f"name LIKE '{name}%'")]

    def a_missing_model(client, fill):
        return client.get_registered_model("none-such")

    both.client(a_model)
    both.client(a_missing_model)
