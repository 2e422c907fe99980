package sqlstore

import (
	"slices"
	"strings"
	"testing"
)

// TestArtifactsSearch: a digest leads to its version, a content to a file of the
// model, and a name in lower case to its models without going through any table.
func TestArtifactsSearch(t *testing.T) {
	s := open(t)
	for text, want := range map[query]string{versionByManifest: "manifests_digest (model_id=? AND digest=?)",
		fileOfModel: "files_digest (digest=?)", modelsFolded: "models_fold (project_id=? AND <expr>=?)"} {
		steps := plan(t, s, string(text))
		if !slices.ContainsFunc(steps, func(s string) bool { return strings.HasSuffix(s, want) }) {
			t.Errorf("want %s: %q: %s", want, steps, text)
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") || step == "USE TEMP B-TREE FOR ORDER BY" {
				t.Errorf("%s: %s", step, text)
			}
		}
	}
}
