// Package asset serves the embedded files of pages under addresses that have the
// hash of their content in them, so that browsers keep them for ever.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// kinds are the media types of assets by their ending. The system's own table
// would be read from files, and differs from machine to machine.
var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// Known reports whether a name's ending is that of an asset.
func Known(name string) bool { return kinds[path.Ext(name)] != "" }

// Set are the assets of a door. It is filled before it serves.
type Set struct {
	prefix    string
	files     map[string]file   // by address
	addresses map[string]string // by name
}

// NewSet makes an empty set below a prefix, as "/-/assets/".
func NewSet(prefix string) *Set {
	return &Set{prefix: prefix, files: map[string]file{}, addresses: map[string]string{}}
}

// file is one asset. Either plain or packed was embedded; the other is made when
// it is asked for first: a server that shows no page shall not pay for it when
// it starts.
type file struct {
	kind   string                 // media type
	plain  func() ([]byte, error) // fails when what is embedded is damaged
	packed func() []byte          // by gzip; nil when it would be longer
}

// Add enters a file and gives its address.
func (s *Set) Add(name string, content []byte) string {
	return s.enter(name, content, file{plain: func() ([]byte, error) { return content, nil }, packed: sync.OnceValue(func() []byte { return pack(content) })})
}

// AddPacked enters a file that is embedded by gzip.
func (s *Set) AddPacked(name string, packed []byte) string {
	return s.enter(name, packed, file{plain: func() ([]byte, error) { return unpack(packed) }, packed: func() []byte { return packed }})
}

func (s *Set) enter(name string, content []byte, f file) string {
	address := s.prefix + Sum(content) + "/" + name
	f.kind = kinds[path.Ext(name)]
	s.files[address], s.addresses[name] = f, address
	return address
}

// Sum is enough of a digest to tell one content from another.
func Sum(content []byte) string {
	d := sha256.Sum256(content)
	return hex.EncodeToString(d[:6])
}

// pack gives a content by gzip, or nil when that is no shorter.
func pack(content []byte) []byte {
	var b bytes.Buffer
	// Neither a buffer nor the best compression can fail.
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = zw.Write(content)
	_ = zw.Close()
	if b.Len() >= len(content) {
		return nil
	}
	return b.Bytes()
}

// unpack is for the few clients that do not take gzip; nothing of it is kept.
func unpack(packed []byte) ([]byte, error) {
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}

// Address gives the address of an asset; templates with an unknown one do not
// render, which a test of every page would find.
func (s *Set) Address(name string) (string, error) {
	if address, ok := s.addresses[name]; ok {
		return address, nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

// ServeHTTP sends a file, which never changes under its address.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r) // of an older release; nobody reads it
		return
	}
	h := w.Header()
	content := f.packed()
	if content != nil && httpx.AcceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
	} else {
		var err error
		if content, err = f.plain(); err != nil {
			http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
			return
		}
	}
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // it fails with the connection: there is nobody to tell
	}
}
