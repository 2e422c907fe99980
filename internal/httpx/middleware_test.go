package httpx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// captureLog gives a logger of all levels, and a function that reads its lines.
func captureLog() (*slog.Logger, func(*testing.T) []map[string]any) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return log, func(t *testing.T) (lines []map[string]any) {
		t.Helper()
		for line := range strings.Lines(b.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			delete(m, "time")
			lines = append(lines, m)
		}
		return lines
	}
}

// serve runs h, and tells whether it cut the connection.
func serve(h http.Handler, r *http.Request) (w *httptest.ResponseRecorder, aborted bool) {
	w = httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			aborted = v == http.ErrAbortHandler
		}
	}()
	h.ServeHTTP(w, r)
	return w, false
}

func TestChainOrder(t *testing.T) {
	var order []string
	note := func(s string) Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, s)
				next.ServeHTTP(w, r)
			})
		}
	}
	serve(Chain(note("a"), note("b"))(http.NotFoundHandler()), request("GET", "/", "", ""))
	if strings.Join(order, "") != "ab" {
		t.Errorf("order is %v", order)
	}
}

func TestRequestID(t *testing.T) {
	for in, kept := range map[string]bool{"abc-1.2_X": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "a b": false, "a\nb": false, "é": false} {
		var seen string
		h := RequestID()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = RequestIDFrom(r.Context()) }))
		r := request("GET", "/", "", "")
		r.Header.Set("X-Request-Id", in)
		w, _ := serve(h, r)
		if out := w.Header().Get("X-Request-Id"); out != seen || (out == in) != kept || !saneID(out) {
			t.Errorf("%q gave %q, in the context %q", in, out, seen)
		}
	}
	if id := RequestIDFrom(context.Background()); id != "" {
		t.Errorf("outside of a request the id is %q", id)
	}
	if first, second := newID(), newID(); first == second {
		t.Error("ids repeat")
	}
}

func TestAccessLog(t *testing.T) {
	log, lines := captureLog()
	h := Chain(RequestID(), AccessLog(log, func(r *http.Request) bool { return r.URL.Path == "/health" }))(
		Dispatch([]Mount{{Name: "rest", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			SetUser(r.Context(), "ann")
			_, _ = io.Copy(io.Discard, r.Body)
			switch r.URL.Path {
			case "/fail":
				w.WriteHeader(http.StatusServiceUnavailable)
			case "/a b", "/health":
				_, _ = io.WriteString(w, "hello")
			}
		})}}, nil))
	r := request("PUT", "/a%20b?x=1&private_token=s3cret&Token=s3cret&job%5Ftoken=s3cret&y", "", "content")
	r.Header.Set("X-Request-Id", "id1")
	serve(h, r)
	for _, path := range []string{"/fail", "/health", "/quiet"} {
		r := request("GET", path, "", "")
		r.Header.Set("X-Request-Id", "id2")
		serve(h, r)
	}
	got := lines(t)
	for _, m := range got {
		if d, ok := m["duration_ms"].(float64); !ok || d < 0 {
			t.Errorf("duration: %v", m["duration_ms"])
		}
		delete(m, "duration_ms")
	}
	common := func(level, path string, status, size int) map[string]any {
		return map[string]any{"level": level, "msg": "request", "method": "GET", "path": path, "status": float64(status),
			"bytes": float64(size), "request_id": "id2", "remote_ip": "192.0.2.1", "user": "ann", "door": "rest"}
	}
	first := common("INFO", "/a%20b", 200, 5)
	first["method"], first["request_id"], first["bytes_in"] = "PUT", "id1", float64(7)
	first["query"] = "x=1&private_token=[FILTERED]&Token=[FILTERED]&job%5Ftoken=[FILTERED]&y"
	want := []map[string]any{first, common("ERROR", "/fail", 503, 0), common("DEBUG", "/health", 200, 5), common("INFO", "/quiet", 200, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAccessLogOfCutAnswers(t *testing.T) {
	for err, level := range map[error]string{errors.New("disk on fire"): "ERROR", syscall.EPIPE: "INFO"} {
		log, lines := captureLog()
		h := AccessLog(log, nil)(Handle(func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			return err
		}, teapot))
		_, aborted := serve(h, request("GET", "/", "", ""))
		if got := lines(t)[0]; !aborted || got["aborted"] != true || got["error"] != err.Error() || got["level"] != level {
			t.Errorf("aborted %v, logged %v", aborted, got)
		}
	}
}

func TestRemoteIP(t *testing.T) {
	for addr, want := range map[string]string{"10.0.0.1:80": "10.0.0.1", "[::1]:80": "::1", "@": "@"} {
		if got := remoteIP(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("%s gave %s", addr, got)
		}
	}
}

func TestRecover(t *testing.T) {
	for _, c := range []struct {
		name    string
		value   any
		before  string
		ew      ErrorWriter
		status  int
		aborted bool
		logged  string
	}{
		{"plain", "boom", "", nil, 500, false, "panic: boom"},
		{"error", io.EOF, "", teapot, 418, false, "panic: EOF"},
		{"begun", "boom", "half", nil, 200, true, "panic: boom"},
		{"abort", http.ErrAbortHandler, "", nil, 200, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, lines := captureLog()
			w, aborted := serve(Recover(log, c.ew)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "4")
				if c.before != "" {
					_, _ = io.WriteString(w, c.before)
				}
				panic(c.value)
			})), request("GET", "/", "", ""))
			if aborted != c.aborted {
				t.Errorf("aborted: %v", aborted)
			}
			if !aborted && (w.Code != c.status || w.Body.Len() == 0 || w.Header().Get("Content-Length") != "") {
				t.Errorf("status %d %v %s", w.Code, w.Header(), w.Body)
			}
			got := lines(t)
			if (len(got) > 0) != (c.logged != "") {
				t.Fatalf("logged %v", got)
			}
			if len(got) > 0 && (got[0]["error"] != c.logged || !strings.Contains(got[0]["stack"].(string), "TestRecover")) {
				t.Errorf("logged %v", got)
			}
		})
	}
}

// scrape gives the value of each metric by "name{labels}".
func scrape(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			got[strings.TrimPrefix(f.GetName(), "vitrine_http_")+"{"+strings.Join(labels, ",")+"}"] = value
		}
	}
	return got
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := Metrics(reg)(Dispatch([]Mount{{Name: "rest", Match: func(r *http.Request) bool { return r.URL.Path != "/x" },
		Handler: Handle(func(w http.ResponseWriter, r *http.Request) error {
			_, _ = io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/cut" {
				_, _ = io.WriteString(w, "ha")
				return errors.New("oops")
			}
			if n := scrape(t, reg)["requests_in_flight{}"]; n != 1 {
				t.Errorf("%v in flight", n)
			}
			return WriteJSON(w, http.StatusCreated, 12345)
		}, teapot)}}, nil))
	for _, line := range []string{"POST /a", "POST /b", "BREW /c", "HAX0R /d", "GET /x", "GET /cut"} {
		method, path, _ := strings.Cut(line, " ")
		body := ""
		if method == "POST" {
			body = "abc"
		}
		serve(h, request(method, path, "", body))
	}
	want := map[string]float64{
		"requests_total{201,rest,POST}": 2, "requests_total{201,rest,OTHER}": 2, "requests_total{404,none,GET}": 1,
		"requests_total{aborted,rest,GET}": 1,
		"request_seconds{rest,POST}":       2, "request_seconds{rest,OTHER}": 2, "request_seconds{none,GET}": 1, "request_seconds{rest,GET}": 1,
		"requests_in_flight{}": 0, "request_bytes_total{rest}": 6, "request_bytes_total{none}": 0,
		"response_bytes_total{rest}": 22, "response_bytes_total{none}": 19,
	}
	if diff := cmp.Diff(want, scrape(t, reg)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLogError(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		level  string
	}{
		{errors.New("broken"), 500, "ERROR"},
		{&fault.Error{Kind: fault.Full}, 507, "ERROR"},
		{fault.Missing("model", "x"), 404, "DEBUG"},
		{&fault.Error{Kind: fault.Invalid, Err: errors.New("why")}, 400, "INFO"},
		{fmt.Errorf("read: %w", context.Canceled), 500, "DEBUG"},
		{fmt.Errorf("write: %w", syscall.EPIPE), 500, "DEBUG"},
		{fmt.Errorf("write: %w", syscall.ECONNRESET), 500, "DEBUG"},
	} {
		log, lines := captureLog()
		r := request("GET", "/a%2Fb?token=x", "", "")
		r.Header.Set("X-Request-Id", "id1")
		serve(RequestID()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { LogError(log, r, c.err, c.status) })), r)
		want := []map[string]any{{"level": c.level, "msg": "request failed", "error": c.err.Error(), "status": float64(c.status),
			"method": "GET", "path": "/a%2Fb", "request_id": "id1"}}
		if diff := cmp.Diff(want, lines(t)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestForeignWrapper checks that somebody else's response writer in the middle
// of the chain loses neither the id nor the user nor the count.
func TestForeignWrapper(t *testing.T) {
	log, lines := captureLog()
	foreign := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(struct{ http.ResponseWriter }{w}, r) })
	}
	h := Chain(RequestID(), AccessLog(log, nil), foreign)(Handle(func(w http.ResponseWriter, r *http.Request) error {
		SetUser(r.Context(), RequestIDFrom(r.Context()))
		_, _ = io.WriteString(w, "hello")
		return nil
	}, teapot))
	serve(h, request("GET", "/", "", ""))
	if got := lines(t)[0]; got["bytes"] != 5.0 || got["user"] != got["request_id"] || got["user"] == "" {
		t.Errorf("logged %v", got)
	}
}

func BenchmarkChain(b *testing.B) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mounts := Dispatch([]Mount{{Name: "rest", Handler: inner}}, nil)
	for name, h := range map[string]http.Handler{
		"none":    mounts,
		"nolog":   fullChain(slog.New(slog.DiscardHandler))(mounts),
		"jsonlog": fullChain(slog.New(slog.NewJSONHandler(io.Discard, nil)))(mounts),
	} {
		b.Run(name, func(b *testing.B) {
			r := request("GET", "/api/v4/projects/1", "", "")
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
