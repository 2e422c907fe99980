package sqlstore

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestModelListsSearch: every order of the models of a project comes out of an
// index.
func TestModelListsSearch(t *testing.T) {
	s := open(t)
	for by, index := range map[string]string{"": "models_id", "name": "models_name", "created_at": "models_created", "updated_at": "models_updated",
		"latest_version": "models_latest", "size": "models_size", "downloads": "models_downloads"} {
		for _, after := range []*registry.Cursor{nil, {Key: "1", ID: 1}} {
			steps := plansOf(t, s, func(tx registry.Tx) error {
				q := registry.ModelQuery{ProjectID: 1, Order: registry.Order{By: by, Desc: true}, Page: registry.Page{After: after, NoTotal: true}}
				_, err := tx.ListModels(t.Context(), q)
				return err
			})
			if !strings.Contains(steps[0], index+" (project_id=?") || strings.Contains(strings.Join(steps, ""), "B-TREE") {
				t.Errorf("by %q: %q", by, steps)
			}
		}
	}
}
