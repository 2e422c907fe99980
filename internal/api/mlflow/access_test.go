package mlflow

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/httpx/httpxtest"
)

func TestMain(m *testing.M) { apitest.Main(m) }

func newWorld(t testing.TB) *apitest.World {
	t.Helper()
	return apitest.New(t, apitest.Options{MaxFileSize: 1 << 20, TraceFiles: TraceFiles(), Door: func(w *apitest.World) httpx.Mount {
		return New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log})
	}})
}

// TestScripts plays the recorded conversations; they read as documentation.
func TestScripts(t *testing.T) {
	httpxtest.Run(t, "testdata/*.txtar", func(t *testing.T) (http.Handler, map[string]string) {
		w := newWorld(t)
		return w.Handler, w.Vars()
	})
}

// TestTooManySlashes: a client whose tracking URI ends in a slash is sent to the
// address that it means, on this server.
func TestTooManySlashes(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{
		"//api/2.0/mlflow/runs/get?run_id=x":                  "/api/2.0/mlflow/runs/get?run_id=x",
		"///api/v4/projects/root%2Fprivate/ml/mlflow/version": "/api/v4/projects/root%2Fprivate/ml/mlflow/version",
	} {
		r := httptest.NewRequest("POST", path, http.NoBody)
		rec := httptest.NewRecorder()
		w.Handler.ServeHTTP(rec, r)
		if got := rec.Header().Get("Location"); got != want || rec.Code != http.StatusPermanentRedirect {
			t.Errorf("%s: %d to %q, want %q", path, rec.Code, got, want)
		}
	}
}

// TestLargeProfile: a profile of a data set may be larger than other messages.
func TestLargeProfile(t *testing.T) {
	w := newWorld(t)
	var made runAnswerWire
	if code := post(t, w, doors["root"]+"/mlflow/runs/create", "developer", `{"experiment_id": "0"}`, &made); code != 200 {
		t.Fatalf("create a run: %d", code)
	}
	for size, want := range map[int]int{maxDatasetProfile: 200, maxDatasetProfile + 1: 400} {
		body := `{"run_id": "` + made.Run.Info.ID + `", "datasets": [{"dataset": {"name": "d", "digest": "x", "source_type": "t", "source": "s", "profile": "` +
			strings.Repeat("a", size) + `"}}]}`
		if code := post(t, w, doors["root"]+"/mlflow/runs/log-inputs", "developer", body, nil); code != want {
			t.Errorf("%d characters: %d, want %d", size, code, want)
		}
	}
}

// TestEveryRoute walks every route at both doors with every role and compares
// what happens with the permission that the route declares. A new route is
// walked without anybody thinking of it.
func TestEveryRoute(t *testing.T) {
	shared := newWorld(t)
	for _, rt := range (&dialect{}).table() {
		for _, a := range rt.addresses() {
			if strings.Contains(a.pattern, ajaxPrefix) {
				continue // another spelling of the same
			}
			for _, c := range apitest.Callers {
				t.Run(rt.method+" "+a.pattern+" as "+c.Who, func(t *testing.T) {
					t.Parallel()
					w, want := shared, expected(rt.access, a.door, c)
					if want == apitest.Passes && rt.method != http.MethodGet {
						w = newWorld(t) // what is let through may change anything
					}
					if got := ask(t, w, rt, a, c.Who); !want.Matches(got.Code) {
						t.Errorf("answered %d, want %s: %s", got.Code, want, got.Body)
					}
				})
			}
		}
	}
}

// ask sends a request without a message to the private project.
func ask(t *testing.T, w *apitest.World, rt route, a address, who string) *httptest.ResponseRecorder {
	t.Helper()
	target := a.pattern
	for strings.Contains(target, "{") {
		before, rest, _ := strings.Cut(target, "{")
		name, after, _ := strings.Cut(rest, "}")
		value := "x"
		if name == "id" {
			value = "root%2Fprivate"
		}
		target = before + value + after
	}
	r := httptest.NewRequestWithContext(t.Context(), rt.method, target, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(workspaceHeader, "root/private")
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+w.Tokens[who])
	}
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}

// expected gives what a caller gets: at both doors the anonymous are asked to
// sign in, and GitLab's says 401 to those whose role is too low.
func expected(a access, door flavour, c apitest.Caller) apitest.Outcome {
	want := c.Expect(apitest.Least[a.perm], apitest.Writes[a.perm])
	switch {
	case a.gate == anyone:
		return apitest.Passes
	case a.gate == signedIn && c.Who != "":
		return apitest.Passes
	case c.Who == "", door == atGitLab && want == apitest.Denies:
		return apitest.Asks
	}
	return want
}
