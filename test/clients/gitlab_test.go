package clients

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ours are the addresses below a project that a real GitLab does not have:
// models, versions, aliases, runs and experiments, the list of the files of a
// version, and resumable uploads.
var ours = regexp.MustCompile(`^/api/v4/projects/[^/]+/(ml/(models|candidates|experiments)|packages/ml_models/[^/]+/(files|archive)$|packages/uploads)`)

// asGitLab is a server that has only what a GitLab has. It answers other
// addresses as GitLab does.
func (s *server) asGitLab(t *testing.T) string {
	t.Helper()
	backend, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(backend)
	lab := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ours.MatchString(r.URL.EscapedPath()) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"404 Not Found"}`) // a client that is gone
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(lab.Close)
	return lab.URL
}

// TestCommandsByGraphQL: where a server has no REST for models, the same
// commands use GraphQL, here Vitrine's own, whose schema is GitLab's.
func TestCommandsByGraphQL(t *testing.T) {
	s := start(t, t.TempDir())
	env := append(s.env(), "VITRINE_SERVER="+s.asGitLab(t), "VITRINE_PROJECT=root/default", "HOME="+t.TempDir())
	model := filepath.Join(t.TempDir(), "model")
	for name, text := range map[string]string{"model.onnx": "weights", "deep/er/a b+c.txt": "text"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(model, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(model, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	do := func(words ...string) string {
		t.Helper()
		return run(t, env, s.bin, words...)
	}
	do("push", model, "resnet:1.0.0", "--description", "# Card")
	do("push", model, "resnet")
	want := map[string][]string{
		"ls root/default":   {"resnet", "1.0.1"},
		"ls resnet":         {"1.0.0", "1.0.1"},
		"ls resnet:1.0.0":   {"model.onnx", "deep/er/a b+c.txt"},
		"show resnet:1.0.0": {"# Card", "model.onnx"},
		"show resnet":       {"1.0.1"},
	}
	for words, texts := range want {
		out := do(strings.Fields(words)...)
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("vitrine %s has no %q:\n%s", words, text, out)
			}
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	do("pull", "resnet@latest", "--output", out)
	for _, name := range []string{"model.onnx", "deep/er/a b+c.txt"} {
		if hashFile(t, filepath.Join(out, name)) != hashFile(t, filepath.Join(model, name)) {
			t.Errorf("%s came back as something else", name)
		}
	}
	do("edit", "resnet:1.0.0", "--description", "changed")
	do("edit", "resnet", "--description", "of the model")
	if out := do("show", "resnet:1.0.0") + do("show", "resnet"); !strings.Contains(out, "changed") || !strings.Contains(out, "of the model") {
		t.Errorf("the descriptions did not change:\n%s", out)
	}
	if _, err := attempt(t, env, s.bin, "edit", "resnet", "--rename", "other"); err == nil || !strings.Contains(err.Error(), "vitrine help gitlab") {
		t.Errorf("renaming: %v", err)
	}
	do("rm", "resnet:1.0.1", "--yes")
	do("rm", "resnet", "--yes")
	if out := do("ls", "root/default", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after rm there is %s", out)
	}
	if _, err := attempt(t, env, s.bin, "alias", "ls", "resnet"); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("alias of a model that is gone: %v", err)
	}
}

// TestRunsByMLflow: the same for runs, which a GitLab has by MLflow's API. On a
// Vitrine, a run can be named by its id too.
func TestRunsByMLflow(t *testing.T) {
	s := start(t, t.TempDir())
	dir := t.TempDir()
	env := append(s.env(), "VITRINE_SERVER="+s.asGitLab(t), "VITRINE_PROJECT=root/default", "HOME="+dir)
	file := filepath.Join(dir, "model.onnx")
	if err := os.WriteFile(file, []byte("weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimSpace(run(t, env, s.bin, "run", "start", "--experiment", "sweep", "--name", "first", "--param", "lr=0.1", "--tag", "k=v"))
	if !regexp.MustCompile(`^root/default#[0-9a-f]{32}$`).MatchString(name) {
		t.Fatalf("run start prints %q", name)
	}
	env = append(env, "VITRINE_RUN="+name)
	run(t, env, s.bin, "run", "log", "--metric", "acc=0.5", "--step", "1")
	run(t, env, s.bin, "run", "log", "--metric", "acc=0.9", "--step", "2")
	run(t, env, s.bin, "run", "put", file)
	run(t, env, s.bin, "run", "finish")
	direct := append(s.env(), "VITRINE_PROJECT=root/default", "HOME="+dir)
	for who, env := range map[string][]string{"a GitLab": env, "a Vitrine": direct} {
		shown := run(t, env, s.bin, "run", "show", name)
		for _, want := range []string{"first  finished", "lr ", "0.9 at step 2", "k ", "model.onnx"} {
			if !strings.Contains(shown, want) {
				t.Errorf("%s: no %q in\n%s", who, want, shown)
			}
		}
		if out := run(t, env, s.bin, "run", "ls", "--experiment", "sweep", "--by", "acc"); !strings.Contains(out, "acc=0.9") {
			t.Errorf("%s: run ls prints\n%s", who, out)
		}
	}
	run(t, env, s.bin, "run", "start", "resnet") // the model is made by GraphQL
	run(t, env, s.bin, "run", "rm", name, "--yes")
}
