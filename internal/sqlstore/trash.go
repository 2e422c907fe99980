package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// oldRuns are the runs that were deleted before $1, at most $2, oldest first.
const oldRuns = `SELECT id FROM runs WHERE deleted_at > 0 AND deleted_at < $1 ORDER BY deleted_at, id LIMIT $2`

// oldLogged are the logged models that were deleted before $1, oldExperiments the
// experiments without runs.
const (
	oldLogged      = `SELECT id FROM logged_models WHERE deleted_at > 0 AND deleted_at < $1 ORDER BY deleted_at, id LIMIT $2`
	oldExperiments = `SELECT e.id FROM experiments e WHERE e.deleted_at > 0 AND e.deleted_at < $1 AND e.iid > 0
		AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.experiment_id = e.id) ORDER BY e.deleted_at, e.id LIMIT $2`
)

// trashSteps remove what was deleted before $1, from the leaves on, each at most
// about $2 rows. The points of a metric are many and go first, by themselves.
var trashSteps = []struct {
	text   query
	counts bool
}{
	{stmt(`DELETE FROM metric_blocks WHERE (metric_id, block) IN (SELECT b.metric_id, b.block FROM metric_blocks b JOIN metrics k ON k.id = b.metric_id
		JOIN runs r ON r.id = k.run_id WHERE r.deleted_at > 0 AND r.deleted_at < $1 LIMIT $2)`), false},
	{stmt(`DELETE FROM late_points WHERE (metric_id, step, at, value, nan) IN (SELECT p.metric_id, p.step, p.at, p.value, p.nan FROM late_points p
		JOIN metrics k ON k.id = p.metric_id JOIN runs r ON r.id = k.run_id WHERE r.deleted_at > 0 AND r.deleted_at < $1 LIMIT $2)`), false},
	{stmt(`DELETE FROM packages WHERE id IN (SELECT package_id FROM runs WHERE id IN (` + oldRuns + `))`), false},
	{stmt(`DELETE FROM runs WHERE id IN (` + oldRuns + `)`), true},
	{stmt(`DELETE FROM packages WHERE id IN (SELECT package_id FROM logged_models WHERE id IN (` + oldLogged + `))`), false},
	{stmt(`DELETE FROM logged_models WHERE id IN (` + oldLogged + `)`), true},
	// What an experiment still has of logged models goes with it.
	{stmt(`DELETE FROM packages WHERE id IN (SELECT l.package_id FROM logged_models l WHERE l.experiment_id IN (` + oldExperiments + `))`), false},
	{stmt(`DELETE FROM experiments WHERE id IN (` + oldExperiments + `)`), true},
}

func (t *tx) PurgeTrash(ctx context.Context, cutoff time.Time, limit int) (n int64, more bool, err error) {
	for _, step := range trashSteps {
		gone, err := t.exec(ctx, step.text, micros(cutoff), limit)
		if err != nil {
			return n, false, fmt.Errorf("purge of what was deleted: %w", err)
		}
		if step.counts {
			n += gone
		}
		if gone >= int64(limit) {
			return n, true, nil
		}
	}
	return n, false, nil
}

var trashedTraces = stmt(`SELECT ` + experimentCols + ` FROM ` + experimentFrom + ` WHERE e.deleted_at > 0 AND e.deleted_at < $1 AND e.iid > 0
	AND EXISTS (SELECT 1 FROM traces t WHERE t.experiment_id = e.id) ORDER BY e.deleted_at, e.id LIMIT 1`)

func (t *tx) TrashedTraces(ctx context.Context, cutoff time.Time) (registry.Experiment, error) {
	var e registry.Experiment
	err := t.scanOne(ctx, trashedTraces, []any{micros(cutoff)}, func(s scanner) error { return scanExperiment(s, &e) })
	return e, named(err, "experiment", "")
}

var countTrash = stmt(`SELECT (SELECT count(*) FROM runs WHERE deleted_at > 0 AND deleted_at < $1) +
	(SELECT count(*) FROM logged_models WHERE deleted_at > 0 AND deleted_at < $1) +
	(SELECT count(*) FROM experiments WHERE deleted_at > 0 AND deleted_at < $1 AND iid > 0)`)

func (t *tx) CountTrash(ctx context.Context, cutoff time.Time) (n int64, err error) {
	err = t.row(ctx, countTrash, []any{micros(cutoff)}, &n)
	return n, err
}
