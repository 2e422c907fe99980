package mlflow

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// placeholder is a part of a path that stands for something.
var placeholder = regexp.MustCompile(`<[^>]*>|\{[^}]*\}`)

// TestTableOfEndpoints: docs/mlflow.md tells of every route here, and nothing
// else as served. That it has all of MLflow's is tested with MLflow itself, in
// test/clients/mlflow/diff/test_documents.py.
func TestTableOfEndpoints(t *testing.T) {
	text, err := os.ReadFile("../../../docs/mlflow.md")
	if err != nil {
		t.Fatal(err)
	}
	// The app answers it, for whoever asks whether the server lives.
	served := map[string]bool{"GET – /health": false}
	where := map[string]string{"GET – /health": " at the root"}
	for _, rt := range (&dialect{}).table() {
		version, _, _ := strings.Cut(rt.api, ".")
		if version == "" || version == bare {
			version = "–"
		}
		key := rt.method + " " + version + " " + placeholder.ReplaceAllString(rt.path, "{}")
		served[key] = false
		switch rt.api {
		case "":
			where[key] = " at the root"
		case bare:
			where[key] = strings.TrimPrefix(where[key]+", and behind GitLab's prefix", ", and")
		}
	}
	row := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([A-Za-z]+) \\| (\\S+) \\| (\\S+)(.*) \\|$")
	rows := row.FindAllStringSubmatch(string(text), -1)
	for _, m := range rows {
		key := m[2] + " " + m[3] + " " + placeholder.ReplaceAllString(m[1], "{}")
		seen, is := served[key]
		switch yes := strings.HasPrefix(m[4], "yes"); {
		case seen:
			t.Errorf("docs/mlflow.md has %s twice", key)
		case yes != is:
			t.Errorf("docs/mlflow.md says %q of %s; it is in the route table: %v", m[4]+m[5], key, is)
		case !yes && !strings.HasPrefix(m[4], "no"):
			t.Errorf("docs/mlflow.md says neither yes nor no of %s", key)
		case yes && !strings.HasPrefix(m[5], where[key]):
			t.Errorf("docs/mlflow.md does not say that %s is%s", key, where[key])
		case is:
			served[key] = true
		}
	}
	for key, told := range served {
		if !told {
			t.Errorf("docs/mlflow.md does not tell of %s", key)
		}
	}
	if len(rows) < len(served) {
		t.Errorf("%d rows were read", len(rows))
	}
}
