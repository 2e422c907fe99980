package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// traces: one trace per id and project; searches, look-ups and deletions.
func traces(_ *testing.T, b *bench) {
	p := b.place()
	e, other := b.experiment(p, 1, "e"), b.experiment(p, 2, "other")
	var all []registry.Trace
	b.update(func(ctx context.Context, tx registry.Tx) error {
		all = nil
		for i := range 4 {
			r := registry.Trace{EID: fmt.Sprintf("tr-%d", i), ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at.Add(time.Duration(i) * time.Hour),
				Duration: time.Duration(i-1) * time.Millisecond, Request: "in", Response: "out", ClientID: "c", Told: i%2 == 0}
			var err error
			if r.ID, err = tx.PutTrace(ctx, r); err != nil {
				return err
			}
			if err := tx.SetTags(ctx, registry.TraceTags, r.ID, []registry.Tag{{Key: "n", Value: fmt.Sprint(i % 2)}}); err != nil {
				return err
			}
			if err := tx.SetTags(ctx, registry.TraceMetadata, r.ID, []registry.Tag{{Key: "m", Value: fmt.Sprint(i)}}); err != nil {
				return err
			}
			all = append(all, r)
		}
		again := all[0]
		again.State, again.ExperimentID = registry.TraceError, other.ID // the experiment stays
		id, err := tx.PutTrace(ctx, again)
		b.same(id, all[0].ID)
		return err
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.TraceByEID(ctx, p.ID, "tr-0")
		want := all[0]
		want.State, want.ExperimentIID = registry.TraceError, 1
		b.same([]any{got, err}, []any{want, nil})
		_, err = tx.TraceByEID(ctx, p.ID+1, "tr-0")
		b.want(err, fault.NotFound)
		some, err := tx.TracesByEID(ctx, p.ID, []string{"tr-2", "none", "tr-1"})
		b.same([]any{eids(some), err}, []any{[]string{"tr-2", "tr-1"}, nil})
		return nil
	})
	b.traceSearches(e)
	for _, c := range []struct {
		in   registry.Experiment
		d    registry.TraceDeletion
		want int64
	}{{e, registry.TraceDeletion{Until: at.Add(2 * time.Hour), Most: 2}, 2}, {other, registry.TraceDeletion{EIDs: []string{"tr-3"}}, 0},
		{e, registry.TraceDeletion{EIDs: []string{"tr-3", "none"}}, 1}} {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			n, err := tx.DeleteTraces(ctx, c.in.ID, c.d)
			b.same(int64(len(n)), c.want)
			return err
		})
	}
	b.same(b.tracePages(e, registry.Search{Limit: 9}), []string{"tr-2"})
}

// traceSearches asks for traces in every way.
func (b *bench) traceSearches(e registry.Experiment) {
	b.t.Helper()
	cond := func(s registry.Subject, key string, op registry.Op, v any) registry.Search {
		return registry.Search{Filter: registry.Filter{{Subject: s, Key: key, Op: op, Value: v}}}
	}
	for name, c := range map[string]struct {
		q    registry.Search
		want []string
	}{
		"all":         {want: []string{"tr-3", "tr-2", "tr-1", "tr-0"}},
		"duration":    {cond(registry.OfRow, "duration", registry.AtLeast, int64(1)), []string{"tr-3", "tr-2"}},
		"ended":       {cond(registry.OfRow, "ended_at", registry.AtMost, at.Add(time.Hour).UnixMilli()), []string{"tr-1", "tr-0"}},
		"client":      {cond(registry.OfRow, "client_id", registry.NotEqual, "c"), nil},
		"state":       {cond(registry.OfRow, "state", registry.Equal, "error"), []string{"tr-0"}},
		"tag":         {cond(registry.OfTag, "n", registry.Equal, "1"), []string{"tr-3", "tr-1"}},
		"metadata":    {cond(registry.OfParam, "m", registry.In, []string{"1", "2"}), []string{"tr-2", "tr-1"}},
		"by duration": {registry.Search{Order: []registry.Sort{{Key: "duration"}}}, []string{"tr-1", "tr-2", "tr-3", "tr-0"}},
		"by tag":      {registry.Search{Order: []registry.Sort{{Subject: registry.OfTag, Key: "n"}}}, []string{"tr-2", "tr-0", "tr-3", "tr-1"}},
	} {
		for _, limit := range []int{1, 3, 10} {
			c.q.Limit, c.q.After = limit, registry.Mark{}
			if got := b.tracePages(e, c.q); !slices.Equal(got, c.want) {
				b.t.Errorf("%s by %d: %v, want %v", name, limit, got, c.want)
			}
		}
	}
}

func eids(ts []registry.Trace) (out []string) {
	for _, t := range ts {
		out = append(out, t.EID)
	}
	return out
}

// tracePages reads a search page by page.
func (b *bench) tracePages(e registry.Experiment, q registry.Search) (got []string) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for {
			f, err := tx.SearchTraces(ctx, []int64{e.ID}, q)
			got = append(got, eids(f.Items)...)
			if q.After = f.Next; err != nil || len(q.After.Keys) == 0 {
				return err
			}
		}
	})
	return got
}

// spans: steps of traces come back in order, once each, and links are kept once.
func spans(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	var ids []int64
	span := func(eid, parent string, began int64) registry.TraceSpan {
		return registry.TraceSpan{EID: eid, Parent: parent, Name: "n" + eid, Kind: "LLM", Status: registry.SpanOK, Began: began, Ended: began + 1, Content: "12345"}
	}
	b.update(func(ctx context.Context, tx registry.Tx) error {
		ids = nil
		for _, eid := range []string{"tr-a", "tr-b"} {
			id, err := tx.PutTrace(ctx, registry.Trace{EID: eid, ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := tx.PutSpans(ctx, ids[0], []registry.TraceSpan{span("3", "1", 9), span("2", "1", 7), span("1", "", 8)}); err != nil {
			return err
		}
		again := span("2", "1", 10)
		if err := tx.PutSpans(ctx, ids[0], []registry.TraceSpan{again}); err != nil {
			return err
		}
		for range 2 {
			if err := tx.LinkTraces(ctx, ids, registry.RunLink, []string{"r1", "r2"}); err != nil {
				return err
			}
		}
		return tx.PutSpans(ctx, ids[1], []registry.TraceSpan{span("1", "", 1)})
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.SpansOf(ctx, ids, 20)
		b.same([]any{got, err}, []any{map[int64][]registry.TraceSpan{ids[0]: {span("1", "", 8), span("3", "1", 9), span("2", "1", 10)}, ids[1]: {span("1", "", 1)}}, nil})
		n, err := tx.CountSpans(ctx, ids[0])
		b.same([]any{n, err}, []any{int64(3), nil})
		_, err = tx.SpansOf(ctx, ids, 19)
		b.want(err, fault.TooLarge)
		return nil
	})
}

// assessments: one per id and trace, in the order of their coming, and what
// searches find by them, by spans and by links.
func assessments(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	half := 0.5
	var a registry.Assessment
	b.update(func(ctx context.Context, tx registry.Tx) error {
		var ids []int64
		for i := range 3 {
			id, err := tx.PutTrace(ctx, registry.Trace{EID: fmt.Sprintf("tr-%d", i), ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at.Add(time.Duration(i) * time.Hour)})
			if err != nil {
				return err
			}
			if err := tx.SetTags(ctx, registry.TraceMetadata, id, []registry.Tag{{Key: registry.SessionMetadata, Value: fmt.Sprint(i % 2)}}); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		a = registry.Assessment{EID: "a-1", TraceID: ids[0], TraceEID: "tr-0", Kind: registry.FeedbackKind, Name: "good", Span: "s", SourceType: "HUMAN", SourceID: "ann",
			AssessmentValue: registry.AssessmentValue{Value: "1", Error: "e"}, Rationale: "r", Overrides: "o", CreatedAt: at, UpdatedAt: at.Add(time.Second)}
		if _, err := tx.PutAssessment(ctx, a); err != nil {
			return err
		}
		a.Value, a.Number, a.Valid, a.OfSession = "0.5", &half, true, true
		var err error
		if a.ID, err = tx.PutAssessment(ctx, a); err != nil {
			return err
		}
		if err := tx.LinkAhead(ctx, p.ID, []string{"tr-1", "tr-9"}, registry.RunLink, "r"); err != nil {
			return err
		}
		again := registry.Trace{EID: "tr-1", ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at.Add(time.Hour)}
		if _, err := tx.PutTrace(ctx, again); err != nil {
			return err
		}
		return tx.PutSpans(ctx, ids[2], []registry.TraceSpan{{EID: "1", Name: "x", Kind: "LLM", Status: registry.SpanOK, Began: 1, Content: "abc"},
			{EID: "2", Name: "y", Kind: "TOOL", Status: registry.SpanOK, Began: 1, Content: "def"}})
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.AssessmentByEID(ctx, a.TraceID, "a-1")
		b.same([]any{got, err}, []any{a, nil})
		all, err := tx.AssessmentsOf(ctx, []int64{a.TraceID})
		b.same([]any{all, err}, []any{map[int64][]registry.Assessment{a.TraceID: {a}}, nil})
		_, err = tx.AssessmentByEID(ctx, a.TraceID, "none")
		b.want(err, fault.NotFound)
		return nil
	})
	b.assessmentSearches(e)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteAssessment(ctx, a.ID) })
	gone := registry.Filter{{Subject: registry.OfFeedback, Key: "good", Op: registry.IsNotNull}}
	b.same(len(b.tracePages(e, registry.Search{Limit: 9, Filter: gone})), 0)
}

// assessmentSearches asks for traces by what belongs to them.
func (b *bench) assessmentSearches(e registry.Experiment) {
	b.t.Helper()
	is := func(s registry.Subject, key string, op registry.Op, v any) registry.Condition {
		return registry.Condition{Subject: s, Key: key, Op: op, Value: v}
	}
	for name, c := range map[string]struct {
		f    registry.Filter
		want []string
	}{
		"feedback, with its session": {registry.Filter{is(registry.OfFeedback, "good", registry.Greater, 0.4)}, []string{"tr-2", "tr-0"}},
		"no feedback":                {registry.Filter{is(registry.OfFeedback, "good", registry.IsNull, nil)}, []string{"tr-1"}},
		"another kind":               {registry.Filter{is(registry.OfExpectation, "good", registry.IsNotNull, nil)}, nil},
		"text of a feedback":         {registry.Filter{is(registry.OfFeedback, "good", registry.In, []string{"0.5"})}, []string{"tr-2", "tr-0"}},
		"run":                        {registry.Filter{is(registry.OfRun, "", registry.Equal, "r")}, []string{"tr-1"}},
		"prompt":                     {registry.Filter{is(registry.OfPrompt, "", registry.Equal, "r")}, nil},
		"one span":                   {registry.Filter{is(registry.OfSpan, "name", registry.Equal, "x"), is(registry.OfSpan, "kind", registry.Equal, "LLM")}, []string{"tr-2"}},
		"two spans":                  {registry.Filter{is(registry.OfSpan, "name", registry.Equal, "x"), is(registry.OfSpan, "kind", registry.Equal, "TOOL")}, nil},
		"pattern":                    {registry.Filter{is(registry.OfSpan, "content", registry.Match, "^d.f$")}, []string{"tr-2"}},
		"span and row":               {registry.Filter{is(registry.OfSpan, "content", registry.Like, "%b%"), is(registry.OfRow, "eid", registry.Match, "2")}, []string{"tr-2"}},
	} {
		if got := b.tracePages(e, registry.Search{Filter: c.f, Limit: 1}); !slices.Equal(got, c.want) {
			b.t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
