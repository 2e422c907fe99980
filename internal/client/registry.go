package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// CurrentUser tells who the token belongs to.
func (c *Client) CurrentUser(ctx context.Context) (User, error) {
	var u User
	_, err := c.exchange(ctx, http.MethodGet, "/user", nil, nil, &u)
	return u, err
}

// Project finds a project by number or full path.
func (c *Client) Project(ctx context.Context, project string) (Project, error) {
	var p Project
	_, err := c.exchange(ctx, http.MethodGet, projectPath(project), nil, nil, &p)
	return p, about(err, project, "project", project)
}

// Projects lists the projects that the caller sees.
func (c *Client) Projects(ctx context.Context) ([]Project, error) {
	return list[Project](ctx, c, "/projects", url.Values{"order_by": {"id"}, "sort": {"asc"}})
}

func projectPath(project string) string { return "/projects/" + url.PathEscape(project) }

func modelsPath(project string) string { return projectPath(project) + "/ml/models" }

func modelPath(project string, id int64) string {
	return modelsPath(project) + "/" + strconv.FormatInt(id, 10)
}

func versionPath(project string, modelID, id int64) string {
	return modelPath(project, modelID) + "/versions/" + strconv.FormatInt(id, 10)
}

// Models lists the models of a project by name.
func (c *Client) Models(ctx context.Context, project string) ([]Model, error) {
	ms, err := either(c, func() ([]Model, error) {
		return list[Model](ctx, c, modelsPath(project), url.Values{"order_by": {"name"}, "sort": {"asc"}})
	}, func() ([]Model, error) { return c.gitlabModels(ctx, project, "", 0) })
	return ms, about(err, project, "project", project)
}

// FindModel finds a model by name.
func (c *Client) FindModel(ctx context.Context, project, name string) (Model, error) {
	ms, err := either(c, func() ([]Model, error) {
		return list[Model](ctx, c, modelsPath(project), url.Values{"name": {name}, "search": {name}})
	}, func() ([]Model, error) { return c.gitlabModels(ctx, project, name, 0) })
	if err != nil {
		return Model{}, about(err, project, "project", project)
	}
	for _, m := range ms {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, about(fault.Missing("model", name), project, "model", project+"/"+name)
}

// Model gives a model by number.
func (c *Client) Model(ctx context.Context, project string, id int64) (Model, error) {
	m, err := either(c, func() (m Model, err error) {
		_, err = c.exchange(ctx, http.MethodGet, modelPath(project, id), nil, nil, &m)
		return m, err
	}, func() (Model, error) { return c.gitlabModel(ctx, id) })
	return m, about(err, project, "model", strconv.FormatInt(id, 10))
}

// CreateModel makes a model.
func (c *Client) CreateModel(ctx context.Context, project string, spec ModelSpec) (Model, error) {
	m, err := either(c, func() (m Model, err error) {
		_, err = c.exchange(ctx, http.MethodPost, modelsPath(project), nil, spec, &m)
		return m, err
	}, func() (Model, error) { return c.gitlabCreateModel(ctx, project, spec) })
	return m, about(err, project, "project", project)
}

// EditModel changes a model.
func (c *Client) EditModel(ctx context.Context, project string, id int64, e ModelEdit) (Model, error) {
	m, err := either(c, func() (m Model, err error) {
		_, err = c.exchange(ctx, http.MethodPut, modelPath(project, id), nil, e, &m)
		return m, err
	}, func() (Model, error) { return c.gitlabEditModel(ctx, project, id, e) })
	return m, about(err, project, "model", strconv.FormatInt(id, 10))
}

// DeleteModel removes a model with its versions, runs and files.
func (c *Client) DeleteModel(ctx context.Context, project string, id int64) error {
	_, err := either(c, func() (http.Header, error) {
		return c.exchange(ctx, http.MethodDelete, modelPath(project, id), nil, nil, nil)
	}, func() (http.Header, error) { return nil, c.gitlabDeleteModel(ctx, project, id) })
	return about(err, project, "model", strconv.FormatInt(id, 10))
}

// Versions lists the versions of a model, the highest first.
func (c *Client) Versions(ctx context.Context, project string, m Model) ([]Version, error) {
	vs, err := either(c, func() ([]Version, error) {
		return list[Version](ctx, c, modelPath(project, m.ID)+"/versions", url.Values{})
	}, func() ([]Version, error) { return c.gitlabVersions(ctx, m, "", 0) })
	return vs, about(err, project, "model", m.Name)
}

// FindVersion finds a version by its semantic version.
func (c *Client) FindVersion(ctx context.Context, project string, m Model, semver string) (Version, error) {
	vs, err := either(c, func() ([]Version, error) {
		return list[Version](ctx, c, modelPath(project, m.ID)+"/versions", url.Values{"version": {semver}})
	}, func() ([]Version, error) { return c.gitlabVersions(ctx, m, semver, 0) })
	if err != nil {
		return Version{}, about(err, project, "model", m.Name)
	}
	for _, v := range vs {
		if v.Version == semver {
			return v, nil
		}
	}
	return Version{}, about(fault.Missing("version", semver), project, "version", project+"/"+m.Name+":"+semver)
}

// NextVersion gives the semantic version that the server proposes.
func (c *Client) NextVersion(ctx context.Context, project string, m Model) (string, error) {
	var v VersionRef
	_, err := c.exchange(ctx, http.MethodGet, modelPath(project, m.ID)+"/versions/next", nil, nil, &v)
	return v.Version, about(err, project, "model", m.Name)
}

// Version gives a version by number.
func (c *Client) Version(ctx context.Context, project string, m Model, id int64) (Version, error) {
	v, err := either(c, func() (v Version, err error) {
		_, err = c.exchange(ctx, http.MethodGet, versionPath(project, m.ID, id), nil, nil, &v)
		return v, err
	}, func() (Version, error) { return c.gitlabVersion(ctx, m, id) })
	return v, about(err, project, "version", strconv.FormatInt(id, 10))
}

// CreateVersion makes a version.
func (c *Client) CreateVersion(ctx context.Context, project string, m Model, spec VersionSpec) (Version, error) {
	v, err := either(c, func() (v Version, err error) {
		_, err = c.exchange(ctx, http.MethodPost, modelPath(project, m.ID)+"/versions", nil, spec, &v)
		return v, err
	}, func() (Version, error) { return c.gitlabCreateVersion(ctx, project, m, spec) })
	return v, about(err, project, "model", m.Name)
}

// EditVersion changes a version.
func (c *Client) EditVersion(ctx context.Context, project string, v Version, e VersionEdit) (Version, error) {
	out, err := either(c, func() (out Version, err error) {
		_, err = c.exchange(ctx, http.MethodPut, versionPath(project, v.ModelID, v.ID), nil, e, &out)
		return out, err
	}, func() (Version, error) { return c.gitlabEditVersion(ctx, project, v, e) })
	return out, about(err, project, "version", v.Version)
}

// DeleteVersion removes a version with its files.
func (c *Client) DeleteVersion(ctx context.Context, project string, v Version) error {
	_, err := either(c, func() (http.Header, error) {
		return c.exchange(ctx, http.MethodDelete, versionPath(project, v.ModelID, v.ID), nil, nil, nil)
	}, func() (http.Header, error) { return nil, c.gitlabDeleteVersion(ctx, v.ID) })
	return about(err, project, "version", v.Version)
}

// ResolveAlias finds the version that an alias names; "latest" is one that
// every model with a version has.
func (c *Client) ResolveAlias(ctx context.Context, project string, m Model, alias string) (Version, error) {
	a, err := c.Alias(ctx, project, m, alias)
	if err != nil {
		return Version{}, err
	}
	return c.Version(ctx, project, m, a.VersionID)
}

// SetAlias makes or moves an alias.
func (c *Client) SetAlias(ctx context.Context, project string, m Model, alias string, versionID int64) error {
	_, err := c.MoveAlias(ctx, project, m, alias, versionID, nil)
	return err
}

// MoveAlias makes or moves an alias, provided that it names the version
// expected before: 0 is none, nil any. Else the error is a Conflict.
func (c *Client) MoveAlias(ctx context.Context, project string, m Model, alias string, versionID int64, expected *int64) (Alias, error) {
	in := map[string]int64{"version_id": versionID}
	if expected != nil {
		in["expected_version_id"] = *expected
	}
	var a Alias
	_, err := c.exchange(ctx, http.MethodPut, aliasPath(project, m, alias), nil, in, &a)
	return a, about(err, project, "version", strconv.FormatInt(versionID, 10))
}

// Alias gives one alias of a model.
func (c *Client) Alias(ctx context.Context, project string, m Model, alias string) (Alias, error) {
	a, err := either(c, func() (a Alias, err error) {
		_, err = c.exchange(ctx, http.MethodGet, aliasPath(project, m, alias), nil, nil, &a)
		return a, err
	}, func() (Alias, error) { return gitlabAlias(m, alias) })
	return a, about(err, project, "alias", project+"/"+m.Name+"@"+alias)
}

// Aliases lists the aliases of a model.
func (c *Client) Aliases(ctx context.Context, project string, m Model) ([]Alias, error) {
	var as []Alias
	_, err := c.exchange(ctx, http.MethodGet, modelPath(project, m.ID)+"/aliases", nil, nil, &as)
	return as, about(err, project, "model", m.Name)
}

// DeleteAlias removes an alias, provided that it names the version expected (nil:
// any); else the error is a Conflict. Its version stays.
func (c *Client) DeleteAlias(ctx context.Context, project string, m Model, alias string, expected *int64) error {
	query := url.Values{}
	if expected != nil {
		query.Set("expected_version_id", strconv.FormatInt(*expected, 10))
	}
	_, err := c.exchange(ctx, http.MethodDelete, aliasPath(project, m, alias), query, nil, nil)
	return about(err, project, "alias", project+"/"+m.Name+"@"+alias)
}

// AliasHistory lists where an alias has pointed, the latest first.
func (c *Client) AliasHistory(ctx context.Context, project string, m Model, alias string, limit int) ([]AliasMove, error) {
	ms, err := listSome[AliasMove](ctx, c, aliasPath(project, m, alias)+"/history", url.Values{}, limit)
	return ms, about(err, project, "model", m.Name)
}

func aliasPath(project string, m Model, alias string) string {
	return modelPath(project, m.ID) + "/aliases/" + url.PathEscape(alias)
}

// list fetches all pages of a list. It pages by the Link header, which has no
// limit on the length, and takes only the query from there: the address in it
// may be one that only the server knows, and must not get the credential.
func list[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	return listSome[T](ctx, c, path, query, 0)
}

// pageSize is what a server puts on one page at most.
const pageSize = 100

// listSome is list for the first items; a limit of 0 is none.
func listSome[T any](ctx context.Context, c *Client, path string, query url.Values, limit int) ([]T, error) {
	query.Set("per_page", strconv.Itoa(pageSize))
	if limit > 0 {
		query.Set("per_page", strconv.Itoa(min(limit, pageSize)))
	}
	query.Set("pagination", "keyset")
	var out []T
	for seen := map[string]bool{}; ; {
		var page []T
		h, err := c.exchange(ctx, http.MethodGet, path, query, nil, &page)
		if noKeyset(err) && query.Has("pagination") {
			query.Del("pagination")
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if limit > 0 && len(out) >= limit {
			return out[:limit], nil
		}
		next := nextPage(h)
		if next == nil {
			return out, nil
		}
		key := next.Encode()
		if seen[key] {
			return nil, &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: "the server's list has no end"}
		}
		seen[key], query = true, next
	}
}

// noKeyset recognizes the refusal of a GitLab to page a list by key, which it
// does only for some; its pages by number have links too.
func noKeyset(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && s.code == http.StatusMethodNotAllowed
}

// nextPage finds the query of the page that follows; nil: none does.
func nextPage(h http.Header) url.Values {
	for _, line := range h.Values("Link") {
		for link := range strings.SplitSeq(line, ",") {
			target, params, ok := strings.Cut(strings.TrimSpace(link), ">")
			if !ok || !strings.Contains(params, `rel="next"`) {
				continue
			}
			if u, err := url.Parse(strings.TrimPrefix(target, "<")); err == nil && u.RawQuery != "" {
				return u.Query()
			}
		}
	}
	return nil
}
