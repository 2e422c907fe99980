"""Fixtures of the client tests.

The Go driver (test/clients) starts a fresh server for each test file and says
where it is: VITRINE_SERVER, VITRINE_TOKEN (of the administrator root), VITRINE_BIN
(the client's binary) and VITRINE_DATA (the server's directory).
"""

import itertools

import gitlab
import pytest

import api
import artifacts


@pytest.fixture(scope="session")
def root():
    """The REST interface as the administrator."""
    return api.Api(api.URL, api.TOKEN)


@pytest.fixture
def gl():
    """python-gitlab as the administrator, failing at once instead of retrying."""
    with gitlab.Gitlab(api.URL, private_token=api.TOKEN, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def unique():
    """A function that makes names that nothing else has."""
    counter = itertools.count(1)
    return lambda stem: f"{stem}-{next(counter)}"


@pytest.fixture(scope="session", params=artifacts.KINDS, ids=lambda kind: kind.name)
def artifact(request, tmp_path_factory):
    """Each kind of real model once: its file and what it predicts."""
    return request.param.build(tmp_path_factory.mktemp(request.param.name))


@pytest.fixture
def target(root, unique):
    """An empty model version in the project root/default."""
    return api.new_target(root, unique("model"))


@pytest.fixture
def newcomer(gl, unique):
    """A user without any membership: (python-gitlab object, python-gitlab as that user)."""
    name = unique("newcomer")
    user = gl.users.create(
        {
            "username": name,
            "name": "New Comer",
            "email": f"{name}@example.com",
            "password": "correct horse battery staple 1",
            "skip_confirmation": True,
        }
    )
    token = user.personal_access_tokens.create({"name": "test", "scopes": ["api"]})
    with gitlab.Gitlab(api.URL, private_token=token.token, timeout=60) as client:
        yield user, client
