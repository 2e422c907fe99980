package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSchema lets schemathesis, all its checks on, loose on a server: requests
// made of the OpenAPI document, right ones and wrong ones, as an administrator
// and as a developer. Any 5xx, any answer that the document does not tell, any
// wrong data that is taken and any right data that is refused fails. What is
// tried is the same in every run (see schema/schemathesis.toml), as long as the
// document is the same.
func TestSchema(t *testing.T) {
	for _, as := range []string{"administrator", "developer"} {
		t.Run(as, func(t *testing.T) {
			runSchemathesis(t, start(t, bigDir(t)), as)
		})
	}
}

// schemaTime bounds one run of schemathesis; it ends by itself after the
// seconds in its settings.
const schemaTime = 5 * time.Minute

func runSchemathesis(t *testing.T, s *server, as string) {
	t.Helper()
	settings, err := filepath.Abs("schema")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), schemaTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, venv(t, "schema", "schemathesis"), "--config-file", filepath.Join(settings, "schemathesis.toml"),
		"run", s.url+"/api/v4/openapi.json", "--no-color")
	cmd.Dir = t.TempDir() // where it leaves its notes
	cmd.Env = s.env("PYTHONDONTWRITEBYTECODE=1", "HOME="+cmd.Dir, "PYTHONPATH="+settings, "SCHEMATHESIS_HOOKS=hooks", "FUZZ_AS="+as)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	summary := regexp.MustCompile(`Tested: +(\d+)`).FindSubmatch(out)
	if summary == nil || string(summary[1]) == "0" {
		t.Fatalf("nothing was tried:\n%s", out)
	}
	noFailures(t, s)
	t.Log(strings.TrimSpace(string(out[max(0, len(out)-600):])))
}

// noFailures looks for answers 5xx in the server's own log, where also those
// are that nobody has looked at.
func noFailures(t *testing.T, s *server) {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?m)^.*(status=5\d\d|level=ERROR).*$`).Find(text); found != nil {
		t.Errorf("the server has failed: %s", found)
	}
}
