package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

const (
	loggedCols = `l.id, l.eid, l.project_id, l.experiment_id, e.iid, e.location, coalesce(l.package_id, 0), l.name, l.type, l.status, l.source_run,
	coalesce(l.author_id, 0), coalesce(u.username, ''), coalesce(u.name, ''), l.created_at, l.updated_at, l.deleted_at`
	loggedFrom = `logged_models l JOIN experiments e ON e.id = l.experiment_id LEFT JOIN users u ON u.id = l.author_id`
)

var (
	insertLogged = stmt(`INSERT INTO logged_models (project_id, experiment_id, eid, name, type, status, source_run, author_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`)
	loggedByEID  = stmt(`SELECT ` + loggedCols + ` FROM ` + loggedFrom + ` WHERE l.project_id = $1 AND l.eid = $2`)
	updateLogged = stmt(`UPDATE logged_models SET status = $1, package_id = $2, updated_at = $3, deleted_at = $4 WHERE id = $5`)

	insertLoggedParam  = stmt(`INSERT INTO logged_model_params (key, value, model_id) VALUES ($1, $2, $3)`)
	insertLoggedMetric = stmt(`INSERT INTO logged_model_metrics (model_id, run_id, key, at, step, value, nan, dataset, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (model_id, key, at, step, run_id) DO NOTHING`)
	deleteLoggedPackages = stmt(`DELETE FROM packages WHERE id IN (SELECT package_id FROM logged_models WHERE experiment_id = $1)`)
)

func scanLogged(s scanner, m *registry.LoggedModel, extra ...any) error {
	return s.Scan(append([]any{&m.ID, &m.EID, &m.ProjectID, &m.ExperimentID, &m.ExperimentIID, &m.Location, &m.PackageID, &m.Name, &m.Type, &m.Status,
		&m.SourceRun, &m.Author.ID, &m.Author.Username, &m.Author.Name, instant{&m.CreatedAt}, instant{&m.UpdatedAt}, instant{&m.DeletedAt}}, extra...)...)
}

func (t *tx) InsertLoggedModel(ctx context.Context, m registry.LoggedModel) (int64, error) {
	return t.id(ctx, insertLogged, m.ProjectID, m.ExperimentID, m.EID, m.Name, m.Type, m.Status, m.SourceRun, ref(m.Author.ID),
		micros(m.CreatedAt), micros(m.UpdatedAt))
}

func (t *tx) LoggedModelByEID(ctx context.Context, projectID int64, eid string) (registry.LoggedModel, error) {
	var m registry.LoggedModel
	err := t.scanOne(ctx, loggedByEID, []any{projectID, eid}, func(s scanner) error { return scanLogged(s, &m) })
	return m, named(err, "logged model", eid)
}

func (t *tx) LoggedModelIDs(ctx context.Context, projectID int64, eids []string) (map[string]int64, error) {
	return t.idsByEID(ctx, "logged_models", projectID, eids)
}

func (t *tx) UpdateLoggedModel(ctx context.Context, m registry.LoggedModel) error {
	n, err := t.exec(ctx, updateLogged, m.Status, ref(m.PackageID), micros(m.UpdatedAt), micros(m.DeletedAt), m.ID)
	return hit(n, err, "logged model", m.ID)
}

func (t *tx) InsertLoggedParams(ctx context.Context, id int64, ps []registry.Param) error {
	for _, p := range ps {
		if _, err := t.exec(ctx, insertLoggedParam, p.Key, p.Value, id); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) LoggedParamsOf(ctx context.Context, ids []int64) (map[int64][]registry.Param, error) {
	return t.paramsOf(ctx, "logged_model_params", "model_id", ids)
}

func (t *tx) InsertLoggedMetric(ctx context.Context, id, runID int64, m registry.Metric) error {
	p := pointOf(m)
	_, err := t.exec(ctx, insertLoggedMetric, id, runID, m.Key, p.at, p.step, p.value, p.nan, m.Data.Name, m.Data.Digest)
	return err
}

func (t *tx) LoggedMetricsOf(ctx context.Context, ids []int64) (map[int64][]registry.LoggedMetric, error) {
	out := map[int64][]registry.LoggedMetric{}
	for part := range slices.Chunk(ids, idsAtOnce) {
		text := `SELECT x.model_id, l.eid, r.eid, x.key, x.value, x.nan, x.step, x.at, x.dataset, x.digest FROM logged_model_metrics x
			JOIN logged_models l ON l.id = x.model_id JOIN runs r ON r.id = x.run_id
			WHERE x.model_id IN (` + placeholders(1, len(part)) + `) ORDER BY x.model_id, x.key, x.at, x.step, x.run_id`
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var m registry.LoggedMetric
			var nan bool
			err := s.Scan(&id, &m.Model, &m.RunEID, &m.Key, &m.Value, &nan, &m.Step, instant{&m.At}, &m.Data.Name, &m.Data.Digest)
			m.Value = restored(m.Value, nan)
			out[id] = append(out[id], m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// loggedSearch is what can be asked of logged models that were measured with
// one of some data sets, or with whatever.
func loggedSearch(data []registry.DatasetRef) searchable {
	with := measuredWith("v", data)
	measured := valueTable{exists: "SELECT 1 FROM logged_model_metrics v WHERE v.model_id = l.id" + with.text, args: with.args,
		join: "logged_model_metrics x ON x.model_id = l.id", number: true, latest: latestLogged}
	return searchable{
		from: "logged_models l", id: "l.id", stage: "l.deleted_at",
		attrs: map[string]attr{"eid": {column: column{"l.eid", false}}, "name": {column: column{"l.name", false}}, "type": {column: column{"l.type", false}},
			"status": {column: column{"l.status", false}}, "source_run": {column: column{"l.source_run", false}},
			"experiment_id": {column: column{"(SELECT CAST(e.iid AS TEXT) FROM experiments e WHERE e.id = l.experiment_id)", false}},
			"created_at":    {column: column{"l.created_at", true}, filter: "l.created_at / 1000"},
			"updated_at":    {column: column{"l.updated_at", true}, filter: "l.updated_at / 1000"}},
		values: map[registry.Subject]valueTable{registry.OfMetric: measured,
			registry.OfParam: {exists: "SELECT 1 FROM logged_model_params v WHERE v.model_id = l.id"},
			registry.OfTag:   {exists: "SELECT 1 FROM logged_model_tags v WHERE v.owner_id = l.id"}},
		last: []term{{"l.created_at", true}, {"l.eid", false}},
	}
}

// measuredWith is the condition on a point that it was measured with one of some
// data sets, to be added to others; empty without any.
func measuredWith(point string, data []registry.DatasetRef) condition {
	var any []string
	var c condition
	for _, d := range data {
		all := "1 = 1"
		for _, f := range []struct{ column, value string }{{"dataset", d.Name}, {"digest", d.Digest}} {
			if f.value != "" {
				all += " AND " + point + "." + f.column + " = ?"
				c.args = append(c.args, f.value)
			}
		}
		any = append(any, "("+all+")")
	}
	if any != nil {
		c.text = " AND (" + strings.Join(any, " OR ") + ")"
	}
	return c
}

// latestLogged finds the point of a metric by which models are ordered: that of
// the highest time and step, as search_logged_models of MLflow has it.
func latestLogged(s registry.Sort) (string, []any) {
	with := condition{}
	if s.Data != (registry.DatasetRef{}) {
		with = measuredWith("y", []registry.DatasetRef{s.Data})
	}
	return "SELECT y.id FROM logged_model_metrics y WHERE y.model_id = l.id AND y.key = ?" + with.text + " ORDER BY y.at DESC, y.step DESC, y.run_id LIMIT 1",
		append([]any{s.Key}, with.args...)
}

func (t *tx) SearchLoggedModels(ctx context.Context, experiments []int64, q registry.Search, data []registry.DatasetRef) (registry.Found[registry.LoggedModel], error) {
	k, in := loggedSearch(data), scope{column: "l.experiment_id", ids: experiments}
	if len(data) > 0 {
		v := k.values[registry.OfMetric]
		in.also = &condition{"EXISTS (" + v.exists + ")", v.args}
	}
	ids, next, err := t.found(ctx, k, in, q)
	if err != nil {
		return registry.Found[registry.LoggedModel]{}, err
	}
	ms, err := byIDs(ctx, t, "SELECT "+loggedCols+" FROM "+loggedFrom+" WHERE l.id", ids, scanLogged, func(m registry.LoggedModel) int64 { return m.ID })
	return registry.Found[registry.LoggedModel]{Items: ms, Next: next}, err
}
