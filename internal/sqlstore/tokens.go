package sqlstore

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

const tokenCols = `k.id, k.user_id, k.kind, k.name, k.description, k.scopes, k.created_at, k.expires_at, k.last_used_at,
	k.revoked_at, coalesce(k.project_id, 0), coalesce(k.group_id, 0), k.job_id, k.family, k.impersonation`

var (
	insertToken = stmt(`INSERT INTO tokens (user_id, kind, name, description, digest, scopes, created_at, expires_at,
		last_used_at, revoked_at, project_id, group_id, job_id, family, impersonation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`)
	tokenByID      = stmt(`SELECT ` + tokenCols + ` FROM tokens k WHERE k.id = $1`)
	revokeToken    = stmt(`UPDATE tokens SET revoked_at = $1 WHERE id = $2`)
	revokeFamily   = stmt(`UPDATE tokens SET revoked_at = $1 WHERE revoked_at = 0 AND (id = $2 OR family = $2)`)
	deleteBrowsers = stmt(`DELETE FROM tokens WHERE user_id = $1 AND kind = 'browser' AND (expires_at <= $2 OR revoked_at <> 0 OR $2 = 0)`)
)

var (
	noteBrowser = stmt(`INSERT INTO browsers (token_id, address, agent) VALUES ($1, $2, $3)`)
	endBrowsers = stmt(`UPDATE tokens SET revoked_at = $1 WHERE user_id = $2 AND kind = 'browser' AND id <> $3 AND revoked_at = 0 AND expires_at > $1`)
)

func scanToken(s scanner, k *auth.Token, extra ...any) error {
	return s.Scan(append([]any{&k.ID, &k.UserID, &k.Kind, &k.Name, &k.Description, &k.Scopes, instant{&k.CreatedAt},
		instant{&k.ExpiresAt}, instant{&k.LastUsedAt}, instant{&k.RevokedAt}, &k.ProjectID, &k.GroupID, &k.JobID, &k.Family, &k.Impersonation}, extra...)...)
}

func (t *tx) InsertToken(ctx context.Context, k auth.Token, digest string) (int64, error) {
	id, err := t.id(ctx, insertToken, k.UserID, k.Kind, k.Name, k.Description, digest, k.Scopes, micros(k.CreatedAt),
		micros(k.ExpiresAt), micros(k.LastUsedAt), micros(k.RevokedAt), ref(k.ProjectID), ref(k.GroupID), k.JobID, k.Family, k.Impersonation)
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

// tokenOrders are the values that lists of tokens can be ordered by.
var tokenOrders = map[string]column{"id": {"k.id", true}, "name": {"k.name", false}, "created_at": {"k.created_at", true},
	"last_used_at": {"k.last_used_at", true}, "expires_at": {"k.expires_at", true}}

func (t *tx) ListTokens(ctx context.Context, q registry.TokenQuery) (registry.List[auth.Token], error) {
	l := &listing{cols: tokenCols, from: "tokens k", id: "k.id", initial: registry.Order{By: "id"}, orders: tokenOrders}
	l.contains(q.Search, "k.name")
	l.tokens(q)
	return fetch(ctx, t, l, q.Order, q.Page, scanToken)
}

func (t *tx) ListCredentials(ctx context.Context, q registry.TokenQuery) (registry.List[registry.Credential], error) {
	l := &listing{cols: tokenCols + `, u.id, u.username, u.name, u.blocked, u.bot, coalesce(p.full_path, n.full_path, '')`,
		from: `tokens k JOIN users u ON u.id = k.user_id LEFT JOIN projects p ON p.id = k.project_id LEFT JOIN namespaces n ON n.id = k.group_id`,
		id:   "k.id", initial: registry.Order{By: "id", Desc: true}, orders: tokenOrders}
	l.contains(q.Search, "k.name", "u.username")
	l.tokens(q)
	return fetch(ctx, t, l, q.Order, q.Page, func(s scanner, c *registry.Credential, extra ...any) error {
		return scanToken(s, &c.Token, append([]any{&c.Owner.ID, &c.Owner.Username, &c.Owner.Name, &c.Owner.Blocked, &c.Bot, &c.Place}, extra...)...)
	})
}

// tokens adds the conditions of a query.
func (l *listing) tokens(q registry.TokenQuery) {
	l.and("k.kind = ?", auth.Personal)
	if q.ID != 0 {
		l.and("k.id = ?", q.ID)
	}
	if q.UserID != 0 {
		l.and("k.user_id = ?", q.UserID)
	}
	if q.Impersonation != nil {
		l.and("k.impersonation = ?", *q.Impersonation)
	}
	if q.Revoked != nil {
		l.and("(k.revoked_at <> 0) = ?", *q.Revoked)
	}
	if q.Active != nil {
		l.and("(k.revoked_at = 0 AND (k.expires_at = 0 OR k.expires_at > ?)) = ?", micros(q.Now), *q.Active)
	}
	l.span("k.created_at", q.Created)
	l.span("k.last_used_at", q.Used)
	l.span("k.expires_at", q.Expires)
}

// span keeps a time within a stretch; what has no time is in none.
func (l *listing) span(col string, s registry.Span) {
	if !s.After.IsZero() {
		l.and(col+" > ?", micros(s.After))
	}
	if !s.Before.IsZero() {
		l.and(col+" <> 0 AND "+col+" < ?", micros(s.Before))
	}
}

func (t *tx) ListAccessTokens(ctx context.Context, q registry.TokenQuery) (registry.List[registry.AccessToken], error) {
	l := &listing{cols: tokenCols + ", coalesce(m.role, 0)", id: "k.id", initial: registry.Order{By: "id"}, orders: tokenOrders}
	if q.Place.ProjectID != 0 {
		l.from = "tokens k JOIN users u ON u.id = k.user_id LEFT JOIN members m ON m.user_id = k.user_id AND m.project_id = k.project_id"
		l.and("k.project_id = ?", q.Place.ProjectID)
	} else {
		l.from = "tokens k JOIN users u ON u.id = k.user_id LEFT JOIN members m ON m.user_id = k.user_id AND m.namespace_id = k.group_id"
		l.and("k.group_id = ?", q.Place.NamespaceID)
	}
	l.and("u.bot = ?", true)
	l.contains(q.Search, "k.name")
	l.tokens(q)
	return fetch(ctx, t, l, q.Order, q.Page, func(s scanner, k *registry.AccessToken, extra ...any) error {
		return scanToken(s, &k.Token, append([]any{&k.Role}, extra...)...)
	})
}

func (t *tx) RevokeToken(ctx context.Context, id int64, at time.Time) error {
	n, err := t.exec(ctx, revokeToken, micros(at), id)
	return hit(n, err, "token", id)
}

func (t *tx) RevokeFamily(ctx context.Context, first int64, at time.Time) error {
	_, err := t.exec(ctx, revokeFamily, micros(at), first)
	return err
}

func (t *tx) NoteBrowser(ctx context.Context, tokenID int64, b registry.Browser) error {
	_, err := t.exec(ctx, noteBrowser, tokenID, b.Address, b.Agent)
	return err
}

func (t *tx) ListBrowsers(ctx context.Context, userID int64, now time.Time, p registry.Page) (registry.List[registry.SignedIn], error) {
	l := &listing{cols: "k.id, k.created_at, k.last_used_at, k.expires_at, coalesce(b.address, ''), coalesce(b.agent, '')",
		from: "tokens k LEFT JOIN browsers b ON b.token_id = k.id", id: "k.id",
		initial: registry.Order{By: "id", Desc: true}, orders: tokenOrders}
	l.and("k.user_id = ? AND k.kind = ? AND k.revoked_at = 0 AND k.expires_at > ?", userID, auth.Browser, micros(now))
	return fetch(ctx, t, l, registry.Order{}, p, func(s scanner, b *registry.SignedIn, extra ...any) error {
		return s.Scan(append([]any{&b.ID, instant{&b.CreatedAt}, instant{&b.LastUsedAt}, instant{&b.ExpiresAt}, &b.Address, &b.Agent}, extra...)...)
	})
}

func (t *tx) EndBrowsers(ctx context.Context, userID, but int64, at time.Time) (int64, error) {
	return t.exec(ctx, endBrowsers, micros(at), userID, but)
}

func (t *tx) DeleteBrowsers(ctx context.Context, userID int64, ended time.Time) error {
	_, err := t.exec(ctx, deleteBrowsers, userID, micros(ended))
	return err
}

const deployCols = `d.id, d.name, d.username, d.scopes, coalesce(d.creator_id, 0), coalesce(d.project_id, 0), coalesce(d.group_id, 0),
	d.created_at, d.expires_at, d.last_used_at`

var (
	insertDeploy = stmt(`INSERT INTO deploy_tokens (name, username, digest, scopes, creator_id, project_id, group_id, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`)
	nameDeploy   = stmt(`UPDATE deploy_tokens SET username = $1 WHERE id = $2`)
	deleteDeploy = stmt(`DELETE FROM deploy_tokens WHERE id = $1`)
)

func scanDeploy(s scanner, d *registry.DeployToken, extra ...any) error {
	return s.Scan(append([]any{&d.ID, &d.Name, &d.Username, &d.Scopes, &d.CreatorID, &d.ProjectID, &d.GroupID,
		instant{&d.CreatedAt}, instant{&d.ExpiresAt}, instant{&d.LastUsedAt}}, extra...)...)
}

func (t *tx) InsertDeployToken(ctx context.Context, d registry.DeployToken, digest string) (int64, error) {
	return t.id(ctx, insertDeploy, d.Name, d.Username, digest, d.Scopes, ref(d.CreatorID), ref(d.ProjectID), ref(d.GroupID),
		micros(d.CreatedAt), micros(d.ExpiresAt))
}

func (t *tx) NameDeployToken(ctx context.Context, id int64, username string) error {
	n, err := t.exec(ctx, nameDeploy, username, id)
	return hit(n, err, "deploy token", id)
}

func (t *tx) ListDeployTokens(ctx context.Context, q registry.DeployTokenQuery) (registry.List[registry.DeployToken], error) {
	l := &listing{cols: deployCols, from: "deploy_tokens d", id: "d.id", initial: registry.Order{By: "id"}, orders: map[string]column{"id": {"d.id", true}}}
	switch {
	case q.Place.ProjectID != 0:
		l.and("d.project_id = ?", q.Place.ProjectID)
	case q.Place.NamespaceID != 0:
		l.and("d.group_id = ?", q.Place.NamespaceID)
	}
	if q.ID != 0 {
		l.and("d.id = ?", q.ID)
	}
	if q.Active {
		l.and("(d.expires_at = 0 OR d.expires_at > ?)", micros(q.Now))
	}
	return fetch(ctx, t, l, registry.Order{}, q.Page, scanDeploy)
}

func (t *tx) DeleteDeployToken(ctx context.Context, id int64) error {
	n, err := t.exec(ctx, deleteDeploy, id)
	return hit(n, err, "deploy token", id)
}
