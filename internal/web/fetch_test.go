package web

import (
	"strings"
	"testing"
)

// TestOrasPull: the commands name a version as the OCI door takes it, and are
// left out where it has no name there.
func TestOrasPull(t *testing.T) {
	for _, c := range []struct{ server, project, model, version, want string }{
		{"http://127.0.0.1:8080", "Root/default", "iris", "1.0.0", "oras pull --plain-http 127.0.0.1:8080/root/default/iris:1.0.0"},
		{"https://models.example.org", "group/sub/project", "Iris", "1.0.0+cuda.12", "oras pull models.example.org/group/sub/project/iris:1.0.0_cuda.12"},
		{"https://models.example.org", "group/project", "a/b", "1.0.0", ""},
		{"https://models.example.org", "group/project", "a model", "1.0.0", ""},
		{"https://example.org/models", "group/project", "iris", "1.0.0", ""},
	} {
		got := orasPull(c.server, c.project, c.model, c.version)
		if _, last, _ := strings.Cut(got, "\n"); last != c.want {
			t.Errorf("%s %s/%s %s: %q, want %q", c.server, c.project, c.model, c.version, last, c.want)
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

// TestShellWord: a name cannot become a command of whoever copies it.
func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"root/default/iris:1.0.0": "root/default/iris:1.0.0", "a b": "'a b'", "$(id)": "'$(id)'", "it's;id": `'it'\''s;id'`, "": "''"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
