package storetest

import (
	"context"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// sizes: a project counts the bytes of its files, whichever way these come and
// go, and keeps its limit.
func sizes(_ *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "m")
	counts := func(want int64) {
		b.t.Helper()
		b.view(func(ctx context.Context, tx registry.Tx) error {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
			b.same([]any{got.Size, err}, []any{want, nil})
			return nil
		})
	}
	v, r := b.version(m, "1.0.0"), b.run(m)
	f := b.file(v.PackageID, "f", "aa", 3)
	b.file(v.PackageID, "f", "bb", 10)
	b.file(v.PackageID, "dir/g", "cc", 100)
	b.file(r.PackageID, "h", "bb", 10)
	counts(120)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.CopyFiles(ctx, v.PackageID, "dir", r.PackageID, at)
	})
	counts(220)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		f, err := tx.FileByID(ctx, v.PackageID, f.ID)
		if err != nil {
			return err
		}
		return tx.DeleteFile(ctx, f)
	})
	counts(210)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.DeleteFiles(ctx, v.PackageID, "dir")
		return err
	})
	counts(110)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteRun(ctx, r) })
	counts(0)
	b.file(v.PackageID, "f", "aa", 3)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteModel(ctx, m) })
	counts(0)

	p.StorageLimit = 77
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateProject(ctx, p) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		l, err := tx.ListProjects(ctx, registry.ProjectQuery{Viewer: registry.Viewer{Admin: true}})
		b.same([]any{l.Items[0].StorageLimit, err}, []any{int64(77), nil})
		u, err := tx.UsageOf(ctx, 0, 5)
		b.same([]any{len(u.Projects), err}, []any{0, nil})
		return nil
	})
}
