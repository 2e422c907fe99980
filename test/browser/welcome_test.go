package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFirstModel: root signs in to a new server, makes a token, copies the
// commands for curl into a shell, and sees the model.
func TestFirstModel(t *testing.T) {
	home := serve(t)
	as(t, home, func(b *tab) {
		b.page("welcome", "/")
	})
	b := open(t, home, desktop)
	b.signIn()
	b.follow(".welcome form button")
	b.wait(".secret")
	b.shot("token")
	if n := get[int](b, `document.querySelectorAll("[data-copy]:not([hidden])").length`); n != 4 {
		t.Errorf("%d things can be copied, want the token and three commands", n)
	}
	commands := get[string](b, `document.querySelector(".secret code").textContent + "\n" +
		[...document.querySelectorAll(".welcome code")].find((c) => c.textContent.includes("curl")).textContent`)
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("weights"), 0o600))
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	shell.Dir = dir
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, commands, out)
	}
	b.visit("/")
	b.follow(`aside a[href$="/versions/1"]`)
	b.wait(`a[href$="/model.onnx"], [data-path="model.onnx"]`)
	b.shot("pushed")
	b.page("home", "/")
}
