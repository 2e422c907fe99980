package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// offers are the words that the shell gets for a line whose last word is not
// finished.
func (s *shell) offers(words ...string) []string {
	s.t.Helper()
	out := s.run(append([]string{cobra.ShellCompNoDescRequestCmd}, words...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[:len(lines)-1] // the last line is the directive
}

func TestCompletion(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"model.onnx": nil, "deep/er/x.bin": nil})
	s := newShell(t, f)
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.HasSuffix(r.URL.Path, "/aliases"):
			answer(w, 200, []any{map[string]any{"name": "champion", "version": "1.0.0"}, map[string]any{"name": "latest", "version": "1.0.0"}})
		case strings.HasSuffix(r.URL.Path, "/candidates"):
			answer(w, 200, []any{map[string]any{"id": 12}, map[string]any{"id": 3}})
		case strings.HasSuffix(r.URL.Path, "/experiments"):
			answer(w, 200, []any{map[string]any{"id": 1, "name": "sweep"}})
		default:
			return false
		}
		return true
	})
	s.vars["VITRINE_TOKEN"] = fakeToken
	for _, tt := range []struct{ line, want string }{
		{"pull te", "team/vision/"}, {"pull team/vision/re", "team/vision/resnet"}, {"show team/vision/resnet:", "team/vision/resnet:1.0.0"},
		{"pull team/vision/resnet@", "team/vision/resnet@champion team/vision/resnet@latest"}, {"pull team/vision/resnet@ch", "team/vision/resnet@champion"},
		{"pull team/vision/resnet m", "model.onnx"}, {"rm team/vision/resnet:1.0.0 ", "deep/er/x.bin model.onnx"},
		{"push x team/vision/r", "team/vision/resnet"}, {"compare a/b:1 team/vision/resnet:1", "team/vision/resnet:1.0.0"},
		{"alias set team/vision/resnet@champion 1", "1.0.0"}, {"alias set team/vision/resnet@champion @l", "@latest"},
		{"run show team/vision#", "team/vision#12 team/vision#3"}, {"run finish --project team/vision 1", "12"}, {"run log --run team/vision#1", "team/vision#12"},
		{"run show te", "team/vision#"}, {"run start team/vision --experiment s", "sweep"}, {"ls --project te", "team/vision"},
		{"show --project team/vision re", "resnet"}, {"pull no/where:", ""}, {"whoami x", ""}, {"run exec team/vision/r", "team/vision/resnet"},
	} {
		words := strings.Split(tt.line, " ")
		if diff := cmp.Diff(strings.Fields(tt.want), s.offers(words...), cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("%s: %s", tt.line, diff)
		}
	}
	s.run("login", f.URL, "--name", "prod", "--token", fakeToken)
	if diff := cmp.Diff([]string{"prod"}, s.offers("ls", "--on", "p")); diff != "" {
		t.Error(diff)
	}
}

// TestCompletionFailsSilently: whatever the server does, the shell gets nothing,
// and soon.
func TestCompletionFailsSilently(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	s.vars["VITRINE_TOKEN"] = "bad"
	if got := s.offers("pull", "te"); len(got) != 0 {
		t.Errorf("without rights: %v", got)
	}
	s.vars["VITRINE_TOKEN"] = fakeToken
	f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	began := time.Now()
	if got := s.offers("pull", "te"); len(got) != 0 || time.Since(began) > 3*completeTime {
		t.Errorf("a server that hangs: %v after %v", got, time.Since(began))
	}
	f.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		fmt.Fprint(w, "<html>")
		return true
	})
	if got := s.offers("pull", "te"); len(got) != 0 {
		t.Errorf("no API: %v", got)
	}
	if strings.Contains(s.stderr.String(), "vitrine:") {
		t.Errorf("an error was shown: %s", s.stderr.String())
	}
}

// TestBashScript lets bash complete a word with an alias, as a terminal would:
// the line is cut at every character of COMP_WORDBREAKS.
func TestBashScript(t *testing.T) {
	var script bytes.Buffer
	if err := writeCompletion(rootCommand(newShell(t, nil).env()), "bash", &script); err != nil {
		t.Fatal(err)
	}
	// What the package bash-completion brings, for this one line.
	script.WriteString(`
_get_comp_words_by_ref() {
  [[ "$1 $2" = "-n =:@" ]] || { echo "not excluded: $*"; exit 1; }
  cur=root/default/m@ch prev=pull words=(vitrine pull root/default/m@ch) cword=2
}
compopt() { :; }
vitrine() { printf '%s\n' root/default/m@champion :4; }
COMP_WORDS=(vitrine pull root/default/m @ ch) COMP_CWORD=4
__start_vitrine
printf '<%s>\n' "${COMPREPLY[@]}"
`)
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc")
	cmd.Env = []string{"COMP_WORDBREAKS= @:=", "PATH=/usr/bin:/bin"}
	cmd.Stdin = &script
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "<champion>\n" {
		t.Errorf("bash offers %s, %v", out, err)
	}
}

func TestScriptsOfShells(t *testing.T) {
	for _, shell := range shells {
		s := newShell(t, nil)
		if out := s.run("completion", shell.name); !strings.Contains(out, "__complete") || !strings.Contains(out, "vitrine") {
			t.Errorf("%s: %.200s", shell.name, out)
		}
	}
}
