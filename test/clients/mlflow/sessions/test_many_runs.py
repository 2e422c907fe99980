"""Searches among 10,000 runs; 1,000 are enough for the older client, which sends the same."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import mlflow
import pytest
import requests

from conftest import MAJOR, SERVER, TOKEN

RUNS = int(os.environ.get("SESSIONS_RUNS", "10000" if MAJOR > 2 else "1000"))


@pytest.fixture(scope="module")
def many():
    """Is an experiment with the runs; they are made by the API, which is what a client would send."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=8))
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def post(path, **fields):
        answer = session.post(f"{SERVER}/api/2.0/mlflow/{path}", json=fields, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    experiment = post("experiments/create", name=f"many-{time.time_ns()}")["experiment_id"]

    def make(i):
        made = post("runs/create", experiment_id=experiment, run_name=f"run {i}", start_time=1_700_000_000_000 + i,
                    tags=[{"key": "group", "value": f"g{i % 10}"}])
        post("runs/log-batch", run_id=made["run"]["info"]["run_id"], params=[{"key": "lr", "value": str(i % 100)}],
             metrics=[{"key": "acc", "value": i * 7919 % RUNS / RUNS, "timestamp": 1, "step": 1}])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(RUNS)))
    return experiment


def test_searching(many, client):
    best = client.search_runs([many], "metrics.acc > 0.5", order_by=["metrics.acc DESC"], max_results=100)
    values = [r.data.metrics["acc"] for r in best]
    assert values == sorted(values, reverse=True) and values[0] == (RUNS - 1) / RUNS and len(values) == min(100, RUNS // 2 - 1)
    few = client.search_runs([many], "tags.group = 'g3' and params.lr = '13' and metrics.acc >= 0.25", order_by=["start_time ASC"])
    numbers = [int(r.info.run_name.split()[1]) for r in few]
    assert numbers == [i for i in range(RUNS) if i % 100 == 13 and i * 7919 % RUNS / RUNS >= 0.25]


def test_a_frame_of_all(many):
    frame = mlflow.search_runs([many], max_results=RUNS)
    assert len(frame) == RUNS and frame["run_id"].nunique() == RUNS
    assert list(frame["start_time"]) == sorted(frame["start_time"], reverse=True)
