package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// nested: every owner has its own list, at most a page long, with its own
// length; other projects' owners have none; too many rows are refused.
func nested(_ *testing.T, b *bench) {
	p := b.place()
	full, short, empty := b.model(p, "full"), b.model(p, "short"), b.model(p, "empty")
	for i := range 5 {
		b.version(full, fmt.Sprintf("1.0.%d", i))
	}
	b.version(short, "0.1.0")
	b.run(short)
	foreign := b.model(b.project(p.Namespace, "other"), "foreign")
	b.version(foreign, "9.0.0")
	n := registry.Nest{ProjectID: p.ID, Owners: []int64{empty.ID, full.ID, short.ID, foreign.ID}, Page: registry.Page{Limit: 2}}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		l, err := tx.VersionsEach(ctx, n, registry.VersionQuery{})
		b.same([]any{err, semvers(l[full.ID]), l[full.ID].Total, l[full.ID].More}, []any{nil, []string{"1.0.4", "1.0.3"}, int64(5), true})
		b.same([]any{semvers(l[short.ID]), l[short.ID].Total, l[short.ID].More}, []any{[]string{"0.1.0"}, int64(1), false})
		b.same([]any{semvers(l[empty.ID]), l[empty.ID].Total, semvers(l[foreign.ID])}, []any{[]string(nil), int64(0), []string(nil)})
		cs, err := tx.CandidatesEach(ctx, n)
		b.same([]any{err, len(cs[short.ID].Items), len(cs[full.ID].Items), cs[short.ID].Total}, []any{nil, 1, 0, int64(1)})
		n.Most = 2
		_, err = tx.VersionsEach(ctx, n, registry.VersionQuery{})
		b.want(err, fault.TooLarge)
		n.Most = 3
		_, err = tx.VersionsEach(ctx, n, registry.VersionQuery{})
		b.same(err, nil)
		l, err = tx.VersionsEach(ctx, registry.Nest{ProjectID: p.ID}, registry.VersionQuery{})
		b.same([]any{err, len(l)}, []any{nil, 0})
		n.Order.By = "name; drop table models"
		_, err = tx.VersionsEach(ctx, n, registry.VersionQuery{})
		b.want(err, fault.Invalid)
		return nil
	})
}

func semvers(l registry.List[registry.Version]) (out []string) {
	for _, v := range l.Items {
		out = append(out, v.Semver)
	}
	return out
}

// nestedPages: cursors go on behind a row and stop before one, in both
// directions and under a filter, and every list has them.
func nestedPages(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	for i := range 6 {
		b.version(m, fmt.Sprintf("1.0.%d", i))
	}
	b.version(m, "2.0.0")
	read := func(o registry.Order, p registry.Page) (out registry.List[registry.Version]) {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.VersionsEach(ctx, registry.Nest{ProjectID: m.ProjectID, Owners: []int64{m.ID}, Page: p, Order: o},
				registry.VersionQuery{Prefix: "1.0."})
			out = l[m.ID]
			return err
		})
		return out
	}
	for _, by := range []string{"version", "id", "created_at"} {
		up, down := registry.Order{By: by}, registry.Order{By: by, Desc: true}
		all := read(up, registry.Page{Limit: 9, Cursors: true})
		b.same(semvers(all), []string{"1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5"})
		first := read(up, registry.Page{Limit: 2})
		b.same([]any{semvers(first), first.Cursors == nil, *first.Next}, []any{[]string{"1.0.0", "1.0.1"}, true, all.Cursors[1]})
		b.same(semvers(read(up, registry.Page{Limit: 2, After: first.Next})), []string{"1.0.2", "1.0.3"})
		b.same(semvers(read(up, registry.Page{Limit: 9, After: &all.Cursors[1], Before: &all.Cursors[4]})), []string{"1.0.2", "1.0.3"})
		b.same(semvers(read(down, registry.Page{Limit: 2, After: &all.Cursors[4]})), []string{"1.0.3", "1.0.2"})
		b.same(read(down, registry.Page{Limit: 1, After: &all.Cursors[4]}).Total, int64(6))
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.VersionsEach(ctx, registry.Nest{ProjectID: m.ProjectID, Owners: []int64{m.ID}, Order: registry.Order{By: "id"},
			Page: registry.Page{After: &registry.Cursor{Key: "x"}}}, registry.VersionQuery{})
		b.want(err, fault.Invalid)
		return nil
	})
}

// points: all of them, those that differ in the value alone too, NaN and
// infinities, page by page both ways.
func points(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	r, other := b.run(m), b.run(m)
	ms := []registry.Metric{{Key: "acc", Step: 1, Value: 0.5}, {Key: "acc", Step: 1, Value: math.Inf(1)}, {Key: "acc", Step: 2, Value: -1.25e-300},
		{Key: "loss rate", Step: -3, Value: 7}, {Key: "loss rate", Step: 0, Value: 7}}
	for i := range ms {
		ms[i].At = at.Truncate(time.Millisecond)
	}
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.InsertMetrics(ctx, r.ID, ms) })
	n := registry.Nest{ProjectID: m.ProjectID, Owners: []int64{r.ID, other.ID}, Page: registry.Page{Limit: 2, Cursors: true}}
	walk := func() (all []registry.Metric) {
		for n.Page.After = nil; ; {
			b.view(func(ctx context.Context, tx registry.Tx) error {
				l, err := tx.PointsEach(ctx, n)
				b.same([]any{err, len(l[other.ID].Items), l[r.ID].Total}, []any{nil, 0, int64(5)})
				all, n.Page.After = append(all, l[r.ID].Items...), l[r.ID].Next
				return nil
			})
			if n.Page.After == nil {
				return all
			}
		}
	}
	b.same(walk(), ms)
	n.Order.Desc = true
	back := walk()
	slices.Reverse(back)
	b.same(back, ms)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, key := range []string{"", "1 2", "x 2 acc", "1 x acc"} {
			n.Page.After = &registry.Cursor{Key: key}
			_, err := tx.PointsEach(ctx, n)
			b.want(err, fault.Invalid)
		}
		return nil
	})
}

// named: parameters and metadata page by name; of versions' runs alone where
// that is said.
func named(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	v := b.version(m, "1.0.0")
	r := b.run(m)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for _, id := range []int64{r.ID, v.RunID} {
			if err := tx.InsertParams(ctx, id, []registry.Param{{Key: "lr", Value: "1"}, {Key: "a", Value: "2"}, {Key: "z", Value: "3"}}); err != nil {
				return err
			}
			if err := tx.InsertMetrics(ctx, id, []registry.Metric{{Key: "x", At: at}}); err != nil {
				return err
			}
		}
		return tx.SetTags(ctx, registry.RunTags, r.ID, []registry.Tag{{Key: "k", Value: "v"}})
	})
	n := registry.Nest{ProjectID: m.ProjectID, Owners: []int64{r.ID, v.RunID}, Page: registry.Page{Limit: 2}, OfVersions: true}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		ps, err := tx.ParamsEach(ctx, n)
		b.same([]any{err, ps[v.RunID].Items, ps[v.RunID].Total, len(ps[r.ID].Items)},
			[]any{nil, []registry.Param{{Key: "a", Value: "2"}, {Key: "lr", Value: "1"}}, int64(3), 0})
		xs, err := tx.PointsEach(ctx, n)
		b.same([]any{err, len(xs[r.ID].Items), len(xs[v.RunID].Items)}, []any{nil, 0, 1})
		n.OfVersions = false
		ts, err := tx.RunTagsEach(ctx, n)
		b.same([]any{err, ts[r.ID].Items}, []any{nil, []registry.Tag{{Key: "k", Value: "v"}}})
		n.Page.After = ps[v.RunID].Next
		ps, err = tx.ParamsEach(ctx, n)
		b.same([]any{err, ps[v.RunID].Items}, []any{nil, []registry.Param{{Key: "z", Value: "3"}}})
		return nil
	})
}

// byID: rows of one project only; what is missing is left out.
func byID(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	v := b.version(m, "1.0.0")
	b.file(v.PackageID, "f", "aa", 3)
	b.file(v.PackageID, "e", "aa", 3)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		vs, err := tx.VersionsByID(ctx, m.ProjectID, []int64{v.ID, 99})
		b.same([]any{err, len(vs), vs[v.ID].Semver, vs[v.ID].FileCount}, []any{nil, 1, "1.0.0", int64(2)})
		rs, err := tx.RunsByID(ctx, m.ProjectID, []int64{v.RunID})
		b.same([]any{err, rs[v.RunID].ModelID}, []any{nil, m.ID})
		ks, err := tx.PackagesByID(ctx, m.ProjectID, []int64{v.PackageID})
		b.same([]any{err, ks[v.PackageID].VersionID}, []any{nil, v.ID})
		fs, err := tx.FilesEach(ctx, registry.Nest{ProjectID: m.ProjectID, Owners: []int64{v.PackageID}})
		b.same([]any{err, fs[v.PackageID].Items[0].Path, fs[v.PackageID].Total}, []any{nil, "e", int64(2)})
		es, err := tx.RunsEach(ctx, registry.Nest{ProjectID: m.ProjectID, Owners: []int64{m.ExperimentID}})
		b.same([]any{err, es[m.ExperimentID].Items[0].ID}, []any{nil, v.RunID})
		vs, err = tx.VersionsByID(ctx, m.ProjectID+1, []int64{v.ID})
		b.same([]any{err, len(vs)}, []any{nil, 0})
		rs, err = tx.RunsByID(ctx, m.ProjectID, nil)
		b.same([]any{err, len(rs)}, []any{nil, 0})
		return nil
	})
}

// placeOf: a project is found by what is in it, until it is hidden.
func placeOf(_ *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "m")
	v := b.version(m, "1.0.0")
	refs := []registry.ProjectRef{{ModelID: m.ID}, {VersionID: v.ID}, {ExperimentID: m.ExperimentID}, {PackageID: v.PackageID}}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, ref := range refs {
			got, err := tx.ProjectAccess(ctx, ref, registry.Viewer{})
			b.same([]any{err, got.ID}, []any{nil, p.ID})
		}
		_, err := tx.ProjectAccess(ctx, registry.ProjectRef{ModelID: 99}, registry.Viewer{})
		b.want(err, fault.NotFound)
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.HideProject(ctx, p.ID, at) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, ref := range refs {
			_, err := tx.ProjectAccess(ctx, ref, registry.Viewer{})
			b.want(err, fault.NotFound)
		}
		return nil
	})
}
