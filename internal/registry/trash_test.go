package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestTrash: what is deleted so that it can be restored is hidden from those
// who ask by number, and there for those who ask for deleted things; nothing in
// it changes until it is restored.
func TestTrash(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	e, err := h.sys.CreateExperiment(ctx, home, registry.ExperimentSpec{Name: "e"})
	must(t, err)
	r, err := h.sys.CreateRun(ctx, home, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: e.IID}})
	must(t, err)
	pkg := registry.PackageRef{RunIID: r.IID}
	_, err = h.sys.PutFile(ctx, home, pkg, "f", strings.NewReader("x"), registry.PutOptions{Size: 1})
	must(t, err)
	plain, deleted := registry.RunRef{IID: r.IID}, registry.RunRef{EID: r.EID, Deleted: true}
	kind := func(err error, k fault.Kind, what string) {
		t.Helper()
		if !fault.Is(err, k) {
			t.Errorf("%s: %v, want %v", what, err, k)
		}
	}

	must(t, h.sys.TrashRun(ctx, home, deleted))
	must(t, h.sys.TrashRun(ctx, home, deleted))
	_, err = h.sys.Run(ctx, home, plain)
	kind(err, fault.NotFound, "a deleted run by number")
	_, err = h.sys.Files(ctx, home, pkg, registry.FileQuery{})
	kind(err, fault.NotFound, "its files by number")
	for _, p := range []registry.PackageRef{{RunEID: r.EID}, {RunIID: r.IID, Deleted: true}} {
		l, err := h.sys.Files(ctx, home, p, registry.FileQuery{})
		if err != nil || len(l.Items) != 1 {
			t.Errorf("its files: %v %v", l.Items, err)
		}
	}
	got, err := h.sys.Run(ctx, home, deleted)
	if err != nil || got.DeletedAt.IsZero() {
		t.Errorf("a deleted run: %+v %v", got, err)
	}
	kind(h.sys.Log(ctx, home, deleted, registry.RunData{Tags: []registry.Tag{{Key: "a"}}}), fault.Invalid, "logging to it")
	must(t, h.sys.RestoreRun(ctx, home, deleted))
	_, err = h.sys.Run(ctx, home, plain)
	must(t, err)

	must(t, h.sys.TrashExperiment(ctx, home, registry.ExperimentRef{IID: e.IID}))
	kind(h.sys.RestoreRun(ctx, home, deleted), fault.Invalid, "restoring a run of a deleted experiment")
	_, err = h.sys.CreateRun(ctx, home, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: e.IID, Deleted: true}})
	kind(err, fault.Invalid, "a run in a deleted experiment")
	must(t, h.sys.RestoreExperiment(ctx, home, registry.ExperimentRef{IID: e.IID}))
	_, err = h.sys.Run(ctx, home, plain)
	must(t, err)

	h.purges(t, deleted)
}

// purges: nothing goes for good unless a time is set, and then only what is
// older.
func (h *house) purges(t *testing.T, which registry.RunRef) {
	t.Helper()
	ctx := t.Context()
	must(t, h.sys.TrashRun(ctx, home, which))
	for _, c := range []struct {
		keep time.Duration
		dry  bool
		want int64
	}{{0, false, 0}, {time.Hour, false, 0}, {time.Nanosecond, true, 1}, {time.Nanosecond, false, 1}, {time.Nanosecond, false, 0}} {
		h.wait(time.Millisecond)
		done, err := h.sys.Collect(ctx, registry.CollectOptions{Grace: time.Hour, Retention: c.keep, DryRun: c.dry})
		if err != nil || done.Trash != c.want {
			t.Errorf("%+v: %d %v", c, done.Trash, err)
		}
	}
	if _, err := h.sys.Run(ctx, home, which); !fault.Is(err, fault.NotFound) {
		t.Errorf("a run that went for good: %v", err)
	}
}
