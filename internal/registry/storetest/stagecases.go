package storetest

import (
	"context"
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
