package gitlab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// site is a world behind a listening server.
type site struct {
	*world
	addr   string
	driver blob.Driver // as the server sees it
}

func newSite(t *testing.T, o worldOptions) *site {
	t.Helper()
	s := &site{}
	inner := o.Wrap
	o.Wrap = func(d blob.Driver) blob.Driver {
		if inner != nil {
			d = inner(d)
		}
		s.driver = d
		return d
	}
	s.world = newWorld(t, o)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	s.addr = server.Listener.Addr().String()
	return s
}

// file is the address of a file of the private project's version.
func (s *site) file(path string) string {
	return fmt.Sprintf("/api/v4/projects/%d/packages/ml_models/%d/files/%s", s.ids["private"], s.ids["private/version"], path)
}

// wire is a connection on which a test writes what it likes.
type wire struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func (s *site) dial(t *testing.T) *wire {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	ok(t, err)
	t.Cleanup(func() { c.Close() })
	ok(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return &wire{Conn: c, t: t, in: bufio.NewReader(c)}
}

// begin sends the head of an upload by the developer.
func (s *site) begin(t *testing.T, target string, headers ...string) *wire {
	t.Helper()
	c := s.dial(t)
	head := append([]string{"PUT " + target + " HTTP/1.1", "Host: vitrine.test", "Private-Token: " + s.tokens["developer"]}, headers...)
	c.send(strings.Join(head, "\r\n") + "\r\n\r\n")
	return c
}

func (c *wire) send(s string) {
	c.t.Helper()
	_, err := io.WriteString(c.Conn, s)
	ok(c.t, err)
}

// hangUp closes the sending side, or all of the connection at once.
func (c *wire) hangUp(all bool) {
	c.t.Helper()
	tcp := c.Conn.(*net.TCPConn)
	if !all {
		ok(c.t, tcp.CloseWrite())
		return
	}
	ok(c.t, tcp.SetLinger(0))
	ok(c.t, tcp.Close())
}

// answer gives the next answer, "100 Continue" included.
func (c *wire) answer() (int, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, nil)
	ok(c.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ok(c.t, err)
	return res.StatusCode, string(body)
}

func (c *wire) expect(status int) {
	c.t.Helper()
	if got, body := c.answer(); got != status {
		c.t.Errorf("answered %d, want %d: %s", got, status, body)
	}
}

// untouched checks that a failed upload to path has left nothing: no file, no
// bytes in waiting, and the version as it was.
func (s *site) untouched(t *testing.T, path string) {
	t.Helper()
	if got := s.do(t, "GET", s.file(path), "developer", ""); got.Code != 404 {
		t.Errorf("GET %s after a failed upload: %d, want 404: %.80s", path, got.Code, got.Body)
	}
	if got := s.do(t, "GET", s.file("dir/model.bin"), "developer", ""); got.Body.String() != "weights" {
		t.Errorf("another file has changed: %d %.80s", got.Code, got.Body)
	}
	s.nothingWaits(t)
}

// nothingWaits waits until the driver holds no unfinished upload.
func (s *site) nothingWaits(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		ok(t, s.driver.WalkUploads(t.Context(), func(blob.UploadInfo) error { n++; return nil }))
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d unfinished uploads stay behind", n)
		}
	}
}

// half is more than what is copied without goroutines, and less than a buffer.
var half = strings.Repeat("x", 200<<10)

// TestUploadCutShort: a body that ends before its end is no file.
func TestUploadCutShort(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(half), half)
	for name, c := range map[string]struct{ header, body string }{
		"length":         {"Content-Length: 500000", half},
		"nothing at all": {"Content-Length: 5", ""},
		"no last chunk":  {"Transfer-Encoding: chunked", chunk},
		"half a chunk":   {"Transfer-Encoding: chunked", chunk[:1000]},
		"no chunk":       {"Transfer-Encoding: chunked", ""},
		"bad chunk":      {"Transfer-Encoding: chunked", "zz\r\nhello\r\n0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.begin(t, s.file("cut.bin"), c.header)
			w.send(c.body)
			w.hangUp(false)
			w.expect(400)
			s.untouched(t, "cut.bin")
		})
		t.Run(name+", gone", func(t *testing.T) {
			w := s.begin(t, s.file("gone.bin"), c.header)
			w.send(c.body)
			w.hangUp(true)
			s.untouched(t, "gone.bin")
		})
	}
}

// TestUploadCutShortKeepsOld: a failed upload leaves the file that was there.
func TestUploadCutShortKeepsOld(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	w := s.begin(t, s.file("dir/model.bin"), "Content-Length: 500000")
	w.send(half)
	w.hangUp(false)
	w.expect(400)
	s.untouched(t, "other.bin")
}

// TestUploadExpect: a client that asks first is refused before it sends a
// byte, and told to go on only when the upload can succeed.
func TestUploadExpect(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{MaxFileSize: 1 << 20})
	missing := fmt.Sprintf("/api/v4/projects/%d/packages/ml_models/99999/files/x", s.ids["private"])
	elsewhere := strings.Replace(missing, fmt.Sprint(s.ids["private"]), "99999", 1)
	for name, c := range map[string]struct {
		who, target, header string
		want                int
	}{
		"good":             {"developer", s.file("good.bin"), "", 100},
		"no token":         {"", s.file("x"), "", 401},
		"unknown token":    {"unknown", s.file("x"), "", 401},
		"expired token":    {"expired", s.file("x"), "", 401},
		"small scope":      {"ro", s.file("x"), "", 403},
		"guest":            {"guest", s.file("x"), "", 403},
		"stranger":         {"stranger", s.file("x"), "", 404},
		"missing version":  {"developer", missing, "", 404},
		"missing project":  {"developer", elsewhere, "", 404},
		"bad path":         {"developer", s.file("..%2Fx"), "", 400},
		"bad status":       {"developer", s.file("x?status=odd"), "", 400},
		"malformed digest": {"developer", s.file("x"), "X-Checksum-Sha256: 12", 400},
		"too large":        {"developer", s.file("x"), "Content-Length: 1048577", 400},
		"guest's form":     {"guest", s.file("x"), "Content-Type: multipart/form-data; boundary=b", 403},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.dial(t)
			length := "Content-Length: 5"
			if strings.HasPrefix(c.header, "Content-Length") {
				length, c.header = c.header, ""
			}
			w.send("PUT " + c.target + " HTTP/1.1\r\nHost: vitrine.test\r\nExpect: 100-continue\r\nPrivate-Token: " + s.tokens[c.who] +
				"\r\nX-Test: 1\r\n" + length + "\r\n" + strings.TrimPrefix(c.header+"\r\n", "\r\n") + "\r\n")
			w.expect(c.want)
			if c.want == 100 {
				w.send("hello")
				w.expect(201)
			}
		})
	}
	if got := s.do(t, "GET", s.file("good.bin"), "developer", ""); got.Body.String() != "hello" {
		t.Errorf("after Expect: %d %s", got.Code, got.Body)
	}
	s.untouched(t, "x")
}

// TestUploadSlow: a body that comes drop by drop arrives, and is not visible
// before its end.
func TestUploadSlow(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	w := s.begin(t, s.file("slow.bin"), "Transfer-Encoding: chunked")
	for _, part := range []string{"5\r\nhel", "lo\r", "\n1\r\n \r\n", "6\r\nworld!\r\n"} {
		w.send(part)
		time.Sleep(10 * time.Millisecond)
	}
	if got := s.do(t, "GET", s.file("slow.bin"), "developer", ""); got.Code != 404 {
		t.Errorf("visible before its end: %d %s", got.Code, got.Body)
	}
	w.send("0\r\n\r\n")
	w.expect(201)
	if got := s.do(t, "GET", s.file("slow.bin"), "developer", ""); got.Body.String() != "hello world!" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	s.nothingWaits(t)
}

// TestUploadLimit: without an announced size, the limit is found on the way.
func TestUploadLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{MaxFileSize: 1 << 20})
	for _, c := range []struct{ size, want int }{{1 << 20, 201}, {1<<20 + 1, 400}} {
		w := s.begin(t, s.file(fmt.Sprint("chunked-", c.want)), "Transfer-Encoding: chunked")
		w.send(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", c.size, strings.Repeat("x", c.size)))
		got, body := w.answer()
		if got != c.want || got == 400 && !strings.Contains(body, "400 Bad request - Artifact file is too large") {
			t.Errorf("%d bytes: %d %s", c.size, got, body)
		}
	}
	s.untouched(t, "chunked-400")
}

// fullDisk is a driver that has no room at one of the steps of an upload.
type fullDisk struct {
	blob.Driver
	at string
}

func (d fullDisk) Begin(ctx context.Context, id string) (blob.Upload, error) {
	up, err := d.Driver.Begin(ctx, id)
	return fullUpload{up, d.at}, err
}

type fullUpload struct {
	blob.Upload
	at string
}

var errFull = &fault.Error{Kind: fault.Full, Msg: "the disk is full"}

func (u fullUpload) Write(p []byte) (int, error) {
	if u.at == "write" {
		return 0, errFull
	}
	return u.Upload.Write(p)
}

func (u fullUpload) Reserve(size int64) error {
	if u.at == "reserve" {
		return errFull
	}
	return u.Upload.Reserve(size)
}

func (u fullUpload) Sync() error {
	if u.at == "sync" {
		return errFull
	}
	return u.Upload.Sync()
}

func (u fullUpload) Save() error {
	if u.at == "sync" {
		return errFull
	}
	return u.Upload.Save()
}

func (u fullUpload) Publish(ctx context.Context, d blob.Digest) error {
	if u.at == "publish" {
		return errFull
	}
	return u.Upload.Publish(ctx, d)
}

func (u fullUpload) Settle() error {
	if u.at == "settle" {
		return errFull
	}
	return u.Upload.Settle()
}

// TestUploadFull: a full disk is 507, at whichever step it shows, and leaves
// nothing.
func TestUploadFull(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"reserve", "write", "sync", "publish", "settle"} {
		t.Run(at, func(t *testing.T) {
			s := newSite(t, worldOptions{Wrap: func(d blob.Driver) blob.Driver { return fullDisk{d, at} }})
			for _, size := range []int{5, 300 << 10} {
				got := s.do(t, "PUT", s.file("full.bin"), "developer", strings.Repeat("x", size))
				if want := `{"message":"507 Insufficient Storage - the disk is full"}`; got.Code != 507 || got.Body.String() != want {
					t.Errorf("%d bytes: %d %s", size, got.Code, got.Body)
				}
			}
			s.untouched(t, "full.bin")
		})
	}
}

// TestUploadOvertaken: what the project has become while the bytes flowed
// decides.
func TestUploadOvertaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"version deleted", "DELETE", "/api/v4/projects/%d/ml/models/%d/versions/%d", "", 404},
		{"model deleted", "DELETE", "/api/v4/projects/%d/ml/models/%d", "", 404},
		{"project deleted", "DELETE", "/api/v4/projects/%d", "", 404},
		{"project archived", "POST", "/api/v4/projects/%d/archive", "", 403},
		{"packages off", "PUT", "/api/v4/projects/%d?package_registry_access_level=disabled", "", 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, worldOptions{})
			w := s.begin(t, s.file("late.bin"), fmt.Sprint("Content-Length: ", 2*len(half)))
			w.send(half)
			ids := []any{s.ids["private"], s.ids["private/model"], s.ids["private/version"]}
			target := fmt.Sprintf(c.target, ids[:strings.Count(c.target, "%d")]...)
			if got := s.do(t, c.method, target, "owner", c.body); got.Code >= 300 {
				t.Fatalf("%s %s: %d %s", c.method, target, got.Code, got.Body)
			}
			w.send(half)
			w.expect(c.want)
			s.nothingWaits(t)
			if got := s.do(t, "GET", s.file("late.bin"), "developer", ""); got.Code == 200 {
				t.Errorf("the file is visible")
			}
		})
	}
}

// TestUploadMemberRemoved: so does a role that was taken away meanwhile.
func TestUploadMemberRemoved(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	w := s.begin(t, s.file("late.bin"), fmt.Sprint("Content-Length: ", 2*len(half)))
	w.send(half)
	place := registry.PlaceRef{Project: registry.ProjectRef{ID: s.ids["private"]}}
	ok(t, s.reg.As(auth.System()).RemoveMember(t.Context(), place, s.ids["developer"]))
	w.send(half)
	w.expect(404)
	if got := s.do(t, "GET", s.file("late.bin"), "owner", ""); got.Code != 404 {
		t.Errorf("the file is visible: %d", got.Code)
	}
}

// put uploads over the wire of its own and reports what went wrong.
func (s *site) put(path string, body []byte) error {
	req, err := http.NewRequest(http.MethodPut, "http://"+s.addr+s.file(path), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Private-Token", s.tokens["developer"])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("PUT %s: %s", path, res.Status)
	}
	return nil
}

// TestUploadTogether: of uploads to one path at the same time one wins whole,
// and the version counts one file.
func TestUploadTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	const writers, size = 6, 150 << 10
	failed := make(chan error, writers)
	for i := range writers {
		go func() { failed <- s.put("race.bin", bytes.Repeat([]byte{byte('a' + i)}, size+i)) }()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	got := s.do(t, "GET", s.file("race.bin"), "developer", "")
	body := got.Body.Bytes()
	if len(body) < size || len(body) != size+int(body[0]-'a') || bytes.Count(body, body[:1]) != len(body) {
		t.Fatalf("%d: %d bytes are no upload", got.Code, len(body))
	}
	sum := sha256.Sum256(body)
	if tag := got.Header().Get("ETag"); tag != `"`+hex.EncodeToString(sum[:])+`"` {
		t.Errorf("ETag %s is not of these bytes", tag)
	}
	v, err := s.reg.As(auth.System()).Version(t.Context(), registry.ProjectRef{ID: s.ids["private"]}, registry.ModelRef{ID: s.ids["private/model"]}, registry.VersionRef{ID: s.ids["private/version"]})
	ok(t, err)
	if v.FileCount != 2 || v.Size != int64(len("weights")+len(body)) {
		t.Errorf("the version counts %d files with %d bytes", v.FileCount, v.Size)
	}
	s.nothingWaits(t)
}

// TestDownloadWhileReplaced: a download that has begun gives the file that it
// began with, whole, whatever becomes of the path.
func TestDownloadWhileReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	old := bytes.Repeat([]byte("old."), 3<<20) // more than sockets hold
	ok(t, s.put("big.bin", old))
	for _, then := range []struct{ method, body string }{{"PUT", "new"}, {"DELETE", ""}} {
		w := s.dial(t)
		w.send("GET " + s.file("big.bin") + " HTTP/1.1\r\nHost: vitrine.test\r\nPrivate-Token: " + s.tokens["reporter"] + "\r\n\r\n")
		res, err := http.ReadResponse(w.in, nil)
		ok(t, err)
		first := make([]byte, 1000)
		_, err = io.ReadFull(res.Body, first)
		ok(t, err)
		if got := s.do(t, then.method, s.file("big.bin"), "developer", then.body); got.Code >= 300 {
			t.Fatal(got.Code, got.Body)
		}
		rest, err := io.ReadAll(res.Body)
		ok(t, err)
		if !bytes.Equal(append(first, rest...), old) {
			t.Errorf("a download that a %s overtook is not what it began with", then.method)
		}
		ok(t, res.Body.Close())
		ok(t, s.put("big.bin", old))
	}
}
