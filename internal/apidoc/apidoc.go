// Package apidoc serves the reference page of the API at /-/api: swagger-ui,
// which is embedded, over the OpenAPI document of the same server. Neither the
// page nor the server asks anybody else for anything.
package apidoc

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/asset"
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

type server struct {
	page   []byte
	assets *asset.Set
}

// New makes the door.
func New() httpx.Mount {
	s := &server{assets: asset.NewSet(Path + "/")}
	var page bytes.Buffer
	err := template.Must(template.New("page").Parse(pageHTML)).Execute(&page, map[string]string{
		"SwaggerCSS": s.assets.AddPacked("swagger-ui.css", swaggerCSS),
		"SwaggerJS":  s.assets.AddPacked("swagger-ui.js", swaggerJS),
		"PageCSS":    s.assets.Add("page.css", pageCSS),
		"PageJS":     s.assets.Add("page.js", pageJS),
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

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path != Path {
		s.assets.ServeHTTP(w, r)
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Etag", `"`+asset.Sum(s.page)+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.page))
}
