package sqlstore

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	putAlias = stmt(`INSERT INTO aliases (model_id, name, version_id, updated_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (model_id, name) DO UPDATE SET version_id = excluded.version_id, updated_at = excluded.updated_at`)
	aliasByName = stmt(`SELECT a.name, a.version_id, v.number, v.semver, a.updated_at FROM aliases a JOIN versions v ON v.id = a.version_id
		WHERE a.model_id = $1 AND a.name = $2`)
	deleteAlias  = stmt(`DELETE FROM aliases WHERE model_id = $1 AND name = $2`)
	addAliasMove = stmt(`INSERT INTO alias_moves (model_id, name, version_id, semver, author_id, at) VALUES ($1, $2, $3, $4, $5, $6)`)
)

func (t *tx) PutAlias(ctx context.Context, modelID int64, a registry.Alias) error {
	_, err := t.exec(ctx, putAlias, modelID, a.Name, a.VersionID, micros(a.UpdatedAt))
	return err
}

func (t *tx) AliasByName(ctx context.Context, modelID int64, name string) (registry.Alias, error) {
	var a registry.Alias
	err := t.row(ctx, aliasByName, []any{modelID, name}, &a.Name, &a.VersionID, &a.Number, &a.Semver, instant{&a.UpdatedAt})
	return a, named(err, "alias", name)
}

func (t *tx) AliasesOf(ctx context.Context, ids []int64) (map[int64][]registry.Alias, error) {
	out := map[int64][]registry.Alias{}
	if len(ids) == 0 {
		return out, nil
	}
	text := `SELECT a.model_id, a.name, a.version_id, v.number, v.semver, a.updated_at FROM aliases a JOIN versions v ON v.id = a.version_id
		WHERE a.model_id IN (` + placeholders(1, len(ids)) + `) ORDER BY a.model_id, a.name`
	err := t.rows(ctx, text, anys(ids), func(s scanner) error {
		var id int64
		var a registry.Alias
		err := s.Scan(&id, &a.Name, &a.VersionID, &a.Number, &a.Semver, instant{&a.UpdatedAt})
		out[id] = append(out[id], a)
		return err
	})
	return out, err
}

func (t *tx) DeleteAlias(ctx context.Context, modelID int64, name string) error {
	n, err := t.exec(ctx, deleteAlias, modelID, name)
	if err == nil && n == 0 {
		return named(errNone, "alias", name)
	}
	return err
}

func (t *tx) AddAliasMove(ctx context.Context, modelID int64, m registry.AliasMove) error {
	_, err := t.exec(ctx, addAliasMove, modelID, m.Name, m.VersionID, m.Semver, ref(m.Author.ID), micros(m.At))
	return err
}

func scanAliasMove(s scanner, m *registry.AliasMove, extra ...any) error {
	return s.Scan(append([]any{&m.ID, &m.Name, &m.VersionID, &m.Semver, &m.Author.ID, &m.Author.Username, &m.Author.Name, instant{&m.At}}, extra...)...)
}

func (t *tx) AliasMoves(ctx context.Context, modelID int64, name string, p registry.Page) (registry.List[registry.AliasMove], error) {
	l := &listing{cols: "a.id, a.name, a.version_id, a.semver, coalesce(a.author_id, 0), coalesce(u.username, ''), coalesce(u.name, ''), a.at",
		from: "alias_moves a LEFT JOIN users u ON u.id = a.author_id", id: "a.id",
		initial: registry.Order{By: "id", Desc: true}, orders: map[string]column{"id": {"a.id", true}}}
	l.and("a.model_id = ?", modelID)
	l.and("a.name = ?", name)
	return fetch(ctx, t, l, registry.Order{}, p, scanAliasMove)
}
