package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Aliases lists the aliases of a model, "latest" included while there is a
// version.
func (s Session) Aliases(ctx context.Context, ref ProjectRef, model ModelRef) ([]Alias, error) {
	m, err := s.Model(ctx, ref, model)
	if err != nil {
		return nil, err
	}
	out := m.Aliases
	if m.LatestID != 0 {
		out = append(out, Alias{Name: Latest, VersionID: m.LatestID, Semver: m.LatestVersion, UpdatedAt: m.UpdatedAt})
	}
	return out, nil
}

// Alias gives one alias of a model.
func (s Session) Alias(ctx context.Context, ref ProjectRef, model ModelRef, name string) (Alias, error) {
	all, err := s.Aliases(ctx, ref, model)
	if err != nil {
		return Alias{}, err
	}
	for _, a := range all {
		if a.Name == name {
			return a, nil
		}
	}
	return Alias{}, fault.Missing("alias", name)
}

// SetAlias makes or moves an alias, and remembers it in its history.
func (s Session) SetAlias(ctx context.Context, ref ProjectRef, model ModelRef, spec AliasSpec) (Alias, error) {
	return update(ctx, s, func(tx Tx) (Alias, error) {
		m, v, err := s.version(ctx, tx, ref, model, spec.Version, WriteModels)
		if err != nil {
			return Alias{}, err
		}
		if err := s.rules.CheckAlias(spec.Name); err != nil {
			return Alias{}, err
		}
		if err := checkExpected(m, spec.Name, spec.Expected); err != nil {
			return Alias{}, err
		}
		a := Alias{Name: spec.Name, VersionID: v.ID, Number: v.Number, Semver: v.Semver, UpdatedAt: s.now()}
		if err := tx.PutAlias(ctx, m.ID, a); err != nil {
			return Alias{}, err
		}
		move := AliasMove{Name: a.Name, VersionID: v.ID, Semver: v.Semver, Author: UserRef{ID: s.actor.UserID}, At: s.now()}
		if err := tx.AddAliasMove(ctx, m.ID, move); err != nil {
			return Alias{}, err
		}
		e := m.about(AliasMoved).with(v.ModelName + " " + v.Semver)
		e.Subject = a.Name
		return a, s.note(ctx, tx, e)
	})
}

// checkExpected holds a move to what its maker believes of the alias.
func checkExpected(m Model, name string, expected *int64) error {
	if expected == nil {
		return nil
	}
	var now Alias
	for _, a := range m.Aliases {
		if a.Name == name {
			now = a
		}
	}
	switch now.VersionID {
	case *expected:
		return nil
	case 0:
		return fault.Conflictf("alias", "", "the alias %s does not exist (any more)", name)
	}
	return fault.Conflictf("alias", "", "the alias %s points to %s (version_id %d); look again and decide anew", name, now.Semver, now.VersionID)
}

// DeleteAlias removes an alias, provided that it names the version expected (nil:
// any); the version stays, and so does the history.
func (s Session) DeleteAlias(ctx context.Context, ref ProjectRef, model ModelRef, name string, expected *int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		_, m, err := s.model(ctx, tx, ref, model, WriteModels)
		if err != nil {
			return err
		}
		if name == Latest {
			return s.rules.CheckAlias(name)
		}
		if err := checkExpected(m, name, expected); err != nil {
			return err
		}
		if err := tx.DeleteAlias(ctx, m.ID, name); err != nil {
			return err
		}
		if err := tx.AddAliasMove(ctx, m.ID, AliasMove{Name: name, Author: UserRef{ID: s.actor.UserID}, At: s.now()}); err != nil {
			return err
		}
		e := m.about(AliasDeleted).with(m.Name)
		e.Subject = name
		return s.note(ctx, tx, e)
	})
}

// AliasHistory lists where an alias has pointed, the latest first.
func (s Session) AliasHistory(ctx context.Context, ref ProjectRef, model ModelRef, name string, p Page) (List[AliasMove], error) {
	return view(ctx, s, func(tx Tx) (List[AliasMove], error) {
		_, m, err := s.model(ctx, tx, ref, model, ReadModels)
		if err != nil {
			return List[AliasMove]{}, err
		}
		return tx.AliasMoves(ctx, m.ID, name, p)
	})
}
