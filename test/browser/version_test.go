package browser

import (
	"fmt"
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

// TestVersionPage gives a version an alias, moves it to the next one, and does
// what the page says to get the version.
func TestVersionPage(t *testing.T) {
	judge := axe(t)
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
			b.click(`form[action$="/aliases"] .button`)
			b.wait(`[aria-label="Remove the alias ` + name + `"]`)
			b.visit(next)
			b.click(".menu summary.button")
			b.shot("move")
			b.look(next, judge)
			b.click(`form[action$="/aliases"] .item`)
			b.wait(`[aria-label="Remove the alias ` + name + `"]`)
			b.visit(address)
			b.do(scrollTo("#use"))
			b.shot("use")
			b.look(address, judge)
			dir := t.TempDir()
			p.shell(dir, get[string](b, `document.querySelectorAll(".use code")[0].innerText`))
			p.shell(dir, get[string](b, `document.querySelectorAll(".use code")[1].innerText`))
			for _, want := range []string{"model.onnx", "used-1.0.0.zip"} {
				if found, err := filepath.Glob(filepath.Join(dir, want)); err != nil || len(found) != 1 {
					t.Errorf("%s: %v, %v", want, found, err)
				}
			}
		})
	}
}
