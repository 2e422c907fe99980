//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fsblob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

func init() {
	children["die"] = dieStaging
	children["limited"] = stageOverFileLimit
	children["shown"] = dieShowing
}

// runChild runs one of children in a process of its own, on root.
func runChild(t *testing.T, name, root string) error {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childEnv+"="+name, rootEnv+"="+root)
	out, err := cmd.CombinedOutput()
	if len(out) > 0 {
		t.Logf("child %s: %s", name, out)
	}
	return err
}

// lethal is a body that kills its reader at its end.
type lethal struct{}

func (lethal) Read([]byte) (int, error) {
	return 0, unix.Kill(os.Getpid(), unix.SIGKILL)
}

func dieStaging(s *blob.Store) error {
	body := io.MultiReader(blobtest.Repeat(40<<20), lethal{})
	_, err := s.Stage(context.Background(), body, blob.StageOptions{Size: 64 << 20})
	return errors.Join(errors.New("survived"), err)
}

func TestKilledWhileStaging(t *testing.T) {
	d, root := open(t)
	err := runChild(t, "die", root)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v", err)
	}
	blobs, uploads := count(t, d)
	if blobs != 0 || len(uploads) != 1 || uploads[0].Live || uploads[0].Size == 0 {
		t.Fatalf("after the kill: %d blobs, uploads %+v", blobs, uploads)
	}
	if err := d.RemoveUpload(t.Context(), uploads[0].ID); err != nil {
		t.Error(err)
	}
	if blobs, uploads := count(t, d); blobs != 0 || uploads != nil {
		t.Errorf("after RemoveUpload: %d blobs, uploads %+v", blobs, uploads)
	}
}

// dieShowing dies when content is visible, and nobody has waited for its name.
func dieShowing(s *blob.Store) error {
	ctx := context.Background()
	st, err := s.Stage(ctx, blobtest.Repeat(1<<20), blob.StageOptions{Size: 1 << 20})
	if err == nil {
		err = st.Show(ctx)
	}
	return errors.Join(errors.New("survived"), err, unix.Kill(os.Getpid(), unix.SIGKILL))
}

// TestKilledWhileShowing: what is visible then is whole, and no upload is left.
func TestKilledWhileShowing(t *testing.T) {
	d, root := open(t)
	if err := runChild(t, "shown", root); err == nil {
		t.Fatal("the child lives")
	}
	if blobs, uploads := count(t, d); blobs != 1 || uploads != nil {
		t.Fatalf("after the kill: %d blobs, uploads %+v", blobs, uploads)
	}
	s := blob.New(d, blob.Options{})
	if err := s.Walk(t.Context(), func(i blob.Info) error { return s.Verify(t.Context(), i.Digest) }); err != nil {
		t.Error(err)
	}
}

// stageTooMuch stages 8 MiB, of announced and of unknown size, where that much
// does not go; then a byte, which does.
func stageTooMuch(s *blob.Store) error {
	ctx := context.Background()
	for _, size := range []int64{8 << 20, -1} {
		_, err := s.Stage(ctx, blobtest.Repeat(8<<20), blob.StageOptions{Size: size})
		if f, ok := fault.As(err); !ok || f.Kind != fault.Full || f.Noun != "disk" || f.Msg == "" {
			return errors.Join(errors.New("want fault.Full of the disk"), err)
		}
		err = s.WalkUploads(ctx, func(u blob.UploadInfo) error { return errors.New("left behind: " + u.ID) })
		if err != nil {
			return err
		}
	}
	if err := appendTooMuch(s); err != nil {
		return err
	}
	st, err := s.Stage(ctx, bytes.NewReader([]byte("x")), blob.StageOptions{Size: 1})
	if err != nil {
		return err
	}
	return errors.Join(st.Publish(ctx), st.Close())
}

// appendTooMuch does the same to an upload that has a MiB already, which stays.
func appendTooMuch(s *blob.Store) error {
	ctx := context.Background()
	var at blob.Progress
	note := func(p blob.Progress) error { at = p; return nil }
	for _, size := range []int64{1 << 20, 8 << 20, -1} {
		part, err := s.Resume(ctx, "up-1", at)
		if err != nil {
			return err
		}
		body := blobtest.Repeat(8 << 20)
		if size == 1<<20 {
			body = blobtest.Repeat(size)
		}
		err = part.Append(ctx, body, blob.AppendOptions{Size: size, Most: 8 << 20, Save: note})
		if size == 1<<20 && err != nil || size != 1<<20 && !fault.Is(err, fault.Full) {
			return errors.Join(errors.New("want fault.Full after the first MiB"), err)
		}
		if err := part.Suspend(); err != nil || at.Offset != 1<<20 {
			return errors.Join(errors.New("the progress was not kept"), err)
		}
	}
	return s.RemoveUpload(ctx, "up-1")
}

func stageOverFileLimit(s *blob.Store) error {
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4 << 20, Max: 4 << 20}); err != nil {
		return err
	}
	return stageTooMuch(s)
}

func TestFileLimit(t *testing.T) {
	d, root := open(t)
	if err := runChild(t, "limited", root); err != nil {
		t.Fatal(err)
	}
	if blobs, uploads := count(t, d); blobs != 1 || uploads != nil {
		t.Errorf("%d blobs, uploads %+v", blobs, uploads)
	}
}

// A file that vanished or was replaced under its lock is not ours to remove.
func TestRemoveUploadRace(t *testing.T) {
	d, root := open(t)
	for range 100 {
		up, err := d.Begin(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- d.RemoveUpload(t.Context(), "one") }()
		if _, err := up.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := up.Suspend(); err != nil {
			t.Fatal(err)
		}
		// The remover was before Suspend, after, or between this and that.
		next, err := d.Begin(t.Context(), "one")
		if rerr := <-done; rerr != nil && !fault.Is(rerr, fault.Busy) {
			t.Fatal(rerr)
		}
		if fault.Is(err, fault.Busy) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(root, "tmp", "one")); err != nil {
			t.Fatalf("an open upload was removed: %v", err)
		}
		if err := next.Abort(); err != nil {
			t.Fatal(err)
		}
	}
}
