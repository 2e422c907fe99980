// Package apitest is the world in which the doors are tested: a registry on
// fresh data, with somebody in every role and projects of every visibility.
package apitest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// World is a registry on fresh data with somebody in every role.
//
// Projects: root/private, root/internal, root/public, each with a model "iris"
// that has version 1.0.0 with the file "dir/model.bin" (content "weights") and
// a candidate with the file "run.txt". Users: stranger (not a member), guest,
// planner, reporter, developer, maintainer, owner (members of all three),
// boss (an administrator). Tokens: each user's name, plus expired, revoked, and ro, rw, readapi
// (the developer's, with narrow scopes).
type World struct {
	Store    *sqlstore.Store
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	// Handler is what Options.Door made.
	Handler http.Handler
	Tokens  map[string]string
	Headers map[string]string // in which Do sends a token; Private-Token unless named
	IDs     map[string]int64  // user names, "private", "private/version", "private/run" …

	dir string // of the template
}

// Options change a world.
type Options struct {
	// Door makes the door under test.
	Door        func(*World) httpx.Mount
	MaxFileSize int64
	// Wrap gives the driver under test, which keeps small contents, too.
	Wrap       func(blob.Driver) blob.Driver
	TraceFiles registry.TraceFiles
}

// Template is a world on disk, made once: a copy is faster than a new one.
type Template struct {
	made func() (*World, error)
	dir  atomic.Pointer[string] // nil: nobody has asked for it
}

// NewTemplate makes a template; fill furnishes it at the first use.
func NewTemplate(fill func(context.Context, *World) error) *Template {
	tp := &Template{}
	tp.made = sync.OnceValues(func() (*World, error) {
		dir, err := os.MkdirTemp("", "vitrine-apitest")
		if err != nil {
			return nil, err
		}
		tp.dir.Store(&dir)
		w := &World{dir: dir, Tokens: map[string]string{}, Headers: map[string]string{}, IDs: map[string]int64{}}
		store, err := w.open(dir, Options{})
		if err != nil {
			return nil, err
		}
		if err := fill(context.Background(), w); err != nil {
			return nil, err
		}
		return w, store.Close()
	})
	return tp
}

// Remove removes what the template keeps on disk; it is for the end of a run.
func (tp *Template) Remove() {
	if dir := tp.dir.Load(); dir != nil {
		_ = os.RemoveAll(*dir) // a folder left in the temporary one does no harm
	}
}

// Standard is the template of New.
var Standard = NewTemplate(func(ctx context.Context, w *World) error { return w.Fill(ctx) })

// Main runs the tests of a package and removes what worlds left, of the
// package's own templates too; it is for TestMain.
func Main(m *testing.M, own ...*Template) {
	code := m.Run()
	for _, made := range append(own, Standard) {
		made.Remove()
	}
	os.Exit(code)
}

// New makes a world; it ends with the test.
func New(t testing.TB, o Options) *World {
	t.Helper()
	return Standard.New(t, o)
}

// New copies the template into a world that ends with the test.
func (tp *Template) New(t testing.TB, o Options) *World {
	t.Helper()
	from, err := tp.made()
	OK(t, err)
	dir := filepath.Join(t.TempDir(), "world")
	OK(t, os.CopyFS(dir, os.DirFS(from.dir)))
	w := &World{Tokens: maps.Clone(from.Tokens), Headers: maps.Clone(from.Headers), IDs: maps.Clone(from.IDs)}
	store, err := w.open(dir, o)
	OK(t, err)
	t.Cleanup(func() { OK(t, store.Close()) })
	return w
}

// open puts a registry on the data in dir, and the door before it.
func (w *World) open(dir string, o Options) (*sqlstore.Store, error) {
	store, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(dir, "db"))
	if err != nil {
		return nil, err
	}
	fs, err := fsblob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	var driver blob.Driver = fs
	keep := blob.Options{Rows: store}
	if o.Wrap != nil {
		driver, keep.NoNewRows = o.Wrap(driver), true
	}
	w.Store, w.Log = store, slog.New(slog.DiscardHandler)
	w.Registry = registry.New(store, blob.New(driver, keep), registry.Options{MaxFileSize: o.MaxFileSize, TraceFiles: o.TraceFiles})
	w.Auth = auth.NewAuthenticator(store, nil)
	if o.Door != nil {
		w.Handler = httpx.Chain(httpx.RequestID(), httpx.Recover(w.Log, nil))(o.Door(w).Handler)
	}
	return store, nil
}

// Scanner gives a scanner that runs until the test ends.
func Scanner(t testing.TB, log *slog.Logger) *safety.Scanner {
	s := safety.NewScanner(log)
	RunScanner(t, s)
	return s
}

// RunScanner runs a scanner until the test ends.
func RunScanner(t testing.TB, s *safety.Scanner) {
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { stop(); group.Wait() })
}

// OK ends the test on an error.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Roles are the members of each project.
var Roles = map[string]registry.Role{"guest": registry.Guest, "planner": registry.Planner, "reporter": registry.Reporter,
	"developer": registry.Developer, "maintainer": registry.Maintainer, "owner": registry.Owner}

// Token makes a token of user and keeps it under name.
func (w *World) Token(ctx context.Context, name, user string, scopes ...string) (int64, error) {
	k, err := w.Registry.As(auth.System()).CreateToken(ctx, w.IDs[user], registry.TokenSpec{Name: name, Scopes: scopes})
	w.Tokens[name] = k.Secret
	return k.ID, err
}

// Fill furnishes an empty world as New's is.
func (w *World) Fill(ctx context.Context) error {
	sys := w.Registry.As(auth.System())
	if _, _, err := sys.SetUp(ctx, registry.Setup{Password: "correct horse", Token: "root-token-for-tests"}); err != nil {
		return err
	}
	w.Tokens["root"], w.IDs["root"] = "root-token-for-tests", 1
	for _, name := range []string{"stranger", "guest", "planner", "reporter", "developer", "maintainer", "owner", "boss"} {
		u, err := sys.CreateUser(ctx, registry.UserSpec{Username: name, Name: strings.ToUpper(name[:1]) + name[1:],
			Email: name + "@example.org", Admin: name == "boss"})
		if err != nil {
			return err
		}
		w.IDs[name] = u.ID
		if _, err := w.Token(ctx, name, name, "api"); err != nil {
			return err
		}
	}
	if err := w.specialTokens(ctx); err != nil {
		return err
	}
	for _, v := range []registry.Visibility{registry.Private, registry.Internal, registry.Public} {
		if err := w.place(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// specialTokens makes the developer's tokens that are narrow or ended.
func (w *World) specialTokens(ctx context.Context) error {
	for name, scope := range map[string]string{"ro": "read_model_registry", "rw": "write_model_registry", "readapi": "read_api"} {
		if _, err := w.Token(ctx, name, "developer", scope); err != nil {
			return err
		}
	}
	sys := w.Registry.As(auth.System())
	id, err := w.Token(ctx, "revoked", "developer", "api")
	if err != nil {
		return err
	}
	if err := sys.RevokeToken(ctx, id); err != nil {
		return err
	}
	k, err := sys.CreateToken(ctx, w.IDs["developer"],
		registry.TokenSpec{Name: "expired", Scopes: []string{"api"}, ExpiresAt: time.Now().Add(30 * time.Millisecond)})
	w.Tokens["expired"], w.Tokens["unknown"] = k.Secret, "vtpat-00000000000000000000000000000000"
	time.Sleep(31 * time.Millisecond)
	return err
}

// place makes one project with members and content.
func (w *World) place(ctx context.Context, v registry.Visibility) error {
	sys := w.Registry.As(auth.System())
	p, err := sys.CreateProject(ctx, registry.ProjectSpec{Path: string(v), NamespaceID: 1, Visibility: v})
	if err != nil {
		return err
	}
	ref := registry.ProjectRef{ID: p.ID}
	for name, r := range Roles {
		if _, err := sys.AddMember(ctx, registry.PlaceRef{Project: ref}, registry.MemberSpec{UserID: w.IDs[name], Role: r}); err != nil {
			return err
		}
	}
	w.IDs[string(v)] = p.ID
	return w.content(ctx, ref, string(v))
}

func (w *World) content(ctx context.Context, ref registry.ProjectRef, key string) error {
	sys := w.Registry.As(auth.System())
	m, err := sys.CreateModel(ctx, ref, registry.ModelSpec{Name: "iris"})
	if err != nil {
		return err
	}
	ver, err := sys.CreateVersion(ctx, ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{})
	if err != nil {
		return err
	}
	run, err := sys.CreateRun(ctx, ref, registry.RunSpec{ModelID: m.ID, Name: "first"})
	if err != nil {
		return err
	}
	w.IDs[key+"/model"], w.IDs[key+"/version"], w.IDs[key+"/run"] = m.ID, ver.ID, run.IID
	w.IDs[key+"/experiment"] = run.ExperimentIID
	if err := Put(ctx, sys, ref, registry.PackageRef{VersionID: ver.ID}, "dir/model.bin", "weights"); err != nil {
		return err
	}
	return Put(ctx, sys, ref, registry.PackageRef{RunIID: run.IID}, "run.txt", "log")
}

// Put stores a file with a text in it.
func Put(ctx context.Context, s registry.Session, ref registry.ProjectRef, pkg registry.PackageRef, path, content string) error {
	_, err := s.PutFile(ctx, ref, pkg, path, strings.NewReader(content), registry.PutOptions{Size: int64(len(content))})
	return err
}

// Vars are the variables of scripts: tokens by name, and ids with "_" for "/".
func (w *World) Vars() map[string]string {
	out := map[string]string{}
	for name, secret := range w.Tokens {
		out[name] = secret
	}
	for name, id := range w.IDs {
		out[strings.ReplaceAll(name, "/", "_")+"_id"] = fmt.Sprint(id)
	}
	return out
}

// Do sends one request as somebody ("" is anonymous).
func (w *World) Do(t testing.TB, method, target, who, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if who != "" {
		r.Header.Set(cmp.Or(w.Headers[who], "Private-Token"), w.Tokens[who])
	}
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}
