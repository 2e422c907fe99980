package registry

import (
	"context"
	"slices"
)

// PromptTag marks, with the value "true", the models and versions that are
// prompts (MLflow).
const PromptTag = "mlflow.prompt.is_prompt"

// isPrompt reports whether tags mark a prompt.
func isPrompt(ts []Tag) bool { return slices.Contains(ts, Tag{Key: PromptTag, Value: "true"}) }

// markPrompt makes a model a prompt, or none, as its new tags say.
func markPrompt(ctx context.Context, tx Tx, m *Model, ts []Tag) error {
	if m.Prompt == isPrompt(ts) {
		return nil
	}
	m.Prompt = !m.Prompt
	return tx.MarkPrompt(ctx, *m)
}

// SearchModels finds models of a project; see Searches for the keys.
func (s Session) SearchModels(ctx context.Context, ref ProjectRef, q ShelfSearch) (Found[Model], error) {
	return view(ctx, s, func(tx Tx) (Found[Model], error) {
		p, err := s.project(ctx, tx, ref, ReadModels)
		if err != nil {
			return Found[Model]{}, err
		}
		if err := q.check(); err != nil {
			return Found[Model]{}, err
		}
		f, err := tx.SearchModels(ctx, p.ID, q)
		if err != nil {
			return f, err
		}
		if err := fillModels(ctx, tx, p, f.Items); err != nil {
			return f, err
		}
		return f, fillHeads(ctx, tx, f.Items)
	})
}

// SearchVersions finds versions of a project, without their aliases, the names of
// their authors, and how much their packages hold; see Searches for the keys.
func (s Session) SearchVersions(ctx context.Context, ref ProjectRef, q ShelfSearch) (Found[Version], error) {
	return view(ctx, s, func(tx Tx) (Found[Version], error) {
		p, err := s.project(ctx, tx, ref, ReadModels)
		if err != nil {
			return Found[Version]{}, err
		}
		if err := q.check(); err != nil {
			return Found[Version]{}, err
		}
		f, err := tx.SearchVersions(ctx, p.ID, q)
		if err != nil {
			return f, err
		}
		for i := range f.Items {
			f.Items[i].ProjectPath = p.FullPath
		}
		return f, tagVersions(ctx, tx, f.Items)
	})
}
