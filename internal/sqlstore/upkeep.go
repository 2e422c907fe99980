package sqlstore

import (
	"context"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	storedBlobs = stmt(`SELECT count(*), coalesce(sum(size), 0) FROM blobs WHERE NOT dying`)
	countAll    = stmt(`SELECT (SELECT count(*) FROM users WHERE NOT bot), (SELECT count(*) FROM namespaces WHERE kind = 'group'),
		(SELECT count(*) FROM projects WHERE deleted_at = 0), (SELECT coalesce(sum(version_count), 0) FROM models),
		(SELECT coalesce(sum(model_count), 0) FROM projects WHERE deleted_at = 0),
		(SELECT coalesce(sum(experiment_count), 0) FROM projects WHERE deleted_at = 0),
		(SELECT coalesce(sum(run_count), 0) FROM projects WHERE deleted_at = 0)`)
	sizedProjects = stmt(`SELECT p.full_path, s.n, s.size, p.storage_limit FROM (SELECT project_id, count(*) AS n, sum(size) AS size FROM packages
		GROUP BY project_id) s JOIN projects p ON p.id = s.project_id WHERE p.deleted_at = 0 ORDER BY s.size DESC, p.id LIMIT $1`)
)

// inProject narrows packages k to a project, or with 0 to those that are not
// deleted.
func (l *listing) inProject(id int64) {
	if id != 0 {
		l.and("k.project_id = ?", id)
		return
	}
	l.and("k.project_id IN (SELECT id FROM projects WHERE deleted_at = 0)")
}

func (t *tx) UsageOf(ctx context.Context, projectID int64, largest int) (registry.Usage, error) {
	var u registry.Usage
	all := &listing{}
	all.inProject(projectID)
	if err := t.row(ctx, query("SELECT count(*), coalesce(sum(k.size), 0) FROM packages k"+all.condition()), all.args, &u.Packages, &u.Size); err != nil {
		return u, err
	}
	for _, ask := range []func() error{
		func() error { return t.sizedModels(ctx, projectID, largest, &u) },
		func() error { return t.sizedPackages(ctx, projectID, largest, &u) },
	} {
		if err := ask(); err != nil {
			return u, err
		}
	}
	if projectID != 0 {
		return u, nil
	}
	if err := t.row(ctx, storedBlobs, nil, &u.StoredBlobs, &u.Stored); err != nil {
		return u, err
	}
	return u, t.rows(ctx, string(sizedProjects), []any{largest}, func(s scanner) error {
		var p registry.SizedProject
		err := s.Scan(&p.FullPath, &p.Packages, &p.Size, &p.Limit)
		u.Projects = append(u.Projects, p)
		return err
	})
}

// sizedModels sums by the name of packages, which is that of their model.
func (t *tx) sizedModels(ctx context.Context, projectID int64, largest int, u *registry.Usage) error {
	l := &listing{}
	l.inProject(projectID)
	l.and("k.type = ?", registry.ModelPackage)
	text := "SELECT p.full_path, m.id, m.name, s.n, s.size FROM (SELECT k.project_id, k.name, count(*) AS n, sum(k.size) AS size FROM packages k" +
		l.condition() + " GROUP BY k.project_id, k.type, k.name) s JOIN models m ON m.project_id = s.project_id AND m.name = s.name" +
		" JOIN projects p ON p.id = m.project_id ORDER BY s.size DESC, m.id" + l.bind(" LIMIT ?", largest)
	return t.rows(ctx, text, l.args, func(s scanner) error {
		var m registry.SizedModel
		err := s.Scan(&m.ProjectPath, &m.ModelID, &m.Name, &m.Packages, &m.Size)
		u.Models = append(u.Models, m)
		return err
	})
}

func (t *tx) sizedPackages(ctx context.Context, projectID int64, largest int, u *registry.Usage) error {
	l := &listing{}
	l.inProject(projectID)
	l.and("k.size > 0")
	text := "SELECT p.full_path, x.id, x.type, x.name, x.version, x.file_count, x.size, coalesce(v.model_id, 0), coalesce(v.id, 0) FROM" +
		" (SELECT k.id FROM packages k" + l.condition() + " ORDER BY k.size DESC, k.id" + l.bind(" LIMIT ?", largest) + ") s" +
		" JOIN packages x ON x.id = s.id JOIN projects p ON p.id = x.project_id LEFT JOIN versions v ON v.package_id = x.id ORDER BY x.size DESC, x.id"
	return t.rows(ctx, text, l.args, func(s scanner) error {
		var k registry.SizedPackage
		err := s.Scan(&k.ProjectPath, &k.ID, &k.Type, &k.Name, &k.Version, &k.FileCount, &k.Size, &k.ModelID, &k.VersionID)
		u.Versions = append(u.Versions, k)
		return err
	})
}

func (t *tx) Counts(ctx context.Context) (registry.Counts, error) {
	var c registry.Counts
	err := t.row(ctx, countAll, nil, &c.Users, &c.Groups, &c.Projects, &c.Versions, &c.Models, &c.Experiments, &c.Runs)
	return c, err
}

// endless stands where what has not ended would have its end.
const endless = int64(1) << 62

func (t *tx) ListJobs(ctx context.Context, q registry.JobQuery) (registry.List[jobs.Record], error) {
	end := "CASE WHEN j.ended_at = 0 THEN " + strconv.FormatInt(endless, 10) + " - j.run_at ELSE j.ended_at END"
	l := &listing{cols: `j.id, j.kind, j.args, j.state, j.run_at, j.attempt, j.max_attempts, j.last_error, j.ended_at`, from: "jobs j", id: "j.id",
		initial: registry.Order{By: "end", Desc: true}, orders: map[string]column{"end": {end, true}}}
	l.jobs(q)
	return fetch(ctx, t, l, registry.Order{}, q.Page, func(s scanner, r *jobs.Record, extra ...any) error {
		return s.Scan(append([]any{&r.ID, &r.Kind, &r.Args, &r.State, instant{&r.RunAt}, &r.Attempt, &r.MaxAttempts, &r.Said, instant{&r.EndedAt}}, extra...)...)
	})
}

// jobs adds the conditions of a query. Ended jobs go after a time, so that there
// are few enough to look at each.
func (l *listing) jobs(q registry.JobQuery) {
	l.contains(q.Text, "j.kind", "j.state", "j.last_error")
	if n := len(q.Kinds); n > 0 && q.Text != "" {
		last := len(l.where) - 1
		l.where[last] = "(" + l.where[last] + " OR " + l.bind("j.kind IN ("+marks(n)+")", anys(q.Kinds)...) + ")"
	}
}

// Size gives how many bytes the database takes up.
func (s *Store) Size(ctx context.Context) (int64, error) {
	var n int64
	err := s.read.db.QueryRowContext(ctx, s.e.size).Scan(&n)
	return n, err
}
