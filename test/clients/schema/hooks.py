"""What schemathesis has to know beside the document: who it is, and what there is.

The fuzzer finds the operations that end its own token, block its own account or
delete its own project. So an answer 401 to the token that it was given makes a
new token of a new user, by the administration's commands on the data folder,
which nothing that comes over the network can take away; and what a DELETE took
away is made again. Half of the addresses get the ids of things that exist: at
random ids nothing but 404 would ever be seen.
"""

import itertools
import json
import os
import re
import subprocess
import zlib
from urllib.parse import urlsplit

import requests
import schemathesis
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.core.parameters import ParameterLocation

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

ADMIN = os.environ["FUZZ_AS"] == "administrator"
API = os.environ["VITRINE_SERVER"] + "/api/v4"
numbers = itertools.count(1)


def administer(*words):
    command = [os.environ["VITRINE_BIN"], *words, "--data", os.environ["VITRINE_DATA"], "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def new_user(kind, *flags):
    """Makes a user and a token; gives the user's name and the token."""
    name = f"{kind}-{next(numbers)}"
    user = administer("user", "create", name, "--email", f"{name}@example.com", *flags)
    return user, administer("token", "create", name, "--scope", "api")


class Place:
    """A group, a project and one of each thing in it, by the names that addresses give their ids."""

    def __init__(self):
        self.user, token = new_user("owner", "--admin")
        self.session = requests.Session()
        self.session.headers["PRIVATE-TOKEN"] = token["token"]
        self.ids = {}

    def post(self, path, body=None, method="POST"):
        answer = self.session.request(method, API + path, json=body or {}, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def furnish(self):
        """Makes everything anew, so that ids that are gone are not used."""
        try:
            self.make()
        except requests.RequestException:
            self.__init__()  # the owner was blocked or deleted
            self.make()

    def make(self):
        name = f"place-{next(numbers)}"
        group = self.post("/groups", {"name": name, "path": name})["id"]
        project = self.post("/projects", {"name": name, "namespace_id": group})["id"]
        ml = f"/projects/{project}/ml"
        model = self.post(f"{ml}/models", {"name": "iris"})["id"]
        version = self.post(f"{ml}/models/{model}/versions")
        self.post(f"{ml}/models/{model}/aliases/champion", {"version_id": version["id"]}, "PUT")
        candidate = self.post(f"{ml}/candidates", {"model_id": model, "metadata": [{"name": "gpu", "value": "a100"}]})["id"]
        experiment = self.post(f"{ml}/experiments", {"name": "sweep"})["id"]
        for path in (f"ml_models/{version['id']}/files/dir/a.txt", "generic/data/1.0/a.txt"):
            self.session.put(f"{API}/projects/{project}/packages/{path}", data=b"content", timeout=60).raise_for_status()
        bot = {"name": "bot", "scopes": ["api"], "access_level": 30}
        user, token = new_user("spare")
        self.ids = {
            "projects/{id}": str(project), "groups/{id}": str(group), "{model_id}": model, "{version_id}": version["id"],
            "{model_version_id}": str(version["id"]), "{package_id}": version["package_id"], "{candidate_id}": candidate,
            "{experiment_id}": experiment, "{user_id}": user["id"], "metadata/{name}": "gpu", "aliases/{name}": "champion",
            "{package_name}": "data", "{package_version}": "1.0", "ml_models/{model_version_id}/files/{file_path}": "dir/a.txt",
            "generic/{package_name}/{package_version}/{file_path}": "a.txt", "personal_access_tokens/{token_id}": str(token["id"]),
            "projects/{id}/access_tokens/{token_id}": self.post(f"/projects/{project}/access_tokens", bot)["id"],
            "groups/{id}/access_tokens/{token_id}": self.post(f"/groups/{group}/access_tokens", bot)["id"],
        }  # fmt: skip
        if not ADMIN:
            fuzzer.join(project)

    def known(self, path, name):
        """Gives the id of what exists for a parameter of an address, by the longest key that names it."""
        at = path[: path.index("{" + name + "}") + len(name) + 2]
        keys = [key for key in self.ids if at.endswith(key)]
        return self.ids[max(keys, key=len)] if keys else None


class Fuzzer:
    """The user who fuzzes."""

    user = None

    def renew(self):
        self.user, token = new_user("fuzz", *(["--admin"] if ADMIN else []))
        if ADMIN or not place.ids:
            return token["token"]
        self.join(place.ids["projects/{id}"])
        return token["token"]

    def join(self, project):
        if self.user:
            place.post(f"/projects/{project}/members", {"user_id": self.user["id"], "access_level": 30})


fuzzer = Fuzzer()
place = Place()
place.furnish()


@schemathesis.auth(refresh_interval=3600, retry_on=[401])
class Token:
    """The fuzzer's token; a new one when it does not count any more."""

    def get(self, case, context):
        return fuzzer.renew()

    def set(self, case, data, context):
        case.headers["PRIVATE-TOKEN"] = data


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts ids of what exists into half of the addresses, unless a wrong one is what is tried.

    Which half depends on the request alone, so that every run tries the same.
    """
    request = f"{case.method} {case.operation.path} {case.path_parameters} {case.query} {case.body}"
    if case.meta and case.meta.is_negative_at(ParameterLocation.PATH) or zlib.crc32(request.encode(errors="replace")) % 2:
        return
    for name in case.path_parameters or {}:
        found = place.known(case.operation.path, name)
        if found is not None:
            case.path_parameters[name] = found


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops wrong data that is taken on purpose.

    Like GitLab the server takes numbers for texts and texts for numbers, null for
    nothing, and an empty text in a query or form for nothing. OPTIONS tells what
    the server can do, whatever it is asked about.
    """
    if not isinstance(failure, AcceptedNegativeData):
        return True
    form = response.request.body if "x-www-form-urlencoded" in response.request.headers.get("Content-Type", "") else ""
    sent = urlsplit(response.request.url).query if " in query" in failure.message else str(form)
    empty = re.search(r"(^|&)[^=&]+=(&|$)", sent)
    typed = re.search(r"Incorrect type|violates `(type|anyOf)`|not matching the 'date(-time)?' format", failure.message)
    return not (empty or typed or case.method.upper() == "OPTIONS")


@schemathesis.hook
def after_call(context, case, response):
    """Makes again what is gone, archived or renamed."""
    ended = case.method.upper() == "DELETE" or case.operation.path.endswith(("/archive", "/block"))
    if response.status_code < 300 and ended or next(numbers) % 400 < 2:
        place.furnish()
