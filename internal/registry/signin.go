package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// browserLife is how long a browser stays signed in.
const browserLife = 14 * 24 * time.Hour

// account is a person with the stored form of the password.
type account struct {
	user User
	hash string
}

func accountOf(ctx context.Context, tx Tx, login string) (account, error) {
	u, hash, err := tx.PasswordOf(ctx, login)
	return account{u, hash}, err
}

// SignIn makes a browser session for a person: login is the username or the
// email. A wrong password, an unknown name and a blocked account are all
// fault.Unauthenticated with noun "password", after the same time.
func (s Session) SignIn(ctx context.Context, login, password string, from Browser) (NewToken, error) {
	refused := fault.SignIn("password")
	a, err := view(ctx, s, func(tx Tx) (account, error) { return accountOf(ctx, tx, login) })
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
	return s.mint(ctx, t, func(tx Tx, secret string) (int64, error) {
		b, err := accountOf(ctx, tx, login)
		switch {
		case err != nil:
			return 0, err
		case b.hash != a.hash || b.user.Blocked:
			return 0, refused // changed while the password was checked
		}
		if err := tx.DeleteBrowsers(ctx, b.user.ID, s.now()); err != nil {
			return 0, err
		}
		id, err := tx.InsertToken(ctx, t, auth.HashSecret(secret))
		if err != nil {
			return 0, err
		}
		if err := tx.NoteBrowser(ctx, id, from.kept()); err != nil {
			return 0, err
		}
		who := Session{r: s.r, actor: auth.Actor{UserID: b.user.ID, Username: b.user.Username, Kind: auth.Browser}}
		return id, who.note(ctx, tx, b.user.about(UserSignedIn).with(from.Address))
	})
}

// SignOut ends the actor's browser session.
func (s Session) SignOut(ctx context.Context) error {
	if s.actor.Kind != auth.Browser {
		return fault.SignIn("")
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		if err := tx.RevokeToken(ctx, s.actor.TokenID, s.now()); err != nil {
			return err
		}
		return s.note(ctx, tx, s.self(UserSignedOut).with(itoa(s.actor.TokenID)))
	})
}

// ChangePassword gives the actor another password, and signs out all of the
// actor's browsers. It is for people in a browser. A wrong present password is
// fault.Unauthenticated with noun "password".
func (s Session) ChangePassword(ctx context.Context, present, next string) error {
	if err := s.inBrowser("a password is changed"); err != nil {
		return err
	}
	find := func(tx Tx) (account, error) { return accountOf(ctx, tx, s.actor.Username) }
	a, err := view(ctx, s, find)
	if err != nil {
		return err
	}
	if right, err := auth.CheckPassword(ctx, a.hash, present); err != nil || !right {
		return orRefused(err)
	}
	hash, err := auth.HashPassword(ctx, next)
	if err != nil {
		return err
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		b, err := find(tx)
		if err != nil || b.hash != a.hash {
			return orRefused(err) // changed while the password was checked
		}
		if err := setPassword(ctx, tx, b.user, hash); err != nil {
			return err
		}
		return s.note(ctx, tx, b.user.about(UserPassword))
	})
}

// orRefused is an error, or else that of a wrong password.
func orRefused(err error) error {
	if err == nil {
		err = fault.SignIn("password")
	}
	return err
}
