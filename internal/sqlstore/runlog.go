package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	insertParam = stmt(`INSERT INTO run_params (run_id, run_eid, experiment_id, started_at, key, value, number)
		SELECT r.id, r.eid, r.experiment_id, r.started_at, $1, $2, $3 FROM runs r WHERE r.id = $4`)
	setRunTag = stmt(`INSERT INTO run_tags (owner_id, run_eid, experiment_id, started_at, key, value)
		SELECT r.id, r.eid, r.experiment_id, r.started_at, $1, $2 FROM runs r WHERE r.id = $3
		ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value`)
)

func (t *tx) InsertParams(ctx context.Context, runID int64, ps []registry.Param) error {
	for _, p := range ps {
		if _, err := t.exec(ctx, insertParam, p.Key, p.Value, numberOf(p.Value), runID); err != nil {
			return err
		}
	}
	return nil
}

// numberOf is a parameter's value as a column: a number, or NULL.
func numberOf(value string) any {
	if n, ok := (registry.Param{Value: value}).Number(); ok {
		return n
	}
	return nil
}

func (t *tx) ParamsOf(ctx context.Context, ids []int64) (map[int64][]registry.Param, error) {
	return t.paramsOf(ctx, "run_params", "run_id", ids)
}

func (t *tx) paramsOf(ctx context.Context, table, owner string, ids []int64) (map[int64][]registry.Param, error) {
	out := map[int64][]registry.Param{}
	for part := range slices.Chunk(ids, idsAtOnce) {
		text := "SELECT " + owner + ", key, value FROM " + table + " WHERE " + owner + " IN (" + placeholders(1, len(part)) + ") ORDER BY " + owner + ", key"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var p registry.Param
			err := s.Scan(&id, &p.Key, &p.Value)
			out[id] = append(out[id], p)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

var paramKeys, metricKeys = stmt(keysOf("run_params")), stmt(keysOf("metrics"))

// keysOf finds the keys in a table that active runs of an experiment have. It
// jumps from one key to the next in an index, whatever the number of runs.
func keysOf(table string) string {
	return `WITH RECURSIVE k(key) AS (SELECT min(x.key) FROM ` + table + ` x WHERE x.experiment_id = $1
		UNION ALL SELECT (SELECT min(x.key) FROM ` + table + ` x WHERE x.experiment_id = $1 AND x.key > k.key) FROM k WHERE k.key IS NOT NULL)
		SELECT k.key FROM k WHERE k.key IS NOT NULL AND EXISTS (SELECT 1 FROM ` + table + ` x CROSS JOIN runs r
		WHERE x.experiment_id = $1 AND x.key = k.key AND r.id = x.run_id AND r.deleted_at = 0 LIMIT 1) ORDER BY k.key`
}

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

// tagTables are the tables of tags by owner.
var tagTables = map[registry.TagOwner]string{registry.ModelTags: "model_tags", registry.VersionTags: "version_tags",
	registry.ExperimentTags: "experiment_tags", registry.RunTags: "run_tags", registry.LoggedTags: "logged_model_tags",
	registry.TraceTags: "trace_tags", registry.TraceMetadata: "trace_metadata", registry.AssessmentTags: "assessment_metadata", registry.EvalTags: "eval_dataset_tags"}

func (t *tx) SetTags(ctx context.Context, o registry.TagOwner, id int64, ts []registry.Tag) error {
	text := query("INSERT INTO " + tagTables[o] + " (key, value, owner_id) VALUES ($1, $2, $3) ON CONFLICT (owner_id, key) DO UPDATE SET value = excluded.value")
	if o == registry.RunTags {
		text = setRunTag
	}
	for _, g := range ts {
		if _, err := t.exec(ctx, text, g.Key, g.Value, id); err != nil {
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
	for part := range slices.Chunk(ids, idsAtOnce) {
		text := "SELECT owner_id, key, value FROM " + tagTables[o] + " WHERE owner_id IN (" + placeholders(1, len(part)) + ") ORDER BY owner_id, key"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var g registry.Tag
			err := s.Scan(&id, &g.Key, &g.Value)
			out[id] = append(out[id], g)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
