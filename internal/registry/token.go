package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// maxJobLife bounds the life of a job token.
const maxJobLife = 7 * 24 * time.Hour

// Tokens lists personal tokens: the actor's own, or anybody's for an
// administrator (q.UserID 0: all).
func (s Session) Tokens(ctx context.Context, q TokenQuery) (List[auth.Token], error) {
	if err := s.account(readScopes, false); err != nil {
		return List[auth.Token]{}, err
	}
	if !s.actor.Admin {
		if q.UserID != 0 && q.UserID != s.actor.UserID {
			return List[auth.Token]{}, s.refused()
		}
		q.UserID, q.Impersonation = s.actor.UserID, new(bool)
	}
	q.Now = s.now()
	return view(ctx, s, func(tx Tx) (List[auth.Token], error) { return tx.ListTokens(ctx, q) })
}

// Credentials lists the personal and access tokens of everybody. Administrators
// only.
func (s Session) Credentials(ctx context.Context, q TokenQuery) (List[Credential], error) {
	if err := s.account(readScopes, true); err != nil {
		return List[Credential]{}, err
	}
	q.Now = s.now()
	return view(ctx, s, func(tx Tx) (List[Credential], error) { return tx.ListCredentials(ctx, q) })
}

// Token gives one personal token of the actor's, or anybody's for an
// administrator. What the actor may not see is NotFound.
func (s Session) Token(ctx context.Context, id int64) (auth.Token, error) {
	if err := s.account(readScopes, false); err != nil {
		return auth.Token{}, err
	}
	return view(ctx, s, func(tx Tx) (auth.Token, error) { return s.ownToken(ctx, tx, id) })
}

// CurrentToken gives the token that the actor came with, whatever its scopes.
func (s Session) CurrentToken(ctx context.Context) (auth.Token, error) {
	if s.actor.TokenID == 0 {
		return auth.Token{}, fault.SignIn("")
	}
	return view(ctx, s, func(tx Tx) (auth.Token, error) { return tx.TokenByID(ctx, s.actor.TokenID) })
}

func (s Session) ownToken(ctx context.Context, tx Tx, id int64) (auth.Token, error) {
	t, err := tx.TokenByID(ctx, id)
	own := t.UserID == s.actor.UserID && (!t.Impersonation || id == s.actor.TokenID)
	if err == nil && (t.Kind != auth.Personal || !own && !s.actor.Admin) {
		err = fault.Missing("token", itoa(id))
	}
	return t, err
}

// CreateToken makes a personal token for a user: one's own account, or any for
// an administrator. The secret is in the answer and nowhere else.
func (s Session) CreateToken(ctx context.Context, userID int64, spec TokenSpec) (NewToken, error) {
	if err := s.account(auth.ScopeAPI, false); err != nil {
		return NewToken{}, err
	}
	if userID != s.actor.UserID && !s.actor.Admin || s.actor.Bot {
		return NewToken{}, s.refused()
	}
	t, err := s.newToken(spec, auth.PersonalScopes)
	if err != nil {
		return NewToken{}, err
	}
	t.UserID = userID
	return s.issue(ctx, t, func(tx Tx) error { return forPeople(ctx, tx, userID) })
}

// newToken checks a specification and makes a personal token of it.
func (s Session) newToken(spec TokenSpec, allowed auth.Scopes) (auth.Token, error) {
	if !s.actor.Admin {
		allowed &^= auth.ScopeSudo // it would open nothing
	}
	scopes, err := auth.ParseScopes(spec.Scopes, allowed)
	if err != nil {
		return auth.Token{}, err
	}
	t := auth.Token{Kind: auth.Personal, Name: cut(spec.Name), Description: spec.Description,
		Scopes: scopes, ExpiresAt: spec.ExpiresAt, CreatedAt: s.now()}
	return t, s.checkToken(t)
}

func (s Session) checkToken(t auth.Token) error {
	if err := checkTitle(t.Name); err != nil {
		return err
	}
	if err := checkDescription(t.Description); err != nil {
		return err
	}
	if t.Expired(s.now()) {
		return fault.Invalidf("expires_at", "must be in the future")
	}
	return nil
}

// issue makes a secret and stores its digest, after check has passed in the
// same transaction.
func (s Session) issue(ctx context.Context, t auth.Token, check func(Tx) error) (NewToken, error) {
	return s.mint(ctx, t, func(tx Tx, secret string) (int64, error) {
		if err := check(tx); err != nil {
			return 0, err
		}
		return s.insertToken(ctx, tx, t, secret, TokenCreated)
	})
}

// mint makes a secret for a token that insert stores.
func (s Session) mint(ctx context.Context, t auth.Token, insert func(tx Tx, secret string) (int64, error)) (NewToken, error) {
	secret := auth.NewSecret(t.Kind)
	return update(ctx, s, func(tx Tx) (NewToken, error) {
		t := t
		var err error
		t.ID, err = insert(tx, secret)
		return NewToken{Token: t, Secret: secret}, err
	})
}

// insertToken stores a token under the digest of its secret.
func (s Session) insertToken(ctx context.Context, tx Tx, t auth.Token, secret string, a Act) (int64, error) {
	var err error
	if t.ID, err = tx.InsertToken(ctx, t, auth.HashSecret(secret)); err != nil {
		return 0, err
	}
	e := tokenEvent(a, t)
	if t.UserID != s.actor.UserID && t.ProjectID == 0 && t.GroupID == 0 {
		u, err := tx.UserByID(ctx, t.UserID)
		if err != nil {
			return 0, err
		}
		e.Detail += ", of " + u.Username
	}
	return t.ID, s.note(ctx, tx, e)
}

// endToken revokes a token.
func (s Session) endToken(ctx context.Context, tx Tx, t auth.Token) error {
	if err := tx.RevokeToken(ctx, t.ID, s.now()); err != nil {
		return err
	}
	return s.note(ctx, tx, tokenEvent(TokenRevoked, t))
}

// endFamily revokes a token with all that rotations made of it.
func (s Session) endFamily(ctx context.Context, tx Tx, t auth.Token) error {
	if err := tx.RevokeFamily(ctx, family(t), s.now()); err != nil {
		return err
	}
	return s.note(ctx, tx, tokenEvent(TokenReused, t))
}

// RevokeToken ends a personal token for good. A token may always revoke
// itself; revoking one that is revoked already changes nothing.
func (s Session) RevokeToken(ctx context.Context, id int64) error {
	if id != s.actor.TokenID {
		if err := s.account(auth.ScopeAPI, false); err != nil {
			return err
		}
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		t, err := s.ownToken(ctx, tx, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return err
		}
		return s.endToken(ctx, tx, t)
	})
}

// rotatedLife is how long a rotated token lives unless it is told, as in
// GitLab.
const rotatedLife = 7 * 24 * time.Hour

// RotateToken revokes a personal token and makes a new one of the same name
// and scopes. A token may rotate itself with scope self_rotate, too. To rotate
// one that is revoked already revokes what rotations made of it: somebody has
// an old secret.
func (s Session) RotateToken(ctx context.Context, id int64, expires time.Time) (NewToken, error) {
	scopes := auth.ScopeAPI
	if id == s.actor.TokenID {
		scopes |= auth.ScopeSelfRotate
	}
	if err := s.account(scopes, false); err != nil {
		return NewToken{}, err
	}
	return s.rotate(ctx, expires, func(tx Tx) (auth.Token, error) { return s.ownToken(ctx, tx, id) })
}

// rotation is what came of rotating a token.
type rotation struct {
	made   NewToken
	reused bool // it was revoked already
}

// rotate replaces the token that find gives in the same transaction. What it
// does about a token that was revoked already stays, though it fails.
func (s Session) rotate(ctx context.Context, expires time.Time, find func(Tx) (auth.Token, error)) (NewToken, error) {
	if expires.IsZero() {
		expires = s.now().Add(rotatedLife).Truncate(24 * time.Hour)
	}
	secret := auth.NewSecret(auth.Personal)
	out, err := update(ctx, s, func(tx Tx) (rotation, error) {
		t, err := find(tx)
		if err != nil {
			return rotation{}, err
		}
		if !t.RevokedAt.IsZero() {
			return rotation{reused: true}, s.endFamily(ctx, tx, t)
		}
		if err := tx.RevokeToken(ctx, t.ID, s.now()); err != nil {
			return rotation{}, err
		}
		t.Family = family(t)
		t.ID, t.CreatedAt, t.ExpiresAt, t.LastUsedAt = 0, s.now(), expires, time.Time{}
		if err := s.checkToken(t); err != nil {
			return rotation{}, err
		}
		t.ID, err = s.insertToken(ctx, tx, t, secret, TokenRotated)
		return rotation{made: NewToken{Token: t, Secret: secret}}, err
	})
	if err == nil && out.reused {
		err = &fault.Error{Kind: fault.Invalid, Noun: "token", Msg: "Token already revoked"}
	}
	return out.made, err
}

// family names the tokens that rotations led to from one.
func family(t auth.Token) int64 {
	if t.Family != 0 {
		return t.Family
	}
	return t.ID
}

// RevokeReused ends the tokens that rotations made of one, because its secret
// was used to rotate once more. It is for the doors, which meet such secrets.
func (s Session) RevokeReused(ctx context.Context, id int64) error {
	if !s.actor.IsSystem() {
		return s.refused()
	}
	return s.r.store.Update(ctx, func(tx Tx) error {
		t, err := tx.TokenByID(ctx, id)
		if err != nil || t.RevokedAt.IsZero() {
			return err
		}
		return s.endFamily(ctx, tx, t)
	})
}

// JobTokenSpec is a token for one CI job.
type JobTokenSpec struct {
	UserID int64 // acts as this user
	JobID  int64
	Life   time.Duration // at most a week; 0 means an hour
}

// CreateJobToken makes a short-lived token that acts as a user inside one
// project, and never as an administrator. Administrators only.
func (s Session) CreateJobToken(ctx context.Context, ref ProjectRef, spec JobTokenSpec) (NewToken, error) {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return NewToken{}, err
	}
	if spec.Life == 0 {
		spec.Life = time.Hour
	}
	if spec.Life < 0 || spec.Life > maxJobLife {
		return NewToken{}, fault.Invalidf("expires_in", "must be between 1 and 604800 seconds")
	}
	t := auth.Token{UserID: spec.UserID, Kind: auth.Job, Name: "job " + itoa(spec.JobID), JobID: spec.JobID,
		Scopes: auth.ScopeReadAPI | auth.ScopeWriteRegistry, CreatedAt: s.now(), ExpiresAt: s.now().Add(spec.Life)}
	secret := auth.NewSecret(auth.Job)
	return update(ctx, s, func(tx Tx) (NewToken, error) {
		p, err := s.project(ctx, tx, ref, ReadProject)
		if err != nil {
			return NewToken{}, err
		}
		u, err := tx.UserByID(ctx, spec.UserID)
		if err != nil {
			return NewToken{}, err
		}
		t := t
		t.ProjectID = p.ID
		if t.ID, err = tx.InsertToken(ctx, t, auth.HashSecret(secret)); err != nil {
			return NewToken{}, err
		}
		e := tokenEvent(TokenCreated, t)
		return NewToken{Token: t, Secret: secret}, s.note(ctx, tx, e.with(e.Detail+", of "+u.Username))
	})
}
