"""The exceptions that python-gitlab makes of our refusals.

Proves: code that catches GitlabAuthenticationError, GitlabGetError and the like
works, as the statuses and the shapes of the messages are those it expects.
"""

import gitlab
import pytest

import api


def raised(kind, call, *arguments, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    return caught.value.response_code, caught.value.error_message


@pytest.mark.parametrize("secret", ["vtpat-" + "x" * 32, "nonsense", "ü".encode().decode("latin-1")])
def test_401_unknown_token(secret):
    with gitlab.Gitlab(api.URL, private_token=secret) as client:
        wrong = gitlab.exceptions.GitlabAuthenticationError
        assert raised(wrong, client.auth) == (401, "401 Unauthorized")
        assert raised(wrong, client.projects.get, api.PROJECT_ID)[0] == 401


def test_401_no_token():
    with gitlab.Gitlab(api.URL) as client:
        assert raised(gitlab.exceptions.GitlabAuthenticationError, client.auth)[0] == 401


def test_oauth_and_job_tokens(gl, root):
    with gitlab.Gitlab(api.URL, oauth_token=api.TOKEN) as client:
        client.auth()
    spec = {"user_id": 1, "job_id": 77, "expires_in": 600}
    secret = root.post(f"/projects/{api.PROJECT_ID}/job_tokens", spec)["token"]
    assert secret.startswith("vtjob-")
    target = api.new_target(root, "from-a-job")
    with gitlab.Gitlab(api.URL, job_token=secret) as job:
        job.http_put(api.files_path(target.version_id, "x.bin"), post_data=b"built", raw=True)
        assert job.http_get(api.files_path(target.version_id, "x.bin"), raw=True).content == b"built"
        other = gl.projects.create({"name": "other-than-the-jobs"})
        assert raised(gitlab.exceptions.GitlabGetError, job.projects.get, other.id)[0] in (403, 404)


def test_403_scope_too_small(gl, newcomer):
    user, _ = newcomer
    token = user.personal_access_tokens.create({"name": "r", "scopes": ["read_model_registry"]})
    gl.projects.get(api.PROJECT_ID).members.create({"user_id": user.id, "access_level": 40})
    with gitlab.Gitlab(api.URL, private_token=token.token) as client:
        models = f"/projects/{api.PROJECT_ID}/ml/models"
        assert isinstance(client.http_get(models), list)
        code, message = raised(gitlab.exceptions.GitlabHttpError, client.http_post, models, post_data={"name": "m"})
        assert (code, message) == (403, "insufficient_scope")


def test_404s(gl):
    lost = gitlab.exceptions.GitlabGetError
    assert raised(lost, gl.projects.get, "no/such") == (404, "404 Project Not Found")
    assert raised(lost, gl.projects.get, 424242) == (404, "404 Project Not Found")
    assert raised(lost, gl.groups.get, "nobody") == (404, "404 Group Not Found")
    assert raised(lost, gl.users.get, 424242) == (404, "404 User Not Found")
    assert raised(gitlab.exceptions.GitlabHttpError, gl.http_get, "/no/such/route") == (404, "404 Not Found")


def test_400_missing_and_invalid(gl, target):
    models = f"/projects/{api.PROJECT_ID}/ml/models"
    versions = f"{models}/{target.model_id}/versions"
    bad = gitlab.exceptions.GitlabHttpError
    assert raised(bad, gl.http_post, models, post_data={}) == (400, "name is missing")
    assert raised(bad, gl.http_post, models, post_data={"name": target.model})[0] == 400
    code, message = raised(bad, gl.http_post, versions, post_data={"version": "one"})
    assert code == 400 and "must be a semantic version" in str(message)
    code, message = raised(bad, gl.http_post, versions, post_data={"version": target.version})
    assert code == 400 and "has already been taken" in str(message)


def test_405_for_a_wrong_method(gl):
    assert raised(gitlab.exceptions.GitlabHttpError, gl.http_put, "/version", post_data={})[0] == 405
