package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	fewCandidates  = 1_000
	manyCandidates = 100_000
	sideCandidates = 30 // of an experiment and of a model beside
	rare           = 500
)

// candidates makes n runs of the experiment "bench" in the first project, one
// in rare of them killed, and before them some of another experiment and of a
// model: these must not wait for the many.
func (f *filler) candidates(n int) error {
	s, ref := f.root(f.store), registry.ProjectRef{ID: 1}
	m, err := s.CreateModel(f.ctx, ref, registry.ModelSpec{Name: "side"})
	if err != nil {
		return err
	}
	side, err := s.CreateExperiment(f.ctx, ref, registry.ExperimentSpec{Name: "side"})
	if err != nil {
		return err
	}
	for i := range sideCandidates {
		for _, spec := range []registry.RunSpec{trackedRun(side.IID, i, n), {ModelID: m.ID, Name: fmt.Sprintf("run %d", i)}} {
			if _, err := s.CreateRun(f.ctx, ref, spec); err != nil {
				return err
			}
		}
	}
	if err := f.tracked(n); err != nil {
		return err
	}
	first := int64(2*sideCandidates) + 1
	return f.store.Update(f.ctx, func(tx registry.Tx) error {
		killed := registry.Killed
		for i := 0; i < n; i += rare {
			if _, err := f.root(batch{tx}).EditRun(f.ctx, ref, registry.RunRef{IID: first + int64(i)}, registry.RunEdit{Status: &killed}); err != nil {
				return err
			}
		}
		return nil
	})
}

// candidates is the growth of lists of candidates: see the top of main.go.
func (b *bench) candidates() error {
	servers := map[int]*process{}
	begin := time.Now()
	for _, n := range []int{fewCandidates, manyCandidates} {
		data := filepath.Join(b.dir, fmt.Sprintf("candidates-%d", n))
		p, err := b.filled(data, func(f *filler) error { return f.candidates(n) })
		if err != nil {
			return err
		}
		defer p.stop()
		servers[n] = p
	}
	fmt.Printf("  candidates: %d made in %.0f s\n", fewCandidates+manyCandidates, time.Since(begin).Seconds())
	const all, bench, side = "/projects/1/ml/candidates", "experiment_id=3", "experiment_id=2"
	for _, q := range []question{
		{"first page", all, 0},
		{"by name", all + "?order_by=name", 0},
		{"by creation", all + "?order_by=created_at", 0},
		{"by start", all + "?order_by=started_at", 0},
		{"page 40", all + "?page=40", 0},
		{"keyset page", all + "?pagination=keyset", 5},
		{"killed ones", all + "?status=killed&per_page=2", 0},
		{"by a metric", all + "?order_by=metric&metric=loss&sort=asc", 0},
		{"of the experiment", all + "?" + bench, 0},
		{"of the experiment, by name", all + "?order_by=name&" + bench, 0},
		{"of the experiment, by creation", all + "?order_by=created_at&" + bench, 0},
		{"of the experiment, by start", all + "?order_by=started_at&" + bench, 0},
		{"of the experiment, by a metric", all + "?order_by=metric&metric=loss&sort=asc&" + bench, 0},
		{"of the experiment, killed ones", all + "?status=killed&per_page=2&" + bench, 0},
		{"of a small experiment", all + "?" + side, 0},
		{"of a small experiment, by name", all + "?order_by=name&" + side, 0},
		{"of a small experiment, by a metric", all + "?order_by=metric&metric=loss&" + side, 0},
		{"of a model", all + "?model_id=1", 0},
		{"of a model, by name", all + "?order_by=name&model_id=1", 0},
		{"search run 77", all + "?search=run+77&per_page=5", 0},
		{"search run 777", all + "?search=run+777&per_page=1", 0},
		{"search run 77, by name", all + "?search=run+77&per_page=5&order_by=name", 0},
		{"of the experiment, search run 77", all + "?search=run+77&per_page=5&" + bench, 0},
		{"of a small experiment, search run", all + "?search=run&" + side, 0},
		{"one candidate", all + "/777", 0},
		{"experiments", "/projects/1/ml/experiments", 0},
	} {
		q.what = "candidates: " + q.what
		if err := b.question(q, q, servers[manyCandidates], servers[fewCandidates]); err != nil {
			return fmt.Errorf("%s: %w", q.what, err)
		}
	}
	return nil
}
