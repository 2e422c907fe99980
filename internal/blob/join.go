package blob

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Cloner is an [Upload] that can take over what another one holds without
// writing it again, on file systems where files share blocks.
type Cloner interface {
	// Clone appends the content of r, which [Driver.OpenUpload] of the same
	// driver gave and nobody has read from. When it reports false, which is no
	// error, nothing has changed, and the bytes have to be copied.
	Clone(r io.Reader) (bool, error)
}

// Join stages the contents of several unfinished uploads, one after the other,
// as one. The parts stay. Each is read once, for the SHA-256 of the whole, and
// written again unless the driver is a [Cloner] and can do without; it never is
// in memory. What is said of Stage holds for the whole; o.Size has to be known.
// A part that is missing is fault.NotFound with noun "upload".
func (s *Store) Join(ctx context.Context, parts []string, o StageOptions) (st *Staged, err error) {
	if _, err := s.source(ctx, nil, &o); err != nil {
		return nil, err
	}
	up, err := s.d.Begin(ctx, cmp.Or(o.ID, "put-"+rand.Text()))
	if err != nil {
		return nil, err
	}
	defer func() {
		if st == nil {
			err = errors.Join(err, up.Abort())
		}
	}()
	h := sha256.New()
	for _, id := range parts {
		if err := s.joinPart(ctx, up, id, h, o.Size); err != nil {
			return nil, err
		}
	}
	if up.Offset() != o.Size {
		return nil, fmt.Errorf("blob: the parts have %d bytes together, %d were expected", up.Offset(), o.Size)
	}
	return staged(up, SumDigest(h.Sum(nil)), o.Expect)
}

// joinPart appends a part to up and to h; size is that of the whole.
func (s *Store) joinPart(ctx context.Context, up Upload, id string, h hash.Hash, size int64) error {
	r, err := s.d.OpenUpload(ctx, id)
	if err != nil {
		return err
	}
	defer r.Close()
	src, cloned := &source{ctx: ctx, r: r, size: -1, skew: int(up.Offset() % blockSize)}, false
	if c, ok := up.(Cloner); ok {
		if cloned, err = c.Clone(r); err != nil {
			return err
		}
	}
	if cloned {
		return copyHashed(src, io.Discard, func(b []byte) { h.Write(b) })
	}
	if err := up.Reserve(size); err != nil {
		return err
	}
	return copyHashed(src, up, func(b []byte) { h.Write(b) })
}
