package registry_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// house is a registry on fresh data, with a clock that tests can move.
type house struct {
	store registry.Store
	rows  blob.Rows // of the database
	reg   *registry.Registry
	sys   registry.Session
	blobs *blob.Store
	dir   string // of the blobs

	mu  sync.Mutex
	now time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{now: time.Now(), dir: filepath.Join(t.TempDir(), "blobs")}
	store, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	h.store, h.rows = store, store
	h.restart(t)
	_, _, err = h.sys.SetUp(t.Context(), registry.Setup{Password: "correct horse"})
	must(t, err)
	return h
}

// restart puts a new registry on the data, as after a crash.
func (h *house) restart(t *testing.T) {
	t.Helper()
	driver, err := fsblob.Open(h.dir)
	must(t, err)
	h.blobs = blob.New(driver, blob.Options{Rows: h.rows})
	h.reg = registry.New(h.store, h.blobs, registry.Options{Now: h.clock, MaxFileSize: houseLimit, TraceFiles: beside})
	h.sys = h.reg.As(auth.System())
}

// houseLimit is the size that files may have.
const houseLimit = 64 << 20

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var home = registry.ProjectRef{ID: 1}

// version makes a model with a version.
func (h *house) version(t *testing.T, name string) registry.Version {
	t.Helper()
	m, err := h.sys.CreateModel(t.Context(), home, registry.ModelSpec{Name: name})
	must(t, err)
	v, err := h.sys.CreateVersion(t.Context(), home, registry.ModelRef{ID: m.ID}, registry.VersionSpec{})
	must(t, err)
	return v
}

func (h *house) put(t *testing.T, v registry.Version, path, content string) registry.File {
	t.Helper()
	f, err := h.sys.PutFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path, strings.NewReader(content), registry.PutOptions{Size: -1})
	must(t, err)
	return f
}

// TestEveryMethodIsGuarded calls each method of a Session for a stranger and
// for nobody, on things of a private project. A method that forgets the gate
// would answer.
func TestEveryMethodIsGuarded(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "secret")
	h.put(t, v, "f", "x")
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: "stranger", Name: "S", Email: "s@example.org"})
	must(t, err)
	// These answer everybody, or every user, about what they may see anyway; the
	// session of a snapshot has the same gate.
	open := map[string]bool{"Actor": true, "Under": true, "Snapshot": true, "Projects": true, "Namespaces": true, "Users": true, "CurrentUser": true, "Tokens": true, "OwnNamespaces": true, "Browsers": true, "NamespaceTaken": true, "MayFind": true, "FindModels": true, "FindVersions": true, "FindTags": true,
		"User": true, "UserByName": true, "CreateProject": true, "CreateGroup": true, "CreateToken": true}
	args := map[reflect.Type]reflect.Value{
		reflect.TypeFor[registry.ProjectRef]():   reflect.ValueOf(home),
		reflect.TypeFor[registry.PlaceRef]():     reflect.ValueOf(registry.PlaceRef{Project: home}),
		reflect.TypeFor[registry.PackageRef]():   reflect.ValueOf(registry.PackageRef{VersionID: v.ID}),
		reflect.TypeFor[registry.ModelRef]():     reflect.ValueOf(registry.ModelRef{ID: v.ModelID}),
		reflect.TypeFor[registry.VersionRef]():   reflect.ValueOf(registry.VersionRef{ID: v.ID}),
		reflect.TypeFor[registry.NamespaceRef](): reflect.ValueOf(registry.NamespaceRef{ID: 99}),
		reflect.TypeFor[int64]():                 reflect.ValueOf(int64(1)),
		reflect.TypeFor[string]():                reflect.ValueOf("f"),
		reflect.TypeFor[context.Context]():       reflect.ValueOf(t.Context()),
	}
	for who, actor := range map[string]auth.Actor{"nobody": {},
		"stranger": {UserID: u.ID, Username: "stranger", Scopes: auth.AllScopes, TokenID: 77}} {
		s := reflect.ValueOf(h.reg.As(actor))
		for i := range s.NumMethod() {
			name := s.Type().Method(i).Name
			if open[name] {
				continue
			}
			m := s.Method(i)
			in := make([]reflect.Value, m.Type().NumIn())
			for j := range in {
				if v, ok := args[m.Type().In(j)]; ok {
					in[j] = v
				} else {
					in[j] = reflect.Zero(m.Type().In(j))
				}
			}
			out := m.Call(in)
			err, _ := out[len(out)-1].Interface().(error)
			switch fault.KindOf(err) {
			case fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.Unsupported:
			default:
				t.Errorf("%s as %s: %v", name, who, err)
			}
		}
	}
}

// TestCollect: what no file names goes after the grace period, and no sooner;
// what a file names stays; left-overs of killed servers go.
func TestCollect(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	h.put(t, v, "kept", "kept")
	gone := h.put(t, v, "gone", "gone")
	h.put(t, v, "replaced", "old")
	h.put(t, v, "replaced", "new")
	must(t, h.sys.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "gone"))
	must(t, os.WriteFile(filepath.Join(h.dir, "tmp", "put-leftover"), []byte("half"), 0o600))
	collect := func(dry bool) registry.Collected {
		c, err := h.sys.Collect(t.Context(), registry.CollectOptions{Grace: time.Hour, DryRun: dry})
		must(t, err)
		return c
	}
	if got, want := collect(false), (registry.Collected{Uploads: 1}); got != want {
		t.Errorf("within the grace period: %+v, want %+v", got, want)
	}
	h.wait(2 * time.Hour)
	if got, want := collect(true), (registry.Collected{Blobs: 2, Bytes: 7}); got != want {
		t.Errorf("dry run: %+v, want %+v", got, want)
	}
	if got, want := collect(false), (registry.Collected{Blobs: 2, Bytes: 7}); got != want {
		t.Errorf("collected %+v, want %+v", got, want)
	}
	if _, err := h.blobs.Stat(t.Context(), gone.Digest); !fault.Is(err, fault.NotFound) {
		t.Errorf("the bytes are still there: %v", err)
	}
	n, _, err := h.sys.Verify(t.Context(), func(b registry.BadBlob) error { return fmt.Errorf("%v is bad", b) })
	if err != nil || n != 2 {
		t.Errorf("verified %d blobs, %v", n, err)
	}
}

// TestCollectBesideUploads: uploads of the same few contents, deletions, and
// collection without any grace run against each other. Whatever was
// acknowledged must be there whole.
func TestCollectBesideUploads(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	pkg := registry.PackageRef{VersionID: v.ID}
	stop := make(chan struct{})
	var collector, uploaders sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			h.wait(time.Minute) // older than the cut-off: everything unnamed may go
			if _, err := h.sys.Collect(t.Context(), registry.CollectOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	for w := range 4 {
		uploaders.Go(func() {
			for i := range 40 {
				path, content := fmt.Sprintf("f%d", w), fmt.Sprintf("content %d", (i+w)%3)
				size := int64(-1)
				if (i/3+w)%2 == 0 {
					size = int64(len(content)) // it becomes a row
				}
				if err := h.roundTrip(t.Context(), pkg, path, content, size); err != nil {
					t.Error(err)
				}
			}
		})
	}
	uploaders.Wait()
	close(stop)
	collector.Wait()
	_, _, err := h.sys.Verify(t.Context(), func(b registry.BadBlob) error { return fmt.Errorf("%v is bad", b) })
	must(t, err)
}

// roundTrip uploads, reads back, and deletes a file.
func (h *house) roundTrip(ctx context.Context, pkg registry.PackageRef, path, content string, size int64) error {
	_, err := h.sys.PutFile(ctx, home, pkg, path, strings.NewReader(content), registry.PutOptions{Size: size})
	if fault.Is(err, fault.Busy) {
		return nil // an honest "try again"; nothing was acknowledged
	}
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	_, body, err := h.sys.OpenFile(ctx, home, pkg, path)
	if err != nil {
		return fmt.Errorf("an acknowledged file cannot be opened: %w", err)
	}
	got := make([]byte, 100)
	n, err := body.Read(got)
	if cerr := body.Close(); err != nil || cerr != nil || string(got[:n]) != content {
		return fmt.Errorf("read %q, want %q: %w", got[:n], content, errors.Join(err, cerr))
	}
	return h.sys.DeleteFile(ctx, home, pkg, path)
}

// TestVerifyFinds: a flipped byte, a missing and a shortened blob are found.
func TestVerifyFinds(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	for name, spoil := range map[string]func(path string) error{
		"damaged": func(p string) error { return os.WriteFile(p, []byte("damageX"), 0o600) },
		"missing": os.Remove,
		"wrong":   func(p string) error { return os.Truncate(p, 1) },
	} {
		f := h.put(t, v, name, name)
		hex := f.Digest.Hex()
		p := filepath.Join(h.dir, "sha256", hex[:2], hex)
		must(t, os.Chmod(p, 0o600))
		must(t, spoil(p))
	}
	h.put(t, v, "good", "good")
	found := map[string]bool{}
	_, _, err := h.sys.Verify(t.Context(), func(b registry.BadBlob) error {
		word, _, _ := strings.Cut(strings.ReplaceAll(b.Reason, ":", " "), " ")
		found[word] = true
		return nil
	})
	must(t, err)
	if len(found) != 3 || !found["damaged"] || !found["missing"] || !found["wrong"] {
		t.Errorf("found %v", found)
	}
}

// TestPromotion: the run's files become the version's, and no byte moves.
func TestPromotion(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	run, err := h.sys.CreateRun(t.Context(), home, registry.RunSpec{ModelID: v.ModelID})
	must(t, err)
	f, err := h.sys.PutFile(t.Context(), home, registry.PackageRef{RunIID: run.IID}, "model.bin", strings.NewReader("weights"), registry.PutOptions{Size: 7})
	must(t, err)
	made, err := h.sys.PromoteRun(t.Context(), home, registry.RunRef{IID: run.IID}, registry.Promotion{VersionSpec: registry.VersionSpec{Semver: "3.0.0"}})
	must(t, err)
	if made.RunIID != run.IID || made.PackageID != f.PackageID || made.FileCount != 1 || made.Size != 7 {
		t.Errorf("promoted to %+v", made)
	}
	for _, pkg := range []registry.PackageRef{{RunIID: run.IID}, {VersionID: made.ID}} {
		got, err := h.sys.StatFile(t.Context(), home, pkg, "model.bin")
		if err != nil || got.ID != f.ID {
			t.Errorf("%+v: %+v, %v", pkg, got, err)
		}
	}
	if _, err := h.sys.PromoteRun(t.Context(), home, registry.RunRef{IID: run.IID}, registry.Promotion{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("promoted twice: %v", err)
	}
	m, err := h.sys.Model(t.Context(), home, registry.ModelRef{ID: v.ModelID})
	if err != nil || m.CandidateCount != 0 || m.VersionCount != 2 || m.LatestVersion != "3.0.0" {
		t.Errorf("the model says %+v, %v", m, err)
	}
}

// TestNextVersion follows GitLab: the patch after the highest, first 1.0.0.
func TestNextVersion(t *testing.T) {
	h := newHouse(t)
	m, err := h.sys.CreateModel(t.Context(), home, registry.ModelSpec{Name: "m"})
	must(t, err)
	for _, c := range []struct{ want, then string }{{"1.0.0", "3.1.4"}, {"3.1.5", "2.0.0"}, {"3.1.5", "4.0.0-rc.1"}, {"4.0.0", ""}, {"4.0.1", ""}} {
		next, err := h.sys.NextVersion(t.Context(), home, registry.ModelRef{ID: m.ID})
		if err != nil || next != c.want {
			t.Errorf("next is %q, %v, want %q", next, err, c.want)
		}
		v, err := h.sys.CreateVersion(t.Context(), home, registry.ModelRef{ID: m.ID}, registry.VersionSpec{Semver: c.then})
		must(t, err)
		if c.then == "" && v.Semver != c.want {
			t.Errorf("made %q, want %q", v.Semver, c.want)
		}
	}
}
