package blob

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Options tune a [Store].
type Options struct {
	MaxSize int64 // most bytes that one blob may have; 0 means no limit
	Rows    Rows  // where small contents are; nil: in the driver, as all others
	// NoNewRows gives the driver new small contents, too; rows are read as ever.
	NoNewRows bool
}

// Store keeps content under its digest. It is safe for concurrent use.
type Store struct {
	d      Driver
	max    int64
	rows   Rows
	filed  bool // small contents that come are not made rows
	recent recent
}

// New makes a store on top of d.
func New(d Driver, o Options) *Store {
	return &Store{d: d, max: o.MaxSize, rows: o.Rows, filed: o.Rows == nil || o.NoNewRows}
}

// Open gives the content of d, which has size bytes, for reading from its start;
// the caller closes it. A missing blob is fault.NotFound with noun "blob". Small
// content that came before there were rows, or without telling its size, is in
// the driver.
func (s *Store) Open(ctx context.Context, d Digest, size int64) (io.ReadSeekCloser, error) {
	if s.rows == nil || size > RowSize {
		return s.d.Open(ctx, d)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if content, ok := s.recent.get(d); ok {
		return newRowReader(content), nil
	}
	content, _, err := s.row(ctx, d)
	if fault.Is(err, fault.NotFound) {
		return s.d.Open(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	s.recent.put(d, content)
	return newRowReader(content), nil
}

// Stat describes a blob; missing is fault.NotFound.
func (s *Store) Stat(ctx context.Context, d Digest) (Info, error) {
	_, info, err := s.row(ctx, d)
	if fault.Is(err, fault.NotFound) {
		return s.d.Stat(ctx, d)
	}
	return info, err
}

// Delete removes a blob from the driver; a missing one is no error. What is a
// row goes with the row that names it.
func (s *Store) Delete(ctx context.Context, d Digest) error {
	s.recent.forget(d)
	return s.d.Delete(ctx, d)
}

// Walk calls fn for every blob of the driver, in digest order, until fn fails;
// it then returns the error of fn.
func (s *Store) Walk(ctx context.Context, fn func(Info) error) error { return s.d.Walk(ctx, fn) }

// WalkUploads calls fn for every unfinished upload, until fn fails; it then
// returns the error of fn.
func (s *Store) WalkUploads(ctx context.Context, fn func(UploadInfo) error) error {
	return s.d.WalkUploads(ctx, fn)
}

// RemoveUpload drops an unfinished upload that nobody has open; one that is
// open is fault.Busy, a missing one no error.
func (s *Store) RemoveUpload(ctx context.Context, id string) error {
	return s.d.RemoveUpload(ctx, id)
}

// StageOptions say what is known of a body before it is read.
type StageOptions struct {
	ID     string // of the upload, for Save; empty: one that nobody else uses
	Expect Digest // what the content must be; empty means anything
	Size   int64  // announced length in bytes; negative means unknown
	Limit  int64  // most bytes allowed, on top of Options.MaxSize; 0 means none
}

// Staged is content that is on disk and hashed, but not visible yet. It is used
// by one goroutine at a time, and must be closed.
type Staged struct {
	Digest Digest // of the content
	Size   int64  // in bytes

	row    []byte     // the content, where it belongs in a row
	up     Upload     // holds it; nil: it belongs in a row
	settle chan error // tells how settling ended that Show has begun; nil: none is under way
	closed bool
}

var errStagedClosed = errors.New("blob: staged content used after Close")

// Publish makes the content durable and visible under its digest. Repeating it
// puts a vanished blob back if the bytes are still held, and answers fault.Busy
// if they are not; the caller then has to stage again.
func (s *Staged) Publish(ctx context.Context) error {
	if err := s.publish(ctx); err != nil || s.up == nil {
		return err
	}
	return s.up.Settle()
}

// Show is Publish that does not wait until the name is durable: Settle does, or
// Publish, which makes sure of all.
func (s *Staged) Show(ctx context.Context) error {
	if err := s.publish(ctx); err != nil || s.up == nil {
		return err
	}
	ended := make(chan error, 1)
	s.settle = ended
	go func() { ended <- s.up.Settle() }()
	return nil
}

// publish makes the content visible, unless it belongs in a row.
func (s *Staged) publish(ctx context.Context) error {
	if s.closed {
		return errStagedClosed
	}
	if s.up == nil {
		return ctx.Err()
	}
	if err := s.settled(); err != nil {
		return err
	}
	return s.up.Publish(ctx, s.Digest)
}

// Settle waits until the name is durable that Show has given.
func (s *Staged) Settle() error {
	if s.closed {
		return errStagedClosed
	}
	if err := s.settled(); err != nil || s.up == nil {
		return err
	}
	return s.up.Settle() // if it failed before
}

// settled waits for what Show has begun: nothing else is done with the upload
// meanwhile.
func (s *Staged) settled() error {
	if s.settle == nil {
		return nil
	}
	err := <-s.settle
	s.settle = nil
	return err
}

// Close drops what is still held; what was published stays. Calling it twice
// is fine.
func (s *Staged) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.up == nil {
		return nil
	}
	_ = s.settled() // whoever needed that has asked
	return s.up.Abort()
}

// Save makes the content survive a crash as an unfinished upload that has the
// name StageOptions.ID, to be read by [Store.Join].
func (s *Staged) Save() error {
	if s.closed {
		return errStagedClosed
	}
	if s.up == nil {
		return errRow
	}
	return s.up.Save()
}

// Suspend closes the content and keeps the unfinished upload. After Publish it
// only closes.
func (s *Staged) Suspend() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.up == nil {
		return errRow
	}
	_ = s.settled() // whoever needed that has asked
	return s.up.Suspend()
}

// Stage copies r to its end into the driver while hashing it, and returns when
// the bytes would survive a crash; small content, as Staged.Row has it, survives
// with the row. It holds at most 4 MiB of the body in
// memory. r is only read from within the call, on the caller's goroutine; ctx
// is looked at between two reads, so a read that blocks has to end by itself.
//
// Errors: fault.TooLarge (noun "file") over a limit, before the first read when
// the size is announced; fault.Invalid with noun "body" for a body that is cut
// short or does not have its announced size, and with noun "digest" for one
// that is not what was expected; fault.Full from the driver; else the error of
// r, wrapped. Nothing stays behind after an error, nor when r panics.
func (s *Store) Stage(ctx context.Context, r io.Reader, o StageOptions) (st *Staged, err error) {
	src, err := s.source(ctx, r, &o)
	if err != nil {
		return nil, err
	}
	if s.inRow(o) {
		return stageRow(src, o)
	}
	up, err := s.d.Begin(ctx, cmp.Or(o.ID, "put-"+rand.Text()))
	if err != nil {
		return nil, err
	}
	// Deferred rather than called on the error paths, because r may panic.
	defer func() {
		if st != nil {
			return
		}
		if aerr := up.Abort(); aerr != nil {
			err = errors.Join(err, aerr)
		}
	}()
	if o.Size > 0 {
		if err := up.Reserve(o.Size); err != nil {
			return nil, err
		}
	}
	h := sha256.New()
	if err := copyHashed(src, up, func(b []byte) { h.Write(b) }); err != nil {
		return nil, err
	}
	return staged(up, SumDigest(h.Sum(nil)), o.Expect)
}

// staged is an upload that has all its bytes, which must be what was expected.
func staged(up Upload, d, expect Digest) (*Staged, error) {
	if expect != "" && d != expect {
		return nil, Mismatch(expect, d)
	}
	if err := up.Sync(); err != nil {
		return nil, err
	}
	return &Staged{Digest: d, Size: up.Offset(), up: up}, nil
}

// source checks what can be checked before reading, and brings o.Expect into
// its canonical form.
func (s *Store) source(ctx context.Context, r io.Reader, o *StageOptions) (*source, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Expect != "" {
		d, err := ParseDigest(string(o.Expect))
		if err != nil {
			return nil, err
		}
		o.Expect = d
	}
	limit := s.max
	if limit <= 0 || o.Limit > 0 && o.Limit < limit {
		limit = o.Limit
	}
	src := &source{ctx: ctx, r: r, size: o.Size, limit: limit}
	if limit > 0 && o.Size > limit {
		return nil, src.tooLarge()
	}
	return src, nil
}

// Mismatch reports content that is not what was expected.
func Mismatch(want, got Digest) error {
	return &fault.Error{Kind: fault.Invalid, Noun: "digest", Field: "sha256", Msg: fmt.Sprintf(
		"does not match the content: %s was announced, %s arrived", want.Hex(), got.Hex())}
}

// CorruptError reports stored content that is not what its name says. It has
// no fault kind: the caller can do nothing about it, the operator must.
type CorruptError struct {
	Digest Digest // the name
	Got    Digest // the digest of what is stored
	Size   int64  // bytes that are stored
}

// Error names the blob and what was found instead.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("blob %s is corrupt: its %d stored bytes have the SHA-256 %s",
		e.Digest.Hex(), e.Size, e.Got.Hex())
}

// Verify reads the blob again and compares its digest. A difference is a
// [*CorruptError], a missing blob fault.NotFound.
func (s *Store) Verify(ctx context.Context, d Digest) error {
	d, err := ParseDigest(string(d))
	if err != nil {
		return err
	}
	content, info, err := s.row(ctx, d)
	switch {
	case err == nil:
		if got := sumOf(content); got != d {
			return &CorruptError{Digest: d, Got: got, Size: info.Size}
		}
		return nil
	case !fault.Is(err, fault.NotFound):
		return err
	}
	f, err := s.d.Open(ctx, d)
	if err != nil {
		return err
	}
	defer f.Close()
	b := narrow.get()
	defer b.release()
	h := sha256.New()
	src := &source{ctx: ctx, r: f, size: -1}
	for err == nil {
		var n int
		n, err = src.fill(b.data)
		h.Write(b.data[:n])
	}
	if err != io.EOF {
		return fmt.Errorf("verifying blob %s: %w", d.Hex(), err)
	}
	if got := SumDigest(h.Sum(nil)); got != d {
		return &CorruptError{Digest: d, Got: got, Size: src.read}
	}
	return nil
}
