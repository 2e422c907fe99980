package web

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestLoggedModel: what a run has made is a page with its files, until it is
// deleted.
func TestLoggedModel(t *testing.T) {
	w := newWorld(t)
	sys, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	r := logged(t, w, "accuracy", 1)
	m, err := sys.CreateLoggedModel(t.Context(), home, registry.LoggedModelSpec{Experiment: registry.ExperimentRef{IID: r.ExperimentIID}, Name: "fitted", SourceRun: r.EID})
	apitest.OK(t, err)
	apitest.OK(t, sys.LogOutputs(t.Context(), home, registry.RunRef{EID: r.EID}, []registry.ModelLink{{Model: m.EID}}))
	page := "/root/private/-/ml/logged/" + m.EID
	put(t, w, registry.PackageRef{Logged: m.EID}, "MLmodel", sample(t, "MLmodel"))
	put(t, w, registry.PackageRef{Logged: m.EID}, "plots/a.svg", "<svg/>")
	see := map[string]string{
		"/root/private/-/ml/candidates/" + itoa(r.IID): page, page: "sklearn 1.9.1", page + "/files/MLmodel": page + "/download/MLmodel",
		page + "/files/plots/a.svg": page + "/raw/plots/a.svg", page + "/raw/plots/a.svg": "<svg/>", page + "/download/MLmodel": "flavors:"}
	for target, want := range see {
		if got := w.Do(t, "GET", target, "reporter", ""); got.Code != 200 || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d, no %s", target, got.Code, want)
		}
	}
	if got := settled(t, w, page, "reporter").Body.String(); !strings.Contains(got, `Safety: <span class="badge good">safe</span>`) {
		t.Errorf("no verdict in\n%s", got)
	}
	if got := w.Do(t, "GET", page, "guest", ""); got.Code != 200 || (strings.Contains(got.Body.String(), "MLmodel") || strings.Contains(got.Body.String(), "Safety")) {
		t.Errorf("a guest gets %d, and sees files", got.Code)
	}
	apitest.OK(t, sys.TrashLoggedModel(t.Context(), home, registry.LoggedModelRef{EID: m.EID}))
	for target := range see {
		if strings.HasPrefix(target, page) {
			if got := w.Do(t, "GET", target, "reporter", ""); got.Code != 404 {
				t.Errorf("%s of a deleted model: %d", target, got.Code)
			}
		}
	}
}
