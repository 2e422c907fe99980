package clients

import (
	"path/filepath"
	"testing"
)

// TestMLflowDiff makes the same calls to MLflow's own server and to ours and
// compares the answers. One pair of servers serves all files, as MLflow's takes
// several seconds to start.
func TestMLflowDiff(t *testing.T) {
	runPytest(t, start(t, bigDir(t)), venvPython(t, "mlflow3"), mlflowTests(t, "diff")...)
}

// TestMLflowSessions goes through whole working days with MLflow's clients.
func TestMLflowSessions(t *testing.T) {
	for _, name := range []string{"mlflow3", "mlflow2"} {
		t.Run(name, func(t *testing.T) {
			runPytest(t, start(t, bigDir(t)), venvPython(t, name), mlflowTests(t, "sessions")...)
		})
	}
}

// mlflowTests finds the test files of a folder below mlflow.
func mlflowTests(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("mlflow", folder, "test_*.py"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Python tests found: %v", err)
	}
	return files
}
