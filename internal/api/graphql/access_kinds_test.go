package graphql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// crowd is the world of TestEveryKindOfToken.
var crowd = apitest.NewTemplate(func(ctx context.Context, w *apitest.World) error {
	if err := w.Fill(ctx); err != nil {
		return err
	}
	return errors.Join(w.Group(ctx), w.Hold(ctx),
		w.ImpersonationToken(ctx, "as-developer", "developer", "api"),
		w.ImpersonationToken(ctx, "as-developer-reading", "developer", "read_api"),
		w.AccessToken(ctx, "bot-reading", "private", registry.Owner, "read_api"),
		w.AccessToken(ctx, "bot-writing", "private", registry.Owner, "write_model_registry"),
		w.AccessToken(ctx, "bot-git", "private", registry.Owner, "read_repository"),
		w.DeployToken(ctx, "deploy-git", "private", "read_repository"),
		only(ctx, w, "personal-user", "developer", "read_user"))
})

// only is Token for those who do not want its id.
func only(ctx context.Context, w *apitest.World, name, user string, scopes ...string) error {
	_, err := w.Token(ctx, name, user, scopes...)
	return err
}

// personal are the tokens beside apitest.Holders: those of persons, and of
// scopes that the walk of REST sends by other means.
var personal = []apitest.Holder{
	{Caller: apitest.Caller{Who: "developer", Level: registry.Developer}, Scopes: auth.ScopeAPI},
	{Caller: apitest.Caller{Who: "readapi", Level: registry.Developer}, Scopes: auth.ScopeReadAPI},
	{Caller: apitest.Caller{Who: "ro", Level: registry.Developer}, Scopes: auth.ScopeReadRegistry},
	{Caller: apitest.Caller{Who: "rw", Level: registry.Developer}, Scopes: auth.ScopeWriteRegistry},
	{Caller: apitest.Caller{Who: "as-developer", Level: registry.Developer}, Scopes: auth.ScopeAPI},
	{Caller: apitest.Caller{Who: "as-developer-reading", Level: registry.Developer}, Scopes: auth.ScopeReadAPI},
	{Caller: apitest.Caller{Who: "bot-reading", Level: registry.Owner}, Bot: true, Scopes: auth.ScopeReadAPI},
	{Caller: apitest.Caller{Who: "bot-writing", Level: registry.Owner}, Bot: true, Scopes: auth.ScopeWriteRegistry},
}

// TestEveryKindOfToken walks the ways into the graph of the private project with
// personal, project, group, impersonation, job and deploy tokens of every scope:
// each is shown what its role there and its scopes give, and changes nothing
// beyond.
func TestEveryKindOfToken(t *testing.T) {
	shared := worldOf(t, crowd)
	ids(t, shared)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		for _, h := range slices.Concat(apitest.Holders, personal) {
			t.Run(name+" with "+h.Who, func(t *testing.T) {
				w, want := shared, reaches(h, e.perm)
				if want == apitest.Passes && apitest.Writes[e.perm] {
					t.Parallel()
					w = worldOf(t, crowd)
					ids(t, w)
				}
				checkEntry(t, name, e, send(t, w, h.Who, e.document(w, "private"), nil), want)
			})
		}
	}
}

// reading and writing are the scopes of which a token needs one.
const (
	reading = auth.ScopeAPI | auth.ScopeReadAPI | auth.ScopeReadRegistry | auth.ScopeWriteRegistry
	writing = auth.ScopeAPI | auth.ScopeWriteRegistry
)

// reaches tells what a holder gets of an entry in the private project.
func reaches(h apitest.Holder, perm registry.Permission) apitest.Outcome {
	need := reading
	if apitest.Writes[perm] {
		need = writing
	}
	switch {
	case h.Scopes&need == 0:
		return apitest.Denies // before all else
	case h.Level == registry.NoRole:
		return apitest.Hides
	case h.Level < apitest.Least[perm]:
		return apitest.Denies
	}
	return apitest.Passes
}

// TestTokensWithoutBusiness: a token whose scopes have nothing to do with models
// or the API is none here, as in GitLab.
func TestTokensWithoutBusiness(t *testing.T) {
	w := worldOf(t, crowd)
	for _, who := range []string{"bot-git", "deploy-git", "personal-user", "unknown", "revoked", "expired"} {
		got := send(t, w, who, `{ currentUser { id } }`, nil)
		if got.code != 401 || len(got.Errors) != 1 || got.Errors[0].Message != "Invalid token" {
			t.Errorf("%s: %+v", who, got)
		}
	}
}

// TestCurrentUserOfTokens: persons and bots are users, machines with deploy
// tokens are nobody.
func TestCurrentUserOfTokens(t *testing.T) {
	w := worldOf(t, crowd)
	for who, want := range map[string]any{"developer": "developer", "as-developer": "developer", "job-developer": "developer", "readapi": "developer",
		"deploy-read": nil, "deploy-write": nil} {
		got := follow(send(t, w, who, `{ currentUser { username } }`, nil).Data, "currentUser.username")
		if got != want {
			t.Errorf("%s is %v, want %v", who, got, want)
		}
	}
	if got, _ := follow(send(t, w, "bot-developer", `{ currentUser { username } }`, nil).Data, "currentUser.username").(string); got == "" {
		t.Error("a bot is nobody")
	}
}
