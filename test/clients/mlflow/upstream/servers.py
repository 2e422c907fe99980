"""Fresh servers for MLflow's tests: ours, or MLflow's own for the baseline."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOST = "127.0.0.1"
TOKEN = "vtpat-UpstreamUpstreamUpstreamUpstreamUp"
HERE = Path(__file__).parent


class Vitrine:
    """Starts our binary, each time on an empty data folder."""

    def __init__(self, binary):
        self.binary = str(Path(binary).resolve())

    def launch(self, port, folder):
        """Starts one server and returns what ends it."""
        log = open(Path(folder) / "server.log", "wb")
        process = subprocess.Popen(
            [self.binary, "serve", "--listen", f"{HOST}:{port}", "--data", str(Path(folder) / "data")],
            env=os.environ | {"VITRINE_ROOT_TOKEN": TOKEN, "VITRINE_ROOT_PASSWORD": "upstream upstream"},
            stdout=log, stderr=subprocess.STDOUT)
        log.close()

        def end():
            process.kill()
            process.wait()

        return end

    def close(self):
        """Has nothing to end."""


class Real:
    """Starts MLflow's own server, through real_server.py."""

    def __init__(self):
        self.parent = subprocess.Popen(
            [sys.executable, HERE / "real_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        if self.parent.stdout.readline() != "ready\n":
            raise RuntimeError("real_server.py did not start")

    def launch(self, port, folder):
        """Starts one server and returns what ends it."""
        self.parent.stdin.write(f"start {port} {folder}\n")
        self.parent.stdin.flush()
        pid = int(self.parent.stdout.readline())
        return lambda: os.kill(pid, signal.SIGKILL)

    def close(self):
        """Ends the parent; its children were ended before."""
        self.parent.stdin.close()
        self.parent.wait(10)


def free_port():
    """Finds a port that nobody listens on."""
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(kind, port=None):
    """Runs one server of a kind on an empty folder; gives its address."""
    port = port or free_port()
    folder = tempfile.mkdtemp(prefix="upstream-")
    end = kind.launch(port, folder)
    try:
        await_listening(port)
        yield f"http://{HOST}:{port}"
    finally:
        end()
        shutil.rmtree(folder, ignore_errors=True)


def await_listening(port):
    """Waits until a port takes connections."""
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
