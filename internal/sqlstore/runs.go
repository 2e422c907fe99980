package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// errNone is how a missing row shows where nothing was scanned.
var errNone = sql.ErrNoRows

var runCols = pack([]string{"r.id", "r.iid", "r.project_id", "r.experiment_id", "e.iid", "coalesce(m.id, 0)", "r.version_id",
	"coalesce(r.package_id, 0)", "coalesce(r.author_id, 0)", "r.job_id", "r.started_at", "r.ended_at", "r.created_at", "r.updated_at",
	"r.deleted_at", "r.name_hidden"},
	[]string{"r.eid", "r.name", "r.status", "coalesce(u.username, '')", "coalesce(u.name, '')", "r.user_label", "e.location"})

const runFrom = `runs r JOIN experiments e ON e.id = r.experiment_id LEFT JOIN models m ON m.experiment_id = e.id
	LEFT JOIN users u ON u.id = r.author_id`

var (
	insertRun = stmt(`INSERT INTO runs (project_id, experiment_id, iid, eid, name, status, author_id, job_id, package_id,
		started_at, ended_at, created_at, updated_at, user_label)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`)
	// A project counts its default experiment from the first run on.
	nextRun = stmt(`UPDATE projects SET next_run = next_run + 1, run_count = run_count + 1, experiment_count = experiment_count +
		coalesce((SELECT CASE WHEN iid = 0 AND run_count = 0 THEN 1 ELSE 0 END FROM experiments WHERE id = $1), 0)
		WHERE id = $2 RETURNING next_run - 1`)
	addRun   = stmt(`UPDATE experiments SET run_count = run_count + 1 WHERE id = $1`)
	runByIID = stmt(`SELECT ` + runCols + ` FROM ` + runFrom + ` WHERE r.project_id = $1 AND r.iid = $2`)
	runByEID = stmt(`SELECT ` + runCols + ` FROM ` + runFrom + ` WHERE r.project_id = $1 AND r.eid = $2`)
	stageRun = stmt(`UPDATE runs SET deleted_at = $1, updated_at = $2 WHERE id = $3`)
	// The start never changes: the tables of what runs have logged repeat it.
	updateRun = stmt(`UPDATE runs SET name = $1, status = $2, ended_at = $3, version_id = $4, package_id = $5, updated_at = $6,
		name_hidden = $7 WHERE id = $8`)
	publishRun    = stmt(`UPDATE runs SET version_id = $1, updated_at = $2 WHERE id = $3`)
	deletePackage = stmt(`DELETE FROM packages WHERE id = $1`)
	deleteRun     = stmt(`DELETE FROM runs WHERE id = $1`)
)

func scanRun(s scanner, r *registry.Run, extra ...any) error {
	return s.Scan(append([]any{packed{[]any{&r.ID, &r.IID, &r.ProjectID, &r.ExperimentID, &r.ExperimentIID, &r.ModelID, &r.VersionID,
		&r.PackageID, &r.Author.ID, &r.JobID, instant{&r.StartedAt}, instant{&r.EndedAt}, instant{&r.CreatedAt}, instant{&r.UpdatedAt},
		instant{&r.DeletedAt}, &r.NameHidden},
		[]*string{&r.EID, &r.Name, (*string)(&r.Status), &r.Author.Username, &r.Author.Name, &r.UserLabel, &r.Location}}}, extra...)...)
}

func (t *tx) InsertRun(ctx context.Context, r registry.Run) (registry.Run, error) {
	var err error
	if r.IID, err = t.id(ctx, nextRun, r.ExperimentID, r.ProjectID); err != nil {
		return r, one(err, "project", r.ProjectID)
	}
	if _, err := t.exec(ctx, addRun, r.ExperimentID); err != nil {
		return r, err
	}
	r.ID, err = t.id(ctx, insertRun, r.ProjectID, r.ExperimentID, r.IID, r.EID, r.Name, r.Status, ref(r.Author.ID), r.JobID,
		ref(r.PackageID), micros(r.StartedAt), micros(r.EndedAt), micros(r.CreatedAt), micros(r.UpdatedAt), r.UserLabel)
	if t.fresh != nil && t.fresh.run == 0 {
		t.fresh.run = r.ID
	}
	return r, err
}

func (t *tx) RunByIID(ctx context.Context, projectID, iid int64) (registry.Run, error) {
	var r registry.Run
	err := t.scanOne(ctx, runByIID, []any{projectID, iid}, func(s scanner) error { return scanRun(s, &r) })
	return r, one(err, "run", iid)
}

func (t *tx) RunByEID(ctx context.Context, projectID int64, eid string) (registry.Run, error) {
	var r registry.Run
	err := t.scanOne(ctx, runByEID, []any{projectID, eid}, func(s scanner) error { return scanRun(s, &r) })
	return r, named(err, "run", eid)
}

func (t *tx) RunIDs(ctx context.Context, projectID int64, eids []string) (map[string]int64, error) {
	return t.idsByEID(ctx, "runs", projectID, eids)
}

// idsByEID finds rows of a project by their outer ids.
func (t *tx) idsByEID(ctx context.Context, table string, projectID int64, eids []string) (map[string]int64, error) {
	out := map[string]int64{}
	args := []any{projectID}
	for _, e := range eids {
		args = append(args, e)
	}
	text := "SELECT eid, id FROM " + table + " WHERE project_id = $1 AND eid IN (" + placeholders(2, len(eids)) + ")"
	err := t.rows(ctx, text, args, func(s scanner) error {
		var eid string
		var id int64
		err := s.Scan(&eid, &id)
		out[eid] = id
		return err
	})
	return out, err
}

func (t *tx) ListRuns(ctx context.Context, q registry.RunQuery) (registry.List[registry.Run], error) {
	l := runList()
	if q.Candidates {
		l.and("r.version_id = 0")
	}
	if q.Status != "" {
		l.and("r.status = ?", q.Status)
	}
	names := nameIndex{"run_names", "project", q.ProjectID}
	if q.ExperimentID != 0 {
		names.of, names.id = "experiment", q.ExperimentID
	}
	if err := t.named(ctx, &l, names, q.Search, q.Order, "r.name"); err != nil {
		return registry.List[registry.Run]{}, err
	}
	switch q.Order.By {
	case "param":
		return t.inStretches(ctx, l, q, paramStretches(l, q))
	case "metric":
		if q.Whole {
			return t.inStretches(ctx, l, q, metricStretches(l, q))
		}
		l.from += " JOIN metrics x ON x.run_id = r.id"
		l.orders, l.real = map[string]column{"metric": {"x.value", false}}, true
		l.and("x.key = ?", q.Metric)
		l.and("x.nan = ?", false)
		l.scope(q, "x")
	default:
		l.scope(q, "r")
	}
	return fetch(ctx, t, &l, q.Order, q.Page, scanRun)
}

// scope keeps a list of runs to an experiment or project. An experiment is of one
// project: only one of the conditions is there, and on one table, so that the
// database cannot choose the index of a wider one.
func (l *listing) scope(q registry.RunQuery, table string) {
	if q.ExperimentID == 0 {
		l.and("r.project_id = ?", q.ProjectID)
		return
	}
	l.and(table+".experiment_id = ?", q.ExperimentID)
}

// runList lists active runs.
func runList() listing {
	return listing{cols: runCols, from: runFrom, id: "r.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"r.id", true}, "name": {"r.name", false}, "created_at": {"r.id", true},
			"started_at": {"r.started_at", true}}, where: []string{"r.deleted_at = 0"}}
}

func (t *tx) UpdateRun(ctx context.Context, r registry.Run) error {
	n, err := t.exec(ctx, updateRun, r.Name, r.Status, micros(r.EndedAt), r.VersionID, ref(r.PackageID),
		micros(r.UpdatedAt), r.NameHidden, r.ID)
	return hit(n, err, "run", r.IID)
}

func (t *tx) PublishRun(ctx context.Context, r registry.Run) error {
	n, err := t.exec(ctx, publishRun, r.VersionID, micros(r.UpdatedAt), r.ID)
	return hit(n, err, "run", r.IID)
}

func (t *tx) DeleteRun(ctx context.Context, r registry.Run) error {
	if r.PackageID != 0 {
		if _, err := t.exec(ctx, deletePackage, r.PackageID); err != nil {
			return err
		}
	}
	if err := t.countRun(ctx, r.ID, -1); err != nil {
		return err
	}
	n, err := t.exec(ctx, deleteRun, r.ID)
	return hit(n, err, "run", r.IID)
}

func (t *tx) TrashRun(ctx context.Context, id int64, at time.Time) error {
	if err := t.countRun(ctx, id, -1); err != nil {
		return err
	}
	n, err := t.exec(ctx, stageRun, micros(at), micros(at), id)
	return hit(n, err, "run", id)
}

func (t *tx) RestoreRun(ctx context.Context, id int64, at time.Time) error {
	n, err := t.exec(ctx, stageRun, int64(0), micros(at), id)
	if err := hit(n, err, "run", id); err != nil {
		return err
	}
	return t.countRun(ctx, id, 1)
}

// runSearch is what can be asked of runs.
var runSearch = searchable{
	from: "runs r", id: "r.id", stage: "r.deleted_at", indexed: true, names: "run_names",
	attrs: map[string]attr{"eid": {column: column{"r.eid", false}, found: true}, "name": {column: column{"r.name", false}, found: true, ordered: true},
		"status": {column: column{"upper(r.status)", false}, found: true, ordered: true}, "user": {column: column{"r.user_label", false}},
		"started_at": {column: column{"r.started_at", true}, filter: "r.started_at / 1000", unit: 1000, found: true, ordered: true},
		"ended_at": {column: column{"nullif(r.ended_at, 0)", true}, filter: "nullif(r.ended_at, 0) / 1000", unit: 1000, null: true, found: true, ordered: true,
			stored: "r.ended_at"},
		"artifact_uri": {column: column{`(SELECT CASE WHEN e.location = '' THEN 'mlflow-artifacts:/' || CAST(e.iid AS TEXT) ELSE rtrim(e.location, '/') END
			FROM experiments e WHERE e.id = r.experiment_id) || '/' || r.eid || '/artifacts'`, false}}},
	values: map[registry.Subject]valueTable{
		registry.OfMetric: {exists: "SELECT 1 FROM metrics v WHERE v.run_id = r.id", join: "metrics x ON x.run_id = r.id", number: true,
			table: "metrics", owner: "run_id", scope: "experiment_id", last: lastOfRun},
		registry.OfParam: {exists: "SELECT 1 FROM run_params v WHERE v.run_id = r.id", join: "run_params x ON x.run_id = r.id",
			table: "run_params", owner: "run_id", scope: "experiment_id", last: lastOfRun},
		registry.OfTag: {exists: "SELECT 1 FROM run_tags v WHERE v.owner_id = r.id", join: "run_tags x ON x.owner_id = r.id",
			table: "run_tags", owner: "owner_id", scope: "experiment_id", last: lastOfRun},
		registry.OfDataset: {exists: `SELECT 1 FROM run_inputs i JOIN input_datasets d ON d.id = i.dataset_id
			LEFT JOIN run_input_tags c ON c.owner_id = i.id AND c.key = '` + registry.InputContext + `' WHERE i.run_id = r.id`,
			columns: map[string]string{"name": "d.name", "digest": "d.digest", "context": "c.value"}},
	},
	last: []term{{"r.started_at", true}, {"r.eid", false}},
}

// lastOfRun is the order of runs without keys, in the tables of their values.
var lastOfRun = []term{{"started_at", true}, {"run_eid", false}}

func (t *tx) SearchRuns(ctx context.Context, experiments []int64, q registry.Search) (registry.Found[registry.Run], error) {
	ids, next, err := t.found(ctx, runSearch, scope{column: "r.experiment_id", ids: experiments}, q)
	if err != nil {
		return registry.Found[registry.Run]{}, err
	}
	rs, err := byIDs(ctx, t, "SELECT "+runCols+" FROM "+runFrom+" WHERE r.id", ids, scanRun, func(r registry.Run) int64 { return r.ID })
	return registry.Found[registry.Run]{Items: rs, Next: next}, err
}
