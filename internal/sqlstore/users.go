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
	userCols = `u.id, u.username, u.name, u.email, u.admin, u.blocked, u.bot, coalesce(n.id, 0), u.created_at, u.last_activity`
	userFrom = `users u LEFT JOIN namespaces n ON n.owner_id = u.id`
)

var (
	insertUser = stmt(`INSERT INTO users (username, username_key, name, email, email_key, admin, blocked, password_hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`)
	insertBot = stmt(`INSERT INTO users (username, username_key, name, email, email_key, admin, blocked, password_hash, created_at,
		bot, bot_project_id, bot_group_id) VALUES ($1, $2, $3, $4, $5, FALSE, FALSE, '', $6, TRUE, $7, $8) RETURNING id`)
	userByID    = stmt(`SELECT ` + userCols + ` FROM ` + userFrom + ` WHERE u.id = $1`)
	userByName  = stmt(`SELECT ` + userCols + ` FROM ` + userFrom + ` WHERE u.username_key = $1`)
	userByEmail = stmt(`SELECT ` + userCols + ` FROM ` + userFrom + ` WHERE u.email_key = $1 AND NOT u.bot`)
	updateUser  = stmt(`UPDATE users SET username = $1, username_key = $2, name = $3, email = $4, email_key = $5,
		admin = $6, blocked = $7 WHERE id = $8`)
	passwordOf  = stmt(`SELECT ` + userCols + `, u.password_hash FROM ` + userFrom + ` WHERE (u.username_key = $1 OR u.email_key = $1) AND NOT u.bot`)
	setPassword = stmt(`UPDATE users SET password_hash = $1 WHERE id = $2`)
	deleteUser  = stmt(`DELETE FROM users WHERE id = $1`)

	identityByDigest = stmt(`SELECT t.scopes, ` + pack([]string{"t.id", "t.user_id", "t.created_at", "t.expires_at", "t.last_used_at", "t.revoked_at",
		"coalesce(t.project_id, 0)", "coalesce(t.group_id, 0)", "t.job_id", "t.family", "u.admin", "u.blocked", "u.bot"},
		[]string{"t.kind", "t.name", "u.username", "u.name"}) + ` FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.digest = $1`)
	deployByDigest = stmt(`SELECT d.id, d.name, d.scopes, d.created_at, d.expires_at, d.last_used_at, coalesce(d.project_id, 0),
		coalesce(d.group_id, 0), d.username FROM deploy_tokens d WHERE d.digest = $1`)
	touchDeploy = stmt(`UPDATE deploy_tokens SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1`)
	touchToken  = stmt(`UPDATE tokens SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1`)
	touchUser   = stmt(`UPDATE users SET last_activity = $1 WHERE id = (SELECT user_id FROM tokens WHERE id = $2)`)
)

func scanUser(s scanner, u *registry.User, extra ...any) error {
	return s.Scan(append([]any{&u.ID, &u.Username, &u.Name, &u.Email, &u.Admin, &u.Blocked, &u.Bot, &u.NamespaceID,
		instant{&u.CreatedAt}, instant{&u.LastActivity}}, extra...)...)
}

func (t *tx) InsertUser(ctx context.Context, u registry.User, hash string) (int64, error) {
	return t.id(ctx, insertUser, u.Username, strings.ToLower(u.Username), u.Name, u.Email, strings.ToLower(u.Email),
		u.Admin, u.Blocked, hash, micros(u.CreatedAt))
}

func (t *tx) InsertBot(ctx context.Context, u registry.User, of registry.Place) (int64, error) {
	group := of.NamespaceID
	if of.ProjectID != 0 {
		group = 0
	}
	return t.id(ctx, insertBot, u.Username, strings.ToLower(u.Username), u.Name, u.Email, strings.ToLower(u.Email),
		micros(u.CreatedAt), ref(of.ProjectID), ref(group))
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

func (t *tx) UserByEmail(ctx context.Context, email string) (registry.User, error) {
	var u registry.User
	err := t.scanOne(ctx, userByEmail, []any{strings.ToLower(email)}, func(s scanner) error { return scanUser(s, &u) })
	return u, named(err, "user", email)
}

func (t *tx) ListUsers(ctx context.Context, q registry.UserQuery) (registry.List[registry.User], error) {
	l := &listing{cols: userCols, from: userFrom, id: "u.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"u.id", true}, "name": {"u.name", false}, "username": {"u.username_key", false},
			"created_at": {"u.created_at", true}}}
	if q.Username != "" {
		l.and("u.username_key = ?", strings.ToLower(q.Username))
	} else {
		l.and("u.bot = ?", q.Bots)
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

func (t *tx) PasswordOf(ctx context.Context, login string) (registry.User, string, error) {
	var u registry.User
	var hash string
	err := t.scanOne(ctx, passwordOf, []any{strings.ToLower(login)}, func(s scanner) error { return scanUser(s, &u, &hash) })
	return u, hash, named(err, "user", login)
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
// prepared statements outside a transaction.
func (s *Store) IdentityByDigest(ctx context.Context, digest string) (auth.Identity, error) {
	id, err := s.tokenIdentity(ctx, digest)
	if fault.Is(err, fault.NotFound) {
		return s.deployIdentity(ctx, digest)
	}
	return id, err
}

func (s *Store) deployIdentity(ctx context.Context, digest string) (auth.Identity, error) {
	id := auth.Identity{Token: auth.Token{Kind: auth.Deploy}}
	st, err := s.read.prepare(ctx, string(deployByDigest))
	if err != nil {
		return id, err
	}
	k := &id.Token
	err = st.QueryRowContext(ctx, digest).Scan(&k.ID, &k.Name, &k.Scopes, instant{&k.CreatedAt}, instant{&k.ExpiresAt}, instant{&k.LastUsedAt},
		&k.ProjectID, &k.GroupID, &id.Username)
	return id, named(err, "token", "")
}

func (s *Store) tokenIdentity(ctx context.Context, digest string) (auth.Identity, error) {
	var id auth.Identity
	st, err := s.read.prepare(ctx, string(identityByDigest))
	if err != nil {
		return id, err
	}
	k := &id.Token
	err = st.QueryRowContext(ctx, digest).Scan(&k.Scopes, packed{[]any{&k.ID, &k.UserID, instant{&k.CreatedAt}, instant{&k.ExpiresAt},
		instant{&k.LastUsedAt}, instant{&k.RevokedAt}, &k.ProjectID, &k.GroupID, &k.JobID, &k.Family, &id.Admin, &id.Blocked, &id.Bot},
		[]*string{(*string)(&k.Kind), &k.Name, &id.Username, &id.Name}})
	return id, named(err, "token", "")
}

// TouchTokens implements auth.Store.
func (s *Store) TouchTokens(ctx context.Context, used map[auth.TokenRef]time.Time) error {
	return s.Update(ctx, func(r registry.Tx) error {
		t, ok := r.(*tx)
		if !ok {
			return errors.New("sqlstore: foreign transaction")
		}
		for ref, at := range used {
			if err := t.touch(ctx, ref, at); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) touch(ctx context.Context, ref auth.TokenRef, at time.Time) error {
	if ref.Deploy {
		_, err := t.exec(ctx, touchDeploy, micros(at), ref.ID)
		return err
	}
	if _, err := t.exec(ctx, touchToken, micros(at), ref.ID); err != nil {
		return err
	}
	_, err := t.exec(ctx, touchUser, micros(at), ref.ID)
	return err
}
