package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// paths lists the files of a version.
func (h *house) paths(t *testing.T, v registry.Version) (out []string) {
	t.Helper()
	l, err := h.sys.Files(t.Context(), home, registry.PackageRef{VersionID: v.ID}, registry.FileQuery{})
	must(t, err)
	for _, f := range l.Items {
		out = append(out, f.Path)
	}
	return out
}

// TestVersionsOfOneRun: several versions are made of the files of one run; they
// keep them when the run goes, and each has a run of its own.
func TestVersionsOfOneRun(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	e, err := h.sys.CreateExperiment(ctx, home, registry.ExperimentSpec{Name: "training"})
	must(t, err)
	which := registry.ExperimentRef{IID: e.IID}
	run, err := h.sys.CreateRun(ctx, home, registry.RunSpec{Experiment: &which, Name: "r"})
	must(t, err)
	for _, p := range []string{"model/MLmodel", "model/data/w.bin", "log.txt"} {
		_, err := h.sys.PutFile(ctx, home, registry.PackageRef{RunIID: run.IID}, p, strings.NewReader(p), registry.PutOptions{Size: -1})
		must(t, err)
	}
	m, err := h.sys.CreateModel(ctx, home, registry.ModelSpec{Name: "m"})
	must(t, err)
	ref := registry.ModelRef{ID: m.ID}
	of := func(f registry.FilesOf) (registry.Version, error) {
		return h.sys.CreateVersion(ctx, home, ref, registry.VersionSpec{Files: &f, Origin: registry.Origin{Source: "runs:/r/model", RunEID: run.EID}})
	}
	first, err := of(registry.FilesOf{Run: registry.RunRef{EID: run.EID}, Path: "model"})
	must(t, err)
	second, err := of(registry.FilesOf{Run: registry.RunRef{EID: run.EID}})
	must(t, err)
	third, err := of(registry.FilesOf{VersionID: first.ID})
	must(t, err)
	if first.RunID == second.RunID || first.RunID == run.ID || first.Origin.RunEID != run.EID || first.FileCount != 2 {
		t.Errorf("the first is %+v, the second %+v", first, second)
	}
	must(t, h.sys.DeleteExperiment(ctx, home, which))
	for i, c := range []struct {
		v    registry.Version
		want []string
	}{{first, []string{"MLmodel", "data/w.bin"}}, {second, []string{"log.txt", "model/MLmodel", "model/data/w.bin"}}, {third, []string{"MLmodel", "data/w.bin"}}} {
		if got := h.paths(t, c.v); !slices.Equal(got, c.want) {
			t.Errorf("version %d has %q, want %q", i+1, got, c.want)
		}
	}
	_, content, err := h.sys.OpenFile(ctx, home, registry.PackageRef{VersionID: third.ID}, "data/w.bin")
	must(t, err)
	must(t, content.Close())
}

// TestFilesOfWhatIsNotThere: an unknown run has no files, unless an address of
// files here says otherwise; a bad path makes nothing.
func TestFilesOfWhatIsNotThere(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	made := h.version(t, "m")
	ref := registry.ModelRef{ID: made.ModelID}
	zero, wrong := int64(registry.DefaultExperiment), int64(77)
	run, err := h.sys.CreateRun(ctx, home, registry.RunSpec{Experiment: &registry.ExperimentRef{}, Name: "r"})
	must(t, err)
	for _, c := range []struct {
		name string
		f    registry.FilesOf
		kind fault.Kind // Internal: none
	}{
		{"unknown run", registry.FilesOf{Run: registry.RunRef{EID: "nobody"}, Path: "m"}, fault.Internal},
		{"run without files", registry.FilesOf{Run: registry.RunRef{EID: run.EID}}, fault.Internal},
		{"its experiment", registry.FilesOf{Run: registry.RunRef{EID: run.EID}, Experiment: &zero}, fault.Internal},
		{"another experiment", registry.FilesOf{Run: registry.RunRef{EID: run.EID}, Experiment: &wrong}, fault.NotFound},
		{"unknown run of an experiment", registry.FilesOf{Run: registry.RunRef{EID: "nobody"}, Experiment: &zero}, fault.NotFound},
		{"unknown version", registry.FilesOf{VersionID: 99}, fault.NotFound},
		{"climbing", registry.FilesOf{Run: registry.RunRef{EID: run.EID}, Path: "../x"}, fault.Invalid},
	} {
		_, err := h.sys.CreateVersion(ctx, home, ref, registry.VersionSpec{Files: &c.f})
		if err == nil != (c.kind == fault.Internal) || err != nil && !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	l, err := h.sys.Versions(ctx, home, ref, registry.VersionQuery{})
	if err != nil || len(l.Items) != 4 {
		t.Errorf("%d versions, %v; want 4", len(l.Items), err)
	}
}

// TestFilesOfRunsNeedReading: who may not read runs cannot take their files.
func TestFilesOfRunsNeedReading(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	v := h.version(t, "m")
	hidden := registry.Disabled
	_, err := h.sys.EditProject(ctx, home, registry.ProjectEdit{Experiments: &hidden})
	must(t, err)
	spec := registry.VersionSpec{Files: &registry.FilesOf{Run: registry.RunRef{IID: v.RunIID}}}
	if _, err := h.sys.CreateVersion(ctx, home, registry.ModelRef{ID: v.ModelID}, spec); !fault.Is(err, fault.NotFound) {
		t.Errorf("took files of hidden runs: %v", err)
	}
}

// TestTwoPromoters: of many who promote one run, or want one semantic version,
// one wins; numbers are taken once.
func TestTwoPromoters(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	v := h.version(t, "m")
	run, err := h.sys.CreateRun(ctx, home, registry.RunSpec{ModelID: v.ModelID, Name: "r"})
	must(t, err)
	var mu sync.Mutex
	var wg sync.WaitGroup
	won, numbers := map[string]int{}, map[int64]bool{}
	for i := range 24 {
		spec, kind := registry.VersionSpec{RunEID: run.EID}, "run"
		switch i % 3 {
		case 1:
			spec, kind = registry.VersionSpec{Semver: "7.0.0"}, "semver"
		case 2:
			spec, kind = registry.VersionSpec{}, "next"
		}
		wg.Go(func() {
			v, err := h.sys.CreateVersion(ctx, home, registry.ModelRef{ID: v.ModelID}, spec)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won[kind]++
				numbers[v.Number] = true
			} else if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won["run"] != 1 || won["semver"] != 1 || won["next"] != 8 || len(numbers) != 10 {
		t.Errorf("won %v, with %d numbers", won, len(numbers))
	}
}

// TestStages: a version moves, the others give way, and both it and its model
// count as changed.
func TestStages(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	v := h.version(t, "m")
	ref := registry.ModelRef{Name: "m"}
	w, err := h.sys.CreateVersion(ctx, home, ref, registry.VersionSpec{})
	must(t, err)
	move := func(number int64, m registry.StageMove) error {
		h.wait(1e9)
		_, err := h.sys.MoveToStage(ctx, home, ref, registry.VersionRef{Number: number}, m)
		return err
	}
	must(t, move(v.Number, registry.StageMove{Stage: registry.Production}))
	must(t, move(w.Number, registry.StageMove{Stage: registry.Production, RetireOthers: true}))
	if err := move(v.Number, registry.StageMove{Stage: registry.Retired, RetireOthers: true}); !fault.Is(err, fault.Invalid) {
		t.Errorf("retired others of no serving stage: %v", err)
	}
	m, err := h.sys.Model(ctx, home, ref)
	must(t, err)
	var got []string
	for _, v := range m.Heads {
		got = append(got, fmt.Sprint(v.Number, " ", v.Stage, " ", v.UpdatedAt.Equal(m.UpdatedAt)))
	}
	if want := []string{"1 archived true", "2 production true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRulesOfNames: each door's own rules for new names; what was named under
// others can be changed all the same.
func TestRulesOfNames(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	free := h.reg.As(auth.System()).Under(registry.FreeRules)
	for name, ok := range map[string][2]bool{"plain-1.0_x": {true, true}, "a/b@c": {true, false}, "with blank": {false, true}, "日本語": {false, true},
		"a:b": {false, false}, " ": {false, false}, "": {false, false}, "..": {true, false}, ".": {true, false}, "..x": {true, false},
		strings.Repeat("n", 256): {false, true}, strings.Repeat("é", 501): {false, false}, "nul\x00": {false, false}, "bad\xff": {false, false}} {
		for i, s := range []registry.Session{h.sys, free} {
			m, err := s.CreateModel(ctx, home, registry.ModelSpec{Name: name})
			if (err == nil) != ok[i] || err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%q under rules %d: %v", name, i, err)
			}
			if err == nil {
				text := "changed"
				_, err := h.sys.EditModel(ctx, home, registry.ModelRef{Name: name}, registry.ModelEdit{Description: &text, Name: &name})
				must(t, err)
				must(t, h.sys.DeleteModel(ctx, home, registry.ModelRef{ID: m.ID}))
			}
		}
	}
	for name, ok := range map[string][2]bool{"a": {true, true}, "a.b": {true, false}, "-a": {false, true}, "é": {false, true}, "latest": {false, false},
		"Latest": {true, false}, "v1": {true, false}, "V٣": {false, false}, "v1a": {true, true}, "a b": {false, false}, "": {false, false}} {
		for i, r := range []registry.Rules{registry.AddressRules, registry.FreeRules} {
			if err := r.CheckAlias(name); (err == nil) != ok[i] {
				t.Errorf("alias %q under rules %d: %v", name, i, err)
			}
		}
	}
}

// TestPrompts: a model is a prompt while its tag says so. Lists of models leave
// prompts out, and the counts of both are right whatever happens.
func TestPrompts(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	prompt := registry.Tag{Key: registry.PromptTag, Value: "true"}
	_, err := h.sys.CreateModel(ctx, home, registry.ModelSpec{Name: "model"})
	must(t, err)
	_, err = h.sys.CreateModel(ctx, home, registry.ModelSpec{Name: "ask", Tags: []registry.Tag{prompt}})
	must(t, err)
	ask := registry.ModelRef{Name: "ask"}
	check := func(step string, models, prompts []string) {
		t.Helper()
		for i, want := range [][]string{models, prompts} {
			l, err := h.sys.Models(ctx, home, registry.ModelQuery{Prompts: i == 1, Order: registry.Order{By: "name"}, Page: registry.Page{Limit: 1}})
			must(t, err)
			all, err := h.sys.Models(ctx, home, registry.ModelQuery{Prompts: i == 1, Order: registry.Order{By: "name"}})
			must(t, err)
			var got []string
			for _, m := range all.Items {
				got = append(got, m.Name)
			}
			if !slices.Equal(got, want) || l.Total != int64(len(want)) {
				t.Errorf("%s: %q of %d, want %q", step, got, l.Total, want)
			}
		}
		l, err := h.sys.Models(ctx, home, registry.ModelQuery{Name: "ask"})
		if err != nil || len(l.Items) != 1 {
			t.Errorf("%s: by name %d, %v", step, len(l.Items), err)
		}
	}
	check("made", []string{"model"}, []string{"ask"})
	must(t, h.sys.DeleteModelTag(ctx, home, ask, registry.PromptTag))
	check("tag deleted", []string{"ask", "model"}, nil)
	must(t, h.sys.SetModelTag(ctx, home, ask, prompt))
	must(t, h.sys.SetModelTag(ctx, home, ask, prompt))
	check("tag set", []string{"model"}, []string{"ask"})
	must(t, h.sys.SetModelTag(ctx, home, ask, registry.Tag{Key: registry.PromptTag, Value: "false"}))
	check("tag false", []string{"ask", "model"}, nil)
	tags := []registry.Tag{prompt}
	_, err = h.sys.EditModel(ctx, home, ask, registry.ModelEdit{Tags: &tags})
	must(t, err)
	check("tags replaced", []string{"model"}, []string{"ask"})
	must(t, h.sys.DeleteModel(ctx, home, registry.ModelRef{Name: "model"}))
	check("model deleted", nil, []string{"ask"})
	must(t, h.sys.DeleteModel(ctx, home, ask))
	_, err = h.sys.CreateModel(ctx, home, registry.ModelSpec{Name: "ask"})
	must(t, err)
	check("prompt deleted", []string{"ask"}, nil)
}

// TestVersionsAreNoted: a logged model is told of its versions in the same
// moment; what cannot be told makes no version, unless another version is copied
// whose logged model has gone.
func TestVersionsAreNoted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	ref := registry.ModelRef{ID: h.version(t, "m").ModelID}
	l, err := h.sys.CreateLoggedModel(ctx, home, registry.LoggedModelSpec{Name: "tree"})
	must(t, err)
	note := &registry.VersionNote{Key: "versions", Write: func(v registry.Version, old string) (string, error) {
		return fmt.Sprintf("%s %d", old, v.Number), nil
	}}
	spec := registry.VersionSpec{Origin: registry.Origin{Source: "s3://b/x", LoggedModel: l.EID}, Note: note}
	before, err := h.sys.Versions(ctx, home, ref, registry.VersionQuery{})
	must(t, err)
	made, err := h.sys.CreateVersion(ctx, home, ref, spec)
	must(t, err)
	_, err = h.sys.CreateVersion(ctx, home, ref, spec)
	must(t, err)
	got, err := h.sys.LoggedModel(ctx, home, registry.LoggedModelRef{EID: l.EID})
	must(t, err)
	want := fmt.Sprintf(" %d %d", made.Number, made.Number+1)
	if !slices.Equal(got.Tags, []registry.Tag{{Key: "versions", Value: want}}) {
		t.Errorf("the logged model has %+v, want %q", got.Tags, want)
	}
	must(t, h.sys.TrashLoggedModel(ctx, home, registry.LoggedModelRef{EID: l.EID}))
	if _, err := h.sys.CreateVersion(ctx, home, ref, spec); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a logged model that has gone: %v", err)
	}
	spec.Files = &registry.FilesOf{VersionID: made.ID}
	_, err = h.sys.CreateVersion(ctx, home, ref, spec)
	must(t, err)
	after, err := h.sys.Versions(ctx, home, ref, registry.VersionQuery{})
	if err != nil || len(after.Items) != len(before.Items)+3 {
		t.Errorf("%d versions after %d, %v", len(after.Items), len(before.Items), err)
	}
}
