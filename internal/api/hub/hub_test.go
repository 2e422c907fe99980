package hub

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

func newWorld(t *testing.T) *apitest.World {
	t.Helper()
	return apitest.New(t, apitest.Options{Door: func(w *apitest.World) httpx.Mount {
		return New(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log, URL: "https://models.example.org"})
	}})
}

// TestScripts plays the recorded conversations; they read as documentation.
func TestScripts(t *testing.T) {
	httpxtest.Run(t, "testdata/*.txtar", func(t *testing.T) (http.Handler, map[string]string) {
		w := newWorld(t)
		return w.Handler, w.Vars()
	})
}

// examples are addresses of every operation.
var examples = map[verb]string{whoami: "/api/whoami-v2", list: "/api/models", info: "/api/models/iris", tree: "/api/models/iris/tree/main",
	refs: "/api/models/iris/refs", pathsInfo: "/api/models/iris/paths-info/main", resolve: "/iris/resolve/main/dir/model.bin"}

// TestEveryOperation walks every operation with every role and compares what
// happens with the permission that it declares.
func TestEveryOperation(t *testing.T) {
	w := newWorld(t)
	for v, op := range operations() {
		for _, c := range apitest.Callers {
			for method := range strings.FieldsSeq(op.methods) {
				t.Run(method+" "+string(v)+" as "+c.Who, func(t *testing.T) {
					want := c.Expect(apitest.Least[op.gate.perm], apitest.Writes[op.gate.perm])
					switch {
					case op.gate.signedIn && c.Who != "":
						want = apitest.Passes
					case c.Who == "":
						want = apitest.Asks
					}
					r := httptest.NewRequestWithContext(t.Context(), method, endpoint("root%2Fprivate")+examples[v], http.NoBody)
					if c.Who != "" {
						r.Header.Set("Authorization", "Bearer "+w.Tokens[c.Who])
					}
					rec := httptest.NewRecorder()
					w.Handler.ServeHTTP(rec, r)
					if !want.Matches(rec.Code) {
						t.Errorf("answered %d, want %s: %s", rec.Code, want, rec.Body)
					}
				})
			}
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]address{
		"/api/whoami-v2":                               {verb: whoami},
		"/api/models":                                  {verb: list},
		"/api/models/iris":                             {verb: info, model: "iris"},
		"/api/models/default/iris":                     {verb: info, namespace: "default", model: "iris"},
		"/api/models/iris/revision/refs%2Fheads%2F1":   {verb: info, model: "iris", revision: "refs/heads/1"},
		"/api/models/default/iris/tree/main/a/b%20c":   {verb: tree, namespace: "default", model: "iris", revision: "main", path: "a/b c"},
		"/api/models/iris/refs":                        {verb: refs, model: "iris"},
		"/iris/resolve/1.0.0/dir/model.bin":            {verb: resolve, model: "iris", revision: "1.0.0", path: "dir/model.bin"},
		"/default/iris/resolve/main/model.safetensors": {verb: resolve, namespace: "default", model: "iris", revision: "main", path: "model.safetensors"},
	} {
		if got, ok := parseAddress(in); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "/", "/api", "/api/other", "/api/models//x", "/iris/resolve/main", "/iris/%zz/main/x", "/a/b/c/resolve/main/x"} {
		if got, ok := parseAddress(in); ok {
			t.Errorf("%s: %+v", in, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range examples {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, ok := parseAddress(s); ok && a.verb == "" {
			t.Errorf("%q asks for nothing", s)
		}
	})
}
