"""curl and the vitrine client as programs, as a person at a terminal runs them."""

import dataclasses
import subprocess

import api


@dataclasses.dataclass
class Result:
    """What curl reported about one transfer."""

    exit_code: int
    status: int
    sent: int  # bytes of request body that left
    seconds: float
    headers: dict  # of the last answer, names in lower case
    body: bytes
    errors: str


def parse_headers(text):
    """The header fields of the last answer in what `curl -D` wrote."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block.startswith("HTTP/")]
    lines = blocks[-1].split("\n")[1:] if blocks else []
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def curl(tmp_path, *arguments, token=api.TOKEN, stdin=None, output=None):
    """Runs curl and returns its Result; output names the file for the body."""
    head, body = tmp_path / "curl-head", output or tmp_path / "curl-body"
    if output is None:
        body.unlink(missing_ok=True)
    report = "%{http_code} %{size_upload} %{time_total}"
    command = ["curl", "-q", "-sS", "-D", head, "-o", body, "-w", report, "--max-time", "300"]
    if token:
        command += ["-H", f"PRIVATE-TOKEN: {token}"]
    done = subprocess.run([*command, *arguments], stdin=stdin or subprocess.DEVNULL, capture_output=True, check=False)
    status, sent, seconds = done.stdout.decode().split()
    return Result(
        exit_code=done.returncode,
        status=int(status),
        sent=int(sent),
        seconds=float(seconds),
        headers=parse_headers(head.read_text(encoding="utf-8", errors="replace")) if head.exists() else {},
        body=body.read_bytes() if output is None and body.exists() else b"",
        errors=done.stderr.decode(errors="replace"),
    )


def vitrine(*arguments, environment=None, status=0):
    """Runs the vitrine client, checks its exit status and returns what it printed."""
    done = subprocess.run(
        [api.BIN, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    said = f"vitrine {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == status, said
    return done.stdout
