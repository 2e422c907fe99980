package httpx

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

// Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain makes one middleware of several; the first is the outermost.
func Chain(ms ...Middleware) Middleware {
	return func(h http.Handler) http.Handler {
		for _, m := range slices.Backward(ms) {
			h = m(h)
		}
		return h
	}
}

// RequestID gives every request an id: the client's X-Request-Id when that is
// one to 64 letters, digits, ".", "_" or "-", else a new one. The answer
// carries it, and [RequestIDFrom] finds it.
func RequestID() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, r := enter(w, r)
			x := rec.x
			if in := r.Header["X-Request-Id"]; len(in) == 1 && saneID(in[0]) {
				x.id[0] = in[0]
			} else {
				x.id[0] = newID()
			}
			rec.Header()["X-Request-Id"] = x.id[:]
			next.ServeHTTP(rec, r)
		})
	}
}

func saneID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// newID need not be secret, only unlike all others.
func newID() string {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], rand.Uint64())
	return hex.EncodeToString(raw[:])
}

// AccessLog writes one line per request when it has ended: at Error for status
// 500 and above and for answers that a failure of ours cut short, else at Info, or at Debug where quiet (may be nil) says so,
// which is meant for health probes. Credentials in the query are masked.
func AccessLog(log *slog.Logger, quiet func(*http.Request) bool) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, r := enter(w, r)
			ended := false
			defer func() {
				level := accessLevel(rec, !ended, quiet != nil && quiet(r))
				if log.Enabled(r.Context(), level) {
					logAccess(log, level, rec, r, !ended)
				}
			}()
			next.ServeHTTP(rec, r)
			rec.begin() // a handler that wrote nothing has answered 200
			ended = true
		})
	}
}

func accessLevel(rec *recorder, aborted, quiet bool) slog.Level {
	switch err := rec.x.err; {
	case rec.status >= http.StatusInternalServerError, aborted && err != nil && !clientGone(err):
		return slog.LevelError
	case quiet:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

func logAccess(log *slog.Logger, level slog.Level, rec *recorder, r *http.Request, aborted bool) {
	x := rec.x
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()))
	if r.URL.RawQuery != "" {
		attrs = append(attrs, slog.String("query", redactQuery(r.URL.RawQuery)))
	}
	attrs = append(attrs,
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes),
		slog.Float64("duration_ms", float64(time.Since(x.start).Microseconds())/1e3),
		slog.String("request_id", x.id[0]),
		slog.String("remote_ip", remoteIP(r)))
	if x.body.n > 0 {
		attrs = append(attrs, slog.Int64("bytes_in", x.body.n))
	}
	if x.user != "" {
		attrs = append(attrs, slog.String("user", x.user))
	}
	if x.door != "" {
		attrs = append(attrs, slog.String("door", x.door))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
		if x.err != nil {
			attrs = append(attrs, slog.String("error", x.err.Error()))
		}
	}
	// The request's context may be cancelled by now; the line must come out.
	log.LogAttrs(context.WithoutCancel(x), level, "request", attrs...)
}

// remoteIP is the peer's address. Forwarding headers are not believed here:
// anybody can send them.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Recover turns a panic into a logged error with its stack and an answer by ew
// (nil means a plain "500 Internal Server Error"). When the answer has begun
// already, the connection is cut. [http.ErrAbortHandler] passes through.
func Recover(log *slog.Logger, ew ErrorWriter) Middleware {
	if ew == nil {
		ew = func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec, r := enter(w, r)
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				if v == http.ErrAbortHandler {
					panic(v)
				}
				handlePanic(log, ew, rec, r, v)
			}()
			next.ServeHTTP(rec, r)
		})
	}
}

func handlePanic(log *slog.Logger, ew ErrorWriter, rec *recorder, r *http.Request, v any) {
	err, ok := v.(error)
	if !ok {
		err = fmt.Errorf("%v", v)
	}
	err = fmt.Errorf("panic: %w", err)
	rec.x.err = err
	log.LogAttrs(r.Context(), slog.LevelError, "panic",
		slog.String("error", err.Error()),
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()),
		slog.String("request_id", rec.x.id[0]),
		slog.String("stack", string(debug.Stack())))
	if rec.started() {
		panic(http.ErrAbortHandler)
	}
	dropRepresentation(rec.Header())
	ew(rec, r, err)
}
