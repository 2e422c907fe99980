package auth

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// drawer is a Store with one token.
type drawer struct {
	id   Identity
	used map[TokenRef]time.Time
}

func (d *drawer) IdentityByDigest(_ context.Context, digest string) (Identity, error) {
	if digest != HashSecret("good") {
		return Identity{}, fault.Missing("token", "")
	}
	return d.id, nil
}

func (d *drawer) TouchTokens(_ context.Context, used map[TokenRef]time.Time) error {
	d.used = used
	return nil
}

func TestAuthenticate(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		id   Identity
		cred Credential
		noun string // of the refusal; "-" for none
	}{
		"nothing":               {cred: Credential{}, noun: "-"},
		"good":                  {cred: Credential{Secret: "good"}, noun: "-"},
		"unknown":               {cred: Credential{Secret: "bad"}, noun: "token"},
		"blocked":               {id: Identity{Blocked: true}, cred: Credential{Secret: "good"}, noun: "token"},
		"revoked":               {id: Identity{Token: Token{RevokedAt: now}}, cred: Credential{Secret: "good"}, noun: "revoked"},
		"expires now":           {id: Identity{Token: Token{ExpiresAt: now}}, cred: Credential{Secret: "good"}, noun: "expired"},
		"expires later":         {id: Identity{Token: Token{ExpiresAt: now.Add(1)}}, cred: Credential{Secret: "good"}, noun: "-"},
		"personal token as job": {id: Identity{Token: Token{Kind: Personal}}, cred: Credential{Secret: "good", Place: JobPlace}, noun: "token"},
		"job token as personal": {id: Identity{Token: Token{Kind: Job}}, cred: Credential{Secret: "good", Place: PersonalPlace}, noun: "token"},
		"browser's as any":      {id: Identity{Token: Token{Kind: Browser}}, cred: Credential{Secret: "good"}, noun: "token"},
		"browser's in a cookie": {id: Identity{Token: Token{Kind: Browser}}, cred: Credential{Secret: "good", Place: CookiePlace}, noun: "-"},
		"personal in a cookie":  {id: Identity{Token: Token{Kind: Personal}}, cred: Credential{Secret: "good", Place: CookiePlace}, noun: "token"},
		"job token":             {id: Identity{Token: Token{Kind: Job}}, cred: Credential{Secret: "good", Place: JobPlace}, noun: "-"},
		"deploy token":          {id: Identity{Token: Token{Kind: Deploy}}, cred: Credential{Secret: "good", Place: DeployPlace}, noun: "-"},
		"deploy as personal":    {id: Identity{Token: Token{Kind: Deploy}}, cred: Credential{Secret: "good", Place: PersonalPlace}, noun: "token"},
		"personal as deploy":    {id: Identity{Token: Token{Kind: Personal}}, cred: Credential{Secret: "good", Place: DeployPlace}, noun: "token"},
	} {
		c.id.Token.ID, c.id.Token.UserID = 3, 7
		a := NewAuthenticator(&drawer{id: c.id}, func() time.Time { return now })
		actor, err := a.Authenticate(t.Context(), c.cred)
		if c.noun == "-" {
			if err != nil || actor.Anonymous() != (name == "nothing") {
				t.Errorf("%s: %+v, %v", name, actor, err)
			}
			continue
		}
		if e, ok := fault.As(err); !ok || e.Kind != fault.Unauthenticated || e.Noun != c.noun {
			t.Errorf("%s: %v, want %s", name, err, c.noun)
		}
	}
}

// TestJobTokensAreNoAdministrators: CI acts with a user's rights in one
// project, never with an administrator's everywhere.
func TestJobTokensAreNoAdministrators(t *testing.T) {
	a := NewAuthenticator(&drawer{id: Identity{Admin: true, Token: Token{Kind: Job, UserID: 1}}}, nil)
	actor, err := a.Authenticate(t.Context(), Credential{Secret: "good", Place: JobPlace})
	if err != nil || actor.Admin {
		t.Errorf("%+v, %v", actor, err)
	}
}

// TestDeployTokensAreNobody: they have a kind and a place, but neither a user
// nor a number that could be taken for another token's; and what they may touch
// is said in the words of the permission table.
func TestDeployTokensAreNobody(t *testing.T) {
	d := &drawer{id: Identity{Username: "ci", Token: Token{ID: 3, Kind: Deploy, ProjectID: 5, Scopes: ScopeWritePackages | ScopeReadRepository}}}
	a := NewAuthenticator(d, nil)
	got, err := a.Authenticate(t.Context(), Credential{Secret: "good"})
	want := Actor{Username: "ci", Kind: Deploy, DeployID: 3, ProjectID: 5, Scopes: ScopeWritePackages | ScopeReadRepository | ScopeWriteRegistry}
	if err != nil || got != want || got.Anonymous() {
		t.Errorf("%+v, %v", got, err)
	}
	if err := a.Flush(t.Context()); err != nil || len(d.used) != 1 {
		t.Error(d.used, err)
	}
	if _, ok := d.used[TokenRef{3, true}]; !ok {
		t.Error(d.used)
	}
}

// TestLastUsed: one write a minute at most, however many requests.
func TestLastUsed(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	d := &drawer{id: Identity{Token: Token{ID: 3, UserID: 7}}}
	a := NewAuthenticator(d, func() time.Time { return now })
	use := func() int {
		d.used = nil
		for range 5 {
			if _, err := a.Authenticate(t.Context(), Credential{Secret: "good"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(d.used)
	}
	first, again := use(), use()
	now = now.Add(touchEvery)
	if later := use(); first != 1 || again != 0 || later != 1 {
		t.Errorf("wrote %d, %d and after a minute %d", first, again, later)
	}
}

func TestPassword(t *testing.T) {
	stored, err := HashPassword(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(stored, err)
	}
	for password, want := range map[string]bool{"correct horse": true, "wrong horse": false, "": false} {
		if got, err := CheckPassword(t.Context(), stored, password); got != want || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	if got, _ := CheckPassword(t.Context(), "", ""); got {
		t.Error("a user without a password was let in")
	}
	for _, bad := range []string{"short", strings.Repeat("x", 129)} {
		if _, err := HashPassword(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	a, b := NewSecret(Personal), NewSecret(Personal)
	if a == b || !strings.HasPrefix(a, "vtpat-") || len(a) != len("vtpat-")+32 || !strings.HasPrefix(NewSecret(Job), "vtjob-") {
		t.Error(a, b)
	}
	if HashSecret("a") != "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" {
		t.Error(HashSecret("a"))
	}
}

func TestScopes(t *testing.T) {
	s, err := ParseScopes([]string{"read_api", "write_model_registry"}, PersonalScopes)
	if err != nil || strings.Join(s.Names(), " ") != "read_api write_model_registry" {
		t.Error(s.Names(), err)
	}
	for _, bad := range [][]string{nil, {}, {"root"}, {"api", ""}, {"api", "read_user"}} {
		if _, err := ParseScopes(bad, BotScopes); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
