package client

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// These lists give the first items only, those with search in their name; they
// are for shells that complete words, and for searching. A limit of 0 is none.

// SomeProjects lists some projects that the caller sees.
func (c *Client) SomeProjects(ctx context.Context, search string, limit int) ([]Project, error) {
	return listSome[Project](ctx, c, "/projects", searched(search), limit)
}

// SomeModels lists some models of a project.
func (c *Client) SomeModels(ctx context.Context, project, search string, limit int) ([]Model, error) {
	return either(c, func() ([]Model, error) { return listSome[Model](ctx, c, modelsPath(project), searched(search), limit) },
		func() ([]Model, error) { return c.gitlabModels(ctx, project, search, limit) })
}

// SomeVersions lists the highest versions of a model.
func (c *Client) SomeVersions(ctx context.Context, project string, m Model, limit int) ([]Version, error) {
	return either(c, func() ([]Version, error) {
		return listSome[Version](ctx, c, modelPath(project, m.ID)+"/versions", url.Values{}, limit)
	}, func() ([]Version, error) { return c.gitlabVersions(ctx, m, "", limit) })
}

// SomeFiles lists some files of a version or run.
func (c *Client) SomeFiles(ctx context.Context, p Place, search string, limit int) ([]File, error) {
	return either(c, func() ([]File, error) { return listSome[File](ctx, c, p.list(), searched(search), limit) },
		func() ([]File, error) { return c.gitlabFiles(ctx, p) })
}

// SomeExperiments lists some experiments of a project.
func (c *Client) SomeExperiments(ctx context.Context, project, search string, limit int) ([]Experiment, error) {
	return either(c, func() ([]Experiment, error) {
		return listSome[Experiment](ctx, c, experimentsPath(project), searched(search), limit)
	}, func() ([]Experiment, error) {
		// MLflow's API does not search: GitLab gives all of them at once.
		es, err := c.flowExperiments(ctx, project)
		es = slices.DeleteFunc(es, func(e Experiment) bool { return !strings.Contains(strings.ToLower(e.Name), strings.ToLower(search)) })
		if limit > 0 && len(es) > limit {
			es = es[:limit]
		}
		return es, err
	})
}

// FoundModel is a model of any project.
type FoundModel struct {
	Model
	ProjectPath string `json:"project_path"`
}

// FoundVersion is a version of any project.
type FoundVersion struct {
	Version
	ProjectPath string `json:"project_path"`
}

// FindModels lists some models of all projects that the caller sees, the latest
// changed first. A GitLab does not search for models, which is ErrNoAddress.
func (c *Client) FindModels(ctx context.Context, search string, limit int) ([]FoundModel, error) {
	return found[FoundModel](ctx, c, "ml_models", search, limit)
}

// FindVersions lists some versions of all projects that the caller sees: those
// that begin with "1.2", or with "iris 1.2" those of models with that part of a
// name.
func (c *Client) FindVersions(ctx context.Context, search string, limit int) ([]FoundVersion, error) {
	return found[FoundVersion](ctx, c, "ml_model_versions", search, limit)
}

// found lists what a search has of a scope. GitLab says of one that is not among
// its own that the value is not valid (lib/api/search.rb).
func found[T any](ctx context.Context, c *Client, scope, search string, limit int) ([]T, error) {
	out, err := listSome[T](ctx, c, "/search", url.Values{"scope": {scope}, "search": {search}}, limit)
	if e, ok := fault.As(err); ok && e.Kind == fault.Invalid && strings.HasPrefix(e.Msg, "scope ") {
		err = notThere("search for " + scope)
	}
	return out, err
}

func searched(text string) url.Values {
	v := url.Values{}
	if text != "" {
		v.Set("search", text)
	}
	return v
}
