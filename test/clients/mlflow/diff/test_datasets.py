"""Data sets for evaluations: made, filled, found, tagged, deleted."""

import json

import pytest

DATASETS = "/api/3.0/mlflow/datasets"
OWN = ("digest",)  # made of the time


def made(both, **words):
    """Makes a data set and gives its id."""
    return both.call("POST", f"{DATASETS}/create", json={"name": both.name("d")} | words, ignore=OWN).pick("dataset.dataset_id")


def records(both, dataset, *all, **how):
    """Puts records."""
    return both.call("POST", f"{DATASETS}/{dataset}/records", json={"records": json.dumps(all)}, **how)


def get(both, dataset):
    """Reads a data set."""
    both.call("GET", f"{DATASETS}/{dataset}", ignore=OWN)


def read(both, dataset):
    """Compares the records, without their ids and times, in the order of inputs."""
    got = []
    for side in (both.real, both.ours):
        text = side.call("GET", f"{DATASETS}/{dataset}/records").json()["records"]
        all = [{k: v for k, v in r.items() if k not in ("dataset_record_id", "dataset_id", "created_time", "last_update_time")} for r in json.loads(text)]
        got.append(sorted(all, key=lambda r: json.dumps(r["inputs"], sort_keys=True)))
    both.calls += 1
    if got[0] != got[1]:
        both.differences.append(f"records of {dataset}\n  differs: the records\n  real: {got[0]}\n  ours: {got[1]}")


@pytest.mark.parametrize("words", [
    {}, {"tags": json.dumps({"a": "b", "mlflow.user": "ann"})}, {"tags": "{}"}, {"name": ""}, {"name": None}, {"name": 5}, {"tags": "{"}, {"experiment_ids": ["0"]},
    {"experiment_ids": ["999999"]}, {"experiment_ids": "0"},
])
def test_create(both, words):
    both.call("POST", f"{DATASETS}/create", json={"name": both.name("d")} | words, ignore=OWN, may_refuse=True)


def test_records(both):
    dataset = made(both)
    records(both, dataset, {"inputs": {"q": "a", "n": 1}, "outputs": {"r": 1.5}, "expectations": {"e": [1]}, "tags": {"t": "u", "mlflow.user": "ann"},
                            "source": {"source_type": "HUMAN", "source_data": {"user": "ann"}}}, {"inputs": {"q": "b"}, "outputs": "text"}, {"inputs": {"q": "c"}})
    get(both, dataset)
    read(both, dataset)
    records(both, dataset, {"inputs": {"n": 1, "q": "a"}, "expectations": {"f": True}, "tags": {"v": "w"}}, {"inputs": {"q": "b"}, "outputs": {"x": None}},
            {"inputs": {"q": "ü"}, "tags": {"mlflow.user": "bob"}}, {"inputs": {"q": "ü"}, "expectations": {"e": 1.0}})
    get(both, dataset)
    read(both, dataset)
    for sent in ({"records": "{"}, {}, {"records": "[1]"}, {"records": "[]"}, {"records": '[{"inputs": 5}]'}):
        both.call("POST", f"{DATASETS}/{dataset}/records", json=sent, may_refuse=True)
    both.call("DELETE", f"{DATASETS}/{dataset}/records", json={"dataset_record_ids": ["dr-none"]})
    both.call("DELETE", f"{DATASETS}/{dataset}/records", json={})
    records(both, "d-none", may_refuse=True)


def test_tags(both):
    dataset = made(both, tags=json.dumps({"a": "b"}))
    for tags in ({"a": "c", "d": "e"}, {"z": None}, {}):
        both.call("PATCH", f"{DATASETS}/{dataset}/tags", json={"tags": json.dumps(tags)})
        get(both, dataset)
    both.call("PATCH", f"{DATASETS}/{dataset}/tags", json={})
    both.call("PATCH", f"{DATASETS}/{dataset}/tags", json={"tags": "["})
    both.call("PATCH", f"{DATASETS}/d-none/tags", json={"tags": "{}"}, message=False)
    for _ in range(2):
        both.call("DELETE", f"{DATASETS}/{dataset}/tags/a")
    both.call("DELETE", f"{DATASETS}/d-none/tags/a")
    get(both, dataset)


def test_experiments(both, experiment):
    dataset = made(both, experiment_ids=["0"])
    both.call("GET", f"{DATASETS}/{dataset}/experiment-ids")
    for path, ids in (("add", [experiment]), ("add", [experiment]), ("remove", ["0", "999999"]), ("remove", []), ("add", ["999999"])):
        both.call("POST", f"{DATASETS}/{dataset}/{path}-experiments", json={"experiment_ids": ids}, ignore=OWN, message=False)
        both.call("POST", f"{DATASETS}/search", json={"experiment_ids": [experiment]}, ignore=OWN)
    both.call("POST", f"{DATASETS}/d-none/add-experiments", json={"experiment_ids": [experiment]}, message=False)
    both.call("POST", f"{DATASETS}/d-none/remove-experiments", json={"experiment_ids": [experiment]}, message=False)


def test_searches(both, experiment):
    for name in ("alpha", "Beta"):
        made(both, name=name, experiment_ids=[experiment], tags=json.dumps({"color": name, "mlflow.user": "ann"}))
    for words in ({}, {"filter_string": "name = 'alpha'"}, {"filter_string": "name != 'alpha'"}, {"filter_string": "name LIKE 'a%'"},
                  {"filter_string": "name ILIKE 'b%'"}, {"filter_string": "name IN ('alpha', 'x')"}, {"filter_string": "tags.color = 'Beta'"},
                  {"filter_string": "created_by = 'ann' AND name = 'Beta'"}, {"filter_string": "created_time > 5"}, {"filter_string": "last_update_time < 5"},
                  {"order_by": ["name"]}, {"order_by": ["name DESC"]}, {"max_results": 1, "order_by": ["name"]}):
        how = {"ignore": ("digest", "next_page_token")} if "order_by" in words else {"ignore": OWN, "sort": "datasets:name"}
        both.call("POST", f"{DATASETS}/search", json={"experiment_ids": [experiment]} | words, **how)
    for words in ({"filter_string": "nonsense = 'x'"}, {"filter_string": "name > 'x'"}, {"filter_string": "name"}, {"filter_string": "created_time = 'x'"},
                  {"filter_string": "name = 'a' OR name = 'b'"}, {"filter_string": "params.a = 'x'"}, {"order_by": ["nonsense"]}, {"order_by": ["tags.color"]},
                  {"max_results": 0}, {"max_results": -1}, {"max_results": "x"}):
        both.call("POST", f"{DATASETS}/search", json={"experiment_ids": [experiment]} | words, message=False, may_refuse=True)


def test_deletion(both):
    dataset = made(both)
    records(both, dataset, {"inputs": {"a": 1}})
    for _ in range(2):
        both.call("DELETE", f"{DATASETS}/{dataset}")
    get(both, dataset)


def test_the_client(both):
    import mlflow
    from mlflow.genai import datasets

    name = both.name("set")

    def used(client, fill):
        mlflow.set_tracking_uri(client.tracking_uri)
        experiment = client.create_experiment(name)
        dataset = datasets.create_dataset(name=name, experiment_id=experiment, tags={"a": "b"})
        dataset.merge_records([{"inputs": {"q": "x", "n": 1}, "expectations": {"e": "y"}}, {"inputs": {"q": "z"}}])
        dataset.merge_records([{"inputs": {"n": 1, "q": "x"}, "expectations": {"f": 2}, "tags": {"t": "u"}}])
        again = datasets.get_dataset(dataset_id=dataset.dataset_id)
        frame = again.to_df()
        datasets.set_dataset_tags(dataset_id=dataset.dataset_id, tags={"c": "d"})
        datasets.delete_dataset_tag(dataset_id=dataset.dataset_id, key="a")
        found = datasets.search_datasets(experiment_ids=[experiment], filter_string=f"name = '{name}'")
        out = [sorted(zip(map(str, frame["inputs"]), map(str, frame["expectations"]))), len(found), {k: v for k, v in found[0].tags.items() if k in "acd"},
               again.name, json.loads(again.profile), json.loads(again.schema), len(again.experiment_ids)]
        datasets.delete_dataset(dataset_id=dataset.dataset_id)
        out.append(len(datasets.search_datasets(experiment_ids=[experiment])))
        return out

    try:
        both.client(used)
    finally:
        mlflow.set_tracking_uri(None)
