"""Metrics: odd values, histories and their order, steps, samples."""

import pytest


@pytest.mark.parametrize("value", [
    0, 1, -1, 0.1, 1e-320, 1.7976931348623157e308, "1e309", "-1e309", "NaN", "Infinity", "-Infinity", "nan", "inf", "1.5", "1e3", "",
    "x", True, False, None, [], {}, 123456789012345678, 0.1 + 0.2, -0.0, 1e22, 5e-324, 100000000000000000000000,
])
def test_values(both, run, value):
    both.post("runs/log-metric", how={"may_refuse": True}, run_id=run, key="m", value=value, timestamp=5)
    both.get("metrics/get-history", run_id=run, metric_key="m")
    both.get("runs/get", run_id=run)


@pytest.mark.parametrize("value", ["1e309", "-1e309", "NaN", "Infinity", "01", "+1", ".5", "1.", "0x1", "1_0"])
def test_numbers_as_written(both, run, value):
    body = f'{{"run_id": "{run}", "key": "m", "value": {value}, "timestamp": 5}}'
    both.call("POST", "runs/log-metric", data=body, headers={"Content-Type": "application/json"}, may_refuse=True, message=False)
    # Of what is beyond JSON the real one keeps a 0 of 1970, ours the number.
    both.get("runs/get", how={"ignore": ("metrics",)} if value in ("1e309", "-1e309", "NaN", "Infinity") else {}, run_id=run)


@pytest.mark.parametrize("fields", [
    {"step": 0}, {"step": -3}, {"step": 2**62}, {"step": 2**63}, {"step": "7"}, {"step": "x"}, {"step": 1.5}, {"step": None},
    {"timestamp": 0}, {"timestamp": -5}, {"timestamp": 2**62}, {"timestamp": 2**63}, {"timestamp": "8"}, {"timestamp": "x"},
    {"timestamp": None}, {"timestamp": 1.5}, {"key": "a/b c.d-e_f"}, {"key": "a//b"}, {"key": "/a"}, {"key": "../a"}, {"key": "."},
    {"key": "k" * 250}, {"key": "k" * 251}, {"key": "bad#"}, {"key": "ü"}, {"key": "a:b"}, {"key": " "}, {"key": ""}, {"key": None},
    {"dataset_name": "d", "dataset_digest": "x"}, {"dataset_name": "d"}, {"dataset_digest": "x"},
])
def test_fields(both, run, fields):
    both.post("runs/log-metric", how={"may_refuse": True}, **({"run_id": run, "key": "m", "value": 1, "timestamp": 5} | fields))
    both.get("runs/get", run_id=run)


@pytest.mark.parametrize("points", [
    [(1, 10, 0), (2, 20, 1), (3, 30, 2)],  # in order
    [(3, 30, 2), (2, 20, 1), (1, 10, 0)],  # backwards
    [(5, 10, 0), (4, 10, 0), (6, 10, 0)],  # the same step and time: the highest value
    [(9, 10, 0), (1, 20, 0)],  # the same step: the latest time
    [(1, 99, 0), (2, 1, 1)],  # the highest step wins over time
    [(1, 10, 0), (1, 10, 0)],  # the same twice
    [("NaN", 10, 0), (1, 10, 0)], [(1, 10, 0), ("NaN", 10, 0)], [("NaN", 10, 0), ("NaN", 10, 0)], [("Infinity", 10, 0), ("NaN", 10, 0)],
    [("Infinity", 10, 0), ("-Infinity", 10, 1)], [(1, 10, -5), (2, 10, -4)], [(0, 10, 0), (-0.0, 10, 0)],
])
def test_the_current_value(both, run, points):
    for value, timestamp, step in points:
        both.post("runs/log-metric", run_id=run, key="m", value=value, timestamp=timestamp, step=step)
    both.get("runs/get", run_id=run)
    both.get("metrics/get-history", how={"sort": "metrics"}, run_id=run, metric_key="m")
    other = [{"key": "batch", "value": v, "timestamp": t, "step": s} for v, t, s in points]
    both.post("runs/log-batch", run_id=run, metrics=other)
    both.get("runs/get", run_id=run)
    both.get("metrics/get-history", how={"sort": "metrics"}, run_id=run, metric_key="batch")


@pytest.fixture(scope="module")
def long(servers):
    """Is a run with a metric of 1,000 points, and one of three."""
    from both import Both

    both = Both(*servers, "metrics-long")
    experiment = both.post("experiments/create", name="metrics long").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="long", start_time=1).pick("run.info.run_id")
    both.post("runs/log-batch", run_id=run, metrics=[
        {"key": "m", "value": i / 8, "timestamp": 1000 + i, "step": i} for i in range(1000)])
    both.post("runs/log-batch", run_id=run, metrics=[
        {"key": "short", "value": i, "timestamp": 1, "step": i * 10} for i in range(3)])
    return run


@pytest.mark.parametrize("words", [
    {}, {"max_results": 10}, {"max_results": 1000}, {"max_results": 25000}, {"max_results": 0}, {"max_results": -1},
    {"max_results": "x"}, {"metric_key": "none"}, {"metric_key": ""}, {"metric_key": None}, {"run_id": "0" * 32}, {"run_id": ""},
    {"page_token": "nonsense", "max_results": 5}, {"page_token": "nonsense"},
])
def test_history(both, long, words):
    both.get("metrics/get-history", how={"may_refuse": True, "message": "page_token" not in words}, **({"run_id": long, "metric_key": "m"} | words))


def test_history_in_pages(both, long):
    token = None
    for _ in range(4):
        more = {"page_token": token} if token else {}
        answers = both.get("metrics/get-history", run_id=long, metric_key="m", max_results=300, **more)
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")
    both.get("metrics/get-history", run_uuid=long, metric_key="short")


@pytest.mark.parametrize("words", [
    {}, {"max_results": 10}, {"max_results": 320}, {"start_step": 100, "end_step": 200}, {"start_step": 100, "end_step": 200,
    "max_results": 7}, {"start_step": 5}, {"end_step": 5}, {"start_step": 9, "end_step": 3}, {"metric_key": "short"},
    {"metric_key": "none"}, {"max_results": 0}, {"max_results": 2501}, {"max_results": 2500}, {"max_results": "x"}, {"run_ids": []},
    {"run_ids": ["0" * 32]}, {"metric_key": None}, {"start_step": "x", "end_step": 3}, {"start_step": 990, "end_step": 5000},
    {"max_results": 1}, {"max_results": 2}, {"max_results": 999}, {"start_step": 0, "end_step": 0},
])
def test_samples(both, long, words):
    both.get("metrics/get-history-bulk-interval", **({"run_ids": [long], "metric_key": "m"} | words))


@pytest.mark.parametrize("words", [
    {}, {"max_results": 10}, {"metric_key": "short"}, {"run_id": []}, {"metric_key": None}, {"run_id": ["0" * 32]},
])
def test_bulk_for_the_page(both, long, words):
    both.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk", **({"run_id": [long], "metric_key": "m"} | words))


def test_samples_of_several_runs(both, experiment):
    runs = []
    for i in range(3):
        run = both.post("runs/create", experiment_id=experiment, run_name=f"r{i}", start_time=i).pick("run.info.run_id")
        both.post("runs/log-batch", run_id=run, metrics=[
            {"key": "m", "value": i, "timestamp": 1, "step": step} for step in range(0, 60, i + 1)])
        runs.append(run)
    for words in ({}, {"max_results": 5}, {"start_step": 10, "end_step": 20}):
        both.get("metrics/get-history-bulk-interval", how={"sort": "metrics"}, run_ids=runs, metric_key="m", **words)
    both.get("metrics/get-history-bulk-interval", run_ids=["x"] * 101, metric_key="m")


def test_the_client(both, long):
    def history(client, fill):
        return client.get_metric_history(fill(long), "m")[-3:] + client.get_metric_history(fill(long), "none")

    both.client(history, ignore=("run_id",))
