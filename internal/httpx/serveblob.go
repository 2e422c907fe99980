package httpx

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// Content is what [ServeBlob] serves.
type Content struct {
	Name      string      // file name; only its last path element reaches the client
	Digest    blob.Digest // becomes the ETag and the checksum headers
	Size      int64
	ModTime   time.Time
	MediaType string // "" means application/octet-stream
	// Open gives the bytes. An *os.File must come unwrapped, else the kernel
	// cannot send it by itself.
	Open       func(context.Context) (io.ReadSeekCloser, error)
	Attachment bool              // save to disk rather than show
	Header     func(http.Header) // if set, has the last word on the headers
}

// smallContent is the size up to which content is read whole and written at
// once: for less than this, sendfile costs more than it saves.
const smallContent = 64 << 10

// ServeBlob answers a GET or HEAD request with content, in whole or in the
// ranges asked for, and honours all preconditions of RFC 9110. It fails before
// anything is sent when the content cannot be opened or has not its promised
// size; an error after that means that the body was cut short.
func ServeBlob(w http.ResponseWriter, r *http.Request, c Content) error {
	rec, r := enter(w, r)
	body, err := c.body(r)
	if err != nil {
		return err
	}
	defer body.free()
	c.setHeaders(rec.Header())
	before := rec.bytes
	http.ServeContent(rec, rangeRequest(r, c.Size), "", c.ModTime, body.ReadSeeker)
	if r.Method == http.MethodHead || rec.status >= 300 {
		return nil
	}
	// ServeContent keeps its errors to itself, so count what it has sent.
	want, err := strconv.ParseInt(rec.Header().Get("Content-Length"), 10, 64)
	if sent := rec.bytes - before; err == nil && sent < want {
		return fmt.Errorf("blob %s: sent %d of %d bytes: %w", c.Digest, sent, want,
			cmp.Or(rec.err, io.ErrUnexpectedEOF))
	}
	return nil
}

// opened is content ready to be served, and what to do afterwards.
type opened struct {
	io.ReadSeeker
	file io.Closer
	buf  *smallBuffer
}

func (o *opened) free() {
	if o.file != nil {
		o.file.Close() // it was only read: nothing can be lost
	}
	if o.buf != nil {
		smallBuffers.Put(o.buf)
	}
}

// smallBuffer has room for one byte more than the largest small content, which
// shows content that is longer than it should be.
type smallBuffer [smallContent + 1]byte

var smallBuffers = sync.Pool{New: func() any { return new(smallBuffer) }}

func (c *Content) body(r *http.Request) (opened, error) {
	if c.Size < 0 {
		return opened{}, c.wrongSize("no such number")
	}
	if r.Method == http.MethodHead {
		return opened{ReadSeeker: &unread{size: c.Size}}, nil
	}
	f, err := c.Open(r.Context())
	if err != nil {
		return opened{}, err
	}
	if c.Size > smallContent {
		return c.large(f)
	}
	defer f.Close()
	// The goroutine that http.ServeContent starts for several ranges may
	// outlive the request, and still read: such a buffer is not reused.
	if strings.Contains(r.Header.Get("Range"), ",") {
		b, err := c.read(f, make([]byte, c.Size+1))
		return opened{ReadSeeker: b}, err
	}
	buf := smallBuffers.Get().(*smallBuffer)
	b, err := c.read(f, buf[:c.Size+1])
	if err != nil {
		smallBuffers.Put(buf)
		return opened{}, err
	}
	return opened{ReadSeeker: b, buf: buf}, nil
}

func (c *Content) large(f io.ReadSeekCloser) (opened, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil && size != c.Size {
		err = c.wrongSize(strconv.FormatInt(size, 10))
	}
	if err != nil {
		f.Close() // the error at hand says more
		return opened{}, err
	}
	return opened{ReadSeeker: f, file: f}, nil
}

// read fills buf, which has one byte more than the content should have.
func (c *Content) read(f io.Reader, buf []byte) (*memory, error) {
	n, err := io.ReadFull(f, buf)
	switch {
	case err == nil:
		return nil, c.wrongSize("more")
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, fmt.Errorf("blob %s: %w", c.Digest, err)
	case int64(n) != c.Size:
		return nil, c.wrongSize(strconv.Itoa(n))
	}
	return &memory{Reader: *bytes.NewReader(buf[:n]), all: buf[:n]}, nil
}

func (c *Content) wrongSize(got string) error {
	return fmt.Errorf("blob %s is damaged: %d bytes are recorded, %s are stored", c.Digest, c.Size, got)
}

// memory is content that is held whole; recorder.ReadFrom writes it at once.
type memory struct {
	bytes.Reader
	all []byte
}

// next takes up to n bytes without copying them.
func (m *memory) next(n int64) []byte {
	rest := m.all[int64(len(m.all))-int64(m.Len()):]
	p := rest[:min(n, int64(len(rest)))]
	_, _ = m.Seek(int64(len(p)), io.SeekCurrent) // stays inside
	return p
}

// unread stands for content of which only the size is wanted.
type unread struct{ size int64 }

var errUnread = errors.New("content of a HEAD request was read")

func (u *unread) Read([]byte) (int, error) { return 0, errUnread }

// Seek knows the end, which is all that http.ServeContent asks.
func (u *unread) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return u.size + offset, nil
	}
	return offset, nil
}

func (c *Content) setHeaders(h http.Header) {
	sum := c.Digest.Hex()
	mediaType := c.MediaType
	if mediaType == "" {
		mediaType = "application/octet-stream"
	}
	// One array for all values: the headers of a small file are a good part of
	// the work of serving it.
	v := [...]string{mediaType, `"` + sum + `"`, sum, "sha-256=:" + c.Digest.Base64() + ":", "nosniff",
		disposition(c.Attachment, c.Name), "sandbox; default-src 'none'",
		"private, max-age=0, must-revalidate", "bytes"}
	for i, k := range [...]string{"Content-Type", "Etag", "X-Checksum-Sha256", "Repr-Digest", "X-Content-Type-Options",
		"Content-Disposition", "Content-Security-Policy", "Cache-Control", "Accept-Ranges"} {
		h[k] = v[i : i+1 : i+1]
	}
	if c.Header != nil {
		c.Header(h)
	}
}

// The limits of what one request may ask for in pieces.
const (
	maxRanges  = 256 // more are no download manager
	fewRanges  = 8   // that many are never refused
	partHeader = 256 // what the frame of one part costs, more or less
)

// rangeRequest drops a Range header that RFC 9110 lets us, or makes us, ignore:
// on HEAD, in an unknown unit, or when the parts would cost more than the whole
// (ranges that overlap so much are ignored by http.ServeContent itself).
func rangeRequest(r *http.Request, size int64) *http.Request {
	spec := r.Header.Get("Range")
	if spec == "" {
		return r
	}
	n := int64(strings.Count(spec, ",") + 1)
	if r.Method == http.MethodGet && strings.HasPrefix(spec, "bytes=") &&
		n <= maxRanges && (n <= fewRanges || n*partHeader <= size) {
		return r
	}
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	r.Header.Del("Range")
	return r
}
