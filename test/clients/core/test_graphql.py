"""GraphQL by python-gitlab's own client, and by curl.

Proves: the client reads the schema by introspection and checks documents
against it; models, versions, metrics and files come as trees, page by page;
mutations work, and tell rules that were broken; whoever may not is told
GitLab's text, and so is a token that is none.
"""

import json
import urllib.parse

import gitlab
import gql.transport.exceptions
import graphql
import pytest

import api
import shell

ADDRESS = f"{api.URL}/api/graphql"
ACCESS = "does not exist or you don't have permission to perform this action"


@pytest.fixture(scope="module")
def graph():
    """python-gitlab's GraphQL client, which fetches the schema first."""
    with gitlab.GraphQL(api.URL, token=api.TOKEN, fetch_schema_from_transport=True) as client:
        yield client


def test_current_user(graph):
    query = "{ currentUser { id username name } metadata { version revision } }"
    answer = graph.execute(query)
    assert answer["currentUser"]["id"] == "gid://gitlab/User/1"
    assert answer["currentUser"]["username"] == "root"
    assert answer["metadata"]["version"]


def test_the_client_knows_the_schema(graph):
    graph.execute("{ currentUser { id } }")
    schema = graph._client.schema
    assert graphql.validate_schema(schema) == []
    assert {"mlModel", "project"} <= set(schema.query_type.fields)
    with pytest.raises(graphql.GraphQLError, match="Cannot query field 'nothing'"):
        graph.execute("{ currentUser { nothing } }")


MODELS = """
query models($path: ID!, $name: String, $after: String) {
  project(fullPath: $path) {
    mlModels(name: $name, first: 3, after: $after, orderBy: NAME, sort: ASC) {
      count
      pageInfo { hasNextPage endCursor }
      nodes { id name latestVersion { version } versions { nodes { version } } }
    }
  }
}
"""


def test_models_page_by_page(graph, root, unique):
    stem = unique("flower")
    for i in range(7):
        model = root.new_model(f"{stem}-{i}")
        for version in ("1.0.0", "1.1.0")[: 1 + i % 2]:
            root.new_version(model["id"], version)
    names, cursor = [], None
    while True:
        values = {"path": api.PROJECT, "name": stem, "after": cursor}
        page = graph.execute(MODELS, variable_values=values)["project"]["mlModels"]
        assert page["count"] == 7
        names += [node["name"] for node in page["nodes"]]
        for node in page["nodes"]:
            wanted = ["1.1.0", "1.0.0"] if int(node["name"][-1]) % 2 else ["1.0.0"]
            assert [v["version"] for v in node["versions"]["nodes"]] == wanted
            assert node["latestVersion"]["version"] == wanted[0]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == [f"{stem}-{i}" for i in range(7)]


def test_a_version_with_all_of_it(graph, root, target, tmp_path):
    content = b"weights" * 1000
    root.put_file(target.version_id, "dir/model.bin", content)
    query = """
    query version($model: MlModelID!, $version: MlModelVersionID!) {
      mlModel(id: $model) {
        version(modelVersionId: $version) {
          version artifactsCount
          candidate { eid status metrics { nodes { name value } } }
          package { packageFiles { nodes { fileName size fileSha256 downloadPath } } }
        }
      }
    }"""
    values = {
        "model": f"gid://gitlab/Ml::Model/{target.model_id}",
        "version": f"gid://gitlab/Ml::ModelVersion/{target.version_id}",
    }
    version = graph.execute(query, variable_values=values)["mlModel"]["version"]
    assert (version["version"], version["artifactsCount"]) == ("1.0.0", 1)
    (file,) = version["package"]["packageFiles"]["nodes"]
    assert (file["fileName"], file["size"]) == ("dir%2Fmodel.bin", str(len(content)))
    answer = shell.curl(tmp_path, api.URL + file["downloadPath"])
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["x-checksum-sha256"] == file["fileSha256"]


CREATE = """
mutation create($path: ID!, $name: String!) {
  mlModelCreate(input: {projectPath: $path, name: $name, clientMutationId: "7"}) {
    clientMutationId errors model { id name }
  }
}
"""


def test_mutations(graph, unique):
    values = {"path": api.PROJECT, "name": unique("made")}
    made = graph.execute(CREATE, variable_values=values)["mlModelCreate"]
    assert (made["clientMutationId"], made["errors"]) == ("7", [])
    again = graph.execute(CREATE, variable_values=values)["mlModelCreate"]
    assert (again["model"], again["errors"]) == (None, ["Name should be unique in the project"])
    destroy = "mutation d($path: ID!, $id: MlModelID!) { mlModelDestroy(input: {projectPath: $path, id: $id}) { errors } }"
    values = {"path": api.PROJECT, "id": made["model"]["id"]}
    assert graph.execute(destroy, variable_values=values)["mlModelDestroy"]["errors"] == []
    gone = graph.execute("query m($id: MlModelID!) { mlModel(id: $id) { name } }", variable_values={"id": values["id"]})
    assert gone["mlModel"] is None


def test_whoever_may_not(newcomer):
    user, client = newcomer
    with gitlab.GraphQL(api.URL, token=client.private_token) as graph:
        assert graph.execute("{ currentUser { username } }")["currentUser"]["username"] == user.username
        assert graph.execute('{ project(fullPath: "root/default") { id } }')["project"] is None
        with pytest.raises(gql.transport.exceptions.TransportQueryError, match=ACCESS):
            graph.execute(CREATE, variable_values={"path": api.PROJECT, "name": "x"})


def test_bad_token():
    with gitlab.GraphQL(api.URL, token="vtpat-no-such-token") as graph:
        # Its library reads the body of a 401 and raises that.
        with pytest.raises(gql.transport.exceptions.TransportQueryError, match="Invalid token"):
            graph.execute("{ currentUser { username } }")


def test_curl(tmp_path):
    query = '{ project(fullPath: "root/default") { name } }'
    body = json.dumps({"query": "query($p: ID!) { project(fullPath: $p) { name } }", "variables": {"p": api.PROJECT}})
    posted = shell.curl(tmp_path, "-H", "Content-Type: application/json", "-d", body, ADDRESS)
    asked = shell.curl(tmp_path, f"{ADDRESS}?query={urllib.parse.quote(query)}")
    formed = shell.curl(tmp_path, "--data-urlencode", f"query={query}", ADDRESS)
    for answer in (posted, asked, formed):
        assert answer.status == 200
        assert json.loads(answer.body) == {"data": {"project": {"name": "default"}}}
    many = shell.curl(tmp_path, "-H", "Content-Type: application/json", "-d", json.dumps([{"query": "{ __typename }"}] * 2), ADDRESS)
    assert json.loads(many.body) == [{"data": {"__typename": "Query"}}] * 2
    anonymous = shell.curl(tmp_path, f"{ADDRESS}?query=%7BcurrentUser%7Bid%7D%7D", token=None)
    assert json.loads(anonymous.body) == {"data": {"currentUser": None}}
