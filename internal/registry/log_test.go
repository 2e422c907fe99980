package registry_test

import (
	"sync"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestManyWriters: those who log at the same time wait for each other, and none
// is sent away; nothing that was acknowledged is missing.
func TestManyWriters(t *testing.T) {
	h := newHouse(t)
	const writers, each = 64, 10
	which := make([]registry.RunRef, 8)
	for i := range which {
		r, err := h.sys.CreateRun(t.Context(), home, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: registry.DefaultExperiment}})
		must(t, err)
		which[i] = registry.RunRef{EID: r.EID}
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				m := registry.Metric{Key: "m", Step: int64(w*each + i), Value: 1, At: time.UnixMilli(int64(i))}
				if err := h.sys.Log(t.Context(), home, which[w%len(which)], registry.RunData{Metrics: []registry.Metric{m}}); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	got := 0
	for _, r := range which {
		f, err := h.sys.MetricPoints(t.Context(), home, r, "m", registry.Mark{}, 10_000)
		must(t, err)
		got += len(f.Items)
	}
	if got != writers*each {
		t.Errorf("%d points, want %d", got, writers*each)
	}
}
