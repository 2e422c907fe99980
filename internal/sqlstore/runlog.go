package sqlstore

import (
	"context"
	"math"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	insertParam = stmt(`INSERT INTO run_params (run_id, key, value) VALUES ($1, $2, $3)`)
	// The latest point of a metric is the one of the highest step, then time,
	// then value; a row is changed only by a later point.
	putMetric = stmt(`INSERT INTO metrics (run_id, key, step, at, value, nan) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (run_id, key) DO UPDATE SET
		value = CASE WHEN (excluded.step, excluded.at, excluded.value) >= (metrics.step, metrics.at, metrics.value) THEN excluded.value ELSE metrics.value END,
		nan = CASE WHEN (excluded.step, excluded.at, excluded.value) >= (metrics.step, metrics.at, metrics.value) THEN excluded.nan ELSE metrics.nan END,
		at = CASE WHEN (excluded.step, excluded.at) >= (metrics.step, metrics.at) THEN excluded.at ELSE metrics.at END,
		step = CASE WHEN excluded.step >= metrics.step THEN excluded.step ELSE metrics.step END
		RETURNING id`)
	putPoint = stmt(`INSERT INTO metric_points (metric_id, step, at, value, nan) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (metric_id, step, at, value, nan) DO NOTHING`)
)

func (t *tx) InsertParams(ctx context.Context, runID int64, ps []registry.Param) error {
	for _, p := range ps {
		if _, err := t.exec(ctx, insertParam, runID, p.Key, p.Value); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) ParamsOf(ctx context.Context, ids []int64) (map[int64][]registry.Param, error) {
	out := map[int64][]registry.Param{}
	if len(ids) == 0 {
		return out, nil
	}
	text := "SELECT run_id, key, value FROM run_params WHERE run_id IN (" + placeholders(1, len(ids)) + ") ORDER BY run_id, key"
	err := t.rows(ctx, text, anys(ids), func(s scanner) error {
		var id int64
		var p registry.Param
		err := s.Scan(&id, &p.Key, &p.Value)
		out[id] = append(out[id], p)
		return err
	})
	return out, err
}

var (
	paramKeys  = stmt(`SELECT DISTINCT p.key FROM runs r JOIN run_params p ON p.run_id = r.id WHERE r.experiment_id = $1 AND r.deleted_at = 0 ORDER BY p.key`)
	metricKeys = stmt(`SELECT DISTINCT m.key FROM runs r JOIN metrics m ON m.run_id = r.id WHERE r.experiment_id = $1 AND r.deleted_at = 0 ORDER BY m.key`)
)

func (t *tx) RunKeys(ctx context.Context, experimentID int64) (params, metrics []string, err error) {
	for q, into := range map[query]*[]string{paramKeys: &params, metricKeys: &metrics} {
		err := t.rows(ctx, string(q), []any{experimentID}, func(s scanner) error {
			var k string
			err := s.Scan(&k)
			*into = append(*into, k)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return params, metrics, nil
}

// stored gives a metric's value as kept: engines cannot compare NaN, so it is 0
// with a mark. Infinities are kept as they are.
func stored(v float64) (float64, bool) {
	if math.IsNaN(v) {
		return 0, true
	}
	return v, false
}

func restored(v float64, nan bool) float64 {
	if nan {
		return math.NaN()
	}
	return v
}

func (t *tx) InsertMetrics(ctx context.Context, runID int64, ms []registry.Metric) error {
	for _, m := range ms {
		v, nan := stored(m.Value)
		id, err := t.id(ctx, putMetric, runID, m.Key, m.Step, micros(m.At), v, nan)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, putPoint, id, m.Step, micros(m.At), v, nan); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) MetricsOf(ctx context.Context, ids []int64) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	if len(ids) == 0 {
		return out, nil
	}
	text := "SELECT run_id, key, value, nan, step, at FROM metrics WHERE run_id IN (" + placeholders(1, len(ids)) + ") ORDER BY run_id, key"
	err := t.rows(ctx, text, anys(ids), func(s scanner) error {
		var id int64
		var m registry.Metric
		var nan bool
		err := s.Scan(&id, &m.Key, &m.Value, &nan, &m.Step, instant{&m.At})
		m.Value = restored(m.Value, nan)
		out[id] = append(out[id], m)
		return err
	})
	return out, err
}

var metricID = stmt(`SELECT id FROM metrics WHERE run_id = $1 AND key = $2`)

// MetricHistory pages by step, and by the time in microseconds within a step:
// the cursor's key is the step, its id the time.
func (t *tx) MetricHistory(ctx context.Context, runID int64, key string, p registry.Page) (registry.List[registry.Metric], error) {
	var id int64
	err := t.row(ctx, metricID, []any{runID, key}, &id)
	if err != nil {
		return registry.List[registry.Metric]{Items: []registry.Metric{}}, ignoreNone(err)
	}
	l := &listing{cols: "p.value, p.nan, p.step, p.at", from: "metric_points p", id: "p.at",
		initial: registry.Order{By: "step"}, orders: map[string]column{"step": {expr: "p.step", number: true}}}
	l.and("p.metric_id = ?", id)
	return fetch(ctx, t, l, registry.Order{}, p, func(s scanner, m *registry.Metric, extra ...any) error {
		var nan bool
		err := s.Scan(append([]any{&m.Value, &nan, &m.Step, instant{&m.At}}, extra...)...)
		m.Key, m.Value = key, restored(m.Value, nan)
		return err
	})
}

// tagTables are the tables of tags by owner.
var tagTables = map[registry.TagOwner]string{registry.ModelTags: "model_tags", registry.VersionTags: "version_tags",
	registry.ExperimentTags: "experiment_tags", registry.RunTags: "run_tags"}

func (t *tx) SetTags(ctx context.Context, o registry.TagOwner, id int64, ts []registry.Tag) error {
	text := "INSERT INTO " + tagTables[o] + " (owner_id, key, value) VALUES ($1, $2, $3) ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value"
	for _, g := range ts {
		if _, err := t.exec(ctx, query(text), id, g.Key, g.Value); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) DeleteTag(ctx context.Context, o registry.TagOwner, id int64, key string) error {
	if key == "" {
		_, err := t.exec(ctx, query("DELETE FROM "+tagTables[o]+" WHERE owner_id = $1"), id)
		return err
	}
	n, err := t.exec(ctx, query("DELETE FROM "+tagTables[o]+" WHERE owner_id = $1 AND key = $2"), id, key)
	if err == nil && n == 0 {
		return named(errNone, "tag", key)
	}
	return err
}

func (t *tx) TagsOf(ctx context.Context, o registry.TagOwner, ids []int64) (map[int64][]registry.Tag, error) {
	out := map[int64][]registry.Tag{}
	if len(ids) == 0 {
		return out, nil
	}
	text := "SELECT owner_id, key, value FROM " + tagTables[o] + " WHERE owner_id IN (" + placeholders(1, len(ids)) + ") ORDER BY owner_id, key"
	err := t.rows(ctx, text, anys(ids), func(s scanner) error {
		var id int64
		var g registry.Tag
		err := s.Scan(&id, &g.Key, &g.Value)
		out[id] = append(out[id], g)
		return err
	})
	return out, err
}
