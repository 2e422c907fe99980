package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

const nsCols = `n.id, coalesce(n.parent_id, 0), n.kind, n.path, n.name, n.full_path, n.full_name, n.description,
	n.visibility, coalesce(n.owner_id, 0), n.created_at, n.updated_at`

// roleAbove is the viewer's highest role in a namespace and those above it;
// $1 is the user, $2 the time.
const roleAbove = `coalesce((SELECT max(m.role) FROM namespaces_above a JOIN members m ON m.namespace_id = a.above_id
	WHERE a.namespace_id = n.id AND m.user_id = $1 AND (m.expires_at = 0 OR m.expires_at > $2)), 0)`

var (
	insertNamespace = stmt(`INSERT INTO namespaces (parent_id, kind, path, name, full_path, full_key, full_name, description,
		visibility, owner_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`)
	insertAbove = stmt(`INSERT INTO namespaces_above (namespace_id, above_id)
		SELECT $1, a.above_id FROM namespaces_above a WHERE a.namespace_id = $2`)
	insertSelf      = stmt(`INSERT INTO namespaces_above (namespace_id, above_id) VALUES ($1, $1)`)
	namespaceByID   = stmt(`SELECT ` + nsCols + `, ` + roleAbove + ` FROM namespaces n WHERE n.id = $3`)
	namespaceByPath = stmt(`SELECT ` + nsCols + `, ` + roleAbove + ` FROM namespaces n WHERE n.full_key = $3`)
	updateNamespace = stmt(`UPDATE namespaces SET path = $1, name = $2, description = $3, visibility = $4, updated_at = $5, parent_id = $6 WHERE id = $7`)
	// What is below loses those that were above, and gets those that are.
	dropAbove = stmt(`DELETE FROM namespaces_above WHERE namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $1)
		AND above_id NOT IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $1)`)
	hangBelow = stmt(`INSERT INTO namespaces_above (namespace_id, above_id) SELECT b.namespace_id, a.above_id
		FROM namespaces_above b, namespaces_above a WHERE b.above_id = $1 AND a.namespace_id = $2`)
	capNamespaces = stmt(`UPDATE namespaces SET visibility = $1 WHERE visibility IN ($2, $3)
		AND id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $4)`)
	capProjects = stmt(`UPDATE projects SET visibility = $1 WHERE visibility IN ($2, $3)
		AND namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $4)`)
	// The length of the way from a namespace to the top is how many are above.
	deepestBelow = stmt(`SELECT coalesce(max(c.n), 0) FROM (SELECT count(*) AS n FROM namespaces_above a
		WHERE a.namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $1) GROUP BY a.namespace_id) c`)
	countAbove = stmt(`SELECT count(*) FROM namespaces_above WHERE namespace_id = $1`)
	// The paths and names below follow: their own beginning is replaced. $1 and
	// $3 are what was there, $2 and $4 what comes instead.
	moveNamespaces = stmt(`UPDATE namespaces SET full_path = $1 || substr(full_path, length(CAST($2 AS TEXT)) + 1),
		full_key = $3 || substr(full_key, length(CAST($2 AS TEXT)) + 1),
		full_name = $4 || substr(full_name, length(CAST($5 AS TEXT)) + 1)
		WHERE id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $6)`)
	moveProjects = stmt(`UPDATE projects SET full_path = $1 || substr(full_path, length(CAST($2 AS TEXT)) + 1),
		full_key = $3 || substr(full_key, length(CAST($2 AS TEXT)) + 1)
		WHERE namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $4)`)
	visibilitiesBelow = stmt(`SELECT n.visibility FROM namespaces_above a JOIN namespaces n ON n.id = a.namespace_id
		WHERE a.above_id = $1 AND a.namespace_id <> $1 UNION SELECT p.visibility FROM namespaces_above a
		JOIN projects p ON p.namespace_id = a.namespace_id WHERE a.above_id = $1`)
	deleteNamespaces = stmt(`DELETE FROM namespaces WHERE id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $1)`)
	// From now on the old paths of projects lead to them; where something is
	// now, nothing leads away from.
	redirectProject = stmt(`INSERT INTO redirects (full_key, project_id) VALUES ($1, $2)
		ON CONFLICT (full_key) DO UPDATE SET project_id = excluded.project_id`)
	redirectBelow = stmt(`INSERT INTO redirects (full_key, project_id) SELECT full_key, id FROM projects
		WHERE namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $1)
		ON CONFLICT (full_key) DO UPDATE SET project_id = excluded.project_id`)
	claimPath  = stmt(`DELETE FROM redirects WHERE full_key = $1`)
	claimBelow = stmt(`DELETE FROM redirects WHERE substr(full_key, 1, length(CAST($1 AS TEXT)) + 1) = $1 || '/'`)
	pathTaken  = stmt(`SELECT 1 FROM namespaces WHERE full_key = $1 UNION ALL SELECT 1 FROM projects WHERE full_key = $1`)
)

func nsDest(n *registry.Namespace) []any {
	return []any{&n.ID, &n.ParentID, &n.Kind, &n.Path, &n.Name, &n.FullPath, &n.FullName, &n.Description,
		&n.Visibility, &n.OwnerID, instant{&n.CreatedAt}, instant{&n.UpdatedAt}}
}

func scanNamespace(s scanner, n *registry.Namespace, extra ...any) error {
	return s.Scan(append(nsDest(n), extra...)...)
}

// freePath refuses a full path that a namespace or project has; redirects from
// it, and for a namespace from below it, end.
func (t *tx) freePath(ctx context.Context, noun, key string) error {
	var one int
	err := t.row(ctx, pathTaken, []any{key}, &one)
	switch {
	case err == nil:
		return fault.Conflictf(noun, "path", "has already been taken")
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if _, err := t.exec(ctx, claimPath, key); err != nil || noun == "project" {
		return err
	}
	_, err = t.exec(ctx, claimBelow, key)
	return err
}

func (t *tx) InsertNamespace(ctx context.Context, n registry.Namespace) (int64, error) {
	key := strings.ToLower(n.FullPath)
	if err := t.freePath(ctx, "group", key); err != nil {
		return 0, err
	}
	id, err := t.id(ctx, insertNamespace, ref(n.ParentID), n.Kind, n.Path, n.Name, n.FullPath, key, n.FullName,
		n.Description, n.Visibility, ref(n.OwnerID), micros(n.CreatedAt), micros(n.UpdatedAt))
	if err != nil {
		return 0, err
	}
	if _, err := t.exec(ctx, insertSelf, id); err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, insertAbove, id, n.ParentID)
	return id, err
}

func (t *tx) NamespaceAccess(ctx context.Context, r registry.NamespaceRef, v registry.Viewer) (registry.Namespace, registry.Role, error) {
	var n registry.Namespace
	var role registry.Role
	q, key := namespaceByID, any(r.ID)
	if r.ID == 0 {
		q, key = namespaceByPath, any(strings.ToLower(r.Path))
	}
	err := t.row(ctx, q, []any{v.UserID, micros(v.Now), key}, append(nsDest(&n), &role)...)
	noun := "group"
	if r.Kind == "" {
		noun = "namespace"
	}
	if err == nil && r.Kind != "" && n.Kind != r.Kind {
		err = sql.ErrNoRows
	}
	return n, role, named(err, noun, r.Path)
}

// memberAbove is the condition that the viewer has at least a role in namespace
// n, inherited or own.
const memberAbove = `EXISTS (SELECT 1 FROM namespaces_above a JOIN members m ON m.namespace_id = a.above_id
	WHERE a.namespace_id = n.id AND m.user_id = ? AND (m.expires_at = 0 OR m.expires_at > ?) AND m.role >= ?)`

// seesNamespace is the condition that a viewer may see namespace n.
func (l *listing) seesNamespace(v registry.Viewer) {
	switch {
	case v.Admin:
	case v.UserID == 0:
		l.and("n.visibility = ?", registry.Public)
	case v.Members:
		l.and(memberAbove, v.UserID, micros(v.Now), registry.Guest)
	default:
		l.and("(n.visibility <> ? OR "+memberAbove+")", registry.Private, v.UserID, micros(v.Now), registry.Guest)
	}
}

func (t *tx) ListNamespaces(ctx context.Context, q registry.NamespaceQuery) (registry.List[registry.Namespace], error) {
	l := &listing{cols: nsCols, from: "namespaces n", id: "n.id", initial: registry.Order{By: "name"},
		orders: map[string]column{"id": {"n.id", true}, "name": {"n.name", false}, "path": {"n.path", false},
			"full_path": {"n.full_path", false}}}
	l.seesNamespace(q.Viewer)
	if q.Kind != "" {
		l.and("n.kind = ?", q.Kind)
	}
	l.contains(q.Search, "n.name", "n.full_path")
	if q.TopOnly {
		l.and("n.parent_id IS NULL")
	}
	if q.ParentID != 0 {
		l.and("n.parent_id = ?", q.ParentID)
	}
	if q.BelowID != 0 {
		l.and("n.id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = ?) AND n.id <> ?", q.BelowID, q.BelowID)
	}
	if q.PathPrefix != "" {
		l.and("lower(n.path) LIKE ? ESCAPE '\\'", likeEscape(strings.ToLower(q.PathPrefix))+"%")
	}
	if q.Owned {
		l.and(memberAbove, q.Viewer.UserID, micros(q.Viewer.Now), registry.Owner)
	}
	return fetch(ctx, t, l, q.Order, q.Page, scanNamespace)
}

func (t *tx) UpdateNamespace(ctx context.Context, n registry.Namespace) error {
	old, _, err := t.NamespaceAccess(ctx, registry.NamespaceRef{ID: n.ID}, registry.Viewer{})
	if err != nil {
		return err
	}
	if _, err := t.exec(ctx, updateNamespace, n.Path, n.Name, n.Description, n.Visibility, micros(n.UpdatedAt), ref(n.ParentID), n.ID); err != nil {
		return err
	}
	if old.ParentID != n.ParentID {
		if _, err := t.exec(ctx, dropAbove, n.ID); err != nil {
			return err
		}
		if _, err := t.exec(ctx, hangBelow, n.ID, n.ParentID); err != nil {
			return err
		}
	}
	if old.FullPath == n.FullPath && old.FullName == n.FullName {
		return nil
	}
	key := strings.ToLower(n.FullPath)
	if key != strings.ToLower(old.FullPath) {
		if err := t.freePath(ctx, "group", key); err != nil {
			return err
		}
		if _, err := t.exec(ctx, redirectBelow, n.ID); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, moveNamespaces, n.FullPath, old.FullPath, key, n.FullName, old.FullName, n.ID); err != nil {
		return err
	}
	_, err = t.exec(ctx, moveProjects, n.FullPath, old.FullPath, key, n.ID)
	return err
}

func (t *tx) VisibilitiesBelow(ctx context.Context, id int64) ([]registry.Visibility, error) {
	var out []registry.Visibility
	err := t.rows(ctx, string(visibilitiesBelow), []any{id}, func(s scanner) error {
		var v registry.Visibility
		err := s.Scan(&v)
		out = append(out, v)
		return err
	})
	return out, err
}

func (t *tx) CapVisibility(ctx context.Context, id int64, v registry.Visibility) error {
	more := registry.Internal
	if v != registry.Private {
		more = registry.Public
	}
	for _, q := range []query{capNamespaces, capProjects} {
		if _, err := t.exec(ctx, q, v, more, registry.Public, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) DeepestBelow(ctx context.Context, id int64) (int, error) {
	var deepest, own int
	if err := t.row(ctx, deepestBelow, []any{id}, &deepest); err != nil {
		return 0, err
	}
	err := t.row(ctx, countAbove, []any{id}, &own)
	return deepest - own, err
}

func (t *tx) DeleteNamespace(ctx context.Context, id int64) error {
	n, err := t.exec(ctx, deleteNamespaces, id)
	return hit(n, err, "group", id)
}

var (
	putProjectMember = stmt(`INSERT INTO members (project_id, user_id, role, expires_at, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role, expires_at = excluded.expires_at`)
	putNamespaceMember = stmt(`INSERT INTO members (namespace_id, user_id, role, expires_at, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (namespace_id, user_id) DO UPDATE SET role = excluded.role, expires_at = excluded.expires_at`)
	deleteProjectMember   = stmt(`DELETE FROM members WHERE project_id = $1 AND user_id = $2`)
	deleteNamespaceMember = stmt(`DELETE FROM members WHERE namespace_id = $1 AND user_id = $2`)
	countProjectOwners    = stmt(`SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
		WHERE m.project_id = $1 AND m.role >= 50 AND (m.expires_at = 0 OR m.expires_at > $2) AND NOT u.bot`)
	countNamespaceOwners = stmt(`SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id
		WHERE m.namespace_id = $1 AND m.role >= 50 AND (m.expires_at = 0 OR m.expires_at > $2) AND NOT u.bot`)
)

// where tells in which column a place's members are.
func where(p registry.Place, inProject, inNamespace query) (query, int64) {
	if p.ProjectID != 0 {
		return inProject, p.ProjectID
	}
	return inNamespace, p.NamespaceID
}

func (t *tx) PutMember(ctx context.Context, p registry.Place, m registry.Member) error {
	q, id := where(p, putProjectMember, putNamespaceMember)
	_, err := t.exec(ctx, q, id, m.User.ID, m.Role, micros(m.ExpiresAt), micros(m.CreatedAt), m.CreatedBy)
	return err
}

func (t *tx) DeleteMember(ctx context.Context, p registry.Place, userID int64) error {
	q, id := where(p, deleteProjectMember, deleteNamespaceMember)
	n, err := t.exec(ctx, q, id, userID)
	return hit(n, err, "member", userID)
}

func (t *tx) CountOwners(ctx context.Context, p registry.Place, now time.Time) (int64, error) {
	q, id := where(p, countProjectOwners, countNamespaceOwners)
	var n int64
	err := t.row(ctx, q, []any{id, micros(now)}, &n)
	return n, err
}

func scanMember(s scanner, m *registry.Member, extra ...any) error {
	return s.Scan(append([]any{&m.User.ID, &m.User.Username, &m.User.Name, &m.User.Blocked, &m.Role,
		instant{&m.ExpiresAt}, instant{&m.CreatedAt}, &m.CreatedBy, &m.Of.NamespaceID, &m.Of.ProjectID, &m.From, &m.Bot}, extra...)...)
}

// membersHere and membersAbove list members; the second gives each user once,
// with the highest role in the place or above it.
const (
	membersHere  = `members m JOIN users u ON u.id = m.user_id LEFT JOIN namespaces n ON n.id = m.namespace_id`
	membersAbove = `(SELECT x.*, row_number() OVER (PARTITION BY x.user_id ORDER BY x.role DESC, x.id) AS nth FROM members x
		WHERE (x.project_id = $1 OR x.namespace_id IN (SELECT above_id FROM namespaces_above WHERE namespace_id = $2))
		AND (x.expires_at = 0 OR x.expires_at > $3)) m
		JOIN users u ON u.id = m.user_id LEFT JOIN namespaces n ON n.id = m.namespace_id`
)

func (t *tx) ListMembers(ctx context.Context, q registry.MemberQuery) (registry.List[registry.Member], error) {
	l := &listing{cols: `u.id, u.username, u.name, u.blocked, m.role, m.expires_at, m.created_at, m.created_by,
		coalesce(m.namespace_id, 0), coalesce(m.project_id, 0), coalesce(n.full_path, ''), u.bot`,
		from: membersHere, id: "u.id", initial: registry.Order{By: "id"}, orders: map[string]column{"id": {"u.id", true}}}
	switch {
	case q.Inherited:
		l.from, l.args = membersAbove, []any{ref(q.Place.ProjectID), q.Place.NamespaceID, micros(q.Now)}
		l.and("m.nth = 1")
	case q.Place.ProjectID != 0:
		l.and("m.project_id = ?", q.Place.ProjectID)
	default:
		l.and("m.namespace_id = ?", q.Place.NamespaceID)
	}
	l.and("(m.expires_at = 0 OR m.expires_at > ?)", micros(q.Now))
	if q.UserID != 0 {
		l.and("u.id = ?", q.UserID)
	}
	l.contains(q.Search, "u.username", "u.name")
	return fetch(ctx, t, l, registry.Order{}, q.Page, scanMember)
}

func (t *tx) ListMemberships(ctx context.Context, q registry.MembershipQuery) (registry.List[registry.Membership], error) {
	l := &listing{cols: `coalesce(n.id, 0), coalesce(p.id, 0), coalesce(n.name, p.name), coalesce(n.full_path, p.full_path), m.role`,
		from: `members m LEFT JOIN namespaces n ON n.id = m.namespace_id LEFT JOIN projects p ON p.id = m.project_id`,
		id:   "m.id", initial: registry.Order{By: "id"}, orders: map[string]column{"id": {"m.id", true}}}
	l.and("m.user_id = ?", q.UserID)
	l.and("(m.expires_at = 0 OR m.expires_at > ?)", micros(q.Now))
	l.and("(n.kind = ? AND ? OR p.deleted_at = 0 AND ?)", registry.GroupNamespace, q.Groups, q.Projects)
	return fetch(ctx, t, l, registry.Order{}, q.Page, func(s scanner, m *registry.Membership, extra ...any) error {
		return s.Scan(append([]any{&m.Place.NamespaceID, &m.Place.ProjectID, &m.Name, &m.FullPath, &m.Role}, extra...)...)
	})
}
