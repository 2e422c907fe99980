package gitlab

import (
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// GitLab's search (lib/api/search.rb) looks for one sort of things, the scope, in
// all places, a group or a project. Of its scopes there are here those of which
// there are things: projects and users. ml_models and ml_model_versions are ours.
const (
	scopeProjects = "projects"
	scopeUsers    = "users"
	scopeModels   = "ml_models"
	scopeVersions = "ml_model_versions"
)

// inPlace are the scopes in a project, anywhere those in all places.
var (
	inPlace  = []string{scopeUsers, scopeModels, scopeVersions}
	anywhere = append([]string{scopeProjects}, inPlace...)
)

func searchRoutes() []route {
	const words = ", of one sort"
	return tagged("Search",
		op("GET", "/search", access{gate: anyone}, "Search all that one may see"+words, searchAll),
		op("GET", "/groups/{id}/search", group(registry.NoRole), "Search a group and what is below it"+words, searchGroup),
		op("GET", "/projects/{id}/search", project(registry.ReadProject), "Search a project"+words, searchProject),
	)
}

type searchFilter struct {
	paging
	Scope  string `param:"scope,required" doc:"What to look for. ml_models and ml_model_versions are Vitrine's own."`
	Search string `param:"search,required" doc:"Part of a name; of versions the beginning, after a part of the model's name if there is one, as in: iris 1.2"`
}

// projectSearch has fewer scopes.
type projectSearch struct{ searchFilter }

// foundModelJSON is a model with the path of its project.
type foundModelJSON struct {
	modelJSON
	ProjectPath string `json:"project_path"`
}

// foundVersionJSON is a version with the path of its project.
type foundVersionJSON struct {
	modelVersionJSON
	ProjectPath string `json:"project_path"`
}

// foundJSON is a list of what a scope has: see found.
type foundJSON []any

// found gives what writes the list of a scope.
func found[D, W any](c *call, in searchFilter, wire func(D) W) func(registry.List[D], error) (foundJSON, error) {
	return func(l registry.List[D], err error) (foundJSON, error) {
		items, err := listed(c, in.paging, wire)(l, err)
		out := make(foundJSON, len(items))
		for i, v := range items {
			out[i] = v
		}
		return out, err
	}
}

func searchAll(c *call, in searchFilter) (foundJSON, error) { return c.find(in, nil, anywhere) }

func searchGroup(c *call, in searchFilter) (foundJSON, error) {
	p := groupPlace(c)
	return c.find(in, &p, anywhere)
}

func searchProject(c *call, in projectSearch) (foundJSON, error) {
	p := projectPlace(c)
	return c.find(in.searchFilter, &p, inPlace)
}

// find looks for what a scope names, in a place or, with nil, everywhere.
func (c *call) find(in searchFilter, place *registry.PlaceRef, scopes []string) (foundJSON, error) {
	if !slices.Contains(scopes, in.Scope) {
		return nil, badParam("scope", "does not have a valid value")
	}
	page, err := in.page()
	if err == nil {
		err = registry.CheckFindText(in.Search)
	}
	if err != nil {
		return nil, err
	}
	q := registry.FindQuery{Page: page, Text: in.Search, In: place}
	switch in.Scope {
	case scopeProjects:
		return found(c, in, c.basics)(c.findProjects(q))
	case scopeUsers:
		return c.findUsers(in, q)
	case scopeModels:
		return found(c, in, func(m registry.Model) foundModelJSON { return foundModelJSON{c.model(m), m.ProjectPath} })(c.s.FindModels(c.ctx(), q))
	}
	return found(c, in, func(v registry.Version) foundVersionJSON { return foundVersionJSON{c.version(v), v.ProjectPath} })(c.s.FindVersions(c.ctx(), q))
}

func (c *call) findProjects(q registry.FindQuery) (registry.List[registry.Project], error) {
	ask := registry.ProjectQuery{Page: q.Page, Search: q.Text, Subgroups: true}
	if q.In != nil {
		return c.s.GroupProjects(c.ctx(), q.In.Group, ask)
	}
	return c.s.Projects(c.ctx(), ask)
}

// findUsers finds the users of the server, or the members of a place.
func (c *call) findUsers(in searchFilter, q registry.FindQuery) (foundJSON, error) {
	if q.In != nil {
		return found(c, in, func(m registry.Member) userRefJSON { return c.member(m).userRefJSON })(
			c.s.Members(c.ctx(), *q.In, registry.MemberQuery{Page: q.Page, Inherited: true, Search: q.Text}))
	}
	return found(c, in, func(u registry.User) *userRefJSON {
		return c.author(registry.UserRef{ID: u.ID, Username: u.Username, Name: u.Name, Blocked: u.Blocked})
	})(c.s.Users(c.ctx(), registry.UserQuery{Page: q.Page, Search: q.Text}))
}
