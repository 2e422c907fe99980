package httpx

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRouter: nothing is redirected, and an address is what its own pattern
// says, not what another pattern would make of it.
func TestRouter(t *testing.T) {
	var rt *Router
	rt = NewRouter(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(rt.Allowed(r), ","))
		w.WriteHeader(http.StatusTeapot)
	})
	for _, route := range []string{"GET /versions/next", "GET /versions/{id}", "PUT /versions/{id}", "GET /files/{path...}", "PUT /files/{path...}", "POST /self/rotate", "POST /{id}/rotate"} {
		method, pattern, _ := strings.Cut(route, " ")
		rt.Handle(method, pattern, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Route", route) }))
	}
	rt.Seal()
	for _, c := range []struct{ method, address, route, allow string }{
		{"GET", "/versions/next", "GET /versions/next", ""},
		{"PUT", "/versions/7", "PUT /versions/{id}", ""},
		{"PUT", "/versions/next", "", "GET,HEAD"},
		{"DELETE", "/versions/next", "", "GET,HEAD"},
		{"DELETE", "/versions/7", "", "GET,HEAD,PUT"},
		{"PUT", "/files/a/b", "PUT /files/{path...}", ""},
		{"GET", "/files", "", ""},
		{"PUT", "/files", "", ""},
		{"POST", "/self/rotate", "POST /self/rotate", ""},
		{"POST", "/5/rotate", "POST /{id}/rotate", ""},
		{"GET", "/self/rotate", "", "POST"},
		{"GET", "/nothing", "", ""},
	} {
		rec := httptest.NewRecorder()
		rt.ServeHTTP(rec, httptest.NewRequest(c.method, c.address, nil))
		if got := rec.Header(); got.Get("Route") != c.route || got.Get("Allow") != c.allow {
			t.Errorf("%s %s: %v, want route %q, allow %q", c.method, c.address, got, c.route, c.allow)
		}
	}
}
