package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// TestExitCodes holds the codes to the page about them.
func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{fs.ErrNotExist, 1}, {&fault.Error{Kind: fault.Invalid}, 1}, {&fault.Error{Kind: fault.Unsupported, Err: client.ErrNoAddress}, 1}, {errBad, 1},
		{usagef("no"), 2}, {errors.New(`unknown command "x" for "vitrine"`), 2}, {cobra.ExactArgs(1)(&cobra.Command{}, nil), 2},
		{fmt.Errorf("x: %w", &fault.Error{Kind: fault.NotFound}), 3},
		{&fault.Error{Kind: fault.Unauthenticated}, 4}, {&fault.Error{Kind: fault.Forbidden}, 4},
		{fmt.Errorf("x: %w", client.ErrChecksum), 5},
		{&fault.Error{Kind: fault.Conflict}, 6},
		{&interrupted{}, 130},
		{errors.Join(&commandExit{code: 42}, fs.ErrNotExist), 42},
	} {
		if got := ExitCode(tt.err); got != tt.code {
			t.Errorf("%v: exit %d, want %d", tt.err, got, tt.code)
		}
		if tt.code != 42 && !strings.Contains(exitCodesHelp, fmt.Sprintf("\n  %-4d ", tt.code)) {
			t.Errorf("vitrine help exit-codes does not have %d", tt.code)
		}
	}
}

// TestHelp: every command says what it is for, and those of the client show how
// they are used.
func TestHelp(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no short help", c.CommandPath())
		}
		if c.RunE != nil && c.Flag("on") != nil && c.Long == "" && c.Example == "" {
			t.Errorf("%s has neither long help nor examples", c.CommandPath())
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
				t.Errorf("%s: a line of %d characters: %s", c.CommandPath(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(Command())
}

// TestJSONEverywhere: every command that answers can answer in JSON.
func TestJSONEverywhere(t *testing.T) {
	without := map[string]bool{"vitrine serve": true, "vitrine completion bash": true, "vitrine completion zsh": true, "vitrine completion fish": true}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.RunE != nil && !without[c.CommandPath()] && c.Flag("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(Command())
}

// TestColors: marks are coloured where that was asked for, and nothing is
// elsewhere or with NO_COLOR.
func TestColors(t *testing.T) {
	c := compared(facet{Name: "a", params: map[string]string{"lr": "1", "old": "1", "same": "1"}},
		facet{Name: "b", params: map[string]string{"lr": "2", "new": "1", "same": "1"}})
	var b strings.Builder
	if err := c.print(&b, true, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x1b[33m~ lr", "\x1b[32m+ new", "\x1b[31m- old", "\n  same"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %q", want, b.String())
		}
	}
	b.Reset()
	if err := c.print(&b, false, false); err != nil || strings.Contains(b.String(), "\x1b") {
		t.Errorf("colours without being asked: %q, %v", b.String(), err)
	}
	r := &remote{env: newShell(t, nil).env()}
	if r.colored() {
		t.Error("colours into what is no terminal")
	}
}
