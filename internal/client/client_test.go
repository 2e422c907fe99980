package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

const secret = "vtpat-secret"

// serve runs a handler and gives a client for it that does not wait long.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return clientFor(t, s.URL)
}

func clientFor(t *testing.T, url string) *Client {
	t.Helper()
	c, err := New(Options{URL: url, Token: secret, UserAgent: "test/1", Backoff: time.Millisecond, Idle: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://Models.Example.org":       "https://models.example.org",
		"https://models.example.org/":      "https://models.example.org",
		"https://e.org/gitlab/api/v4/":     "https://e.org/gitlab",
		"models.example.org":               "https://models.example.org",
		"localhost:8080":                   "http://localhost:8080",
		"127.0.0.1:8080/":                  "http://127.0.0.1:8080",
		"[::1]:80":                         "http://[::1]:80",
		" http://10.0.0.1 ":                "http://10.0.0.1",
		"":                                 "",
		"ftp://e.org":                      "",
		"https://":                         "",
		"https://user:pass@e.org":          "",
		"https://e.org/?private_token=abc": "",
		"https://e.org/#x":                 "",
		"http://[":                         "",
	} {
		got, err := ParseURL(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		status           int
		body             string
		kind             fault.Kind
		noun, field, msg string
	}{
		{400, `{"message":{"name":["has already been taken"]}}`, fault.Invalid, "", "name", "has already been taken"},
		{400, `{"message":{"b":["x","y"],"a":["z"]}}`, fault.Invalid, "", "", "a z; b x, y"},
		{400, `{"message":{"base":["too many"]}}`, fault.Invalid, "", "", "too many"},
		{400, `{"error":"name is missing"}`, fault.Invalid, "", "", "name is missing"},
		{400, `{"message":"400 Bad request - the body is no JSON"}`, fault.Invalid, "", "", "the body is no JSON"},
		{401, `{"message":"401 Unauthorized"}`, fault.Unauthenticated, "", "", "the server does not accept the token"},
		{401, `{"error":"invalid_token","error_description":"Token is expired."}`, fault.Unauthenticated, "", "", "Token is expired."},
		{403, `{"message":"403 Forbidden - the project is archived"}`, fault.Forbidden, "", "", "the project is archived"},
		{404, `{"message":"404 Project Not Found"}`, fault.NotFound, "project", "", "project not found"},
		{404, `<html>`, fault.NotFound, "", "", "not found"},
		{409, `{"message":"Username has already been taken"}`, fault.Conflict, "", "", "Username has already been taken"},
		{413, ``, fault.TooLarge, "", "", "too large for the server, or for a proxy before it"},
		{500, `{"message":"500 Internal Server Error"}`, fault.Internal, "", "", "the server answered 500 Internal Server Error"},
		{507, `{"message":"507 Insufficient Storage - the disk is full"}`, fault.Full, "", "", "the disk is full"},
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := c.CurrentUser(t.Context())
		e, ok := fault.As(err)
		if !ok {
			t.Errorf("%d %s: no fault: %v", tt.status, tt.body, err)
			continue
		}
		got := []any{e.Kind, e.Noun, e.Field, e.Msg}
		if diff := cmp.Diff([]any{tt.kind, tt.noun, tt.field, tt.msg}, got); diff != "" {
			t.Errorf("%d %s: %s", tt.status, tt.body, diff)
		}
	}
}

func TestMissingThingsAreNamed(t *testing.T) {
	answer := ""
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if answer == "[]" {
			io.WriteString(w, answer)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, answer)
	})
	for _, tt := range []struct{ answer, want string }{
		{`{"message":"404 Project Not Found"}`, `project "a/b" not found`},
		{`[]`, `model "a/b/m" not found`},
	} {
		answer = tt.answer
		_, err := c.FindModel(t.Context(), "a/b", "m")
		if e, ok := fault.As(err); !ok || e.Kind != fault.NotFound || e.Msg != tt.want {
			t.Errorf("%s: got %v, want %s", tt.answer, err, tt.want)
		}
	}
}

func TestRepetition(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"username":"%s"}`, r.Header.Get("Private-Token"))
	})
	u, err := c.CurrentUser(t.Context())
	if err != nil || u.Username != secret || calls.Load() != 3 {
		t.Errorf("got %+v, %v after %d calls", u, err, calls.Load())
	}
	calls.Store(0)
	if _, err := c.CreateModel(t.Context(), "p", ModelSpec{Name: "m"}); !fault.Is(err, fault.Busy) || calls.Load() != 1 {
		t.Errorf("POST: %v after %d calls; want one call and Busy", err, calls.Load())
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		io.WriteString(w, `{}`)
	})
	began := time.Now()
	if _, err := c.CurrentUser(t.Context()); err != nil || time.Since(began) < time.Second {
		t.Errorf("answer after %v, %v; want a pause of a second", time.Since(began), err)
	}
}

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	c := clientFor(t, s.URL)
	s.Close()
	_, err := c.CurrentUser(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cannot reach "+s.URL) || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
}

func TestNotAVitrine(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>Welcome") })
	if _, err := c.CurrentUser(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("got %v, want Unsupported", err)
	}
}

// TestRedirects: the token stays on its host, and only what reads is redirected.
func TestRedirects(t *testing.T) {
	var seen http.Header
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		io.WriteString(w, `{}`)
	}))
	defer other.Close()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
	})
	if _, err := c.CurrentUser(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen.Get("Private-Token") != "" || seen.Get("User-Agent") != "test/1" {
		t.Errorf("the other host got %v", seen)
	}
	seen = nil
	err := c.DeleteModel(t.Context(), "p", 1)
	if !fault.Is(err, fault.Unsupported) || seen != nil || !strings.Contains(err.Error(), other.URL) {
		t.Errorf("a redirected DELETE gave %v, and %v", err, seen)
	}
}

func TestJobToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"username":%q}`, r.Header.Get("Job-Token")+r.Header.Get("Private-Token"))
	}))
	defer s.Close()
	c, err := New(Options{URL: s.URL, Token: "job", Job: true, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := c.CurrentUser(t.Context()); err != nil || u.Username != "job" {
		t.Errorf("got %+v, %v", u, err)
	}
}

// TestPaging: the pages come from the client's own server, whatever the links say.
func TestPaging(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			w.Header().Set("Link", `<https://elsewhere.invalid/x?page=1>; rel="first", <https://elsewhere.invalid/x?cursor=c2&per_page=100>; rel="next"`)
			io.WriteString(w, `[{"id":1},{"id":2}]`)
		case "c2":
			io.WriteString(w, `[{"id":3}]`)
		}
	})
	ps, err := c.Projects(t.Context())
	if err != nil || len(ps) != 3 {
		t.Errorf("got %v, %v; want 3 projects", ps, err)
	}
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", `</x?cursor=again>; rel="next"`)
		io.WriteString(w, `[]`)
	})
	if _, err := endless.Projects(t.Context()); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a list without an end gave %v", err)
	}
}

func source(data []byte) Source {
	return Source{Size: int64(len(data)), SHA256: digest(data), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func TestUpload(t *testing.T) {
	data := bytes.Repeat([]byte("weights "), 50_000)
	var got []byte
	var h http.Header
	var uri string
	var calls int
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if calls == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		got, _ = io.ReadAll(r.Body)
		h, uri = r.Header, r.RequestURI
		w.Header().Set("X-Checksum-Sha256", digest(got))
		w.WriteHeader(http.StatusCreated)
	})
	if err := c.Upload(t.Context(), VersionPlace("a/b", 5), "dir/a b+c%.bin", source(data)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) || calls != 2 {
		t.Errorf("%d bytes arrived in %d calls, want %d in 2", len(got), calls, len(data))
	}
	if want := "/api/v4/projects/a%2Fb/packages/ml_models/5/files/dir/a%20b+c%25.bin"; uri != want {
		t.Errorf("address %s, want %s", uri, want)
	}
	if h.Get("X-Checksum-Sha256") != digest(data) || h.Get("Expect") != "100-continue" {
		t.Errorf("headers %v", h)
	}
}

// TestUploadIsRefusedEarly: of a large file nothing is sent to a server that
// does not want it.
func TestUploadIsRefusedEarly(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	var read atomic.Int64
	err := c.Upload(t.Context(), VersionPlace("p", 5), "x", Source{Size: 1 << 30, SHA256: "0", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(readerFunc(func(p []byte) (int, error) { read.Add(int64(len(p))); return len(p), nil })), nil
	}})
	if !fault.Is(err, fault.Forbidden) || read.Load() > 0 {
		t.Errorf("got %v after %d bytes", err, read.Load())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestUploadFailures(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header string
		body   string
		check  func(error) bool
	}{
		{"stored other bytes", 201, digest([]byte("other")), "", func(err error) bool { return errors.Is(err, ErrChecksum) }},
		{"refused by checksum", 400, "", `{"message":"400 Bad request - sha256 does not match"}`, func(err error) bool { return errors.Is(err, ErrChecksum) }},
		{"only authorized", 200, "", `{"status":"ok"}`, func(err error) bool { return fault.Is(err, fault.Unsupported) }},
		{"no such version", 404, "", `{"message":"404 Not Found"}`, func(err error) bool { return fault.Is(err, fault.NotFound) }},
		{"without checksum, as GitLab", 201, "", `{"message":"201 Created"}`, func(err error) bool { return err == nil }},
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if tt.header != "" {
				w.Header().Set("X-Checksum-Sha256", tt.header)
			}
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		if err := c.Upload(t.Context(), RunPlace("p", 7), "x", source([]byte("mine"))); !tt.check(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestUnreadableSource: an error of the local file is told as such, once.
func TestUnreadableSource(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
	})
	broken := errors.New("the disk is broken")
	err := c.Upload(t.Context(), VersionPlace("p", 1), "x", Source{Size: 100, SHA256: "0", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(readerFunc(func([]byte) (int, error) { return 0, broken })), nil
	}})
	if !errors.Is(err, broken) || calls.Load() > 1 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}

// cutter serves a file and breaks the connection after some bytes, as often as
// told.
type cutter struct {
	data   []byte
	after  int
	cuts   int
	mu     sync.Mutex
	ranges []string
}

func (x *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	x.ranges = append(x.ranges, r.Header.Get("Range"))
	cut := x.cuts > 0
	x.cuts--
	x.mu.Unlock()
	w.Header().Set("ETag", `"`+digest(x.data)+`"`)
	if cut {
		w = &cutWriter{w, x.after}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(x.data))
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 {
		http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func TestDownloadGoesOn(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	x := &cutter{data: data, after: 30_000, cuts: 2}
	c := serve(t, x.ServeHTTP)
	f := File{Path: "x", Size: int64(len(data)), SHA256: digest(data)}
	in, err := c.Download(t.Context(), VersionPlace("p", 1), f, 0, f.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if diff := cmp.Diff([]string{"", "bytes=30000-99999", "bytes=60000-99999"}, x.ranges); diff != "" {
		t.Error(diff)
	}
}

func TestDownloadOfAPart(t *testing.T) {
	data := []byte("0123456789")
	c := serve(t, (&cutter{data: data}).ServeHTTP)
	f := File{Path: "x", Size: 10, SHA256: digest(data)}
	for _, r := range [][2]int64{{0, 10}, {0, 3}, {4, 10}, {3, 7}} {
		in, err := c.Download(t.Context(), VersionPlace("p", 1), f, r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(in); err != nil || string(got) != string(data[r[0]:r[1]]) {
			t.Errorf("%v: %q, %v", r, got, err)
		}
		in.Close()
	}
}

func TestDownloadFailures(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 1000)
	f := File{Path: "x", Size: 1000, SHA256: digest(data)}
	read := func(c *Client, f File) error {
		in, err := c.Download(t.Context(), VersionPlace("p", 1), f, 10, 1000)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(io.Discard, in)
		return err
	}
	changed := f
	changed.SHA256 = digest([]byte("before"))
	if err := read(serve(t, (&cutter{data: data}).ServeHTTP), changed); !errors.Is(err, ErrChanged) {
		t.Errorf("a changed file gave %v", err)
	}
	whole := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(data) })
	if err := read(whole, f); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a server without ranges gave %v", err)
	}
	hopeless := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", "bytes 10-999/1000")
		w.Header().Set("Content-Length", "990")
		w.WriteHeader(http.StatusPartialContent)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if err := read(hopeless, f); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a server that always breaks gave %v", err)
	}
}

// TestStall: a server that says nothing does not hold the client for ever.
func TestStall(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("begin"))
		http.NewResponseController(w).Flush()
		<-release
	}))
	defer s.Close()
	defer close(release)
	c, err := New(Options{URL: s.URL, Idle: 50 * time.Millisecond, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CurrentUser(t.Context()); !errors.Is(err, errStalled) {
		t.Errorf("got %v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, err := c.CurrentUser(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStatAndDelete(t *testing.T) {
	data := []byte("content")
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("X-Checksum-Sha256", digest(data))
		w.Header().Set("Content-Length", "7")
	})
	f, err := c.Stat(t.Context(), VersionPlace("p", 1), "x")
	if diff := cmp.Diff(File{Path: "x", Size: 7, SHA256: digest(data)}, f); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if err := c.DeleteFile(t.Context(), VersionPlace("p", 1), "x"); err != nil {
		t.Error(err)
	}
}
