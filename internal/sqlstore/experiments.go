package sqlstore

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var experimentCols = pack([]string{"e.id", "e.iid", "e.project_id", "coalesce(m.id, 0)", "coalesce(e.author_id, 0)", "e.run_count",
	"e.created_at", "e.updated_at", "e.deleted_at"},
	[]string{"e.name", "coalesce(u.username, '')", "coalesce(u.name, '')", "e.location"})

const experimentFrom = `experiments e LEFT JOIN models m ON m.experiment_id = e.id LEFT JOIN users u ON u.id = e.author_id`

var (
	insertExperiment = stmt(`INSERT INTO experiments (project_id, iid, name, location, author_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`)
	experimentByIID   = stmt(`SELECT ` + experimentCols + ` FROM ` + experimentFrom + ` WHERE e.project_id = $1 AND e.iid = $2`)
	experimentByName  = stmt(`SELECT ` + experimentCols + ` FROM ` + experimentFrom + ` WHERE e.project_id = $1 AND e.name = $2`)
	updateExperiment  = stmt(`UPDATE experiments SET name = $1, updated_at = $2 WHERE id = $3`)
	deleteExperiment  = stmt(`DELETE FROM experiments WHERE id = $1`)
	trashExperiment   = stmt(`UPDATE experiments SET deleted_at = $1, updated_at = $1, run_count = 0 WHERE id = $2`)
	trashRunsOf       = stmt(`UPDATE runs SET deleted_at = $1 WHERE experiment_id = $2`)
	untrashExperiment = stmt(`UPDATE experiments SET deleted_at = 0, updated_at = $1, run_count = (SELECT count(*) FROM runs
		WHERE experiment_id = $2) WHERE id = $2`)
	countRun = stmt(`UPDATE experiments SET run_count = run_count + $1 WHERE id = (SELECT experiment_id FROM runs
		WHERE id = $2 AND deleted_at = 0) RETURNING project_id, iid, run_count`)
	// A project counts the experiments and runs that its lists show: no deleted
	// ones, and not the default one while it has no runs.
	uncountExperiment = stmt(`UPDATE projects SET experiment_count = projects.experiment_count - e.counts, run_count = projects.run_count - e.runs
		FROM (SELECT project_id, run_count AS runs, CASE WHEN deleted_at > 0 OR iid = 0 AND run_count = 0 THEN 0 ELSE 1 END AS counts
		FROM experiments WHERE id = $1) AS e WHERE id = e.project_id`)
	recountExperiment = stmt(`UPDATE projects SET experiment_count = projects.experiment_count + e.counts, run_count = projects.run_count + e.runs
		FROM (SELECT project_id, run_count AS runs, CASE WHEN iid = 0 AND run_count = 0 THEN 0 ELSE 1 END AS counts
		FROM experiments WHERE id = $1) AS e WHERE id = e.project_id`)
)

func scanExperiment(s scanner, e *registry.Experiment, extra ...any) error {
	return s.Scan(append([]any{packed{[]any{&e.ID, &e.IID, &e.ProjectID, &e.ModelID, &e.Author.ID, &e.RunCount,
		instant{&e.CreatedAt}, instant{&e.UpdatedAt}, instant{&e.DeletedAt}},
		[]*string{&e.Name, &e.Author.Username, &e.Author.Name, &e.Location}}}, extra...)...)
}

func (t *tx) InsertExperiment(ctx context.Context, e registry.Experiment) (int64, error) {
	if e.IID != registry.DefaultExperiment {
		if err := t.countProject(ctx, e.ProjectID, 0, 1, 0); err != nil {
			return 0, err
		}
	}
	return t.id(ctx, insertExperiment, e.ProjectID, e.IID, e.Name, e.Location, ref(e.Author.ID), micros(e.CreatedAt), micros(e.UpdatedAt))
}

func (t *tx) ExperimentByIID(ctx context.Context, projectID, iid int64) (registry.Experiment, error) {
	var e registry.Experiment
	err := t.scanOne(ctx, experimentByIID, []any{projectID, iid}, func(s scanner) error { return scanExperiment(s, &e) })
	return e, one(err, "experiment", iid)
}

func (t *tx) ExperimentByName(ctx context.Context, projectID int64, name string) (registry.Experiment, error) {
	var e registry.Experiment
	err := t.scanOne(ctx, experimentByName, []any{projectID, name}, func(s scanner) error { return scanExperiment(s, &e) })
	return e, named(err, "experiment", name)
}

func (t *tx) ExperimentIDs(ctx context.Context, projectID int64, iids []int64) ([]int64, error) {
	var out []int64
	text := "SELECT id FROM experiments WHERE project_id = $1 AND iid IN (" + placeholders(2, len(iids)) + ")"
	err := t.rows(ctx, text, append([]any{projectID}, anys(iids)...), func(s scanner) error {
		var id int64
		err := s.Scan(&id)
		out = append(out, id)
		return err
	})
	return out, err
}

func (t *tx) ListExperiments(ctx context.Context, q registry.ExperimentQuery) (registry.List[registry.Experiment], error) {
	l := &listing{cols: experimentCols, from: experimentFrom, id: "e.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"e.id", true}, "name": {"e.name", false}, "created_at": {"e.created_at", true},
			"updated_at": {"e.updated_at", true}}}
	l.and("e.project_id = ?", q.ProjectID)
	if q.ID != 0 {
		l.and("e.id = ?", q.ID)
	}
	if q.Name != "" {
		l.and("e.name = ?", q.Name)
	}
	l.and("e.deleted_at = 0 AND (e.iid > ? OR e.run_count > 0)", int64(registry.DefaultExperiment))
	l.contains(q.Search, "e.name")
	return fetch(ctx, t, l, q.Order, q.Page, scanExperiment)
}

func (t *tx) UpdateExperiment(ctx context.Context, e registry.Experiment) error {
	n, err := t.exec(ctx, updateExperiment, e.Name, micros(e.UpdatedAt), e.ID)
	return hit(n, err, "experiment", e.IID)
}

func (t *tx) DeleteExperiment(ctx context.Context, id int64) error {
	for _, q := range []query{deleteRunPackages, deleteLoggedPackages} {
		if _, err := t.exec(ctx, q, id); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, uncountExperiment, id); err != nil {
		return err
	}
	n, err := t.exec(ctx, deleteExperiment, id)
	return hit(n, err, "experiment", id)
}

// countRun counts an active run in or out, which shows or hides the default
// experiment with its first and its last.
func (t *tx) countRun(ctx context.Context, id int64, n int) error {
	var project, iid int64
	var now int
	err := t.row(ctx, countRun, []any{n, id}, &project, &iid, &now)
	if err != nil {
		return ignoreNone(err)
	}
	shows := 0
	if iid == registry.DefaultExperiment && (now == 0 || now == n) {
		shows = n
	}
	return t.countProject(ctx, project, 0, shows, n)
}

func (t *tx) TrashExperiment(ctx context.Context, id int64, at time.Time) error {
	if _, err := t.exec(ctx, uncountExperiment, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, trashRunsOf, micros(at), id); err != nil {
		return err
	}
	n, err := t.exec(ctx, trashExperiment, micros(at), id)
	return hit(n, err, "experiment", id)
}

func (t *tx) RestoreExperiment(ctx context.Context, id int64, at time.Time) error {
	if _, err := t.exec(ctx, trashRunsOf, int64(0), id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, untrashExperiment, micros(at), id); err != nil {
		return err
	}
	n, err := t.exec(ctx, recountExperiment, id)
	return hit(n, err, "experiment", id)
}

// experimentSearch is what can be asked of experiments.
var experimentSearch = searchable{
	from: "experiments e", id: "e.id", stage: "e.deleted_at",
	attrs: map[string]attr{"id": {column: column{"e.iid", true}}, "name": {column: column{"e.name", false}},
		"created_at": {column: column{"e.created_at", true}, filter: "e.created_at / 1000"},
		"updated_at": {column: column{"e.updated_at", true}, filter: "e.updated_at / 1000"}},
	values: map[registry.Subject]valueTable{registry.OfTag: {exists: "SELECT 1 FROM experiment_tags v WHERE v.owner_id = e.id"}},
	last:   []term{{"e.iid", true}},
}

func (t *tx) SearchExperiments(ctx context.Context, projectID int64, plain bool, q registry.Search) (registry.Found[registry.Experiment], error) {
	in := scope{column: "e.project_id", ids: []int64{projectID}, where: []string{"(e.iid > 0 OR e.run_count > 0)"}}
	if plain {
		in.where = []string{"NOT EXISTS (SELECT 1 FROM models m WHERE m.experiment_id = e.id)"}
	}
	ids, next, err := t.found(ctx, experimentSearch, in, q)
	if err != nil {
		return registry.Found[registry.Experiment]{}, err
	}
	es, err := byIDs(ctx, t, "SELECT "+experimentCols+" FROM "+experimentFrom+" WHERE e.id", ids, scanExperiment,
		func(e registry.Experiment) int64 { return e.ID })
	return registry.Found[registry.Experiment]{Items: es, Next: next}, err
}
