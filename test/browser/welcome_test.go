package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tools are folders of programs that scripts/setup-tests installs, first in the PATH
// of what is copied from pages.
func tools(t *testing.T, names ...string) string {
	t.Helper()
	var path []string
	for _, name := range names {
		dir, err := filepath.Abs(filepath.Join("..", "..", ".venv", name, "bin"))
		ok(t, err)
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("%v; scripts/setup-tests installs it, `make test` runs it", err)
		}
		path = append(path, dir)
	}
	return "export PATH=" + strings.Join(path, ":") + ":$PATH\n"
}

// commands gives what stands below the headings of a part of the page, by heading.
func (b *tab) commands(part string) map[string]string {
	b.t.Helper()
	b.wait(part + " code")
	return get[map[string]string](b, `Object.fromEntries([...document.querySelectorAll(`+quote(part+" h3")+`)].map(h =>
		[h.textContent, h.parentElement.matches("section") ? h.nextElementSibling.querySelector("code").textContent : h.parentElement.querySelector("code").textContent]))`)
}

// TestFirstModel: root signs in to a new server, makes a token, copies the commands
// for curl, vitrine and MLflow into a shell, and sees the model; and its page tells
// how to load it.
func TestFirstModel(t *testing.T) {
	p := newProcess(t)
	as(t, p.home, func(b *tab) {
		b.page("welcome", "/")
	})
	b := open(t, p.home, desktop)
	b.signIn()
	b.follow(".welcome form button")
	b.wait(".secret")
	b.shot("token")
	if n := get[int](b, `document.querySelectorAll("[data-copy]:not([hidden])").length`); n != 4 {
		t.Errorf("%d things can be copied, want the token and three commands", n)
	}
	token, say := get[string](b, `document.querySelector(".secret code").textContent`)+"\n", b.commands(".welcome")
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("weights"), 0o600))
	p.shell(dir, token+say["curl"])
	b.visit("/")
	b.follow(`aside a[href$="/versions/1"]`)
	b.wait(`a[href$="/model.onnx"], [data-path="model.onnx"]`)
	b.shot("pushed")
	b.page("home", "/")
	p.shell(dir, token+say["vitrine"])
	p.shell(dir, tools(t, "mlflow3")+token+say["MLflow"])
	b.page("versions", "/root/default/-/ml/models/1/versions")
	if n := get[int](b, `document.querySelectorAll("tbody tr").length`); n != 3 {
		t.Errorf("%d versions are there, want one of each client", n)
	}
	b.page("overview", "/root/default/-/ml/models/1")
	p.shell(dir, tools(t, "mlflow3")+"export MLFLOW_TRACKING_TOKEN=$VITRINE_TOKEN\npython - <<'END'\n"+b.commands("aside")["MLflow"]+"\nprint(model.predict([[3]]))\nEND")
}
