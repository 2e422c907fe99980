package gitlab

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// tusAsk sends one request of the protocol by the developer.
func (s *site) tusAsk(t *testing.T, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Private-Token", s.tokens["developer"])
	r.Header.Set("Tus-Resumable", tusVersion)
	r.Header.Set("Content-Type", offsetStream)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, r)
	return rec
}

// newUpload begins an upload of size bytes and gives its address.
func (s *site) newUpload(t *testing.T, size int) string {
	t.Helper()
	target := fmt.Sprintf("/api/v4/projects/%d/packages/uploads/ml_models/%d/big.bin", s.ids["private"], s.ids["private/version"])
	rec := s.tusAsk(t, "POST", target, "", fmt.Sprintf("Upload-Length: %d", size))
	if rec.Code != http.StatusCreated {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Header().Get("Location")
}

// offset asks until the upload has the offset.
func (s *site) offset(t *testing.T, address string, want int) {
	t.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = s.tusAsk(t, "HEAD", address, "").Header().Get("Upload-Offset"); got == fmt.Sprint(want) {
			return
		}
	}
	t.Fatalf("Upload-Offset is %q, want %d", got, want)
}

// patch sends the head of a PATCH.
func (s *site) patch(t *testing.T, address string, offset, length int, headers ...string) *wire {
	t.Helper()
	c := s.dial(t)
	head := append([]string{"PATCH " + address + " HTTP/1.1", "Host: vitrine.test", "Private-Token: " + s.tokens["developer"], "Tus-Resumable: 1.0.0",
		"Content-Type: " + offsetStream, fmt.Sprintf("Upload-Offset: %d", offset), fmt.Sprintf("Content-Length: %d", length)}, headers...)
	c.send(strings.Join(head, "\r\n") + "\r\n\r\n")
	return c
}

// TestTusConnectionLost: what came before the connection broke, or was left
// behind by a client that changed networks, is there, and the client goes on.
func TestTusConnectionLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	size := 5 * len(half)
	address := s.newUpload(t, size)
	c := s.patch(t, address, 0, size)
	c.send(half)
	c.hangUp(false)
	c.expect(400)
	s.offset(t, address, len(half))
	c = s.patch(t, address, len(half), size-len(half))
	c.send(half)
	time.Sleep(100 * time.Millisecond) // until it has arrived; a reset drops what has not
	c.hangUp(true)
	s.offset(t, address, 2*len(half))
	left := s.patch(t, address, 2*len(half), size-2*len(half))
	left.send(half)
	time.Sleep(1100 * time.Millisecond)
	s.offset(t, address, 3*len(half))
	left = s.patch(t, address, 3*len(half), size-3*len(half))
	left.send(half)
	time.Sleep(1100 * time.Millisecond)
	rec := s.tusAsk(t, "PATCH", address, half, fmt.Sprintf("Upload-Offset: %d", 4*len(half)))
	if rec.Code != http.StatusNoContent || rec.Header().Get("X-Checksum-Sha256") == "" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if got := s.do(t, "GET", s.file("big.bin"), "developer", ""); got.Body.String() != strings.Repeat(half, 5) {
		t.Errorf("%d, %d bytes", got.Code, got.Body.Len())
	}
	s.nothingWaits(t)
}

// TestTusExpect: a client that asks first sends no byte in vain.
func TestTusExpect(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	address := s.newUpload(t, 10)
	for want, c := range map[int]struct{ offset, length int }{409: {3, 7}, 413: {0, 11}, 100: {0, 10}} {
		s.patch(t, address, c.offset, c.length, "Expect: 100-continue").expect(want)
	}
	s.patch(t, address+"x", 0, 10, "Expect: 100-continue").expect(404)
}

// TestTusFull: no room, at whichever step it shows, is told as such; nothing of
// the file is to be seen, and the upload can be ended without a trace.
func TestTusFull(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"reserve", "write", "sync", "publish"} {
		t.Run(at, func(t *testing.T) {
			s := newSite(t, worldOptions{Wrap: func(d blob.Driver) blob.Driver { return fullDisk{d, at} }})
			address := s.newUpload(t, 5)
			rec := s.tusAsk(t, "PATCH", address, "hello", "Upload-Offset: 0")
			if rec.Code != http.StatusInsufficientStorage || rec.Header().Get("Tus-Resumable") == "" {
				t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
			}
			if got := s.do(t, "GET", s.file("big.bin"), "developer", ""); got.Code != http.StatusNotFound {
				t.Errorf("the file is there: %d", got.Code)
			}
			if rec := s.tusAsk(t, "DELETE", address, ""); rec.Code != http.StatusNoContent {
				t.Errorf("DELETE: %d %s", rec.Code, rec.Body)
			}
			s.nothingWaits(t)
		})
	}
}

// TestTusTwoAtOnce: a request for an upload to which another one sends is
// locked out, and may come back.
func TestTusTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	address := s.newUpload(t, 1000)
	first := s.patch(t, address, 0, 1000)
	done := make(chan *httptest.ResponseRecorder)
	first.send("x")
	time.Sleep(50 * time.Millisecond)
	go func() { done <- s.tusAsk(t, "PATCH", address, "y", "Upload-Offset: 0") }()
	sent := 1
	for {
		select {
		case rec := <-done:
			if rec.Code != http.StatusLocked || rec.Header().Get("Retry-After") == "" || rec.Header().Get("Tus-Resumable") == "" {
				t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
			}
			first.send(strings.Repeat("x", 1000-sent))
			first.expect(204)
			return
		case <-time.After(200 * time.Millisecond):
			first.send("x")
			sent++
		}
	}
}

// TestTusStatuses are those that no script provokes.
func TestTusStatuses(t *testing.T) {
	for want, err := range map[int]error{410: fault.Missing("expired upload", "x"), 423: &fault.Error{Kind: fault.Busy, Noun: "upload"},
		503: &fault.Error{Kind: fault.Busy, Noun: "blob"}, 507: &fault.Error{Kind: fault.Full}, 500: fmt.Errorf("boom")} {
		if got, body := spellTus(err); got != want || body["message"] == "" {
			t.Errorf("%v: %d %v, want %d", err, got, body, want)
		}
	}
}

func FuzzTusMetadata(f *testing.F) {
	for _, s := range []string{"", "filename YQ==", "a,b", "a YQ==,b", "a  YQ==", ",", "a\x00 YQ=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		meta, err := metadata(s)
		if err != nil {
			return
		}
		var pairs []string
		for k, v := range meta {
			if !metadataKey(k) {
				t.Errorf("took the key %q", k)
			}
			pairs = append(pairs, k+" "+base64.StdEncoding.EncodeToString([]byte(v)))
		}
		again, err := metadata(strings.Join(pairs, ","))
		if err != nil || len(again) != len(meta) {
			t.Errorf("%q: %v, %v", s, again, err)
		}
	})
}

func FuzzTusChecksum(f *testing.F) {
	for _, s := range []string{"", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha1", "md5 x", "sha256  "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check, err := checksum(http.Header{"Upload-Checksum": {s}})
		if err == nil && s != "" && len(check.Sum) != check.Hash.Size() {
			t.Errorf("%q gave a sum of %d bytes", s, len(check.Sum))
		}
	})
}
