package fsblob_test

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
)

// Only root may mount a disk that is small enough to fill; for anybody else a
// limit on the size of files has to stand in.
func TestFullDisk(t *testing.T) {
	root := t.TempDir()
	err := unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		if err := runChild(t, "limited", root); err != nil {
			t.Error(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	d, err := fsblob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := stageTooMuch(blob.New(d, blob.Options{})); err != nil {
		t.Error(err)
	}
	if blobs, uploads := count(t, d); blobs != 1 || uploads != nil {
		t.Errorf("%d blobs, uploads %+v", blobs, uploads)
	}
}
