package storetest

import (
	"context"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
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

// purgeTrash removes what was deleted long ago, in steps, with all that hangs on
// it, and nothing else.
func purgeTrash(_ *testing.T, b *bench) {
	p := b.place()
	b.experiment(p, registry.DefaultExperiment, "Default")
	gone, kept := b.experiment(p, 1, "gone"), b.experiment(p, 2, "kept")
	runs := append(b.fullRuns(p, gone), b.fullRuns(p, kept)...)
	day := 24 * time.Hour
	old, young, lost := b.loggedFile(kept, 1), b.loggedFile(kept, 2), b.loggedFile(gone, 3) // lost goes with its experiment
	b.update(func(ctx context.Context, tx registry.Tx) error {
		old.DeletedAt, young.DeletedAt = at, at.Add(day)
		for _, m := range []registry.LoggedModel{old, young} {
			if err := tx.UpdateLoggedModel(ctx, m); err != nil {
				return err
			}
		}
		if err := tx.TrashRun(ctx, runs[3].ID, at); err != nil {
			return err
		}
		if err := tx.TrashRun(ctx, runs[4].ID, at.Add(day)); err != nil {
			return err
		}
		return tx.TrashExperiment(ctx, gone.ID, at)
	})
	cutoff, total := at.Add(time.Hour), int64(0)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		n, err := tx.CountTrash(ctx, cutoff)
		b.same([]any{n, err}, []any{int64(6), nil})
		return nil
	})
	b.trashedTraces(p, cutoff, gone, kept)
	for more := true; more; {
		b.update(func(ctx context.Context, tx registry.Tx) (err error) {
			var n int64
			n, more, err = tx.PurgeTrash(ctx, cutoff, 2)
			total += n
			return err
		})
	}
	b.same(total, int64(6)) // four runs, a logged model and an experiment
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for i, r := range runs {
			_, err := tx.RunByEID(ctx, p.ID, r.EID)
			b.same(fault.Is(err, fault.NotFound), i < 4)
		}
		_, err := tx.ExperimentByIID(ctx, p.ID, gone.IID)
		b.want(err, fault.NotFound)
		_, err = tx.ExperimentByIID(ctx, p.ID, registry.DefaultExperiment)
		b.same(err, nil)
		for m, want := range map[*registry.LoggedModel]bool{&old: false, &young: true, &lost: false} {
			_, err := tx.LoggedModelByEID(ctx, p.ID, m.EID)
			b.same(err == nil, want)
			_, err = tx.PackageOf(ctx, p.ID, registry.PackageRef{PackageID: m.PackageID})
			b.same(err == nil, want)
		}
		ks, err := tx.ListPackages(ctx, registry.PackageQuery{ProjectID: p.ID})
		b.same([]any{len(ks.Items), err}, []any{3, nil})
		return nil
	})
}

// trashedTraces: only an experiment that is to go is one whose traces are.
func (b *bench) trashedTraces(p registry.Project, cutoff time.Time, gone, kept registry.Experiment) {
	b.t.Helper()
	want := func(cutoff time.Time, id int64) {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			e, err := tx.TrashedTraces(ctx, cutoff)
			if id == 0 {
				b.want(err, fault.NotFound)
				return nil
			}
			b.same([]any{e.ID, e.IID, e.ProjectID, err}, []any{id, gone.IID, p.ID, nil})
			return nil
		})
	}
	want(cutoff, 0)
	for i, e := range []registry.Experiment{gone, kept} {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.PutTrace(ctx, registry.Trace{EID: "tr-trash" + strconv.Itoa(i), ProjectID: p.ID, ExperimentID: e.ID, State: registry.TraceOK, At: at})
			return err
		})
	}
	want(cutoff, gone.ID)
	want(at, 0)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		eids, err := tx.DeleteTraces(ctx, gone.ID, registry.TraceDeletion{Until: time.UnixMicro(math.MaxInt64), Most: 5})
		b.same([]any{eids, err}, []any{[]string{"tr-trash0"}, nil})
		return nil
	})
	want(cutoff, 0)
}

// loggedFile makes a logged model with a file.
func (b *bench) loggedFile(e registry.Experiment, n int) registry.LoggedModel {
	b.t.Helper()
	m := b.logged(e, n)
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		m.PackageID, err = tx.InsertPackage(ctx, registry.Package{ProjectID: e.ProjectID, Type: registry.ModelPackage, Name: m.EID, Version: "logged_model", CreatedAt: at})
		if err != nil {
			return err
		}
		_, err = tx.PutFile(ctx, registry.File{PackageID: m.PackageID, Path: "f", Digest: b.blob(ctx, tx), Status: registry.FileDefault, CreatedAt: at, UpdatedAt: at})
		if err != nil {
			return err
		}
		return tx.UpdateLoggedModel(ctx, m)
	})
	return m
}

// fullRuns makes three runs with a file and a metric.
func (b *bench) fullRuns(p registry.Project, e registry.Experiment) (runs []registry.Run) {
	b.t.Helper()
	for range 3 {
		r := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
		b.update(func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.PutFile(ctx, registry.File{PackageID: r.PackageID, Path: "f", Digest: b.blob(ctx, tx), Status: registry.FileDefault, CreatedAt: at, UpdatedAt: at})
			if err != nil {
				return err
			}
			for step := range int64(5) {
				if err := tx.InsertMetrics(ctx, r.ID, []registry.Metric{{Key: "m", Step: step, At: at}}); err != nil {
					return err
				}
			}
			return nil
		})
		runs = append(runs, r)
	}
	return runs
}

// blob makes a row of a blob.
func (b *bench) blob(ctx context.Context, tx registry.Tx) blob.Digest {
	b.t.Helper()
	d := blob.Digest("sha256:" + strings.Repeat("0", 64))
	if _, err := tx.KeepBlob(ctx, d, 0, at); err != nil {
		b.t.Fatal(err)
	}
	return d
}
