"""Traces of an application, as its author sees them."""

import mlflow
import pytest

from conftest import MAJOR


@pytest.fixture
def traced(experiment):
    """Is an application that has answered one question, and the id of its trace."""

    @mlflow.trace(name="application", span_type="CHAIN", attributes={"version": "1"})
    def application(question):
        with mlflow.start_span(name="model", span_type="LLM") as span:
            span.set_inputs({"messages": [{"role": "user", "content": question}]})
            span.set_attributes({"temperature": 0.5})
            answer = question.upper() + " ü"
            span.set_outputs({"answer": answer})
        with pytest.raises(ValueError):
            broken()
        mlflow.update_current_trace(tags={"customer": "ann"})
        return answer

    @mlflow.trace
    def broken():
        raise ValueError("no such document")

    assert application("why") == "WHY ü"
    if MAJOR > 2:
        mlflow.flush_trace_async_logging()
    last = mlflow.get_last_active_trace_id() if MAJOR > 2 else mlflow.get_last_active_trace().info.request_id
    return last


def spans_of(trace):
    """Gives the spans by name."""
    return {span.name: span for span in trace.data.spans}


def test_a_trace_comes_back_whole(traced, client):
    trace = client.get_trace(traced)
    spans = spans_of(trace)
    assert sorted(spans) == ["application", "broken", "model"]
    assert (spans["application"].inputs, spans["application"].outputs) == ({"question": "why"}, "WHY ü")
    assert spans["application"].get_attribute("version") == "1"
    assert spans["model"].inputs == {"messages": [{"role": "user", "content": "why"}]} and spans["model"].get_attribute("temperature") == 0.5
    assert spans["model"].parent_id == spans["application"].span_id and spans["application"].parent_id is None
    assert str(spans["broken"].status.status_code) == "SpanStatusCode.ERROR" and spans["broken"].events[0].name == "exception"
    assert trace.info.tags["customer"] == "ann" and trace.info.tags["mlflow.traceName"] == "application"


def test_traces_are_found_tagged_and_deleted(traced, client, experiment):
    ids = [client.get_experiment_by_name(experiment).experiment_id]
    client.set_trace_tag(traced, "stage", "test")
    for text in ("status = 'OK'", "name = 'application'", "tags.customer = 'ann' AND tags.stage = 'test'", "execution_time_ms < 600000", "timestamp_ms > 0"):
        found = client.search_traces(ids, filter_string=text)
        assert [len(t.data.spans) for t in found] == [3], text
    assert client.search_traces(ids, filter_string="status = 'ERROR'") == []
    client.delete_trace_tag(traced, "stage")
    assert "stage" not in client.get_trace(traced).info.tags
    assert client.delete_traces(ids[0], **{"trace_ids" if MAJOR > 2 else "request_ids": [traced]}) == 1
    assert client.search_traces(ids) == []


def test_traces_of_a_run(client, experiment):
    @mlflow.trace
    def step(x):
        return x + 1

    with mlflow.start_run() as run:
        step(1)
        step(2)
    if MAJOR > 2:
        mlflow.flush_trace_async_logging()
    ids = [client.get_experiment_by_name(experiment).experiment_id]
    found = client.search_traces(ids, filter_string=f"run_id = '{run.info.run_id}'", order_by=["timestamp_ms ASC"])
    assert sorted(spans_of(t)["step"].outputs for t in found) == [2, 3]  # both may be of one millisecond


if MAJOR > 2:
    def test_assessments(traced, client, experiment):
        good = mlflow.log_feedback(trace_id=traced, name="good", value=True, rationale="because", metadata={"by": "hand"})
        mlflow.log_expectation(trace_id=traced, name="answer", value={"text": "WHY"})
        mlflow.update_assessment(traced, good.assessment_id, mlflow.entities.Feedback(name="good", value=False))
        held = {a.name: a for a in client.get_trace(traced).info.assessments}
        assert held["good"].value is False and held["good"].rationale == "because" and held["answer"].value == {"text": "WHY"}
        ids = [client.get_experiment_by_name(experiment).experiment_id]
        assert len(client.search_traces(locations=ids, filter_string="feedback.good = 'false' AND span.name = 'model'")) == 1
        mlflow.delete_assessment(traced, good.assessment_id)
        assert [a.name for a in client.get_trace(traced).info.assessments] == ["answer"]

    def test_traces_by_hand(client, experiment):
        root = client.start_trace("slow", inputs={"a": 1})
        child = client.start_span("child", trace_id=root.trace_id, parent_id=root.span_id)
        client.end_span(root.trace_id, child.span_id, outputs={"b": 2})
        client.end_trace(root.trace_id, outputs={"c": 3})
        mlflow.flush_trace_async_logging()
        spans = spans_of(client.get_trace(root.trace_id))
        assert spans["child"].outputs == {"b": 2} and spans["slow"].outputs == {"c": 3}
