package web

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestOrasPull: the commands name the server as oras takes it, and are left out
// where there is no such name.
func TestOrasPull(t *testing.T) {
	d := &door{Options: Options{Reference: func(project string, v registry.Version) (string, bool) {
		return project + "/" + v.ModelName + ":" + v.Semver, v.ModelName != "nameless"
	}}}
	for _, c := range []struct{ server, model, want string }{
		{"http://127.0.0.1:8080", "iris", "oras pull --plain-http 127.0.0.1:8080/root/default/iris:1.0.0"},
		{"https://models.example.org", "iris", "oras pull models.example.org/root/default/iris:1.0.0"},
		{"https://models.example.org", "nameless", ""},
		{"https://example.org/models", "iris", ""},
	} {
		got := d.orasPull(c.server, &registry.Project{FullPath: "root/default"}, registry.Version{ModelName: c.model, Semver: "1.0.0"})
		if _, last, _ := strings.Cut(got, "\n"); last != c.want {
			t.Errorf("%s %s: %q, want %q", c.server, c.model, last, c.want)
		}
	}
}

// TestFetchedElsewhere: the page of a version says how other clients fetch it.
func TestFetchedElsewhere(t *testing.T) {
	w := newWorld(t)
	home := modelPath("root/private", w.IDs["private/model"]) + "/versions/" + itoa(w.IDs["private/version"])
	body := w.Do(t, "GET", home, "reporter", "").Body.String()
	for _, want := range []string{"<h3>oras</h3>", "/root/private/iris:1.0.0", "<h3>huggingface_hub</h3>", "/ml/hub"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// TestCliName: a model with a slash is told from its project.
func TestCliName(t *testing.T) {
	for want, in := range map[string][2]string{"a/b/iris:1.0.0": {"iris", "1.0.0"}, "a/b//nlp/bert": {"nlp/bert", ""}, "'a/b/my model'": {"my model", ""}} {
		if got := cliName("a/b", in[0], in[1]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestShellWord: a name cannot become a command of whoever copies it.
func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"root/default/iris:1.0.0": "root/default/iris:1.0.0", "a b": "'a b'", "$(id)": "'$(id)'", "it's;id": `'it'\''s;id'`, "": "''"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
