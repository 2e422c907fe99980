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
			b.visit(address)
			b.do(scrollTo("#use"))
			b.shot("use")
			b.look(address)
			dir := t.TempDir()
			p.shell(dir, get[string](b, `document.querySelectorAll(".use code")[0].innerText`))
			p.shell(dir, get[string](b, `document.querySelectorAll(".use code")[1].innerText`))
			if _, err := os.Stat(filepath.Join(dir, "model.onnx")); err != nil {
				t.Error(err)
			}
			checkZip(t, filepath.Join(dir, "used-1.0.0.zip"), sums(t, p.home, first))
		})
	}
}
