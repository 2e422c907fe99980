package registry_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
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

// beside is where the tests put files beside traces: in the folder that has the
// number of the experiment and the trace's id; those of "far" are elsewhere.
var beside = registry.TraceFiles{Area: registry.PackageRef{Generic: "beside", Version: "1"}, Folder: func(e registry.Experiment, eid string) string {
	if e.Location == "far" {
		return ""
	}
	return strconv.FormatInt(e.IID, 10) + "/" + eid
}}

// TestTraceFiles: files beside traces go with the traces, and those with their
// experiment, when it goes for good.
func TestTraceFiles(t *testing.T) {
	for name, remove := range map[string]func(*house, registry.Experiment) error{
		"deletion": func(h *house, e registry.Experiment) error {
			return h.sys.DeleteExperiment(t.Context(), home, registry.ExperimentRef{IID: e.IID})
		},
		"purge": func(h *house, e registry.Experiment) error {
			must(t, h.sys.TrashExperiment(t.Context(), home, registry.ExperimentRef{IID: e.IID}))
			h.wait(time.Millisecond)
			_, err := h.sys.Collect(t.Context(), registry.CollectOptions{Grace: time.Hour, Retention: time.Nanosecond})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			gone, kept := h.traced(t, "gone", "", 250), h.traced(t, "kept", "", 1)
			far := h.traced(t, "elsewhere", "far", 1)
			must(t, h.sys.TrashExperiment(t.Context(), home, registry.ExperimentRef{IID: kept.IID}))
			must(t, h.sys.RestoreExperiment(t.Context(), home, registry.ExperimentRef{IID: kept.IID}))
			must(t, remove(h, gone))
			must(t, remove(h, far))
			l, err := h.sys.Files(t.Context(), home, beside.Area, registry.FileQuery{})
			must(t, err)
			if len(l.Items) != 2 || l.Items[0].Path != beside.Folder(kept, "kept-0")+"/a/b" || l.Items[1].Path != strconv.FormatInt(far.IID, 10)+"/other/a/b" {
				t.Errorf("%d files are left: %+v", len(l.Items), l.Items)
			}
			for _, eid := range []string{"gone-0", "gone-249", "elsewhere-0"} {
				if _, err := h.sys.Trace(t.Context(), home, eid); !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: %v", eid, err)
				}
			}
			_, err = h.sys.Trace(t.Context(), home, "kept-0")
			must(t, err)
		})
	}
}

// TestTracesOfModels: a model that is deleted takes the traces of its experiment
// along, with the files beside them.
func TestTracesOfModels(t *testing.T) {
	h := newHouse(t)
	m, err := h.sys.CreateModel(t.Context(), home, registry.ModelSpec{Name: "gone"})
	must(t, err)
	e, err := h.sys.Experiment(t.Context(), home, registry.ExperimentRef{IID: m.ExperimentIID})
	must(t, err)
	h.trace(t, e, "gone", 3)
	kept := h.traced(t, "kept", "", 1)
	must(t, h.sys.DeleteModel(t.Context(), home, registry.ModelRef{ID: m.ID}))
	l, err := h.sys.Files(t.Context(), home, beside.Area, registry.FileQuery{})
	must(t, err)
	if len(l.Items) != 1 || l.Items[0].Path != beside.Folder(kept, "kept-0")+"/a/b" {
		t.Errorf("%d files are left: %+v", len(l.Items), l.Items)
	}
	if ts, err := h.sys.Traces(t.Context(), home, []string{"gone-0", "gone-1", "gone-2", "kept-0"}, nil); err != nil || len(ts) != 1 {
		t.Errorf("%d traces are left: %v", len(ts), err)
	}
}

// TestPurgeIsBrokenOff: a purge that ends in the middle, wherever that is, has
// removed traces with the files beside them or neither; the next one ends it.
func TestPurgeIsBrokenOff(t *testing.T) {
	h := newHouse(t)
	e := h.traced(t, "gone", "", 250)
	must(t, h.sys.TrashExperiment(t.Context(), home, registry.ExperimentRef{IID: e.IID}))
	h.wait(time.Millisecond)
	options := registry.CollectOptions{Grace: time.Hour, Retention: time.Nanosecond}
	store := h.store.(*sqlstore.Store)
	broken := 0
	for after, done := 1, false; !done; after++ {
		ctx, stop := context.WithCancel(t.Context())
		asked := 0
		store.Watch(func(string) {
			if asked++; asked == after {
				stop()
			}
		})
		_, err := h.sys.Collect(ctx, options)
		store.Watch(nil)
		stop()
		if done = err == nil; !done {
			broken++
		}
		h.besideOf(t, e, "gone-0", "gone-249")
	}
	if broken < 10 {
		t.Errorf("the purge was broken off %d times only", broken)
	}
	if _, err := h.sys.Experiment(t.Context(), home, registry.ExperimentRef{IID: e.IID, Deleted: true}); !fault.Is(err, fault.NotFound) {
		t.Errorf("the experiment is still there: %v", err)
	}
}

// besideOf looks whether traces are there exactly if the files beside them are.
func (h *house) besideOf(t *testing.T, e registry.Experiment, eids ...string) {
	t.Helper()
	l, err := h.sys.Files(t.Context(), home, beside.Area, registry.FileQuery{})
	must(t, err)
	for _, eid := range eids {
		ts, err := h.sys.Traces(t.Context(), home, []string{eid}, nil)
		must(t, err)
		has := slices.ContainsFunc(l.Items, func(f registry.File) bool { return f.Path == beside.Folder(e, eid)+"/a/b" })
		if has != (len(ts) == 1) {
			t.Errorf("%s: there %v, file beside it %v", eid, len(ts) == 1, has)
		}
	}
}

// traced makes an experiment with traces, the first and the last of which have a
// file beside them.
func (h *house) traced(t *testing.T, name, location string, n int) registry.Experiment {
	t.Helper()
	e, err := h.sys.CreateExperiment(t.Context(), home, registry.ExperimentSpec{Name: name, Location: location})
	must(t, err)
	h.trace(t, e, name, n)
	return e
}

// trace puts such traces into an experiment.
func (h *house) trace(t *testing.T, e registry.Experiment, name string, n int) {
	t.Helper()
	for i := range n {
		tr := registry.Trace{EID: name + "-" + strconv.Itoa(i), State: registry.TraceOK, At: h.clock().AddDate(i, 0, 0)}
		_, err := h.sys.PutTrace(t.Context(), home, registry.ExperimentRef{IID: e.IID}, tr)
		must(t, err)
		folder := beside.Folder(e, tr.EID)
		if folder == "" {
			folder = beside.Folder(registry.Experiment{IID: e.IID}, "other")
		}
		if i == 0 || i == n-1 {
			_, err := h.sys.PutFile(t.Context(), home, beside.Area, folder+"/a/b", strings.NewReader("x"), registry.PutOptions{Size: 1})
			must(t, err)
		}
	}
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
