package registry

import "context"

// PromptTag marks, with the value "true", the models and versions that are
// prompts (MLflow).
const PromptTag = "mlflow.prompt.is_prompt"

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

// SearchVersions finds versions of a project, without their aliases; see
// Searches for the keys.
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
