package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var projectCols = pack([]string{"p.id", "p.archived", "coalesce(p.creator_id, 0)", "p.created_at", "p.updated_at", "p.active_at",
	"n.id", "coalesce(n.parent_id, 0)", "coalesce(n.owner_id, 0)", "p.model_count", "p.prompt_count", "p.experiment_count", "p.run_count",
	"p.duplicates_refused", "p.size", "p.storage_limit"},
	[]string{"p.path", "p.name", "p.full_path", "p.visibility", "p.models_level", "p.experiments_level", "p.packages_level",
		"n.kind", "n.path", "n.name", "n.full_path", "n.visibility", "p.duplicates_except", "p.description"})

const (
	projectFrom = `projects p JOIN namespaces n ON n.id = p.namespace_id`
	// $1 is the user, $2 the time.
	roleIn = `coalesce((SELECT m.role FROM members m WHERE m.project_id = p.id AND m.user_id = $1
	AND (m.expires_at = 0 OR m.expires_at > $2)), 0)`
	// $3 is the group.
	isBelow = `EXISTS (SELECT 1 FROM namespaces_above b WHERE b.namespace_id = n.id AND b.above_id = $3)`
)

var (
	insertProject = stmt(`INSERT INTO projects (namespace_id, path, name, full_path, full_key, description, visibility, archived,
		creator_id, models_level, experiments_level, packages_level, created_at, updated_at, active_at, storage_limit)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`)
	projectByID = stmt(`SELECT ` + projectCols + `, ` + roleIn + `, ` + roleAbove + `, ` + isBelow + ` FROM ` + projectFrom +
		` WHERE p.id = $4 AND p.deleted_at = 0`)
	projectByPath = stmt(`SELECT ` + projectCols + `, ` + roleIn + `, ` + roleAbove + `, ` + isBelow + ` FROM ` + projectFrom +
		` WHERE p.full_key = $4 AND p.deleted_at = 0`)
	projectMoved = stmt(`SELECT ` + projectCols + `, ` + roleIn + `, ` + roleAbove + `, ` + isBelow + ` FROM ` + projectFrom +
		` WHERE p.id = (SELECT project_id FROM redirects WHERE full_key = $4) AND p.deleted_at = 0`)
	projectOfModel      = stmt(projectOf("models"))
	projectOfVersion    = stmt(projectOf("versions"))
	projectOfExperiment = stmt(projectOf("experiments"))
	projectOfPackage    = stmt(projectOf("packages"))
	updateProject       = stmt(`UPDATE projects SET path = $1, name = $2, full_path = $3, full_key = $4, description = $5, visibility = $6,
		archived = $7, models_level = $8, experiments_level = $9, packages_level = $10, updated_at = $11, namespace_id = $12,
		duplicates_refused = $13, duplicates_except = $14, storage_limit = $15 WHERE id = $16`)
	hideProject = stmt(`UPDATE projects SET deleted_at = $1, namespace_id = NULL, full_path = '', full_key = '-deleted-' || id WHERE id = $2`)
	hideBelow   = stmt(`UPDATE projects SET deleted_at = $1, namespace_id = NULL, full_path = '', full_key = '-deleted-' || id
		WHERE namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = $2)`)
	dropDeploys    = stmt(`DELETE FROM deploy_tokens WHERE project_id IN (SELECT id FROM projects WHERE deleted_at > 0)`)
	revokeHidden   = stmt(`UPDATE tokens SET revoked_at = $1 WHERE revoked_at = 0 AND project_id IN (SELECT id FROM projects WHERE deleted_at > 0)`)
	nextExperiment = stmt(`UPDATE projects SET next_experiment = next_experiment + 1 WHERE id = $1 RETURNING next_experiment - 1`)
	hiddenProject  = stmt(`SELECT id FROM projects WHERE deleted_at > 0 ORDER BY deleted_at LIMIT 1`)
)

func projectDest(p *registry.Project) []any {
	n := &p.Namespace
	f := &p.Features
	return []any{packed{[]any{&p.ID, &p.Archived, &p.CreatorID, instant{&p.CreatedAt}, instant{&p.UpdatedAt}, instant{&p.ActiveAt},
		&n.ID, &n.ParentID, &n.OwnerID, &p.ModelCount, &p.PromptCount, &p.ExperimentCount, &p.RunCount,
		&p.Duplicates.Refused, &p.Size, &p.StorageLimit},
		[]*string{&p.Path, &p.Name, &p.FullPath, (*string)(&p.Visibility), (*string)(&f.Models), (*string)(&f.Experiments), (*string)(&f.Packages),
			(*string)(&n.Kind), &n.Path, &n.Name, &n.FullPath, (*string)(&n.Visibility), &p.Duplicates.Except, &p.Description}}}
}

func scanProject(s scanner, p *registry.Project, extra ...any) error {
	return s.Scan(append(append(projectDest(p), &p.ProjectRole, &p.GroupRole), extra...)...)
}

func (t *tx) InsertProject(ctx context.Context, p registry.Project) (int64, error) {
	key := strings.ToLower(p.FullPath)
	if err := t.freePath(ctx, "project", key); err != nil {
		return 0, err
	}
	return t.id(ctx, insertProject, p.Namespace.ID, p.Path, p.Name, p.FullPath, key, p.Description, p.Visibility, p.Archived,
		ref(p.CreatorID), p.Features.Models, p.Features.Experiments, p.Features.Packages, micros(p.CreatedAt), micros(p.UpdatedAt), micros(p.ActiveAt), p.StorageLimit)
}

// projectOf finds the project that a row of a table belongs to.
func projectOf(table string) string {
	return `SELECT ` + projectCols + `, ` + roleIn + `, ` + roleAbove + `, ` + isBelow + ` FROM ` + projectFrom +
		` WHERE p.id = (SELECT project_id FROM ` + table + ` WHERE id = $4) AND p.deleted_at = 0`
}

func (t *tx) ProjectAccess(ctx context.Context, r registry.ProjectRef, v registry.Viewer) (registry.Project, error) {
	var p registry.Project
	q, key, name := projectByPath, any(strings.ToLower(r.Path)), r.Path
	for _, by := range []struct {
		id int64
		q  query
	}{{r.ID, projectByID}, {r.ModelID, projectOfModel}, {r.VersionID, projectOfVersion},
		{r.ExperimentID, projectOfExperiment}, {r.PackageID, projectOfPackage}} {
		if by.id != 0 {
			q, key, name = by.q, by.id, strconv.FormatInt(by.id, 10)
			break
		}
	}
	args, dest := []any{v.UserID, micros(v.Now), v.GroupID, key}, append(projectDest(&p), &p.ProjectRole, &p.GroupRole, &p.InGroup)
	err := t.row(ctx, q, args, dest...)
	if q == projectByPath && errors.Is(err, sql.ErrNoRows) {
		err, p.Moved = t.row(ctx, projectMoved, args, dest...), true
	}
	return p, named(err, "project", name)
}

// member is the condition that the viewer has at least a role in project p.
const member = `(EXISTS (SELECT 1 FROM members m WHERE m.project_id = p.id AND m.user_id = ? AND m.role >= ?
	AND (m.expires_at = 0 OR m.expires_at > ?)) OR EXISTS (SELECT 1 FROM namespaces_above a
	JOIN members m ON m.namespace_id = a.above_id WHERE a.namespace_id = p.namespace_id AND m.user_id = ? AND m.role >= ?
	AND (m.expires_at = 0 OR m.expires_at > ?)))`

func memberArgs(v registry.Viewer, least registry.Role) []any {
	return []any{v.UserID, least, micros(v.Now), v.UserID, least, micros(v.Now)}
}

func (l *listing) seesProject(v registry.Viewer) {
	switch {
	case v.Admin:
	case v.UserID == 0:
		l.and("p.visibility = ?", registry.Public)
	case v.Members:
		l.and(member, memberArgs(v, registry.Guest)...)
	default:
		l.and("(p.visibility <> ? OR "+member+")", append([]any{registry.Private}, memberArgs(v, registry.Guest)...)...)
	}
}

func (t *tx) ListProjects(ctx context.Context, q registry.ProjectQuery) (registry.List[registry.Project], error) {
	l := &listing{cols: projectCols + ", " + roleIn + ", " + roleAbove, from: projectFrom, id: "p.id",
		initial: registry.Order{By: "created_at", Desc: true},
		orders: map[string]column{"id": {"p.id", true}, "name": {"p.name", false}, "path": {"p.path", false},
			"created_at": {"p.created_at", true}, "updated_at": {"p.updated_at", true}, "last_activity_at": {"p.active_at", true}},
		args: []any{q.Viewer.UserID, micros(q.Viewer.Now)}}
	// The count has no columns, so the viewer's parameters must stand here too.
	l.where = append(l.where, "CAST($1 AS BIGINT) >= 0", "CAST($2 AS BIGINT) >= -1")
	l.and("p.deleted_at = 0")
	l.seesProject(q.Viewer)
	if err := t.named(ctx, l, nameIndex{table: "project_names"}, q.Search, q.Order, "p.name", "p.full_path"); err != nil {
		return registry.List[registry.Project]{}, err
	}
	if q.MinRole > 0 || q.Membership || q.Owned {
		least := max(q.MinRole, registry.Guest)
		if q.Owned {
			least = registry.Owner
		}
		l.and(member, memberArgs(q.Viewer, least)...)
	}
	if q.Visibility != "" {
		l.and("p.visibility = ?", q.Visibility)
	}
	if q.Archived != nil {
		l.and("p.archived = ?", *q.Archived)
	}
	switch {
	case q.NamespaceID != 0 && q.Subgroups:
		l.and("p.namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = ?)", q.NamespaceID)
	case q.NamespaceID != 0:
		l.and("p.namespace_id = ?", q.NamespaceID)
	}
	return fetch(ctx, t, l, q.Order, q.Page, scanProject)
}

func (t *tx) UpdateProject(ctx context.Context, p registry.Project) error {
	key := strings.ToLower(p.FullPath)
	old, err := t.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
	if err != nil {
		return err
	}
	if oldKey := strings.ToLower(old.FullPath); oldKey != key {
		if err := t.freePath(ctx, "project", key); err != nil {
			return err
		}
		if _, err := t.exec(ctx, redirectProject, oldKey, p.ID); err != nil {
			return err
		}
	}
	n, err := t.exec(ctx, updateProject, p.Path, p.Name, p.FullPath, key, p.Description, p.Visibility, p.Archived,
		p.Features.Models, p.Features.Experiments, p.Features.Packages, micros(p.UpdatedAt), p.Namespace.ID,
		p.Duplicates.Refused, p.Duplicates.Except, p.StorageLimit, p.ID)
	return hit(n, err, "project", p.ID)
}

func (t *tx) HideProject(ctx context.Context, id int64, at time.Time) error {
	n, err := t.exec(ctx, hideProject, micros(at), id)
	if err := hit(n, err, "project", id); err != nil {
		return err
	}
	return t.endHidden(ctx, at)
}

// endHidden ends the tokens of hidden projects.
func (t *tx) endHidden(ctx context.Context, at time.Time) error {
	if _, err := t.exec(ctx, revokeHidden, micros(at)); err != nil {
		return err
	}
	_, err := t.exec(ctx, dropDeploys)
	return err
}

func (t *tx) HideProjectsBelow(ctx context.Context, namespaceID int64, at time.Time) error {
	if _, err := t.exec(ctx, hideBelow, micros(at), namespaceID); err != nil {
		return err
	}
	return t.endHidden(ctx, at)
}

func (t *tx) NextExperiment(ctx context.Context, projectID int64) (int64, error) {
	n, err := t.id(ctx, nextExperiment, projectID)
	return n, one(err, "project", projectID)
}

// purgeSteps remove what a project holds, from the leaves on: each at most $2
// rows of project $1. What hangs on the rows goes by cascade.
var purgeSteps = []query{
	stmt(`DELETE FROM files WHERE id IN (SELECT f.id FROM files f JOIN packages k ON k.id = f.package_id WHERE k.project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM versions WHERE id IN (SELECT id FROM versions WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM models WHERE id IN (SELECT id FROM models WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM logged_models WHERE id IN (SELECT id FROM logged_models WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM experiments WHERE id IN (SELECT id FROM experiments WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM packages WHERE id IN (SELECT id FROM packages WHERE project_id = $1 LIMIT $2)`),
	stmt(`DELETE FROM projects WHERE id IN (SELECT id FROM projects WHERE id = $1 LIMIT $2)`),
}

func (t *tx) PurgeProjects(ctx context.Context, limit int) (bool, error) {
	var id int64
	err := t.row(ctx, hiddenProject, nil, &id)
	if err != nil {
		return false, ignoreNone(err)
	}
	for _, q := range purgeSteps {
		n, err := t.exec(ctx, q, id, limit)
		if err != nil {
			return false, fmt.Errorf("purge of project %d: %w", id, err)
		}
		if n >= int64(limit) {
			return true, nil
		}
	}
	return true, nil
}

var countProject = stmt(`UPDATE projects SET model_count = model_count + $1, experiment_count = experiment_count + $2,
	run_count = run_count + $3 WHERE id = $4`)

// countProject adds to the counters of a project.
func (t *tx) countProject(ctx context.Context, id int64, models, experiments, runs int) error {
	n, err := t.exec(ctx, countProject, models, experiments, runs, id)
	return hit(n, err, "project", id)
}
