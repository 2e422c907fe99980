"""MLflow's own server, many times over: imported once, forked for each start.

Run as a program it prints `ready` and then reads lines from its standard input:
`start PORT FOLDER` forks a server on 127.0.0.1:PORT that keeps everything in
FOLDER (SQLite, artifacts served by proxy, as `mlflow server` does by default)
and answers with the child's process id. It ends when its input ends.

A start by `mlflow server` takes six seconds of imports and migrations; MLflow's
own tests want several hundred.
"""

import os
import shutil
import signal
import sys
import tempfile

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def make_database(path):
    """Makes an empty database with MLflow's newest tables."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    tracking = Tracking(f"sqlite:///{path}", "mlflow-artifacts:/")
    Registry(f"sqlite:///{path}").engine.dispose()
    tracking.engine.dispose()


def serve(port, folder):
    """Is the child: serves until it is killed."""
    from mlflow import server

    os.environ |= {
        server.BACKEND_STORE_URI_ENV_VAR: f"sqlite:///{folder}/mlflow.db",
        server.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        server.ARTIFACTS_DESTINATION_ENV_VAR: f"{folder}/mlartifacts",
        server.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    import uvicorn
    from mlflow.server.fastapi_app import app

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", ws="none")


def main():
    os.environ |= QUIET
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    import uvicorn.protocols.http.h11_impl  # noqa: F401
    from mlflow.server import fastapi_app  # noqa: F401

    with tempfile.TemporaryDirectory() as scratch:
        template = os.path.join(scratch, "mlflow.db")
        make_database(template)
        print("ready", flush=True)
        for line in sys.stdin:
            _, port, folder = line.rstrip("\n").split(" ", 2)
            shutil.copy(template, os.path.join(folder, "mlflow.db"))
            if (pid := os.fork()) == 0:
                serve(int(port), folder)
                os._exit(0)
            print(pid, flush=True)


if __name__ == "__main__":
    main()
