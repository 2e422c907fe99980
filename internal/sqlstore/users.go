package sqlstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	userCols = `u.id, u.username, u.name, u.email, u.admin, u.blocked, coalesce(n.id, 0), u.created_at, u.last_activity`
	userFrom = `users u LEFT JOIN namespaces n ON n.owner_id = u.id`
)

var (
	insertUser = stmt(`INSERT INTO users (username, username_key, name, email, email_key, admin, blocked, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`)
	userByID   = stmt(`SELECT ` + userCols + ` FROM ` + userFrom + ` WHERE u.id = $1`)
	userByName = stmt(`SELECT ` + userCols + ` FROM ` + userFrom + ` WHERE u.username_key = $1`)
	updateUser = stmt(`UPDATE users SET username = $1, username_key = $2, name = $3, email = $4, email_key = $5,
		admin = $6, blocked = $7 WHERE id = $8`)
	setPassword = stmt(`UPDATE users SET password_hash = $1 WHERE id = $2`)
	deleteUser  = stmt(`DELETE FROM users WHERE id = $1`)

	identityByDigest = stmt(`SELECT t.id, t.user_id, t.kind, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at,
		t.revoked_at, coalesce(t.project_id, 0), t.job_id, u.username, u.admin, u.blocked
		FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1`)
	touchToken = stmt(`UPDATE tokens SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1`)
	touchUser  = stmt(`UPDATE users SET last_activity = $1 WHERE id = (SELECT user_id FROM tokens WHERE id = $2)`)
)

func scanUser(s scanner, u *registry.User, extra ...any) error {
	return s.Scan(append([]any{&u.ID, &u.Username, &u.Name, &u.Email, &u.Admin, &u.Blocked, &u.NamespaceID,
		instant{&u.CreatedAt}, instant{&u.LastActivity}}, extra...)...)
}

func (t *tx) InsertUser(ctx context.Context, u registry.User, hash string) (int64, error) {
	return t.id(ctx, insertUser, u.Username, strings.ToLower(u.Username), u.Name, u.Email, strings.ToLower(u.Email),
		u.Admin, u.Blocked, hash, micros(u.CreatedAt))
}

func (t *tx) UserByID(ctx context.Context, id int64) (registry.User, error) {
	var u registry.User
	err := t.scanOne(ctx, userByID, []any{id}, func(s scanner) error { return scanUser(s, &u) })
	return u, one(err, "user", id)
}

func (t *tx) UserByName(ctx context.Context, name string) (registry.User, error) {
	var u registry.User
	err := t.scanOne(ctx, userByName, []any{strings.ToLower(name)}, func(s scanner) error { return scanUser(s, &u) })
	return u, named(err, "user", name)
}

func (t *tx) ListUsers(ctx context.Context, q registry.UserQuery) (registry.List[registry.User], error) {
	l := &listing{cols: userCols, from: userFrom, id: "u.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"u.id", true}, "name": {"u.name", false}, "username": {"u.username_key", false},
			"created_at": {"u.created_at", true}}}
	if q.Username != "" {
		l.and("u.username_key = ?", strings.ToLower(q.Username))
	}
	where := []string{"u.username", "u.name"}
	if q.ByEmail {
		where = append(where, "u.email")
	}
	l.contains(q.Search, where...)
	if q.Active {
		l.and("u.blocked = ?", false)
	}
	if q.Blocked {
		l.and("u.blocked = ?", true)
	}
	if q.Admins {
		l.and("u.admin = ?", true)
	}
	return fetch(ctx, t, l, q.Order, q.Page, scanUser)
}

func (t *tx) UpdateUser(ctx context.Context, u registry.User) error {
	n, err := t.exec(ctx, updateUser, u.Username, strings.ToLower(u.Username), u.Name, u.Email, strings.ToLower(u.Email), u.Admin, u.Blocked, u.ID)
	return hit(n, err, "user", u.ID)
}

func (t *tx) SetPassword(ctx context.Context, id int64, hash string) error {
	n, err := t.exec(ctx, setPassword, hash, id)
	return hit(n, err, "user", id)
}

func (t *tx) DeleteUser(ctx context.Context, id int64) error {
	n, err := t.exec(ctx, deleteUser, id)
	return hit(n, err, "user", id)
}

// IdentityByDigest implements auth.Store. It is on the path of every request:
// one prepared statement outside a transaction.
func (s *Store) IdentityByDigest(ctx context.Context, digest string) (auth.Identity, error) {
	var id auth.Identity
	st, err := s.read.prepare(ctx, string(identityByDigest))
	if err != nil {
		return id, err
	}
	k := &id.Token
	err = st.QueryRowContext(ctx, digest).Scan(&k.ID, &k.UserID, &k.Kind, &k.Name, &k.Scopes, instant{&k.CreatedAt},
		instant{&k.ExpiresAt}, instant{&k.LastUsedAt}, instant{&k.RevokedAt}, &k.ProjectID, &k.JobID,
		&id.Username, &id.Admin, &id.Blocked)
	return id, named(err, "token", "")
}

// TouchTokens implements auth.Store.
func (s *Store) TouchTokens(ctx context.Context, used map[int64]time.Time) error {
	return s.Update(ctx, func(r registry.Tx) error {
		t, ok := r.(*tx)
		if !ok {
			return errors.New("sqlstore: foreign transaction")
		}
		for id, at := range used {
			if _, err := t.exec(ctx, touchToken, micros(at), id); err != nil {
				return err
			}
			if _, err := t.exec(ctx, touchUser, micros(at), id); err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	tokenCols = `k.id, k.user_id, k.kind, k.name, k.description, k.scopes, k.created_at, k.expires_at, k.last_used_at,
		k.revoked_at, coalesce(k.project_id, 0), k.job_id`
)

var (
	insertToken = stmt(`INSERT INTO tokens (user_id, kind, name, description, digest, scopes, created_at, expires_at,
		last_used_at, revoked_at, project_id, job_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`)
	tokenByID   = stmt(`SELECT ` + tokenCols + ` FROM tokens k WHERE k.id = $1`)
	revokeToken = stmt(`UPDATE tokens SET revoked_at = $1 WHERE id = $2`)
)

func scanToken(s scanner, k *auth.Token, extra ...any) error {
	return s.Scan(append([]any{&k.ID, &k.UserID, &k.Kind, &k.Name, &k.Description, &k.Scopes, instant{&k.CreatedAt},
		instant{&k.ExpiresAt}, instant{&k.LastUsedAt}, instant{&k.RevokedAt}, &k.ProjectID, &k.JobID}, extra...)...)
}

func (t *tx) InsertToken(ctx context.Context, k auth.Token, digest string) (int64, error) {
	id, err := t.id(ctx, insertToken, k.UserID, k.Kind, k.Name, k.Description, digest, k.Scopes, micros(k.CreatedAt),
		micros(k.ExpiresAt), micros(k.LastUsedAt), micros(k.RevokedAt), ref(k.ProjectID), k.JobID)
	if fault.Is(err, fault.Conflict) {
		err = fault.Conflictf("token", "token", "has already been taken")
	}
	return id, err
}

func (t *tx) TokenByID(ctx context.Context, id int64) (auth.Token, error) {
	var k auth.Token
	err := t.scanOne(ctx, tokenByID, []any{id}, func(s scanner) error { return scanToken(s, &k) })
	return k, one(err, "token", id)
}

func (t *tx) ListTokens(ctx context.Context, q registry.TokenQuery) (registry.List[auth.Token], error) {
	l := &listing{cols: tokenCols, from: "tokens k", id: "k.id", initial: registry.Order{By: "id"},
		orders: map[string]column{"id": {"k.id", true}, "name": {"k.name", false}, "created_at": {"k.created_at", true},
			"last_used_at": {"k.last_used_at", true}, "expires_at": {"k.expires_at", true}}}
	l.and("k.kind = ?", auth.Personal)
	if q.UserID != 0 {
		l.and("k.user_id = ?", q.UserID)
	}
	l.contains(q.Search, "k.name")
	if q.Revoked != nil {
		l.and("(k.revoked_at <> 0) = ?", *q.Revoked)
	}
	if q.Active != nil {
		l.and("(k.revoked_at = 0 AND (k.expires_at = 0 OR k.expires_at > ?)) = ?", micros(q.Now), *q.Active)
	}
	return fetch(ctx, t, l, q.Order, q.Page, scanToken)
}

func (t *tx) RevokeToken(ctx context.Context, id int64, at time.Time) error {
	n, err := t.exec(ctx, revokeToken, micros(at), id)
	return hit(n, err, "token", id)
}
