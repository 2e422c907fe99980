package httpx

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// dial opens a connection to server and sends text.
func dial(t *testing.T, server *httptest.Server, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

const idle = 400 * time.Millisecond

func TestIdleBodyStalls(t *testing.T) {
	t.Parallel()
	result := make(chan error, 1)
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), IdleBody(idle))(http.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			result <- err
		})))
	defer server.Close()
	dial(t, server, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
	select {
	case err := <-result:
		if e, ok := fault.As(err); !ok || e.Kind != fault.Invalid || e.Field != "body" {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a stalled body is never given up")
	}
}

// TestIdleBodySlowButAlive sends for much longer than the limit, and then lets
// the handler work for longer than the limit too: neither may fail, nor the
// request after it on the same connection.
func TestIdleBodySlowButAlive(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), IdleBody(idle), IdleWrites(idle))(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			time.Sleep(idle * 2)
			if err != nil || r.Context().Err() != nil || len(body) != 8 {
				t.Errorf("%d bytes, %v, context %v", len(body), err, r.Context().Err())
			}
			_, _ = io.WriteString(w, "done")
		})))
	defer server.Close()
	client := server.Client()
	for range 2 {
		r, w := io.Pipe()
		go func() {
			for range 8 {
				time.Sleep(idle / 4)
				_, _ = w.Write([]byte("x"))
			}
			w.Close()
		}()
		res, err := client.Post(server.URL, "", r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != "done" {
			t.Errorf("got %q, %v", body, err)
		}
		time.Sleep(idle * 2)
	}
}

func TestIdleWritesStall(t *testing.T) {
	t.Parallel()
	c := stored(t, pattern(64<<20)) // more than any socket buffer takes
	result := make(chan error, 1)
	h := Handle(func(w http.ResponseWriter, r *http.Request) error {
		err := ServeBlob(w, r, c)
		result <- err
		return err
	}, teapot)
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), IdleWrites(idle))(h))
	defer server.Close()
	dial(t, server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // and never reads
	select {
	case err := <-result:
		if err == nil {
			t.Error("the whole file fit into the socket's buffer")
		}
	case <-time.After(10 * time.Second):
		t.Error("a client that does not read is never given up")
	}
}

// TestIdleWritesSlowButAlive takes almost twice the limit to read a file. The
// limit is long because the kernel may pause for 200 ms by itself, when it
// probes a window that was closed, and busy machines for longer.
func TestIdleWritesSlowButAlive(t *testing.T) {
	t.Parallel()
	const idle = 2 * time.Second
	data := pattern(24 << 20)
	c := stored(t, data)
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), IdleWrites(idle))(Handle(
		func(w http.ResponseWriter, r *http.Request) error { return ServeBlob(w, r, c) }, teapot)))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make([]byte, len(data))
	const step = 512 << 10
	for at := 0; at < len(got); at += step { // 48 times
		if n, err := io.ReadFull(res.Body, got[at:at+step]); err != nil {
			t.Fatalf("after %d bytes: %v", at+n, err)
		}
		time.Sleep(idle / 25)
	}
	if !bytes.Equal(got, data) {
		t.Error("other bytes came than were sent")
	}
}

func TestResponseController(t *testing.T) {
	server := httptest.NewServer(fullChain(slog.New(slog.DiscardHandler), IdleWrites(time.Minute))(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			rc := http.NewResponseController(w)
			for name, err := range map[string]error{
				"flush": rc.Flush(), "read": rc.SetReadDeadline(time.Now().Add(time.Minute)),
				"write": rc.SetWriteDeadline(time.Now().Add(time.Minute)), "duplex": rc.EnableFullDuplex(),
			} {
				if err != nil {
					fmt.Fprintf(w, "%s: %v\n", name, err)
				}
			}
		})))
	defer server.Close()
	if _, body := ask(t, "GET", server.URL); len(body) > 0 {
		t.Error(string(body))
	}
}
