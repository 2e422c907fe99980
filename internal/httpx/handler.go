package httpx

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
)

// Func is a handler that may fail. It either answers, or returns an error
// before it has written anything; then the dialect's [ErrorWriter] answers.
type Func func(w http.ResponseWriter, r *http.Request) error

// ErrorWriter answers a request that failed with err.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Handle makes a handler of f. When f fails after the answer has begun, the
// connection is cut by panicking with [http.ErrAbortHandler], so that the
// client cannot take a truncated answer for a whole one; [AccessLog] notes the
// error.
func Handle(f Func, ew ErrorWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec, r := enter(w, r)
		err := f(rec, r)
		if err == nil {
			return
		}
		rec.x.err = err
		if rec.started() {
			panic(http.ErrAbortHandler)
		}
		dropRepresentation(rec.Header())
		ew(rec, r, err)
	})
}

// dropRepresentation removes what f said about a body that it will not send:
// a stale length would break the error's framing, a stale ETag would let a
// cache take the error for the content.
func dropRepresentation(h http.Header) {
	for _, k := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Range",
		"Content-Disposition", "Etag", "Last-Modified", "Cache-Control", "Accept-Ranges",
		"Repr-Digest", "X-Checksum-Sha256"} {
		delete(h, k)
	}
}

// Mount is one door of the server: a dialect and the requests that it takes.
type Mount struct {
	Name    string                   // the "door" of metrics and logs; one of a few fixed words
	Match   func(*http.Request) bool // nil takes everything
	Handler http.Handler
}

// Dispatch hands each request to the first mount that matches it, else to
// notFound (nil means [http.NotFoundHandler]).
func Dispatch(mounts []Mount, notFound http.Handler) http.Handler {
	if notFound == nil {
		notFound = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range mounts {
			m := &mounts[i]
			if m.Match != nil && !m.Match(r) {
				continue
			}
			if x := exchangeFrom(r.Context()); x != nil {
				x.door = m.Name
			}
			m.Handler.ServeHTTP(w, r)
			return
		}
		notFound.ServeHTTP(w, r)
	})
}

// jsonBuffer pairs a buffer with the encoder that fills it, to pool both.
type jsonBuffer struct {
	bytes.Buffer
	enc *json.Encoder
}

// maxPooled bounds the buffers that stay pooled, so that one huge answer does
// not occupy memory for ever.
const maxPooled = 64 << 10

var jsonBuffers = sync.Pool{New: func() any {
	b := new(jsonBuffer)
	b.enc = json.NewEncoder(&b.Buffer)
	// The answers are never embedded in HTML, and clients compare URLs with "&".
	b.enc.SetEscapeHTML(false)
	return b
}}

func (b *jsonBuffer) free() {
	if b.Cap() <= maxPooled {
		b.Reset()
		jsonBuffers.Put(b)
	}
}

// WriteJSON answers with v as JSON. The value is encoded before anything is
// sent, so an error of the encoder still gets a proper error answer.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b := jsonBuffers.Get().(*jsonBuffer)
	if err := b.enc.Encode(v); err != nil {
		return err // an encoder that failed keeps its error: it is not reused
	}
	defer b.free()
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}
