package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	trackedRuns     = 2_000
	trackedVersions = 50
	connections     = 8
	manyConnections = 64
	slice           = 2 * time.Second // one turn of one server
)

// tracker is a server that speaks MLflow's API, with things to ask it for.
type tracker struct {
	*process
	experiment string   // has the runs that were made before
	tracked    int      // how many, where that is asked
	elsewhere  string   // an experiment for new ones
	runs       []string // one for each connection
	points     atomic.Int64
}

// call sends a request to the API and gives its answer, which has to be a 200.
func (t *tracker) call(ctx context.Context, method, path string, in any) ([]byte, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, t.base+"/api/2.0/mlflow/"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("PRIVATE-TOKEN", token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, raw)
	}
	return raw, err
}

// object is a message of the API.
type object map[string]any

// a call of the benchmark; i counts the calls of a turn, by worker.
type trackerCall struct {
	what string
	do   func(ctx context.Context, t *tracker, worker, i int) error
}

// asking makes a call that is the same every time.
func asking(what, method, path string, in func(*tracker) object) trackerCall {
	return trackerCall{what, func(ctx context.Context, t *tracker, _, _ int) error {
		var body any
		if in != nil {
			body = in(t)
		}
		_, err := t.call(ctx, method, strings.ReplaceAll(path, "{run}", t.runs[0]), body)
		return err
	}}
}

// logMetric logs one point to the run of its worker.
var logMetric = trackerCall{"log-metric", func(ctx context.Context, t *tracker, worker, _ int) error {
	n := t.points.Add(1)
	_, err := t.call(ctx, http.MethodPost, "runs/log-metric", object{
		"run_id": t.runs[worker%len(t.runs)], "key": "live", "value": float64(n), "timestamp": n, "step": n})
	return err
}}

// trackerCalls are the reads and writes that are measured.
var trackerCalls = []trackerCall{
	asking("get version", http.MethodGet, "model-versions/get?name=bench&version=7", nil),
	asking("get run", http.MethodGet, "runs/get?run_id={run}", nil),
	asking("search 100 of 2,000 runs", http.MethodPost, "runs/search", func(t *tracker) object {
		return object{"experiment_ids": []string{t.experiment}, "filter": "metrics.acc > 0.5 and params.depth != '3'",
			"order_by": []string{"metrics.acc DESC"}, "max_results": 100}
	}),
	asking("search versions", http.MethodGet, "model-versions/search?filter=name%3D%27bench%27&max_results=50", nil),
	asking("create run", http.MethodPost, "runs/create", func(t *tracker) object {
		return object{"experiment_id": t.elsewhere, "run_name": "new", "start_time": time.Now().UnixMilli()}
	}),
	logMetric,
	{"log-batch of 1,000 metrics", func(ctx context.Context, t *tracker, worker, _ int) error {
		first := t.points.Add(1000)
		metrics := make([]object, 1000)
		for j := range metrics {
			n := first + int64(j)
			metrics[j] = object{"key": fmt.Sprintf("batch-%d", j%10), "value": float64(n), "timestamp": n, "step": n}
		}
		_, err := t.call(ctx, http.MethodPost, "runs/log-batch", object{"run_id": t.runs[worker%len(t.runs)], "metrics": metrics})
		return err
	}},
	asking("create version", http.MethodPost, "model-versions/create", func(*tracker) object {
		return object{"name": "grows", "source": "s3://bucket/model"}
	}),
}

// mlflow compares our API for MLflow with MLflow's own: see the top of main.go.
func (b *bench) mlflow() error {
	ours, err := b.ourTracker(filepath.Join(b.dir, "mlflow"), trackedRuns)
	if err != nil {
		return err
	}
	defer ours.stop()
	real, err := b.realTracker()
	if err != nil {
		return err
	}
	defer real.stop()
	for _, c := range trackerCalls {
		err := b.turns("mlflow: "+c.what, "/s", 20, "mlflow server ",
			func([]byte) (float64, error) { return b.hammer(ours, connections, c) },
			func([]byte) (float64, error) { return b.hammer(real, connections, c) })
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	// Any refusal, as of a locked database, is an error of hammer.
	return b.turns("mlflow: log-metric, 64 writers", "/s", 0.95, "8 writers ",
		func([]byte) (float64, error) { return b.hammer(ours, manyConnections, logMetric) },
		func([]byte) (float64, error) { return b.hammer(ours, connections, logMetric) })
}

// hammer makes calls by many connections for a while and gives their number per
// second; one that fails ends it.
func (b *bench) hammer(t *tracker, workers int, c trackerCall) (float64, error) {
	ctx, cancel := context.WithCancelCause(b.ctx)
	defer cancel(nil)
	var done atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for worker := range workers {
		all.Go(func() {
			for i := 0; time.Since(begin) < slice && ctx.Err() == nil; i++ {
				if err := c.do(ctx, t, worker, i); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return float64(done.Load()) / took, nil
}

// ourTracker starts our server on a data folder with so many runs.
func (b *bench) ourTracker(data string, runs int) (*tracker, error) {
	p, err := b.filled(data, func(f *filler) error { return f.tracked(runs) })
	if err != nil {
		return nil, err
	}
	return b.tracker(p)
}

//go:embed mlflow_fill.py
var mlflowFill string

// realTracker starts `mlflow server` with the same.
func (b *bench) realTracker() (*tracker, error) {
	python, err := filepath.Abs(".venv/mlflow3/bin/python")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("MLflow is missing, scripts/setup-tests installs it: %w", err)
	}
	database := filepath.Join(b.dir, "mlflow.db")
	quiet := []string{"MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"}
	fill := exec.CommandContext(b.ctx, python, "-c", mlflowFill, database, fmt.Sprint(trackedRuns))
	fill.Env = append(os.Environ(), quiet...)
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("filling MLflow: %w\n%s", err, out)
	}
	addr, err := b.freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(addr, ":")
	p, err := b.launch(addr, quiet, python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port,
		"--backend-store-uri", "sqlite:///"+database, "--artifacts-destination", filepath.Join(b.dir, "mlartifacts"))
	if err != nil {
		return nil, err
	}
	if err := p.ready(b.ctx, "/health"); err != nil {
		p.stop()
		return nil, err
	}
	return b.tracker(p)
}

// tracker finds the runs of a server and makes the rest by its API.
func (b *bench) tracker(p *process) (*tracker, error) {
	t := &tracker{process: p}
	err := t.prepare(b.ctx)
	if err != nil {
		p.stop()
	}
	return t, err
}

func (t *tracker) prepare(ctx context.Context) error {
	var found struct {
		Experiment struct {
			ID string `json:"experiment_id"`
		}
		ID  string `json:"experiment_id"`
		Run struct {
			Info struct {
				ID string `json:"run_id"`
			}
		}
	}
	do := func(method, path string, in any) error {
		raw, err := t.call(ctx, method, path, in)
		return errors.Join(err, json.Unmarshal(raw, &found))
	}
	err := errors.Join(
		do(http.MethodGet, "experiments/get-by-name?experiment_name=bench", nil),
		do(http.MethodPost, "experiments/create", object{"name": "elsewhere"}),
		do(http.MethodPost, "registered-models/create", object{"name": "bench"}),
		do(http.MethodPost, "registered-models/create", object{"name": "grows"}))
	t.experiment, t.elsewhere = found.Experiment.ID, found.ID
	for range trackedVersions {
		err = errors.Join(err, do(http.MethodPost, "model-versions/create", object{"name": "bench", "source": "s3://bucket/model"}))
	}
	for range connections {
		err = errors.Join(err, do(http.MethodPost, "runs/create", object{"experiment_id": t.elsewhere, "run_name": "live", "start_time": 1}))
		t.runs = append(t.runs, found.Run.Info.ID)
	}
	return err
}
