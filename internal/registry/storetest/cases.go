package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func rollback(t *testing.T, b *bench) {
	broken := errors.New("broken")
	err := b.store.Update(t.Context(), func(tx registry.Tx) error {
		if _, err := tx.InsertUser(t.Context(), registry.User{Username: "a", Email: "a@x"}, ""); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v, want the closure's own error", err)
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.UserByName(ctx, "a")
		b.want(err, fault.NotFound)
		return nil
	})
}

func unique(t *testing.T, b *bench) {
	p := b.place()
	b.model(p, "m")
	for _, c := range []struct {
		noun, field string
		do          func(context.Context, registry.Tx) error
	}{
		{"user", "username", func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.InsertUser(ctx, registry.User{Username: "U", Email: "other@x.org"}, "")
			return err
		}},
		{"user", "email", func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.InsertUser(ctx, registry.User{Username: "v", Email: "U@X.org"}, "")
			return err
		}},
		{"project", "path", func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.InsertProject(ctx, registry.Project{Namespace: p.Namespace, FullPath: "U/P"})
			return err
		}},
		{"group", "path", func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.InsertNamespace(ctx, registry.Namespace{FullPath: "u/p"})
			return err
		}},
		{"experiment", "name", func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.InsertExperiment(ctx, registry.Experiment{ProjectID: p.ID, IID: 9, Name: "[model]m"})
			return err
		}},
	} {
		err := b.store.Update(t.Context(), func(tx registry.Tx) error { return c.do(t.Context(), tx) })
		b.want(err, fault.Conflict)
		if e, _ := fault.As(err); e.Noun != c.noun || e.Field != c.field {
			t.Errorf("conflict is about %s %s, want %s %s", e.Noun, e.Field, c.noun, c.field)
		}
	}
}

// paging walks a list by number and by cursor, in both directions.
func paging(t *testing.T, b *bench) {
	p := b.place()
	for i := range 7 {
		b.model(p, fmt.Sprintf("m%d", i%4*10+i))
	}
	for _, by := range []string{"id", "name", "created_at", "updated_at", "latest_version", "size", "downloads"} {
		for _, desc := range []bool{false, true} {
			o := registry.Order{By: by, Desc: desc}
			whole := b.names(p, o, registry.Page{Limit: 100})
			var pages, cursors []string
			for off := 0; off < 7; off += 3 {
				pages = append(pages, b.names(p, o, registry.Page{Limit: 3, Offset: off})...)
			}
			var after *registry.Cursor
			for {
				l := b.models(p, o, registry.Page{Limit: 2, After: after})
				for _, m := range l.Items {
					cursors = append(cursors, m.Name)
				}
				if after = l.Next; after == nil {
					break
				}
			}
			b.same(pages, whole)
			b.same(cursors, whole)
		}
	}
	l := b.models(p, registry.Order{}, registry.Page{Limit: 3})
	if l.Total != 7 || !l.More || len(l.Items) != 3 {
		t.Errorf("total %d, more %v, %d items", l.Total, l.More, len(l.Items))
	}
	err := b.store.View(t.Context(), func(tx registry.Tx) error {
		_, err := tx.ListModels(t.Context(), registry.ModelQuery{ProjectID: p.ID, Order: registry.Order{By: "name; drop table models"}})
		return err
	})
	b.want(err, fault.Invalid)
}

func (b *bench) models(p registry.Project, o registry.Order, pg registry.Page) (l registry.List[registry.Model]) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) (err error) {
		l, err = tx.ListModels(ctx, registry.ModelQuery{ProjectID: p.ID, Order: o, Page: pg})
		return err
	})
	return l
}

func (b *bench) names(p registry.Project, o registry.Order, pg registry.Page) (out []string) {
	b.t.Helper()
	for _, m := range b.models(p, o, pg).Items {
		out = append(out, m.Name)
	}
	return out
}

// inheritance: the role in a group reaches everything below, until it ends.
func inheritance(_ *testing.T, b *bench) {
	u := b.user("u")
	top := b.group(registry.Namespace{}, "top")
	sub := b.group(top, "sub")
	p := b.project(sub, "p")
	ends := at.Add(time.Hour)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.PutMember(ctx, registry.Place{NamespaceID: top.ID}, registry.Member{User: registry.UserRef{ID: u.ID}, Role: registry.Developer, ExpiresAt: ends}); err != nil {
			return err
		}
		return tx.PutMember(ctx, registry.Place{NamespaceID: sub.ID, ProjectID: p.ID}, registry.Member{User: registry.UserRef{ID: u.ID}, Role: registry.Guest})
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, ref := range []registry.ProjectRef{{ID: p.ID}, {Path: "TOP/sub/P"}} {
			got, err := tx.ProjectAccess(ctx, ref, registry.Viewer{UserID: u.ID, Now: at})
			b.same([]any{err, got.ProjectRole, got.GroupRole}, []any{nil, registry.Guest, registry.Developer})
			got, err = tx.ProjectAccess(ctx, ref, registry.Viewer{UserID: u.ID, Now: ends})
			b.same([]any{err, got.ProjectRole, got.GroupRole}, []any{nil, registry.Guest, registry.NoRole})
		}
		l, err := tx.ListMembers(ctx, registry.MemberQuery{Place: registry.Place{NamespaceID: sub.ID, ProjectID: p.ID}, Inherited: true, Now: at})
		b.same([]any{err, len(l.Items), l.Items[0].Role}, []any{nil, 1, registry.Developer})
		ps, err := tx.ListProjects(ctx, registry.ProjectQuery{Membership: true, Viewer: registry.Viewer{UserID: u.ID, Now: at}})
		b.same([]any{err, len(ps.Items), ps.Total}, []any{nil, 1, int64(1)})
		ps, err = tx.ListProjects(ctx, registry.ProjectQuery{Viewer: registry.Viewer{Now: at}})
		b.same([]any{err, len(ps.Items)}, []any{nil, 0})
		return nil
	})
}

// purge: a hidden project is gone at once, and its rows go in small steps.
func purge(t *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "m")
	for i := range 5 {
		v := b.version(m, fmt.Sprintf("1.0.%d", i))
		b.file(v.PackageID, "f", "aa", 3)
	}
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.HideProject(ctx, p.ID, at) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, ref := range []registry.ProjectRef{{ID: p.ID}, {Path: "u/p"}} {
			_, err := tx.ProjectAccess(ctx, ref, registry.Viewer{})
			b.want(err, fault.NotFound)
		}
		return nil
	})
	b.project(registry.Namespace{ID: p.Namespace.ID, FullPath: "u"}, "p") // its path is free
	steps := 0
	for more := true; more; steps++ {
		b.update(func(ctx context.Context, tx registry.Tx) (err error) {
			more, err = tx.PurgeProjects(ctx, 2)
			return err
		})
	}
	if steps < 4 {
		t.Errorf("purged in %d steps of 2 rows", steps)
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		unused, err := tx.UnusedBlobs(ctx, at.Add(time.Hour), "", 10)
		b.same([]any{err, len(unused)}, []any{nil, 1})
		_, err = tx.ModelByID(ctx, p.ID, m.ID)
		b.want(err, fault.NotFound)
		return nil
	})
}

// versions: order by precedence, latest among releases, deletion.
func versions(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	for _, s := range []string{"1.0.0", "1.0.0-rc.1", "10.0.0", "2.0.0", "11.0.0-alpha"} {
		b.version(m, s)
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		l, err := tx.ListVersions(ctx, registry.VersionQuery{ModelID: m.ID})
		var got []string
		for _, v := range l.Items {
			got = append(got, v.Semver)
		}
		b.same([]any{err, got}, []any{nil, []string{"11.0.0-alpha", "10.0.0", "2.0.0", "1.0.0", "1.0.0-rc.1"}})
		high, err := tx.HighestVersion(ctx, m.ID)
		b.same([]any{err, high}, []any{nil, "11.0.0-alpha"})
		mm, err := tx.ModelByID(ctx, m.ProjectID, m.ID)
		b.same([]any{err, mm.LatestVersion, mm.VersionCount}, []any{nil, "10.0.0", int64(5)})
		third, err := tx.VersionByNumber(ctx, m.ID, 3)
		b.same([]any{err, third.Semver}, []any{nil, "10.0.0"})
		_, err = tx.VersionByNumber(ctx, m.ID, 6)
		b.want(err, fault.NotFound)
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		v, err := tx.VersionBySemver(ctx, m.ID, "10.0.0")
		if err != nil {
			return err
		}
		if err := tx.PutAlias(ctx, m.ID, registry.Alias{Name: "champion", VersionID: v.ID, UpdatedAt: at}); err != nil {
			return err
		}
		if err := tx.DeleteVersion(ctx, v); err != nil {
			return err
		}
		return tx.CountModel(ctx, m.ID, -1, 0)
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		mm, err := tx.ModelByID(ctx, m.ProjectID, m.ID)
		b.same([]any{err, mm.LatestVersion, mm.VersionCount}, []any{nil, "2.0.0", int64(4)})
		_, err = tx.AliasByName(ctx, m.ID, "champion")
		b.want(err, fault.NotFound)
		return nil
	})
}

// metrics: the latest by step, then time, then value; NaN and infinities; a
// point again changes nothing.
func metrics(_ *testing.T, b *bench) {
	r := b.run(b.model(b.place(), "m"))
	point := func(step int64, after time.Duration, v float64) registry.Metric {
		return registry.Metric{Key: "loss", Step: step, At: at.Truncate(time.Millisecond).Add(after), Value: v}
	}
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.InsertMetrics(ctx, r.ID, []registry.Metric{point(2, 0, 5), point(1, time.Hour, 9), point(2, 0, 4), point(2, 0, 4),
			point(0, 0, math.Inf(1)), {Key: "nan", Value: math.NaN(), At: at}})
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		latest, err := tx.MetricsOf(ctx, []int64{r.ID})
		ms := latest[r.ID]
		b.same([]any{err, len(ms), ms[0], math.IsNaN(ms[1].Value)}, []any{nil, 2, point(2, 0, 5), true})
		l, err := tx.MetricHistory(ctx, r.ID, "loss", registry.Page{})
		b.same([]any{err, l.Items}, []any{nil, []registry.Metric{point(0, 0, math.Inf(1)), point(1, time.Hour, 9), point(2, 0, 4), point(2, 0, 5)}})
		return nil
	})
}

func tags(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return errors.Join(tx.SetTags(ctx, registry.ModelTags, m.ID, []registry.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}}),
			tx.SetTags(ctx, registry.ModelTags, m.ID, []registry.Tag{{Key: "b", Value: "3"}}))
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.TagsOf(ctx, registry.ModelTags, []int64{m.ID})
		b.same([]any{err, got[m.ID]}, []any{nil, []registry.Tag{{Key: "a", Value: "2"}, {Key: "b", Value: "3"}}})
		b.want(tx.DeleteTag(ctx, registry.ModelTags, m.ID, "c"), fault.NotFound)
		return tx.DeleteTag(ctx, registry.ModelTags, m.ID, "")
	})
}

// file names a blob, after keeping it.
func (b *bench) file(pkg int64, path, hex string, size int64) (f registry.File) {
	b.t.Helper()
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		d := blob.Digest("sha256:" + hex)
		if _, err := tx.KeepBlob(ctx, d, size, at); err != nil {
			return err
		}
		f, err = tx.PutFile(ctx, registry.File{PackageID: pkg, Path: path, Digest: d, Size: size, Status: registry.FileDefault, CreatedAt: at, UpdatedAt: at})
		return err
	})
	return f
}

// files: replacing keeps the id and the counters of the package right.
func files(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	v := b.version(m, "1.0.0")
	first := b.file(v.PackageID, "dir/f", "aa", 3)
	second := b.file(v.PackageID, "dir/f", "bb", 10)
	other := b.file(v.PackageID, "g", "bb", 10)
	ref := registry.PackageRef{VersionID: v.ID}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		f, err := tx.FileAt(ctx, m.ProjectID, ref, "dir/f")
		b.same([]any{err, f.ID, f.Size, f.ID == second.ID}, []any{nil, first.ID, int64(10), true})
		k, err := tx.PackageOf(ctx, m.ProjectID, ref)
		b.same([]any{err, k.FileCount, k.Size}, []any{nil, int64(2), int64(20)})
		_, err = tx.FileAt(ctx, m.ProjectID+1, ref, "dir/f")
		b.want(err, fault.NotFound)
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteFile(ctx, other) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		k, err := tx.PackageOf(ctx, m.ProjectID, ref)
		b.same([]any{err, k.FileCount, k.Size}, []any{nil, int64(1), int64(10)})
		return nil
	})
}

// blobs: a named or fresh blob does not die; a dying one that is named again
// lives, and its keeper is told to make sure of the bytes.
func blobs(_ *testing.T, b *bench) {
	v := b.version(b.model(b.place(), "m"), "1.0.0")
	named, loose := blob.Digest("sha256:aa"), blob.Digest("sha256:bb")
	b.file(v.PackageID, "f", "aa", 3)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		kept, err := tx.KeepBlob(ctx, loose, 5, at)
		b.same([]any{err, kept}, []any{nil, false})
		return nil
	})
	later := at.Add(time.Second)
	mark := func(d blob.Digest, cutoff time.Time) (dying bool) {
		b.update(func(ctx context.Context, tx registry.Tx) (err error) {
			dying, err = tx.MarkDying(ctx, d, cutoff)
			return err
		})
		return dying
	}
	b.same([]bool{mark(named, later), mark(loose, at), mark(loose, later)}, []bool{false, false, true})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		kept, err := tx.KeepBlob(ctx, loose, 5, at)
		b.same([]any{err, kept}, []any{nil, false})
		gone, err := tx.DropDying(ctx, loose)
		b.same([]any{err, gone}, []any{nil, false})
		return nil
	})
	b.same(mark(loose, later), true)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		gone, err := tx.DropDying(ctx, loose)
		b.same([]any{err, gone}, []any{nil, true})
		known, err := tx.BlobKnown(ctx, loose)
		b.same([]any{err, known}, []any{nil, false})
		return nil
	})
	// Bytes that lay there without a row get one when they are marked; what
	// takes it back from dying tells its size.
	b.same(mark(loose, later), true)
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if _, err := tx.KeepBlob(ctx, loose, 5, at); err != nil {
			return err
		}
		live, err := tx.LiveBlobs(ctx, named, 10)
		b.same([]any{err, len(live), live[0].Size}, []any{nil, 1, int64(5)})
		return nil
	})
}

// contents: what is small lives beside the row of its blob, and dies with it.
func contents(t *testing.T, b *bench) {
	rows, ok := b.store.(blob.Rows)
	if !ok {
		t.Fatal("the store does not give what it keeps")
	}
	d := blob.Digest("sha256:cc")
	reads := func(want string, kind fault.Kind) {
		b.t.Helper()
		got, kept, err := rows.Content(b.t.Context(), d)
		if kind != 0 {
			b.want(err, kind)
			return
		}
		b.same([]any{err, string(got), kept.Equal(at)}, []any{nil, want, true})
	}
	keep := func(content string) {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			if _, err := tx.KeepBlob(ctx, d, int64(len(content)), at); err != nil {
				return err
			}
			return tx.KeepContent(ctx, d, []byte(content), at)
		})
	}
	drop := func() {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			if _, err := tx.MarkDying(ctx, d, at.Add(time.Second)); err != nil {
				return err
			}
			_, err := tx.DropDying(ctx, d)
			return err
		})
	}
	reads("", fault.NotFound)
	if err := b.store.Update(b.t.Context(), func(tx registry.Tx) error { return tx.KeepContent(b.t.Context(), d, []byte("x"), at) }); err == nil {
		b.t.Error("content is kept without a row that promises it")
	}
	keep("one\x00\xff")
	reads("one\x00\xff", 0)
	keep("two")
	reads("one\x00\xff", 0)
	drop()
	reads("", fault.NotFound)
	keep("")
	reads("", 0)
}

// counters: what a project and an experiment hold is known without counting.
func counters(_ *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "m")
	other := b.model(p, "gone")
	b.run(other)
	v := b.version(m, "1.0.0")
	b.run(m)
	want := func(models, experiments, runs int64) {
		b.t.Helper()
		b.view(func(ctx context.Context, tx registry.Tx) error {
			got, err := tx.ProjectAccess(ctx, registry.ProjectRef{ID: p.ID}, registry.Viewer{})
			b.same([]any{err, got.ModelCount, got.ExperimentCount, got.RunCount}, []any{nil, models, experiments, runs})
			return nil
		})
	}
	want(2, 2, 3)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteModel(ctx, other) })
	want(1, 1, 2)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteVersion(ctx, v) })
	want(1, 1, 1)
}
