package web

import (
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func searchRoutes() []route {
	return []route{get("/search", access{gate: anyone}, showSearch)}
}

// searchPage is what a search over everything found: a little of each sort, or
// with a scope all of one.
type searchPage struct {
	frame
	Search, Scope string
	Projects      registry.List[registry.Project]
	Models        registry.List[registry.Model]
	Versions      registry.List[registry.Version]
	Tags          registry.List[registry.FoundTag]
	Pager         pager
	Problem       string
}

// Scopes are the sorts of things, and all of them.
func (p *searchPage) Scopes() []choice {
	return chooseFrom([]choice{{Text: "Everything"}, {Value: "projects", Text: "Projects"}, {Value: "models", Text: "Models"},
		{Value: "versions", Text: "Versions"}, {Value: "tags", Text: "Metadata"}}, p.Scope)
}

// None reports whether nothing was found.
func (p *searchPage) None() bool {
	return len(p.Projects.Items)+len(p.Models.Items)+len(p.Versions.Items)+len(p.Tags.Items) == 0
}

// fewFound is how much of each sort the page shows that has them all.
const fewFound = 8

func showSearch(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &searchPage{frame: c.frame("Search"), Search: c.search(), Scope: c.r.URL.Query().Get("scope")}
	page.NoTotal = true
	if p.Scope == "" {
		page = registry.Page{Limit: fewFound, NoTotal: true}
	}
	status := 200
	if p.Search != "" {
		err = c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.find(s, p, page) })
	}
	if problem, ok := formProblem(err); ok {
		p.Problem, status, err = problem, again, nil
	}
	if err != nil {
		return err
	}
	return c.renderAs(status, "search", p)
}

// find asks for the sorts that are wanted.
func (c *call) find(s registry.Session, p *searchPage, page registry.Page) error {
	q, next := registry.FindQuery{Text: p.Search, Page: page}, (*registry.Cursor)(nil)
	for _, sort := range []struct {
		scope string
		ask   func() error
	}{
		{"projects", func() (err error) {
			p.Projects, err = s.Projects(c.ctx(), registry.ProjectQuery{Search: q.Text, Page: page, Order: registry.Order{By: "last_activity_at", Desc: true}})
			next = p.Projects.Next
			return err
		}},
		{"models", func() (err error) {
			p.Models, err = s.FindModels(c.ctx(), q)
			next = p.Models.Next
			return err
		}},
		{"versions", func() (err error) {
			p.Versions, err = s.FindVersions(c.ctx(), q)
			next = p.Versions.Next
			return err
		}},
		{"tags", func() (err error) {
			p.Tags, err = s.FindTags(c.ctx(), q)
			next = nil
			return err
		}},
	} {
		if p.Scope != "" && p.Scope != sort.scope {
			continue
		}
		if err := sort.ask(); err != nil {
			return err
		}
	}
	if p.Scope != "" {
		p.Pager = c.keyPager(next)
	}
	return nil
}
