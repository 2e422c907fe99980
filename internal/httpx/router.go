package httpx

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
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
// without its last part, as …/files for …/files/{path...}, to one with a slash;
// and from taking PUT …/versions/next for PUT …/versions/{id} because there is
// only a GET …/versions/next.
func (rt *Router) Seal() {
	for route := range rt.routes {
		method, pattern, _ := strings.Cut(route, " ")
		if strings.HasSuffix(pattern, "...}") {
			rt.refuse(method + " " + pattern[:strings.LastIndexByte(pattern, '/')])
		}
	}
	for route := range rt.routes {
		_, pattern, _ := strings.Cut(route, " ")
		for _, m := range methods {
			if rt.shadowed(m, pattern) {
				rt.refuse(m + " " + pattern)
			}
		}
	}
}

// refuse makes a mux pattern answer as an unknown address, unless it is a
// route's.
func (rt *Router) refuse(route string) {
	if !rt.routes[route] && !rt.bare[route] {
		rt.bare[route] = true
		rt.mux.HandleFunc(route, rt.unmatched)
	}
}

var wildcard = regexp.MustCompile(`\{[^/]*\}`)

// shadowed reports whether an address of pattern would reach the route of
// another pattern by a method that it does not know itself.
func (rt *Router) shadowed(method, pattern string) bool {
	if strings.HasSuffix(pattern, "}") || rt.routes[method+" "+pattern] || method == http.MethodHead {
		return false
	}
	r := &http.Request{Method: method, URL: &url.URL{Path: wildcard.ReplaceAllString(pattern, "1")}}
	_, reached := rt.mux.Handler(r)
	return !rt.bare[reached]
}

// ServeHTTP hands a request to its route. The caller has made sure that the
// address [IsClean].
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Allowed lists the methods that an address knows.
func (rt *Router) Allowed(r *http.Request) []string {
	var allow []string
	for _, m := range methods {
		other := r.WithContext(r.Context())
		other.Method = m
		if _, pattern := rt.mux.Handler(other); !rt.bare[pattern] {
			allow = append(allow, m)
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
