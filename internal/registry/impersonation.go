package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// ImpersonationTokens lists the tokens with which administrators act as a user,
// revoked ones too. Administrators only.
func (s Session) ImpersonationTokens(ctx context.Context, userID int64, q TokenQuery) (List[auth.Token], error) {
	if err := s.account(readScopes, true); err != nil {
		return List[auth.Token]{}, err
	}
	yes := true
	q.UserID, q.Impersonation, q.Now = userID, &yes, s.now()
	return view(ctx, s, func(tx Tx) (List[auth.Token], error) {
		if _, err := tx.UserByID(ctx, userID); err != nil {
			return List[auth.Token]{}, err
		}
		return tx.ListTokens(ctx, q)
	})
}

// ImpersonationToken gives one of them. Administrators only.
func (s Session) ImpersonationToken(ctx context.Context, userID, id int64) (auth.Token, error) {
	if err := s.account(readScopes, true); err != nil {
		return auth.Token{}, err
	}
	return view(ctx, s, func(tx Tx) (auth.Token, error) { return impersonation(ctx, tx, userID, id) })
}

func impersonation(ctx context.Context, tx Tx, userID, id int64) (auth.Token, error) {
	if _, err := tx.UserByID(ctx, userID); err != nil {
		return auth.Token{}, err
	}
	t, err := tx.TokenByID(ctx, id)
	if err == nil && (t.UserID != userID || !t.Impersonation) {
		err = fault.Missing("impersonation token", itoa(id))
	}
	return t, err
}

// CreateImpersonationToken makes a personal token of a user that the user does
// not see. Administrators only.
func (s Session) CreateImpersonationToken(ctx context.Context, userID int64, spec TokenSpec) (NewToken, error) {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return NewToken{}, err
	}
	t, err := s.newToken(spec, auth.PersonalScopes)
	if err != nil {
		return NewToken{}, err
	}
	t.UserID, t.Impersonation = userID, true
	return s.issue(ctx, t, func(tx Tx) error { return forPeople(ctx, tx, userID) })
}

// forPeople refuses bots, which have their access tokens and no others.
func forPeople(ctx context.Context, tx Tx, userID int64) error {
	u, err := tx.UserByID(ctx, userID)
	if err == nil && u.Bot {
		err = fault.Denied("token", "the bot of an access token has no others; make an access token of its project or group")
	}
	return err
}

// RevokeImpersonationToken ends one for good. Administrators only.
func (s Session) RevokeImpersonationToken(ctx context.Context, userID, id int64) error {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return err
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		t, err := impersonation(ctx, tx, userID, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return err
		}
		return s.endToken(ctx, tx, t)
	})
}
