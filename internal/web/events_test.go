package web

import (
	"os"
	"regexp"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestActivity: a model's page tells who did what to it, and the project's as
// much as the reader may see.
func TestActivity(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "maintainer"}
	model := "/root/private/-/ml/models/" + itoa(w.IDs["private/model"])
	version := model + "/versions/" + itoa(w.IDs["private/version"])
	v.does(version+"/aliases", version, "name", "champion")
	page := v.get(model + "/activity")
	has(t, page, "<b>maintainer</b> pointed the alias", "@champion", "to iris 1.0.0", "by personal token", "<b>system</b> made the model")
	v.does("/root/private/-/project_members", "/root/private/-/project_members", "username", "stranger", "role", "20")
	made(t, v.send("/root/private/-/settings/access_tokens", "name", "ci", "scopes", "read_api", "role", "20", "expires_at", "2096-01-31"))
	has(t, v.get("/root/private/-/activity"), "stranger", "as Reporter", "made the token", "@champion")
	guest := visitor{t, w, "guest"}.get("/root/private/-/activity")
	has(t, guest, "as Reporter", "@champion")
	lacks(t, guest, "made the token")
	only := v.get("/root/private/-/activity?topic=alias")
	has(t, only, "@champion")
	lacks(t, only, "as Reporter")
}

// TestEveryDeedHasWords: an act that somebody adds is told, too.
func TestEveryDeedHasWords(t *testing.T) {
	source, err := os.ReadFile("../registry/event.go")
	apitest.OK(t, err)
	acts := regexp.MustCompile(`Act = "([a-z_.]+)"`).FindAllSubmatch(source, -1)
	if len(acts) != len(deeds) {
		t.Errorf("%d deeds have words, there are %d", len(deeds), len(acts))
	}
	for _, a := range acts {
		if deeds[registry.Act(a[1])][0] == "" {
			t.Errorf("%s has no words", a[1])
		}
	}
}
