package httpx

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// teapot answers every error.
func teapot(w http.ResponseWriter, _ *http.Request, err error) {
	w.WriteHeader(http.StatusTeapot)
	_, _ = io.WriteString(w, err.Error())
}

func failing(before func(http.ResponseWriter)) http.Handler {
	return Handle(func(w http.ResponseWriter, _ *http.Request) error {
		before(w)
		return errors.New("oops")
	}, teapot)
}

func TestHandle(t *testing.T) {
	w := httptest.NewRecorder()
	failing(func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("X-Kept", "1")
		w.WriteHeader(http.StatusEarlyHints) // informational: not yet an answer
	}).ServeHTTP(w, request("GET", "/", "", ""))
	if w.Body.String() != "oops" || w.Header().Get("Etag") != "" || w.Header().Get("Content-Length") != "" || w.Header().Get("X-Kept") == "" {
		t.Errorf("got %v %s", w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	Handle(func(w http.ResponseWriter, _ *http.Request) error {
		return WriteJSON(w, http.StatusCreated, 1)
	}, teapot).ServeHTTP(w, request("GET", "/", "", ""))
	if w.Code != http.StatusCreated {
		t.Errorf("status %d", w.Code)
	}
}

func TestHandleCutsBegunAnswers(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter){
		"header": func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"body":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "half") },
		"flush":  func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"copy":   func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("half")) },
	} {
		server := httptest.NewServer(failing(before))
		res, err := http.Get(server.URL)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client saw a whole answer", name)
		}
		server.Close()
	}
}

func TestDispatch(t *testing.T) {
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	prefix := func(p string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, p) }
	}
	mounts := []Mount{{"a", prefix("/a"), say("a")}, {"ab", prefix("/ab"), say("never")}, {"b", prefix("/b"), say("b")}}
	for path, want := range map[string]string{"/a": "a", "/abc": "a", "/b/x": "b", "/c": "none"} {
		w := httptest.NewRecorder()
		Dispatch(mounts, say("none")).ServeHTTP(w, request("GET", path, "", ""))
		if w.Body.String() != want {
			t.Errorf("%s: got %s, want %s", path, w.Body, want)
		}
	}
	w := httptest.NewRecorder()
	Dispatch(nil, nil).ServeHTTP(w, request("GET", "/", "", ""))
	if w.Code != http.StatusNotFound {
		t.Errorf("status %d", w.Code)
	}
	w = httptest.NewRecorder()
	Dispatch([]Mount{{Name: "all", Handler: say("all")}}, nil).ServeHTTP(w, request("GET", "/", "", ""))
	if w.Body.String() != "all" {
		t.Errorf("got %s", w.Body)
	}
}

func TestWriteJSON(t *testing.T) {
	for range 3 { // pooled buffers must come back clean
		w := httptest.NewRecorder()
		if err := WriteJSON(w, http.StatusCreated, map[string]string{"url": "a?b=1&c=<é>"}); err != nil {
			t.Fatal(err)
		}
		if got := w.Body.String(); got != `{"url":"a?b=1&c=<é>"}` || w.Header().Get("Content-Length") != "22" ||
			w.Header().Get("Content-Type") != "application/json" || w.Code != http.StatusCreated {
			t.Errorf("got %d %v %s", w.Code, w.Header(), got)
		}
		w = httptest.NewRecorder()
		if err := WriteJSON(w, http.StatusOK, []any{"a", math.NaN()}); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("NaN: %v %v %s", err, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	big := strings.Repeat("x", 3*maxPooled)
	if err := WriteJSON(w, http.StatusOK, big); err != nil || !bytes.Equal(w.Body.Bytes(), []byte(`"`+big+`"`)) {
		t.Errorf("big: %v", err)
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	v := map[string]any{"id": 1, "name": "demo", "tags": []string{"a", "b"}}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteJSON(w, http.StatusOK, v); err != nil {
			b.Fatal(err)
		}
	}
}

// discard is the cheapest response writer.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
