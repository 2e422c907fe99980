package httpx

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// IdleBody bounds how long a request body may stall, instead of how long all of
// it may take: every Read moves the connection's read deadline. A stall of d is
// certain to be seen before 1¼ d; the deadline is moved at most four times per d.
// A body that stalled fails with [fault.Invalid], field "body".
func IdleBody(d time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d > 0 && r.Body != nil && r.Body != http.NoBody {
				r = r.WithContext(r.Context()) // a copy, as the caller's body is not ours to change
				r.Body = &idleBody{ReadCloser: r.Body, rc: http.NewResponseController(w), d: d}
			}
			next.ServeHTTP(w, r)
		})
	}
}

type idleBody struct {
	io.ReadCloser
	rc    *http.ResponseController
	d     time.Duration
	armed time.Time
}

func (b *idleBody) Read(p []byte) (int, error) {
	// Writers without deadlines (in tests) cannot be bounded: errors are ignored.
	if now := time.Now(); now.Sub(b.armed) >= b.d/4 {
		b.armed = now
		_ = b.rc.SetReadDeadline(now.Add(b.d + b.d/4))
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &fault.Error{Kind: fault.Invalid, Field: "body", Err: err,
			Msg: fmt.Sprintf("has stalled: nothing arrived for %s", b.d)}
	default:
		// After the end the server watches the connection for a hang-up. A
		// deadline that passes then would cancel the request's context while
		// the handler still works on what it has read.
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// IdleWrites bounds how long an answer may stall, instead of how long all of it
// may take: the write deadline moves before each write. A file that goes by
// sendfile is divided into pieces of 1 MiB, each with a deadline of its own, so
// a client that takes less than about 1 MiB in d is cut off. Give it tens of
// seconds: the kernel hands out its buffers in large steps, and may pause for
// 200 ms by itself. The server clears the deadline when the request ends.
func IdleWrites(d time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, r := enter(w, r)
			rec.idle = d
			next.ServeHTTP(rec, r)
		})
	}
}

// pushWrite moves the write deadline, unless that was done a moment ago.
func (rec *recorder) pushWrite() {
	if rec.idle <= 0 {
		return
	}
	if now := time.Now(); now.Sub(rec.armed) >= rec.idle/4 {
		rec.armed = now
		_ = http.NewResponseController(rec.ResponseWriter).SetWriteDeadline(now.Add(rec.idle + rec.idle/4))
	}
}
