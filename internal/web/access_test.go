package web

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

func TestMain(m *testing.M) {
	code := m.Run()
	world.Remove()
	os.Exit(code)
}

// world is apitest's with what only pages need: the private group "crew", in
// which everybody has the role of their name, with the group "crew/night", and
// an access token and a deploy token of both the group and the private project.
var world = apitest.NewTemplate(func(ctx context.Context, w *apitest.World) error {
	if err := w.Fill(ctx); err != nil {
		return err
	}
	sys := w.Registry.As(auth.System())
	g, err := sys.CreateGroup(ctx, registry.GroupSpec{Name: "The crew", Path: "crew"})
	if err != nil {
		return err
	}
	if _, err := sys.CreateGroup(ctx, registry.GroupSpec{Name: "Night shift", Path: "night", ParentID: g.ID}); err != nil {
		return err
	}
	crew := registry.PlaceRef{Group: registry.NamespaceRef{ID: g.ID}, InGroup: true}
	for name, r := range apitest.Roles {
		if _, err := sys.AddMember(ctx, crew, registry.MemberSpec{UserID: w.IDs[name], Role: r}); err != nil {
			return err
		}
	}
	for key, place := range map[string]registry.PlaceRef{"group": crew, "private": {Project: registry.ProjectRef{Path: "root/private"}}} {
		k, err := sys.CreateAccessToken(ctx, place, registry.AccessTokenSpec{TokenSpec: registry.TokenSpec{Name: "robot", Scopes: []string{"api"}}, Role: registry.Guest})
		if err != nil {
			return err
		}
		d, err := sys.CreateDeployToken(ctx, place, registry.DeployTokenSpec{Name: "server", Scopes: []string{"read_package_registry"}})
		if err != nil {
			return err
		}
		w.IDs[key+"/token"], w.IDs[key+"/deploy"], w.IDs[key+"/user"] = k.ID, d.ID, w.IDs["planner"]
	}
	return nil
})

func newWorld(t *testing.T) *apitest.World {
	t.Helper()
	// A server that stops: streams end after what there is to say.
	draining := make(chan struct{})
	close(draining)
	return drainingWorld(t, draining)
}

func drainingWorld(t *testing.T, draining <-chan struct{}) *apitest.World {
	t.Helper()
	return world.New(t, apitest.Options{Door: doorOf(t, draining)})
}

// doorOf makes the door of a world.
func doorOf(t *testing.T, draining <-chan struct{}) func(*apitest.World) httpx.Mount {
	return func(w *apitest.World) httpx.Mount { return doorWith(t, draining, apitest.Scanner(t, w.Log))(w) }
}

func doorWith(t *testing.T, draining <-chan struct{}, scanner *safety.Scanner) func(*apitest.World) httpx.Mount {
	return func(w *apitest.World) httpx.Mount {
		m, err := New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, Safety: scanner, Prose: markdown.New(), Version: "test", Draining: draining,
			Workspace: func(name string) registry.ProjectRef {
				return registry.ParseProjectRef(cmp.Or(name, "root/private"))
			}, Reference: func(project string, v registry.Version) (string, bool) {
				return project + "/" + v.ModelName + ":" + v.Semver, v.ModelName != "nameless"
			}})
		apitest.OK(t, err)
		return m
	}
}

// TestEveryRoute walks every page and every form with every role and compares
// what happens with the permission that the route declares. A new route is
// walked without anybody thinking of it.
func TestEveryRoute(t *testing.T) {
	shared := newWorld(t)
	for _, rt := range (&door{}).table() {
		for _, c := range apitest.Callers {
			t.Run(rt.method+" "+rt.pattern+" as "+c.Who, func(t *testing.T) {
				t.Parallel()
				w, want := shared, expected(rt, c)
				if want == apitest.Passes && rt.method != http.MethodGet {
					w = newWorld(t) // what is let through may change anything
				}
				got := w.Do(t, rt.method, address(w, rt), c.Who, "")
				asked := strings.HasPrefix(got.Header().Get("Location"), "/users/sign_in?")
				switch {
				case want == apitest.Asks && rt.method == http.MethodGet:
					if got.Code != http.StatusSeeOther || !asked {
						t.Errorf("answered %d %s, want a way to sign in", got.Code, got.Header().Get("Location"))
					}
				case asked || !want.Matches(got.Code):
					t.Errorf("answered %d, want %s", got.Code, want)
				}
			})
		}
	}
}

// address is where a route of the private project is, or of the server.
func address(w *apitest.World, rt route) string {
	target := strings.TrimSuffix(rt.pattern, "{$}")
	for strings.Contains(target, "{") {
		before, rest, _ := strings.Cut(target, "{")
		name, after, _ := strings.Cut(rest, "}")
		key := "private/"
		if rt.access.gate == inGroup {
			key = "group/"
		}
		if name == "token" && strings.Contains(rt.pattern, "deploy_tokens") {
			name = "deploy"
		}
		value := cmp.Or(w.IDs[key+name], 1)
		target = before + strconv.FormatInt(value, 10) + after
	}
	of := whose{"root/private", false}
	switch rt.access.gate {
	case inProject:
	case inGroup:
		of = whose{"crew", true}
	default:
		return target
	}
	return strings.TrimSuffix(of.base()+target, "/-/")
}

// expected gives what a caller gets: the anonymous are always asked to sign in
// first, for what is hidden may be theirs.
func expected(rt route, c apitest.Caller) apitest.Outcome {
	a := rt.access
	switch {
	case a.gate == anyone:
		return apitest.Passes
	case c.Who == "" && (rt.method == http.MethodGet || a.gate != inProject || apitest.Writes[a.perm]):
		return apitest.Asks
	case a.gate == signedIn, a.gate == adminOnly && c.Who == "boss":
		return apitest.Passes
	case a.gate == adminOnly:
		return apitest.Hides
	case a.gate == inGroup:
		return c.Expect(a.role, true)
	}
	return c.Expect(apitest.Least[a.perm], apitest.Writes[a.perm])
}

// TestSignIn: a person signs in with a form, stays so by a cookie, and is out
// after the second form.
func TestSignIn(t *testing.T) {
	w := newWorld(t)
	form := func(target, body string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, k := range cookies {
			r.AddCookie(k)
		}
		rec := httptest.NewRecorder()
		w.Handler.ServeHTTP(rec, r)
		return rec
	}
	if got := form("/users/sign_in", "login=root&password=wrong"); got.Code != 422 || len(got.Result().Cookies()) != 0 {
		t.Errorf("a wrong password: %d %v", got.Code, got.Result().Cookies())
	}
	got := form("/users/sign_in", "login=root&password=correct+horse&next=%2Froot%2Fprivate")
	if got.Code != 303 || got.Header().Get("Location") != "/root/private" || len(got.Result().Cookies()) != 1 {
		t.Fatalf("%d %v", got.Code, got.Header())
	}
	k := got.Result().Cookies()[0]
	if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.MaxAge <= 0 {
		t.Errorf("%+v", k)
	}
	see := func() int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/root/private/-/ml/models", nil)
		r.AddCookie(k)
		rec := httptest.NewRecorder()
		w.Handler.ServeHTTP(rec, r)
		return rec.Code
	}
	if see() != 200 {
		t.Error("the cookie does not count")
	}
	if got := form("/users/sign_out", "", k); got.Code != 303 || see() != 303 {
		t.Errorf("signed out: %d, and then %d", got.Code, see())
	}
}

func TestThrottle(t *testing.T) {
	th := newThrottle()
	allowed := 0
	for range 3 * attempts {
		if th.allow("192.0.2.1", "root") {
			allowed++
		}
	}
	if allowed != attempts {
		t.Errorf("%d attempts", allowed)
	}
	if th.allow("192.0.2.2", "ROOT") {
		t.Error("another address goes on guessing the same name")
	}
	th.forget("192.0.2.1", "root")
	if !th.allow("192.0.2.1", "root") {
		t.Error("not given back")
	}
}

// TestLocalPath: a form leads nowhere else.
func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{"/a/b?c=1": "/a/b?c=1", "": "/", "//evil.example/x": "/", "https://evil.example": "/",
		`/\evil.example`: "/", "a": "/", "/%5Cevil": "/%5Cevil"} {
		if got := localPath(in); got != want {
			t.Errorf("%q leads to %q", in, got)
		}
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1023: "1\u202f023 bytes", 1024: "1 KiB", 5_000_000: "4.77 MiB", 3 << 40: "3 TiB"} {
		if got := humanBytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if got := grouped(-1234567); got != "−1\u202f234\u202f567" {
		t.Error(got)
	}
}
