package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// measures: numbers of traces, spans and assessments, by what they have in common.
func measures(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	other := b.experiment(p, 2, "other")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for i, in := range []registry.Experiment{e, e, e, other} {
			if err := measuredTrace(ctx, tx, p, in, i); err != nil {
				return err
			}
		}
		return nil
	})
	count, p50 := registry.Aggregation{Aggregate: registry.Count}, registry.Aggregation{Aggregate: registry.Percentile, At: 50}
	every := []registry.Aggregation{{Aggregate: registry.Sum}, {Aggregate: registry.Average}, {Aggregate: registry.Least}, {Aggregate: registry.Most},
		p50, {Aggregate: registry.Percentile, At: 75}}
	first, second := at.UnixMilli(), at.Add(time.Hour).UnixMilli()
	is := func(s registry.Subject, key, v string) registry.Filter {
		return registry.Filter{{Subject: s, Key: key, Op: registry.Equal, Value: v}}
	}
	for name, c := range map[string]struct {
		q    registry.Measure
		want string
	}{
		"traces":     {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Aggregations: []registry.Aggregation{count}}, "[] 3"},
		"by state":   {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Groups: []registry.Sort{{Key: "state"}}, Aggregations: []registry.Aggregation{count}}, "[error] 1; [ok] 2"},
		"by tag":     {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureDuration, Groups: []registry.Sort{{Subject: registry.OfTag, Key: "n"}}, Aggregations: every}, "[0] 200 200 200 200 200 200; [1] 100 100 100 100 100 100"},
		"durations":  {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureDuration, Aggregations: every}, "[] 300 150 100 200 150 175"},
		"sessions":   {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureSessions, Aggregations: []registry.Aggregation{count}}, "[] 2"},
		"since":      {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Since: &second, Aggregations: []registry.Aggregation{count}}, "[] 2"},
		"until":      {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Until: &first, Aggregations: []registry.Aggregation{count}}, "[] 1"},
		"tokens":     {registry.Measure{Rows: registry.RowsOfTraces, What: registry.TotalTokens, Aggregations: every}, "[] 30 15 10 20 15 17.5"},
		"one group":  {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Groups: []registry.Sort{{Key: "state"}}, Limit: 1, Aggregations: []registry.Aggregation{count}}, "[error] 1"},
		"filtered":   {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Traces: is(registry.OfTag, "n", "0"), Aggregations: []registry.Aggregation{count}}, "[] 2"},
		"nothing":    {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureDuration, Traces: is(registry.OfTag, "n", "9"), Aggregations: []registry.Aggregation{p50}}, "[] -"},
		"spans":      {registry.Measure{Rows: registry.RowsOfSpans, What: registry.MeasureDuration, Groups: []registry.Sort{{Key: "kind"}}, Aggregations: every}, "[LLM] 15 5 5 5 5 5"},
		"models":     {registry.Measure{Rows: registry.RowsOfSpans, What: registry.TotalCost, Groups: []registry.Sort{{Key: "model"}}, Aggregations: every}, "[large] 0.75 0.375 0.25 0.5 0.375 0.4375"},
		"own filter": {registry.Measure{Rows: registry.RowsOfSpans, What: registry.MeasureCount, Own: is(registry.OfRow, "name", "n1"), Aggregations: []registry.Aggregation{count}}, "[] 1"},
		"values":     {registry.Measure{Rows: registry.RowsOfAssessments, What: registry.MeasureValue, Aggregations: every[1:5]}, "[] 0.75 0.5 1 0.75"},
		"by hours": {registry.Measure{Rows: registry.RowsOfTraces, What: registry.MeasureCount, Every: 2 * time.Hour, Aggregations: []registry.Aggregation{count}},
			fmt.Sprintf("%d [] 1; %d [] 2", at.Truncate(2*time.Hour).UnixMilli(), at.Truncate(2*time.Hour).Add(2*time.Hour).UnixMilli())},
	} {
		if c.q.Limit == 0 {
			c.q.Limit = 10
		}
		if got := b.measured(e, c.q); got != c.want {
			b.t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// measuredTrace puts the i-th of the traces of measures.
func measuredTrace(ctx context.Context, tx registry.Tx, p registry.Project, e registry.Experiment, i int) error {
	tr := registry.Trace{EID: fmt.Sprint("tr-", i), ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at.Add(time.Duration(i) * time.Hour),
		Duration: time.Duration(i) * 100 * time.Millisecond}
	if i == 0 {
		tr.State, tr.Duration = registry.TraceError, -time.Millisecond
	}
	id, err := tx.PutTrace(ctx, tr)
	if err != nil {
		return err
	}
	if err := tx.SetTags(ctx, registry.TraceTags, id, []registry.Tag{{Key: "n", Value: fmt.Sprint(i % 2)}}); err != nil {
		return err
	}
	if err := tx.SetTags(ctx, registry.TraceMetadata, id, []registry.Tag{{Key: registry.SessionMetadata, Value: fmt.Sprint(i % 2)}}); err != nil {
		return err
	}
	sp := registry.TraceSpan{EID: "s", Name: fmt.Sprint("n", i), Kind: "LLM", Status: registry.SpanOK, Began: tr.At.UnixNano(), Ended: tr.At.Add(5 * time.Millisecond).UnixNano(), Content: "{}"}
	if i > 0 {
		sp.Model, sp.Amounts = "large", []registry.Amount{{Key: registry.TotalCost, Value: 0.25 * float64(i)}}
		if err := tx.SetAmounts(ctx, id, []registry.Amount{{Key: registry.TotalTokens, Value: 1}, {Key: registry.TotalTokens, Value: 10 * float64(i)}}); err != nil {
			return err
		}
	}
	if err := tx.PutSpans(ctx, id, []registry.TraceSpan{sp}); err != nil {
		return err
	}
	half := 0.5
	a := registry.Assessment{EID: "a", TraceID: id, Kind: registry.FeedbackKind, Name: "good", SourceType: "HUMAN", Valid: true,
		AssessmentValue: []registry.AssessmentValue{{Value: "true"}, {Value: "0.5", Number: &half}, {Value: `"perhaps"`}, {Value: `"no"`}}[i]}
	_, err = tx.PutAssessment(ctx, a)
	return err
}

// measured writes an answer as one text: the groups, and the numbers.
func (b *bench) measured(e registry.Experiment, q registry.Measure) string {
	b.t.Helper()
	var lines []string
	b.view(func(ctx context.Context, tx registry.Tx) error {
		found, err := tx.MeasureTraces(ctx, []int64{e.ID}, q)
		for _, m := range found {
			line := fmt.Sprint(m.Groups)
			if q.Every > 0 {
				line = fmt.Sprint(m.Began, " ", line)
			}
			for _, v := range m.Values {
				if v == nil {
					line += " -"
					continue
				}
				line += fmt.Sprint(" ", *v)
			}
			lines = append(lines, line)
		}
		return err
	})
	return strings.Join(lines, "; ")
}
