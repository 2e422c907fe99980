package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// logServer takes what is logged to run 1 of team/vision.
type logServer struct {
	*fakeServer
	mu      sync.Mutex
	params  []client.Param
	metrics []client.Metric
	tags    []client.Tag
	batches int
	answer  func(n int, in logBody) int // status of the n-th batch; nil: 201
}

type logBody struct {
	Params   []client.Param
	Metrics  []client.Metric
	Metadata []client.Tag
}

func newLogServer(t *testing.T) *logServer {
	l := &logServer{fakeServer: newFake(t)}
	l.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		path := segment(r.URL.Path, "candidates")
		if path == "" {
			return false
		}
		if r.Method == http.MethodGet {
			answer(w, http.StatusOK, map[string]any{"id": 1})
			return true
		}
		var in logBody
		json.NewDecoder(r.Body).Decode(&in)
		answer(w, l.take(in), map[string]any{"message": map[string][]string{"params": {"are refused"}}})
		return true
	})
	return l
}

func (l *logServer) take(in logBody) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches++
	if l.answer != nil {
		if status := l.answer(l.batches, in); status != http.StatusCreated {
			return status
		}
	}
	l.params, l.metrics, l.tags = append(l.params, in.Params...), append(l.metrics, in.Metrics...), append(l.tags, in.Metadata...)
	return http.StatusCreated
}

// logs runs the lines through a stream with little patience.
func (l *logServer) logs(t *testing.T, ctx context.Context, in io.Reader) (string, error) {
	t.Helper()
	s := newShell(t, l.fakeServer)
	r := &remote{env: s.env()}
	c, err := client.New(client.Options{URL: l.URL, Token: fakeToken, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	r.c = c
	err = r.stream(ctx, client.RunRef{Project: "team/vision", Number: 1}, in,
		streamOptions{every: 5 * time.Millisecond, patience: 300 * time.Millisecond, pause: 5 * time.Millisecond})
	return s.stderr.String(), err
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "loss=%d\n", i)
	}
	return b.String()
}

// steps are those of the metrics that the server has.
func (l *logServer) steps() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]int64, len(l.metrics))
	for i, m := range l.metrics {
		out[i] = m.Step
	}
	return out
}

func upTo(n int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

func TestStreamBatches(t *testing.T) {
	l := newLogServer(t)
	said, err := l.logs(t, t.Context(), strings.NewReader(numbered(2500)+"other\nparam a=1\ntag b=2"))
	if err != nil || !strings.Contains(said, "2500 metric values, 1 parameter, 1 tag; 1 line of other output") {
		t.Errorf("%v\n%s", err, said)
	}
	if diff := cmp.Diff(upTo(2500), l.steps()); diff != "" {
		t.Error(diff)
	}
	if l.batches > 30 {
		t.Errorf("%d requests for 2502 values", l.batches)
	}
}

// TestStreamOutlivesOutage: while the server is away nothing is lost.
func TestStreamOutlivesOutage(t *testing.T) {
	l := newLogServer(t)
	l.answer = func(n int, _ logBody) int {
		if n > 1 && n < 20 {
			return http.StatusBadGateway
		}
		return http.StatusCreated
	}
	in, out := io.Pipe()
	go func() {
		for i := range 50 {
			fmt.Fprintf(out, "loss=%d\n", i)
			time.Sleep(time.Millisecond)
		}
		out.Close()
	}()
	said, err := l.logs(t, t.Context(), in)
	if err != nil || !strings.Contains(said, "Trying again; nothing is lost") {
		t.Errorf("%v\n%s", err, said)
	}
	if diff := cmp.Diff(upTo(50), l.steps()); diff != "" {
		t.Error(diff)
	}
}

// TestStreamLeavesOutWhatIsRefused: one bad value costs only itself.
func TestStreamLeavesOutWhatIsRefused(t *testing.T) {
	l := newLogServer(t)
	l.answer = func(_ int, in logBody) int {
		if slices.ContainsFunc(in.Params, func(p client.Param) bool { return p.Name == "bad" }) {
			return http.StatusBadRequest
		}
		return http.StatusCreated
	}
	said, err := l.logs(t, t.Context(), strings.NewReader("param a=1 b=2 bad=3 c=4 d=5\nloss=1\n"))
	if err == nil || !strings.Contains(err.Error(), "refused 1 value") || !strings.Contains(said, "logging the parameter bad") {
		t.Errorf("%v\n%s", err, said)
	}
	if len(l.params) != 4 || len(l.metrics) != 1 {
		t.Errorf("the server has %v and %v", l.params, l.metrics)
	}
}

// TestStreamKeepsWhatItCannotSend: the input is read to its end whatever
// happens, and what was not sent is in a file that can be sent later.
func TestStreamKeepsWhatItCannotSend(t *testing.T) {
	for name, status := range map[string]int{"token expired": http.StatusUnauthorized, "server away": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			l := newLogServer(t)
			l.answer = func(int, logBody) int { return status }
			said, err := l.logs(t, t.Context(), strings.NewReader(numbered(3000)+"param a=1\ntag b=\"2 3\"\n"))
			files, _ := filepath.Glob("vitrine-run-1-unsent-*.jsonl")
			if err == nil || len(files) != 1 || !strings.Contains(said, "vitrine run log --run team/vision#1 <") {
				t.Fatalf("%v, %v\n%s", err, files, said)
			}
			l.answer = nil
			unsent, err := os.Open(files[0])
			if err != nil {
				t.Fatal(err)
			}
			defer unsent.Close()
			if said, err = l.logs(t, t.Context(), unsent); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if diff := cmp.Diff(upTo(3000), l.steps()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]any{[]client.Param{{Name: "a", Value: "1"}}, []client.Tag{{Name: "b", Value: "2 3"}}}, []any{l.params, l.tags}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStreamInterrupted: after Ctrl-C the last words of the training are logged.
func TestStreamInterrupted(t *testing.T) {
	l := newLogServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	go func() {
		io.WriteString(out, "loss=0\n")
		cancel()
		io.WriteString(out, "loss=1\n")
		out.Close()
	}()
	if said, err := l.logs(t, ctx, in); err == nil || len(l.metrics) != 2 {
		t.Errorf("%v, %v\n%s", err, l.metrics, said)
	}
}

func TestLongLinesAreOtherOutput(t *testing.T) {
	l := newLogServer(t)
	said, err := l.logs(t, t.Context(), strings.NewReader(strings.Repeat("x", 3*maxLine)+"\nloss=1"))
	if err != nil || len(l.metrics) != 1 {
		t.Errorf("%v, %v\n%s", err, l.metrics, said)
	}
}

func TestRunRefusals(t *testing.T) {
	s := newShell(t, newFake(t))
	s.vars["VITRINE_PROJECT"] = "team/vision"
	for _, tt := range []struct{ text, args string }{
		{"is no run", "run show x"}, {"is no run", "run show 0"}, {"is no run", "run show a/b#-1"},
		{"does not end a run", "run finish 1 --status running"}, {"name=number", "run log --run 1 --metric acc"},
		{"key=value", "run log --run 1 --param lr"}, {"key=value", "run log --run 1 --tag =x"}, {"lines of standard input", "run log --run 1 --step 3"},
		{"--every", "run log --run 1 --every 0s"}, {"not of a version", "run start m:1.0.0"}, {"name a model", "run start"},
		{"--limit", "run ls --limit -1"}, {"--parallel", "run put x --run 1 --parallel 0"}, {"which run?", "run finish"},
		{"cannot be set", "run promote 1 --alias latest"}, {"add --yes", "run rm 1"}, {"cannot be set", "alias set m@latest 1.0.0"}, {"names no alias", "alias get m"},
	} {
		s.fails(exitUsage, tt.text, strings.Fields(tt.args)...)
	}
}
