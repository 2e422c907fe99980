package mlflow

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
)

// writers and their logged points in TestManyWriters.
const writers, pointsEach = 64, 5

// TestManyWriters: 64 clients that all write at once, to runs of their own and to
// one that they share, are all let in, one after the other, and nothing of what
// they were answered 200 for is lost.
func TestManyWriters(t *testing.T) {
	w := newWorld(t)
	at := doors["root"] + "/mlflow/"
	var shared runAnswerWire
	if code := post(t, w, at+"runs/create", "developer", `{"experiment_id": "0"}`, &shared); code != http.StatusOK {
		t.Fatalf("create a run: %d", code)
	}
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { writeMuch(t, w, at, i, shared.Run.Info.ID) })
	}
	all.Wait()
	var history struct{ Metrics []struct{ Value float64 } }
	rec := request(t, w, http.MethodGet, at+"metrics/get-history?metric_key=shared&max_results=1000&run_id="+shared.Run.Info.ID, "developer", "", &history)
	if rec.Code != http.StatusOK || len(history.Metrics) != writers*pointsEach {
		t.Errorf("%d: %d points in the shared run, want %d", rec.Code, len(history.Metrics), writers*pointsEach)
	}
	var found struct{ Runs []struct{} }
	code := post(t, w, at+"runs/search", "developer", `{"experiment_ids": ["0"], "filter": "metrics.last = 99 and tags.done = 'yes'", "max_results": 1000}`, &found)
	if code != http.StatusOK || len(found.Runs) != writers {
		t.Errorf("%d: %d runs have all that was logged, want %d", code, len(found.Runs), writers)
	}
}

// writeMuch is one client.
func writeMuch(t *testing.T, w *apitest.World, at string, i int, shared string) {
	var mine runAnswerWire
	send := func(path, body string, out any) {
		if rec := request(t, w, http.MethodPost, at+path, "developer", body, out); rec.Code != http.StatusOK {
			t.Errorf("writer %d: %s: %d %s", i, path, rec.Code, rec.Body)
		}
	}
	send("runs/create", `{"experiment_id": "0"}`, &mine)
	for n := range pointsEach {
		send("runs/log-metric", fmt.Sprintf(`{"run_id": %q, "key": "shared", "value": 1, "timestamp": %d, "step": %d}`, shared, i, n), nil)
	}
	metrics := make([]string, 100)
	for n := range metrics {
		metrics[n] = fmt.Sprintf(`{"key": "last", "value": %d, "timestamp": %d, "step": %d}`, n, n, n)
	}
	send("runs/log-batch", fmt.Sprintf(`{"run_id": %q, "metrics": [%s]}`, mine.Run.Info.ID, strings.Join(metrics, ", ")), nil)
	send("runs/set-tag", fmt.Sprintf(`{"run_id": %q, "key": "done", "value": "yes"}`, mine.Run.Info.ID), nil)
	send("runs/set-tag", fmt.Sprintf(`{"run_id": %q, "key": "by %d", "value": "yes"}`, shared, i), nil)
}
