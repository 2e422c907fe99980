//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fsblob_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
)

func init() {
	children["append"] = dieAppending
}

// resumedSize is more than several saves take, and no multiple of anything.
const resumedSize = 300<<20 + 12345

// progressPath is where a child notes what it has saved.
func progressPath(root string) string { return filepath.Join(filepath.Dir(root), "progress.json") }

func noteProgress(root string) func(blob.Progress) error {
	return func(at blob.Progress) error {
		data, err := json.Marshal(at)
		if err != nil {
			return err
		}
		return os.WriteFile(progressPath(root), data, 0o600)
	}
}

func readProgress(t *testing.T, root string) (at blob.Progress) {
	t.Helper()
	data, err := os.ReadFile(progressPath(root))
	if err == nil {
		err = json.Unmarshal(data, &at)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// from gives the bytes of Repeat(resumedSize) from off on.
func from(off, n int64) io.Reader {
	r := blobtest.Repeat(resumedSize)
	_, err := io.CopyN(io.Discard, r, off)
	if err != nil {
		return &failing{err}
	}
	return io.LimitReader(r, n)
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// dieAppending appends 75 MiB and a bit, which ends well, and is killed after
// 150 MiB of the rest.
func dieAppending(s *blob.Store) error {
	root := os.Getenv(rootEnv)
	ctx := context.Background()
	part, err := s.Resume(ctx, "up-1", blob.Progress{})
	if err != nil {
		return err
	}
	const first = 75<<20 + 13
	o := blob.AppendOptions{Size: first, Most: resumedSize, Save: noteProgress(root)}
	if err := part.Append(ctx, from(0, first), o); err != nil {
		return err
	}
	o.Size = resumedSize - first
	err = part.Append(ctx, io.MultiReader(from(first, 150<<20), lethal{}), o)
	return errors.Join(errors.New("survived"), err)
}

// TestKilledWhileAppending: what was saved is there after a kill, what came
// later is forgotten, and the whole has the right digest without being read
// again.
func TestKilledWhileAppending(t *testing.T) {
	d, root := open(t)
	err := runChild(t, "append", root)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v", err)
	}
	at := readProgress(t, root)
	if want := int64(192 << 20); at.Offset != want {
		t.Errorf("%d bytes were saved, want %d", at.Offset, want)
	}
	s := blob.New(d, blob.Options{})
	part, err := s.Resume(t.Context(), "up-1", at)
	if err != nil {
		t.Fatal(err)
	}
	rest := resumedSize - at.Offset
	err = part.Append(t.Context(), from(at.Offset, rest), blob.AppendOptions{Size: rest, Most: rest, Save: noteProgress(root)})
	if err != nil {
		t.Fatal(err)
	}
	st := part.Stage()
	if err := errors.Join(st.Publish(t.Context()), st.Close(), s.Verify(t.Context(), st.Digest)); err != nil {
		t.Fatal(err)
	}
	if got, err := readProgress(t, root).Digest(); err != nil || got != st.Digest {
		t.Errorf("the saved state gives the digest %s (%v), the content has %s", got, err, st.Digest)
	}
	if blobs, uploads := count(t, d); blobs != 1 || uploads != nil {
		t.Errorf("%d blobs, uploads %+v", blobs, uploads)
	}
}

// TestSuspendGivesBack: an upload that nobody may come back for holds no more
// of the disk than its bytes.
func TestSuspendGivesBack(t *testing.T) {
	d, root := open(t)
	s := blob.New(d, blob.Options{})
	part, err := s.Resume(t.Context(), "up-1", blob.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	cut := io.MultiReader(blobtest.Repeat(1<<20), &failing{io.ErrUnexpectedEOF})
	err = part.Append(t.Context(), cut, blob.AppendOptions{Size: 64 << 20, Most: 64 << 20, Save: noteProgress(root)})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if err := part.Suspend(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(root, "tmp", "up-1"))
	if err != nil {
		t.Fatal(err)
	}
	if held := fi.Sys().(*syscall.Stat_t).Blocks * 512; fi.Size() != 1<<20 || held > 2<<20 {
		t.Errorf("%d bytes take %d of the disk", fi.Size(), held)
	}
	if err := d.RemoveUpload(t.Context(), "up-1"); err != nil {
		t.Fatal(err)
	}
}
