package web

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestExperimentTable: the runs of an experiment are sorted by a metric or a
// parameter, and show the columns that were chosen.
func TestExperimentTable(t *testing.T) {
	w := newWorld(t)
	s, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	e, err := s.CreateExperiment(t.Context(), home, registry.ExperimentSpec{Name: "sweep"})
	apitest.OK(t, err)
	for i, name := range []string{"ant", "bee", "cow"} {
		spec := registry.RunSpec{Experiment: &registry.ExperimentRef{IID: e.IID}, Name: name}
		spec.Data.Params = []registry.Param{{Key: "lr", Value: []string{"9", "10", "0.1"}[i]}, {Key: "seed", Value: "7"}}
		spec.Data.Metrics = []registry.Metric{{Key: "acc", Value: []float64{3, 1, 2}[i], At: time.Unix(1, 0)}}
		_, err := s.CreateRun(t.Context(), home, spec)
		apitest.OK(t, err)
	}
	page := func(query string) string {
		rec := w.Do(t, "GET", "/root/private/-/ml/experiments/"+itoa(e.IID)+"?"+query, "guest", "")
		if rec.Code != 200 {
			t.Fatalf("%s: %d %s", query, rec.Code, rec.Body)
		}
		return rec.Body.String()
	}
	for query, want := range map[string]string{"": "cow bee ant", "sort=params.lr": "cow ant bee", "sort=-params.lr": "bee ant cow",
		"sort=metrics.acc": "bee cow ant", "sort=-metrics.acc": "ant cow bee", "sort=name": "ant bee cow", "sort=params.none": "cow bee ant"} {
		var got []string
		for _, part := range strings.Split(page(query), `class="title"`)[1:] {
			_, rest, _ := strings.Cut(part, ">")
			name, _, _ := strings.Cut(rest, "<")
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q gives %v, want %s", query, got, want)
		}
	}
	rare, err := s.CreateRun(t.Context(), home, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: e.IID}, Name: "dog",
		Data: registry.RunData{Params: []registry.Param{{Key: "all", Value: "1"}}}})
	apitest.OK(t, err)
	if !strings.Contains(page("sort=-metrics.acc"), rare.Name) {
		t.Error("sorted by a metric, the run without it is gone")
	}
	first := page("")
	if !strings.Contains(first, rare.Name) || strings.Index(first, "sort=-params.lr") > strings.Index(first, "sort=-params.all") {
		t.Error("a parameter that few runs have comes before those that most have")
	}
	if strings.Index(first, "sort=-params.lr") > strings.Index(first, "sort=-params.seed") {
		t.Error("a parameter that is the same everywhere comes before one that is not")
	}
	chosen := page("col=params.seed&col=metrics.acc&sort=-params.lr")
	has(t, chosen, `value="params.seed" checked`, `value="metrics.acc" checked`, `sort=-params.seed`, `col=metrics.acc`)
	lacks(t, chosen, `value="params.lr" checked`)
}
