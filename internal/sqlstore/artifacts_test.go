package sqlstore

import (
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
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

// TestLabelsSearch: versions come in the order of their labels out of the index.
func TestLabelsSearch(t *testing.T) {
	s, ctx := open(t), t.Context()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	err := s.View(ctx, func(tx registry.Tx) error {
		_, err := tx.ListVersions(ctx, registry.VersionQuery{ModelID: 1, Behind: "1.0.0", Order: registry.Order{By: "label"}, Page: registry.Page{NoTotal: true}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	steps := plan(t, s, texts[0])
	if !strings.Contains(steps[0]+steps[1], "versions_label (model_id=? AND <expr>>?)") || slices.Contains(steps, "USE TEMP B-TREE FOR ORDER BY") {
		t.Errorf("%q: %s", steps, texts[0])
	}
}
