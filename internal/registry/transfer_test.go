package registry_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// pipe is the body of a transfer, and a way to break it.
func pipe() (*io.PipeReader, *io.PipeWriter, func()) {
	r, w := io.Pipe()
	return r, w, func() { w.CloseWithError(io.ErrUnexpectedEOF) }
}

// TestStalledTransferGivesWay: whoever asks for an upload whose transfer stalls
// gets what it has received, and may go on.
func TestStalledTransferGivesWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, v := h.begin(t, h.sys, sized(len(content)))
	stall := func(from, to int) chan error {
		r, w, interrupt := pipe()
		ended := make(chan error, 1)
		go func() {
			_, err := h.sys.AppendUpload(context.WithoutCancel(t.Context()), home, u.EID, r,
				registry.AppendOptions{Offset: int64(from), Size: int64(len(content) - from), Interrupt: interrupt})
			ended <- err
		}()
		_, err := w.Write(content[from:to])
		must(t, err)
		return ended
	}
	first := stall(0, 1<<20)
	time.Sleep(1100 * time.Millisecond)
	u, err := h.sys.Upload(t.Context(), home, u.EID)
	if err != nil || u.Progress.Offset != 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
	is(t, <-first, fault.Invalid, "body")
	second := stall(1<<20, 2<<20)
	u, err = send(t.Context(), h.sys, u, 2<<20, len(content))
	if err != nil || u.State != registry.UploadStored {
		t.Errorf("%+v, %v", u, err)
	}
	is(t, <-second, fault.Invalid, "body")
	h.holds(t, v, content)
}

// slowly gives a byte now and then until it is told to end.
type slowly struct{ over atomic.Bool }

func (s *slowly) Read(p []byte) (int, error) {
	if s.over.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	time.Sleep(20 * time.Millisecond)
	p[0] = 'x'
	return 1, nil
}

// TestTwoTransfersAtOnce: while one goes on, the other is turned away.
func TestTwoTransfersAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	u, _ := h.begin(t, h.sys, sized(len(content)))
	body := &slowly{}
	end := func() { body.over.Store(true) }
	ended := make(chan error, 1)
	go func() {
		_, err := h.sys.AppendUpload(context.WithoutCancel(t.Context()), home, u.EID, body, registry.AppendOptions{Size: -1, Interrupt: end})
		ended <- err
	}()
	time.Sleep(100 * time.Millisecond)
	_, err := send(t.Context(), h.sys, u, 0, 10)
	is(t, err, fault.Busy, "upload")
	if body.over.Load() {
		t.Error("a transfer that went on was interrupted")
	}
	if got, err := h.sys.Upload(t.Context(), home, u.EID); err != nil || got.State != registry.UploadOpen {
		t.Errorf("%+v, %v", got, err)
	}
	// Its owner may end it at any time.
	must(t, h.sys.AbortUpload(t.Context(), home, u.EID))
	is(t, <-ended, fault.Invalid, "body")
	h.nothingWaits(t)
}

// frail is a store whose Updates fail when it is told so.
type frail struct {
	registry.Store
	left atomic.Int64 // Updates that still work
}

var errFrail = errors.New("the database is gone")

func (f *frail) Update(ctx context.Context, fn func(registry.Tx) error) error {
	if f.left.Add(-1) < 0 {
		return errFrail
	}
	return f.Store.Update(ctx, fn)
}

// TestCrashBeforeCommit: all bytes are there and published, but the row of the
// file is not. Whoever asks next gets the file, though a collection without
// any grace was faster.
func TestCrashBeforeCommit(t *testing.T) {
	h := newHouse(t)
	f := &frail{Store: h.store}
	h.store = f
	f.left.Store(1000)
	h.restart(t)
	u, v := h.begin(t, h.sys, sized(len(content)))
	f.left.Store(1) // the progress, but not the file
	_, err := send(t.Context(), h.sys, u, 0, len(content))
	if !errors.Is(err, errFrail) {
		t.Fatal(err)
	}
	f.left.Store(1000)
	h.restart(t)
	h.wait(time.Minute)
	c, err := h.sys.Collect(t.Context(), registry.CollectOptions{})
	if err != nil || c != (registry.Collected{}) {
		t.Errorf("collected %+v, %v", c, err)
	}
	u, err = h.sys.Upload(t.Context(), home, u.EID)
	if err != nil || u.State != registry.UploadStored {
		t.Fatalf("%+v, %v", u, err)
	}
	h.holds(t, v, content)
	h.nothingWaits(t)
}

// TestCollectBesideResumableUploads: collection without grace runs against
// uploads that are suspended between their pieces.
func TestCollectBesideResumableUploads(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	stop := make(chan struct{})
	var collector, senders sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				h.wait(time.Millisecond)
				if _, err := h.sys.Collect(t.Context(), registry.CollectOptions{}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for _, path := range []string{"a", "b", "c"} {
		senders.Go(func() {
			u, err := h.sys.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path, sized(2000))
			for at := 0; at < 2000 && err == nil; {
				var next registry.Upload
				next, err = send(t.Context(), h.sys, u, at, at+100)
				if fault.Is(err, fault.Busy) {
					err = nil // the collector looked at it just now
					continue
				}
				u, at = next, at+100
			}
			if err != nil || u.State != registry.UploadStored {
				t.Errorf("%s: %+v, %v", path, u, err)
			}
		})
	}
	senders.Wait()
	close(stop)
	collector.Wait()
	h.nothingWaits(t)
}
