package browser

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// putFile stores a file of a version of root/default.
func putFile(t *testing.T, home string, version int64, path, content string) {
	t.Helper()
	ask(t, http.MethodPut, fmt.Sprintf("%s/api/v4/projects/root%%2Fdefault/packages/ml_models/%d/files/%s", home, version, path), strings.NewReader(content))
}

// putSamples stores files of all kinds, those that tools have written among them.
func putSamples(t *testing.T, home string, version int64) {
	t.Helper()
	for _, name := range []string{"model.safetensors", "model.gguf", "model.onnx", "MLmodel"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "internal", "formats", "testdata", name))
		ok(t, err)
		putFile(t, home, version, name, string(raw))
	}
	picture := image.NewRGBA(image.Rect(0, 0, 300, 200))
	for x := range 300 {
		picture.Set(x, 200-1-x*x/500, color.RGBA{15, 118, 110, 255})
	}
	var b bytes.Buffer
	ok(t, png.Encode(&b, picture))
	for name, content := range map[string]string{
		"plots/loss.png":  b.String(),
		"plots/bad.svg":   `<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"><rect width="50" height="50" fill="teal"/><script>window.top.hacked = 1</script></svg>`,
		"README.md":       "# Iris\n\nClassifies *flowers*.\n\n| class | F1 |\n|---|---|\n| setosa | 1.0 |\n\n![the loss](plots/loss.png) ![bad](plots/bad.svg) [the scores](eval/scores.csv)\n\n<script>window.hacked = 1</script>",
		"config.json":     `{"architectures":["LlamaForCausalLM"],"max_position_embeddings":8192,"torch_dtype":"bfloat16"}`,
		"eval/scores.csv": "class,precision,recall\nsetosa,1.0,1.0\nversicolor,0.94,0.92\nvirginica,0.92,0.94\n",
		"report.html":     "<script>window.hacked = 1</script><h1>Report</h1>",
		"model.pkl":       "\x80\x04\x95\x00",
	} {
		putFile(t, home, version, name, content)
	}
}

// TestPreviews opens files of all kinds from the tree of a version: what is in
// them shows, and nothing of them runs.
func TestPreviews(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "previewed")
	putSamples(t, home, id)
	shows := map[string]string{"model.safetensors": "10 × 4", "model.gguf": "apache-2.0", "model.onnx": "ai.onnx 17", "MLmodel": "python_version", "config.json": "LlamaForCausalLM",
		"eval/scores.csv": "versicolor", "README.md": "setosa", "report.html": "<h1>Report</h1>", "model.pkl": "can run code", "plots/loss.png": "Content", "plots/bad.svg": "Content"}
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark, "doubled": {width: 640, height: 450}} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit(address)
			b.shot("version-top")
			b.look(address)
			b.do(scrollTo("#insides-head"))
			b.shot("inside")
			for path, want := range shows {
				b.visit(address)
				b.follow(fmt.Sprintf(`.tree a[href$="/files/%s"]`, path))
				b.wait("a.main[download]")
				b.until(fmt.Sprintf(`document.querySelector("main").innerText.includes(%s)`, quote(want)))
				if strings.HasPrefix(path, "plots/") {
					b.until(`document.querySelector(".picture img")?.naturalWidth > 0`)
				}
				if path == "README.md" {
					b.until(`[...document.querySelectorAll(".prose img")].filter(i => i.naturalWidth > 0).length === 2`)
				}
				b.shot("file-" + filepath.Base(path))
				b.look(address + "/files/" + path)
				if get[bool](b, `"hacked" in window`) {
					t.Errorf("the script of %s has run", path)
				}
			}
			b.visit(address + "/files/README.md")
			b.follow(`.prose a[href$="/files/eval/scores.csv"]`)
			b.until(`document.querySelector("main").innerText.includes("versicolor")`)
			b.visit(address + "/raw/plots/bad.svg")
			if get[bool](b, `"hacked" in window`) {
				t.Error("the script of a picture has run")
			}
			for _, e := range b.expectErrors() { // the sandbox says that it kept scripts from running
				if !strings.Contains(e, "Content Security Policy") && !strings.Contains(e, "sandbox") {
					t.Errorf("the page wrote an error: %s", e)
				}
			}
		})
	}
}
