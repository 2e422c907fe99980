package web

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestModelSorts: the list of models is sorted as its choice says, which shows it
// again.
func TestModelSorts(t *testing.T) {
	w := newWorld(t)
	sys, ref := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	m, err := sys.CreateModel(t.Context(), ref, registry.ModelSpec{Name: "zebra"})
	apitest.OK(t, err)
	_, err = sys.CreateVersion(t.Context(), ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{Semver: "9.0.0"})
	apitest.OK(t, err)
	// iris has the version 1.0.0, with a file, and comes first by nothing but that.
	for sort, first := range map[string]string{"": "zebra", "name": "iris", "-name": "zebra", "-latest_version": "zebra", "latest_version": "iris",
		"-size": "iris", "size": "zebra", "-downloads": "zebra", "weight": "zebra"} {
		page := visitor{t, w, "guest"}.get("/root/private/-/ml/models?sort=" + sort)
		if strings.Index(page, ">iris<") < strings.Index(page, ">zebra<") != (first == "iris") {
			t.Errorf("by %q %s does not come first", sort, first)
		}
		if strings.HasPrefix(sort, "-") && sort != "-name" {
			has(t, page, `<option value="`+sort+`" selected>`)
		}
	}
}
