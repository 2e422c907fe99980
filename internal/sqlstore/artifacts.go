package sqlstore

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	putManifest = stmt(`INSERT INTO manifests (version_id, model_id, digest) VALUES ($1, $2, $3)
		ON CONFLICT (version_id) DO UPDATE SET digest = excluded.digest`)
	manifestOf        = stmt(`SELECT digest FROM manifests WHERE version_id = $1`)
	versionByManifest = stmt(`SELECT ` + versionCols + ` FROM ` + versionFrom + ` WHERE v.id =
		(SELECT x.version_id FROM manifests x WHERE x.model_id = $1 AND x.digest = $2 LIMIT 1)`)
	// Of a content that much is made of, the newest file is the likeliest to be
	// asked for.
	fileOfModel = stmt(`SELECT ` + fileCols + ` FROM files f JOIN versions v ON v.package_id = f.package_id
		WHERE f.digest = $1 AND v.model_id = $2 AND f.status <> $3 ORDER BY f.id DESC LIMIT 1`)
)

func (t *tx) PutManifest(ctx context.Context, v registry.Version, d blob.Digest) error {
	_, err := t.exec(ctx, putManifest, v.ID, v.ModelID, d)
	return err
}

func (t *tx) ManifestOf(ctx context.Context, versionID int64) (blob.Digest, error) {
	var d blob.Digest
	err := t.row(ctx, manifestOf, []any{versionID}, &d)
	return d, ignoreNone(err)
}

func (t *tx) VersionByManifest(ctx context.Context, modelID int64, d blob.Digest) (registry.Version, error) {
	var v registry.Version
	err := t.scanOne(ctx, versionByManifest, []any{modelID, d}, func(s scanner) error { return scanVersion(s, &v) })
	return v, named(err, "manifest", string(d))
}

func (t *tx) FileOfModel(ctx context.Context, modelID int64, d blob.Digest) (registry.File, error) {
	var f registry.File
	err := t.scanOne(ctx, fileOfModel, []any{d, modelID, registry.FileHidden}, func(s scanner) error { return scanFile(s, &f) })
	return f, named(err, "blob", string(d))
}
