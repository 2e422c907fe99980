// Package clients tests the real binary with real clients: curl, python-gitlab
// and vitrine's own commands, moving real models.
//
// Every group of tests gets a server of its own with an empty data directory.
// The Python tests are in core; this file runs each of its test files with
// pytest. The rest of the package is what Go measures better: memory, disk and
// crashes. Nothing here is ever skipped: what is missing fails with a hint.
package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPython runs every test file of core against a server of its own.
func TestPython(t *testing.T) {
	files, err := filepath.Glob("core/test_*.py")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Python tests found: %v", err)
	}
	python := venvPython(t, "clients")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".py")
		t.Run(strings.TrimPrefix(name, "test_"), func(t *testing.T) {
			runPytest(t, start(t, bigDir(t)), python, file)
		})
	}
}

// runPytest runs files of Python tests against one server; a failed, skipped or
// missing test fails t.
func runPytest(t *testing.T, s *server, python string, files ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args := []string{"-m", "pytest", "-q", "-ra", "--color=no", "--durations=3",
		"-p", "no:cacheprovider", "--basetemp", filepath.Join(bigDir(t), "pytest")}
	cmd := exec.CommandContext(ctx, python, append(args, files...)...)
	// MLflow would tell its makers of every start.
	cmd.Env = s.env("PYTHONDONTWRITEBYTECODE=1", "MLFLOW_DISABLE_TELEMETRY=true", "HOME="+t.TempDir())
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", files[0], err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	last := lines[len(lines)-1]
	if !strings.Contains(last, " passed") || strings.Contains(last, "skipped") {
		t.Fatalf("%s: a test did not run: %s", files[0], last)
	}
	t.Logf("%s: %s", files[0], last)
}

// venvPython finds the interpreter of an environment that scripts/setup-tests
// prepared.
func venvPython(t *testing.T, name string) string {
	t.Helper()
	return venv(t, name, "python")
}

// venv finds a program of one of the environments that scripts/setup-tests
// prepared.
func venv(t *testing.T, name, program string) string {
	t.Helper()
	dir := filepath.Join(root(t), ".venv", name)
	if _, err := os.Stat(filepath.Join(dir, "stamp")); err != nil {
		t.Fatalf("the environment %s of the client tests is missing (%v); `make test` makes it and runs everything,"+
			" scripts/setup-tests only makes it", name, err)
	}
	return filepath.Join(dir, "bin", program)
}

// root is the top of the source tree.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// bigDir makes a directory for gigabytes, which goes away with the test. It is
// inside the source tree, as the system's temporary directory may be memory.
func bigDir(t *testing.T) string {
	t.Helper()
	parent := filepath.Join(root(t), "test", "out")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(parent, "clients-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return dir
}

// run runs a program to its end and returns what it printed; failing fails t.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, err := attempt(t, env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// attempt is run for programs that may fail.
func attempt(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}
