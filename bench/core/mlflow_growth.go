package main

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	fewTracked  = 1_000
	manyTracked = 100_000
	fewPoints   = 10_000
	manyPoints  = 1_000_000
)

// tracked makes the experiment "bench" with n runs in the first project.
func (f *filler) tracked(n int) error {
	ref := registry.ProjectRef{ID: 1}
	experiment, err := f.root(f.store).CreateExperiment(f.ctx, ref, registry.ExperimentSpec{Name: "bench"})
	if err != nil {
		return err
	}
	for done := 0; done < n; done += batchSize {
		err := f.store.Update(f.ctx, func(tx registry.Tx) error {
			for i := done; i < min(done+batchSize, n); i++ {
				if _, err := f.root(batch{tx}).CreateRun(f.ctx, ref, trackedRun(experiment.IID, i, n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// trackedRun is the i-th run of n, as mlflow_fill.py makes it.
func trackedRun(experiment int64, i, n int) registry.RunSpec {
	at := time.UnixMilli(1)
	return registry.RunSpec{Experiment: &registry.ExperimentRef{IID: experiment}, Name: fmt.Sprintf("run %d", i),
		StartedAt: time.UnixMilli(1_700_000_000_000 + int64(i)), Data: registry.RunData{
			Params:  []registry.Param{{Key: "lr", Value: fmt.Sprint(i % 100)}, {Key: "depth", Value: fmt.Sprint(i % 7)}},
			Metrics: []registry.Metric{{Key: "acc", Value: float64(i*7919%n) / float64(n), At: at}, {Key: "loss", Value: float64(i) / float64(n), At: at}},
			Tags:    []registry.Tag{{Key: "group", Value: fmt.Sprintf("g%d", i%10)}}}}
}

// mlflowGrowth asks a small and a large server the same: see the top of main.go.
func (b *bench) mlflowGrowth() error {
	small, err := b.grown("few", fewTracked, fewPoints)
	if err != nil {
		return err
	}
	defer small.stop()
	begin := time.Now()
	large, err := b.grown("many", manyTracked, manyPoints)
	if err != nil {
		return err
	}
	defer large.stop()
	fmt.Printf("  mlflow-growth: %d runs and %d points made in %.0f s\n", manyTracked, manyPoints, time.Since(begin).Seconds())
	search := func(filter, order string) trackerCall {
		return asking("search "+filter+", by "+order, http.MethodPost, "runs/search", func(t *tracker) object {
			return object{"experiment_ids": []string{t.experiment}, "filter": filter, "order_by": []string{order}, "max_results": 100}
		})
	}
	for _, c := range []trackerCall{
		search("metrics.acc > 0.5", "metrics.acc DESC"),
		search("metrics.acc > 0.5", "start_time DESC"),
		search("params.depth = '3'", "metrics.loss ASC"),
		asking("samples of a metric", http.MethodGet, "metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=320", nil),
	} {
		ours, baseline, err := b.growing(c, large, small)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		b.table.slower("mlflow: "+c.what, ours, baseline, 2)
	}
	return nil
}

// growing times a call on both servers in turns.
func (b *bench) growing(c trackerCall, large, small *tracker) (ours, baseline []time.Duration, err error) {
	timed := func(t *tracker, n int) (out []time.Duration) {
		for i := range n {
			begin := time.Now()
			err = errors.Join(err, c.do(b.ctx, t, 0, i))
			out = append(out, time.Since(begin))
		}
		return out
	}
	for turn := range b.rounds + 1 {
		x, y := timed(large, warming), timed(small, warming)
		if turn > 0 {
			ours, baseline = append(ours, x...), append(baseline, y...)
		}
	}
	return ours, baseline, err
}

// grown starts a server with n runs and, in one more run, points of a metric.
func (b *bench) grown(name string, n, points int) (*tracker, error) {
	data := filepath.Join(b.dir, "mlflow-"+name)
	if err := b.filling(data, func(f *filler) error { return f.tracked(n) }); err != nil {
		return nil, err
	}
	p, err := b.vitrine(data)
	if err != nil {
		return nil, err
	}
	t, err := b.tracker(p)
	if err != nil {
		return nil, err
	}
	for done := 0; done < points; done += 1000 {
		metrics := make([]object, 1000)
		for i := range metrics {
			metrics[i] = object{"key": "long", "value": float64(i % 97), "timestamp": done + i, "step": done + i}
		}
		if _, err := t.call(b.ctx, http.MethodPost, "runs/log-batch", object{"run_id": t.runs[0], "metrics": metrics}); err != nil {
			t.stop()
			return nil, err
		}
	}
	return t, nil
}
