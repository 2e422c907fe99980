package registry

import (
	"context"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// AccessTokens lists the access tokens of a place.
func (s Session) AccessTokens(ctx context.Context, ref PlaceRef, q TokenQuery) (List[AccessToken], error) {
	return view(ctx, s, func(tx Tx) (List[AccessToken], error) {
		q := q
		var err error
		if q.Place, _, err = s.place(ctx, tx, ref, readTokens); err != nil {
			return List[AccessToken]{}, err
		}
		q.Now = s.now()
		return tx.ListAccessTokens(ctx, q)
	})
}

// AccessToken gives one access token of a place.
func (s Session) AccessToken(ctx context.Context, ref PlaceRef, id int64) (AccessToken, error) {
	return view(ctx, s, func(tx Tx) (AccessToken, error) {
		p, _, err := s.place(ctx, tx, ref, readTokens)
		if err != nil {
			return AccessToken{}, err
		}
		return accessToken(ctx, tx, p, id)
	})
}

// accessToken finds an access token in its place.
func accessToken(ctx context.Context, tx Tx, p Place, id int64) (AccessToken, error) {
	l, err := tx.ListAccessTokens(ctx, TokenQuery{Place: p, ID: id, Page: Page{Limit: 1, NoTotal: true}})
	if err != nil {
		return AccessToken{}, err
	}
	if len(l.Items) == 0 {
		return AccessToken{}, fault.Missing(p.kind()+" access token", itoa(id))
	}
	return l.Items[0], nil
}

// kind is the noun of a place.
func (p Place) kind() string {
	if p.ProjectID != 0 {
		return "project"
	}
	return "group"
}

// minters is the gate to making access tokens of a place and to rotating them,
// which bots may not: the token of a bot would outlive it in another's hands.
func (s Session) minters(ctx context.Context, tx Tx, ref PlaceRef) (Place, Role, error) {
	p, role, err := s.place(ctx, tx, ref, manageTokens)
	if err == nil && s.actor.Bot {
		err = s.refused()
	}
	return p, role, err
}

// CreateAccessToken makes a token of a project or group together with the bot
// that it acts as, a member with the role that is asked for, which may not be
// above the actor's own. The secret is in the answer and nowhere else.
func (s Session) CreateAccessToken(ctx context.Context, ref PlaceRef, spec AccessTokenSpec) (NewAccessToken, error) {
	secret := auth.NewSecret(auth.Personal)
	return update(ctx, s, func(tx Tx) (NewAccessToken, error) {
		place, role, err := s.minters(ctx, tx, ref)
		if err != nil {
			return NewAccessToken{}, err
		}
		t, err := s.newToken(spec.TokenSpec, auth.BotScopes)
		switch {
		case err != nil:
			return NewAccessToken{}, err
		case spec.Role < Guest:
			return NewAccessToken{}, fault.Invalidf("access_level", "does not have a valid value")
		case spec.Role > role:
			return NewAccessToken{}, &fault.Error{Kind: fault.Invalid, Noun: "token",
				Msg: "Access level of the token contains permissions not held by the creating user"}
		}
		if t.UserID, err = s.insertBot(ctx, tx, place, t.Name, spec.Role); err != nil {
			return NewAccessToken{}, err
		}
		t.ProjectID = place.ProjectID
		if place.ProjectID == 0 {
			t.GroupID = place.NamespaceID
		}
		t.ID, err = s.insertToken(ctx, tx, t, secret, TokenCreated)
		return NewAccessToken{AccessToken: AccessToken{Token: t, Role: spec.Role}, Secret: secret}, err
	})
}

// insertBot makes the user of an access token, a member of its place. Its name
// is GitLab's: project_5_bot_ and something that nobody guesses.
func (s Session) insertBot(ctx context.Context, tx Tx, p Place, name string, r Role) (int64, error) {
	id := p.ProjectID
	if id == 0 {
		id = p.NamespaceID
	}
	username := p.kind() + "_" + itoa(id) + "_bot_" + strings.ToLower(auth.RandomText(32))
	u := User{Username: username, Name: name, Email: username + "@noreply.localhost", Bot: true, CreatedAt: s.now()}
	var err error
	if u.ID, err = tx.InsertBot(ctx, u, p); err != nil {
		return 0, err
	}
	return u.ID, tx.PutMember(ctx, p, Member{User: UserRef{ID: u.ID}, Role: r, CreatedAt: s.now(), CreatedBy: s.actor.UserID})
}

// RotateAccessToken revokes an access token and makes a new one like it, for
// the same bot. A token whose role is above the actor's own stays.
func (s Session) RotateAccessToken(ctx context.Context, ref PlaceRef, id int64, expires time.Time) (NewAccessToken, error) {
	var role Role
	made, err := s.rotate(ctx, expires, func(tx Tx) (auth.Token, error) {
		p, own, err := s.minters(ctx, tx, ref)
		if err != nil {
			return auth.Token{}, err
		}
		t, err := accessToken(ctx, tx, p, id)
		if err == nil && t.Role > own {
			err = &fault.Error{Kind: fault.Invalid, Noun: "token", Msg: "Not eligible to rotate tokens with permissions not held by the user"}
		}
		role = t.Role
		return t.Token, err
	})
	return NewAccessToken{AccessToken: AccessToken{Token: made.Token, Role: role}, Secret: made.Secret}, err
}

// RotateOwnAccessToken does so with the access token that the actor came with,
// which has to be one of the place.
func (s Session) RotateOwnAccessToken(ctx context.Context, ref PlaceRef, expires time.Time) (NewAccessToken, error) {
	if err := s.account(auth.ScopeAPI|auth.ScopeSelfRotate, false); err != nil {
		return NewAccessToken{}, err
	}
	if !s.actor.Bot {
		return NewAccessToken{}, &fault.Error{Kind: fault.Unsupported, Noun: "token", Msg: "405 Method Not Allowed"}
	}
	var role Role
	made, err := s.rotate(ctx, expires, func(tx Tx) (auth.Token, error) {
		p, err := s.ownPlace(ctx, tx, ref)
		if err != nil {
			return auth.Token{}, err
		}
		t, err := accessToken(ctx, tx, p, s.actor.TokenID)
		role = t.Role
		return t.Token, err
	})
	return NewAccessToken{AccessToken: AccessToken{Token: made.Token, Role: role}, Secret: made.Secret}, err
}

// ownPlace finds the place of a bot under the name that the caller gave, which
// a token with scope self_rotate alone may not read.
func (s Session) ownPlace(ctx context.Context, tx Tx, ref PlaceRef) (Place, error) {
	var p Place
	if ref.InGroup {
		n, _, err := tx.NamespaceAccess(ctx, ref.Group, s.viewer())
		if err != nil {
			return Place{}, err
		}
		p.NamespaceID = n.ID
	} else {
		pr, err := tx.ProjectAccess(ctx, ref.Project, s.viewer())
		if err != nil {
			return Place{}, err
		}
		p = Place{NamespaceID: pr.Namespace.ID, ProjectID: pr.ID}
	}
	if ref.InGroup && p.NamespaceID == s.actor.GroupID || !ref.InGroup && p.ProjectID == s.actor.ProjectID {
		return p, nil
	}
	return Place{}, fault.Missing(p.kind(), "")
}

// RevokeAccessToken ends an access token for good. Its bot stays with what it
// made.
func (s Session) RevokeAccessToken(ctx context.Context, ref PlaceRef, id int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, _, err := s.place(ctx, tx, ref, manageTokens)
		if err != nil {
			return err
		}
		t, err := accessToken(ctx, tx, p, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return err
		}
		return s.endToken(ctx, tx, t.Token)
	})
}
