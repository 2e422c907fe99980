package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// browserLife is how long a browser stays signed in.
const browserLife = 14 * 24 * time.Hour

// SignIn makes a browser session for a person: login is the username or the
// email. A wrong password, an unknown name and a blocked account are all
// fault.Unauthenticated with noun "password", after the same time.
func (s Session) SignIn(ctx context.Context, login, password string) (NewToken, error) {
	refused := fault.SignIn("password")
	type account struct {
		user User
		hash string
	}
	a, err := view(ctx, s, func(tx Tx) (account, error) {
		u, hash, err := tx.PasswordOf(ctx, login)
		return account{u, hash}, err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return NewToken{}, err
	}
	right, err := auth.CheckPassword(ctx, a.hash, password)
	switch {
	case err != nil:
		return NewToken{}, err
	case !right || a.user.Blocked || a.user.Bot:
		return NewToken{}, refused
	}
	t := auth.Token{UserID: a.user.ID, Kind: auth.Browser, Name: "browser", Scopes: auth.AllScopes,
		CreatedAt: s.now(), ExpiresAt: s.now().Add(browserLife)}
	return s.issue(ctx, t, func(tx Tx) error {
		u, hash, err := tx.PasswordOf(ctx, login)
		switch {
		case err != nil:
			return err
		case hash != a.hash || u.Blocked:
			return refused // changed while the password was checked
		}
		return tx.DeleteBrowsers(ctx, u.ID, s.now())
	})
}

// SignOut ends the actor's browser session.
func (s Session) SignOut(ctx context.Context) error {
	if s.actor.Kind != auth.Browser {
		return fault.SignIn("")
	}
	return s.r.store.Update(ctx, func(tx Tx) error { return tx.RevokeToken(ctx, s.actor.TokenID, s.now()) })
}
