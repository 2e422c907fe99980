"""The same call to MLflow's own server and to ours, and whether they agree.

An id that each server chooses for itself (a run's, a model's) stands in a test
as one string, its token: «3». Sent in a request, the token becomes each
server's own id; found in an answer, the id becomes the token. What is left to
differ in two answers is then a difference: it is noted with the request and
both answers, and the test fails at its end with all that were noted.
"""

import itertools
import json
import re
import time
import zlib

import requests

TOKEN = re.compile("«[0-9]+»")
# Lists without an order of their own: MLflow's server gives a run's models as
# their random ids fall.
FREE = ("tags", "params", "aliases", "request_metadata", "model_inputs", "model_outputs")
HEX = re.compile(r"\b[0-9a-f]{32}\b")
MADE_UP = re.compile(r"[a-z]+-[a-z]+-[0-9]{1,4}")  # the name of a run without one
NUMBERED = re.compile(r"(\bid[= '\"]+|\bexperiment )([0-9]+)\b")  # the id of an experiment in a text
ROOT = re.compile(r"(mlflow-artifacts:/)([1-9][0-9]*)\b")  # the same in an address
# What the real server tells of its database.
SQL = re.compile(r"\s*(Error: )?\((sqlite3\.|raised as a result of Query-invoked autoflush).*", re.DOTALL)
# How much of a message about a filter that no parser takes has to agree: what the
# real one calls a clause is its parser's business, and its sets have no order.
FILTER = re.compile(r"(Invalid clause\(s\) in filter string|Invalid comparator.*? not one of|Invalid comparator for [a-z]+"
                    r"|Invalid attribute key '.*?' specified).*", re.DOTALL)
SET = re.compile(r"\{('[^'{}]*'(?:, '[^'{}]*')*)\}")  # a set of strings, as Python prints it
SHOWN = 600  # characters of an answer that a report shows


class Side:
    """One of the two servers."""

    def __init__(self, name, url, token=None):
        self.name, self.url = name, url
        self.http = requests.Session()
        self.http.trust_env = False
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"
        self.ids = {}  # token to id

    def fill(self, value):
        """Puts this server's ids where tokens are."""
        if isinstance(value, str):
            return TOKEN.sub(lambda m: self.ids[m.group()], value)
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.fill(v) for v in value]
        return value

    def call(self, method, path, **how):
        """Makes one request and gives the answer."""
        return self.http.request(method, self.url + self.fill(path), timeout=60, **self.fill(how))


class Answers:
    """What both servers answered to one request."""

    def __init__(self, both, real, ours):
        self.both, self.real, self.ours = both, real, ours

    def pick(self, path):
        """Gives the token of an id at a path such as `runs.0.info.run_id`."""
        return self.both.token(dig(body(self.real), path), dig(body(self.ours), path))

    def value(self, path):
        """Gives the real server's value at a path."""
        return dig(body(self.real), path)


class Both:
    """Both servers, and the differences of one test."""

    def __init__(self, real, ours, test):
        self.real, self.ours = real, ours
        self.differences = []
        self.calls = 0
        self.parted = False  # ours has refused what the real one took, so they know different things
        self.prefix = f"{re.sub('[^a-z0-9]+', '-', test.lower())[:60].strip('-')}-{zlib.crc32(test.encode()):08x}"
        self.numbers = itertools.count(1)

    def name(self, word="x"):
        """Makes a name that nobody else has, the same on both servers."""
        return f"{word}-{self.prefix}-{next(self.numbers)}"

    def token(self, real, ours):
        """Gives the token of one thing's two ids."""
        for token, known in self.real.ids.items():
            if known == str(real) and self.ours.ids[token] == str(ours):
                return token
        token = f"«{len(self.real.ids)}»"
        self.real.ids[token], self.ours.ids[token] = str(real), str(ours)
        return token

    def call(self, method, path, message=True, sort=None, ignore=(), may_refuse=False, headers_too=(), near=False, **how):
        """Makes one request to both and compares the answers.

        message=False leaves the text of errors out; sort names a list whose
        order is free, with the key to sort by (`runs:info.run_name`); ignore
        lists fields to leave out. may_refuse lets ours answer 400 or 404 where the
        real server takes nonsense, or looks for it; the two have parted then, and
        what the test reads afterwards is not compared. headers_too names headers
        that have to agree. near=True lets numbers differ in the last digits, as sums
        in another order do.
        """
        self.calls += 1
        path = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        real, ours = (side.call(method, path, **how) for side in (self.real, self.ours))
        if may_refuse and (real.ok or real.status_code == 404) and ours.status_code in (400, 404):
            self.parted = True
        elif not (self.parted and (method == "GET" or path.endswith("/search"))):
            self.compare(f"{method} {path} {brief(how)}", real, ours, message, sort, ignore, near)
            for name in headers_too:
                if real.ok and real.headers.get(name) != ours.headers.get(name):
                    self.note(f"{method} {path}", real, ours, f"{name}: {real.headers.get(name)} and {ours.headers.get(name)}")
        return Answers(self, real, ours)

    def compare(self, request, real, ours, message, sort, ignore, near=False):
        """Notes how two answers differ."""
        if real.status_code == 500 and "INVALID_STATE" not in real.text:
            # The real server broke; an error of ours is as good an answer.
            if not 400 <= ours.status_code < 500 and ours.text != real.text:
                self.note(request, real, ours, "the real server fails with 500, ours must refuse")
            return
        if real.status_code != ours.status_code:
            self.note(request, real, ours, "status")
            return
        kinds = [r.headers.get("Content-Type", "").split(";")[0] for r in (real, ours)]
        if kinds[0] != kinds[1]:
            self.note(request, real, ours, f"content type {kinds[0]} and {kinds[1]}")
        one, two = (plain(side, body(r), sort, ignore) for side, r in ((self.real, real), (self.ours, ours)))
        if real.status_code >= 400 and isinstance(one, dict) and isinstance(two, dict):
            said, says = one.pop("message", ""), two.pop("message", "")
            if message and not str(says).startswith(said):  # ours may say more
                one["message"], two["message"] = said, says
        if where := first_difference(rounded(one), rounded(two)) if near else first_difference(one, two):
            self.note(request, real, ours, where)

    def note(self, request, real, ours, where):
        """Keeps one difference."""
        self.differences.append(
            f"{request}\n  differs: {where}\n  real: {real.status_code} {real.text[:SHOWN]!r}"
            f"\n  ours: {ours.status_code} {ours.text[:SHOWN]!r}")

    def post(self, path, /, how=None, **fields):
        """POSTs fields as JSON; `how` holds words for call."""
        return self.call("POST", path, json=fields, **(how or {}))

    def patch(self, path, /, how=None, **fields):
        """PATCHes fields as JSON."""
        return self.call("PATCH", path, json=fields, **(how or {}))

    def delete(self, path, /, how=None, **fields):
        """DELETEs with fields as JSON."""
        return self.call("DELETE", path, json=fields, **(how or {}))

    def get(self, path, /, how=None, **fields):
        """GETs with fields as query parameters."""
        return self.call("GET", path, params=fields, **(how or {}))

    def client(self, what, sort=None, ignore=()):
        """Does the same with MLflow's client on both and compares what came."""
        from mlflow import MlflowClient

        self.calls += 1
        got = []
        for side in (self.real, self.ours):
            try:
                result = describe(what(MlflowClient(tracking_uri=side.url, registry_uri=side.url), side.fill))
            except Exception as e:  # an error is a result here
                result = {"raised": type(e).__name__, "code": getattr(e, "error_code", None), "text": str(e)}
            got.append(result)
        one, two = (plain(side, r, sort, ignore) for side, r in zip((self.real, self.ours), got))
        if where := first_difference(one, two):
            self.differences.append(f"the client's {what.__name__}\n  differs: {where}\n  real: {str(got[0])[:SHOWN]}"
                                    f"\n  ours: {str(got[1])[:SHOWN]}")
        return got


def describe(thing):
    """Turns MLflow's entities into plain values."""
    if hasattr(thing, "token") and isinstance(thing, list):
        return {"items": [describe(t) for t in thing], "more": bool(thing.token)}
    if isinstance(thing, (list, tuple, set)):
        return [describe(t) for t in thing]
    if isinstance(thing, dict):
        return {k: describe(v) for k, v in thing.items()}
    if isinstance(thing, (str, int, float, bool, type(None))):
        return thing
    if hasattr(thing, "__iter__"):
        return {k: describe(v) for k, v in dict(thing).items()}
    return str(thing)


def body(response):
    """Reads an answer as JSON where it is that, else as text."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        try:
            return json.loads(response.text)
        except ValueError:
            pass
    return response.text


def dig(value, path):
    """Follows a path such as `runs.0.info.run_id`."""
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def plain(side, value, sort=None, ignore=()):
    """Gives an answer without what may differ: ids, times of now, opaque tokens."""
    rules = Rules(side, ignore)
    value = rules.strip(value, "", "")
    if sort and isinstance(value, dict):
        name, _, key = sort.partition(":")
        if isinstance(value.get(name), list):
            value[name].sort(key=lambda v: str(dig(v, key)) if key else json.dumps(v, sort_keys=True))
    return value


class Rules:
    """What of one server's answer may differ."""

    def __init__(self, side, ignore):
        self.known = {i: token for token, i in side.ids.items() if len(i) >= 16}
        self.numbers = {i: token for token, i in side.ids.items() if len(i) < 16}
        self.fresh = {}
        self.ignore = ignore

    def strip(self, value, field, parent):
        """Goes through a value that a field of a parent holds."""
        if isinstance(value, dict):
            # A description that is empty is none to clients, which read messages of protobuf.
            return {k: self.strip(v, k, field) for k, v in value.items() if k not in self.ignore and (k, v) != ("description", "")}
        if isinstance(value, list):
            value = [self.strip(v, field, parent) for v in value]
            # No order is promised for these.
            if field in FREE or (field, parent) == ("metrics", "data"):
                value.sort(key=lambda v: json.dumps(v, sort_keys=True))
            return value
        if field.endswith("page_token"):
            return "<token>"
        if isinstance(value, float) and value != value:
            return "<NaN>"
        if isinstance(value, (int, str)) and is_now(value):
            return "<now>"
        return self.text(value, field) if isinstance(value, str) else value

    def text(self, value, field):
        """Goes through a text."""
        if MADE_UP.fullmatch(value):
            return "<made-up name>"
        if field in ("experiment_id", "experiment_ids") and value.isdigit() and value != "0":
            return self.numbers.get(value, "<experiment>")
        for one, token in self.known.items():
            value = value.replace(one, token)
        if field in ("message", "text"):
            value = FILTER.sub(r"\1", SQL.sub("", value))
            value = SET.sub(lambda m: "{" + ", ".join(sorted(m.group(1).split(", "))) + "}", value)
        value = ROOT.sub(lambda m: m.group(1) + self.numbers.get(m.group(2), "<experiment>"), value)
        value = NUMBERED.sub(lambda m: m.group(1) + self.numbers.get(m.group(2), m.group(2)), value)
        return HEX.sub(lambda m: self.fresh.setdefault(m.group(), f"<id {len(self.fresh)}>"), value)


def is_now(value):
    """Tells whether a value is a time of the last hour, in milliseconds."""
    try:
        return not isinstance(value, bool) and abs(int(value) - time.time() * 1000) < 3_600_000
    except ValueError:
        return False


def rounded(value):
    """Gives a value with its floating numbers to twelve digits behind the point."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return round(value, 12) + 0.0 if isinstance(value, float) else value


def first_difference(one, two, path=""):
    """Says where two values differ first, or nothing."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in sorted(one.keys() | two.keys()):
            if key not in one or key not in two:
                return f"{path}.{key} is only in the {'real answer' if key in one else 'answer of ours'}"
            if where := first_difference(one[key], two[key], f"{path}.{key}"):
                return where
        return None
    if isinstance(one, list) and isinstance(two, list):
        if len(one) != len(two):
            return f"{path} has {len(one)} and {len(two)} elements"
        return next(filter(None, (first_difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, two)))), None)
    if isinstance(one, bool) is isinstance(two, bool) and one == two:
        return None
    return f"{path or 'body'}: {one!r} and {two!r}"


def brief(how):
    """Shows the words of a request shortly."""
    sent = {k: v for k, v in how.items() if v not in (None, {})}
    text = json.dumps(sent, ensure_ascii=False, default=lambda b: f"<{len(b)} bytes>")
    return text if len(text) < 400 else text[:400] + "…"
