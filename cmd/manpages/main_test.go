package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func page(t *testing.T, folder, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	folder := t.TempDir()
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"vitrine.1":            {`.TH "VITRINE" "1" "Nov 2023"`, "vitrine-run(1)"},
		"vitrine-run-log.1":    {".EX\n  acc=0.9 loss=0.1 step=3", "\\fB--every\\fP", ".SH EXAMPLE"},
		"vitrine-pull.1":       {`are in *\&.vitrine-part)`},
		"vitrine-exit-codes.7": {`.TH "VITRINE-EXIT-CODES" "7"`, "\n  130  interrupted", "vitrine(1)"},
	} {
		text := page(t, folder, name)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q:\n%s", name, want, text)
			}
		}
	}
	if text := page(t, folder, "vitrine-exit-codes.7"); strings.Contains(text, "SYNOPSIS") || strings.Contains(text, "OPTIONS") {
		t.Errorf("a page about no command has a synopsis:\n%s", text)
	}
}

// TestNotLinked: what formats the pages is not part of vitrine.
func TestNotLinked(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "../vitrine").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"github.com/spf13/cobra/doc", "github.com/cpuguy83/go-md2man"} {
		if strings.Contains(string(out), pkg) {
			t.Errorf("vitrine links %s", pkg)
		}
	}
}
