package sqlstore

import (
	"context"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// readsModels is the condition that a viewer may see the models of project p.
func (l *listing) readsModels(v registry.Viewer) {
	l.and("p.deleted_at = 0")
	l.seesProject(v)
	switch {
	case v.Admin:
		l.and("p.models_level <> ?", registry.Disabled)
	case v.UserID == 0:
		l.and("p.models_level = ?", registry.Enabled)
	default:
		l.and("(p.models_level = ? OR p.models_level = ? AND "+member+")",
			append([]any{registry.Enabled, registry.MembersOnly}, memberArgs(v, registry.Guest)...)...)
	}
}

// withProject adds the projects to what begins with a table. CROSS JOIN is what
// begins with that, and not with all that is in some project, whatever the engine
// thinks of it.
func withProject(from, table string) string {
	return table + " CROSS JOIN projects p" + strings.TrimPrefix(from, table)
}

// inReadable keeps a list to rows of projects whose models a viewer may see, in
// the place of the search. Which these are is found out once, not for every row
// that is met; the + 0 keeps the engine from going through all that is in them. In
// one project it is to go along that.
func (l *listing) inReadable(q registry.FindQuery, column string) {
	if q.ProjectID != 0 {
		l.and(column+" = ?", q.ProjectID)
		return
	}
	inner := listing{args: l.args}
	inner.readsModels(q.Viewer)
	if q.NamespaceID != 0 {
		inner.and("p.namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = ?)", q.NamespaceID)
	}
	if q.Viewer.Admin && q.NamespaceID == 0 {
		l.args, l.where = inner.args, append(l.where, inner.where...)
		return
	}
	l.args = inner.args
	l.where = append(l.where, column+" + 0 IN (SELECT p.id FROM projects p"+inner.condition()+")")
}

func (t *tx) FindModels(ctx context.Context, q registry.FindQuery) (registry.List[registry.Model], error) {
	l := &listing{cols: modelCols + ", p.full_path", from: withProject(modelFrom, "models m"), where: []string{"p.id = m.project_id"}, id: "m.id",
		initial: registry.Order{By: "updated_at", Desc: true}, orders: map[string]column{"updated_at": {"m.updated_at", true}}}
	l.inReadable(q, "m.project_id")
	l.and("NOT m.prompt")
	if q.Text != "" {
		if err := t.named(ctx, l, namesOf(q), q.Text, registry.Order{}, "m.name"); err != nil {
			return registry.List[registry.Model]{}, err
		}
	}
	return fetch(ctx, t, l, registry.Order{}, q.Page, func(s scanner, m *registry.Model, extra ...any) error {
		return scanModel(s, m, append([]any{&m.ProjectPath}, extra...)...)
	})
}

// namesOf is the index of the names of models where a search looks.
func namesOf(q registry.FindQuery) nameIndex {
	if q.ProjectID != 0 {
		return nameIndex{"model_names", "project", q.ProjectID}
	}
	return nameIndex{table: "model_names"}
}

// above ends the texts that begin with another.
const above = "\U0010FFFF"

func (t *tx) FindVersions(ctx context.Context, q registry.FindQuery, text registry.VersionText) (registry.List[registry.Version], error) {
	l := &listing{cols: versionCols + ", p.full_path", from: withProject(versionFrom, "versions v"), where: []string{"p.id = v.project_id"}, id: "v.id",
		initial: registry.Order{By: "semver"}, orders: map[string]column{"semver": {"v.semver", false}}}
	l.inReadable(q, "v.project_id")
	l.and("v.semver >= ?", text.Semver)
	l.and("v.semver < ?", text.Semver+above)
	l.contains(text.Name, "m.name")
	if match, ok := namesOf(q).match(t.s.e, "z", text.Name); ok {
		l.and("v.model_id IN (SELECT z.rowid FROM model_names z WHERE "+match.text+")", match.args...)
	}
	return fetch(ctx, t, l, registry.Order{}, q.Page, func(s scanner, v *registry.Version, extra ...any) error {
		return scanVersion(s, v, append([]any{&v.ProjectPath}, extra...)...)
	})
}

func (t *tx) FindTags(ctx context.Context, q registry.FindQuery) (registry.List[registry.FoundTag], error) {
	out := registry.List[registry.FoundTag]{Items: []registry.FoundTag{}, Total: -1}
	limit := pageLimit(q.Page)
	for _, of := range []struct{ cols, from, project string }{
		{"0, ''", "model_tags t CROSS JOIN models m CROSS JOIN projects p WHERE m.id = t.owner_id", "m.project_id"},
		{"v.id, v.semver", "version_tags t CROSS JOIN versions v CROSS JOIN models m CROSS JOIN projects p WHERE v.id = t.owner_id AND m.id = v.model_id",
			"v.project_id"},
	} {
		l := &listing{}
		l.tagged(strings.ToLower(strings.TrimSpace(q.Text)))
		l.inReadable(q, of.project)
		text := "SELECT t.key, substr(t.value, 1, 200), p.full_path, m.id, m.name, " + of.cols + " FROM " + of.from +
			" AND p.id = m.project_id AND " + strings.Join(l.where, " AND ") + l.bind(" LIMIT ?", limit+1-len(out.Items))
		err := t.rows(ctx, text, l.args, func(s scanner) error {
			var f registry.FoundTag
			err := s.Scan(&f.Key, &f.Value, &f.ProjectPath, &f.ModelID, &f.ModelName, &f.VersionID, &f.Semver)
			out.Items = append(out.Items, f)
			return err
		})
		if err != nil {
			return out, err
		}
	}
	if out.More = len(out.Items) > limit; out.More {
		out.Items = out.Items[:limit]
	}
	return out, nil
}

// tagged adds the condition that tag t matches a text.
func (l *listing) tagged(text string) {
	const key, value = "lower(t.key)", "lower(substr(t.value, 1, 80))"
	begins := func(col, s string) string { return l.bind("("+col+" >= ? AND "+col+" < ?)", s, s+above) }
	if k, v, both := strings.Cut(text, "="); both {
		l.and(key+" = ?", strings.TrimSpace(k))
		l.where = append(l.where, begins(value, strings.TrimSpace(v)))
		return
	}
	l.where = append(l.where, "("+begins(key, text)+" OR "+begins(value, text)+")")
}
