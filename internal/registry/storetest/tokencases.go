package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func tokens(_ *testing.T, b *bench) {
	u := b.user("u")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		id, err := tx.InsertToken(ctx, auth.Token{UserID: u.ID, Kind: auth.Personal, Name: "t", Scopes: auth.ScopeAPI, CreatedAt: at}, "digest")
		if err != nil {
			return err
		}
		got, err := tx.TokenByID(ctx, id)
		b.same([]any{err, got}, []any{nil, auth.Token{ID: id, UserID: u.ID, Kind: auth.Personal, Name: "t", Scopes: auth.ScopeAPI, CreatedAt: at}})
		if err := tx.RevokeToken(ctx, id, at); err != nil {
			return err
		}
		yes := true
		l, err := tx.ListTokens(ctx, registry.TokenQuery{UserID: u.ID, Revoked: &yes, Now: at})
		b.same([]any{err, len(l.Items)}, []any{nil, 1})
		l, err = tx.ListTokens(ctx, registry.TokenQuery{UserID: u.ID, Active: &yes, Now: at})
		b.same([]any{err, len(l.Items)}, []any{nil, 0})
		return nil
	})
}

// browsers: those that work are listed with where they were begun, the latest
// first; all but one end, and what is known of them goes with them.
func browsers(_ *testing.T, b *bench) {
	u, other := b.user("u"), b.user("v")
	var ids []int64
	for i, of := range []registry.User{u, u, u, other} {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			id, err := tx.InsertToken(ctx, auth.Token{UserID: of.ID, Kind: auth.Browser, Name: "browser", CreatedAt: at, ExpiresAt: at.Add(time.Hour)}, fmt.Sprint(i))
			if ids = append(ids, id); err != nil || i == 0 {
				return err // the first is of a time before addresses were kept
			}
			return tx.NoteBrowser(ctx, id, registry.Browser{Address: "192.0.2.1", Agent: fmt.Sprint("agent ", i)})
		})
	}
	list := func(now time.Time) (out []registry.SignedIn) {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListBrowsers(ctx, u.ID, now, registry.Page{})
			out = l.Items
			return err
		})
		return out
	}
	one := registry.SignedIn{ID: ids[1], Browser: registry.Browser{Address: "192.0.2.1", Agent: "agent 1"}, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	got := list(at)
	b.same([]any{len(got), got[1], got[2].ID, got[2].Address}, []any{3, one, ids[0], ""})
	b.same(list(at.Add(time.Hour)), []registry.SignedIn{})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		n, err := tx.EndBrowsers(ctx, u.ID, ids[1], at)
		b.same([]any{n, err}, []any{int64(2), nil})
		return err
	})
	b.same(list(at), []registry.SignedIn{one})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteBrowsers(ctx, u.ID, time.Time{}) })
	b.same(list(at), []registry.SignedIn{})
}

// accessTokens: they are those of one place with the role of their bot, they
// end as a family, and they and the bot go with the place.
func accessTokens(_ *testing.T, b *bench) {
	p := b.place()
	g := b.group(registry.Namespace{}, "g")
	here, there := registry.Place{NamespaceID: p.Namespace.ID, ProjectID: p.ID}, registry.Place{NamespaceID: g.ID}
	first := b.accessToken(here, auth.Token{ProjectID: p.ID}, 0)
	second := b.accessToken(here, auth.Token{ProjectID: p.ID}, first.ID)
	other := b.accessToken(there, auth.Token{GroupID: g.ID}, 0)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for place, want := range map[registry.Place][]registry.AccessToken{here: {first, second}, there: {other}} {
			l, err := tx.ListAccessTokens(ctx, registry.TokenQuery{Place: place, Now: at})
			b.same([]any{err, l.Items}, []any{nil, want})
		}
		l, err := tx.ListUsers(ctx, registry.UserQuery{Bots: true})
		b.same([]any{err, len(l.Items), l.Items[0].Bot, l.Items[0].NamespaceID}, []any{nil, 3, true, int64(0)})
		if err := tx.RevokeFamily(ctx, first.ID, at); err != nil {
			return err
		}
		yes := true
		active, err := tx.ListTokens(ctx, registry.TokenQuery{Active: &yes, Now: at})
		b.same([]any{err, len(active.Items), active.Items[0].ID}, []any{nil, 1, other.ID})
		return tx.DeleteNamespace(ctx, g.ID)
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.TokenByID(ctx, other.ID)
		b.want(err, fault.NotFound)
		_, err = tx.UserByID(ctx, other.UserID)
		b.want(err, fault.NotFound)
		return nil
	})
}

// accessToken makes a token of a place with a bot of its own, a developer.
func (b *bench) accessToken(p registry.Place, t auth.Token, family int64) registry.AccessToken {
	b.t.Helper()
	t.Kind, t.Name, t.Scopes, t.CreatedAt, t.Family = auth.Personal, "t", auth.ScopeAPI, at, family
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		name := auth.RandomText(9)
		if t.UserID, err = tx.InsertBot(ctx, registry.User{Username: name, Name: name, Email: name, CreatedAt: at}, p); err != nil {
			return err
		}
		if err = tx.PutMember(ctx, p, registry.Member{User: registry.UserRef{ID: t.UserID}, Role: registry.Developer, CreatedAt: at}); err != nil {
			return err
		}
		t.ID, err = tx.InsertToken(ctx, t, name)
		return err
	})
	return registry.AccessToken{Token: t, Role: registry.Developer}
}

// deployTokens: they are those of one place, and go with it; group tokens tell
// whether a project is below.
func deployTokens(_ *testing.T, b *bench) {
	p := b.place()
	g := b.group(registry.Namespace{}, "g")
	inside := b.project(b.group(g, "s"), "q")
	made := map[registry.Place]registry.DeployToken{}
	for place, d := range map[registry.Place]registry.DeployToken{{NamespaceID: p.Namespace.ID, ProjectID: p.ID}: {ProjectID: p.ID}, {NamespaceID: g.ID}: {GroupID: g.ID}} {
		d.Name, d.Username, d.Scopes, d.CreatedAt, d.ExpiresAt = "d", "u", auth.ScopeReadPackages, at, at.Add(time.Hour)
		b.update(func(ctx context.Context, tx registry.Tx) (err error) {
			if d.ID, err = tx.InsertDeployToken(ctx, d, fmt.Sprint(place)); err != nil {
				return err
			}
			d.Username = "v"
			return tx.NameDeployToken(ctx, d.ID, d.Username)
		})
		made[place] = d
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for place, want := range made {
			l, err := tx.ListDeployTokens(ctx, registry.DeployTokenQuery{Place: place, Active: true, Now: at})
			b.same([]any{err, l.Items}, []any{nil, []registry.DeployToken{want}})
		}
		l, err := tx.ListDeployTokens(ctx, registry.DeployTokenQuery{Active: true, Now: at.Add(time.Hour)})
		b.same([]any{err, len(l.Items)}, []any{nil, 0})
		for ref, want := range map[int64]bool{p.ID: false, inside.ID: true} {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: ref}, registry.Viewer{GroupID: g.ID})
			b.same([]any{err, got.InGroup}, []any{nil, want})
		}
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.HideProject(ctx, p.ID, at); err != nil {
			return err
		}
		if err := tx.HideProjectsBelow(ctx, g.ID, at); err != nil {
			return err
		}
		if err := tx.DeleteNamespace(ctx, g.ID); err != nil {
			return err
		}
		l, err := tx.ListDeployTokens(ctx, registry.DeployTokenQuery{})
		b.same([]any{err, len(l.Items)}, []any{nil, 0})
		return nil
	})
}
