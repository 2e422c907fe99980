package web

import (
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// plainRun makes a run of an experiment that is no model's.
func plainRun(t *testing.T, w *apitest.World, spec registry.RunSpec) registry.Run {
	t.Helper()
	s, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	spec.Experiment = &registry.ExperimentRef{IID: registry.DefaultExperiment}
	r, err := s.CreateRun(t.Context(), home, spec)
	apitest.OK(t, err)
	return r
}

// TestRunPage: a metric with one value has no chart, one with more has; a run
// that is a part of another leads to it.
func TestRunPage(t *testing.T) {
	w := newWorld(t)
	whole := plainRun(t, w, registry.RunSpec{Name: "whole"})
	part := plainRun(t, w, registry.RunSpec{Name: "part", Data: registry.RunData{Tags: []registry.Tag{{Key: parentTag, Value: whole.EID}},
		Metrics: []registry.Metric{{Key: "loss", Value: 2, Step: 1, At: time.Unix(1, 0)}, {Key: "loss", Value: 1, Step: 2, At: time.Unix(2, 0)}, {Key: "score", Value: .5, At: time.Unix(1, 0)}}}})
	v := visitor{t, w, "guest"}
	page := v.get("/root/private/-/ml/candidates/" + itoa(part.IID))
	has(t, page, `data-metric="loss"`, `<td>score</td>`, `part of <a href="/root/private/-/ml/candidates/`+itoa(whole.IID)+`">whole</a>`)
	lacks(t, page, `data-metric="score"`)
	lacks(t, v.get("/root/private/-/ml/candidates/"+itoa(whole.IID)), "data-charts data-series", "part of", "Promote")
}

// TestPromoteForm: a run of a plain experiment becomes a version of the model
// that is named, and the form comes back with what is wrong.
func TestPromoteForm(t *testing.T) {
	w := newWorld(t)
	r := plainRun(t, w, registry.RunSpec{Name: "fit"})
	put(t, w, registry.PackageRef{RunIID: r.IID}, "w.bin", "weights")
	v, page := visitor{t, w, "developer"}, "/root/private/-/ml/candidates/"+itoa(r.IID)
	has(t, v.get(page), `<option value="iris">`, "the run's artifacts")
	v.fails(page+"/promote", "Version must be a semantic version", "model", "iris", "version", "first")
	v.fails(page+"/promote", "Version has already been taken", "model", "iris", "version", "1.0.0")
	got := v.send(page+"/promote", "model", "roses", "version", "2.0.0")
	to := got.Header().Get("Location")
	if got.Code != 303 {
		t.Fatalf("answered %d: %s", got.Code, problemIn(got.Body.String()))
	}
	has(t, v.get(to), "roses", "2.0.0", "w.bin", page)
}
