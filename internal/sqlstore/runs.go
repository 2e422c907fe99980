package sqlstore

import (
	"context"
	"database/sql"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// errNone is how a missing row shows where nothing was scanned.
var errNone = sql.ErrNoRows

const (
	experimentCols = `e.id, e.iid, e.project_id, coalesce(m.id, 0), e.name, coalesce(e.author_id, 0), coalesce(u.username, ''),
	coalesce(u.name, ''), e.run_count, e.created_at, e.updated_at`
	experimentFrom = `experiments e LEFT JOIN models m ON m.experiment_id = e.id LEFT JOIN users u ON u.id = e.author_id`
)

var (
	insertExperiment = stmt(`INSERT INTO experiments (project_id, iid, name, author_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`)
	experimentByIID   = stmt(`SELECT ` + experimentCols + ` FROM ` + experimentFrom + ` WHERE e.project_id = $1 AND e.iid = $2`)
	updateExperiment  = stmt(`UPDATE experiments SET name = $1, updated_at = $2 WHERE id = $3`)
	deleteExperiment  = stmt(`DELETE FROM experiments WHERE id = $1`)
	uncountExperiment = stmt(`UPDATE projects SET experiment_count = experiment_count - 1, run_count = run_count -
		(SELECT count(*) FROM runs WHERE experiment_id = $1) WHERE id = (SELECT project_id FROM experiments WHERE id = $1)`)
	countExperiment = stmt(`UPDATE experiments SET run_count = run_count + $1 WHERE id = $2`)
)

func scanExperiment(s scanner, e *registry.Experiment, extra ...any) error {
	return s.Scan(append([]any{&e.ID, &e.IID, &e.ProjectID, &e.ModelID, &e.Name, &e.Author.ID, &e.Author.Username, &e.Author.Name,
		&e.RunCount, instant{&e.CreatedAt}, instant{&e.UpdatedAt}}, extra...)...)
}

func (t *tx) InsertExperiment(ctx context.Context, e registry.Experiment) (int64, error) {
	if err := t.countProject(ctx, e.ProjectID, 0, 1, 0); err != nil {
		return 0, err
	}
	return t.id(ctx, insertExperiment, e.ProjectID, e.IID, e.Name, ref(e.Author.ID), micros(e.CreatedAt), micros(e.UpdatedAt))
}

func (t *tx) ExperimentByIID(ctx context.Context, projectID, iid int64) (registry.Experiment, error) {
	var e registry.Experiment
	err := t.scanOne(ctx, experimentByIID, []any{projectID, iid}, func(s scanner) error { return scanExperiment(s, &e) })
	return e, one(err, "experiment", iid)
}

func (t *tx) ListExperiments(ctx context.Context, q registry.ExperimentQuery) (registry.List[registry.Experiment], error) {
	l := &listing{cols: experimentCols, from: experimentFrom, id: "e.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"e.id", true}, "name": {"e.name", false}, "created_at": {"e.created_at", true},
			"updated_at": {"e.updated_at", true}}}
	l.and("e.project_id = ?", q.ProjectID)
	if q.ID != 0 {
		l.and("e.id = ?", q.ID)
	}
	l.contains(q.Search, "e.name")
	return fetch(ctx, t, l, q.Order, q.Page, scanExperiment)
}

func (t *tx) UpdateExperiment(ctx context.Context, e registry.Experiment) error {
	n, err := t.exec(ctx, updateExperiment, e.Name, micros(e.UpdatedAt), e.ID)
	return hit(n, err, "experiment", e.IID)
}

func (t *tx) DeleteExperiment(ctx context.Context, id int64) error {
	if _, err := t.exec(ctx, deleteRunPackages, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, uncountExperiment, id); err != nil {
		return err
	}
	n, err := t.exec(ctx, deleteExperiment, id)
	return hit(n, err, "experiment", id)
}

func (t *tx) CountExperiment(ctx context.Context, id int64, runs int64) error {
	n, err := t.exec(ctx, countExperiment, runs, id)
	return hit(n, err, "experiment", id)
}

const (
	runCols = `r.id, r.iid, r.eid, r.project_id, r.experiment_id, e.iid, coalesce(m.id, 0), r.version_id, coalesce(r.package_id, 0),
	r.name, r.status, coalesce(r.author_id, 0), coalesce(u.username, ''), coalesce(u.name, ''), r.job_id,
	r.started_at, r.ended_at, r.created_at, r.updated_at`
	runFrom = `runs r JOIN experiments e ON e.id = r.experiment_id LEFT JOIN models m ON m.experiment_id = e.id
	LEFT JOIN users u ON u.id = r.author_id`
)

var (
	insertRun = stmt(`INSERT INTO runs (project_id, experiment_id, iid, eid, name, status, author_id, job_id, package_id,
		started_at, ended_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id`)
	runByIID  = stmt(`SELECT ` + runCols + ` FROM ` + runFrom + ` WHERE r.project_id = $1 AND r.iid = $2`)
	updateRun = stmt(`UPDATE runs SET name = $1, status = $2, started_at = $3, ended_at = $4, version_id = $5, package_id = $6,
		updated_at = $7 WHERE id = $8`)
	deletePackage = stmt(`DELETE FROM packages WHERE id = $1`)
	deleteRun     = stmt(`DELETE FROM runs WHERE id = $1`)
)

func scanRun(s scanner, r *registry.Run, extra ...any) error {
	return s.Scan(append([]any{&r.ID, &r.IID, &r.EID, &r.ProjectID, &r.ExperimentID, &r.ExperimentIID, &r.ModelID, &r.VersionID,
		&r.PackageID, &r.Name, &r.Status, &r.Author.ID, &r.Author.Username, &r.Author.Name, &r.JobID,
		instant{&r.StartedAt}, instant{&r.EndedAt}, instant{&r.CreatedAt}, instant{&r.UpdatedAt}}, extra...)...)
}

func (t *tx) InsertRun(ctx context.Context, r registry.Run) (int64, error) {
	if err := t.countProject(ctx, r.ProjectID, 0, 0, 1); err != nil {
		return 0, err
	}
	return t.id(ctx, insertRun, r.ProjectID, r.ExperimentID, r.IID, r.EID, r.Name, r.Status, ref(r.Author.ID), r.JobID,
		ref(r.PackageID), micros(r.StartedAt), micros(r.EndedAt), micros(r.CreatedAt), micros(r.UpdatedAt))
}

func (t *tx) RunByIID(ctx context.Context, projectID, iid int64) (registry.Run, error) {
	var r registry.Run
	err := t.scanOne(ctx, runByIID, []any{projectID, iid}, func(s scanner) error { return scanRun(s, &r) })
	return r, one(err, "run", iid)
}

func (t *tx) ListRuns(ctx context.Context, q registry.RunQuery) (registry.List[registry.Run], error) {
	l := runList()
	if q.Order.By == "metric" {
		l.from += " JOIN metrics x ON x.run_id = r.id"
		l.orders = map[string]column{"metric": {"x.value", false}}
		l.and("x.key = ?", q.Metric)
	}
	l.and("r.project_id = ?", q.ProjectID)
	if q.ExperimentID != 0 {
		l.and("r.experiment_id = ?", q.ExperimentID)
	}
	if q.ModelID != 0 {
		l.and("m.id = ?", q.ModelID)
		l.and("r.version_id = 0")
	}
	if q.Status != "" {
		l.and("r.status = ?", q.Status)
	}
	l.contains(q.Search, "r.name")
	return fetch(ctx, t, &l, q.Order, q.Page, scanRun)
}

func runList() listing {
	return listing{cols: runCols, from: runFrom, id: "r.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"r.id", true}, "name": {"r.name", false}, "created_at": {"r.created_at", true},
			"started_at": {"r.started_at", true}}}
}

func (t *tx) UpdateRun(ctx context.Context, r registry.Run) error {
	n, err := t.exec(ctx, updateRun, r.Name, r.Status, micros(r.StartedAt), micros(r.EndedAt), r.VersionID, ref(r.PackageID),
		micros(r.UpdatedAt), r.ID)
	return hit(n, err, "run", r.IID)
}

func (t *tx) DeleteRun(ctx context.Context, r registry.Run) error {
	if r.PackageID != 0 {
		if _, err := t.exec(ctx, deletePackage, r.PackageID); err != nil {
			return err
		}
	}
	if err := t.countProject(ctx, r.ProjectID, 0, 0, -1); err != nil {
		return err
	}
	n, err := t.exec(ctx, deleteRun, r.ID)
	return hit(n, err, "run", r.IID)
}
