package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Progress is how far content that comes piece by piece has come.
type Progress struct {
	Offset int64  // bytes
	State  []byte // of their SHA-256, as crypto/sha256 marshals it; empty: no bytes
}

// Digest is that of the bytes so far. A state that is none gives an error.
func (p Progress) Digest() (Digest, error) {
	h, err := p.hash()
	if err != nil {
		return "", err
	}
	return SumDigest(h.Sum(nil)), nil
}

func (p Progress) hash() (hash.Hash, error) {
	h := sha256.New()
	if len(p.State) == 0 {
		return h, nil
	}
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.State); err != nil {
		return nil, fmt.Errorf("blob: the saved state of a SHA-256 is damaged: %w", err)
	}
	return h, nil
}

// Partial is content that comes piece by piece, over broken connections and
// restarts, and is hashed as it comes, so that its end is also the end of its
// SHA-256. It is used by one goroutine at a time, and must be closed by Suspend
// or Abort, or handed over by Stage.
type Partial struct {
	up    Upload
	hash  hash.Hash // of what is held
	saved Progress
	max   int64 // 0 means no limit
}

// Resume opens the upload named id with the bytes of at, which an Append has
// saved; at zero progress it begins. What came after is dropped. An upload that
// somebody has open is fault.Busy with noun "upload"; one that does not have
// the bytes any more is fault.NotFound with noun "upload", and dropped.
func (s *Store) Resume(ctx context.Context, id string, at Progress) (*Partial, error) {
	h, err := at.hash()
	if err != nil {
		return nil, err
	}
	up, err := s.d.Begin(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := up.Truncate(at.Offset); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, errors.Join(err, up.Abort())
		}
		return nil, errors.Join(err, up.Suspend())
	}
	return &Partial{up: up, hash: h, saved: at, max: s.max}, nil
}

// Progress is what is held and survives a crash.
func (p *Partial) Progress() Progress { return p.saved }

// Suspend closes the content and keeps it for Resume.
func (p *Partial) Suspend() error { return p.up.Suspend() }

// Abort closes the content and drops it.
func (p *Partial) Abort() error { return p.up.Abort() }

// Stage takes what is held for the whole; the Partial is not to be used, nor
// closed, afterwards.
func (p *Partial) Stage() *Staged {
	return &Staged{Digest: SumDigest(p.hash.Sum(nil)), Size: p.saved.Offset, up: p.up}
}

// Check is a checksum of one piece.
type Check struct {
	Hash hash.Hash // fresh, of any algorithm
	Sum  []byte    // what it must be
}

// AppendOptions say how a body is appended.
type AppendOptions struct {
	Size  int64  // announced length in bytes; negative means unknown
	Most  int64  // most bytes that may come; a longer body is fault.TooLarge
	Check *Check // takes the whole body or nothing; nil: as much as comes
	// Save notes a progress that survives a crash. When it fails the appending
	// ends with its error, at the progress that was saved before.
	Save func(Progress) error
}

const (
	// saveStep is how many bytes come between two calls of Save at most: what
	// a crash costs at full speed.
	saveStep = 64 << 20
	// saveEvery is how much time passes between them, about, on a slow line.
	saveEvery = 10 * time.Second
)

// Append copies r to its end, or to where it breaks off: what has come until
// then is saved before the error is returned, unless a Check wants all of it.
// It holds at most 4 MiB in memory. r is only read from within the call, on the
// caller's goroutine; a ctx that ends counts as a broken r.
//
// Errors: fault.Invalid with noun "body" for a body that is cut short, and with
// noun "checksum" for one that fails the check; fault.TooLarge with noun "file";
// fault.Full from the driver; that of o.Save; else that of r, wrapped.
func (p *Partial) Append(ctx context.Context, r io.Reader, o AppendOptions) error {
	most := o.Most
	if p.max > 0 {
		most = min(most, p.max-p.saved.Offset)
	}
	b := &pieces{ctx: ctx, r: r, most: most, size: o.Size}
	if o.Size > most {
		return b.tooLarge()
	}
	if o.Size > 0 {
		if err := p.up.Reserve(p.up.Offset() + o.Size); err != nil {
			return err
		}
	}
	for b.end == nil {
		if err := p.piece(ctx, b, o); err != nil {
			return errors.Join(err, p.rewind())
		}
	}
	return b.failure()
}

// piece copies the next piece of b and saves.
func (p *Partial) piece(ctx context.Context, b *pieces, o AppendOptions) error {
	at := p.up.Offset()
	b.begin(saveStep - at%saveStep)
	// Not ctx: what has come is saved after it has ended.
	src := &source{ctx: context.WithoutCancel(ctx), r: b, size: -1, skew: int(at % blockSize)}
	err := copyHashed(src, p.up, func(b []byte) {
		p.hash.Write(b)
		if o.Check != nil {
			o.Check.Hash.Write(b)
		}
	})
	if err != nil {
		return err
	}
	if o.Check != nil {
		if b.end == nil {
			return nil
		}
		if err := b.failure(); err != nil {
			return err
		}
		if !bytes.Equal(o.Check.Hash.Sum(nil), o.Check.Sum) {
			return &fault.Error{Kind: fault.Invalid, Noun: "checksum", Msg: "the bytes are not those of their checksum; send them again"}
		}
	}
	return p.save(o.Save)
}

// save makes what is held survive a crash and notes it.
func (p *Partial) save(note func(Progress) error) error {
	at := p.up.Offset()
	if at == p.saved.Offset {
		return nil
	}
	if err := p.up.Save(); err != nil {
		return err
	}
	state, err := p.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return err
	}
	next := Progress{Offset: at, State: state}
	if err := note(next); err != nil {
		return err
	}
	p.saved = next
	return nil
}

// rewind goes back to what was saved.
func (p *Partial) rewind() error {
	h, err := p.saved.hash()
	if err != nil {
		return err
	}
	p.hash = h
	return p.up.Truncate(p.saved.Offset)
}

// blockSize is a multiple of what disks write as one.
const blockSize = 4096

// pieces divides a body: it ends, for its reader, when a piece has its length
// or its time, and when the body breaks off.
type pieces struct {
	ctx  context.Context
	r    io.Reader
	size int64 // announced; negative means unknown
	most int64 // bytes that may come
	read int64 // so far
	end  error // why the body gives no more; nil while it may
	left int64 // of the piece
	till time.Time
}

func (b *pieces) begin(n int64) { b.left, b.till = n, time.Now().Add(saveEvery) }

// Read reads on in the piece.
func (b *pieces) Read(p []byte) (int, error) {
	if b.end == nil {
		b.end = b.ctx.Err()
	}
	// With the last byte the piece goes on to the end of the body, lest too long
	// a one is saved as a whole.
	last := b.read == b.most
	if b.end != nil || !last && (b.left <= 0 || time.Now().After(b.till)) {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), max(b.left, 1))])
	b.left -= int64(n)
	b.read += int64(n)
	if b.read > b.most {
		b.end = b.tooLarge()
		return n, b.end
	}
	if b.end = err; err != nil {
		err = io.EOF
	}
	return n, err
}

func (b *pieces) tooLarge() error {
	return fault.Oversize("file", "is larger than was announced, or than is allowed")
}

// failure is the error of a body that did not end well.
func (b *pieces) failure() error {
	err := (&source{size: b.size, read: b.read}).ending(b.end)
	if err == io.EOF {
		return nil
	}
	return err
}
