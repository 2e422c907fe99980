package apidoc

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func ask(t *testing.T, method, address string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	m := New()
	if !m.Match(r) {
		t.Fatalf("%s is not this door's", address)
	}
	m.Handler.ServeHTTP(rec, r)
	return rec
}

// TestPage: the page is served with its policy, is not sent twice, and names
// only files that are there.
func TestPage(t *testing.T) {
	page := ask(t, "GET", Path)
	if page.Code != 200 || page.Header().Get("Content-Security-Policy") != policy || page.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("%d %v", page.Code, page.Header())
	}
	if again := ask(t, "GET", Path, "If-None-Match", page.Header().Get("Etag")); again.Code != 304 {
		t.Errorf("the same page again: %d", again.Code)
	}
	if head := ask(t, "HEAD", Path); head.Code != 200 || head.Body.Len() > 0 {
		t.Errorf("HEAD: %d with %d bytes", head.Code, head.Body.Len())
	}
	if post := ask(t, "POST", Path); post.Code != 405 || post.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", post.Code, post.Header())
	}
	found := regexp.MustCompile(`(?:href|src)="(/-/api/[^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(found) != 4 {
		t.Errorf("the page names %d files: %v", len(found), found)
	}
	for _, f := range found {
		file := ask(t, "GET", f[1], "Accept-Encoding", "br, gzip")
		if file.Code != 200 || file.Body.Len() == 0 || !strings.Contains(file.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", f[1], file.Code, file.Header())
		}
	}
	if gone := ask(t, "GET", Path+"/000000000000/page.js"); gone.Code != 404 {
		t.Errorf("a file of another time: %d", gone.Code)
	}
}
