package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// packages: orders and narrowings of the lists, of a project and of a group;
// when a package was downloaded from; and who may delete in which project.
func packages(_ *testing.T, b *bench) {
	ada := b.user("ada")
	top := b.group(registry.Namespace{}, "top")
	sub := b.group(top, "sub")
	here, below := b.project(top, "here"), b.project(sub, "below")
	add := func(p registry.Project, name, version string, status registry.FileStatus) (id int64) {
		b.update(func(ctx context.Context, tx registry.Tx) (err error) {
			id, err = tx.InsertPackage(ctx, registry.Package{ProjectID: p.ID, Type: registry.GenericPackage, Name: name, Version: version, Status: status, CreatedAt: at})
			return err
		})
		return id
	}
	one, two, hidden, other := add(here, "data", "2", "default"), add(here, "data", "1", "default"), add(here, "secret", "1", "hidden"), add(below, "data-b", "1", "default")
	list := func(q registry.PackageQuery) (ids []int64) {
		q.Viewer = registry.Viewer{Admin: true, UserID: ada.ID, Now: at}
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListPackages(ctx, q)
			for _, k := range l.Items {
				ids = append(ids, k.ID)
			}
			return err
		})
		return ids
	}
	b.same(list(registry.PackageQuery{ProjectID: here.ID}), []int64{one, two})
	b.same(list(registry.PackageQuery{ProjectID: here.ID, Exact: "data", Order: registry.Order{By: "version"}}), []int64{two, one})
	b.same(list(registry.PackageQuery{ProjectID: here.ID, Status: registry.FileHidden}), []int64{hidden})
	b.same(list(registry.PackageQuery{NamespaceID: top.ID, Order: registry.Order{By: "id"}}), []int64{one, two, other})
	b.same(list(registry.PackageQuery{NamespaceID: top.ID, Direct: true}), []int64{one, two})

	b.downloaded(here.ID, one)

	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.PutMember(ctx, registry.Place{ProjectID: here.ID}, registry.Member{User: registry.UserRef{ID: ada.ID}, Role: registry.Maintainer, CreatedAt: at})
	})
	both := []int64{here.ID, below.ID}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, c := range []struct {
			viewer registry.Viewer
			want   map[int64]bool
		}{{registry.Viewer{}, map[int64]bool{}}, {registry.Viewer{UserID: ada.ID, Now: at}, map[int64]bool{here.ID: true}},
			{registry.Viewer{UserID: ada.ID, Admin: true, Now: at}, map[int64]bool{here.ID: true, below.ID: true}}} {
			got, err := tx.DeletesPackages(ctx, c.viewer, both)
			if err != nil {
				return err
			}
			b.same(got, c.want)
		}
		return nil
	})
}

// downloaded checks that the last download of a package is kept.
func (b *bench) downloaded(project, one int64) {
	b.t.Helper()
	later := at.Add(time.Hour)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.DownloadedFrom(ctx, map[int64]int64{one: 2, 999: 1}, later)
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.DownloadedFrom(ctx, map[int64]int64{one: 1}, at)
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		k, err := tx.PackageOf(ctx, project, registry.PackageRef{PackageID: one})
		b.same(k.DownloadedAt, later)
		return err
	})
}
