"""Trains while somebody looks on: each line that comes in is ten steps more.

MLflow's own variables say where to. It says when a step is taken.
"""

import math
import sys

import mlflow

mlflow.set_experiment("live")
with mlflow.start_run(run_name="at work"):
    print("started", flush=True)
    step = 0
    for _ in sys.stdin:
        for _ in range(10):
            mlflow.log_metric("loss", math.exp(-0.05 * step), step=step)
            step += 1
        print(step, flush=True)
