package sqlstore

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
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

// pointKey are the columns that tell points of a run apart, in their order; the
// name of a metric and its id go together.
const pointKey = "k.key, x.step, x.at, x.value, x.nan"

// PointsEach orders by five columns, so a cursor's key holds step, time, value
// and name, and its id the time again.
func (t *tx) PointsEach(ctx context.Context, q registry.Nest) (map[int64]registry.List[registry.Metric], error) {
	if len(q.Owners) == 0 {
		return map[int64]registry.List[registry.Metric]{}, nil
	}
	from := "metrics k JOIN metric_points x ON x.metric_id = k.id"
	n := nest{listing: listing{from: from}, owners: "runs o", child: from, link: "k.run_id = o.id",
		key: "x.metric_id, x.step, x.at, x.value, x.nan"}
	uncounted, order := n, pointKey
	behind, before := " > ", " < "
	if q.Order.Desc {
		behind, before = before, behind
		order = strings.ReplaceAll(pointKey, ",", " DESC,") + " DESC"
	}
	if err := n.pointsFrom(q.Page.After, behind); err != nil {
		return nil, err
	}
	if err := n.pointsFrom(q.Page.Before, before); err != nil {
		return nil, err
	}
	lists, err := each(ctx, t, n.text(pointKey, order, q), n.args, q, scanPoint)
	if err != nil {
		return nil, err
	}
	return lists, countEach(ctx, t, uncounted, q, lists)
}

func scanPoint(s scanner, owner *int64) (m registry.Metric, c registry.Cursor, err error) {
	var nan bool
	err = s.Scan(&m.Key, &m.Step, instant{&m.At}, &m.Value, &nan, owner)
	value := strconv.FormatFloat(m.Value, 'g', -1, 64)
	m.Value = restored(m.Value, nan)
	if nan {
		value = "NaN"
	}
	return m, registry.Cursor{Key: strconv.FormatInt(m.Step, 10) + " " + value + " " + m.Key, ID: micros(m.At)}, err
}

// pointsFrom adds the condition of a cursor.
func (n *nest) pointsFrom(c *registry.Cursor, cmp string) error {
	if c == nil {
		return nil
	}
	parts := strings.SplitN(c.Key, " ", 3)
	if len(parts) != 3 {
		return fault.Invalidf("cursor", "is invalid")
	}
	step, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return fault.Invalidf("cursor", "is invalid")
	}
	v, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return fault.Invalidf("cursor", "is invalid")
	}
	value, nan := stored(v)
	n.and("("+pointKey+")"+cmp+"(?, ?, ?, ?, ?)", parts[2], step, c.ID, value, nan)
	return nil
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
