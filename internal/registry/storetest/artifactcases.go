package storetest

import (
	"context"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// artifacts: a version is found by the digest that was noted last, in its model
// only; a content by the files that versions of a model show.
func artifacts(_ *testing.T, b *bench) {
	p := b.place()
	m, other := b.model(p, "Iris"), b.model(p, "IRIS")
	v, w := b.version(m, "1.0.0"), b.version(m, "1.1.0")
	b.file(v.PackageID, "old", "aa", 3)
	f := b.file(w.PackageID, "new", "aa", 3)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.PutManifest(ctx, v, "sha256:one"); err != nil {
			return err
		}
		return tx.PutManifest(ctx, v, "sha256:two")
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.VersionByManifest(ctx, m.ID, "sha256:two")
		b.same([]any{err, got.ID, got.Semver}, []any{nil, v.ID, "1.0.0"})
		_, err = tx.VersionByManifest(ctx, m.ID, "sha256:one")
		b.want(err, fault.NotFound)
		_, err = tx.VersionByManifest(ctx, other.ID, "sha256:two")
		b.want(err, fault.NotFound)
		d, err := tx.ManifestOf(ctx, v.ID)
		b.same([]any{err, string(d)}, []any{nil, "sha256:two"})
		d, err = tx.ManifestOf(ctx, w.ID)
		b.same([]any{err, string(d)}, []any{nil, ""})

		file, err := tx.FileOfModel(ctx, m.ID, "sha256:aa")
		b.same([]any{err, file.ID}, []any{nil, f.ID})
		_, err = tx.FileOfModel(ctx, other.ID, "sha256:aa")
		b.want(err, fault.NotFound)

		found, err := tx.ModelsFolded(ctx, p.ID, "iris", 9)
		b.same([]any{err, len(found), found[0].ID, found[1].ID}, []any{nil, 2, m.ID, other.ID})
		found, err = tx.ModelsFolded(ctx, p.ID, "iris", 1)
		b.same([]any{err, len(found)}, []any{nil, 1})
		found, err = tx.ModelsFolded(ctx, p.ID+1, "iris", 9)
		b.same([]any{err, len(found)}, []any{nil, 0})
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteVersion(ctx, v) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.VersionByManifest(ctx, m.ID, "sha256:two")
		b.want(err, fault.NotFound)
		return nil
	})
}
