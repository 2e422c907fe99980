package gitlab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// crowd is the world of the walks over all routes: the group g with the same
// members as the projects, a token of the owner's for the routes on tokens,
// tokens of both places for the routes on those, and the holders.
var crowd = apitest.NewTemplate(func(ctx context.Context, all *apitest.World) error {
	if err := all.Fill(ctx); err != nil {
		return err
	}
	w := &world{all: all, reg: all.Registry, tokens: all.Tokens, ids: all.IDs}
	if err := w.group(ctx); err != nil {
		return err
	}
	return all.Hold(ctx)
})

func newCrowd(t *testing.T) *world {
	t.Helper()
	return worldOf(t, crowd, worldOptions{})
}

func (w *world) group(ctx context.Context) error {
	var err error
	if err = w.all.Group(ctx); err != nil {
		return err
	}
	if w.ids["token"], err = w.token(ctx, "spare", "owner", "api"); err != nil {
		return err
	}
	if err = w.all.ImpersonationToken(ctx, "impersonation", "owner", "api"); err != nil {
		return err
	}
	for _, place := range []string{"private", "group"} {
		if err := errors.Join(w.all.AccessToken(ctx, place+"/token", place, registry.Guest),
			w.all.DeployToken(ctx, place+"/deploy", place, "read_package_registry")); err != nil {
			return err
		}
	}
	return nil
}

// holder is a token of some kind, on its way through the routes.
type holder struct{ apitest.Holder }

// TestEveryKindOfToken walks every route with every kind of token: what it may
// not touch by its scopes, what lies outside its place, and what it may not do
// there by its role.
func TestEveryKindOfToken(t *testing.T) {
	walk := newWalk(t)
	for _, rt := range (&dialect{}).table() {
		for _, who := range apitest.Holders {
			h := holder{who}
			t.Run(rt.method+" "+rt.pattern+" with "+h.Who, func(t *testing.T) {
				t.Parallel()
				walk.send(t, rt, h.Who, h.expected(rt))
			})
		}
	}
}

// expected tells what a route answers to a holder.
func (h holder) expected(rt route) apitest.Outcome {
	if need := needOf(rt).Scopes; need != nil && !slices.ContainsFunc(h.Scopes.Names(), func(s string) bool { return slices.Contains(need, s) }) {
		return apitest.Denies // insufficient_scope, before all else
	}
	switch rt.access.gate {
	case anyone:
		if h.Kind == auth.Job && rt.pattern != "/openapi.json" && !rt.tus {
			return apitest.Denies
		}
		return apitest.Passes
	case signedIn:
		return h.alone(rt)
	case adminOnly, ownOrAdmin:
		return apitest.Denies
	case tokenOwner:
		if h.Kind == auth.Job {
			return apitest.Denies // with a reason
		}
		return rt.spelled(apitest.Denies)
	case memberOf:
		if h.Kind == auth.Job {
			return apitest.Denies
		}
		return apitest.Caller{Who: h.Who, Level: h.Group}.Expect(registry.Guest, true)
	case inGroup:
		return rt.spelled(h.minting(rt, apitest.Caller{Who: h.Who, Level: h.Group}.Expect(max(rt.access.role, registry.Guest), true)))
	}
	return rt.spelled(h.minting(rt, h.Expect(least[rt.access.perm], true)))
}

// alone tells what a holder may do that has no place.
func (h holder) alone(rt route) apitest.Outcome {
	own := rt.pattern == "/user" || rt.pattern == "/version" || rt.pattern == "/metadata"
	switch {
	case h.Kind == auth.Job && !own:
		return apitest.Denies
	case strings.HasSuffix(rt.pattern, "/self/rotate"):
		return h.rotating(rt)
	}
	return apitest.Passes
}

// rotating tells whether a bot stands at its own place.
func (h holder) rotating(rt route) apitest.Outcome {
	if in := strings.HasPrefix(rt.pattern, "/groups"); in && h.Group != 0 || !in && h.Level != 0 {
		return apitest.Passes
	}
	return apitest.Hides
}

// minting: bots make and rotate no access tokens, whatever their role.
func (h holder) minting(rt route, o apitest.Outcome) apitest.Outcome {
	if o == apitest.Passes && h.Bot && rt.method == "POST" && strings.Contains(rt.pattern, "/access_tokens") {
		return apitest.Denies
	}
	return o
}

// TestFileMatrixOfTokens holds the permission matrix of model files for every
// kind of token: access tokens, job tokens and deploy tokens get in their place
// what a member of the same role gets, and nothing in another.
func TestFileMatrixOfTokens(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, v := range []string{"private", "internal", "public"} {
		for name, r := range roles {
			ok(t, errors.Join(w.all.AccessToken(t.Context(), v+"/bot/"+name, v, r), w.all.JobToken(t.Context(), v+"/job/"+name, v, name)))
		}
		ok(t, errors.Join(w.all.DeployToken(t.Context(), v+"/deploy/reporter", v, "read_package_registry"),
			w.all.DeployToken(t.Context(), v+"/deploy/developer", v, "write_package_registry"),
			w.all.DeployToken(t.Context(), v+"/deploy/git", v, "read_repository", "write_registry")))
	}
	for name := range w.tokens {
		home, rest, _ := strings.Cut(name, "/")
		kind, role, _ := strings.Cut(rest, "/")
		for _, v := range []string{"private", "internal", "public"} {
			want := matrixOf(role, v, home == v)
			if kind == "deploy" && role == "reporter" {
				want[0], want[1] = 403, 403 // insufficient_scope, anywhere
			}
			if kind != "" {
				w.checkFiles(t, name, v, want)
			}
		}
	}
}

// matrixOf gives the statuses of authorize, upload and download.
func matrixOf(role, visibility string, home bool) [3]int {
	switch {
	case role == "git":
		return [3]int{403, 403, 403} // insufficient_scope
	case !home:
		return [3]int{404, 404, 404}
	case roles[role] >= registry.Developer:
		return [3]int{200, 201, 200}
	case roles[role] >= registry.Reporter, visibility == "public":
		return [3]int{403, 403, 200}
	}
	return [3]int{403, 403, 403}
}

func (w *world) checkFiles(t *testing.T, who, visibility string, want [3]int) {
	t.Helper()
	for pkg, existing := range map[string]string{fmt.Sprint(w.ids[visibility+"/version"]): "dir/model.bin", fmt.Sprintf("candidate:%d", w.ids[visibility+"/run"]): "run.txt"} {
		base := fmt.Sprintf("/api/v4/projects/root%%2F%s/packages/ml_models/%s/files/", visibility, pkg)
		for i, step := range []struct{ method, path string }{{"PUT", "new.bin/authorize"}, {"PUT", "new.bin"}, {"GET", existing}} {
			if got := w.do(t, step.method, base+step.path, who, "x"); got.Code != want[i] {
				t.Errorf("%s: %s %s: %d, want %d: %s", who, step.method, base+step.path, got.Code, want[i], got.Body)
			}
		}
	}
}
