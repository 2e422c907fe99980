package safety

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// errBroken is the class of errors that are the file's fault; their text
// completes "the file …". errLimit is that of files that are too much work.
var (
	errBroken = errors.New("")
	errLimit  = errors.New("")
)

func broken(format string, args ...any) error {
	return fmt.Errorf("%w%s", errBroken, fmt.Sprintf(format, args...))
}

func beyond(format string, args ...any) error {
	return fmt.Errorf("%w%s", errLimit, fmt.Sprintf(format, args...))
}

// The limits of one file.
const (
	maxRead = 256 << 20 // bytes that are read or unpacked; what is passed over is not counted
	nearBy  = 256 << 10 // bytes that are rather read than passed over by seeking
	maxLine = 1 << 10   // bytes of a line of a pickle that are kept, more than a name has
)

// work is what may still be done for one file, in all its parts.
type work struct {
	ctx  context.Context
	left int64 // bytes that may be read
	err  error // of the store, not of the file
}

// source reads one content within the bounds of the work.
type source struct {
	r io.Reader
	w *work
}

func (s source) Read(p []byte) (int, error) {
	if err := s.w.ctx.Err(); err != nil {
		return 0, beyond("takes too long to read")
	}
	if s.w.left <= 0 {
		return 0, beyond("has more than the %d MiB that are read of a file", maxRead>>20)
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.w.left)])
	s.w.left -= int64(n)
	return n, err
}

// kept remembers an error of the store, which the readers above it might take for
// one of the file.
type kept struct {
	io.ReadSeeker
	w *work
}

func (k kept) Read(p []byte) (int, error) {
	n, err := k.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && k.w.err == nil {
		k.w.err = err
	}
	return n, err
}

func (k kept) Seek(offset int64, whence int) (int64, error) {
	n, err := k.ReadSeeker.Seek(offset, whence)
	if err != nil && k.w.err == nil {
		k.w.err = err
	}
	return n, err
}

// stream reads in order and knows where it is. Where it can seek, it passes over
// large things without reading them.
type stream struct {
	buf  *bufio.Reader
	in   source
	seek io.Seeker // nil: it cannot
	at   int64
	end  int64 // where to stop as if the file ended there, -1 for nowhere
}

// newStream reads r from its start with a buffer of so many bytes; a seeker that r
// is must begin at 0.
func newStream(r io.Reader, w *work, buffer int) *stream {
	s := &stream{in: source{r, w}, end: -1}
	s.seek, _ = r.(io.Seeker)
	s.buf = bufio.NewReaderSize(s.in, buffer)
	return s
}

// need checks that n bytes may be left.
func (s *stream) need(n int64) error {
	if s.end >= 0 && n > s.end-s.at || n < 0 {
		return broken("ends too early")
	}
	return nil
}

// cut tells an end that comes too early from other errors.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return broken("ends too early")
	}
	if errors.Is(err, errLimit) || errors.Is(err, errBroken) {
		return err
	}
	return broken("cannot be unpacked: %v", err) // or the store's, which work.err has
}

func (s *stream) byte() (byte, error) {
	if err := s.need(1); err != nil {
		return 0, err
	}
	b, err := s.buf.ReadByte()
	if err != nil {
		return 0, cut(err)
	}
	s.at++
	return b, nil
}

// bytes gives the next n bytes, of which there are few.
func (s *stream) bytes(n int) ([]byte, error) {
	if err := s.need(int64(n)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.buf, b); err != nil {
		return nil, cut(err)
	}
	s.at += int64(n)
	return b, nil
}

// number gives the next n bytes as a little-endian number, n at most 8.
func (s *stream) number(n int) (uint64, error) {
	var v uint64
	for i := range n {
		b, err := s.byte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b) << (8 * i)
	}
	return v, nil
}

// line gives the next line without its end, or the beginning of a long one.
func (s *stream) line() (string, error) {
	var b []byte
	for {
		c, err := s.byte()
		switch {
		case err != nil:
			return "", err
		case c == '\n':
			return string(b), nil
		case len(b) < maxLine:
			b = append(b, c)
		}
	}
}

// peek gives up to n of the next bytes and leaves them; n is small.
func (s *stream) peek(n int) []byte {
	if s.end >= 0 {
		n = int(min(int64(n), s.end-s.at))
	}
	b, _ := s.buf.Peek(n) // what ended it comes again
	return bytes.Clone(b)
}

// skip passes over n bytes.
func (s *stream) skip(n int64) error {
	if err := s.need(n); err != nil {
		return err
	}
	buffered := int64(s.buf.Buffered())
	if s.seek == nil || n <= buffered+nearBy {
		m, err := io.CopyN(io.Discard, s.buf, n)
		s.at += m
		if err != nil {
			return cut(err)
		}
		return nil
	}
	// One byte before the end, so that an end that comes too early is noticed.
	s.at += n
	if _, err := s.seek.Seek(n-buffered-1, io.SeekCurrent); err != nil {
		return cut(err)
	}
	s.buf.Reset(s.in)
	if _, err := s.buf.ReadByte(); err != nil {
		return cut(err)
	}
	return nil
}

// within lets do see the next n bytes as if they were all, and passes over what
// it left of them.
func (s *stream) within(n int64, do func() error) error {
	if err := s.need(n); err != nil {
		return err
	}
	outer, end := s.end, s.at+n
	s.end = end
	err := do()
	s.end = outer
	if err != nil {
		return err
	}
	return s.skip(end - s.at)
}

// ended reports whether nothing is left; an error is that of what cannot be
// unpacked to its end.
func (s *stream) ended() (bool, error) {
	if s.end >= 0 && s.at == s.end {
		return true, nil
	}
	_, err := s.buf.Peek(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, cut(err)
	}
	return false, nil
}
