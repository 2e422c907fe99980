package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestSignIn(t *testing.T) {
	h := newHouse(t)
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: "Ann", Name: "Ann", Email: "ann@example.org", Password: "correct horse"})
	must(t, err)
	nobody := h.reg.As(auth.Actor{})
	for _, login := range []string{"ann", "ANN@example.org"} {
		k, err := nobody.SignIn(t.Context(), login, "correct horse", registry.Browser{})
		if err != nil || k.UserID != u.ID || k.Kind != auth.Browser || k.Secret == "" {
			t.Errorf("%s: %+v, %v", login, k, err)
		}
	}
	refused := func(login, password string) {
		t.Helper()
		_, err := nobody.SignIn(t.Context(), login, password, registry.Browser{})
		is(t, err, fault.Unauthenticated, "password")
	}
	refused("ann", "wrong horse")
	refused("ann", "")
	refused("nobody", "correct horse")
	yes := true
	_, err = h.sys.EditUser(t.Context(), u.ID, registry.UserEdit{Blocked: &yes})
	must(t, err)
	refused("ann", "correct horse")
}

// TestSignOut: a session ends by itself, by signing out, and with the password.
func TestSignOut(t *testing.T) {
	h := newHouse(t)
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: "ann", Name: "Ann", Email: "ann@example.org", Password: "correct horse"})
	must(t, err)
	signIn := func() registry.NewToken {
		k, err := h.reg.As(auth.Actor{}).SignIn(t.Context(), "ann", "correct horse", registry.Browser{})
		must(t, err)
		return k
	}
	as := func(k registry.NewToken) registry.Session {
		return h.reg.As(auth.Actor{UserID: u.ID, Username: "ann", Scopes: k.Scopes, TokenID: k.ID, Kind: k.Kind})
	}
	first, second := signIn(), signIn()
	must(t, as(first).SignOut(t.Context()))
	k, err := as(first).CurrentToken(t.Context())
	if err != nil || k.Active(time.Now()) {
		t.Errorf("signed out, and still %+v, %v", k, err)
	}
	if k, err = as(second).CurrentToken(t.Context()); err != nil || !k.Active(time.Now()) {
		t.Errorf("another browser: %+v, %v", k, err)
	}
	password := "another horse"
	_, err = h.sys.EditUser(t.Context(), u.ID, registry.UserEdit{Password: &password})
	must(t, err)
	_, err = as(second).CurrentToken(t.Context())
	is(t, err, fault.NotFound, "token")
	is(t, h.sys.SignOut(t.Context()), fault.Unauthenticated, "")
}

// TestEditProfile: people change their own name and email in a browser, with
// which they sign in then; a token cannot, and an address is of one account only.
func TestEditProfile(t *testing.T) {
	h := newHouse(t)
	byToken := ann(t, h)
	name, email, bad, taken := "Ann Other", "other@example.org", "nowhere", "root@localhost"
	_, err := byToken.EditProfile(t.Context(), &name, nil)
	is(t, err, fault.Forbidden, "")
	k, err := h.reg.As(auth.Actor{}).SignIn(t.Context(), "ann", "correct horse", registry.Browser{})
	must(t, err)
	s := h.reg.As(auth.Actor{UserID: k.UserID, Username: "ann", Kind: auth.Browser, Scopes: auth.AllScopes, TokenID: k.ID})
	_, err = s.EditProfile(t.Context(), &name, &bad)
	is(t, err, fault.Invalid, "")
	_, err = s.EditProfile(t.Context(), nil, &taken)
	is(t, err, fault.Conflict, "user")
	u, err := s.EditProfile(t.Context(), &name, &email)
	must(t, err)
	if u.Name != name || u.Email != email || u.Username != "ann" {
		t.Errorf("the profile is %+v", u)
	}
	_, err = h.reg.As(auth.Actor{}).SignIn(t.Context(), email, "correct horse", registry.Browser{})
	must(t, err)
}

// TestBrowsers: people see where they are signed in, and sign out one or all
// others; not those of somebody else, and not with a token.
func TestBrowsers(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	byToken := ann(t, h)
	signIn := func(from registry.Browser) registry.Session {
		k, err := h.reg.As(auth.Actor{}).SignIn(ctx, "ann", "correct horse", from)
		must(t, err)
		return h.reg.As(auth.Actor{UserID: k.UserID, Username: "ann", Kind: auth.Browser, Scopes: k.Scopes, TokenID: k.ID})
	}
	first := signIn(registry.Browser{Address: "192.0.2.1", Agent: strings.Repeat("ü", 200) + "\xff\x00"})
	second, third := signIn(registry.Browser{Address: "192.0.2.2", Agent: "two"}), signIn(registry.Browser{Agent: "three"})
	seen := func(s registry.Session) string {
		t.Helper()
		l, err := s.Browsers(ctx, registry.Page{})
		must(t, err)
		var out []string
		for _, b := range l.Items {
			if out = append(out, b.Address+" "+b.Agent); b.This {
				out = append(out, "this")
			}
		}
		return strings.Join(out, ", ")
	}
	if got, want := seen(second), " three, 192.0.2.2 two, this, 192.0.2.1 "+strings.Repeat("ü", 127); got != want {
		t.Errorf("signed in are %s, want %s", got, want)
	}
	is(t, byToken.EndBrowser(ctx, second.Actor().TokenID), fault.Forbidden, "")
	bob := h.reg.As(auth.Actor{UserID: 99, Username: "bob", Kind: auth.Browser, Scopes: auth.AllScopes, TokenID: 99})
	is(t, bob.EndBrowser(ctx, second.Actor().TokenID), fault.NotFound, "session")
	must(t, first.EndBrowser(ctx, second.Actor().TokenID))
	is(t, first.EndBrowser(ctx, second.Actor().TokenID), fault.NotFound, "session")
	n, err := third.EndOtherBrowsers(ctx)
	if err != nil || n != 1 || seen(third) != " three, this" {
		t.Errorf("ended %d, %v: left are %s", n, err, seen(third))
	}
	if n, err = third.EndOtherBrowsers(ctx); err != nil || n != 0 {
		t.Errorf("ended %d once more, %v", n, err)
	}
	h.wait(15 * 24 * time.Hour)
	if got := seen(third); got != "" {
		t.Errorf("after its time there is still %s", got)
	}
	l, err := h.sys.Events(ctx, "", registry.EventQuery{Actor: "ann", Topics: []string{"user"}})
	must(t, err)
	same(t, told(l)[3:], fmt.Sprintf("ann: user.session_ended ann (%d) in ", second.Actor().TokenID), "ann: user.sessions_ended ann (1) in ")
}
