package httpx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

var modTime = time.Date(2026, 11, 24, 3, 8, 26, 0, time.UTC)

// pattern gives n bytes, no two stretches alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7919 >> 3)
	}
	return b
}

// stored puts data into a file and describes it.
func stored(t testing.TB, data []byte) Content {
	t.Helper()
	file := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return Content{Name: "dir/model.bin", Digest: blob.SumDigest(sum[:]), Size: int64(len(data)), ModTime: modTime, Attachment: true,
		Open: func(context.Context) (io.ReadSeekCloser, error) { return os.Open(file) }}
}

func fullChain(log *slog.Logger, ms ...Middleware) Middleware {
	return Chain(append([]Middleware{RequestID(), AccessLog(log, nil), Metrics(prometheus.NewRegistry()), Recover(log, nil)}, ms...)...)
}

// blobServer serves c through the whole chain.
func blobServer(t testing.TB, c Content, ms ...Middleware) *httptest.Server {
	t.Helper()
	h := Handle(func(w http.ResponseWriter, r *http.Request) error { return ServeBlob(w, r, c) }, teapot)
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), ms...)(Dispatch([]Mount{{Name: "blobs", Handler: h}}, nil)))
	t.Cleanup(server.Close)
	return server
}

// ask sends a request with headers given in pairs.
func ask(t testing.TB, method, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func TestServeBlobSizes(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 5000, smallContent - 1, smallContent, smallContent + 1, 3<<20 + 5} {
		for name, ms := range map[string][]Middleware{"plain": nil, "idle": {IdleWrites(time.Minute), IdleBody(time.Minute)}} {
			data := pattern(size)
			res, body := ask(t, "GET", blobServer(t, stored(t, data), ms...).URL)
			if res.StatusCode != http.StatusOK || !bytes.Equal(body, data) || res.ContentLength != int64(size) {
				t.Errorf("%s, %d bytes: status %d, %d bytes came", name, size, res.StatusCode, len(body))
			}
		}
	}
}

func TestServeBlobHeaders(t *testing.T) {
	c := stored(t, []byte("hello"))
	c.Header = func(h http.Header) { h.Set("X-Extra", "1") }
	server := blobServer(t, c)
	get, _ := ask(t, "GET", server.URL)
	head, _ := ask(t, "HEAD", server.URL)
	for _, res := range []*http.Response{get, head} {
		got := map[string]string{}
		for k := range res.Header {
			if k != "Date" && k != "X-Request-Id" {
				got[k] = strings.Join(res.Header[k], "|")
			}
		}
		want := map[string]string{
			"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=0, must-revalidate", "Content-Length": "5",
			"Content-Disposition":     `attachment; filename="model.bin"`,
			"Content-Security-Policy": "sandbox; default-src 'none'", "Content-Type": "application/octet-stream",
			"Etag":          `"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`,
			"Last-Modified": "Tue, 24 Nov 2026 03:08:26 GMT", "Repr-Digest": "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:",
			"X-Checksum-Sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", "X-Content-Type-Options": "nosniff",
			"X-Extra": "1",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", res.Request.Method, diff)
		}
	}
}

func TestServeBlobConditions(t *testing.T) {
	for _, size := range []int{1000, smallContent * 2} {
		data := pattern(size)
		c := stored(t, data)
		server := blobServer(t, c)
		etag, other := `"`+c.Digest.Hex()+`"`, `"other"`
		date, earlier := modTime.Format(http.TimeFormat), modTime.Add(-time.Hour).Format(http.TimeFormat)
		for _, q := range []struct {
			headers []string
			status  int
			body    []byte
		}{
			{[]string{"If-None-Match", etag}, 304, nil},
			{[]string{"If-None-Match", "W/" + etag + ", " + other}, 304, nil},
			{[]string{"If-None-Match", other}, 200, data},
			{[]string{"If-Match", etag}, 200, data},
			{[]string{"If-Match", other}, 412, nil},
			{[]string{"If-Modified-Since", date}, 304, nil},
			{[]string{"If-Modified-Since", earlier}, 200, data},
			{[]string{"If-Unmodified-Since", earlier}, 412, nil},
			{[]string{"If-Unmodified-Since", date}, 200, data},
			{[]string{"Range", "bytes=10-19"}, 206, data[10:20]},
			{[]string{"Range", "bytes=-5"}, 206, data[size-5:]},
			{[]string{"Range", "bytes=990-"}, 206, data[990:]},
			{[]string{"Range", "bytes=0-"}, 206, data},
			{[]string{"Range", "bytes=0-0", "If-Range", etag}, 206, data[:1]},
			{[]string{"Range", "bytes=0-0", "If-Range", other}, 200, data},
			{[]string{"Range", "bytes=0-0", "If-Range", date}, 206, data[:1]},
			{[]string{"Range", "lines=0-0"}, 200, data},
			{[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, 416, []byte("invalid range: failed to overlap\n")},
			{[]string{"Range", "bytes=x"}, 416, []byte("invalid range\n")},
		} {
			res, body := ask(t, "GET", server.URL, q.headers...)
			if res.StatusCode != q.status || !bytes.Equal(body, q.body) {
				t.Errorf("%d bytes, %q: status %d, %d bytes", size, q.headers, res.StatusCode, len(body))
			}
		}
		res, _ := ask(t, "HEAD", server.URL, "Range", "bytes=0-0")
		if res.StatusCode != 200 || res.ContentLength != int64(size) {
			t.Errorf("HEAD with a range: status %d, %d bytes", res.StatusCode, res.ContentLength)
		}
	}
}

func TestServeBlobSeveralRanges(t *testing.T) {
	for _, size := range []int{1000, smallContent * 2} {
		data := pattern(size)
		res, body := ask(t, "GET", blobServer(t, stored(t, data)).URL, "Range", "bytes=0-9,500-509,-1")
		_, attrs, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if err != nil || res.StatusCode != http.StatusPartialContent {
			t.Fatalf("status %d, %v", res.StatusCode, err)
		}
		parts := multipart.NewReader(bytes.NewReader(body), attrs["boundary"])
		for _, want := range [][]byte{data[:10], data[500:510], data[size-1:]} {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(part); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got %x, want %x, %v", got, want, err)
			}
		}
	}
}

func TestRangesDoNotAmplify(t *testing.T) {
	many := func(n int, one func(i int) string) string {
		var specs []string
		for i := range n {
			specs = append(specs, one(i))
		}
		return "bytes=" + strings.Join(specs, ",")
	}
	apart := func(i int) string { return fmt.Sprintf("%d-%d", i*4, i*4) }
	for _, c := range []struct {
		name, spec   string
		size, status int
	}{
		{"overlapping", many(10, func(int) string { return "0-" }), 1 << 20, 200},
		{"over the cap", many(maxRanges+1, apart), 1 << 20, 200},
		{"at the cap", many(maxRanges, apart), 1 << 20, 206},
		{"frames larger than content", many(20, apart), 1000, 200},
		{"few in little content", many(fewRanges, apart), 1000, 206},
	} {
		res, body := ask(t, "GET", blobServer(t, stored(t, pattern(c.size))).URL, "Range", c.spec)
		if res.StatusCode != c.status || len(body) > c.size+2000 {
			t.Errorf("%s: status %d, %d bytes of %d", c.name, res.StatusCode, len(body), c.size)
		}
	}
}

func TestServeBlobFailsBeforeHeaders(t *testing.T) {
	gone := fault.Missing("blob", "x")
	for _, size := range []int{100, smallContent, smallContent + 100} {
		for name, change := range map[string]func(*Content){
			"longer":   func(c *Content) { c.Size-- },
			"shorter":  func(c *Content) { c.Size++ },
			"negative": func(c *Content) { c.Size = -2 },
			"missing":  func(c *Content) { c.Open = func(context.Context) (io.ReadSeekCloser, error) { return nil, gone } },
		} {
			c := stored(t, pattern(size))
			change(&c)
			for _, spec := range []string{"", "bytes=0-1", "bytes=0-1,3-4"} {
				r := request("GET", "/", "", "")
				r.Header.Set("Range", spec)
				w := httptest.NewRecorder()
				err := ServeBlob(w, r, c)
				if err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 || w.Flushed {
					t.Errorf("%s: %v, header %v", name, err, w.Header())
				}
				if wantKind := fault.Is(err, fault.Internal); wantKind == (name == "missing") {
					t.Errorf("%s: kind of %v", name, err)
				}
			}
		}
	}
}

func TestHeadOpensNothing(t *testing.T) {
	for _, size := range []int{0, 10, smallContent + 1} {
		c := stored(t, pattern(size))
		c.Open = func(context.Context) (io.ReadSeekCloser, error) { return nil, errors.New("opened") }
		for _, spec := range []string{"bytes=0-1", "bytes=0-1,3-4", ""} {
			r := request("HEAD", "/", "", "")
			r.Header.Set("Range", spec)
			w := httptest.NewRecorder()
			if err := ServeBlob(w, r, c); err != nil || w.Code != 200 || w.Header().Get("Content-Length") != fmt.Sprint(size) {
				t.Errorf("%v, %d %v", err, w.Code, w.Header())
			}
		}
	}
}

// failingFile breaks in the middle.
type failingFile struct {
	*bytes.Reader
	closed *atomic.Int32
}

func (f failingFile) Read(p []byte) (int, error) {
	if f.Len() < smallContent {
		return 0, errors.New("disk on fire")
	}
	return f.Reader.Read(p[:min(len(p), 1000)])
}

func (f failingFile) Close() error { f.closed.Add(1); return nil }

func TestServeBlobReportsTruncation(t *testing.T) {
	data := pattern(3 * smallContent)
	c := stored(t, data)
	var closed atomic.Int32
	c.Open = func(context.Context) (io.ReadSeekCloser, error) {
		return failingFile{bytes.NewReader(data), &closed}, nil
	}
	for _, spec := range []string{"", "bytes=0-150000"} {
		r := request("GET", "/", "", "")
		r.Header.Set("Range", spec)
		w := httptest.NewRecorder()
		if err := ServeBlob(w, r, c); err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("got %v", err)
		}
	}
	if closed.Load() != 2 {
		t.Errorf("closed %d times", closed.Load())
	}
	res, err := http.Get(blobServer(t, c).URL)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("the client took a truncated body for whole")
	}
}

// readerFrom stands for the server's response writer, and sees what io.Copy
// would let the kernel send.
type readerFrom struct {
	*httptest.ResponseRecorder
	sources []io.Reader
}

func (w *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	w.sources = append(w.sources, src)
	return io.Copy(w.ResponseRecorder, src)
}

// TestSendfile proves that a file reaches the server's ReadFrom in the form for
// which it uses sendfile: an *io.LimitedReader around a bare *os.File.
func TestSendfile(t *testing.T) {
	data := pattern(5*writeChunk/2 + 3)
	for _, c := range []struct {
		name   string
		ms     []Middleware
		spec   string
		pieces int
		want   []byte
	}{
		{"whole", nil, "", 1, data},
		{"range", nil, "bytes=5-99999", 1, data[5:100000]},
		{"deadlines", []Middleware{IdleWrites(time.Minute)}, "", 3, data},
	} {
		h := Handle(func(w http.ResponseWriter, r *http.Request) error { return ServeBlob(w, r, stored(t, data)) }, teapot)
		r := request("GET", "/", "", "")
		r.Header.Set("Range", c.spec)
		w := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
		ms := append(c.ms, IdleBody(time.Minute))
		fullChain(slog.New(slog.DiscardHandler), ms...)(Dispatch([]Mount{{Name: "x", Handler: h}}, nil)).ServeHTTP(w, r)
		if len(w.sources) != c.pieces || !bytes.Equal(w.Body.Bytes(), c.want) {
			t.Errorf("%s: %d pieces, %d bytes", c.name, len(w.sources), w.Body.Len())
		}
		for _, src := range w.sources {
			limited, ok := src.(*io.LimitedReader)
			if !ok {
				t.Fatalf("%s: the source is a %T", c.name, src)
			}
			if _, ok := limited.R.(*os.File); !ok {
				t.Errorf("%s: inside is a %T", c.name, limited.R)
			}
		}
	}
}

func TestSmallContentIsOneWrite(t *testing.T) {
	for _, spec := range []string{"", "bytes=100-59999"} {
		w := &countWrites{header: http.Header{}}
		r := request("GET", "/", "", "")
		r.Header.Set("Range", spec)
		if err := ServeBlob(w, r, stored(t, pattern(60000))); err != nil || w.writes != 1 {
			t.Errorf("%d writes, %v", w.writes, err)
		}
	}
}

type countWrites struct {
	header http.Header
	writes int
}

func (w *countWrites) Header() http.Header { return w.header }
func (w *countWrites) WriteHeader(int)     {}
func (w *countWrites) Write(p []byte) (int, error) {
	w.writes++
	return len(p), nil
}

func TestDisposition(t *testing.T) {
	for name, want := range map[string]string{
		"model.bin":          `inline; filename="model.bin"`,
		"a/b/my model.bin":   `inline; filename="my model.bin"`,
		`c:\dir\x.txt`:       `inline; filename="x.txt"`,
		`a"b.txt`:            `inline; filename="a_b.txt"; filename*=UTF-8''a%22b.txt`,
		"a\r\nX-Evil: 1.txt": `inline; filename="a__X-Evil: 1.txt"`,
		"naïve €.bin":        `inline; filename="na_ve _.bin"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.bin`,
		"100%41.txt":         `inline; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`,
		"a;b=c'd.txt":        `inline; filename="a;b=c'd.txt"`,
		"bad\xff.txt":        `inline; filename="bad_.txt"; filename*=UTF-8''bad%EF%BF%BD.txt`,
		"":                   "inline", ".": "inline", "a/..": "inline", "/": "inline",
	} {
		if got := disposition(false, name); got != want {
			t.Errorf("%q:\n got %s\nwant %s", name, got, want)
		}
	}
	_, attrs, err := mime.ParseMediaType(disposition(true, `ä "b".bin`))
	if err != nil || attrs["filename"] != `ä "b".bin` {
		t.Errorf("a client reads %q, %v", attrs, err)
	}
}

func BenchmarkServeBlob(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 16 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			server := blobServer(b, stored(b, pattern(size)))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				res, err := http.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(size) {
					b.Fatal(n, err)
				}
				res.Body.Close()
			}
		})
	}
}
