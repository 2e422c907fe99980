package gitlab

import "github.com/vitrine-ml/vitrine/internal/registry"

// namespaceRoutes are GitLab's (lib/api/namespaces.rb).
func namespaceRoutes() []route {
	one := "/namespaces/{id}"
	return tagged("Namespaces",
		op("GET", "/namespaces", access{gate: signedIn}, "List the namespaces that the caller is a member of", listNamespaces),
		op("GET", one, access{gate: memberOf}, "Get a namespace that the caller is a member of", getNamespace),
		op("GET", one+"/exists", access{gate: signedIn}, "Ask whether the path of a namespace is taken", namespaceExists),
	)
}

type namespaceFilter struct {
	paging
	Search  string `param:"search" doc:"Part of the name or path."`
	Owned   bool   `param:"owned_only" doc:"Only those that the caller owns."`
	TopOnly bool   `param:"top_level_only"`
}

func listNamespaces(c *call, in namespaceFilter) ([]namespaceJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.namespace)(c.s.OwnNamespaces(c.ctx(), registry.NamespaceQuery{Page: p, Order: registry.Order{By: "id"},
		Search: in.Search, Owned: in.Owned, TopOnly: in.TopOnly}))
}

func getNamespace(c *call, _ none) (namespaceJSON, error) {
	n, err := c.s.Namespace(c.ctx(), registry.ParseNamespaceRef(c.r.PathValue("id")))
	return c.namespace(n), err
}

type takenPath struct {
	ParentID int64 `param:"parent_id" doc:"The group to look in; the top unless told."`
}

type existenceJSON struct {
	Exists   bool     `json:"exists"`
	Suggests []string `json:"suggests"`
}

func namespaceExists(c *call, in takenPath) (existenceJSON, error) {
	taken, free, err := c.s.NamespaceTaken(c.ctx(), c.r.PathValue("id"), in.ParentID)
	out := existenceJSON{Exists: taken, Suggests: []string{}}
	if taken {
		out.Suggests = append(out.Suggests, free)
	}
	return out, err
}
