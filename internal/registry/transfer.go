package registry

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

const (
	// stalledAfter is how long nothing has to come before a transfer may be
	// ended for the sake of another request about the same upload.
	stalledAfter = time.Second
	// transferPatience is how long such a request waits for the transfer.
	transferPatience = 4 * time.Second
	transferPoll     = 50 * time.Millisecond
)

// transfers are the uploads that this process is receiving. A phone that
// changes networks leaves a connection behind that nobody ever closes; the
// server would wait on it, and turn the phone's next request away, until it
// times out. So a transfer in which nothing moves gives way.
type transfers struct {
	mu    sync.Mutex
	byEID map[string]*transfer
}

func newTransfers() *transfers { return &transfers{byEID: map[string]*transfer{}} }

type transfer struct {
	heard     atomic.Int64 // when a byte came last, in Unix ns
	ended     atomic.Bool  // nothing more is read: what has come is being saved
	interrupt func()       // ends the reading; nil: it ends by itself soon
	done      chan struct{}
}

func (t *transfer) stalled() bool {
	return t.ended.Load() || time.Since(time.Unix(0, t.heard.Load())) >= stalledAfter
}

func (t *transfer) stop() {
	if t.interrupt != nil && !t.ended.Load() {
		t.interrupt()
	}
}

// claim registers t, or gives the transfer that is in the way.
func (ts *transfers) claim(eid string, t *transfer) *transfer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if other := ts.byEID[eid]; other != nil {
		return other
	}
	ts.byEID[eid] = t
	return nil
}

func (ts *transfers) release(eid string, t *transfer) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.byEID, eid)
	close(t.done)
}

// take reserves an upload for the caller, who calls done at the end. One that
// stalls is ended for it; while another goes on the answer is fault.Busy with
// noun "upload".
func (ts *transfers) take(ctx context.Context, eid string, interrupt func()) (done func(), err error) {
	_, done, err = ts.acquire(ctx, eid, interrupt, (*transfer).stalled)
	return done, err
}

// seize is take for somebody who does not want the bytes of the other.
func (ts *transfers) seize(ctx context.Context, eid string) (done func(), err error) {
	_, done, err = ts.acquire(ctx, eid, nil, func(*transfer) bool { return true })
	return done, err
}

// acquire reserves an upload; yields says whether the one in the way shall end.
func (ts *transfers) acquire(ctx context.Context, eid string, interrupt func(), yields func(*transfer) bool) (*transfer, func(), error) {
	t := &transfer{interrupt: interrupt, done: make(chan struct{})}
	t.heard.Store(time.Now().UnixNano())
	for end := time.Now().Add(transferPatience); ; {
		other := ts.claim(eid, t)
		if other == nil {
			return t, func() { ts.release(eid, t) }, nil
		}
		if err := other.await(ctx, end, yields); err != nil {
			return nil, nil, err
		}
	}
}

// await waits for the end of a transfer, which is ended when it yields.
func (t *transfer) await(ctx context.Context, end time.Time, yields func(*transfer) bool) error {
	for time.Now().Before(end) {
		if yields(t) {
			// Again and again: the reading may have begun anew just now.
			t.stop()
		}
		select {
		case <-t.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(transferPoll):
		}
	}
	return &fault.Error{Kind: fault.Busy, Noun: "upload", Msg: "another request is sending to it; try again later"}
}

// settle ends a transfer that stalls and waits for what it has to save. It
// reports whether there was one that has ended.
func (ts *transfers) settle(ctx context.Context, eid string) bool {
	ts.mu.Lock()
	t := ts.byEID[eid]
	ts.mu.Unlock()
	if t == nil || !t.stalled() {
		return false
	}
	return t.await(ctx, time.Now().Add(transferPatience), (*transfer).stalled) == nil
}

// hear wraps the body of a transfer so that its stalls show.
func (t *transfer) hear(r io.Reader) io.Reader { return &heardBody{r: r, t: t} }

type heardBody struct {
	r io.Reader
	t *transfer
}

// Read notes that something came.
func (b *heardBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.t.heard.Store(time.Now().UnixNano())
	if err != nil {
		b.t.ended.Store(true)
	}
	return n, err
}
