"""Experiments: their life, their tags, and how they are found."""

import pytest

LONG = "n" * 500


@pytest.mark.parametrize("name", [
    "plain", "with space", " leading", "trailing ", "ünïcödé", "日本語", "a/b", "a\\b", "quote'd", 'quote"d', "percent%",
    "a" * 499, LONG, LONG + "n", "tab\tin", "line\nin", "emoji 🎉", "1234", "a.b:c",
])
def test_names(both, name):
    name = name if len(name) > 400 else f"{name}{both.name('n')}{name}"
    answers = both.post("experiments/create", how={"may_refuse": not name.isprintable()}, name=name)
    both.get("experiments/get-by-name", experiment_name=name)
    if answers.real.ok and answers.ours.ok:
        both.get("experiments/get", experiment_id=answers.pick("experiment_id"))


def test_create_with_all_fields(both):
    created = both.post("experiments/create", name=both.name(), tags=[
        {"key": "team", "value": "vision"}, {"key": "mlflow.note.content", "value": "**bold**"}, {"key": "empty", "value": ""}])
    both.get("experiments/get", experiment_id=created.pick("experiment_id"))


@pytest.mark.parametrize("tags", [
    [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}], [{"key": "", "value": "x"}], [{"value": "no key"}],
    [{"key": "k" * 250, "value": "v"}], [{"key": "k" * 251, "value": "v"}], [{"key": "k", "value": "v" * 5000}],
    [{"key": "k", "value": "v" * 5001}], [{"key": "a#b", "value": "v"}], [{"key": "a/../b", "value": "v"}],
    [{"key": "a:b", "value": "v"}], [{"key": "a b.c-d_e/f", "value": "v"}], [{"key": "ü", "value": "v"}],
])
def test_create_with_odd_tags(both, tags):
    # Of a key that comes twice, the real one says that the experiment exists.
    twice = {} if len(tags) == 1 else {"message": False, "ignore": ("error_code", "error_class")}
    both.post("experiments/create", how=twice, name=both.name(), tags=tags)


@pytest.mark.parametrize("location", [
    "mlflow-artifacts:/somewhere", "s3://bucket/folder", "mlflow-artifacts:/a/../../b", "", "s3://bucket/a/../../b",
    "mlflow-artifacts:/with?query=1", "mlflow-artifacts:/with#fragment",
])
def test_artifact_locations(both, location):
    created = both.post("experiments/create", name=both.name(), artifact_location=location)
    if created.real.ok and created.ours.ok:
        both.get("experiments/get", experiment_id=created.pick("experiment_id"))


def test_the_default_experiment(both):
    both.get("experiments/get", experiment_id="0")
    both.get("experiments/get-by-name", experiment_name="Default")
    both.post("experiments/create", name="Default")


def test_taken_names(both, experiment):
    name = both.get("experiments/get", experiment_id=experiment).value("experiment.name")
    both.post("experiments/create", name=name)
    other = both.post("experiments/create", name=both.name()).pick("experiment_id")
    both.post("experiments/update", how={"message": False}, experiment_id=other, new_name=name)
    both.post("experiments/delete", experiment_id=experiment)
    both.post("experiments/create", name=name)
    both.get("experiments/get-by-name", experiment_name=name)


def test_life(both, experiment):
    both.post("experiments/restore", how={"message": False}, experiment_id=experiment)
    both.post("experiments/delete", experiment_id=experiment)
    both.get("experiments/get", experiment_id=experiment)
    both.post("experiments/delete", experiment_id=experiment)
    both.post("experiments/update", experiment_id=experiment, new_name=both.name())
    both.post("experiments/set-experiment-tag", experiment_id=experiment, key="a", value="b")
    both.post("experiments/delete-experiment-tag", experiment_id=experiment, key="a")
    both.post("runs/create", experiment_id=experiment, start_time=1)
    both.post("experiments/restore", experiment_id=experiment)
    both.get("experiments/get", experiment_id=experiment)
    both.post("experiments/update", experiment_id=experiment, new_name=both.name())
    both.get("experiments/get", experiment_id=experiment)


def test_runs_follow_their_experiment(both, experiment, run):
    both.post("experiments/delete", experiment_id=experiment)
    both.get("runs/get", run_id=run)
    both.post("runs/log-metric", run_id=run, key="a", value=1, timestamp=1)
    both.post("experiments/restore", experiment_id=experiment)
    both.get("runs/get", run_id=run)


def test_tags(both, experiment):
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("mlflow.x", "y"), ("k" * 250, "v"), ("k" * 251, "v"),
                       ("c", "v" * 5000), ("d", "v" * 5001), ("a/b c", "z"), ("a//b", "z"), ("bad#key", "v")]:
        both.post("experiments/set-experiment-tag", experiment_id=experiment, key=key, value=value)
    both.get("experiments/get", experiment_id=experiment)
    for key in ["a", "a", "never"]:
        both.post("experiments/delete-experiment-tag", experiment_id=experiment, key=key)
    both.get("experiments/get", experiment_id=experiment)


@pytest.fixture(scope="module")
def shelf(servers):
    """Is the prefix of eight experiments to search among."""
    from both import Both

    both = Both(*servers, "shelf")
    names = ["alpha", "Beta", "gamma_1", "gamma%2", "delta", "épsilon", "zeta", "Eta's"]
    for i, name in enumerate(names):
        tags = [{"key": "group", "value": "even" if i % 2 == 0 else "odd"}, {"key": "rank", "value": str(i)}]
        tags += [{"key": "a key.with/all", "value": "x"}] if i == 2 else []
        made = both.post("experiments/create", name=f"shelf-{name}", tags=tags).pick("experiment_id")
        if i >= 6:
            both.post("experiments/delete", experiment_id=made)
    return both


# ILIKE beyond ASCII is not among them: MLflow leaves that to its database, and
# SQLite knows no case there.
FILTERS = [
    "name = 'shelf-alpha'", "name != 'shelf-alpha' AND name LIKE 'shelf%'", "name LIKE 'shelf-%a'", "name LIKE 'SHELF-%'", "name ILIKE 'SHELF-B%'",
    "name LIKE 'shelf-gamma_1'", "name LIKE '%gamma\\%2'", "attribute.name = 'shelf-delta'",
    "attributes.name LIKE 'shelf-d%'", "attr.name = 'shelf-delta'", "tags.group = 'even'", "tags.group != 'even'",
    "tags.group LIKE 'e%'", "tags.group ILIKE 'E%'", "tag.group = 'odd'", "tags.`group` = 'odd'", 'tags."group" = \'odd\'',
    "tags.`a key.with/all` = 'x'", "tags.group = 'even' AND tags.rank = '2'", "tags.group = 'even' and name LIKE '%l%'",
    "name = \"shelf-alpha\"", "name = 'shelf-Eta''s'", "creation_time > 0", "creation_time < 5", "last_update_time >= 1",
    "tags.none = 'x'", "tags.none != 'x'", "name = ''", "tags.rank IS NULL", "tags.rank IS NOT NULL", "tags.none IS NULL",
    "experiment_id = '0'", "name IN ('shelf-alpha', 'shelf-Beta')", "",
]


@pytest.mark.parametrize("view", ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"])
def test_filters(both, shelf, view):
    for text in FILTERS:
        text = f"{text} AND name LIKE 'shelf-%'" if text and "name" not in text else text or "name LIKE 'shelf-%'"
        both.post("experiments/search", filter=text, max_results=100, view_type=view,
                  order_by=["name ASC"])


@pytest.mark.parametrize("text", [
    "nome = 'x'", "name", "name =", "name = x", "name = 'x", "name > 'x'", "name = 'a' OR name = 'b'", "tags = 'x'",
    "tags.a > 'x'", "params.a = 'x'", "metrics.a > 1", "creation_time = 'abc'", "creation_time LIKE '5'", "= 'x'",
    "name LIKE 5", "name == 'x'", "(name = 'x')", "name = 'a' AND", "AND name = 'a'", "name = 'a';", "tags.'a' = 'x'",
    "attribute.nome = 'x'", "name = 'a' name = 'b'", "tags. = 'x'",
])
def test_bad_filters(both, text):
    both.post("experiments/search", how={"may_refuse": True}, filter=text, max_results=5)


@pytest.mark.parametrize("order", [
    ["name"], ["name DESC"], ["name asc"], ["experiment_id DESC"], ["creation_time DESC"], ["last_update_time"],
    ["attribute.name"], ["name", "experiment_id"], ["experiment_id"], ["nome"], ["name DOWN"], [""], ["tags.group"],
    ["name DESC NULLS"], ["name,experiment_id"], ["`name`"],
])
def test_order(both, shelf, order):
    both.post("experiments/search", filter="name LIKE 'shelf-%'", order_by=order, max_results=50)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 100, 50000, 50001, 0, -1, "3", "x", 2.5, None])
def test_sizes(both, shelf, size):
    both.post("experiments/search", how={"may_refuse": isinstance(size, float), "message": not isinstance(size, float)},
              filter="name LIKE 'shelf-%'", max_results=size, order_by=["name"])


def test_pages(both, shelf):
    token, words = None, {"filter": "name LIKE 'shelf-%'", "order_by": ["name"], "max_results": 2, "view_type": "ALL"}
    for _ in range(4):
        more = {"page_token": token} if token else {}
        answers = both.post("experiments/search", **words, **more)
        if not answers.real.json().get("next_page_token") or not answers.ours.ok:
            break
        token = answers.pick("next_page_token")
    both.post("experiments/search", how={"message": False}, page_token="nonsense", max_results=2)


def test_search_by_get(both, shelf):
    both.get("experiments/search", filter="name LIKE 'shelf-%'", max_results=3,
             order_by=["name DESC"], view_type="ALL")
    both.get("experiments/search", max_results=1, order_by=["experiment_id"], filter="name = 'Default'")
    both.get("experiments/search")


def test_view_types(both, shelf):
    for view in ["active_only", "NONE", "", 1, 2, 3, 0, "1", None]:
        both.post("experiments/search", how={"may_refuse": True}, max_results=50, view_type=view,
                  filter="name LIKE 'shelf-%'", order_by=["name"])


def test_the_client(both):
    name = both.name()

    def create_experiment(client, fill):
        made = client.create_experiment(name, tags={"a": "1", "b": "2"})
        client.set_experiment_tag(made, "c", "3")
        client.rename_experiment(made, name + " again")
        client.delete_experiment(made)
        gone = client.get_experiment(made).lifecycle_stage
        client.restore_experiment(made)
        found = client.get_experiment_by_name(name + " again")
        return [gone, found.tags, found.name, found.lifecycle_stage, client.get_experiment_by_name("not there")]

    def search_experiments(client, fill):
        return client.search_experiments(filter_string=f"name LIKE '{name}%'", max_results=1)

    both.client(create_experiment)
    both.client(search_experiments)
