package storetest

import (
	"context"
	"slices"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// folderFiles are names that sort around "/" and "0", and of more than one byte
// a character.
var folderFiles = []string{"a", "a-b", "a.txt", "a/x", "a/y/1", "a/y/2", "a/y/z/3", "a0", "b", "c/d/e", "ü ï/日本/f", "ü ï/日本/g", "ü ï/h", "~"}

// folders: one level at a time, in pages that join to the whole, and deletion
// of what is below.
func folders(t *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "m")
	v, other := b.version(m, "1.0.0"), b.version(m, "2.0.0")
	for i, path := range append(slices.Clone(folderFiles), "hidden/x") {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			f := registry.File{PackageID: v.PackageID, Path: path, Digest: "sha256:aa", Size: int64(i), Status: registry.FileDefault, CreatedAt: at, UpdatedAt: at}
			if path == "hidden/x" {
				f.Status = registry.FileHidden
			}
			_, err := tx.KeepBlob(ctx, f.Digest, 1, at)
			if err == nil {
				_, err = tx.PutFile(ctx, f)
			}
			if err == nil {
				f.PackageID = other.PackageID
				_, err = tx.PutFile(ctx, f)
			}
			return err
		})
	}
	for path, want := range map[string][]string{
		"":      {"a", "a-b", "a.txt", "a/", "a0", "b", "c/", "~", "ü ï/"},
		"a":     {"x", "y/"},
		"a/y":   {"1", "2", "z/"},
		"a/y/z": {"3"},
		"c":     {"d/"}, "ü ï": {"h", "日本/"}, "ü ï/日本": {"f", "g"},
		"b": {}, "none": {}, "a/x": {}, "hidden": {},
	} {
		for _, limit := range []int{1, 2, 3, 100} {
			if got := b.folder(v.PackageID, path, limit); !slices.Equal(got, want) {
				t.Errorf("%q by %d is %q, want %q", path, limit, got, want)
			}
		}
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		l, err := tx.ListFolder(ctx, v.PackageID, registry.FolderQuery{Path: "a", Limit: 5})
		b.same([]any{err, l.Items, l.More}, []any{nil, []registry.FolderEntry{{Name: "x", Size: 3}, {Name: "y", Dir: true}}, false})
		return nil
	})
	for _, c := range []struct {
		path string
		n    int64
	}{{"a/y", 3}, {"a/y", 0}, {"a", 2}, {"a.tx", 0}, {"ü ï/日本", 2}, {"", 8}, {"", 0}} {
		b.update(func(ctx context.Context, tx registry.Tx) error {
			n, err := tx.DeleteFiles(ctx, v.PackageID, c.path)
			b.same([]any{c.path, err, n}, []any{c.path, nil, c.n})
			return nil
		})
	}
	b.view(func(ctx context.Context, tx registry.Tx) error {
		k, err := tx.PackageOf(ctx, p.ID, registry.PackageRef{VersionID: v.ID})
		b.same([]any{err, k.FileCount, k.Size}, []any{nil, int64(0), int64(0)})
		k, err = tx.PackageOf(ctx, p.ID, registry.PackageRef{VersionID: other.ID})
		b.same([]any{err, k.FileCount}, []any{nil, int64(15)})
		return nil
	})
}

// folder reads a folder page by page; what is a folder itself ends with a slash.
func (b *bench) folder(packageID int64, path string, limit int) (out []string) {
	b.t.Helper()
	q := registry.FolderQuery{Path: path, Limit: limit}
	for {
		var l registry.List[registry.FolderEntry]
		b.view(func(ctx context.Context, tx registry.Tx) (err error) {
			l, err = tx.ListFolder(ctx, packageID, q)
			return err
		})
		for _, e := range l.Items {
			if e.Dir {
				e.Name += "/"
			}
			out = append(out, e.Name)
		}
		if !l.More {
			return out
		}
		q.After = l.Next.Key
	}
}
