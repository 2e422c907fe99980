package fsblob_test

import (
	"errors"
	"io"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
)

// TestClone: where the file system shares blocks (XFS, btrfs) the content is
// there; elsewhere nothing has changed. TMPDIR chooses the file system.
func TestClone(t *testing.T) {
	d, _ := open(t)
	s := blob.New(d, blob.Options{})
	const size = 3<<20 + 5
	st, err := s.Stage(t.Context(), blobtest.Repeat(size), blob.StageOptions{ID: "part-1", Size: size})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(st.Save(), st.Suspend()); err != nil {
		t.Fatal(err)
	}
	up, err := d.Begin(t.Context(), "whole")
	if err != nil {
		t.Fatal(err)
	}
	defer up.Abort()
	for i := range int64(2) {
		r, err := d.OpenUpload(t.Context(), "part-1")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		before := up.Offset()
		done, err := up.(blob.Cloner).Clone(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("clone %d at byte %d: %v", i, before, done)
		if want := before + size; done && up.Offset() != want || !done && up.Offset() != before {
			t.Errorf("Clone gave %v and the offset %d", done, up.Offset())
		}
		if done && i == 1 {
			t.Error("blocks were shared at an odd offset")
		}
	}
	if _, err := up.(blob.Cloner).Clone(io.LimitReader(nil, 0)); err != nil {
		t.Error(err)
	}
	st, err = s.Join(t.Context(), []string{"part-1", "part-1"}, blob.StageOptions{Size: 2 * size})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(st.Publish(t.Context()), st.Close(), s.Verify(t.Context(), st.Digest), d.RemoveUpload(t.Context(), "part-1")); err != nil {
		t.Error(err)
	}
}
