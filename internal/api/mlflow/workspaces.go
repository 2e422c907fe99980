package mlflow

import (
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// MLflow's workspaces are the projects, by their full paths. They are made and
// changed by those who manage projects, at GitLab's addresses.
func workspaceRoutes() []route {
	return []route{
		v3("GET", "/mlflow/workspaces", access{gate: signedIn}, listWorkspaces),
		v3("GET", "/mlflow/workspaces/{workspace_name}", access{gate: anyone}, getWorkspace),
	}
}

type workspaceJSON struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type workspacesAnswer struct {
	Workspaces []workspaceJSON `json:"workspaces,omitempty"`
}

// listWorkspaces lists the projects that the caller is a member of; MLflow's
// message has no pages, so there is an end to it.
func listWorkspaces(c *call, _ none) (workspacesAnswer, error) {
	found, err := c.s.Projects(c.ctx(), registry.ProjectQuery{Membership: true, Order: registry.Order{By: "path"},
		Page: registry.Page{Limit: registry.MaxLimit, NoTotal: true}})
	var out workspacesAnswer
	for _, p := range found.Items {
		out.Workspaces = append(out.Workspaces, workspaceJSON{p.FullPath, p.Description})
	}
	return out, err
}

type workspaceAnswer struct {
	Workspace workspaceJSON `json:"workspace"`
}

func getWorkspace(c *call, _ none) (workspaceAnswer, error) {
	ref, name := workspace(c.r.PathValue("workspace_name"))
	p, err := c.s.Project(c.ctx(), ref)
	if name != "default" {
		name = p.FullPath
	}
	return workspaceAnswer{workspaceJSON{name, p.Description}}, err
}
