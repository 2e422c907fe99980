"""Traces: begun, found, tagged, assessed, counted, deleted."""

import uuid

import pytest

from both import Both

TRACES = "/api/3.0/mlflow/traces"


def info(experiment, trace_id, /, **fields):
    """Is a trace as a client sends it."""
    return {"trace": {"trace_info": {
        "trace_id": trace_id, "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}},
        "request_time": "2026-01-02T03:04:05.678Z", "execution_duration": "1.500s", "state": "OK", "request_preview": "in",
        "response_preview": "out", "trace_metadata": {"mlflow.source.name": "test"}, "tags": {"color": "red"}} | fields}}


def new_id():
    """Makes a trace's id, which the client chooses: the same on both servers."""
    return "tr-" + uuid.uuid4().hex


@pytest.fixture
def trace(both, experiment):
    """Is a fresh trace's id."""
    trace_id = new_id()
    both.call("POST", TRACES, json=info(experiment, trace_id))
    return trace_id


@pytest.mark.parametrize("fields", [
    {}, {"state": "ERROR"}, {"state": "IN_PROGRESS"}, {"state": "STATE_UNSPECIFIED"}, {"state": "NONSENSE"}, {"execution_duration": None},
    {"request_time": None}, {"request_time": "yesterday"}, {"execution_duration": "fast"}, {"tags": {}}, {"trace_metadata": {}},
    {"client_request_id": "mine"}, {"request_preview": None}, {"request_preview": "x" * 5000}, {"tags": {"k" * 251: "v"}},
    {"tags": {"k": "v" * 9000}}, {"trace_metadata": {"mlflow.trace.session": "s1", "mlflow.trace.user": "ann"}}, {"trace_id": ""},
    {"trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "999999"}}}, {"trace_location": None},
    {"trace_metadata": {"mlflow.trace.tokenUsage": '{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}'}},
])
def test_start(both, experiment, fields):
    trace_id = new_id()
    both.call("POST", TRACES, json=info(experiment, trace_id, **fields), may_refuse=True, message=False)
    both.call("GET", f"{TRACES}/{trace_id}")
    both.call("GET", f"{TRACES}/get", params={"trace_id": trace_id}, message=False)


def test_start_twice(both, experiment, trace):
    both.call("POST", TRACES, json=info(experiment, trace, state="ERROR", tags={"other": "tag"}), message=False)
    both.call("GET", f"{TRACES}/{trace}")


def test_tags(both, trace):
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("k" * 250, "v"), ("k" * 251, "v"), ("c", "v" * 8000), ("d", "v" * 8001),
                       ("bad#", "v"), ("mlflow.traceName", "named"), (None, "v"), ("e", None)]:
        both.call("PATCH", f"{TRACES}/{trace}/tags", json={"key": key, "value": value}, may_refuse=True, message=False)
    both.call("GET", f"{TRACES}/{trace}")
    for key in ("a", "a", "never"):
        both.call("DELETE", f"{TRACES}/{trace}/tags", json={"key": key}, params={"key": key})
    both.call("GET", f"{TRACES}/{trace}")
    both.call("PATCH", f"{TRACES}/tr-none/tags", json={"key": "a", "value": "1"}, message=False)
    both.call("GET", f"{TRACES}/tr-none")


@pytest.fixture(scope="module")
def shelf(servers):
    """Is an experiment with six traces to search among."""
    both = Both(*servers, "traces-shelf")
    experiment = both.post("experiments/create", name="traces shelf").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="r", start_time=1).pick("run.info.run_id")
    ids = []
    for i, name in enumerate(["alpha", "Beta", "gamma", "delta", "epsilon", "zeta"]):
        ids.append(new_id())
        both.call("POST", TRACES, json=info(
            experiment, ids[-1], request_time=f"2026-01-0{i + 1}T00:00:00Z", execution_duration=f"{i}.250s",
            state=["OK", "ERROR", "IN_PROGRESS"][i % 3], tags={"mlflow.traceName": name, "color": "red" if i < 3 else "blue"},
            trace_metadata={"mlflow.trace.session": f"s{i % 2}", **({"mlflow.sourceRun": run} if i < 2 else {})}, client_request_id=f"c{i}"))
    return experiment, run, ids


def search(both, experiment, **words):
    """Searches one experiment."""
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}]
    return both.call("POST", f"{TRACES}/search", json={"locations": place} | words)


@pytest.mark.parametrize("text", [
    "trace.status = 'OK'", "status = 'ERROR'", "attributes.status = 'OK'", "trace.status != 'OK'", "status IN ('OK', 'ERROR')",
    "name = 'alpha'", "trace.name LIKE '%a'", "name ILIKE 'B%'", "attributes.name = 'gamma'", "tags.color = 'red'", "tag.color != 'red'",
    "tags.color LIKE 'b%'", "tags.`color` = 'blue'", "timestamp_ms > 1767398400000", "attributes.timestamp < 1767398400000",
    "timestamp = 1767225600000", "execution_time_ms > 2000", "trace.execution_time >= 3250", "execution_time_ms = 250", "run_id = '{1}'",
    "attributes.run_id = '{1}'", "metadata.`mlflow.trace.session` = 's1'", "request_metadata.`mlflow.trace.session` = 's0'",
    "client_request_id = 'c3'", "trace.client_request_id LIKE 'c%'", "request_id = '{2[0]}'", "trace.id = '{2[1]}'",
    "tags.color = 'red' AND status = 'OK'", "tags.none = 'x'", "", "trace.text LIKE '%x%'", "timestamp >= 0 AND timestamp < 1767398400000",
    # refused
    "status", "status = OK", "nonsense = 'x'", "timestamp = 'x'", "status > 'OK'", "name = 'a' OR name = 'b'", "tags = 'x'", "tags.a > 'x'",
    "metrics.a > 1", "name = 'a' AND", "(name = 'a')", "execution_time_ms LIKE '1'", "run_id > 'x'", "tags.color = 5",
])
def test_filters(both, shelf, text):
    search(both, shelf[0], filter=text.format(*shelf))


@pytest.mark.parametrize("order", [
    [], ["timestamp ASC"], ["timestamp_ms DESC"], ["execution_time DESC"], ["execution_time_ms"], ["status", "timestamp"], ["name"],
    ["tags.color", "timestamp"], ["tag.`mlflow.traceName` DESC"], ["attributes.timestamp"], ["client_request_id"], ["nonsense"],
    ["timestamp DOWN"], [""], ["run_id", "timestamp"], ["trace.name DESC"],
])
def test_orders(both, shelf, order):
    search(both, shelf[0], order_by=order)


@pytest.mark.parametrize("size", [1, 6, 100, 500, 501, 0, -1, "3", "x"])
def test_sizes(both, shelf, size):
    search(both, shelf[0], max_results=size)


def test_pages(both, shelf):
    token = None
    for _ in range(4):
        answers = search(both, shelf[0], max_results=2, order_by=["timestamp DESC"], **({"page_token": token} if token else {}))
        if not answers.ours.ok or not answers.real.json().get("next_page_token") or not answers.ours.json().get("next_page_token"):
            break
        token = answers.pick("next_page_token")
    both.call("POST", f"{TRACES}/search", json={})
    both.call("POST", f"{TRACES}/search", json={"locations": []})


def test_assessments(both, trace):
    source = {"source_type": "HUMAN", "source_id": "ann"}
    answers = both.call("POST", f"{TRACES}/{trace}/assessments", ignore=("create_time", "last_update_time"), json={"assessment": {
        "assessment_name": "correct", "trace_id": trace, "source": source, "feedback": {"value": True}, "rationale": "because",
        "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    made = answers.pick("assessment.assessment_id")
    address, how = f"{TRACES}/{trace}/assessments/{made}", {"ignore": ("create_time", "last_update_time")}
    both.call("GET", address, **how)
    both.call("PATCH", address, **how, json={"assessment": {"assessment_id": made, "trace_id": trace, "rationale": "on second thought"},
                                             "update_mask": "rationale"})
    both.call("PATCH", address, **how, json={"assessment": {"assessment_id": made, "trace_id": trace, "feedback": {"value": 0.5}},
                                             "update_mask": "feedback"})
    both.call("GET", f"{TRACES}/{trace}", **how)
    both.call("POST", f"{TRACES}/{trace}/assessments", **how, json={"assessment": {
        "assessment_name": "expected", "trace_id": trace, "source": source, "expectation": {"value": "42"},
        "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    both.call("DELETE", address, **how)
    both.call("GET", address, **how)
    both.call("DELETE", address, **how)
    both.call("GET", f"{TRACES}/{trace}/assessments/a-none", message=False)
    both.call("POST", f"{TRACES}/{trace}/assessments", json={}, message=False)


def test_links_to_runs(both, experiment, run, trace):
    for ids, target in (([trace], run), ([trace], run), (["tr-none"], run), ([], run), ([trace], ""), (["x"] * 101, run)):
        both.post("traces/link-to-run", how={"message": False}, trace_ids=ids, run_id=target)
    search(both, experiment, filter=f"run_id = '{run}'")


@pytest.mark.parametrize("words", [
    {"request_ids": "one"}, {"max_timestamp_millis": 1767398400000}, {"max_timestamp_millis": 5}, {"max_timestamp_millis": 1767398400000,
    "max_traces": 0}, {"max_timestamp_millis": 1767398400000, "request_ids": ["x"]}, {}, {"request_ids": ["tr-none"]}, {"max_traces": 1},
    {"max_timestamp_millis": 1767398400000, "max_traces": 1}, {"request_ids": []}, {"experiment_id": "999999", "max_timestamp_millis": 9},
])
def test_deletion(both, experiment, trace, words):
    words = {"experiment_id": experiment} | words
    if words.get("request_ids") == "one":
        words["request_ids"] = [trace]
    both.call("POST", f"{TRACES}/delete-traces", json=words, message=False)
    both.call("GET", f"{TRACES}/{trace}")
    search(both, experiment)


def span(trace_id, span_id, name, parent=None, **attributes):
    """Is a span as OTLP has it in JSON."""
    values = [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()]
    return {"traceId": trace_id, "spanId": span_id, "name": name, "startTimeUnixNano": "1767225600000000000",
            "endTimeUnixNano": "1767225601500000000", "attributes": values, "status": {"code": 1}, **({"parentSpanId": parent} if parent else {})}


def test_spans(both, experiment):
    trace_id = uuid.uuid4().hex
    spans = [span(trace_id, "a" * 16, "root", **{"mlflow.spanType": '"CHAIN"'}), span(trace_id, "b" * 16, "leaf", "a" * 16)]
    body = {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                               "scopeSpans": [{"spans": spans}]}]}
    both.call("POST", "/v1/traces", json=body, headers={"x-mlflow-experiment-id": experiment})
    both.call("GET", f"{TRACES}/tr-{trace_id}")
    both.call("GET", f"{TRACES}/get", params={"trace_id": f"tr-{trace_id}"})
    both.call("GET", f"{TRACES}/batchGet", params={"trace_ids": [f"tr-{trace_id}"]})
    both.call("POST", f"{TRACES}/batchGetInfos", json={"trace_ids": [f"tr-{trace_id}", "tr-none"]})
    search(both, experiment, filter="span.name = 'leaf'")
    search(both, experiment, filter="span.name LIKE 'none%'")
    both.call("POST", "/v1/traces", json=body, message=False)
    both.call("POST", "/v1/traces", data=b"nonsense", headers={"x-mlflow-experiment-id": experiment, "Content-Type": "application/x-protobuf"},
              message=False)


def test_the_client(both):
    name = both.name("client")

    def traced(client, fill):
        experiment = client.create_experiment(name)
        found = client.search_traces(locations=[experiment])
        return [len(found)]

    both.client(traced)
