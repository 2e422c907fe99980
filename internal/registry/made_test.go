package registry_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestMadeIsAsRead: what makes a run or a version answers without reading it; a
// look-up gives the same.
func TestMadeIsAsRead(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	u, err := h.sys.UserByName(ctx, registry.RootName)
	must(t, err)
	root := h.reg.As(auth.Actor{UserID: u.ID, Username: u.Username, Name: u.Name, Admin: true, Kind: auth.Personal, TokenID: 1, Scopes: auth.AllScopes})
	m, err := root.CreateModel(ctx, home, registry.ModelSpec{Name: "m"})
	must(t, err)
	e, err := root.CreateExperiment(ctx, home, registry.ExperimentSpec{Name: "e", Location: "s3://bucket"})
	must(t, err)
	label, at := "someone", time.Unix(1, 2345).In(time.FixedZone("", 3600))
	tags := []registry.Tag{{Key: "z", Value: "1"}, {Key: "a", Value: "2"}}
	for _, spec := range []registry.RunSpec{
		{ModelID: m.ID},
		{Experiment: &registry.ExperimentRef{IID: e.IID}, Name: "n", UserLabel: &label, StartedAt: at, Data: registry.RunData{Tags: tags}},
		{Experiment: &registry.ExperimentRef{Name: "e"}, StartUnknown: true, StartedAt: time.Unix(0, 0), Data: registry.RunData{Name: "given"}},
		{Experiment: &registry.ExperimentRef{Name: "e"}, Data: registry.RunData{Tags: tags, Params: []registry.Param{{Key: "p", Value: "1"}},
			Metrics: []registry.Metric{{Key: "m", Value: 1, At: at}}}},
	} {
		made, err := root.CreateRun(ctx, home, spec)
		must(t, err)
		read, err := root.Run(ctx, home, registry.RunRef{IID: made.IID})
		must(t, err)
		if d := cmp.Diff(read, made, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("read, made: %s", d)
		}
	}
	for _, s := range []registry.Session{root, h.sys} {
		made, err := s.CreateVersion(ctx, home, registry.ModelRef{Name: "m"}, registry.VersionSpec{Description: "d", Tags: tags[:1],
			Origin: registry.Origin{Source: "s3://bucket/m", RunEID: "r", RunLink: "http://run"}})
		must(t, err)
		read, err := s.Version(ctx, home, registry.ModelRef{Name: "m"}, registry.VersionRef{ID: made.ID})
		must(t, err)
		if d := cmp.Diff(read, made, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("read, made: %s", d)
		}
	}
}
