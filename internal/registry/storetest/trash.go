package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// experiment makes a plain experiment.
func (b *bench) experiment(p registry.Project, iid int64, name string) (e registry.Experiment) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		e = registry.Experiment{ProjectID: p.ID, IID: iid, Name: name, CreatedAt: at, UpdatedAt: at}
		e.ID, err = tx.InsertExperiment(ctx, e)
		return err
	})
	return e
}

// trash: what is deleted so that it can be restored leaves lists and counters,
// but not look-ups.
func trash(_ *testing.T, b *bench) {
	p := b.place()
	b.experiment(p, registry.DefaultExperiment, "Default")
	e := b.experiment(p, 1, "e")
	first := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
	second := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
	want := func(experiments, runs, inside int64) {
		b.t.Helper()
		b.view(func(ctx context.Context, tx registry.Tx) error {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
			now, err2 := tx.ExperimentByIID(ctx, p.ID, 1)
			es, err3 := tx.ListExperiments(ctx, registry.ExperimentQuery{ProjectID: p.ID})
			rs, err4 := tx.ListRuns(ctx, registry.RunQuery{ProjectID: p.ID})
			b.same([]any{err, err2, err3, err4, got.ExperimentCount, got.RunCount, now.RunCount, int64(len(es.Items)), int64(len(rs.Items))},
				[]any{nil, nil, nil, nil, experiments, runs, inside, experiments, runs})
			return nil
		})
	}
	do := func(fn func(context.Context, registry.Tx) error) { b.t.Helper(); b.update(fn) }
	want(1, 2, 2)
	later := at.Add(time.Hour)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.TrashRun(ctx, first.ID, later) })
	want(1, 1, 1)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.RunByEID(ctx, p.ID, first.EID)
		b.same([]any{got.DeletedAt, err}, []any{later, nil})
		_, err = tx.RunByEID(ctx, p.ID, "nobody")
		b.want(err, fault.NotFound)
		return nil
	})
	do(func(ctx context.Context, tx registry.Tx) error { return tx.RestoreRun(ctx, first.ID, later) })
	want(1, 2, 2)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.TrashRun(ctx, second.ID, later) })
	do(func(ctx context.Context, tx registry.Tx) error { return tx.TrashExperiment(ctx, e.ID, later) })
	want(0, 0, 0)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.RestoreExperiment(ctx, e.ID, later) })
	want(1, 2, 2)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteRun(ctx, second) })
	want(1, 1, 1)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.TrashRun(ctx, first.ID, later) })
	do(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteRun(ctx, first) })
	want(1, 0, 0)
	do(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteExperiment(ctx, e.ID) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
		b.same([]any{err, got.ExperimentCount}, []any{nil, int64(0)})
		return nil
	})
}

// defaultExperiment counts, and is listed, while it has runs.
func defaultExperiment(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, registry.DefaultExperiment, "Default")
	want := func(n int64) {
		b.t.Helper()
		b.view(func(ctx context.Context, tx registry.Tx) error {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
			l, err2 := tx.ListExperiments(ctx, registry.ExperimentQuery{ProjectID: p.ID})
			idle, err3 := tx.SearchExperiments(ctx, p.ID, false, registry.Search{Limit: 10})
			plain, err4 := tx.SearchExperiments(ctx, p.ID, true, registry.Search{Limit: 10})
			b.same([]any{err, err2, err3, err4, got.ExperimentCount, got.RunCount, len(l.Items), len(idle.Items), len(plain.Items)},
				[]any{nil, nil, nil, nil, n, n, int(n), int(n), 1})
			return nil
		})
	}
	want(0)
	r := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
	want(1)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.TrashRun(ctx, r.ID, at) })
	want(0)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.RestoreRun(ctx, r.ID, at) })
	want(1)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteRun(ctx, r) })
	want(0)
}
