package sqlstore

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var modelCols = pack([]string{"m.id", "m.project_id", "m.prompt", "coalesce(m.author_id, 0)", "m.experiment_id", "e.iid",
	"m.version_count", "m.candidate_count", "m.latest_id", "m.latest_size", "m.download_count", "m.created_at", "m.updated_at"},
	[]string{"m.name", "coalesce(u.username, '')", "coalesce(u.name, '')", "coalesce(v.semver, '')", "m.description"})

const modelFrom = `models m JOIN experiments e ON e.id = m.experiment_id LEFT JOIN users u ON u.id = m.author_id
	LEFT JOIN versions v ON v.id = m.latest_id`

var (
	insertModel = stmt(`INSERT INTO models (project_id, name, prompt, description, author_id, experiment_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`)
	modelByID    = stmt(`SELECT ` + modelCols + ` FROM ` + modelFrom + ` WHERE m.id = $1 AND m.project_id = $2`)
	modelByName  = stmt(`SELECT ` + modelCols + ` FROM ` + modelFrom + ` WHERE m.project_id = $1 AND m.name = $2`)
	modelsFolded = stmt(`SELECT ` + modelCols + ` FROM ` + modelFrom + ` WHERE m.project_id = $1 AND lower(m.name) = $2 ORDER BY m.id LIMIT $3`)
	updateModel  = stmt(`UPDATE models SET name = $1, description = $2, updated_at = $3 WHERE id = $4`)
	touchModel   = stmt(`UPDATE models SET updated_at = $1 WHERE id = $2`)
	// A model's experiment and packages bear its name.
	renameModelExperiment = stmt(`UPDATE experiments SET name = $1 WHERE id = (SELECT experiment_id FROM models WHERE id = $2) AND name <> $1`)
	renameModelPackages   = stmt(`UPDATE packages SET name = $1 WHERE name <> $1 AND id IN (SELECT r.package_id FROM runs r
		JOIN models m ON m.experiment_id = r.experiment_id WHERE m.id = $2)`)
	deleteRunPackages = stmt(`DELETE FROM packages WHERE id IN (SELECT package_id FROM runs WHERE experiment_id = $1)`)
	deleteVersions    = stmt(`DELETE FROM versions WHERE model_id = $1`)
	deleteModel       = stmt(`DELETE FROM models WHERE id = $1`)
	countModel        = stmt(`UPDATE models SET version_count = version_count + $1, candidate_count = candidate_count + $2,
		latest_id = coalesce(
		(SELECT id FROM versions WHERE model_id = $3 AND NOT pre_release ORDER BY semver_key DESC, id DESC LIMIT 1),
		(SELECT id FROM versions WHERE model_id = $3 AND pre_release ORDER BY semver_key DESC, id DESC LIMIT 1), 0)
		WHERE id = $3`)
	nextNumber = stmt(`UPDATE models SET next_number = next_number + 1, version_count = version_count + 1, updated_at = $1
		WHERE id = $2 RETURNING next_number - 1`)
)

func scanModel(s scanner, m *registry.Model, extra ...any) error {
	return s.Scan(append([]any{packed{[]any{&m.ID, &m.ProjectID, &m.Prompt, &m.Author.ID, &m.ExperimentID, &m.ExperimentIID,
		&m.VersionCount, &m.CandidateCount, &m.LatestID, &m.LatestSize, &m.DownloadCount, instant{&m.CreatedAt}, instant{&m.UpdatedAt}},
		[]*string{&m.Name, &m.Author.Username, &m.Author.Name, &m.LatestVersion, &m.Description}}}, extra...)...)
}

func (t *tx) InsertModel(ctx context.Context, m registry.Model) (int64, error) {
	if err := t.countShelf(ctx, m, 1); err != nil {
		return 0, err
	}
	return t.id(ctx, insertModel, m.ProjectID, m.Name, m.Prompt, m.Description, ref(m.Author.ID), m.ExperimentID, micros(m.CreatedAt), micros(m.UpdatedAt))
}

func (t *tx) ModelByID(ctx context.Context, projectID, id int64) (registry.Model, error) {
	var m registry.Model
	err := t.scanOne(ctx, modelByID, []any{id, projectID}, func(s scanner) error { return scanModel(s, &m) })
	return m, one(err, "model", id)
}

func (t *tx) ModelByName(ctx context.Context, projectID int64, name string) (registry.Model, error) {
	var m registry.Model
	err := t.scanOne(ctx, modelByName, []any{projectID, name}, func(s scanner) error { return scanModel(s, &m) })
	return m, named(err, "model", name)
}

func (t *tx) ModelsFolded(ctx context.Context, projectID int64, name string, limit int) (out []registry.Model, err error) {
	err = t.rows(ctx, string(modelsFolded), []any{projectID, name, limit}, func(s scanner) error {
		var m registry.Model
		err := scanModel(s, &m)
		out = append(out, m)
		return err
	})
	return out, err
}

func (t *tx) ListModels(ctx context.Context, q registry.ModelQuery) (registry.List[registry.Model], error) {
	l := &listing{cols: modelCols, from: modelFrom, id: "m.id", initial: registry.Order{By: "id", Desc: true},
		orders: map[string]column{"id": {"m.id", true}, "name": {"m.name", false}, "created_at": {"m.created_at", true},
			"updated_at": {"m.updated_at", true}, "latest_version": {"m.latest_key", false}, "size": {"m.latest_size", true}, "downloads": {"m.download_count", true}}}
	l.and("m.project_id = ?", q.ProjectID)
	if q.ID != 0 {
		l.and("m.id = ?", q.ID)
	}
	if q.Name != "" {
		l.and("m.name = ?", q.Name)
	}
	switch {
	case q.ID != 0, q.Name != "":
	case q.Prompts:
		l.and("m.prompt")
	default:
		l.and("NOT m.prompt")
	}
	if err := t.named(ctx, l, nameIndex{"model_names", "project", q.ProjectID}, q.Search, q.Order, "m.name"); err != nil {
		return registry.List[registry.Model]{}, err
	}
	return fetch(ctx, t, l, q.Order, q.Page, scanModel)
}

func (t *tx) UpdateModel(ctx context.Context, m registry.Model) error {
	n, err := t.exec(ctx, updateModel, m.Name, m.Description, micros(m.UpdatedAt), m.ID)
	if err := hit(n, err, "model", m.ID); err != nil {
		return err
	}
	if n, err = t.exec(ctx, renameModelExperiment, "[model]"+m.Name, m.ID); err != nil || n == 0 {
		return err
	}
	_, err = t.exec(ctx, renameModelPackages, m.Name, m.ID)
	return err
}

func (t *tx) TouchModel(ctx context.Context, id int64, at time.Time) error {
	n, err := t.exec(ctx, touchModel, micros(at), id)
	return hit(n, err, "model", id)
}

func (t *tx) DeleteModel(ctx context.Context, m registry.Model) error {
	if err := t.countShelf(ctx, m, -1); err != nil {
		return err
	}
	if _, err := t.exec(ctx, deleteVersions, m.ID); err != nil {
		return err
	}
	n, err := t.exec(ctx, deleteModel, m.ID)
	if err := hit(n, err, "model", m.ID); err != nil {
		return err
	}
	return t.DeleteExperiment(ctx, m.ExperimentID)
}

func (t *tx) CountModel(ctx context.Context, id int64, versions, candidates int64) error {
	n, err := t.exec(ctx, countModel, versions, candidates, id)
	return hit(n, err, "model", id)
}

func (t *tx) NextNumber(ctx context.Context, modelID int64, at time.Time) (int64, error) {
	n, err := t.id(ctx, nextNumber, micros(at), modelID)
	return n, one(err, "model", modelID)
}

// versionCols are what scanVersion reads; foundCols are without the names of
// authors and what the packages hold, each of which would be looked up.
var (
	versionCols = packVersion("k.file_count", "k.size", "coalesce(u.username, '')", "coalesce(u.name, '')")
	foundCols   = packVersion("0", "0", "''", "''")
)

const (
	foundFrom   = `versions v JOIN models m ON m.id = v.model_id JOIN runs r ON r.id = v.run_id`
	versionFrom = foundFrom + ` JOIN packages k ON k.id = v.package_id LEFT JOIN users u ON u.id = v.author_id`
)

func packVersion(files, size, username, name string) string {
	return pack([]string{"v.id", "v.project_id", "v.model_id", "v.number", "coalesce(v.author_id, 0)", "r.id", "r.iid",
		"v.package_id", files, size, "v.created_at", "v.updated_at"},
		[]string{"m.name", "v.semver", "v.stage", "v.source", "v.location", "v.source_run", "v.run_link", "v.logged_model",
			username, name, "r.eid", "v.description"})
}

var (
	insertVersion = stmt(`INSERT INTO versions (project_id, model_id, number, semver, semver_key, pre_release, description, stage,
		source, location, source_run, run_link, logged_model, author_id, run_id, package_id, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) RETURNING id`)
	versionByID     = stmt(`SELECT ` + versionCols + ` FROM ` + versionFrom + ` WHERE v.id = $1 AND v.project_id = $2`)
	versionBySemver = stmt(`SELECT ` + versionCols + ` FROM ` + versionFrom + ` WHERE v.model_id = $1 AND v.semver = $2`)
	versionByNumber = stmt(`SELECT ` + versionCols + ` FROM ` + versionFrom + ` WHERE v.model_id = $1 AND v.number = $2`)
	updateVersion   = stmt(`UPDATE versions SET description = $1, stage = $2, updated_at = $3 WHERE id = $4`)
	deleteVersion   = stmt(`DELETE FROM versions WHERE id = $1`)
	highestVersion  = stmt(`SELECT semver FROM versions WHERE model_id = $1 ORDER BY semver_key DESC, id DESC LIMIT 1`)
)

func scanVersion(s scanner, v *registry.Version, extra ...any) error {
	return s.Scan(append([]any{packed{[]any{&v.ID, &v.ProjectID, &v.ModelID, &v.Number, &v.Author.ID, &v.RunID, &v.RunIID,
		&v.PackageID, &v.FileCount, &v.Size, instant{&v.CreatedAt}, instant{&v.UpdatedAt}},
		[]*string{&v.ModelName, &v.Semver, (*string)(&v.Stage), &v.Origin.Source, &v.Origin.Location, &v.Origin.RunEID, &v.Origin.RunLink,
			&v.Origin.LoggedModel, &v.Author.Username, &v.Author.Name, &v.RunEID, &v.Description}}}, extra...)...)
}

func (t *tx) InsertVersion(ctx context.Context, v registry.Version) (int64, error) {
	sv, err := registry.ParseSemver(v.Semver)
	if err != nil {
		return 0, err
	}
	return t.id(ctx, insertVersion, v.ProjectID, v.ModelID, v.Number, v.Semver, sv.Key, sv.PreRelease, v.Description, v.Stage,
		v.Origin.Source, v.Origin.Location, v.Origin.RunEID, v.Origin.RunLink, v.Origin.LoggedModel, ref(v.Author.ID), v.RunID, v.PackageID, micros(v.CreatedAt), micros(v.UpdatedAt))
}

func (t *tx) VersionByID(ctx context.Context, projectID, id int64) (registry.Version, error) {
	var v registry.Version
	err := t.scanOne(ctx, versionByID, []any{id, projectID}, func(s scanner) error { return scanVersion(s, &v) })
	return v, one(err, "version", id)
}

func (t *tx) VersionBySemver(ctx context.Context, modelID int64, semver string) (registry.Version, error) {
	var v registry.Version
	err := t.scanOne(ctx, versionBySemver, []any{modelID, semver}, func(s scanner) error { return scanVersion(s, &v) })
	return v, named(err, "version", semver)
}

func (t *tx) VersionByNumber(ctx context.Context, modelID, number int64) (registry.Version, error) {
	var v registry.Version
	err := t.scanOne(ctx, versionByNumber, []any{modelID, number}, func(s scanner) error { return scanVersion(s, &v) })
	return v, one(err, "version", number)
}

func (t *tx) ListVersions(ctx context.Context, q registry.VersionQuery) (registry.List[registry.Version], error) {
	l := versionList(q)
	l.and("v.model_id = ?", q.ModelID)
	return fetch(ctx, t, &l, q.Order, q.Page, scanVersion)
}

// label is the SQL of Version.Label.
const label = "replace(v.semver, '+', '_')"

// versionList narrows versions, of whatever models.
func versionList(q registry.VersionQuery) listing {
	l := listing{cols: versionCols, from: versionFrom, id: "v.id", initial: registry.Order{By: "version", Desc: true},
		orders: map[string]column{"version": {"v.semver_key", false}, "id": {"v.id", true}, "created_at": {"v.created_at", true},
			"label": {label, false}}}
	if q.Semver != "" {
		l.and("v.semver = ?", q.Semver)
	}
	if q.Prefix != "" {
		l.semverPrefix(q.Prefix)
	}
	if q.Behind != "" {
		// No cursor: SQLite finds the beginning of rows in an index of columns
		// only.
		l.and(label+" > ?", q.Behind)
	}
	return l
}

// semverPrefix looks for versions that begin with a text. Whole numbers, as in
// "1.7.", are a stretch of the order by precedence, so that the first page is
// found without sorting; anything else is a stretch of the texts.
func (l *listing) semverPrefix(prefix string) {
	col, from := "v.semver", prefix
	if key, ok := registry.SemverPrefixKey(prefix); ok {
		col, from = "v.semver_key", key
	}
	// DEL is above every character of versions and keys.
	l.and(col+" >= ?", from)
	l.and(col+" < ?", from+"\x7f")
}

func (t *tx) UpdateVersion(ctx context.Context, v registry.Version) error {
	n, err := t.exec(ctx, updateVersion, v.Description, v.Stage, micros(v.UpdatedAt), v.ID)
	return hit(n, err, "version", v.ID)
}

func (t *tx) DeleteVersion(ctx context.Context, v registry.Version) error {
	n, err := t.exec(ctx, deleteVersion, v.ID)
	if err := hit(n, err, "version", v.ID); err != nil {
		return err
	}
	return t.DeleteRun(ctx, registry.Run{ID: v.RunID, ProjectID: v.ProjectID, PackageID: v.PackageID})
}

func (t *tx) HighestVersion(ctx context.Context, modelID int64) (string, error) {
	var s string
	err := t.row(ctx, highestVersion, []any{modelID}, &s)
	return s, ignoreNone(err)
}
