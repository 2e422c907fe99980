package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stages: the head of each stage is the highest number there, the stages in
// order of their lowest; archiving and touching reach one model only.
func stages(_ *testing.T, b *bench) {
	p := b.place()
	m, other, empty := b.model(p, "m"), b.model(p, "other"), b.model(p, "empty")
	later := at.Add(time.Hour)
	for i, s := range []registry.VersionStage{registry.Production, registry.NoStage, registry.Production, registry.Staging, registry.NoStage} {
		v := b.version(m, "1.0."+string(rune('0'+i)))
		b.update(func(ctx context.Context, tx registry.Tx) error {
			v.Stage, v.UpdatedAt = s, at
			return tx.UpdateVersion(ctx, v)
		})
	}
	b.version(other, "9.0.0")
	heads := func() (out map[string][]registry.VersionStage) {
		out = map[string][]registry.VersionStage{}
		b.view(func(ctx context.Context, tx registry.Tx) error {
			all, err := tx.HeadsOf(ctx, []int64{m.ID, other.ID, empty.ID})
			for _, vs := range all {
				for _, v := range vs {
					out[v.Semver] = append(out[v.Semver], v.Stage)
				}
			}
			b.same(len(all[empty.ID]), 0)
			var order []string
			for _, v := range all[m.ID] {
				order = append(order, v.Semver)
			}
			if len(order) == 3 {
				b.same(order, []string{"1.0.2", "1.0.4", "1.0.3"})
			}
			return err
		})
		return out
	}
	b.same(heads(), map[string][]registry.VersionStage{"1.0.2": {registry.Production}, "1.0.4": {registry.NoStage}, "1.0.3": {registry.Staging},
		"9.0.0": {registry.NoStage}})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.RetireVersions(ctx, m.ID, registry.Production, later)
	})
	b.same(heads()["1.0.2"], []registry.VersionStage{registry.Retired})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.TouchVersions(ctx, m.ID, later) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		touched, err := tx.VersionByNumber(ctx, m.ID, 5)
		b.same([]any{err, touched.UpdatedAt}, []any{nil, later})
		left, err := tx.VersionByNumber(ctx, other.ID, 1)
		b.same([]any{err, left.UpdatedAt}, []any{nil, at})
		return nil
	})
}

// copiedFiles: all of a package, a folder of it without its path, or one file.
func copiedFiles(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	from := b.run(m)
	content := blob.Digest("sha256:aa")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if _, err := tx.KeepBlob(ctx, content, 3, at); err != nil {
			return err
		}
		for _, p := range []string{"é/MLmodel", "é/data/w.bin", "é.txt", "é0", "éx/y"} {
			if _, err := tx.PutFile(ctx, registry.File{PackageID: from.PackageID, Path: p, Digest: content, Size: 3, Status: registry.FileDefault, CreatedAt: at, UpdatedAt: at}); err != nil {
				return err
			}
		}
		return nil
	})
	for path, want := range map[string][]string{"": {"é.txt", "é/MLmodel", "é/data/w.bin", "é0", "éx/y"}, "é": {"MLmodel", "data/w.bin"},
		"é/data/w.bin": {"w.bin"}, "é/data": {"w.bin"}, "none": nil} {
		to := b.run(m)
		b.update(func(ctx context.Context, tx registry.Tx) error {
			return tx.CopyFiles(ctx, from.PackageID, path, to.PackageID, at)
		})
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListFiles(ctx, registry.FileQuery{PackageID: to.PackageID})
			var got []string
			for _, f := range l.Items {
				got = append(got, f.Path)
			}
			k, kerr := tx.PackageOf(ctx, m.ProjectID, registry.PackageRef{PackageID: to.PackageID})
			b.same([]any{err, kerr, got, k.FileCount, k.Size}, []any{nil, nil, want, int64(len(want)), int64(3 * len(want))})
			return nil
		})
	}
}

// shelf: models and versions by filter and order, in pages, without the prompts
// and without those of another project.
func shelf(_ *testing.T, b *bench) {
	p := b.place()
	models := map[string]registry.Model{}
	for i, name := range []string{"apple", "Banana", "cherry", "ask"} {
		m := b.model(p, name)
		models[name] = m
		for n := range 2 {
			v := b.version(m, "1.0."+string(rune('0'+n)))
			b.update(func(ctx context.Context, tx registry.Tx) error {
				v.UpdatedAt = at.Add(time.Duration(10*n+i) * time.Minute)
				if err := tx.UpdateVersion(ctx, v); err != nil {
					return err
				}
				return tx.SetTags(ctx, registry.VersionTags, v.ID, []registry.Tag{{Key: "n", Value: string(rune('0' + n))}})
			})
		}
	}
	b.version(b.model(b.project(p.Namespace, "other"), "apple"), "9.0.0")
	b.update(func(ctx context.Context, tx registry.Tx) error {
		if err := tx.SetTags(ctx, registry.ModelTags, models["cherry"].ID, []registry.Tag{{Key: "k", Value: "Red"}}); err != nil {
			return err
		}
		ask := models["ask"]
		ask.Prompt = true
		return tx.MarkPrompt(ctx, ask)
	})
	b.searchModels(p)
	b.searchVersions(p)
}

func (b *bench) searchModels(p registry.Project) {
	b.t.Helper()
	tag := registry.Condition{Subject: registry.OfTag, Key: "k", Op: registry.ILike, Value: "r%"}
	for _, c := range []struct {
		q    registry.ShelfSearch
		want []string
	}{
		{registry.ShelfSearch{}, []string{"Banana", "apple", "ask", "cherry"}},
		{registry.ShelfSearch{NoPrompts: true}, []string{"Banana", "apple", "cherry"}},
		{registry.ShelfSearch{Search: registry.Search{Filter: registry.Filter{tag}}}, []string{"cherry"}},
		{registry.ShelfSearch{Search: registry.Search{Order: []registry.Sort{{Key: "updated_at", Desc: true}, {Key: "name", Desc: true}}}}, []string{"cherry", "ask", "apple", "Banana"}},
	} {
		c.q.Limit = 2
		var got []string
		b.view(func(ctx context.Context, tx registry.Tx) error {
			for {
				found, err := tx.SearchModels(ctx, p.ID, c.q)
				for _, m := range found.Items {
					got = append(got, m.Name)
				}
				if c.q.After = found.Next; err != nil || len(c.q.After.Keys) == 0 {
					return err
				}
			}
		})
		b.same(got, c.want)
	}
}

func (b *bench) searchVersions(p registry.Project) {
	b.t.Helper()
	is := func(key string, op registry.Op, v any) registry.Filter {
		return registry.Filter{{Key: key, Op: op, Value: v}}
	}
	recent := []registry.Sort{{Key: "updated_at", Desc: true}, {Key: "name"}, {Key: "number", Desc: true}}
	for _, c := range []struct {
		q    registry.ShelfSearch
		want []string
	}{
		{registry.ShelfSearch{NoPrompts: true}, []string{"Banana 2", "Banana 1", "apple 2", "apple 1", "cherry 2", "cherry 1"}},
		{registry.ShelfSearch{NoPrompts: true, Search: registry.Search{Order: recent}}, []string{"cherry 2", "Banana 2", "apple 2", "cherry 1", "Banana 1", "apple 1"}},
		{registry.ShelfSearch{Search: registry.Search{Order: recent, Filter: is("name", registry.In, []string{"ask", "apple"})}}, []string{"ask 2", "apple 2", "ask 1", "apple 1"}},
		{registry.ShelfSearch{Search: registry.Search{Filter: is("number", registry.Greater, int64(1))}}, []string{"Banana 2", "apple 2", "ask 2", "cherry 2"}},
		{registry.ShelfSearch{Search: registry.Search{Filter: is("run", registry.Equal, "none")}}, nil},
		{registry.ShelfSearch{Search: registry.Search{Filter: registry.Filter{{Subject: registry.OfTag, Key: "n", Op: registry.NotEqual, Value: "1"}, {Key: "source", Op: registry.Equal, Value: ""},
			{Key: "name", Op: registry.Like, Value: "a%"}}}}, []string{"apple 1", "ask 1"}},
	} {
		c.q.Limit = 4
		var got []string
		b.view(func(ctx context.Context, tx registry.Tx) error {
			for {
				found, err := tx.SearchVersions(ctx, p.ID, c.q)
				for _, v := range found.Items {
					got = append(got, fmt.Sprint(v.ModelName, " ", v.Number))
				}
				if c.q.After = found.Next; err != nil || len(c.q.After.Keys) == 0 {
					return err
				}
			}
		})
		b.same(got, c.want)
	}
}
