package blob

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

const (
	smallSize = 64 << 10 // bodies up to this are copied without goroutines
	wideAfter = 64 << 20 // bytes of one body after which it is worth wide buffers
	maxWide   = 4        // copies that have wide buffers at the same time
)

// Two kinds of ring: every copy begins with narrow buffers, which many uploads
// at once can afford. Long ones go on with wide buffers, because the fewer
// hand-overs and writes win a tenth of the time; wideSlots bounds their memory.
var (
	narrow    = newRing(1<<20, 4) // one being filled, two being worked on, one spare
	wide      = newRing(4<<20, 3)
	wideSlots = make(chan struct{}, maxWide)
)

// ring says what buffers a copy works with: their size in bytes, and how many.
type ring struct {
	size, count int
	pool        sync.Pool
}

func newRing(size, count int) *ring {
	r := &ring{size: size, count: count}
	r.pool.New = func() any { return &buffer{ring: r, data: make([]byte, size)} }
	return r
}

func (r *ring) get() *buffer { return r.pool.Get().(*buffer) }

// buffer is one link of a ring; users counts the workers that still need it.
type buffer struct {
	ring  *ring
	data  []byte
	n     int
	users atomic.Int32
}

func (b *buffer) release() { b.ring.pool.Put(b) }

// small has room for one byte more than a small body, so that a body of just
// smallSize bytes shows its end.
type small [smallSize + 1]byte

var smalls = sync.Pool{New: func() any { return new(small) }}

// copyHashed copies src to its end into w and gives each piece to hash too.
// When it returns or panics, no goroutine uses either any more.
func copyHashed(src *source, w io.Writer, hash func([]byte)) error {
	head := smalls.Get().(*small)
	defer smalls.Put(head)
	n, err := src.fill(head[:])
	if err == nil {
		return copyOverlapped(src, head[:n], w, hash)
	}
	if err != io.EOF {
		return err
	}
	if n == 0 {
		return nil
	}
	hash(head[:n])
	_, err = w.Write(head[:n])
	return err
}

// copyOverlapped copies head and the rest of src; reading (here), hashing and
// writing (in a goroutine each) go on at the same time.
func copyOverlapped(src *source, head []byte, w io.Writer, hash func([]byte)) (err error) {
	// A failed write cancels the reading through the context.
	ctx, cancel := context.WithCancel(src.ctx)
	defer cancel()
	src.ctx = ctx
	p := startPipeline(cancel, hash, w)
	// Deferred because src may panic, and w must be at rest before it goes on.
	finished := false
	defer func() {
		if !finished {
			p.idle.Store(true)
			p.finish()
		}
	}()
	err = p.feed(src, head)
	finished = true
	if err != nil {
		p.idle.Store(true)
	}
	p.finish()
	if p.panicked != nil {
		panic(p.panicked)
	}
	if p.err != nil {
		return p.err
	}
	return err
}

// pipeline hands every buffer to both workers, and takes it back when both are
// done with it. All its channels have room for both rings, so that only the
// wait for a free buffer ever blocks.
type pipeline struct {
	free   chan *buffer
	hash   chan *buffer
	write  chan *buffer
	ring   *ring // of the buffers that next gives
	made   int   // of them so far
	cancel context.CancelFunc
	idle   atomic.Bool // the workers pass buffers on without working
	wg     sync.WaitGroup

	// Of the writer; to be read after finish.
	err      error
	panicked any
}

func startPipeline(cancel context.CancelFunc, hash func([]byte), w io.Writer) *pipeline {
	room := narrow.count + wide.count
	p := &pipeline{
		free:   make(chan *buffer, room),
		hash:   make(chan *buffer, room),
		write:  make(chan *buffer, room),
		ring:   narrow,
		cancel: cancel,
	}
	p.wg.Go(func() { p.work(p.hash, hash) })
	p.wg.Go(func() { p.work(p.write, func(b []byte) { p.writeTo(w, b) }) })
	return p
}

// feed sends head and the rest of src down the pipeline. The first buffer ends
// where the file has a block border, so that all others are written block by
// block.
func (p *pipeline) feed(src *source, head []byte) error {
	start, skew := src.read, src.skew
	for {
		if src.read-start >= wideAfter {
			p.widen()
		}
		b, err := p.next(src.ctx)
		if err != nil {
			return err
		}
		n := copy(b.data, head)
		m, err := src.fill(b.data[n : p.ring.size-skew])
		head, skew = nil, 0
		if err != nil && err != io.EOF {
			return err
		}
		if b.n = n + m; b.n > 0 {
			b.users.Store(2)
			p.hash <- b
			p.write <- b
		}
		if err == io.EOF {
			return nil
		}
	}
}

// widen changes to wide buffers if they are to be had; finish gives them back.
func (p *pipeline) widen() {
	if p.ring == wide {
		return
	}
	select {
	case wideSlots <- struct{}{}:
		p.ring, p.made = wide, 0
	default:
	}
}

// next gives an empty buffer. New ones join the ring only when none is free,
// so that an upload slower than disk and hash makes do with one or two.
func (p *pipeline) next(ctx context.Context) (*buffer, error) {
	for p.made == p.ring.count || len(p.free) > 0 {
		select {
		case b := <-p.free:
			if b.ring == p.ring {
				return b, nil
			}
			b.release()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.made++
	return p.ring.get(), nil
}

func (p *pipeline) work(queue <-chan *buffer, do func([]byte)) {
	for b := range queue {
		if !p.idle.Load() {
			do(b.data[:b.n])
		}
		if b.users.Add(-1) == 0 {
			p.free <- b
		}
	}
}

// writeTo writes b; after a failure nothing more is worth doing. A panic of the
// driver is carried over to the caller's goroutine, where somebody recovers.
func (p *pipeline) writeTo(w io.Writer, b []byte) {
	ok := false
	defer func() {
		if !ok {
			p.panicked = recover()
		}
		if !ok || p.err != nil {
			p.idle.Store(true)
			p.cancel()
		}
	}()
	_, p.err = w.Write(b)
	ok = true
}

// finish waits until the workers are through with what they were sent.
func (p *pipeline) finish() {
	close(p.hash)
	close(p.write)
	p.wg.Wait()
	for len(p.free) > 0 {
		(<-p.free).release()
	}
	if p.ring == wide {
		<-wideSlots
	}
}
