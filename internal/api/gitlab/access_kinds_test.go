package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	return w.hold(ctx)
})

func newCrowd(t *testing.T) *world {
	t.Helper()
	return worldOf(t, crowd, worldOptions{})
}

func (w *world) group(ctx context.Context) error {
	g, err := w.reg.As(auth.System()).CreateGroup(ctx, registry.GroupSpec{Name: "g", Path: "g"})
	if err != nil {
		return err
	}
	w.ids["group"] = g.ID
	for name, r := range roles {
		if _, err := w.reg.As(auth.System()).AddMember(ctx, w.placeOf("group"), registry.MemberSpec{UserID: w.ids[name], Role: r}); err != nil {
			return err
		}
	}
	if w.ids["token"], err = w.token(ctx, "spare", "owner", "api"); err != nil {
		return err
	}
	k, err := w.reg.As(auth.System()).CreateImpersonationToken(ctx, w.ids["owner"], registry.TokenSpec{Name: "support", Scopes: []string{"api"}})
	if err != nil {
		return err
	}
	w.ids["impersonation"] = k.ID
	for _, place := range []string{"private", "group"} {
		if err := errors.Join(w.accessToken(ctx, place+"/token", place, registry.Guest),
			w.deployToken(ctx, place+"/deploy", place, "read_package_registry")); err != nil {
			return err
		}
	}
	return nil
}

// placeOf gives a project by its key, or the group.
func (w *world) placeOf(key string) registry.PlaceRef {
	if key == "group" {
		return registry.PlaceRef{Group: registry.NamespaceRef{ID: w.ids[key]}, InGroup: true}
	}
	return registry.PlaceRef{Project: registry.ProjectRef{ID: w.ids[key]}}
}

// accessToken makes an access token of a place and keeps it, and its id, under
// name.
func (w *world) accessToken(ctx context.Context, name, place string, r registry.Role, scopes ...string) error {
	if scopes == nil {
		scopes = []string{"api"}
	}
	k, err := w.reg.As(auth.System()).CreateAccessToken(ctx, w.placeOf(place), registry.AccessTokenSpec{
		TokenSpec: registry.TokenSpec{Name: name, Scopes: scopes}, Role: r})
	w.tokens[name], w.ids[name] = k.Secret, k.ID
	return err
}

// deployToken makes a deploy token of a place and keeps it, and its id, under
// name.
func (w *world) deployToken(ctx context.Context, name, place string, scopes ...string) error {
	d, err := w.reg.As(auth.System()).CreateDeployToken(ctx, w.placeOf(place), registry.DeployTokenSpec{Name: name, Scopes: scopes})
	w.tokens[name], w.ids[name], w.all.Headers[name] = d.Secret, d.ID, "Deploy-Token"
	return err
}

// jobToken makes a CI job's token in a project, for a user, and keeps it under
// name.
func (w *world) jobToken(ctx context.Context, name, project, user string) error {
	k, err := w.reg.As(auth.System()).CreateJobToken(ctx, registry.ProjectRef{ID: w.ids[project]}, registry.JobTokenSpec{UserID: w.ids[user]})
	w.tokens[name], w.all.Headers[name] = k.Secret, "Job-Token"
	return err
}

// holder is a token of some kind, as it stands to the private project and to
// the group of the walk.
type holder struct {
	apitest.Caller               // Level: in the private project
	kind           auth.Kind     //
	bot            bool          //
	group          registry.Role // in the group
	scopes         auth.Scopes
}

// holders are those whom TestEveryKindOfToken sends.
var holders = []holder{
	{apitest.Caller{Who: "bot-guest", Level: registry.Guest}, auth.Personal, true, 0, auth.ScopeAPI},
	{apitest.Caller{Who: "bot-developer", Level: registry.Developer}, auth.Personal, true, 0, auth.ScopeAPI},
	{apitest.Caller{Who: "bot-owner", Level: registry.Owner}, auth.Personal, true, 0, auth.ScopeAPI},
	{apitest.Caller{Who: "bot-narrow", Level: registry.Owner}, auth.Personal, true, 0, auth.ScopeReadRegistry},
	{apitest.Caller{Who: "bot-elsewhere"}, auth.Personal, true, 0, auth.ScopeAPI},
	{apitest.Caller{Who: "group-bot"}, auth.Personal, true, registry.Owner, auth.ScopeAPI},
	{apitest.Caller{Who: "job-developer", Level: registry.Developer}, auth.Job, false, 0, auth.ScopeReadAPI | auth.ScopeWriteRegistry},
	{apitest.Caller{Who: "job-elsewhere"}, auth.Job, false, 0, auth.ScopeReadAPI | auth.ScopeWriteRegistry},
	{apitest.Caller{Who: "deploy-read", Level: registry.Reporter}, auth.Deploy, false, 0, auth.ScopeReadRegistry},
	{apitest.Caller{Who: "deploy-write", Level: registry.Developer}, auth.Deploy, false, 0, auth.ScopeWriteRegistry},
	{apitest.Caller{Who: "deploy-elsewhere"}, auth.Deploy, false, 0, auth.ScopeWriteRegistry},
	{apitest.Caller{Who: "deploy-group"}, auth.Deploy, false, 0, auth.ScopeReadRegistry},
}

// hold makes the tokens of the holders.
func (w *world) hold(ctx context.Context) error {
	return errors.Join(
		w.accessToken(ctx, "bot-guest", "private", registry.Guest),
		w.accessToken(ctx, "bot-developer", "private", registry.Developer),
		w.accessToken(ctx, "bot-owner", "private", registry.Owner),
		w.accessToken(ctx, "bot-narrow", "private", registry.Owner, "read_model_registry"),
		w.accessToken(ctx, "bot-elsewhere", "public", registry.Owner),
		w.accessToken(ctx, "group-bot", "group", registry.Owner),
		w.jobToken(ctx, "job-developer", "private", "developer"),
		w.jobToken(ctx, "job-elsewhere", "public", "owner"),
		w.deployToken(ctx, "deploy-read", "private", "read_package_registry"),
		w.deployToken(ctx, "deploy-write", "private", "write_package_registry"),
		w.deployToken(ctx, "deploy-elsewhere", "public", "write_package_registry"),
		w.deployToken(ctx, "deploy-group", "group", "read_package_registry"),
	)
}

// TestEveryKindOfToken walks every route with every kind of token: what it may
// not touch by its scopes, what lies outside its place, and what it may not do
// there by its role.
func TestEveryKindOfToken(t *testing.T) {
	shared := newCrowd(t)
	for _, rt := range (&dialect{}).table() {
		for _, h := range holders {
			t.Run(rt.method+" "+rt.pattern+" with "+h.Who, func(t *testing.T) {
				t.Parallel()
				w, want := shared, h.expected(rt)
				if want == apitest.Passes && rt.method != http.MethodGet {
					w = newCrowd(t)
				}
				if got := w.do(t, rt.method, w.address(rt), h.Who, ""); !want.Matches(got.Code) {
					t.Errorf("answered %d, want %s: %s", got.Code, want, got.Body)
				}
			})
		}
	}
}

// expected tells what a route answers to a holder.
func (h holder) expected(rt route) apitest.Outcome {
	if need := needOf(rt).Scopes; need != nil && !slices.ContainsFunc(h.scopes.Names(), func(s string) bool { return slices.Contains(need, s) }) {
		return apitest.Denies // insufficient_scope, before all else
	}
	switch rt.access.gate {
	case anyone:
		if h.kind == auth.Job && rt.pattern != "/openapi.json" && !rt.tus {
			return apitest.Denies
		}
		return apitest.Passes
	case signedIn:
		return h.alone(rt)
	case adminOnly, ownOrAdmin:
		return apitest.Denies
	case tokenOwner:
		if h.kind == auth.Job {
			return apitest.Denies // with a reason
		}
		return rt.spelled(apitest.Denies)
	case memberOf:
		if h.kind == auth.Job {
			return apitest.Denies
		}
		return apitest.Caller{Who: h.Who, Level: h.group}.Expect(registry.Guest, true)
	case inGroup:
		return rt.spelled(h.minting(rt, apitest.Caller{Who: h.Who, Level: h.group}.Expect(max(rt.access.role, registry.Guest), true)))
	}
	return rt.spelled(h.minting(rt, h.Expect(least[rt.access.perm], true)))
}

// alone tells what a holder may do that has no place.
func (h holder) alone(rt route) apitest.Outcome {
	own := rt.pattern == "/user" || rt.pattern == "/version" || rt.pattern == "/metadata"
	switch {
	case h.kind == auth.Job && !own:
		return apitest.Denies
	case strings.HasSuffix(rt.pattern, "/self/rotate"):
		return h.rotating(rt)
	}
	return apitest.Passes
}

// rotating tells whether a bot stands at its own place.
func (h holder) rotating(rt route) apitest.Outcome {
	if in := strings.HasPrefix(rt.pattern, "/groups"); in && h.group != 0 || !in && h.Level != 0 {
		return apitest.Passes
	}
	return apitest.Hides
}

// minting: bots make and rotate no access tokens, whatever their role.
func (h holder) minting(rt route, o apitest.Outcome) apitest.Outcome {
	if o == apitest.Passes && h.bot && rt.method == "POST" && strings.Contains(rt.pattern, "/access_tokens") {
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
			ok(t, errors.Join(w.accessToken(t.Context(), v+"/bot/"+name, v, r), w.jobToken(t.Context(), v+"/job/"+name, v, name)))
		}
		ok(t, errors.Join(w.deployToken(t.Context(), v+"/deploy/reporter", v, "read_package_registry"),
			w.deployToken(t.Context(), v+"/deploy/developer", v, "write_package_registry"),
			w.deployToken(t.Context(), v+"/deploy/git", v, "read_repository", "write_registry")))
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
