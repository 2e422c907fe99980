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
    # The real server answers with the tags from before.
    both.call("POST", TRACES, json=info(experiment, trace, state="ERROR", tags={"other": "tag"}), message=False, ignore=("tags",))
    both.call("GET", f"{TRACES}/{trace}")


def test_tags(both, trace):
    for key, value in [("a", "1"), ("a", "2"), ("b", ""), ("k" * 250, "v"), ("k" * 251, "v"), ("c", "v" * 8000), ("d", "v" * 8001),
                       ("bad#", "v"), ("mlflow.traceName", "named"), (None, "v"), ("e", None)]:
        both.call("PATCH", f"{TRACES}/{trace}/tags", json={"key": key, "value": value}, may_refuse=True, message=False)
    both.call("GET", f"{TRACES}/{trace}")
    for key in ("a", "a", "never"):
        both.call("DELETE", f"{TRACES}/{trace}/tags", json={"key": key}, params={"key": key})
    both.call("GET", f"{TRACES}/{trace}")
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
    # After the last trace the real server still promises a page, ours does not.
    place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": shelf[0]}}]
    both.call("POST", f"{TRACES}/search", json={"locations": place, "max_results": size}, ignore=("next_page_token",))


def test_pages(both, shelf):
    token = None
    for _ in range(2):
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
    both.call("GET", f"{TRACES}/{trace}/assessments/a-none")
    both.call("GET", f"{TRACES}/tr-none/assessments/{made}")
    both.call("POST", f"{TRACES}/{trace}/assessments", json={}, message=False)


@pytest.mark.parametrize("fields", [
    {"feedback": {"value": 7}}, {"feedback": {"value": "text"}}, {"feedback": {"value": ["a", 1]}}, {"feedback": {"value": None}}, {"feedback": {}},
    {"feedback": {"value": {"a": [1, 2.5, None]}}}, {"feedback": {"error": {"error_code": "E", "error_message": "m", "stack_trace": "s"}}},
    {"expectation": {"value": 7}}, {"expectation": {"value": {"a": [1, 2.5, None]}}}, {"expectation": {"value": ["a"]}},
    {"expectation": {"serialized_value": {"value": '{"a":[1, 2]}', "serialization_format": "JSON_FORMAT"}}}, {"issue": {"issue_name": "i"}}, {},
    {"feedback": {"value": 1}, "source": {"source_type": "CODE"}}, {"feedback": {"value": 1}, "source": {"source_type": "LLM_JUDGE", "source_id": "j"}},
    {"feedback": {"value": 1}, "source": {"source_type": "NONSENSE"}}, {"feedback": {"value": 1}, "source": None},
    {"feedback": {"value": 1}, "metadata": {"a": "b"}, "span_id": "abc", "rationale": ""}, {"feedback": {"value": 1}, "overrides": "a-none"},
    {"feedback": {"value": 1}, "assessment_name": "n" * 250},
])
def test_assessments_of_every_kind(both, trace, fields):
    words = {"assessment_name": "a", "source": {"source_type": "HUMAN", "source_id": "ann"}, "create_time": "2026-01-01T00:00:00.5Z",
             "last_update_time": "2026-01-01T00:00:00Z"} | fields
    both.call("POST", f"{TRACES}/{trace}/assessments", json={"assessment": words}, may_refuse=True, message=False)
    both.call("GET", f"{TRACES}/{trace}")


def test_overriding(both, trace):
    how = {"ignore": ("create_time", "last_update_time")}
    words = {"assessment_name": "a", "source": {"source_type": "HUMAN"}, "feedback": {"value": "no"}}
    first = both.call("POST", f"{TRACES}/{trace}/assessments", json={"assessment": words}, **how).pick("assessment.assessment_id")
    second = both.call("POST", f"{TRACES}/{trace}/assessments", **how, json={"assessment": words | {"overrides": first}}).pick("assessment.assessment_id")
    both.call("GET", f"{TRACES}/{trace}/assessments/{first}", **how)
    both.call("DELETE", f"{TRACES}/{trace}/assessments/{second}")
    both.call("GET", f"{TRACES}/{trace}/assessments/{first}", **how)
    for mask, change in (("expectation", {"expectation": {"value": 1}}), ("rationale,metadata", {"rationale": "r", "metadata": {"k": "v"}}),
                         ("metadata", {"metadata": {"l": "w"}}), ("assessmentName", {"assessment_name": "renamed"}), ("", {}), (None, {})):
        both.call("PATCH", f"{TRACES}/{trace}/assessments/{first}", **how, json={"assessment": change, "update_mask": mask})
    both.call("PATCH", f"{TRACES}/{trace}/assessments/a-none", json={"assessment": {"rationale": "r"}, "update_mask": "rationale"})
    both.call("DELETE", f"{TRACES}/tr-none/assessments/{first}")


def test_traces_that_bring_assessments(both, experiment):
    trace_id = new_id()
    words = {"assessment_id": "a-mine", "assessment_name": "a", "source": {"source_type": "HUMAN"}, "feedback": {"value": True},
             "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}
    both.call("POST", TRACES, json=info(experiment, trace_id, assessments=[words]))
    both.call("GET", f"{TRACES}/{trace_id}")
    both.post("traces/link-prompts", trace_id=trace_id, prompt_versions=[{"name": "p", "version": "1"}])
    both.post("traces/link-prompts", trace_id="tr-none", prompt_versions=[{"name": "p", "version": "1"}])
    both.post("traces/link-prompts", how={"message": False})
    search(both, experiment, filter="prompt = 'p/1'")
    search(both, experiment, filter="prompt = 'p/2'")


@pytest.fixture(scope="module")
def told(servers):
    """Is an experiment with traces that have spans and assessments."""
    both = Both(*servers, "traces-told")
    experiment = both.post("experiments/create", name="traces told").pick("experiment_id")
    for i, (name, value) in enumerate([("ok", True), ("bad", "no"), ("some", 0.5)]):
        trace_id = uuid.uuid4().hex
        spans = [span(trace_id, "a" * 16, "root " + name, **{"mlflow.spanType": "CHAIN", "model": "gpt-5 ü"}),
                 span(trace_id, "b" * 16, "leaf", "a" * 16, **{"mlflow.spanType": "LLM", "n": str(i)})]
        both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, headers={"x-mlflow-experiment-id": experiment})
        both.call("POST", TRACES, json=info(experiment, "tr-" + trace_id, tags={"mlflow.traceName": name}, trace_metadata={"mlflow.trace.session": f"s{i % 2}"},
                                            request_time=f"2026-01-0{i + 1}T00:00:00Z"))
        both.call("POST", f"{TRACES}/tr-{trace_id}/assessments", json={"assessment": {
            "assessment_name": "good", "source": {"source_type": "HUMAN"}, "feedback": {"value": value},
            "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    both.call("POST", f"{TRACES}/tr-{trace_id}/assessments", json={"assessment": {
        "assessment_name": "talk", "source": {"source_type": "HUMAN"}, "expectation": {"value": "yes"}, "metadata": {"mlflow.trace.session": "s0"},
        "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    return experiment


@pytest.mark.parametrize("text", [
    "span.name = 'leaf'", "span.name = 'root ok' AND span.type = 'CHAIN'", "span.name = 'root ok' AND span.type = 'LLM'", "span.type IN ('LLM', 'TOOL')",
    "span.name LIKE 'root%'", "span.name ILIKE 'ROOT%'", "span.name RLIKE '^root (ok|bad)$'", "span.status = 'OK'", "span.status != 'OK'",
    "span.attributes.model LIKE '%gpt%'", "span.attributes.`model` ILIKE '%GPT-5 ü%'", "span.attributes.n RLIKE '^2$'", "span.attributes.n RLIKE '[12]'",
    "span.content LIKE '%ü%'", "trace.text LIKE '%gpt%'", "trace.text ILIKE '%GPT%'", "trace.text LIKE '%none at all%'", "name RLIKE 'o'", "tags.none RLIKE 'o'",
    "feedback.good = 'true'", "feedback.good != 'true'", "feedback.good = 'no'", "feedback.good > 0.4", "feedback.good <= 0.4", "feedback.good LIKE '%o%'",
    "feedback.none = 'x'", "feedback.good IS NULL", "feedback.none IS NULL", "feedback.good IS NOT NULL", "expectation.talk = 'yes'",
    "expectation.talk IS NOT NULL", "expectation.talk IS NULL", "expectation.good = 'true'", "name IS NULL", "name IS NOT NULL", "run_id IS NULL",
    "metadata.`mlflow.trace.session` = 's0' AND feedback.good = 'true'", "end_time_ms > 1767225600000", "issue.id = 'i'", "status RLIKE 'K'", "client_request_id != 'x'", "client_request_id = ''",
    # refused
    "span.none = 'x'", "span.name > 'x'", "span.name = 5", "span.content = 'x'", "span.name IS NULL", 
    "feedback.good = 5", "feedback.good > 'x'", "feedback.good IN ('x')", "issue.id != 'i'", "issue.none = 'i'", "prompt = 'p'", "prompt != 'p/1'",
    "text = 'x'", "tags.color IN ('red')", "name IN ('ok')", "run_id IN ('x')", "timestamp IS NULL",
])
def test_filters_by_spans_and_assessments(both, told, text):
    search(both, told, filter=text)


@pytest.mark.parametrize("order", [["feedback.good"], ["span.name"], ["client_request_id"], ["name", "name"]])
def test_orders_by_spans(both, told, order):
    search(both, told, order_by=order)


def test_traces_of_old_clients(both, experiment):
    tags = [{"key": "mlflow.traceName", "value": "n"}]
    # Ours begins its ids as those of newer clients, so that files beside traces are told from those of runs.
    begun = both.post("traces", how={"ignore": ("request_id", "tags")}, experiment_id=experiment, timestamp_ms=1767225600000,
                      request_metadata=[{"key": "a", "value": "b"}], tags=tags)
    made = begun.pick("trace_info.request_id")
    both.get(f"traces/{made}/info")
    both.patch(f"traces/{made}", timestamp_ms=1767225602000, status="OK", request_metadata=[{"key": "c", "value": "d"}], tags=[{"key": "t", "value": "u"}])
    both.get(f"traces/{made}/info")
    both.call("GET", f"{TRACES}/{made}")
    both.patch(f"traces/{made}/tags", key="x", value="y")
    both.delete(f"traces/{made}/tags", key="t")
    for words in ({"experiment_ids": [experiment]}, {"experiment_ids": [experiment], "filter": "name = 'n'", "max_results": 5, "order_by": ["timestamp"]},
                  {"experiment_ids": [experiment], "filter": "name = 'm'"}, {"experiment_ids": [experiment], "max_results": 0}, {"max_results": 1}):
        both.get("traces", **words)
    both.get("traces/none/info")
    both.patch("traces/none", timestamp_ms=5, status="OK", how={"may_refuse": True})
    both.post("traces", experiment_id="999999", timestamp_ms=1)
    both.post("traces", experiment_id=experiment, timestamp_ms="x")
    both.post("traces/delete-traces", experiment_id=experiment, request_ids=[made])
    both.get(f"traces/{made}/info")


def test_links_to_runs(both, experiment, run, trace):
    for ids, target in (([trace], run), ([trace], run), (["tr-none"], run), ([], run), ([trace], ""), (["x"] * 101, run)):
        both.post("traces/link-to-run", how={"message": False}, trace_ids=ids, run_id=target)
    search(both, experiment, filter=f"run_id = '{run}'")
    late = new_id()  # clients send traces in their own time
    both.post("traces/link-to-run", trace_ids=[late], run_id=run)
    both.call("POST", TRACES, json=info(experiment, late))
    search(both, experiment, filter=f"run_id = '{run}'")


@pytest.mark.parametrize("words", [
    {"request_ids": "one"}, {"max_timestamp_millis": 1767398400000}, {"max_timestamp_millis": 5}, {"max_timestamp_millis": 10**15}, {"max_timestamp_millis": 1767398400000,
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
    for data, headers in ((b"nonsense", {"Content-Type": "application/x-protobuf"}), (b"", {"Content-Type": "application/x-protobuf"}),
                          (b"{", {"Content-Type": "application/json"}), (b"{}", {"Content-Type": "application/json"}), (b"x", {"Content-Type": "text/plain"}),
                          (b"x", {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}),
                          (b"x", {"Content-Type": "application/x-protobuf", "Content-Encoding": "br"})):
        both.call("POST", "/v1/traces", data=data, headers=headers | {"x-mlflow-experiment-id": experiment})
    both.call("POST", "/v1/traces", json=body, headers={"x-mlflow-experiment-id": experiment}, may_refuse=True)


def test_the_client(both):
    import mlflow

    name = both.name("client")

    def traced(client, fill):
        mlflow.set_tracking_uri(client.tracking_uri)
        experiment = mlflow.set_experiment(name).experiment_id

        @mlflow.trace(span_type="CHAIN", attributes={"x": 1})
        def outer(a, b=(1, 2.5, None, {"k": "ü"})):
            with mlflow.start_span("inner", span_type="LLM") as inner:
                inner.set_inputs({"q": a})
                inner.set_outputs(["r", 1])
            mlflow.update_current_trace(tags={"color": "red"}, metadata={"mlflow.trace.session": "s"})
            return a * 2

        outer(21)
        mlflow.flush_trace_async_logging()
        trace_id = mlflow.get_last_active_trace_id()
        feedback = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, rationale="because")
        mlflow.log_expectation(trace_id=trace_id, name="answer", value={"a": 1})
        mlflow.update_assessment(trace_id, feedback.assessment_id, mlflow.entities.Feedback(name="good", value=False))
        trace = mlflow.get_trace(trace_id)
        found = mlflow.search_traces(locations=[experiment], filter_string="span.name = 'inner' AND feedback.good = 'false'", return_type="list")
        with mlflow.start_run() as run:
            client.link_traces_to_run([trace_id], run.info.run_id)
        linked = mlflow.search_traces(locations=[experiment], run_id=run.info.run_id, return_type="list")
        out = [[(s.name, s.span_type, s.inputs, s.outputs, str(s.status.status_code), sorted(k for k in s.attributes)) for s in t.data.spans]
               for t in (trace, *found, *linked)]
        out += [(a.name, a.value, a.rationale) for a in trace.info.assessments]
        out += [trace.info.request_preview, trace.info.response_preview, trace.info.tags["color"], str(trace.info.state)]
        out.append(client.delete_traces(experiment, trace_ids=[trace_id]))
        out.append(len(client.search_traces(locations=[experiment])))
        return out

    try:
        both.client(traced)
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.parametrize("words", [
    {"filter_string1": "tags.color = 'red'", "filter_string2": "status = 'OK'"}, {"filter_string1": "tags.color = 'red'", "filter_string2": "tags.color = 'blue'"},
    {"filter_string1": "tags.color = 'red'", "filter_string2": "tags.color != 'blue'"}, {"filter_string1": "name = 'none'", "filter_string2": "status = 'OK'"},
    {"filter_string1": "timestamp > 0", "filter_string2": "name LIKE '%'"}, {"filter_string1": "timestamp > 0", "filter_string2": "status = 'OK'"},
    {"filter_string1": "tags.color = 'red'", "filter_string2": "status = 'OK'", "base_filter": "name LIKE '%a'"},
    {"filter_string1": "tags.color = 'red'", "filter_string2": "status = 'OK'", "base_filter": "name = 'none'"},
    {"filter_string1": "", "filter_string2": "status = 'OK'"}, {"filter_string2": "status = 'OK'"}, {"filter_string1": "status = 'OK'"},
    {"filter_string1": "nonsense", "filter_string2": "status = 'OK'"}, {"filter_string1": "status = 'OK'", "filter_string2": "status > 5"},
    {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'", "base_filter": "x y"},
    {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'", "experiment_ids": ["999999"]},
    {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'", "experiment_ids": []},
    {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'", "experiment_ids": "1"},
])
def test_correlation_of_filters(both, shelf, words):
    both.call("POST", f"{TRACES}/calculate-filter-correlation", json={"experiment_ids": [shelf[0]]} | words, near=True)


@pytest.mark.parametrize("words", [
    {"filter_string1": "span.name = 'leaf'", "filter_string2": "span.name = 'root ok'"},
    {"filter_string1": "span.name LIKE 'root%' AND span.type = 'CHAIN'", "filter_string2": "feedback.good = 'true'"},
    {"filter_string1": "span.type = 'LLM'", "filter_string2": "feedback.good > 0.4", "base_filter": "span.name = 'root some'"},
])
def test_correlation_of_filters_by_spans(both, told, words):
    both.call("POST", f"{TRACES}/calculate-filter-correlation", json={"experiment_ids": [told]} | words, near=True)


def test_spans_as_files(both, experiment):
    trace_id = uuid.uuid4().hex
    attributes = {"mlflow.spanType": "CHAIN", "text": "ü \U0001f600 <&>"}
    spans = [span(trace_id, "a" * 16, "root", **attributes), span(trace_id, "b" * 16, "leaf", "a" * 16)]
    both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, headers={"x-mlflow-experiment-id": experiment})
    headers = ("Content-Disposition", "X-Content-Type-Options")
    for version in ("2.0", "3.0"):
        address = f"/ajax-api/{version}/mlflow/get-trace-artifact"
        both.call("GET", address, params={"request_id": "tr-" + trace_id}, headers_too=headers)
        for words in ({}, {"request_id": ""}, {"request_id": "tr-none"}, {"request_id": "tr-" + trace_id, "path": "../x"},
                      {"request_id": "tr-" + trace_id, "path": "x.json"}, {"request_id": "tr-" + trace_id, "path": str(uuid.uuid4())}):
            both.call("GET", address, params=words, message="path" not in words, ignore=("error_class", "sqlstate"))


def test_attachments(both, experiment):
    trace_id, name = uuid.uuid4().hex, str(uuid.uuid4())
    spans = [span(trace_id, "a" * 16, "root")]
    both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, headers={"x-mlflow-experiment-id": experiment})
    for path in (f"attachments/{name}", f"attachments/{uuid.UUID(int=1)}", "other"):
        both.call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/traces/tr-{trace_id}/artifacts/{path}", data=b"seen")
    for path in (name, str(uuid.UUID(int=1)), "other", name.upper(), f"attachments/{name}"):
        answers = both.call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", params={"request_id": "tr-" + trace_id, "path": path}, message=False,
                            ignore=("error_class", "sqlstate"), headers_too=("Content-Disposition",))
        assert answers.ours.status_code == (200 if path in (name, str(uuid.UUID(int=1))) else 400), answers.ours.text


@pytest.fixture(scope="module")
def measured(servers):
    """Is an experiment with traces whose spans say what they took."""
    both = Both(*servers, "traces-measured")
    experiment = both.post("experiments/create", name="traces measured").pick("experiment_id")
    run = both.post("runs/create", experiment_id=experiment, run_name="r", start_time=1).pick("run.info.run_id")
    for i, name in enumerate(["alpha", "beta", "alpha", "gamma", "alpha"]):
        trace_id = uuid.uuid4().hex
        began = 1767225600 + 3600 * i
        usage = f'{{"input_tokens": {10 * i + 1}, "output_tokens": {i}, "total_tokens": {11 * i + 1}}}'
        cost = f'{{"input_cost": {0.25 * i}, "output_cost": 0.1, "total_cost": {0.25 * i + 0.1}}}'
        llm = {"mlflow.spanType": "LLM", "mlflow.chat.tokenUsage": usage, "mlflow.llm.cost": cost,
               "mlflow.llm.model": "large" if i % 2 else "small", "mlflow.llm.provider": "house"}
        spans = [span(trace_id, "a" * 16, "root", **{"mlflow.spanType": "CHAIN"}), span(trace_id, "b" * 16, "ask", "a" * 16, **llm),
                 span(trace_id, "c" * 16, "ask", "b" * 16, **llm), span(trace_id, "d" * 16, "look", "a" * 16)]
        for n, s in enumerate(spans):
            s["startTimeUnixNano"], s["endTimeUnixNano"] = f"{began}{n}00000000", f"{began + i}{n}50000000"
        spans[3]["status"] = {"code": 2}
        both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, headers={"x-mlflow-experiment-id": experiment})
        metadata = {"mlflow.trace.session": f"s{i % 2}", **({"mlflow.sourceRun": run} if i < 2 else {})} if i else {}
        if i == 3:
            metadata["mlflow.trace.tokenUsage"] = '{"input_tokens": 100, "output_tokens": 50, "total_tokens": 150, "cache_read_input_tokens": 7}'
        both.call("POST", TRACES, json=info(experiment, "tr-" + trace_id, tags={"mlflow.traceName": name, "color": "red" if i < 3 else "blue"},
                                            trace_metadata=metadata, state="ERROR" if i == 1 else "OK", execution_duration=f"{i}.125s",
                                            request_time=f"2026-01-01T0{i}:00:00Z"))
        both.call("GET", f"{TRACES}/tr-{trace_id}")
        for value in ((True, "yes"), (False, "No "), (0.5, "maybe"), (2, "yes"), ())[i]:
            both.call("POST", f"{TRACES}/tr-{trace_id}/assessments", json={"assessment": {
                "assessment_name": "good" if isinstance(value, str) else "number", "source": {"source_type": "HUMAN"}, "feedback": {"value": value},
                "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    both.call("POST", f"{TRACES}/tr-{trace_id}/assessments", json={"assessment": {
        "assessment_name": "wanted", "source": {"source_type": "HUMAN"}, "expectation": {"value": "yes"},
        "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z"}})
    return experiment, run


def ask(both, measured, view, metric, *kinds, **words):
    """Asks for a metric; numbers among the kinds are percentiles."""
    kinds = [{"aggregation_type": k} if isinstance(k, str) else {"aggregation_type": "PERCENTILE", "percentile_value": k} for k in kinds]
    return both.call("POST", f"{TRACES}/metrics", json={
        "experiment_ids": [measured[0]], "view_type": view, "metric_name": metric, "aggregations": kinds} | words, near=True)


@pytest.mark.parametrize("words", [
    {}, {"dimensions": ["trace_name"]}, {"dimensions": ["trace_status", "trace_name"]}, {"max_results": 1, "dimensions": ["trace_name"]}, {"max_results": 0},
    {"time_interval_seconds": 3600, "start_time_ms": 1767225600000, "end_time_ms": 1767236400000},
    {"time_interval_seconds": 7200, "start_time_ms": 0, "end_time_ms": 10**13, "dimensions": ["trace_name"]},
    {"start_time_ms": 1767229200000}, {"end_time_ms": 1767229200000}, {"start_time_ms": 1767229200001, "end_time_ms": 1767229200001},
    {"start_time_ms": -(2**63)}, {"end_time_ms": 2**63 - 1}, {"start_time_ms": 2**63 - 1}, {"end_time_ms": -(2**63)},
    {"filters": ["trace.status = 'OK'"]}, {"filters": ["trace.status = 'ok'"]}, {"filters": ["trace.tag.color = 'red'", "trace.status = 'OK'"]},
    {"filters": ["trace.tag.`mlflow.traceName` = 'alpha'"]}, {"filters": ["trace.metadata.`mlflow.trace.session` = 's1'"]},
    {"filters": ["trace.metadata.mlflow.trace.session = 's1'"]}, {"filters": ["trace.metadata.none = 's1'"]}, {"filters": [""]}, {"filters": []},
    {"filters": ["trace.tag.color = 'none'"], "dimensions": ["trace_name"]}, {"experiment_ids": []}, {"experiment_ids": ["999999"]},
    # refused
    {"time_interval_seconds": 3600}, {"dimensions": ["span_name", "trace_name", "a"]}, {"aggregations": [{"aggregation_type": "AVG"}]},
    {"aggregations": []}, {"aggregations": None}, {"aggregations": [{"aggregation_type": 1}]},
    {"metric_name": "none"}, {"metric_name": ""}, {"view_type": 1}, {"view_type": None}, {"experiment_ids": "1"},
    {"filters": ["status = 'OK'"]}, {"filters": ["status"]}, {"filters": ["rows.status = 'OK'"]}, {"filters": ["trace.none = 'OK'"]},
    {"filters": ["trace.tag = 'OK'"]}, {"filters": ["trace.status.x = 'OK'"]}, {"filters": ["trace.status != 'OK'"]}, {"filters": ["trace.status = 5"]},
    {"filters": ["trace.status = 'OK' AND trace.status = 'OK'"]}, {"filters": ["span.name = 'x'"]}, {"filters": ["assessment.name = 'x'"]},
    {"filters": ["trace.status LIKE 'O%'"]}, {"start_time_ms": "x"}, {"start_time_ms": "1767229200000"}, {"filters": "trace.status = 'OK'"},
])
def test_counts_of_traces(both, measured, words):
    ask(both, measured, "TRACES", "trace_count", "COUNT", **words)


@pytest.mark.parametrize("words", [{"aggregations": [{"aggregation_type": "MEDIAN"}]}, {"view_type": "ROWS"}])
def test_counts_of_nonsense(both, measured, words):
    # The real server counts traces all the same.
    both.call("POST", f"{TRACES}/metrics", json={"experiment_ids": [measured[0]], "view_type": "TRACES", "metric_name": "trace_count",
                                                 "aggregations": [{"aggregation_type": "COUNT"}]} | words, may_refuse=True)


def test_counts_of_a_run(both, measured):
    for view, metric in (("TRACES", "trace_count"), ("SPANS", "span_count"), ("ASSESSMENTS", "assessment_count")):
        ask(both, measured, view, metric, "COUNT", filters=[f"trace.metadata.`mlflow.sourceRun` = '{measured[1]}'"])
        ask(both, measured, view, metric, "COUNT", filters=["trace.tag.color = 'red'", "trace.status = 'OK'"])


@pytest.mark.parametrize(("view", "metric", "dimensions"), [
    ("TRACES", "latency", ["trace_name"]), ("TRACES", "input_tokens", ["trace_name"]), ("TRACES", "output_tokens", []), ("TRACES", "total_tokens", ["trace_name"]),
    ("TRACES", "cache_read_input_tokens", ["trace_name"]), ("TRACES", "cache_creation_input_tokens", []), ("SPANS", "latency", ["span_name", "span_status"]),
    ("SPANS", "input_cost", ["span_model_name"]), ("SPANS", "output_cost", ["span_model_provider", "span_model_name"]), ("SPANS", "total_cost", []),
    ("ASSESSMENTS", "assessment_value", ["assessment_name"]),
])
@pytest.mark.parametrize("kinds", [["AVG"], ["MIN", "MAX"], [50.0, 90.0, 99.5], [0.0, 100.0, 25.0, "AVG"], ["SUM"], ["COUNT"]])
def test_spreads(both, measured, view, metric, dimensions, kinds):
    times = {"time_interval_seconds": 7200, "start_time_ms": 1767225600000, "end_time_ms": 1767240000000}
    for words in ({}, {"dimensions": dimensions}, times, times | {"dimensions": dimensions[:1]}):
        ask(both, measured, view, metric, *kinds, **words)


@pytest.mark.parametrize(("view", "metric", "words"), [
    ("TRACES", "session_count", {}), ("TRACES", "session_count", {"time_interval_seconds": 7200, "start_time_ms": 0, "end_time_ms": 10**13}),
    ("TRACES", "session_count", {"dimensions": ["trace_name"]}), ("SPANS", "span_count", {}), ("SPANS", "span_count", {"dimensions": ["span_name", "span_status"]}),
    ("SPANS", "span_count", {"dimensions": ["span_type", "span_name"]}), ("SPANS", "span_count", {"dimensions": ["span_model_name"]}),
    ("SPANS", "span_count", {"filters": ["span.name = 'ask'", "trace.status = 'OK'"]}), ("SPANS", "span_count", {"filters": ["span.type = 'LLM'"]}),
    ("SPANS", "span_count", {"filters": ["span.status = 'ERROR'"], "dimensions": ["span_name"]}), ("SPANS", "span_count", {"filters": ["assessment.name = 'x'"]}),
    ("SPANS", "span_count", {"start_time_ms": 1767229200000, "end_time_ms": 1767229200000}), ("SPANS", "span_count", {"dimensions": ["trace_name"]}),
    ("SPANS", "span_count", {"time_interval_seconds": 1, "start_time_ms": 0, "end_time_ms": 10**13, "dimensions": ["span_name"]}),
    ("ASSESSMENTS", "assessment_count", {}), ("ASSESSMENTS", "assessment_count", {"dimensions": ["assessment_name"]}),
    ("ASSESSMENTS", "assessment_count", {"dimensions": ["assessment_value"]}), ("ASSESSMENTS", "assessment_count", {"filters": ["assessment.type = 'expectation'"]}),
    ("ASSESSMENTS", "assessment_count", {"filters": ["assessment.name = 'good'"]}), ("ASSESSMENTS", "assessment_count", {"filters": ["span.name = 'good'"]}),
    ("ASSESSMENTS", "assessment_count", {"time_interval_seconds": 7200, "start_time_ms": 0, "end_time_ms": 10**13, "dimensions": ["assessment_name"]}),
])
def test_counts(both, measured, view, metric, words):
    ask(both, measured, view, metric, "COUNT", **words)


@pytest.mark.parametrize("aggregation", [
    {"aggregation_type": "PERCENTILE"}, {"aggregation_type": "PERCENTILE", "percentile_value": 101}, {"aggregation_type": "PERCENTILE", "percentile_value": -1},
    {"aggregation_type": "AVG", "percentile_value": 50}, {}, {"percentile_value": 50}, {"aggregation_type": "PERCENTILE", "percentile_value": "x"},
])
def test_refused_aggregations(both, measured, aggregation):
    both.call("POST", f"{TRACES}/metrics", json={
        "experiment_ids": [measured[0]], "view_type": "TRACES", "metric_name": "latency", "aggregations": [aggregation]}, message=False)


def test_usage_of_spans_that_come_later(both, experiment):
    trace_id = uuid.uuid4().hex
    usage = {"mlflow.chat.tokenUsage": '{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7, "cache_read_input_tokens": 2}',
             "mlflow.llm.cost": '{"input_cost": 0.5, "output_cost": 0.25, "total_cost": 0.75}'}
    more = {"mlflow.chat.tokenUsage": '{"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}'}
    for spans in ([span(trace_id, "b" * 16, "ask", "a" * 16, **usage)], [span(trace_id, "c" * 16, "ask", "a" * 16, **usage)],
                  [span(trace_id, "c" * 16, "ask", "a" * 16, **more)], [span(trace_id, "a" * 16, "root", **more)]):
        both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, headers={"x-mlflow-experiment-id": experiment})
        both.call("GET", f"{TRACES}/tr-{trace_id}")
    both.call("POST", TRACES, json=info(experiment, "tr-" + trace_id, trace_metadata={}), ignore=("tags",))
    both.call("POST", "/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [span(trace_id, "d" * 16, "ask", **usage)]}]}]},
              headers={"x-mlflow-experiment-id": experiment})
    both.call("GET", f"{TRACES}/tr-{trace_id}")
