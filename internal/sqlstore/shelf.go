package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// modelSearch is what can be asked of models.
var modelSearch = searchable{
	from: "models m", id: "m.id",
	attrs: map[string]attr{"name": {column: column{"m.name", false}},
		"created_at": {column: column{"m.created_at", true}, filter: "m.created_at / 1000"},
		"updated_at": {column: column{"m.updated_at", true}, filter: "m.updated_at / 1000"}},
	values: map[registry.Subject]valueTable{registry.OfTag: {exists: "SELECT 1 FROM model_tags v WHERE v.owner_id = m.id"}},
	last:   []term{{"m.name", false}},
}

// versionSearch is what can be asked of versions. One for those of a name goes
// from its model: the rest of the project does not matter.
var (
	versionSearch = searchVersions("versions w JOIN models m ON m.id = w.model_id AND m.project_id = w.project_id", "w.updated_at > 0")
	searchOfName  = searchVersions("versions w JOIN models m ON m.id = w.model_id", "")
)

func searchVersions(from, recent string) searchable {
	return searchable{
		from: from, id: "w.id",
		attrs: map[string]attr{"name": {column: column{"m.name", false}}, "number": {column: column{"w.number", true}},
			"run": {column: column{"w.source_run", false}}, "source": {column: column{"w.source", false}},
			"created_at": {column: column{"w.created_at", true}, filter: "w.created_at / 1000"},
			"updated_at": {column: column{"w.updated_at", true}, filter: "w.updated_at / 1000", lead: recent}},
		values: map[registry.Subject]valueTable{registry.OfTag: {exists: "SELECT 1 FROM version_tags v WHERE v.owner_id = w.id"}},
		last:   []term{{"m.name", false}, {"w.number", true}},
	}
}

// noPrompt leaves out the versions of prompts. MLflow looks at the tag of the
// version, too.
const noPrompt = `NOT m.prompt AND NOT EXISTS (SELECT 1 FROM version_tags p WHERE p.owner_id = w.id AND p.key = '` + registry.PromptTag + `' AND p.value = 'true')`

var (
	markPrompt  = stmt(`UPDATE models SET prompt = $1 WHERE id = $2`)
	countPrompt = stmt(`UPDATE projects SET prompt_count = prompt_count + $1, model_count = model_count - $1 WHERE id = $2`)
)

func (t *tx) MarkPrompt(ctx context.Context, m registry.Model) error {
	if _, err := t.exec(ctx, markPrompt, m.Prompt, m.ID); err != nil {
		return err
	}
	n := 1
	if !m.Prompt {
		n = -1
	}
	_, err := t.exec(ctx, countPrompt, n, m.ProjectID)
	return err
}

// countShelf adds a model to, or takes it from, what its project counts.
func (t *tx) countShelf(ctx context.Context, m registry.Model, n int) error {
	if m.Prompt {
		if _, err := t.exec(ctx, countPrompt, n, m.ProjectID); err != nil {
			return err
		}
	}
	return t.countProject(ctx, m.ProjectID, n, 0, 0)
}

func (t *tx) SearchModels(ctx context.Context, projectID int64, q registry.ShelfSearch) (registry.Found[registry.Model], error) {
	in := scope{column: "m.project_id", ids: []int64{projectID}}
	if q.NoPrompts {
		in.where = []string{"NOT m.prompt"}
	}
	ids, next, err := t.found(ctx, modelSearch, in, q.Search)
	if err != nil {
		return registry.Found[registry.Model]{}, err
	}
	ms, err := byIDs(ctx, t, "SELECT "+modelCols+" FROM "+modelFrom+" WHERE m.id", ids, scanModel,
		func(m registry.Model) int64 { return m.ID })
	return registry.Found[registry.Model]{Items: ms, Next: next}, err
}

func (t *tx) SearchVersions(ctx context.Context, projectID int64, q registry.ShelfSearch) (registry.Found[registry.Version], error) {
	k, in := versionSearch, scope{column: "w.project_id", ids: []int64{projectID}}
	if slices.ContainsFunc(q.Filter, func(c registry.Condition) bool {
		return c.Subject == registry.OfRow && c.Key == "name" && c.Op == registry.Equal
	}) {
		k, in.column = searchOfName, "m.project_id"
	}
	if q.NoPrompts {
		in.where = []string{noPrompt}
	}
	ids, next, err := t.found(ctx, k, in, q.Search)
	if err != nil {
		return registry.Found[registry.Version]{}, err
	}
	vs, err := byIDs(ctx, t, "SELECT "+foundCols+" FROM "+foundFrom+" WHERE v.id", ids, scanVersion,
		func(v registry.Version) int64 { return v.ID })
	return registry.Found[registry.Version]{Items: vs, Next: next}, err
}
