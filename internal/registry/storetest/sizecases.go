package storetest

import (
	"context"
	"strings"
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

// modelOrders: models are listed by what their latest versions are, whichever way
// these come, grow and go.
func modelOrders(_ *testing.T, b *bench) {
	p := b.place()
	one, two := b.model(p, "one"), b.model(p, "two")
	b.model(p, "none")
	first, second := b.version(one, "1.10.0"), b.version(two, "1.9.0")
	by := func(version, size, downloads string) {
		b.t.Helper()
		for by, want := range map[string]string{"latest_version": version, "size": size, "downloads": downloads} {
			up := strings.Join(b.names(p, registry.Order{By: by}, registry.Page{}), " ")
			down := strings.Join(b.names(p, registry.Order{By: by, Desc: true}, registry.Page{}), " ")
			b.same([]string{by, up, down}, []string{by, want, strings.Join(backward(strings.Fields(want)), " ")})
		}
	}
	by("none two one", "one two none", "one two none")
	b.file(first.PackageID, "f", "aa", 5)
	b.file(second.PackageID, "f", "bb", 100)
	b.file(b.run(one).PackageID, "f", "cc", 1000)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.DownloadedFrom(ctx, map[int64]int64{first.PackageID: 3}, at)
	})
	by("none two one", "none one two", "two none one")
	next := b.version(two, "2.0.0")
	by("none one two", "two none one", "two none one")
	b.file(next.PackageID, "f", "dd", 6)
	b.file(second.PackageID, "g", "ee", 7)
	by("none one two", "none one two", "two none one")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.DeleteFiles(ctx, next.PackageID, "")
		return err
	})
	by("none one two", "two none one", "two none one")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.DeleteVersion(ctx, next); err != nil {
			return err
		}
		return tx.CountModel(ctx, two.ID, -1, 0)
	})
	by("none two one", "none one two", "two none one")
	for _, m := range b.models(p, registry.Order{By: "id"}, registry.Page{}).Items {
		b.same(m.LatestSize, map[string]int64{"one": 5, "two": 107, "none": 0}[m.Name])
	}
}
