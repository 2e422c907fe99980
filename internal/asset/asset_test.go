package asset

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSet: what was added, packed or not, comes to everybody whole, under an
// address that changes with it.
func TestSet(t *testing.T) {
	s := NewSet("/x/")
	text := strings.Repeat("body { color: red }\n", 100)
	plain, packed := s.Add("dir/plain.css", []byte(text)), s.AddPacked("packed.js", pack([]byte(text)))
	tiny := s.Add("tiny.svg", []byte("<svg/>"))
	if other := NewSet("/x/").Add("dir/plain.css", []byte(text+" ")); other == plain || !strings.HasSuffix(other, "/dir/plain.css") {
		t.Errorf("%s and %s", plain, other)
	}
	for address, kind := range map[string]string{plain: "text/css", packed: "text/javascript", tiny: "image/svg+xml"} {
		for accept, want := range map[string]string{"": "", "identity": "", "gzip;q=0": "", "gzip; q=0": "", "br, GZIP;q=0.5": "gzip"} {
			if address == tiny {
				want = "" // it would be longer
			}
			r := httptest.NewRequestWithContext(t.Context(), "GET", address, nil)
			r.Header.Set("Accept-Encoding", accept)
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, r)
			var body io.Reader = rec.Body
			if rec.Header().Get("Content-Encoding") != want {
				t.Errorf("%s with %q: %v", address, accept, rec.Header())
			} else if want != "" {
				z, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = z
			}
			got, err := io.ReadAll(body)
			if err != nil || address != tiny && string(got) != text || !strings.HasPrefix(rec.Header().Get("Content-Type"), kind) {
				t.Errorf("%s with %q: %d bytes, %v, %v", address, accept, len(got), err, rec.Header())
			}
			if h := rec.Header(); !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: %v", address, h)
			}
		}
	}
}

// TestSetRefuses: what is not there, or damaged, is no file.
func TestSetRefuses(t *testing.T) {
	s := NewSet("/x/")
	bad := s.AddPacked("bad.js", []byte("no gzip"))
	if a, err := s.Address("bad.js"); err != nil || a != bad {
		t.Errorf("%q, %v", a, err)
	}
	if _, err := s.Address("none.js"); err == nil {
		t.Error("an unknown asset has an address")
	}
	for address, want := range map[string]int{bad: 500, "/x/000000000000/bad.js": 404} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", address, nil))
		if rec.Code != want {
			t.Errorf("%s: %d", address, rec.Code)
		}
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "HEAD", s.Add("a.css", bytes.Repeat([]byte("a"), 99)), nil))
	if rec.Code != 200 || rec.Body.Len() != 0 || rec.Header().Get("Content-Length") != "99" {
		t.Errorf("HEAD: %d, %v, %d bytes", rec.Code, rec.Header(), rec.Body.Len())
	}
	if !Known("a/b.css") || Known("b.html") {
		t.Error("the endings are not known")
	}
}
