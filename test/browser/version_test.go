package browser

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs what a page says as a person does who copies it.
func (p *process) shell(dir, script string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "bash", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "VITRINE_TOKEN="+rootToken, "PATH="+binary.dir+":"+os.Getenv("PATH"), "HOME="+dir, "NO_PROXY=127.0.0.1")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// checkZip holds the files of an archive to their SHA-256, by path.
func checkZip(t *testing.T, path string, want map[string]string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	ok(t, err)
	defer z.Close()
	got := map[string]string{}
	for _, f := range z.File {
		if f.Name == "SHA256SUMS" {
			continue
		}
		r, err := f.Open()
		ok(t, err)
		h := sha256.New()
		_, err = io.Copy(h, r)
		ok(t, err)
		got[f.Name] = hex.EncodeToString(h.Sum(nil))
	}
	if !maps.Equal(got, want) {
		t.Errorf("the archive has %v, want %v", got, want)
	}
}

// stage puts a version in production.
func (b *tab) stage(version string) {
	b.t.Helper()
	b.visit(version)
	b.click(`.menu:has([name="stage"]) summary`)
	get[bool](b, `(() => { document.querySelector('select[name="stage"]').value = "production"; return true; })()`)
	b.click(`[name="alone"]`)
	b.shot("stage")
	b.follow(`form[action$="/stage"] .button`)
	b.wait(".facts")
	if facts := b.text(".facts"); !strings.Contains(facts, "production") {
		b.t.Errorf("the version is %s", facts)
	}
}

// TestVersionPage gives a version an alias, moves it to the next one, and does
// what the page says to get the version.
func TestVersionPage(t *testing.T) {
	p := newProcess(t)
	first, address := newVersion(t, p.home, "used")
	putSamples(t, p.home, first)
	second := made(t, fmt.Sprintf("%s/api/v4/projects/root%%2Fdefault/ml/models/1/versions", p.home), `{"metadata":[{"name":"data","value":"iris"}]}`)
	putFile(t, p.home, second, "README.md", "# Second")
	next := fmt.Sprintf("/root/default/-/ml/models/1/versions/%d", second)
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, p.home, l)
			b.signIn()
			b.visit(address)
			b.fill(`[aria-label="Alias"]`, name)
			b.follow(`form[action$="/aliases"] .button`)
			b.wait(`[aria-label="Remove the alias ` + name + `"]`)
			b.visit(next)
			b.click(".menu summary.button")
			b.shot("move")
			b.look(next)
			b.follow(`form[action$="/aliases"] .item`)
			b.wait(`[aria-label="Remove the alias ` + name + `"]`)
			b.stage(next)
			b.visit(address)
			b.do(scrollTo("#use"))
			b.shot("use")
			b.look(address)
			dir := t.TempDir()
			say := b.commands(".use")
			p.shell(dir, say["Command line"])
			p.shell(dir, say["curl"])
			if _, err := os.Stat(filepath.Join(dir, "model.onnx")); err != nil {
				t.Error(err)
			}
			checkZip(t, filepath.Join(dir, "used-1.0.0.zip"), sums(t, p.home, first))
		})
	}
}

// TestFetchByOthers: a version is fetched by what its page says for MLflow,
// huggingface_hub and oras, each by the real client.
func TestFetchByOthers(t *testing.T) {
	p := newProcess(t)
	id, address := newVersion(t, p.home, "fetched")
	putFile(t, p.home, id, "data/weights.bin", "weights")
	b := open(t, p.home, desktop)
	b.signIn()
	b.visit(address)
	say := b.commands(".use")
	for client, script := range map[string]string{
		"MLflow": "export MLFLOW_TRACKING_TOKEN=$VITRINE_TOKEN\npython - <<'END'\n" + say["MLflow"] + "\nimport shutil; shutil.copytree(folder, '.', dirs_exist_ok=True)\nEND",
		// Its program names the folder that the environment was made in, which may be another one.
		"huggingface_hub": "hf() { \"$(dirname \"$(type -P hf)\")/python\" -c 'import huggingface_hub.cli.hf as c; c.main()' \"$@\"; }\n" + say["huggingface_hub"],
		"oras":            say["oras"],
	} {
		dir := t.TempDir()
		p.shell(dir, tools(t, "mlflow3", "hub", "oras")+script)
		if got, err := os.ReadFile(filepath.Join(dir, "data/weights.bin")); err != nil || string(got) != "weights" {
			t.Errorf("%s: %q, %v", client, got, err)
		}
	}
}

// TestEmptyPages: what pages without content tell people to do works as it is
// copied, in the order in which one comes to it.
func TestEmptyPages(t *testing.T) {
	p := newProcess(t)
	made(t, p.home+"/api/v4/projects/root%2Fdefault/ml/models", `{"name":"empty"}`)
	dir := t.TempDir()
	ok(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for _, name := range []string{"model.onnx", "folder/weights.bin"} {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte("weights"), 0o600))
	}
	b := open(t, p.home, phone)
	b.signIn()
	const model = "/root/default/-/ml/models/1"
	for _, c := range []struct{ name, path, done string }{
		{"versions", model + "/versions", `a[href="` + model + `/versions/1"]`},
		{"candidates", model + "/candidates", `a[href$="/candidates/2"]`},
		{"overview", model, `.card code`},
	} {
		b.page(c.name, c.path)
		if c.name != "overview" {
			p.shell(dir, "export VITRINE_SERVER="+p.home+"\n"+b.text(".empty code"))
		}
		b.visit(c.path)
		b.wait(c.done)
		b.page(c.name+"-then", c.path)
	}
	second := made(t, p.home+"/api/v4/projects/root%2Fdefault/ml/models/1/versions", `{}`)
	for _, path := range []string{model, fmt.Sprintf("%s/versions/%d", model, second)} {
		b.page("no-files", path)
		script := "export VITRINE_SERVER=" + p.home + "\n" + b.text(".empty:has(code) code")
		if path != model { // once is enough: a file has one content
			p.shell(dir, script)
		}
	}
	b.reload()
	b.wait(".tree .file")
	if got := sums(t, p.home, second); len(got) != 1 {
		t.Errorf("the version has %v", got)
	}
}
