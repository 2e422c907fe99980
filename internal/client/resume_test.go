package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/api/gitlab"
	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// weak is the real door behind a line that breaks.
type weak struct {
	*apitest.World
	addr  string
	place Place
	// received are the bytes of bodies that reached the server.
	received atomic.Int64

	mu       sync.Mutex
	cuts     []int64 // bytes after which connections break, in turn
	requests []string
}

func newWeak(t *testing.T, cuts ...int64) *weak {
	t.Helper()
	x := &weak{cuts: cuts}
	x.World = apitest.New(t, apitest.Options{Door: func(w *apitest.World) httpx.Mount {
		return gitlab.New(gitlab.Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log})
	}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		x.requests = append(x.requests, r.Method)
		x.mu.Unlock()
		body := r.Body
		r.Body = io.NopCloser(readerFunc(func(p []byte) (int, error) {
			n, err := body.Read(p)
			x.received.Add(int64(n))
			return n, err
		}))
		x.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	apitest.OK(t, err)
	t.Cleanup(func() { l.Close() })
	x.addr, x.place = l.Addr().String(), VersionPlace("root/private", x.IDs["private/version"])
	go x.forward(l, server.Listener.Addr().String())
	return x
}

// forward hands connections on and breaks those that carry too much.
func (x *weak) forward(l net.Listener, to string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			in.Close()
			return
		}
		go func() {
			defer in.Close()
			defer out.Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := in.Read(buf)
				if n > 0 {
					if _, werr := out.Write(buf[:n]); werr != nil || x.breaks(int64(n)) {
						return
					}
				}
				if err != nil {
					return
				}
			}
		}()
		go func() { _, _ = io.Copy(in, out) }()
	}
}

// breaks counts n bytes against the next cut.
func (x *weak) breaks(n int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.cuts) == 0 {
		return false
	}
	if x.cuts[0] -= n; x.cuts[0] > 0 {
		return false
	}
	x.cuts = x.cuts[1:]
	return true
}

func (x *weak) count(method string) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := 0
	for _, m := range x.requests {
		if m == method {
			n++
		}
	}
	return n
}

func (x *weak) client(t *testing.T, who string) *Client {
	t.Helper()
	c, err := New(Options{URL: "http://" + x.addr, Token: x.Tokens[who], Backoff: time.Millisecond, ResumeFrom: 1 << 20})
	apitest.OK(t, err)
	return c
}

// counted is a source that notes how many bytes of it were sent in all.
func counted(data []byte) (Source, *atomic.Int64) {
	var sent atomic.Int64
	return Source{Size: int64(len(data)), SHA256: digest(data), Open: func(from int64) (io.ReadCloser, error) {
		r := bytes.NewReader(data[from:])
		return io.NopCloser(readerFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			sent.Add(int64(n))
			return n, err
		})), nil
	}}, &sent
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{9}).Read(b) // never fails
	return b
}

// has checks that the file is there.
func (x *weak) has(t *testing.T, path string, data []byte) {
	t.Helper()
	_, body, err := x.Registry.As(auth.System()).OpenFile(t.Context(), registry.ProjectRef{ID: x.IDs["private"]},
		registry.PackageRef{VersionID: x.IDs["private/version"]}, path)
	apitest.OK(t, err)
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%s has %d bytes, %v", path, len(got), err)
	}
}

// TestResumeOverBreaks: on a line that breaks again and again, no byte that has
// arrived is sent again.
func TestResumeOverBreaks(t *testing.T) {
	data := random(8 << 20)
	x := newWeak(t, 1<<20, 3<<20, 2<<20, 1<<20)
	s, _ := counted(data)
	if err := x.client(t, "developer").Upload(t.Context(), x.place, "dir/a b.bin", s); err != nil {
		t.Fatal(err)
	}
	x.has(t, "dir/a b.bin", data)
	if n := x.received.Load(); n != int64(len(data)) || x.count("POST") != 1 || x.count("PUT") != 0 {
		t.Errorf("%d bytes arrived for %d, in %v", n, len(data), x.requests)
	}
}

// TestResumeInAnotherProcess: what one client has sent, another one need not.
func TestResumeInAnotherProcess(t *testing.T) {
	data := random(4 << 20)
	x := newWeak(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, sent := counted(data)
	open := s.Open
	s.Open = func(from int64) (io.ReadCloser, error) {
		body, err := open(from)
		return io.NopCloser(readerFunc(func(p []byte) (int, error) {
			if sent.Load() >= 2<<20 {
				time.Sleep(200 * time.Millisecond) // until it is on the other side
				cancel()
			}
			return body.Read(p)
		})), err
	}
	if err := x.client(t, "developer").Upload(ctx, x.place, "big.bin", s); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s, _ = counted(data)
	if err := x.client(t, "developer").Upload(t.Context(), x.place, "big.bin", s); err != nil {
		t.Fatal(err)
	}
	x.has(t, "big.bin", data)
	if n := x.received.Load(); n != int64(len(data)) || x.count("POST") != 1 {
		t.Errorf("%d bytes arrived for %d, in %v", n, len(data), x.requests)
	}
}

// TestResumeOfASmallerFile: it goes plainly, and resumes when that breaks.
func TestResumeOfASmallerFile(t *testing.T) {
	data := random(900 << 10)
	x := newWeak(t, 300<<10)
	s, _ := counted(data)
	if err := x.client(t, "developer").Upload(t.Context(), x.place, "s.bin", s); err != nil {
		t.Fatal(err)
	}
	x.has(t, "s.bin", data)
	if x.count("PUT") != 1 || x.count("PATCH") == 0 {
		t.Errorf("requests %v", x.requests)
	}
}

// TestResumeFailures: what cannot go better is told at once, as for a plain
// upload.
func TestResumeFailures(t *testing.T) {
	data := random(1 << 20)
	x := newWeak(t)
	s, _ := counted(data)
	lost := VersionPlace("root/private", 999)
	for who, kind := range map[string]fault.Kind{"guest": fault.Forbidden, "stranger": fault.NotFound, "": fault.Unauthenticated} {
		if err := x.client(t, who).Upload(t.Context(), x.place, "f", s); !fault.Is(err, kind) {
			t.Errorf("%q: %v", who, err)
		}
	}
	c := x.client(t, "developer")
	if err := c.Upload(t.Context(), lost, "f", s); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	wrong := s
	wrong.SHA256 = digest(nil)
	if err := c.Upload(t.Context(), x.place, "f", wrong); !errors.Is(err, ErrChecksum) {
		t.Error(err)
	}
	broken := errors.New("the disk is broken")
	unreadable := s
	unreadable.Open = func(int64) (io.ReadCloser, error) { return nil, broken }
	if err := c.Upload(t.Context(), x.place, "f", unreadable); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestResumeWithoutProgress: it is tried for a while, and then given up.
func TestResumeWithoutProgress(t *testing.T) {
	var patches atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			_, _ = io.WriteString(w, `[{"id": "up-1", "size": 1048576, "offset": 5}]`)
		case http.MethodHead:
			w.Header().Set("Upload-Offset", "5")
		case http.MethodPatch:
			patches.Add(1)
			w.WriteHeader(http.StatusLocked)
		}
	})
	c.options.ResumeFrom = 1 << 20
	s, sent := counted(random(1 << 20))
	err := c.Upload(t.Context(), VersionPlace("p", 1), "x", s)
	if !fault.Is(err, fault.Busy) || patches.Load() != resumeAttempts || sent.Load() != 0 {
		t.Errorf("%v after %d attempts and %d bytes", err, patches.Load(), sent.Load())
	}
}

// TestResumeIsNotOffered: a server without resumable uploads, as a real GitLab,
// gets a plain one, and is asked once.
func TestResumeIsNotOffered(t *testing.T) {
	var asked, put atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			put.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusCreated)
			return
		}
		asked.Add(1)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"package_id is invalid"}`)
	})
	c.options.ResumeFrom = 1 << 20
	s, _ := counted(random(1 << 20))
	for range 2 {
		if err := c.Upload(t.Context(), VersionPlace("p", 1), "x", s); err != nil {
			t.Fatal(err)
		}
	}
	if asked.Load() != 1 || put.Load() != 2 {
		t.Errorf("asked %d times, put %d", asked.Load(), put.Load())
	}
}
