package apidoc

import (
	"compress/gzip"
	"io"
	"net/http"
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
	found := regexp.MustCompile(`(?:href|src)="(api/[^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(found) != 4 {
		t.Errorf("the page names %d files: %v", len(found), found)
	}
	for _, f := range found {
		file := ask(t, "GET", "/-/"+f[1], "Accept-Encoding", "br, gzip")
		if file.Code != 200 || file.Body.Len() == 0 || !strings.Contains(file.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", f[1], file.Code, file.Header())
		}
	}
	if gone := ask(t, "GET", Path+"/page-000000000000.js"); gone.Code != 404 {
		t.Errorf("a file of another time: %d", gone.Code)
	}
}

// TestCompression: what is stored compressed reaches everybody.
func TestCompression(t *testing.T) {
	name := regexp.MustCompile(`api/swagger-ui-[0-9a-f]+\.css`).FindString(ask(t, "GET", Path).Body.String())
	packed := ask(t, "GET", "/-/"+name, "Accept-Encoding", "gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("%v", packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"", "identity", "gzip;q=0"} {
		plain := ask(t, "GET", "/-/"+name, "Accept-Encoding", accept)
		if plain.Header().Get("Content-Encoding") != "" || plain.Body.String() != string(want) || !strings.Contains(string(want), ".swagger-ui") {
			t.Errorf("with %q: %v, %d bytes", accept, plain.Header(), plain.Body.Len())
		}
	}
	if head := ask(t, http.MethodHead, "/-/"+name); head.Code != 200 || head.Body.Len() > 0 {
		t.Errorf("HEAD: %d with %d bytes", head.Code, head.Body.Len())
	}
}
