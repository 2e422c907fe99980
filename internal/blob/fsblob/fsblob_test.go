package fsblob_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/blob/fsblob"
)

// childEnv tells the test binary to be a child; children are by name in
// children, and get the root that rootEnv names.
const (
	childEnv = "VITRINE_FSBLOB_TEST_CHILD"
	rootEnv  = "VITRINE_FSBLOB_TEST_ROOT"
)

var children = map[string]func(*blob.Store) error{}

func TestMain(m *testing.M) {
	child := children[os.Getenv(childEnv)]
	if child == nil {
		os.Exit(m.Run())
	}
	d, err := fsblob.Open(os.Getenv(rootEnv))
	if err == nil {
		err = child(blob.New(d, blob.Options{}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open makes a driver in a new directory, and gives the directory too.
func open(t testing.TB) (*fsblob.Driver, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "blobs")
	d, err := fsblob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

// put stores size bytes and gives their digest and path.
func put(t *testing.T, d blob.Driver, root string, size int64) (blob.Digest, string) {
	t.Helper()
	st, err := blob.New(d, blob.Options{}).Stage(t.Context(), blobtest.Repeat(size), blob.StageOptions{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(st.Publish(t.Context()), st.Close()); err != nil {
		t.Fatal(err)
	}
	hex := st.Digest.Hex()
	return st.Digest, filepath.Join(root, "sha256", hex[:2], hex)
}

// count gives the number of blobs and the unfinished uploads.
func count(t *testing.T, d blob.Driver) (blobs int, uploads []blob.UploadInfo) {
	t.Helper()
	err := errors.Join(
		d.Walk(t.Context(), func(blob.Info) error { blobs++; return nil }),
		d.WalkUploads(t.Context(), func(u blob.UploadInfo) error { uploads = append(uploads, u); return nil }))
	if err != nil {
		t.Fatal(err)
	}
	return blobs, uploads
}

func TestDriver(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Driver {
		d, _ := open(t)
		return d
	})
}

func TestLayout(t *testing.T) {
	d, root := open(t)
	digest, path := put(t, d, root, 100)
	for path, want := range map[string]fs.FileMode{
		root:                       fs.ModeDir | 0o700,
		filepath.Join(root, "tmp"): fs.ModeDir | 0o700,
		filepath.Dir(path):         fs.ModeDir | 0o700,
		path:                       0o400,
	} {
		fi, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, fi.Mode(), want)
		}
	}
	f, err := d.Open(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(*os.File); !ok {
		t.Errorf("Open gave a %T; only of an *os.File the kernel can send the content", f)
	}
	up, err := d.Begin(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	defer up.Abort()
	if fi, err := os.Lstat(filepath.Join(root, "tmp", "one")); err != nil || fi.Mode() != 0o600 {
		t.Errorf("temp file: %v, %v", fi, err)
	}
}

func TestReopen(t *testing.T) {
	d, root := open(t)
	digest, _ := put(t, d, root, 100)
	again, err := fsblob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := blob.New(again, blob.Options{}).Verify(t.Context(), digest); err != nil {
		t.Error(err)
	}
	if blobs, uploads := count(t, again); blobs != 1 || uploads != nil {
		t.Errorf("after reopening: %d blobs, uploads %+v", blobs, uploads)
	}
}

// Two drivers on one root stand for two processes: the locks are per opening.
func TestTwoDrivers(t *testing.T) {
	d, root := open(t)
	other, err := fsblob.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	put(t, d, root, 100)
	put(t, other, root, 100)
	up, err := d.Begin(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	defer up.Abort()
	if _, err := other.Begin(t.Context(), "one"); err == nil {
		t.Error("two drivers opened one upload")
	}
	if blobs, uploads := count(t, other); blobs != 1 || len(uploads) != 1 || !uploads[0].Live {
		t.Errorf("%d blobs, uploads %+v", blobs, uploads)
	}
}

func TestVerifyFlippedByte(t *testing.T) {
	d, root := open(t)
	digest, path := put(t, d, root, 3<<20)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 2<<20); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, 2<<20); err != nil {
		t.Fatal(err)
	}
	err = blob.New(d, blob.Options{}).Verify(t.Context(), digest)
	if bad, ok := errors.AsType[*blob.CorruptError](err); !ok || bad.Digest != digest || bad.Got == digest || bad.Size != 3<<20 {
		t.Errorf("Verify = %v", err)
	}
}

func TestForeignFilesArePassedOver(t *testing.T) {
	d, root := open(t)
	digest, path := put(t, d, root, 100)
	hex := digest.Hex()
	elsewhere := "00"
	if hex[:2] == elsewhere {
		elsewhere = "01"
	}
	if err := os.Mkdir(filepath.Join(root, "sha256", elsewhere), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path + ".bak", filepath.Dir(path) + "/README",
		filepath.Join(root, "sha256", elsewhere, hex), filepath.Join(root, "sha256", hex), filepath.Join(root, "tmp", ".hidden")} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{filepath.Join(root, "tmp", "dir"), filepath.Join(root, "sha256", "zz")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if blobs, uploads := count(t, d); blobs != 1 || uploads != nil {
		t.Errorf("%d blobs, uploads %+v", blobs, uploads)
	}
}

// An operator may tidy up the empty directories of a running server.
func TestShardDirectoryVanishes(t *testing.T) {
	d, root := open(t)
	digest, path := put(t, d, root, 100)
	if err := d.Delete(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	put(t, d, root, 100)
	if err := blob.New(d, blob.Options{}).Verify(t.Context(), digest); err != nil {
		t.Error(err)
	}
}

func TestOpenUnusable(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "sha256"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fsblob.Open(root); err == nil {
		t.Error("Open succeeded with a file in the place of a directory")
	}
}

// zeros is a body that is nothing but long.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestMemoryIsBounded(t *testing.T) {
	d, _ := open(t)
	const size, most = 256 << 20, 32 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	st, err := blob.New(d, blob.Options{}).Stage(t.Context(), io.LimitReader(zeros{}, size), blob.StageOptions{Size: size})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if got := after.TotalAlloc - before.TotalAlloc; got > most {
		t.Errorf("staging %d MiB allocated %d MiB", size>>20, got>>20)
	}
}

func BenchmarkStage(b *testing.B) {
	blobtest.Bench(b, func(b *testing.B) blob.Driver {
		d, _ := open(b)
		return d
	})
}

// BenchmarkGiB sets Stage against the two things that it cannot do without.
func BenchmarkGiB(b *testing.B) {
	const size = 1 << 30
	buf := make([]byte, 1<<20)
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			h := sha256.New()
			if _, err := io.CopyBuffer(h, blobtest.Repeat(size), buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("write+fsync", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "plain")
		b.SetBytes(size)
		for b.Loop() {
			if err := plainCopy(path, size, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Stage", func(b *testing.B) {
		d, _ := open(b)
		s := blob.New(d, blob.Options{})
		b.SetBytes(size)
		for b.Loop() {
			st, err := s.Stage(context.Background(), blobtest.Repeat(size), blob.StageOptions{Size: size})
			if err == nil {
				err = st.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// plainCopy writes, syncs and removes a file; the write goes past ReadFrom,
// which would choose its own buffer.
func plainCopy(path string, size int64, buf []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, blobtest.Repeat(size), buf)
	return errors.Join(err, f.Sync(), f.Close())
}
