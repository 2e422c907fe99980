package web

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stream is a client of a run's events.
type stream struct {
	t    *testing.T
	read *bufio.Scanner
}

func follow(t *testing.T, w *apitest.World, who string) (*stream, *http.Response) {
	t.Helper()
	srv := httptest.NewServer(w.Handler)
	t.Cleanup(srv.Close) // waits for the handlers
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/root/private/-/ml/candidates/"+itoa(w.IDs["private/run"])+"/live", nil)
	apitest.OK(t, err)
	req.Header.Set("Private-Token", w.Tokens[who])
	res, err := srv.Client().Do(req)
	apitest.OK(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{t, bufio.NewScanner(res.Body)}, res
}

// next gives the next event, as "name data"; "" when the stream has ended.
func (s *stream) next() string {
	s.t.Helper()
	name := ""
	for s.read.Scan() {
		key, value, _ := strings.Cut(s.read.Text(), ": ")
		switch key {
		case "event":
			name = value
		case "data":
			return name + " " + value
		}
	}
	return ""
}

func (s *stream) expect(want string) {
	s.t.Helper()
	if got := s.next(); got != want {
		s.t.Fatalf("got %q, want %q", got, want)
	}
}

// TestFollow: what is logged while somebody looks on comes, once, and the end.
func TestFollow(t *testing.T) {
	draining := make(chan struct{})
	w := drainingWorld(t, draining)
	r := logged(t, w, "loss", 3)
	s, res := follow(t, w, "guest")
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatal(got)
	}
	s.expect(`metrics [{"key":"loss","value":"2","step":"2"}]`)
	logged(t, w, "accuracy", 2)
	s.expect(`metrics [{"key":"accuracy","value":"1","step":"1"}]`)
	// A point that comes late moves the metric as well.
	apitest.OK(t, w.Registry.As(auth.System()).Log(t.Context(), registry.ProjectRef{Path: "root/private"}, registry.RunRef{EID: r.EID},
		registry.RunData{Metrics: []registry.Metric{{Key: "loss", Value: 7, Step: 1, At: time.Unix(9, 0)}}}))
	s.expect(`metrics [{"key":"loss","value":"2","step":"2"}]`)
	done := registry.Finished
	_, err := w.Registry.As(auth.System()).EditRun(t.Context(), registry.ProjectRef{Path: "root/private"}, registry.RunRef{EID: r.EID}, registry.RunEdit{Status: &done})
	apitest.OK(t, err)
	s.expect(`end "finished"`)
	s.expect("")
}

// TestFollowEnds: a stream ends when the server stops, and when the run is gone.
func TestFollowEnds(t *testing.T) {
	draining := make(chan struct{})
	w := drainingWorld(t, draining)
	logged(t, w, "loss", 1)
	s, _ := follow(t, w, "guest")
	s.expect(`metrics [{"key":"loss","value":"0","step":"0"}]`)
	other, _ := follow(t, w, "guest")
	other.expect(`metrics [{"key":"loss","value":"0","step":"0"}]`)
	close(draining)
	s.expect("")
	other.expect("")

	w = drainingWorld(t, nil)
	logged(t, w, "loss", 1)
	s, _ = follow(t, w, "guest")
	s.expect(`metrics [{"key":"loss","value":"0","step":"0"}]`)
	apitest.OK(t, w.Registry.As(auth.System()).DeleteRun(t.Context(), registry.ProjectRef{Path: "root/private"}, registry.RunRef{IID: w.IDs["private/run"]}))
	s.expect("")
}

// TestFollowers: past the bound a page is turned away.
func TestFollowers(t *testing.T) {
	d := &door{streams: make(chan struct{}, 1)}
	d.streams <- struct{}{}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.SetPathValue("run", "1")
	err := followRun(&call{d: d, r: r})
	if problemOf(err).Status != http.StatusServiceUnavailable || len(d.streams) != 1 {
		t.Errorf("%v, %d open", err, len(d.streams))
	}
}
