package blob

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// maxIdleReads is how often a reader may return nothing before it counts as
// stuck; the same number as in bufio.
const maxIdleReads = 100

var errBadCount = errors.New("the reader returned an impossible count")

// source reads a body and holds it to its announced size and its limit.
type source struct {
	ctx   context.Context
	r     io.Reader
	size  int64 // announced; negative means unknown
	limit int64 // 0 means none
	read  int64 // so far
	skew  int   // how far past a block border of the file the first byte goes
}

// fill reads until buf is full or the body ends well, which is io.EOF. With
// any other error the body is to be given up.
func (s *source) fill(buf []byte) (n int, err error) {
	idle := 0
	for n < len(buf) && err == nil {
		if err := s.ctx.Err(); err != nil {
			return n, err
		}
		var m int
		m, err = s.r.Read(buf[n:])
		if m < 0 || m > len(buf)-n {
			return n, errBadCount
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle == maxIdleReads && err == nil {
			err = io.ErrNoProgress
		}
		n += m
		s.read += int64(m)
		if over := s.over(); over != nil {
			return n, over
		}
	}
	return n, s.ending(err)
}

// over reports a body that has too many bytes already.
func (s *source) over() error {
	if s.size >= 0 && s.read > s.size {
		return badBody("is longer than its announced length", nil)
	}
	if s.limit > 0 && s.read > s.limit {
		return s.tooLarge()
	}
	return nil
}

// ending turns the last error of the reader into that of fill.
func (s *source) ending(err error) error {
	switch {
	case err == nil:
		return nil
	case err == io.EOF && s.read < s.size:
		return badBody("ended before its announced length", io.ErrUnexpectedEOF)
	case err == io.EOF:
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badBody("ended before its announced length", err)
	default:
		return fmt.Errorf("reading the content: %w", err)
	}
}

func (s *source) tooLarge() error {
	return fault.Oversize("file", "is larger than the %d bytes that are allowed", s.limit)
}

func badBody(msg string, cause error) error {
	return &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: msg, Err: cause}
}
