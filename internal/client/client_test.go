package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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

// TestTokenHeaders: each kind of token goes where servers look for it.
func TestTokenHeaders(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Job-Token", "Private-Token", "Deploy-Token"} {
			if r.Header.Get(name) != "" {
				fmt.Fprintf(w, `{"username":%q}`, name)
			}
		}
	}))
	defer s.Close()
	for _, c := range []struct {
		token string
		job   bool
		want  string
	}{
		{"anything", true, "Job-Token"}, {"vtjob-x", false, "Job-Token"}, {"glcbt-64_x", false, "Job-Token"},
		{"anything", false, "Private-Token"}, {"vtpat-x", false, "Private-Token"}, {"glpat-x", false, "Private-Token"},
		{"vtdep-x", false, "Deploy-Token"}, {"gldt-x", false, "Deploy-Token"},
	} {
		cl, err := New(Options{URL: s.URL, Token: c.token, Job: c.job, HTTP: s.Client()})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := cl.CurrentUser(t.Context()); err != nil || u.Username != c.want {
			t.Errorf("%+v: got %+v, %v", c, u, err)
		}
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
