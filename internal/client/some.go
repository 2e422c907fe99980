package client

import (
	"context"
	"net/url"
	"slices"
	"strings"
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

func searched(text string) url.Values {
	v := url.Values{}
	if text != "" {
		v.Set("search", text)
	}
	return v
}
