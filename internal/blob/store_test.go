package blob_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/blob/memblob"
)

// faulty is a driver whose uploads do as they are told.
type faulty struct {
	blob.Driver
	onWrite   func(offset int64) error
	onReserve func(size int64) error
	onSync    error
	onSettle  func() error
	onAbort   error
}

type faultyUpload struct {
	blob.Upload
	f *faulty
}

func (f *faulty) Begin(ctx context.Context, id string) (blob.Upload, error) {
	up, err := f.Driver.Begin(ctx, id)
	return &faultyUpload{up, f}, err
}

func (u *faultyUpload) Write(p []byte) (int, error) {
	if u.f.onWrite != nil {
		if err := u.f.onWrite(u.Offset()); err != nil {
			return 0, err
		}
	}
	return u.Upload.Write(p)
}

func (u *faultyUpload) Reserve(size int64) error {
	if u.f.onReserve != nil {
		return u.f.onReserve(size)
	}
	return u.Upload.Reserve(size)
}

func (u *faultyUpload) Sync() error { return errors.Join(u.f.onSync, u.Upload.Sync()) }

func (u *faultyUpload) Settle() error {
	if u.f.onSettle != nil {
		if err := u.f.onSettle(); err != nil {
			return err
		}
	}
	return u.Upload.Settle()
}

func (u *faultyUpload) Abort() error { return errors.Join(u.f.onAbort, u.Upload.Abort()) }

// noUploads checks that a failed Stage left nothing.
func noUploads(t *testing.T, d blob.Driver) {
	t.Helper()
	err := d.WalkUploads(t.Context(), func(u blob.UploadInfo) error {
		t.Errorf("left behind: %+v", u)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStageDriverFails(t *testing.T) {
	broken := errors.New("broken")
	fail := func(int64) error { return broken }
	late := func(off int64) error {
		if off >= 5<<20 {
			return broken
		}
		return nil
	}
	for name, f := range map[string]*faulty{
		"first write":   {onWrite: fail},
		"later write":   {onWrite: late},
		"reserve":       {onReserve: fail},
		"sync":          {onSync: broken},
		"write + abort": {onWrite: fail, onAbort: errors.New("abort")},
	} {
		t.Run(name, func(t *testing.T) {
			f.Driver = memblob.New()
			for _, size := range []int64{100, 6 << 20, 64 << 20} {
				if name == "later write" && size == 100 {
					continue
				}
				_, err := blob.New(f, blob.Options{}).Stage(t.Context(), blobtest.Repeat(size), blob.StageOptions{Size: size})
				if !errors.Is(err, broken) || f.onAbort != nil && !errors.Is(err, f.onAbort) {
					t.Errorf("%d bytes: %v", size, err)
				}
				noUploads(t, f)
			}
		})
	}
}

// A driver that fails must stop the reading too, or an endless body would be
// read for ever.
func TestStageStopsReadingAfterFailedWrite(t *testing.T) {
	broken := errors.New("broken")
	f := &faulty{Driver: memblob.New(), onWrite: func(int64) error { return broken }}
	_, err := blob.New(f, blob.Options{}).Stage(t.Context(), blobtest.Repeat(1<<62), blob.StageOptions{Size: -1})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	noUploads(t, f)
}

func TestStageDriverPanics(t *testing.T) {
	for _, size := range []int64{100, 6 << 20, 64 << 20} {
		f := &faulty{Driver: memblob.New(), onWrite: func(int64) error { panic("driver") }}
		func() {
			defer func() {
				if got := recover(); got != "driver" {
					t.Errorf("%d bytes: recovered %v", size, got)
				}
			}()
			_, err := blob.New(f, blob.Options{}).Stage(t.Context(), blobtest.Repeat(size), blob.StageOptions{Size: -1})
			t.Errorf("%d bytes: the panic was swallowed: %v", size, err)
		}()
		noUploads(t, f)
	}
}

// reads is a reader made of a function.
type reads func([]byte) (int, error)

func (r reads) Read(p []byte) (int, error) { return r(p) }

func TestStageBadReaders(t *testing.T) {
	s := blob.New(memblob.New(), blob.Options{})
	for name, r := range map[string]reads{
		"too many": func(p []byte) (int, error) { return len(p) + 1, nil },
		"negative": func([]byte) (int, error) { return -1, nil },
	} {
		if _, err := s.Stage(t.Context(), r, blob.StageOptions{Size: -1}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	stuck := reads(func([]byte) (int, error) { return 0, nil })
	if _, err := s.Stage(t.Context(), stuck, blob.StageOptions{Size: -1}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("stuck: %v", err)
	}
}

func TestErrorTexts(t *testing.T) {
	d := blob.Digest("sha256:" + strings.Repeat("ab", 32))
	err := &blob.CorruptError{Digest: d, Got: "sha256:" + blob.Digest(strings.Repeat("cd", 32)), Size: 7}
	for _, part := range []string{"abab", "cdcd", " 7 "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

// TestShow: content is visible at once; what is durable later, or not at all, is
// told by all that wait for it, and nothing else happens to it meanwhile.
func TestShow(t *testing.T) {
	broken, goOn := errors.New("broken"), make(chan struct{}, 100)
	f := &faulty{Driver: memblob.New()}
	s := blob.New(f, blob.Options{})
	stage := func(body string) *blob.Staged {
		st, err := s.Stage(t.Context(), strings.NewReader(body), blob.StageOptions{Size: -1})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	var settled atomic.Int32
	f.onSettle = func() error { <-goOn; settled.Add(1); return nil }
	for name, wait := range map[string]func(*blob.Staged) error{
		"settle": (*blob.Staged).Settle, "close": (*blob.Staged).Close, "suspend": (*blob.Staged).Suspend, "show": func(st *blob.Staged) error { return st.Show(t.Context()) },
		"publish": func(st *blob.Staged) error { return st.Publish(t.Context()) },
	} {
		settled.Store(0)
		st := stage(name)
		if err := st.Show(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stat(t.Context(), st.Digest); err != nil {
			t.Errorf("%s: not visible: %v", name, err)
		}
		for range 3 {
			goOn <- struct{}{}
		}
		if err := wait(st); err != nil || settled.Load() == 0 {
			t.Errorf("%s: %v, settled %d times", name, err, settled.Load())
		}
		if err := st.Close(); err != nil || st.Show(t.Context()) == nil || st.Settle() == nil {
			t.Errorf("%s: %v, or used after it was closed", name, err)
		}
	}
	fails := true
	f.onSettle = func() error {
		if fails {
			return broken
		}
		return nil
	}
	st := stage("fails")
	err := st.Show(t.Context())
	for range 2 {
		if serr := st.Settle(); err != nil || !errors.Is(serr, broken) {
			t.Errorf("%v, %v", err, serr)
		}
	}
	if err := st.Publish(t.Context()); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	fails = false
	if err := errors.Join(st.Settle(), st.Publish(t.Context()), st.Close()); err != nil {
		t.Error(err)
	}
}
