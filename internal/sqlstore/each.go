package sqlstore

import (
	"context"
	"maps"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func (t *tx) VersionsEach(ctx context.Context, n registry.Nest, q registry.VersionQuery) (map[int64]registry.List[registry.Version], error) {
	l := nest{listing: versionList(q), owners: "models o", child: "versions v", key: "v.id", link: "v.model_id = o.id"}
	return fetchEach(ctx, t, l, n, scanVersion)
}

func (t *tx) CandidatesEach(ctx context.Context, n registry.Nest) (map[int64]registry.List[registry.Run], error) {
	l := nest{listing: runList(), owners: "models o", child: "runs r", key: "r.id",
		link: "r.experiment_id = o.experiment_id AND r.version_id = 0"}
	return fetchEach(ctx, t, l, n, scanRun)
}

func (t *tx) RunsEach(ctx context.Context, n registry.Nest) (map[int64]registry.List[registry.Run], error) {
	l := nest{listing: runList(), owners: "experiments o", child: "runs r", key: "r.id", link: "r.experiment_id = o.id"}
	return fetchEach(ctx, t, l, n, scanRun)
}

func (t *tx) FilesEach(ctx context.Context, n registry.Nest) (map[int64]registry.List[registry.File], error) {
	l := nest{listing: fileList(), owners: "packages o", child: "files f", key: "f.id", link: "f.package_id = o.id"}
	return fetchEach(ctx, t, l, n, scanFile)
}

// namedNest gives what runs have under names, as a nest.
func namedNest(table, alias, owner string) nest {
	owner, key := alias+"."+owner, alias+".key"
	return nest{listing: listing{cols: key + ", " + alias + ".value", from: table + " " + alias, id: owner,
		initial: registry.Order{By: "name"}, orders: map[string]column{"name": {key, false}}},
		owners: "runs o", child: table + " " + alias, key: owner + ", " + key, link: owner + " = o.id"}
}

func (t *tx) ParamsEach(ctx context.Context, n registry.Nest) (map[int64]registry.List[registry.Param], error) {
	return fetchEach(ctx, t, namedNest("run_params", "p", "run_id"), n, func(s scanner, p *registry.Param, extra ...any) error {
		return s.Scan(append([]any{&p.Key, &p.Value}, extra...)...)
	})
}

func (t *tx) RunTagsEach(ctx context.Context, n registry.Nest) (map[int64]registry.List[registry.Tag], error) {
	return fetchEach(ctx, t, namedNest("run_tags", "g", "owner_id"), n, func(s scanner, g *registry.Tag, extra ...any) error {
		return s.Scan(append([]any{&g.Key, &g.Value}, extra...)...)
	})
}

// rowsByID reads the rows of a project that have certain ids.
func rowsByID[T any](ctx context.Context, t *tx, cols, from, alias string, projectID int64, ids []int64,
	scan func(s scanner, v *T, extra ...any) error) (map[int64]T, error) {
	out := make(map[int64]T, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	text := "SELECT " + cols + ", " + alias + ".id FROM " + from + " WHERE " + alias + ".project_id = $1 AND " +
		alias + ".id IN (" + placeholders(2, len(ids)) + ")"
	err := t.rows(ctx, text, append([]any{projectID}, anys(ids)...), func(s scanner) error {
		var v T
		var id int64
		err := scan(s, &v, &id)
		out[id] = v
		return err
	})
	return out, err
}

func (t *tx) VersionsByID(ctx context.Context, projectID int64, ids []int64) (map[int64]registry.Version, error) {
	return rowsByID(ctx, t, versionCols, versionFrom, "v", projectID, ids, scanVersion)
}

func (t *tx) RunsByID(ctx context.Context, projectID int64, ids []int64) (map[int64]registry.Run, error) {
	out, err := rowsByID(ctx, t, runCols, runFrom, "r", projectID, ids, scanRun)
	maps.DeleteFunc(out, func(_ int64, r registry.Run) bool { return !r.DeletedAt.IsZero() })
	return out, err
}

func (t *tx) PackagesByID(ctx context.Context, projectID int64, ids []int64) (map[int64]registry.Package, error) {
	return rowsByID(ctx, t, packageListCols, packageListFrom, "k", projectID, ids, scanPackage)
}
