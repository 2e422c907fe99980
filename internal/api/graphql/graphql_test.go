package graphql

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/httpx/httpxtest"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestMain(m *testing.M) { apitest.Main(m, crowd) }

func newWorld(t testing.TB) *apitest.World {
	t.Helper()
	return worldOf(t, apitest.Standard)
}

func worldOf(t testing.TB, from *apitest.Template) *apitest.World {
	t.Helper()
	return from.New(t, apitest.Options{Door: func(w *apitest.World) httpx.Mount {
		return New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, Prose: markdown.New(), Version: "0.0.0", Revision: "test"})
	}})
}

// TestScripts plays the recorded conversations; they read as documentation.
func TestScripts(t *testing.T) {
	httpxtest.Run(t, "testdata/*.txtar", func(t *testing.T) (http.Handler, map[string]string) {
		w := newWorld(t)
		furnish(t, w)
		return w.Handler, w.Vars()
	})
}

// furnish gives the private project more to look at: parameters, metrics and
// metadata on the runs of iris, and a second model "tulip" with three versions.
func furnish(t *testing.T, w *apitest.World) {
	t.Helper()
	s := w.Registry.As(auth.System())
	ref := registry.ProjectRef{ID: w.IDs["private"]}
	v, err := s.VersionsByID(t.Context(), ref, []int64{w.IDs["private/version"]})
	apitest.OK(t, err)
	data := registry.RunData{Params: []registry.Param{{Key: "lr", Value: "0.1"}, {Key: "depth", Value: "7"}},
		Metrics: []registry.Metric{{Key: "acc", Step: 0, Value: 0.5}, {Key: "acc", Step: 1, Value: 0.75}},
		Tags:    []registry.Tag{{Key: "team", Value: "blue"}}}
	for _, iid := range []int64{v[w.IDs["private/version"]].RunIID, w.IDs["private/run"]} {
		_, err = s.LogRun(t.Context(), ref, registry.RunRef{IID: iid}, data)
		apitest.OK(t, err)
	}
	m, err := s.CreateModel(t.Context(), ref, registry.ModelSpec{Name: "tulip", Description: "A *card*.\n\n<b>raw</b>"})
	apitest.OK(t, err)
	for _, semver := range []string{"1.0.0", "1.1.0", "2.0.0-rc.1"} {
		_, err := s.CreateVersion(t.Context(), ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{Semver: semver})
		apitest.OK(t, err)
	}
	w.IDs["private/tulip"] = m.ID
}

// data sends a document and gives the data of the answer, which has to be
// without errors.
func data(t *testing.T, w *apitest.World, who, document string, vars map[string]any) map[string]any {
	t.Helper()
	out := send(t, w, who, document, vars)
	if out.Errors != nil {
		t.Fatalf("%v: %s", out.Errors, document)
	}
	return out.Data
}

// reply is an answer.
type reply struct {
	Data   map[string]any
	Errors []struct {
		Message string
		Path    []any
	}
	code int
}

func send(t *testing.T, w *apitest.World, who, document string, vars map[string]any) (out reply) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": vars})
	apitest.OK(t, err)
	rec := w.Do(t, http.MethodPost, Path, who, string(body))
	apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), &out))
	out.code = rec.Code
	return out
}

// dig follows a path of names and indexes into an answer.
func dig(t *testing.T, data any, path string) any {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		switch d := data.(type) {
		case map[string]any:
			data = d[name]
		case []any:
			var i int
			_, err := fmt.Sscan(name, &i)
			apitest.OK(t, err)
			data = d[i]
		default:
			t.Fatalf("%s of %v", name, data)
		}
	}
	return data
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
