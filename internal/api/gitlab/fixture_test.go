package gitlab

import (
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
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/sqlstore"
)

// world is a server on fresh data with somebody in every role.
//
// Projects: root/private, root/internal, root/public, each with a model "iris"
// that has version 1.0.0 with the file "dir/model.bin" (content "weights") and
// a candidate with the file "run.txt". Users: stranger (not a member), guest,
// planner, reporter, developer, maintainer, owner (members of all three),
// boss (an administrator). Tokens: each user's name, plus expired, revoked, and ro, rw, readapi
// (the developer's, with narrow scopes).
type world struct {
	dir     string // of the template
	handler http.Handler
	reg     *registry.Registry
	tokens  map[string]string
	ids     map[string]int64 // user names, "private", "private/version", "private/run" …
}

// worldOptions change a world.
type worldOptions struct {
	MaxFileSize int64
	Wrap        func(blob.Driver) blob.Driver
}

// template is a world on disk, made once: a copy is faster than a new one.
var template = sync.OnceValues(func() (*world, error) {
	dir, err := os.MkdirTemp("", "vitrine-gitlab-test")
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, tokens: map[string]string{}, ids: map[string]int64{}}
	store, err := w.open(dir, worldOptions{})
	if err != nil {
		return nil, err
	}
	if err := w.fill(context.Background()); err != nil {
		return nil, err
	}
	return w, store.Close()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if w, err := template(); err == nil {
		_ = os.RemoveAll(w.dir) // a folder left in the temporary one does no harm
	}
	os.Exit(code)
}

func newWorld(t *testing.T, o worldOptions) *world {
	t.Helper()
	from, err := template()
	ok(t, err)
	dir := filepath.Join(t.TempDir(), "world")
	ok(t, os.CopyFS(dir, os.DirFS(from.dir)))
	w := &world{tokens: maps.Clone(from.tokens), ids: maps.Clone(from.ids)}
	store, err := w.open(dir, o)
	ok(t, err)
	t.Cleanup(func() { ok(t, store.Close()) })
	return w
}

// open puts a server on the data in dir.
func (w *world) open(dir string, o worldOptions) (*sqlstore.Store, error) {
	store, err := sqlstore.Open(context.Background(), "sqlite:"+filepath.Join(dir, "db"))
	if err != nil {
		return nil, err
	}
	fs, err := fsblob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, err
	}
	var driver blob.Driver = fs
	if o.Wrap != nil {
		driver = o.Wrap(driver)
	}
	log := slog.New(slog.DiscardHandler)
	w.reg = registry.New(store, blob.New(driver, blob.Options{}), registry.Options{MaxFileSize: o.MaxFileSize})
	m := New(Options{Registry: w.reg, Auth: auth.NewAuthenticator(store, nil), Log: log, Version: "0.0.0", Revision: "test"})
	w.handler = httpx.Chain(httpx.RequestID(), httpx.Recover(log, nil))(m.Handler)
	return store, nil
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// roles are the members of each project.
var roles = map[string]registry.Role{"guest": registry.Guest, "planner": registry.Planner, "reporter": registry.Reporter,
	"developer": registry.Developer, "maintainer": registry.Maintainer, "owner": registry.Owner}

// token makes a token of user and keeps it under name.
func (w *world) token(ctx context.Context, name, user string, scopes ...string) (int64, error) {
	k, err := w.reg.As(auth.System()).CreateToken(ctx, w.ids[user], registry.TokenSpec{Name: name, Scopes: scopes})
	w.tokens[name] = k.Secret
	return k.ID, err
}

func (w *world) fill(ctx context.Context) error {
	sys := w.reg.As(auth.System())
	if _, _, err := sys.SetUp(ctx, registry.Setup{Password: "correct horse", Token: "root-token-for-tests"}); err != nil {
		return err
	}
	w.tokens["root"], w.ids["root"] = "root-token-for-tests", 1
	for _, name := range []string{"stranger", "guest", "planner", "reporter", "developer", "maintainer", "owner", "boss"} {
		u, err := sys.CreateUser(ctx, registry.UserSpec{Username: name, Name: strings.ToUpper(name[:1]) + name[1:],
			Email: name + "@example.org", Admin: name == "boss"})
		if err != nil {
			return err
		}
		w.ids[name] = u.ID
		if _, err := w.token(ctx, name, name, "api"); err != nil {
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
func (w *world) specialTokens(ctx context.Context) error {
	for name, scope := range map[string]string{"ro": "read_model_registry", "rw": "write_model_registry", "readapi": "read_api"} {
		if _, err := w.token(ctx, name, "developer", scope); err != nil {
			return err
		}
	}
	sys := w.reg.As(auth.System())
	id, err := w.token(ctx, "revoked", "developer", "api")
	if err != nil {
		return err
	}
	if err := sys.RevokeToken(ctx, id); err != nil {
		return err
	}
	k, err := sys.CreateToken(ctx, w.ids["developer"],
		registry.TokenSpec{Name: "expired", Scopes: []string{"api"}, ExpiresAt: time.Now().Add(30 * time.Millisecond)})
	w.tokens["expired"], w.tokens["unknown"] = k.Secret, "vtpat-00000000000000000000000000000000"
	time.Sleep(31 * time.Millisecond)
	return err
}

// place makes one project with members and content.
func (w *world) place(ctx context.Context, v registry.Visibility) error {
	sys := w.reg.As(auth.System())
	p, err := sys.CreateProject(ctx, registry.ProjectSpec{Path: string(v), NamespaceID: 1, Visibility: v})
	if err != nil {
		return err
	}
	ref := registry.ProjectRef{ID: p.ID}
	for name, r := range roles {
		if _, err := sys.AddMember(ctx, registry.PlaceRef{Project: ref}, registry.MemberSpec{UserID: w.ids[name], Role: r}); err != nil {
			return err
		}
	}
	w.ids[string(v)] = p.ID
	return w.content(ctx, ref, string(v))
}

func (w *world) content(ctx context.Context, ref registry.ProjectRef, key string) error {
	sys := w.reg.As(auth.System())
	m, err := sys.CreateModel(ctx, ref, registry.ModelSpec{Name: "iris"})
	if err != nil {
		return err
	}
	ver, err := sys.CreateVersion(ctx, ref, m.ID, registry.VersionSpec{})
	if err != nil {
		return err
	}
	run, err := sys.CreateRun(ctx, ref, registry.RunSpec{ModelID: m.ID, Name: "first"})
	if err != nil {
		return err
	}
	w.ids[key+"/model"], w.ids[key+"/version"], w.ids[key+"/run"] = m.ID, ver.ID, run.IID
	w.ids[key+"/experiment"] = run.ExperimentIID
	if err := put(ctx, sys, ref, registry.PackageRef{VersionID: ver.ID}, "dir/model.bin", "weights"); err != nil {
		return err
	}
	return put(ctx, sys, ref, registry.PackageRef{RunIID: run.IID}, "run.txt", "log")
}

func put(ctx context.Context, s registry.Session, ref registry.ProjectRef, pkg registry.PackageRef, path, content string) error {
	_, err := s.PutFile(ctx, ref, pkg, path, strings.NewReader(content), registry.PutOptions{Size: int64(len(content))})
	return err
}

// vars are the variables of scripts: tokens by name, and ids with "_" for "/".
func (w *world) vars() map[string]string {
	out := map[string]string{}
	for name, secret := range w.tokens {
		out[name] = secret
	}
	for name, id := range w.ids {
		out[strings.ReplaceAll(name, "/", "_")+"_id"] = fmt.Sprint(id)
	}
	return out
}

// do sends one request as somebody ("" is anonymous).
func (w *world) do(t *testing.T, method, target, who, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Private-Token", w.tokens[who])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}
