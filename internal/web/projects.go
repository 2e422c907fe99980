package web

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func projectRoutes() []route {
	return []route{
		get("/{$}", project(registry.ReadProject), showProject),
	}
}

// showProject leads to what a project is for: its models, or where these are
// off, its experiments. Other places without a divider lead on, too.
func showProject(c *call) error {
	p, err := c.s.Project(c.ctx(), c.ref)
	if notThere(err) {
		return c.elsewhere(err)
	}
	if err != nil {
		return err
	}
	if p.Features.Models == registry.Disabled {
		return c.goTo("/" + p.FullPath + "/-/ml/experiments")
	}
	return c.goTo("/" + p.FullPath + "/-/ml/models")
}

// undivided are pages of projects that GitLab has without a divider.
var undivided = map[string]string{"edit": "/-/edit", "activity": "/-/activity"}

// elsewhere leads from an address that is no project to the group or person of
// that path, or to the page that GitLab has there.
func (c *call) elsewhere(missing error) error {
	path := c.ref.Path
	n, err := c.s.Group(c.ctx(), registry.NamespaceRef{Path: path})
	if err == nil {
		return c.goTo(groupPrefix + n.FullPath)
	}
	i := strings.LastIndexByte(path, '/')
	if page := undivided[path[i+1:]]; i > 0 && page != "" && strings.Contains(path[:i], "/") {
		return c.goTo("/" + path[:i] + page)
	}
	return missing
}

// perPage is the length of lists.
const perPage = 30

// pager says how to go on in a list: by pages, or by keys, where there is no
// number and no way back but to the beginning.
type pager struct {
	Page              int
	Total             int64 // -1: unknown
	First, Prev, Next string
}

// page gives the wanted part of a list.
func (c *call) page() (registry.Page, int) {
	n := max(atoi(c.r.URL.Query().Get("page")), 1)
	return registry.Page{Limit: perPage, Offset: (n - 1) * perPage}, n
}

// pager makes the links around a part of a list.
func (c *call) pager(n int, total int64, more bool) pager {
	link := func(to int) string {
		q := c.r.URL.Query()
		q.Set("page", itoa(int64(to)))
		return "?" + q.Encode()
	}
	p := pager{Page: n, Total: total}
	if n > 1 {
		p.Prev = link(n - 1)
	}
	if more {
		p.Next = link(n + 1)
	}
	return p
}

// order reads "name" or "-name" from the address, among what the list knows.
func (c *call) order(initial string, known ...string) (registry.Order, string) {
	by := c.r.URL.Query().Get("sort")
	for _, k := range known {
		if by == k || by == "-"+k {
			return registry.Order{By: k, Desc: strings.HasPrefix(by, "-")}, by
		}
	}
	return registry.Order{By: strings.TrimPrefix(initial, "-"), Desc: strings.HasPrefix(initial, "-")}, initial
}
