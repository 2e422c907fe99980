package registry_test

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// putSmall stores a file that tells its size.
func (h *house) putSmall(t *testing.T, v registry.Version, path, content string) registry.File {
	t.Helper()
	f, err := h.sys.PutFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path, strings.NewReader(content), registry.PutOptions{Size: int64(len(content))})
	must(t, err)
	return f
}

// filed counts the files below the folder of blobs, of uploads under way too.
func (h *house) filed(t *testing.T) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(h.dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	}))
	return n
}

func (h *house) fileHolds(t *testing.T, v registry.Version, path, want string) {
	t.Helper()
	_, c, err := h.sys.OpenFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path)
	must(t, err)
	got, err := io.ReadAll(c)
	must(t, err)
	if must(t, c.Close()); string(got) != want {
		t.Errorf("%s holds %d bytes, want %d", path, len(got), len(want))
	}
}

// TestSmallFilesAreRows: they take no file on disk, and all else is as with the
// others: reading, copying, verifying, collecting.
func TestSmallFilesAreRows(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	large := strings.Repeat("x", blob.RowSize+1)
	h.putSmall(t, v, "config.json", "{}")
	h.putSmall(t, v, "empty", "")
	gone := h.putSmall(t, v, "gone", large[:blob.RowSize])
	if n := h.filed(t); n != 0 {
		t.Errorf("%d files on disk", n)
	}
	h.putSmall(t, v, "model.bin", large)
	h.put(t, v, "both", "{}") // of unknown size: a file beside the row
	if n := h.filed(t); n != 2 {
		t.Errorf("%d files on disk", n)
	}
	h.restart(t)
	for path, want := range map[string]string{"config.json": "{}", "both": "{}", "empty": "", "gone": large[:blob.RowSize], "model.bin": large} {
		h.fileHolds(t, v, path, want)
	}
	must(t, h.sys.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "gone"))
	h.wait(2 * time.Hour)
	c, err := h.sys.Collect(t.Context(), registry.CollectOptions{Grace: time.Hour})
	if want := (registry.Collected{Blobs: 1, Bytes: blob.RowSize}); err != nil || c != want {
		t.Errorf("collected %+v, %v", c, err)
	}
	if _, err := h.blobs.Stat(t.Context(), gone.Digest); !fault.Is(err, fault.NotFound) {
		t.Errorf("the bytes are still there: %v", err)
	}
	n, bytes, err := h.sys.Verify(t.Context(), func(b registry.BadBlob) error { return fmt.Errorf("%v is bad", b) })
	if err != nil || n != 3 || bytes != 2+int64(len(large)) {
		t.Errorf("verified %d blobs of %d bytes, %v", n, bytes, err)
	}
	// Together with its row goes the file that it had beside it.
	for _, path := range []string{"config.json", "both"} {
		must(t, h.sys.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path))
	}
	_, err = h.sys.Collect(t.Context(), registry.CollectOptions{})
	must(t, err)
	if n := h.filed(t); n != 1 {
		t.Errorf("%d files on disk", n)
	}
}

// TestVerifyFindsBadRows: also those of small files that nobody has touched.
func TestVerifyFindsBadRows(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	h.putSmall(t, v, "good", "good")
	must(t, h.store.Update(t.Context(), func(tx registry.Tx) error {
		for word, content := range map[string]string{"damaged": "bad", "wrong": "good, and more"} {
			d := blob.Digest("sha256:" + fmt.Sprintf("%064x", len(word)))
			if _, err := tx.KeepBlob(t.Context(), d, 3, h.clock()); err != nil {
				return err
			}
			if err := tx.KeepContent(t.Context(), d, []byte(content), h.clock()); err != nil {
				return err
			}
		}
		return nil
	}))
	var found []string
	n, _, err := h.sys.Verify(t.Context(), func(b registry.BadBlob) error {
		word, _, _ := strings.Cut(strings.ReplaceAll(b.Reason, ":", " "), " ")
		found = append(found, word)
		return nil
	})
	if err != nil || n != 3 || strings.Join(found, " ") != "wrong damaged" {
		t.Errorf("%d read, found %q, %v", n, found, err)
	}
}

// TestSmallFileWithoutCommit: what is not committed is not there, neither file
// nor bytes, and can be sent again.
func TestSmallFileWithoutCommit(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	whole := h.store
	f := &frail{Store: whole}
	h.store = f
	h.restart(t)
	_, err := h.sys.PutFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "f", strings.NewReader("abc"), registry.PutOptions{Size: 3})
	if err == nil {
		t.Fatal("stored without a database")
	}
	h.store = whole
	h.restart(t)
	if _, err := h.sys.StatFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "f"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	if n := h.filed(t); n != 0 {
		t.Errorf("%d files on disk", n)
	}
	h.putSmall(t, v, "f", "abc")
	h.fileHolds(t, v, "f", "abc")
}
