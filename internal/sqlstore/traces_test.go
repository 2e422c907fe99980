package sqlstore

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestTracesLeaveNothing: what belongs to a trace, or to what belongs to it, goes
// with it.
func TestTracesLeaveNothing(t *testing.T) {
	s, ctx := open(t), t.Context()
	var experiment int64
	update := func(fn func(context.Context, registry.Tx) error) {
		t.Helper()
		if err := s.Update(ctx, func(tx registry.Tx) error { return fn(ctx, tx) }); err != nil {
			t.Fatal(err)
		}
	}
	update(func(ctx context.Context, tx registry.Tx) error {
		p, err := firstProject(ctx, tx)
		if err != nil {
			return err
		}
		if experiment, err = tx.InsertExperiment(ctx, registry.Experiment{ProjectID: p, IID: 1, Name: "e"}); err != nil {
			return err
		}
		return fullTrace(ctx, tx, p, experiment)
	})
	filled := s.tracesRows(t)
	if slices.Contains(filled, 0) {
		t.Errorf("a table has no row of the trace: %v", filled)
	}
	update(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.DeleteTraces(ctx, experiment, registry.TraceDeletion{Until: time.UnixMicro(math.MaxInt64), Most: 1})
		return err
	})
	if left := s.tracesRows(t); slices.Max(left) != 0 {
		t.Errorf("rows are left: %v", left)
	}
}

// fullTrace puts a trace with all that one can have.
func fullTrace(ctx context.Context, tx registry.Tx, project, experiment int64) error {
	id, err := tx.PutTrace(ctx, registry.Trace{EID: "tr-1", ProjectID: project, ExperimentID: experiment, State: registry.TraceOK, At: time.Unix(1, 0)})
	if err != nil {
		return err
	}
	tags, cost := []registry.Tag{{Key: "k", Value: "v"}}, []registry.Amount{{Key: registry.TotalCost, Value: 1}}
	a := registry.Assessment{EID: "a", TraceID: id, Kind: registry.FeedbackKind, Name: "n", AssessmentValue: registry.AssessmentValue{Value: "true"}, Valid: true}
	assessment, err := tx.PutAssessment(ctx, a)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return tx.SetTags(ctx, registry.TraceTags, id, tags) },
		func() error { return tx.SetTags(ctx, registry.TraceMetadata, id, tags) },
		func() error { return tx.SetTags(ctx, registry.AssessmentTags, assessment, tags) },
		func() error { return tx.SetAmounts(ctx, id, cost) },
		func() error { return tx.LinkTraces(ctx, []int64{id}, registry.RunLink, []string{"r"}) },
		func() error {
			return tx.PutSpans(ctx, id, []registry.TraceSpan{{EID: "s", Status: registry.SpanOK, Began: 1, Content: "{}", Amounts: cost}})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tracesRows counts the rows of each table that refers to traces or assessments.
func (s *Store) tracesRows(t *testing.T) (out []int) {
	t.Helper()
	rows, err := s.write.db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND (sql LIKE '%REFERENCES traces %' OR sql LIKE '%REFERENCES assessments %')
		ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Close(); err != nil || rows.Err() != nil || len(names) < 8 {
		t.Fatalf("%v: %v %v", names, err, rows.Err())
	}
	for _, name := range names {
		var n int
		if err := s.write.db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}
