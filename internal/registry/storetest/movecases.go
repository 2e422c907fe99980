package storetest

import (
	"context"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// move: a renamed group takes everything below with it.
func move(_ *testing.T, b *bench) {
	top := b.group(registry.Namespace{}, "top")
	sub := b.group(top, "sub")
	p := b.project(sub, "Proj")
	top.Path, top.Name, top.FullPath, top.FullName = "Nü", "Nü", "Nü", "Nü"
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateNamespace(ctx, top) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		n, _, err := tx.NamespaceAccess(ctx, registry.NamespaceRef{ID: sub.ID}, registry.Viewer{})
		b.same([]any{err, n.FullPath, n.FullName}, []any{nil, "Nü/sub", "Nü / Nsub"})
		_, _, err = tx.NamespaceAccess(ctx, registry.NamespaceRef{Path: "top/sub"}, registry.Viewer{})
		b.want(err, fault.NotFound)
		return nil
	})
	b.leads("nü/SUB/proj", p.ID, false)
	b.leads("TOP/sub/proj", p.ID, true)
}

// leads checks what a path leads to; 0 is nothing.
func (b *bench) leads(path string, id int64, moved bool) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.ProjectAccess(ctx, registry.ProjectRef{Path: path}, registry.Viewer{})
		if id == 0 {
			b.want(err, fault.NotFound)
			return nil
		}
		b.same([]any{err, got.ID, got.Moved}, []any{nil, id, moved})
		return nil
	})
}

// rehang: a group that gets another parent takes everything below with it, and
// what is inherited comes from the new parent.
func rehang(_ *testing.T, b *bench) {
	u, v := b.user("u"), b.user("v")
	from, to := b.group(registry.Namespace{}, "from"), b.group(b.group(registry.Namespace{}, "t"), "into")
	sub := b.group(from, "sub")
	p := b.project(b.group(sub, "deep"), "p")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for place, user := range map[int64]int64{from.ID: u.ID, to.ID: v.ID} {
			if err := tx.PutMember(ctx, registry.Place{NamespaceID: place}, registry.Member{User: registry.UserRef{ID: user}, Role: registry.Developer}); err != nil {
				return err
			}
		}
		deepest, err := tx.DeepestBelow(ctx, from.ID)
		b.same([]any{err, deepest}, []any{nil, 2})
		sub.ParentID, sub.FullPath, sub.FullName, sub.Visibility = to.ID, "t/into/sub", "Nt / Ninto / Nsub", registry.Public
		return tx.UpdateNamespace(ctx, sub)
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for user, want := range map[int64]registry.Role{u.ID: registry.NoRole, v.ID: registry.Developer} {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{UserID: user, Now: at, GroupID: to.ID})
			b.same([]any{err, got.FullPath, got.GroupRole, got.InGroup}, []any{nil, "t/into/sub/deep/p", want, true})
		}
		l, err := tx.ListNamespaces(ctx, registry.NamespaceQuery{BelowID: to.ID, Order: registry.Order{By: "id"}, Viewer: registry.Viewer{Admin: true}})
		b.same([]any{err, len(l.Items), l.Items[0].ID}, []any{nil, 2, sub.ID})
		l, err = tx.ListNamespaces(ctx, registry.NamespaceQuery{ParentID: to.ID, PathPrefix: "SU", Viewer: registry.Viewer{Admin: true}})
		b.same([]any{err, len(l.Items)}, []any{nil, 1})
		l, err = tx.ListNamespaces(ctx, registry.NamespaceQuery{ParentID: to.ID, PathPrefix: "s_b", Viewer: registry.Viewer{Admin: true}})
		b.same([]any{err, len(l.Items)}, []any{nil, 0})
		deepest, err := tx.DeepestBelow(ctx, from.ID)
		b.same([]any{err, deepest}, []any{nil, 0})
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.CapVisibility(ctx, to.ID, registry.Internal); err != nil {
			return err
		}
		below, err := tx.VisibilitiesBelow(ctx, to.ID)
		b.same([]any{err, len(below)}, []any{nil, 2}) // internal and private
		if err := tx.CapVisibility(ctx, to.ID, registry.Private); err != nil {
			return err
		}
		below, err = tx.VisibilitiesBelow(ctx, to.ID)
		b.same([]any{err, below}, []any{nil, []registry.Visibility{registry.Private}})
		sub.ParentID, sub.FullPath, sub.FullName = 0, "sub", "Nsub"
		return tx.UpdateNamespace(ctx, sub)
	})
	b.leads("sub/deep/p", p.ID, false)
	b.leads("t/into/sub/deep/p", p.ID, true)
	b.leads("from/sub/deep/p", p.ID, true)
}

// redirects: an old path leads to its project until something takes it, or the
// project is gone.
func redirects(_ *testing.T, b *bench) {
	g := b.group(registry.Namespace{}, "g")
	p, q := b.project(g, "p"), b.project(g, "q")
	rename := func(p registry.Project, path string) {
		b.t.Helper()
		p.Path, p.FullPath = path, "g/"+path
		b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateProject(ctx, p) })
	}
	rename(p, "P") // letter case is no move
	b.leads("g/p", p.ID, false)
	rename(p, "p2")
	rename(p, "p3")
	b.leads("G/P", p.ID, true)
	b.leads("g/p2", p.ID, true)
	rename(p, "p2") // back: the path is its own again
	b.leads("g/p2", p.ID, false)
	b.leads("g/p3", p.ID, true)
	rename(q, "p3") // taken by another
	b.leads("g/p3", q.ID, false)
	rename(q, "q2")
	b.leads("g/p3", q.ID, true) // the latest that was there
	made := b.project(g, "p3")
	b.leads("g/p3", made.ID, false)
	h := g
	h.Path, h.FullPath = "h", "h"
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateNamespace(ctx, h) })
	b.leads("g/p", p.ID, true)
	b.leads("g/q2", q.ID, true)
	b.group(registry.Namespace{}, "gg")
	b.leads("g/q2", q.ID, true)
	b.group(registry.Namespace{}, "g") // takes all below
	b.leads("g/q2", 0, false)
	b.leads("g/p", 0, false)
	rename2 := q
	rename2.Namespace, rename2.Path, rename2.FullPath = h, "q4", "h/q4"
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateProject(ctx, rename2) })
	b.leads("h/q2", q.ID, true)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.HideProject(ctx, q.ID, at) })
	b.leads("h/q2", 0, false)
}
