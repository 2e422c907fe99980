package sqlstore

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	retireVersions = stmt(`UPDATE versions SET stage = $1, updated_at = $2 WHERE model_id = $3 AND stage = $4`)
	touchVersions  = stmt(`UPDATE versions SET updated_at = $1 WHERE model_id = $2`)
)

func (t *tx) RetireVersions(ctx context.Context, modelID int64, at registry.VersionStage, now time.Time) error {
	_, err := t.exec(ctx, retireVersions, registry.Retired, micros(now), modelID, at)
	return err
}

func (t *tx) TouchVersions(ctx context.Context, modelID int64, at time.Time) error {
	_, err := t.exec(ctx, touchVersions, micros(at), modelID)
	return err
}

// HeadsOf looks each stage of each model up in the index, so that the cost does
// not grow with the versions.
func (t *tx) HeadsOf(ctx context.Context, ids []int64) (map[int64][]registry.Version, error) {
	out := map[int64][]registry.Version{}
	if len(ids) == 0 {
		return out, nil
	}
	text := `SELECT ` + versionCols + ` FROM ` + versionFrom + ` WHERE v.id IN (
		SELECT (SELECT w.id FROM versions w WHERE w.model_id = n.id AND w.stage = s.stage ORDER BY w.number DESC LIMIT 1)
		FROM models n CROSS JOIN (SELECT 'none' AS stage UNION ALL SELECT 'staging' UNION ALL SELECT 'production' UNION ALL SELECT 'archived') s
		WHERE n.id IN (` + placeholders(1, len(ids)) + `))
		ORDER BY v.model_id, (SELECT min(w.number) FROM versions w WHERE w.model_id = v.model_id AND w.stage = v.stage)`
	err := t.rows(ctx, text, anys(ids), func(s scanner) error {
		var v registry.Version
		err := scanVersion(s, &v)
		out[v.ModelID] = append(out[v.ModelID], v)
		return err
	})
	return out, err
}
