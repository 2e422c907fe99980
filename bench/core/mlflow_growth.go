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
	for _, c := range append(growthSearches(),
		asking("samples of a metric", http.MethodGet, "metrics/get-history-bulk-interval?run_ids={run}&metric_key=long&max_results=320", nil)) {
		ours, baseline, err := b.growing(c, large, small)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		b.table.slower("mlflow: "+c.what, ours, baseline, 2)
	}
	// Each condition is met by a tenth of the runs, all by one in 700: neither an
	// order nor a condition leads to a page of them soon.
	rare := searchFor("3 that few meet together", "metrics.acc > 0.9 and params.depth = '3' and tags.group = 'g1'", "start_time DESC")
	took, _, err := b.growing(rare, large, small)
	if err != nil {
		return err
	}
	b.table.most("mlflow: "+rare.what, "ms", float64(percentile(took, 50).Microseconds())/1e3, 150, "among 100,000")
	return nil
}

// growthSearches are searches for runs by all that they can be ordered by, with
// a filter that half of the runs meet, one that 20 meet, and one of three
// conditions.
func growthSearches() (out []trackerCall) {
	for _, order := range []string{"start_time DESC", "start_time ASC", "metrics.acc DESC", "metrics.loss ASC", "params.depth ASC", "tags.`group` DESC",
		"attributes.run_name ASC", "attributes.status DESC", "attributes.end_time ASC"} {
		for _, f := range []struct{ what, filter string }{{"half", "metrics.acc > 0.5"}, {"20", ""},
			{"3 conditions", "metrics.acc > 0.1 and params.depth = '3' and tags.group != 'g2'"}} {
			out = append(out, searchFor(f.what, f.filter, order))
		}
	}
	return out
}

// searchFor asks for 100 runs; without a filter for the 20 of the best "acc".
func searchFor(what, filter, order string) trackerCall {
	return asking("search "+what+", by "+order, http.MethodPost, "runs/search", func(t *tracker) object {
		f := filter
		if f == "" {
			f = fmt.Sprintf("metrics.acc >= %g", 1-20/float64(t.tracked))
		}
		return object{"experiment_ids": []string{t.experiment}, "filter": f, "order_by": []string{order}, "max_results": 100}
	})
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
	t, err := b.ourTracker(filepath.Join(b.dir, "mlflow-"+name), n)
	if err != nil {
		return nil, err
	}
	t.tracked = n
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
