package registry

import (
	"context"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// TraceSpan is one step of a trace.
type TraceSpan struct {
	EID    string // chosen by the client, unique in the trace
	Parent string // eid of the step around it; empty: the first step
	Name   string
	Kind   string // what the client calls such steps, as "LLM"
	Status SpanStatus
	Began  int64 // nanoseconds since 1970
	Ended  int64 // nanoseconds since 1970; 0: unknown
	// Content is the whole step as the dialect spells it; searches for texts look
	// here.
	Content string
	// Model and Provider tell which language model was asked, and whose it is.
	Model    string
	Provider string
	Amounts  []Amount // what the step took, with the steps inside of it
}

// SpanStatus tells how a step ended.
type SpanStatus string

// The statuses of a span, as OpenTelemetry names them.
const (
	SpanUnset SpanStatus = "UNSET"
	SpanOK    SpanStatus = "OK"
	SpanError SpanStatus = "ERROR"
)

// SpanBatch is a part of one trace's spans, with what they tell of the trace.
type SpanBatch struct {
	TraceEID string
	Spans    []TraceSpan
	Tags     []Tag  // are set
	Metadata []Tag  // is set where the trace has none of the name
	Request  string // what went in and came out, where the trace has none
	Response string
}

// Limits of spans.
const (
	maxSpanID      = 100
	maxSpanName    = 5000 // characters
	maxSpanKind    = 500
	maxSpanModel   = 500
	maxSpansAtOnce = 20_000
	maxSpans       = 100_000  // of one trace
	maxSpanBytes   = 64 << 20 // that one look-up gives, of all traces together
)

// LogSpans keeps spans of traces in an experiment, all or none, and links their
// traces to a run unless that is empty. A trace that there is not yet is made of
// them; of one that is there they say how long it took and how it ended for as
// long as nobody has told it by PutTrace.
func (s Session) LogSpans(ctx context.Context, ref ProjectRef, in ExperimentRef, run string, batches []SpanBatch) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		e, err := s.activeExperiment(ctx, tx, ref, in)
		if err != nil {
			return err
		}
		if err := checkBatches(batches); err != nil {
			return err
		}
		eids := make([]string, len(batches))
		for i, b := range batches {
			eids[i] = b.TraceEID
		}
		there, err := wholeTraces(ctx, tx, e.ProjectID, eids)
		if err != nil {
			return err
		}
		ids := make([]int64, 0, len(batches))
		for _, b := range batches {
			id, err := b.put(ctx, tx, e, there)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if run == "" {
			return nil
		}
		return linkToRun(ctx, tx, e.ProjectID, ids, run)
	})
}

// wholeTraces finds traces with tags and metadata; missing ones are left out.
func wholeTraces(ctx context.Context, tx Tx, projectID int64, eids []string) ([]Trace, error) {
	ts, err := tx.TracesByEID(ctx, projectID, eids)
	if err != nil {
		return nil, err
	}
	return ts, fillTraces(ctx, tx, ts)
}

func checkBatches(batches []SpanBatch) error {
	n := 0
	for _, b := range batches {
		t := Trace{EID: b.TraceEID, Request: b.Request, Response: b.Response, State: TraceOK, Tags: b.Tags, Metadata: b.Metadata}
		if err := t.check(); err != nil {
			return err
		}
		if n += len(b.Spans); n > maxSpansAtOnce {
			return fault.Invalidf("spans", "has too many entries (maximum is %d)", maxSpansAtOnce)
		}
		for _, sp := range b.Spans {
			if err := sp.check(); err != nil {
				return err
			}
		}
	}
	if len(batches) > maxTraces {
		return fault.Invalidf("spans", "are of too many traces (maximum is %d)", maxTraces)
	}
	return nil
}

func (sp TraceSpan) check() error {
	if sp.EID == "" {
		return fault.Invalidf("span_id", "is missing")
	}
	for _, l := range []struct {
		field, text string
		most        int
	}{{"span_id", sp.EID, maxSpanID}, {"parent_span_id", sp.Parent, maxSpanID}, {"name", sp.Name, maxSpanName}, {"span_type", sp.Kind, maxSpanKind},
		{"model", sp.Model, maxSpanModel}, {"provider", sp.Provider, maxSpanModel}} {
		if err := checkLength(l.field, l.text, l.most); err != nil {
			return err
		}
	}
	if !slices.Contains([]SpanStatus{SpanUnset, SpanOK, SpanError}, sp.Status) {
		return fault.Invalidf("status", "does not have a valid value")
	}
	if sp.Began < int64(time.Millisecond) || sp.Ended < 0 {
		return fault.Invalidf("start_time_unix_nano", "is missing or out of range")
	}
	if err := checkAmounts(sp.Amounts); err != nil {
		return err
	}
	return checkUTF8("spans", sp.Content)
}

// put keeps one batch and gives the id of its trace.
func (b SpanBatch) put(ctx context.Context, tx Tx, e Experiment, there []Trace) (int64, error) {
	t := Trace{EID: b.TraceEID, ProjectID: e.ProjectID, ExperimentID: e.ID, State: TraceRunning, Duration: -time.Millisecond}
	for _, known := range there {
		if known.EID == b.TraceEID {
			t = known
		}
	}
	id, err := tx.PutTrace(ctx, b.onto(t))
	if err != nil {
		return 0, err
	}
	if err := tx.SetTags(ctx, TraceTags, id, b.Tags); err != nil {
		return 0, err
	}
	metadata := slices.DeleteFunc(slices.Clone(b.Metadata), func(m Tag) bool {
		return slices.ContainsFunc(t.Metadata, func(has Tag) bool { return has.Key == m.Key })
	})
	if err := tx.SetTags(ctx, TraceMetadata, id, metadata); err != nil {
		return 0, err
	}
	if err := tx.PutSpans(ctx, id, b.Spans); err != nil {
		return 0, err
	}
	n, err := tx.CountSpans(ctx, id)
	switch {
	case err != nil:
		return 0, err
	case n <= maxSpans:
		return id, b.count(ctx, tx, id, t)
	}
	return 0, fault.Invalidf("spans", "has too many entries for one trace (maximum is %d)", maxSpans)
}

// onto gives a trace with what its spans tell of it.
func (b SpanBatch) onto(t Trace) Trace {
	if t.Request == "" {
		t.Request = b.Request
	}
	if t.Response == "" {
		t.Response = b.Response
	}
	for _, sp := range b.Spans {
		if sp.Parent == "" && (t.State == TraceRunning || t.State == TraceUnknown) {
			t.State = TraceOK
			if sp.Status == SpanError {
				t.State = TraceError
			}
		}
		if !t.Told {
			t = t.around(sp)
		}
	}
	return t
}

// around widens the time of a trace to that of a span.
func (t Trace) around(sp TraceSpan) Trace {
	at, end := time.Unix(0, sp.Began).UTC().Truncate(time.Millisecond), t.At.Add(t.Duration)
	if sp.Ended > 0 && (t.Duration < 0 || time.Unix(0, sp.Ended).After(end)) {
		end = time.Unix(0, sp.Ended).Truncate(time.Millisecond)
	}
	open := t.Duration < 0 && sp.Ended == 0
	if t.At.IsZero() || at.Before(t.At) {
		t.At = at
	}
	if t.Duration = end.Sub(t.At); open || t.Duration < 0 {
		t.Duration = -time.Millisecond
	}
	return t
}

// SpannedTraces finds traces by their ids, with their spans, the first step
// first and the others as they began. Missing ones are left out, and with
// experiments so are those of others.
func (s Session) SpannedTraces(ctx context.Context, ref ProjectRef, eids []string, in []ExperimentRef) ([]Trace, error) {
	return view(ctx, s, func(tx Tx) ([]Trace, error) {
		ts, err := s.tracesIn(ctx, tx, ref, eids, in)
		if err != nil || len(ts) == 0 {
			return nil, err
		}
		ids := make([]int64, len(ts))
		for i, t := range ts {
			ids[i] = t.ID
		}
		spans, err := tx.SpansOf(ctx, ids, maxSpanBytes)
		for i, t := range ts {
			ts[i].Spans = spans[t.ID]
		}
		return ts, err
	})
}

// tracesIn passes the gate and finds traces, with tags and metadata; nil
// experiments are all.
func (s Session) tracesIn(ctx context.Context, tx Tx, ref ProjectRef, eids []string, in []ExperimentRef) ([]Trace, error) {
	p, err := s.project(ctx, tx, ref, ReadRuns)
	if err != nil {
		return nil, err
	}
	if len(eids) > maxTraces {
		return nil, fault.Invalidf("trace_ids", "has too many entries (maximum is %d)", maxTraces)
	}
	ts, err := tx.TracesByEID(ctx, p.ID, eids)
	if err != nil {
		return nil, err
	}
	ts = slices.DeleteFunc(ts, func(t Trace) bool {
		return in != nil && !slices.Contains(in, ExperimentRef{IID: t.ExperimentIID})
	})
	return ts, fillTraces(ctx, tx, ts)
}
