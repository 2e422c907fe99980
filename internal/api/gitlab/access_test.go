package gitlab

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/httpx/httpxtest"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestScripts plays the recorded conversations; they read as documentation.
func TestScripts(t *testing.T) {
	httpxtest.Run(t, "testdata/*.txtar", func(t *testing.T) (http.Handler, map[string]string) {
		w := newWorld(t, worldOptions{MaxFileSize: 1 << 20})
		return w.handler, w.vars()
	})
}

// TestFileMatrix holds GitLab's permission matrix of model files, as its own
// request specs have it: what each caller gets for authorize, upload and
// download in projects of each visibility.
func TestFileMatrix(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, c := range []struct {
		who, visibility             string
		authorize, upload, download int
	}{
		{"unknown", "private", 401, 401, 401}, {"unknown", "internal", 401, 401, 401}, {"unknown", "public", 401, 401, 401},
		{"expired", "private", 401, 401, 401}, {"revoked", "public", 401, 401, 401},
		{"", "private", 401, 401, 404}, {"", "internal", 401, 401, 404}, {"", "public", 401, 401, 200},
		{"stranger", "private", 404, 404, 404}, {"stranger", "internal", 404, 404, 404}, {"stranger", "public", 403, 403, 200},
		{"guest", "private", 403, 403, 403}, {"guest", "internal", 403, 403, 403}, {"guest", "public", 403, 403, 200},
		{"planner", "private", 403, 403, 403}, {"planner", "public", 403, 403, 200},
		{"reporter", "private", 403, 403, 200}, {"reporter", "internal", 403, 403, 200}, {"reporter", "public", 403, 403, 200},
		{"developer", "private", 200, 201, 200}, {"developer", "internal", 200, 201, 200}, {"developer", "public", 200, 201, 200},
		{"maintainer", "private", 200, 201, 200}, {"owner", "private", 200, 201, 200}, {"boss", "private", 200, 201, 200},
		{"ro", "private", 403, 403, 200}, {"rw", "private", 200, 201, 200}, {"readapi", "private", 403, 403, 200},
	} {
		for _, pkg := range []string{fmt.Sprint(w.ids[c.visibility+"/version"]), fmt.Sprintf("candidate:%d", w.ids[c.visibility+"/run"])} {
			base := fmt.Sprintf("/api/v4/projects/root%%2F%s/packages/ml_models/%s/files/", c.visibility, pkg)
			existing := "dir/model.bin"
			if strings.HasPrefix(pkg, "candidate") {
				existing = "run.txt"
			}
			for _, step := range []struct {
				method, path string
				want         int
			}{{"PUT", "new.bin/authorize", c.authorize}, {"PUT", "new.bin", c.upload}, {"GET", existing, c.download}, {"HEAD", existing, c.download}} {
				if got := w.do(t, step.method, base+step.path, c.who, "x"); got.Code != step.want {
					t.Errorf("%q: %s %s: %d, want %d: %s", c.who, step.method, base+step.path, got.Code, step.want, got.Body)
				}
			}
		}
	}
}

// TestFeatureLevels: a part that is off is hidden; packages that are off are
// forbidden.
func TestFeatureLevels(t *testing.T) {
	w := newWorld(t, worldOptions{})
	ref := registry.ProjectRef{ID: w.ids["public"]}
	set := func(e registry.ProjectEdit) {
		_, err := w.reg.As(auth.System()).EditProject(t.Context(), ref, e)
		ok(t, err)
	}
	get := fmt.Sprintf("/api/v4/projects/root%%2Fpublic/packages/ml_models/%d/files/dir/model.bin", w.ids["public/version"])
	check := func(label, who, method string, want int) {
		t.Helper()
		if got := w.do(t, method, get, who, "x"); got.Code != want {
			t.Errorf("%s: %q %s: %d, want %d: %s", label, who, method, got.Code, want, got.Body)
		}
	}
	off, members, on := registry.Disabled, registry.MembersOnly, registry.Enabled
	set(registry.ProjectEdit{Models: &off})
	check("models off", "", "PUT", 401)
	check("models off", "", "GET", 404)
	check("models off", "developer", "GET", 404)
	check("models off", "developer", "PUT", 404)
	set(registry.ProjectEdit{Models: &members})
	check("models for members", "", "GET", 404)
	check("models for members", "stranger", "GET", 404)
	check("models for members", "guest", "GET", 200)
	set(registry.ProjectEdit{Models: &on, Packages: &off})
	check("packages off", "developer", "GET", 403)
	check("packages off", "developer", "PUT", 403)
	check("packages off", "", "GET", 401)
	set(registry.ProjectEdit{Packages: &on})
	check("all on", "developer", "PUT", 201)
}

// TestEveryRoute walks every route with every role and compares what happens
// with the permission that the route declares. A new route is walked without
// anybody thinking of it.
func TestEveryRoute(t *testing.T) {
	walk := newWalk(t)
	for _, rt := range (&dialect{}).table() {
		for _, c := range apitest.Callers {
			t.Run(rt.method+" "+rt.pattern+" as "+c.Who, func(t *testing.T) {
				t.Parallel()
				walk.send(t, rt, c.Who, rt.spelled(expected(rt.access, c)))
			})
		}
	}
}

// walk sends requests without a body over all routes.
type walk struct {
	shared *world
	clean  *apitest.Pool[*world]
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	return &walk{shared: newCrowd(t), clean: apitest.NewPool(func() *world { return newCrowd(t) })}
}

// send sends one. What is let through may change anything: it goes to a world in
// which nothing was done.
func (k *walk) send(t *testing.T, rt route, who string, want apitest.Outcome) {
	t.Helper()
	w := k.shared
	fresh := want == apitest.Passes && rt.method != http.MethodGet
	if fresh {
		w = k.clean.Take()
	}
	got := w.do(t, rt.method, w.address(rt), who, "")
	if !want.Matches(got.Code) {
		t.Errorf("answered %d, want %s: %s", got.Code, want, got.Body)
	}
	if fresh && got.Code >= http.StatusBadRequest {
		k.clean.Give(w)
	}
}

// address fills a route's pattern with things of the private project, of the
// group, and of the owner's account.
func (w *world) address(rt route) string {
	id, token := w.ids["private"], w.ids["token"]
	place := "private"
	if strings.HasPrefix(rt.pattern, "/groups") || strings.HasPrefix(rt.pattern, "/namespaces") {
		id, place = w.ids["group"], "group"
	}
	switch {
	case strings.Contains(rt.pattern, "/impersonation_tokens/"):
		token = w.ids["impersonation"]
	case strings.Contains(rt.pattern, "/access_tokens/"):
		token = w.ids[place+"/token"]
	case strings.Contains(rt.pattern, "/deploy_tokens/"):
		token = w.ids[place+"/deploy"]
	}
	user := w.ids["owner"]
	if strings.Contains(rt.pattern, "/members") {
		user = w.ids["planner"] // who is no caller: one may always leave
	}
	return Prefix + strings.NewReplacer("{id}", fmt.Sprint(id), "{project_id}", fmt.Sprint(w.ids["private"]), "{user_id}", fmt.Sprint(user), "{token_id}", fmt.Sprint(token),
		"{model_version_id}", fmt.Sprint(w.ids["private/version"]), "{file_path...}", "dir/model.bin", "{package_name}", "data", "{package_version}", "1", "{package_id}", "1", "{package_file_id}", "1",
		"{model_id}", fmt.Sprint(w.ids["private/model"]), "{version_id}", fmt.Sprint(w.ids["private/version"]), "{name...}", "k", "{upload_id}", "up-none", "{name}", "a",
		"{event_id}", "1", "{experiment_id}", fmt.Sprint(w.ids["private/experiment"]), "{candidate_id}", fmt.Sprint(w.ids["private/run"])).Replace(rt.pattern)
}

// spelled gives the outcome as GitLab has it on this route.
func (rt route) spelled(o apitest.Outcome) apitest.Outcome {
	if o == apitest.Denies && rt.denial != nil {
		status, _ := spell(rt.denial)
		return apitest.Outcome(strconv.Itoa(status))
	}
	return o
}

func expected(a access, c apitest.Caller) apitest.Outcome {
	anonymous := c.Who == ""
	switch a.gate {
	case anyone:
		return apitest.Passes
	case signedIn:
		if anonymous {
			return apitest.Asks
		}
		return apitest.Passes
	case adminOnly, ownOrAdmin, tokenOwner: // tried on the account and a token of the owner's
		switch {
		case anonymous:
			return apitest.Asks
		case c.Who == "boss", a.gate != adminOnly && c.Who == "owner":
			return apitest.Passes
		}
		return apitest.Denies
	case memberOf:
		return c.Expect(registry.Guest, true)
	case inGroup:
		return c.Expect(max(a.role, registry.Guest), a.role != registry.NoRole)
	}
	return c.Expect(least[a.perm], writes[a.perm])
}
