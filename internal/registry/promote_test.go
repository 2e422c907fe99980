package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestPromoteIntoAModel: a run of a plain experiment gives a version to a model,
// which is made, with its files or those of a logged model; the run stays. What
// is refused leaves no model behind.
func TestPromoteIntoAModel(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	e, err := h.sys.CreateExperiment(ctx, home, registry.ExperimentSpec{Name: "training"})
	must(t, err)
	which := registry.ExperimentRef{IID: e.IID}
	run, err := h.sys.CreateRun(ctx, home, registry.RunSpec{Experiment: &which, Name: "r"})
	must(t, err)
	logged, err := h.sys.CreateLoggedModel(ctx, home, registry.LoggedModelSpec{Experiment: which, Name: "fitted", SourceRun: run.EID})
	must(t, err)
	must(t, h.sys.LogOutputs(ctx, home, registry.RunRef{EID: run.EID}, []registry.ModelLink{{Model: logged.EID}}))
	for path, pkg := range map[string]registry.PackageRef{"log.txt": {RunIID: run.IID}, "MLmodel": {Logged: logged.EID}} {
		_, err := h.sys.PutFile(ctx, home, pkg, path, strings.NewReader(path), registry.PutOptions{Size: -1})
		must(t, err)
	}
	promote := func(into, logged, semver string) (registry.Version, error) {
		return h.sys.PromoteRun(ctx, home, registry.RunRef{IID: run.IID},
			registry.Promotion{Into: into, Logged: logged, VersionSpec: registry.VersionSpec{Semver: semver}})
	}
	for _, c := range []struct{ into, logged, semver string }{{"", "", ""}, {"new", "m-0123", ""}, {"new", "", "one"}, {strings.Repeat("long", 100), "", ""}} {
		if _, err := promote(c.into, c.logged, c.semver); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if l, err := h.sys.Models(ctx, home, registry.ModelQuery{}); err != nil || len(l.Items) != 0 {
		t.Errorf("refused promotions leave %d models, %v", len(l.Items), err)
	}
	first, err := promote("new", "", "")
	must(t, err)
	second, err := promote("new", logged.EID, "2.0.0")
	must(t, err)
	if first.ModelName != "new" || first.Semver != "1.0.0" || second.ModelID != first.ModelID || first.RunID == run.ID ||
		first.Origin.RunEID != run.EID || second.Origin.LoggedModel != logged.EID {
		t.Errorf("%+v and %+v", first, second)
	}
	if got := h.paths(t, first); !slices.Equal(got, []string{"log.txt"}) {
		t.Errorf("the first has %q", got)
	}
	if got := h.paths(t, second); !slices.Equal(got, []string{"MLmodel"}) {
		t.Errorf("the second has %q", got)
	}
	if _, err := promote("new", "", "2.0.0"); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same once more: %v", err)
	}
	if r, err := h.sys.Run(ctx, home, registry.RunRef{IID: run.IID}); err != nil || r.VersionID != 0 {
		t.Errorf("the run is %+v, %v", r, err)
	}
}
