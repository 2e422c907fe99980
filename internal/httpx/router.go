package httpx

import (
	"net/http"
	"path"
	"strings"
)

// Router is a [http.ServeMux] that never redirects: an address that the mux
// would clean, or would complete with a slash, is answered as an unknown one.
// A redirect would come before authentication, repeat the secrets of the query,
// and do in the client's name what the client did not write.
type Router struct {
	mux       *http.ServeMux
	routes    map[string]bool // "METHOD pattern"
	bare      map[string]bool // mux patterns that stand for no route
	unmatched http.HandlerFunc
}

// NewRouter makes a Router; unmatched answers what no route takes, and may ask
// [Router.Allowed].
func NewRouter(unmatched http.HandlerFunc) *Router {
	rt := &Router{mux: http.NewServeMux(), routes: map[string]bool{}, bare: map[string]bool{"/": true}, unmatched: unmatched}
	rt.mux.HandleFunc("/", unmatched)
	return rt
}

// Handle adds a route; the pattern is one of ServeMux's without method and
// host. All routes are added before the first request.
func (rt *Router) Handle(method, pattern string, h http.Handler) {
	rt.mux.Handle(method+" "+pattern, h)
	rt.routes[method+" "+pattern] = true
}

// Seal ends the adding of routes. It keeps the mux from redirecting an address
// without its last part, as …/files for …/files/{path...}, to one with a slash.
func (rt *Router) Seal() {
	for route := range rt.routes {
		bare := route[:strings.LastIndexByte(route, '/')]
		if strings.HasSuffix(route, "...}") && !rt.routes[bare] && !rt.bare[bare] {
			rt.bare[bare] = true
			rt.mux.HandleFunc(bare, rt.unmatched)
		}
	}
}

// ServeHTTP hands a request to its route. The caller has made sure that the
// address [IsClean].
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// Allowed lists the methods that an address knows. Of several patterns that
// take it with different methods, the one with the fewest wildcards counts: with
// GET /versions/next and PUT /versions/{id}, the first is only read.
func (rt *Router) Allowed(r *http.Request) []string {
	var allow []string
	best := ""
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		other := r.WithContext(r.Context())
		other.Method = m
		_, full := rt.mux.Handler(other)
		_, pattern, _ := strings.Cut(full, " ")
		switch {
		case rt.bare[full]:
		case best == pattern:
			allow = append(allow, m)
		case best == "" || strings.Count(pattern, "{") < strings.Count(best, "{"):
			best, allow = pattern, []string{m}
		}
	}
	return allow
}

// IsClean reports whether an address has no empty, "." or ".." segment, so that
// the mux would not redirect it.
func IsClean(r *http.Request) bool {
	raw := r.URL.EscapedPath()
	clean := path.Clean(raw)
	return clean == raw || clean+"/" == raw
}
