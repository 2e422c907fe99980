// Package apidoc serves the reference page of the API at /-/api: swagger-ui,
// which is embedded, over the OpenAPI document of the same server. Neither the
// page nor the server asks anybody else for anything.
package apidoc

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// Path is where the page is.
const Path = "/-/api"

// scripts/update-swagger-ui fetches what is in swagger-ui.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS []byte
	//go:embed page.js
	pageJS []byte
	//go:embed swagger-ui/swagger-ui.css.gz
	swaggerCSS []byte
	//go:embed swagger-ui/swagger-ui-bundle.js.gz
	swaggerJS []byte
)

// policy is the Content-Security-Policy of the page. swagger-ui's style sheet
// has its small images inside, as data.
const policy = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	script = "text/javascript; charset=utf-8"
	style  = "text/css; charset=utf-8"
)

// asset is a file of the page, under a name that changes with its content.
type asset struct {
	kind    string // media type
	content []byte
	packed  bool // with gzip
}

type server struct {
	page   []byte
	assets map[string]asset // by name
}

// New makes the door.
func New() httpx.Mount {
	s := &server{assets: map[string]asset{}}
	var page bytes.Buffer
	err := template.Must(template.New("page").Parse(pageHTML)).Execute(&page, map[string]string{
		"SwaggerCSS": s.add("swagger-ui", ".css", asset{style, swaggerCSS, true}),
		"SwaggerJS":  s.add("swagger-ui", ".js", asset{script, swaggerJS, true}),
		"PageCSS":    s.add("page", ".css", asset{style, pageCSS, false}),
		"PageJS":     s.add("page", ".js", asset{script, pageJS, false}),
	})
	if err != nil {
		panic("apidoc: " + err.Error()) // the page is embedded: it works always, or never
	}
	s.page = page.Bytes()
	return httpx.Mount{
		Name:    "apidoc",
		Match:   func(r *http.Request) bool { return r.URL.Path == Path || strings.HasPrefix(r.URL.Path, Path+"/") },
		Handler: s,
	}
}

// add enters a file and gives its name.
func (s *server) add(base, ext string, a asset) string {
	name := base + "-" + sum(a.content) + ext
	s.assets[name] = a
	return name
}

// sum is enough of a digest to tell one content from another.
func sum(content []byte) string {
	d := sha256.Sum256(content)
	return hex.EncodeToString(d[:6])
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path == Path {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", `"`+sum(s.page)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.page))
		return
	}
	a, ok := s.assets[strings.TrimPrefix(r.URL.Path, Path+"/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	a.serve(w, r)
}

// serve sends a file, which never changes under its name.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	switch {
	case !a.packed:
	case acceptsGzip(r):
		h.Set("Vary", "Accept-Encoding")
		h.Set("Content-Encoding", "gzip")
	default:
		h.Set("Vary", "Accept-Encoding")
		unpack(w, r, a.content)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}

// unpack is for the few clients that do not take gzip.
func unpack(w http.ResponseWriter, r *http.Request, packed []byte) {
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil && r.Method != http.MethodHead {
		_, _ = io.Copy(w, plain) // it fails with the connection: there is nobody to tell
	}
}

// acceptsGzip reports whether a client takes gzip; all browsers do.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
