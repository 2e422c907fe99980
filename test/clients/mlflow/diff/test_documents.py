"""Whether docs/mlflow.md tells of every endpoint of MLflow's server."""

import re
from pathlib import Path

ROW = re.compile(r"\| `(\S+)` \| (\w+) \| (\S+) \| (?:yes|no)")
PLACEHOLDER = re.compile(r"<[^>]*>|\{[^}]*\}")


def of_mlflow():
    """Lists the endpoints of MLflow's server: path, verb, version of the API."""
    from mlflow.server import app
    from mlflow.server.fastapi_app import create_fastapi_app

    found = [(str(rule), verb) for rule in app.url_map.iter_rules() for verb in rule.methods - {"HEAD", "OPTIONS"}]
    found += [(path, verb.upper()) for path, verbs in create_fastapi_app().openapi()["paths"].items() for verb in verbs]
    for path, verb in found:
        # One of MLflow's addresses lacks the slash behind the version.
        below = re.fullmatch(r"(?:/ajax-api|/api)/(\d)\.0/?(.*)", path)
        plain = PLACEHOLDER.sub("{}", "/" + below[2] if below else path)
        yield plain, verb, below[1] if below else "–"


def test_every_endpoint_is_told_of():
    text = (Path(__file__).parents[4] / "docs/mlflow.md").read_text()
    rows = {(PLACEHOLDER.sub("{}", path), verb, version) for path, verb, version in ROW.findall(text)}
    families = [(path[:-1], version) for path, _, version in rows if path.endswith("…")]
    missing = {e for e in of_mlflow() if e not in rows and not any(e[0].startswith(f) and e[2] == v for f, v in families)}
    assert not missing, sorted(missing)
    assert len(rows) > 150
