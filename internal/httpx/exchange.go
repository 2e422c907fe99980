package httpx

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// exchange is all that the chain keeps about one request: it is the request's
// context, holds the response writer and counts the body, in one allocation.
//
// It is not pooled on purpose: a goroutine that outlives its request may still
// hold the context, and must not find another request's name and id in it.
type exchange struct {
	context.Context
	rec   recorder
	body  countingBody
	start time.Time
	id    [1]string // an array, so that the response header can share it
	user  string
	peer  string // address and port of who calls
	door  string
	err   error // the handler's error, for the access log
}

type exchangeKey struct{}

// Value finds the exchange itself under its key.
func (x *exchange) Value(key any) any {
	if _, ok := key.(exchangeKey); ok {
		return x
	}
	return x.Context.Value(key)
}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// enter gives the request's recorder, making it in the outermost middleware.
// Whoever enters must hand on what enter returns.
func enter(w http.ResponseWriter, r *http.Request) (*recorder, *http.Request) {
	if rec, ok := w.(*recorder); ok {
		return rec, r
	}
	if outer := exchangeFrom(r.Context()); outer != nil {
		// Somebody's wrapper sits in between: record behind it, and keep
		// telling the outer exchange.
		return &recorder{ResponseWriter: w, x: outer}, r
	}
	x := &exchange{Context: r.Context(), start: time.Now(), peer: r.RemoteAddr}
	x.rec = recorder{ResponseWriter: w, x: x}
	r = r.WithContext(x)
	if r.Body != nil && r.Body != http.NoBody {
		x.body.ReadCloser = r.Body
		r.Body = &x.body
	}
	return &x.rec, r
}

// RequestIDFrom gives the id that [RequestID] chose, or "".
func RequestIDFrom(ctx context.Context) string {
	if x := exchangeFrom(ctx); x != nil {
		return x.id[0]
	}
	return ""
}

// SetUser names the caller for the access log. It is for the goroutine that
// serves the request.
func SetUser(ctx context.Context, name string) {
	if x := exchangeFrom(ctx); x != nil {
		x.user = name
	}
}

// AddressFrom gives the address of the peer, without its port; "" outside of the
// chain. Forwarding headers are not believed: anybody can send them.
func AddressFrom(ctx context.Context) string {
	if x := exchangeFrom(ctx); x != nil {
		return Address(x.peer)
	}
	return ""
}

// Address is what stands before the port in "address:port".
func Address(peer string) string {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		return peer
	}
	return host
}

// countingBody counts the bytes that a handler reads.
type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// recorder notes what is answered. It keeps what the server's own writer can
// do: io.ReaderFrom (and with it sendfile), flushing, and by Unwrap everything
// else that http.ResponseController offers.
type recorder struct {
	http.ResponseWriter
	x      *exchange
	status int           // 0 until the answer has begun
	bytes  int64         // of the body
	err    error         // first failure of writing
	idle   time.Duration // see IdleWrites
	armed  time.Time     // when the write deadline was last moved
}

// started reports whether a status line is on its way.
func (rec *recorder) started() bool { return rec.status != 0 }

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// WriteHeader notes the final status; informational ones are only passed on.
func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) begin() {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
}

func (rec *recorder) note(n int64, err error) {
	rec.bytes += n
	if err != nil && rec.err == nil {
		rec.err = err
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.begin()
	rec.pushWrite()
	n, err := rec.ResponseWriter.Write(p)
	rec.note(int64(n), err)
	return n, err
}

// WriteString spares io.WriteString a copy.
func (rec *recorder) WriteString(s string) (int, error) {
	rec.begin()
	rec.pushWrite()
	n, err := io.WriteString(rec.ResponseWriter, s)
	rec.note(int64(n), err)
	return n, err
}

// Flush is for callers that ask for http.Flusher.
func (rec *recorder) Flush() { _ = rec.FlushError() }

// FlushError is what http.ResponseController prefers.
func (rec *recorder) FlushError() error {
	rec.begin()
	rec.pushWrite()
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// writeChunk is how much sendfile may send on one push of the write deadline:
// small enough that a slow but living client makes it, large enough that
// moving the deadline costs nothing against it.
const writeChunk = 1 << 20

// ReadFrom is how io.Copy gets at sendfile. Only sources that the kernel can
// read are passed to the server's ReadFrom, because it sends the header in a
// write of its own; all others are better off with plain writes.
func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.begin()
	limit, ok := src.(*io.LimitedReader)
	if !ok {
		// Without a limit there is nothing to divide: make one that never ends.
		limit = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	if m, ok := limit.R.(*memory); ok {
		p := m.next(limit.N)
		limit.N -= int64(len(p))
		n, err := rec.Write(p)
		return int64(n), err
	}
	inner, canRead := rec.ResponseWriter.(io.ReaderFrom)
	if _, isFile := limit.R.(syscall.Conn); !isFile || !canRead {
		buf := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		n, err := io.CopyBuffer(writerOnly{rec}, src, *buf)
		rec.note(0, err) // Write has counted, but knows nothing of failed reads
		return n, err
	}
	if rec.idle == 0 {
		n, err := inner.ReadFrom(src)
		rec.note(n, err)
		return n, err
	}
	return rec.readChunks(inner, limit)
}

// readChunks sends a file piece by piece, and moves the write deadline between
// the pieces; each piece still goes by sendfile.
func (rec *recorder) readChunks(inner io.ReaderFrom, src *io.LimitedReader) (total int64, err error) {
	for src.N > 0 {
		rec.pushWrite()
		want := min(src.N, writeChunk)
		n, err := inner.ReadFrom(&io.LimitedReader{R: src.R, N: want})
		src.N -= n
		total += n
		rec.note(n, err)
		if err != nil || n < want {
			return total, err
		}
	}
	return total, nil
}

// writerOnly hides ReadFrom from io.CopyBuffer.
type writerOnly struct{ io.Writer }

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, 32<<10)
	return &b
}}
