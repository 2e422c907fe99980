package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

func source(data []byte) Source {
	return Source{Size: int64(len(data)), SHA256: digest(data), Open: func(from int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data[from:])), nil
	}}
}

func TestUpload(t *testing.T) {
	data := bytes.Repeat([]byte("weights "), 50_000)
	var got []byte
	var h http.Header
	var uri string
	var calls int
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // resumable uploads, which this server has not
			w.WriteHeader(http.StatusNotFound)
			return
		}
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
	err := c.Upload(t.Context(), VersionPlace("p", 5), "x", Source{Size: 1 << 30, SHA256: "0", Open: func(int64) (io.ReadCloser, error) {
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
	err := c.Upload(t.Context(), VersionPlace("p", 1), "x", Source{Size: 100, SHA256: "0", Open: func(int64) (io.ReadCloser, error) {
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
