"""Fills a new database of MLflow's with runs, by its own code: mlflow_fill.py FILE RUNS."""

import sys

from mlflow.entities import Metric, Param, RunTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

path, runs = sys.argv[1], int(sys.argv[2])
store = SqlAlchemyStore(f"sqlite:///{path}", "mlflow-artifacts:/")
Registry(f"sqlite:///{path}")
experiment = store.create_experiment("bench")
for i in range(runs):
    run = store.create_run(experiment, "bench", 1_700_000_000_000 + i, [RunTag("group", f"g{i % 10}")], f"run {i}")
    store.log_batch(run.info.run_id, [Metric("acc", i * 7919 % runs / runs, 1, 0), Metric("loss", i / runs, 1, 0)],
                    [Param("lr", str(i % 100)), Param("depth", str(i % 7))], [])
