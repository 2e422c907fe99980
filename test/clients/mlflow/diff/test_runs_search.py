"""Searches among runs: filters, orders, views, pages, and what is refused."""

import pytest

from both import Both

# name, status, start, end, metrics, params, tags
RUNS = [
    ("alpha", "FINISHED", 1000, 2000, {"acc": 0.5, "loss": 1.0}, {"lr": "0.1", "kind": "cnn"}, {"team": "red", "n": "10"}),
    ("Beta", "FINISHED", 1001, 1900, {"acc": 0.9, "loss": 0.25}, {"lr": "0.01", "kind": "CNN"}, {"team": "Red", "n": "9"}),
    ("gamma_1", "FAILED", 1002, 1800, {"acc": 0.1}, {"lr": "0.1", "kind": "rnn"}, {"team": "blue"}),
    ("gamma%2", "KILLED", 1003, None, {"acc": "NaN", "loss": 3}, {"kind": "rnn"}, {"a key.with/all": "x"}),
    ("delta", "RUNNING", 1004, None, {"acc": "Infinity"}, {"lr": "auto"}, {"team": ""}),
    ("épsilon", "SCHEDULED", 1005, 3000, {"acc": "-Infinity", "f1 score": 0.7}, {"l r": "5"}, {"team": "grün"}),
    ("zeta's", "FINISHED", 1006, 2500, {"acc": 0.9, "loss": -1}, {"lr": "10"}, {"n": "2"}),
    ("eta", "FINISHED", 1007, 2400, {}, {}, {}),
    ("theta", "RUNNING", 1008, None, {"acc": 0}, {"lr": ""}, {"team": "red"}),
    ("gone", "FINISHED", 1009, 2300, {"acc": 0.4}, {"lr": "0.1"}, {"team": "red"}),
]


@pytest.fixture(scope="module")
def field(servers):
    """Is an experiment with the runs above, the last one deleted; and their ids."""
    both = Both(*servers, "runs-search")
    experiment = both.post("experiments/create", name="runs search").pick("experiment_id")
    ids = []
    for name, status, start, end, metrics, params, tags in RUNS:
        run = both.post("runs/create", experiment_id=experiment, run_name=name, start_time=start, user_id="ann",
                        tags=[{"key": k, "value": v} for k, v in tags.items()]).pick("run.info.run_id")
        both.post("runs/log-batch", run_id=run, params=[{"key": k, "value": v} for k, v in params.items()],
                  metrics=[{"key": k, "value": v, "timestamp": 1} for k, v in metrics.items()])
        both.post("runs/update", run_id=run, status=status, **({"end_time": end} if end else {}))
        ids.append(run)
    both.post("runs/delete", run_id=ids[-1])
    data = {"name": "iris", "digest": "d1", "source_type": "local", "source": "s"}
    both.post("runs/log-inputs", run_id=ids[0], datasets=[
        {"dataset": data, "tags": [{"key": "mlflow.data.context", "value": "train"}]}])
    both.post("runs/log-inputs", run_id=ids[1], datasets=[{"dataset": data | {"name": "wine", "digest": "d2"}}])
    return experiment, ids


def search(both, experiment, **words):
    """Searches in the order of the start times unless told otherwise."""
    return both.post("runs/search", experiment_ids=[experiment], **({"order_by": ["start_time ASC"]} | words))


FILTERS = [
    "metrics.acc > 0.4", "metrics.acc >= 0.9", "metrics.acc < 0.5", "metrics.acc <= 0.5", "metrics.acc = 0.9",
    "metrics.acc != 0.9", "metric.acc > 0.4", "metrics.`f1 score` > 0.5", 'metrics."f1 score" > 0.5', "metrics.acc > -1",
    "metrics.loss = 3", "metrics.loss < 0", "metrics.acc = 0", "metrics.none > 1", "metrics.acc > 1e300", "metrics.acc > 1e-3",
    "metrics.acc > .4", "metrics.acc > 0.4 AND metrics.loss < 0.5", "metrics.acc > 0.4 and params.lr = '10'",
    "params.lr = '0.1'", "params.lr != '0.1'", "params.lr LIKE '0.%'", "params.kind ILIKE 'cnn'", "params.kind LIKE 'cnn'",
    "param.lr = '10'", "parameters.lr = '10'", "params.`l r` = '5'", "params.lr = ''", "params.lr LIKE '%'", "params.none = 'x'",
    'params.lr = "0.1"', "params.lr IN ('0.1', '10')", "tags.team = 'red'", "tags.team != 'red'", "tags.team LIKE 'r%'",
    "tags.team ILIKE 'R%'", "tag.team = 'blue'", "tags.`a key.with/all` = 'x'", "tags.team = 'grün'", "tags.team = ''",
    "tags.mlflow.runName = 'alpha'", "tags.`mlflow.runName` LIKE 'g%'", "tags.mlflow.user = 'ann'", "tags.n IN ('9', '2')",
    "attributes.status = 'FINISHED'", "status = 'RUNNING'", "attribute.status != 'FINISHED'", "attr.status LIKE 'F%'",
    "run.status = 'FAILED'", "status ILIKE 'fin%'", "attributes.run_name = 'alpha'", "run_name LIKE 'gamma_1'", "run_name = 'Beta'",
    "`run name` = 'alpha'", "Run Name = 'alpha'", "run name = 'alpha'", "attributes.`Run name` = 'alpha'",
    "run_name LIKE '%\\%2'", "run_name = 'zeta''s'", 'run_name = "zeta\'s"', "start_time > 1003", "start_time = 1003", "end_time < 2000",
    "attributes.start_time >= 1001 AND attributes.start_time <= 1003", "created > 1003", "attributes.Created >= 1005",
    "user_id = 'ann'", "attributes.user_id = 'bob'", "attributes.end_time >= 2400", "artifact_uri LIKE 'mlflow-artifacts:%'",
    "datasets.name = 'iris'", "dataset.digest = 'd2'", "datasets.name LIKE '%i%'", "datasets.context = 'train'",
    "datasets.name IN ('iris', 'wine')", "datasets.name != 'iris'", "params.lr IS NULL", "params.lr IS NOT NULL", "tags.team IS NULL",
    "tags.n IS NOT NULL", "metrics.acc IS NULL", "attributes.status IN ('FINISHED', 'FAILED')", "run_name NOT IN ('alpha')",
    "tags.team NOT IN ('red')", "", "   ",
]


@pytest.mark.parametrize("text", FILTERS)
def test_filters(both, field, text):
    search(both, field[0], filter=text)


@pytest.mark.parametrize("shape", [
    "attributes.run_id = '{0}'", "run_id IN ('{0}', '{1}')", "attributes.run_id NOT IN ('{0}', '{1}')", "run_id != '{0}'",
    "attributes.run_id LIKE '%{0}%'", "run_id IN ('{0}')", "run_id IN ('nothing')", "run_id = '{0}' AND metrics.acc > 0.1",
    "artifact_uri = 'mlflow-artifacts:/x/{0}/artifacts'",
])
def test_by_id(both, field, shape):
    search(both, field[0], filter=shape.format(*field[1]))


@pytest.mark.parametrize("text", [
    "metrics.acc", "metrics.acc >", "metrics.acc > 'x'", "metrics.acc > '1'", "metrics.acc LIKE '1'", "metrics.acc IN (1)",
    "metrics. > 1", "metrics.acc > 1 OR metrics.loss > 1", "params.lr = 0.1", "params.lr > '1'", "params.lr = x", "tags.team = red",
    "acc > 1", "nonsense.acc > 1", "attributes.nonsense = 'x'", "status > 'x'", "status = FINISHED", "start_time = 'x'",
    "start_time > '5'", "run_id > 'x'", "run_id IN ()", "run_id IN ('a'", "run_id IN (1, 2)", "run_id = 5", "start_time IN (1)",
    "(metrics.acc > 1)", "NOT metrics.acc > 1", "metrics.acc > 1 AND", "AND metrics.acc > 1", "metrics.acc > 1; DROP TABLE runs",
    "metrics.acc > 1 metrics.loss > 1", "metrics.acc => 1", "metrics.acc == 1", "1 < metrics.acc", "'x' = params.lr", "metrics.acc > 1,",
    "params.lr BETWEEN '1' AND '2'", "datasets.none = 'x'", "datasets.name > 'x'", "lifecycle_stage = 'active'", "metrics.a.b.c > x",
    "params.'lr' = '1'", "tags.\"team = 'red'", "tags.`team = 'red'", "metrics.acc > --1", "metrics.acc > 1e", "metrics.acc > 0x10",
    "params.lr = ''x'", "models.name = 'x'", "model.name = 'x'", "--", "/* */", "tags.team = 'a' -- and",
    "experiment_id = '0'", "metrics.acc > nan", "metrics.acc IS NAN", "tags.team IS 'red'", "'", '"', "`", "params.lr LIKE 5",
])
def test_bad_filters(both, field, text):
    search(both, field[0], how={"may_refuse": True}, filter=text)


@pytest.mark.parametrize("order", [
    ["metrics.acc DESC", "start_time"], ["metrics.acc ASC", "start_time"], ["metrics.acc", "start_time"],
    ["metrics.loss DESC", "start_time"], ["params.lr", "start_time"], ["params.lr DESC", "start_time"],
    ["tags.team", "start_time"], ["tags.team DESC", "start_time"], ["attributes.status", "start_time DESC"],
    ["attribute.run_name"], ["run_name DESC"], ["`Run Name`"], ["start_time DESC"], ["attributes.start_time"],
    ["end_time", "start_time"], ["end_time DESC", "start_time"], ["metrics.`f1 score` DESC", "start_time"], ["Created DESC"],
    ["metrics.none", "start_time"], ["status", "metrics.acc DESC", "start_time"], ["duration", "start_time"], [],
    ["tags.mlflow.runName"], ["user_id", "start_time"], ["dataset.name", "start_time"], ["metric.acc", "start_time"],
    ["start_time asc"], ["start_time desc"], ["tags.`a key.with/all`", "start_time"],
])
def test_orders(both, field, order):
    search(both, field[0], order_by=order)


@pytest.mark.parametrize("order", [
    ["acc"], ["metrics.acc DOWN"], [""], ["metrics."], ["nonsense.acc"], ["attributes.nonsense"], ["metrics.acc DESC ASC"],
    ["metrics.acc, start_time"], ["start_time;"], ["run_id = 'x'"], ["metrics.acc DESC NULLS LAST"], "start_time", [5],
])
def test_bad_orders(both, field, order):
    both.post("runs/search", how={"may_refuse": True}, experiment_ids=[field[0]], order_by=order, filter="run_name = 'alpha'")


@pytest.mark.parametrize("view", ["ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3])
def test_views(both, field, view):
    search(both, field[0], run_view_type=view)


@pytest.mark.parametrize("view", ["all", "", 0, 4, None, "X"])
def test_bad_views(both, field, view):
    both.post("runs/search", how={"may_refuse": True}, experiment_ids=[field[0]], run_view_type=view, order_by=["start_time"])


@pytest.mark.parametrize("size", [1, 2, 9, 10, 50000, 50001, 0, -1, "4", "x", None])
def test_sizes(both, field, size):
    search(both, field[0], max_results=size)


@pytest.mark.parametrize("order", [["metrics.acc DESC", "start_time"], ["start_time"], ["params.lr", "start_time"], ["run_name"]])
def test_pages(both, field, order):
    token = None
    for _ in range(5):
        more = {"page_token": token} if token else {}
        answers = search(both, field[0], order_by=order, max_results=2, **more)
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")


def test_pages_end(both, field):
    search(both, field[0], max_results=9)
    search(both, field[0], max_results=3, filter="start_time <= 1002")
    search(both, field[0], page_token="")
    both.post("runs/search", how={"message": False}, experiment_ids=[field[0]], page_token="nonsense")


def test_experiments(both, field):
    other = both.post("experiments/create", name=both.name()).pick("experiment_id")
    both.post("runs/create", experiment_id=other, run_name="elsewhere", start_time=5)
    both.post("runs/search", experiment_ids=[field[0], other], order_by=["start_time"], max_results=3)
    both.post("runs/search", experiment_ids=[other, other], order_by=["start_time"])
    both.post("runs/search", experiment_ids=["999999"])
    both.post("runs/search", experiment_ids=[other, "999999"], order_by=["start_time"])
    both.post("runs/search", experiment_ids=[])
    both.post("runs/search")
    both.post("runs/search", how={"may_refuse": True}, experiment_ids=["abc"])
    both.post("runs/search", how={"may_refuse": True}, experiment_ids="0")
    both.post("experiments/delete", experiment_id=other)
    both.post("runs/search", experiment_ids=[other], order_by=["start_time"])
    both.post("runs/search", experiment_ids=[other], run_view_type="ALL", order_by=["start_time"])


@pytest.mark.parametrize("order", [[], ["start_time ASC"], ["metrics.none DESC"], ["run_name DESC"]])
def test_ties_go_by_run_id(both, order):
    experiment = both.post("experiments/create", name=both.name()).pick("experiment_id")
    for _ in range(6):
        both.post("runs/create", experiment_id=experiment, run_name="same", start_time=1000)
    answers = both.post("runs/search", experiment_ids=[experiment], order_by=order, max_results=4)
    for response in (answers.real, answers.ours):
        ids = [run["info"]["run_id"] for run in response.json()["runs"]]
        if ids != sorted(ids):
            both.note(f"runs/search ordered by {order or 'nothing'}", answers.real, answers.ours, f"not in the order of the ids: {ids}")


def test_the_client(both, field):
    experiment = field[0]

    def search_runs(client, fill):
        runs = client.search_runs([fill(experiment)], "metrics.acc > 0.3", order_by=["metrics.acc DESC", "start_time"], max_results=2)
        return [[r.info.run_name, r.data.metrics, r.data.params] for r in runs] + [bool(runs.token)]

    def search_deleted(client, fill):
        return [r.info.run_name for r in client.search_runs([fill(experiment)], run_view_type=2)]

    def search_badly(client, fill):
        return client.search_runs([fill(experiment)], "metrics.acc ~ 1")

    for what in (search_runs, search_deleted, search_badly):
        both.client(what)
