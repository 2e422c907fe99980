package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// logged makes a logged model, a minute after the one before.
func (b *bench) logged(e registry.Experiment, n int) (m registry.LoggedModel) {
	b.t.Helper()
	when := at.Add(time.Duration(n) * time.Minute)
	m = registry.LoggedModel{ProjectID: e.ProjectID, ExperimentID: e.ID, EID: fmt.Sprintf("m-%d", n), Name: fmt.Sprintf("n%d", n%3), Type: "agent",
		Status: registry.LoggedPending, SourceRun: "r", CreatedAt: when, UpdatedAt: when}
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		m.ID, err = tx.InsertLoggedModel(ctx, m)
		return err
	})
	return m
}

// measure logs a point with a model.
func (b *bench) measure(m registry.LoggedModel, r registry.Run, v float64, minute int, d registry.DatasetRef) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.InsertLoggedMetric(ctx, m.ID, r.ID, registry.Metric{Key: "acc", Value: v, At: at.Add(time.Duration(minute) * time.Minute), Data: d})
	})
}

// loggedModels: a logged model has parameters and tags once, and every point
// that was measured; it goes with its experiment.
func loggedModels(t *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	r := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
	m := b.logged(e, 1)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.InsertLoggedParams(ctx, m.ID, []registry.Param{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}})
	})
	b.measure(m, r, math.NaN(), 1, registry.DatasetRef{Name: "iris", Digest: "d"})
	b.measure(m, r, 0.5, 2, registry.DatasetRef{})
	b.measure(m, r, 0.7, 2, registry.DatasetRef{}) // there is a point of this time
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.LoggedModelByEID(ctx, p.ID, m.EID)
		want := m
		want.ExperimentIID = 1
		b.same([]any{got, err}, []any{want, nil})
		_, err = tx.LoggedModelByEID(ctx, p.ID+1, m.EID)
		b.want(err, fault.NotFound)
		ids, err := tx.LoggedModelIDs(ctx, p.ID, []string{m.EID, "m-9"})
		b.same([]any{ids, err}, []any{map[string]int64{m.EID: m.ID}, nil})
		params, err := tx.LoggedParamsOf(ctx, []int64{m.ID})
		b.same([]any{params[m.ID], err}, []any{[]registry.Param{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, nil})
		points, err := tx.LoggedMetricsOf(ctx, []int64{m.ID})
		if all := points[m.ID]; err != nil || len(all) != 2 || !math.IsNaN(all[0].Value) || all[0].Data.Name != "iris" || all[1].Value != 0.5 || all[1].RunEID != r.EID {
			t.Errorf("points: %+v, %v", points, err)
		}
		return nil
	})
	b.want(b.store.Update(t.Context(), func(tx registry.Tx) error {
		return tx.InsertLoggedParams(t.Context(), m.ID, []registry.Param{{Key: "a", Value: "1"}})
	}), fault.Conflict)
	m.Status, m.UpdatedAt, m.DeletedAt = registry.LoggedReady, at.Add(time.Hour), at.Add(time.Hour)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateLoggedModel(ctx, m) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.LoggedModelByEID(ctx, p.ID, m.EID)
		b.same([]any{got.Status, got.DeletedAt, err}, []any{registry.LoggedReady, m.DeletedAt, nil})
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteExperiment(ctx, e.ID) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.LoggedModelByEID(ctx, p.ID, m.EID)
		b.want(err, fault.NotFound)
		return nil
	})
}

// loggedSearches: conditions look at any point, orders at the latest, data sets
// narrow both; pages of any size give the same.
func loggedSearches(t *testing.T, b *bench) {
	p := b.place()
	e, other := b.experiment(p, 1, "e"), b.experiment(p, 2, "other")
	r := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
	iris, wine := registry.DatasetRef{Name: "iris", Digest: "1"}, registry.DatasetRef{Name: "wine", Digest: "2"}
	var ms []registry.LoggedModel
	for i := range 5 {
		ms = append(ms, b.logged(e, i))
	}
	b.logged(other, 9)
	b.measure(ms[0], r, 0.9, 1, iris)
	b.measure(ms[0], r, 0.1, 2, wine) // the latest
	b.measure(ms[1], r, 0.5, 1, iris)
	b.measure(ms[2], r, math.NaN(), 1, wine)
	b.measure(ms[3], r, 0.3, 1, registry.DatasetRef{})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		ms[4].DeletedAt = at
		return tx.UpdateLoggedModel(ctx, ms[4])
	})
	acc := func(op registry.Op, v float64) registry.Filter {
		return registry.Filter{{Subject: registry.OfMetric, Key: "acc", Op: op, Value: v}}
	}
	byAcc := func(desc bool, d registry.DatasetRef) []registry.Sort {
		return []registry.Sort{{Subject: registry.OfMetric, Key: "acc", Desc: desc, Data: d}}
	}
	for name, c := range map[string]struct {
		q    registry.Search
		data []registry.DatasetRef
		want []string
	}{
		"all":                 {want: []string{"m-3", "m-2", "m-1", "m-0"}},
		"deleted":             {q: registry.Search{Stage: registry.Deleted}, want: []string{"m-4"}},
		"any point":           {q: registry.Search{Filter: acc(registry.AtLeast, 0.5)}, want: []string{"m-1", "m-0"}},
		"points of a set":     {q: registry.Search{Filter: acc(registry.Less, 0.5)}, data: []registry.DatasetRef{wine}, want: []string{"m-0"}},
		"a set":               {data: []registry.DatasetRef{wine}, want: []string{"m-2", "m-0"}},
		"one of two sets":     {data: []registry.DatasetRef{{Name: "wine", Digest: "9"}, {Name: "iris"}}, want: []string{"m-1", "m-0"}},
		"the latest":          {q: registry.Search{Order: byAcc(false, registry.DatasetRef{})}, want: []string{"m-0", "m-3", "m-1", "m-2"}},
		"the latest of a set": {q: registry.Search{Order: byAcc(true, iris)}, want: []string{"m-0", "m-1", "m-3", "m-2"}},
		"of a name":           {q: registry.Search{Order: byAcc(true, registry.DatasetRef{Name: "wine"})}, want: []string{"m-0", "m-2", "m-3", "m-1"}},
		"attributes": {q: registry.Search{Filter: registry.Filter{{Key: "name", Op: registry.Equal, Value: "n0"}, {Key: "experiment_id", Op: registry.Equal, Value: "1"}},
			Order: []registry.Sort{{Key: "created_at"}}}, want: []string{"m-0", "m-3"}},
	} {
		for _, limit := range []int{1, 2, 10} {
			c.q.Limit, c.q.After = limit, registry.Mark{}
			if got := b.loggedPages(e, c.q, c.data); !slices.Equal(got, c.want) {
				t.Errorf("%s by %d: %v, want %v", name, limit, got, c.want)
			}
		}
	}
}

// loggedPages reads a search page by page.
func (b *bench) loggedPages(e registry.Experiment, q registry.Search, data []registry.DatasetRef) (got []string) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for {
			f, err := tx.SearchLoggedModels(ctx, []int64{e.ID}, q, data)
			for _, m := range f.Items {
				got = append(got, m.EID)
			}
			if q.After = f.Next; err != nil || len(q.After.Keys) == 0 {
				return err
			}
		}
	})
	return got
}
