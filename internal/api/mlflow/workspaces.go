package mlflow

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// MLflow's workspaces are the projects. They are made and changed by those who
// manage projects, at GitLab's addresses.
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
		out.Workspaces = append(out.Workspaces, workspaceJSON{workspaceName(p), aboutWorkspace(p)})
	}
	return out, err
}

type workspaceAnswer struct {
	Workspace workspaceJSON `json:"workspace"`
}

func getWorkspace(c *call, _ none) (workspaceAnswer, error) {
	asked := c.r.PathValue("workspace_name")
	ref, _ := workspace(asked)
	p, err := c.s.Project(c.ctx(), ref)
	name := workspaceName(p)
	if strings.Contains(asked, "/") {
		name = p.FullPath
	}
	return workspaceAnswer{workspaceJSON{name, aboutWorkspace(p)}}, err
}

// noSlug is what the name of a workspace has none of.
var noSlug = regexp.MustCompile(`[^a-z0-9]+`)

// maxSlug bounds the readable part of a workspace's name.
const maxSlug = 40

// workspaceName names a project by a word that MLflow's clients and pages take
// for a workspace: 2 to 63 small letters, digits and hyphens
// (WorkspaceNameValidator of mlflow/store/workspace). Only the number counts.
func workspaceName(p registry.Project) string {
	if p.FullPath == defaultProject {
		return defaultWorkspace
	}
	slug := noSlug.ReplaceAllString(strings.ToLower(p.Path), "-")
	slug = strings.Trim(slug[:min(len(slug), maxSlug)], "-")
	if slug == "" {
		slug = "project"
	}
	return slug + "-" + strconv.FormatInt(p.ID, 10)
}

// aboutWorkspace tells which project a workspace is.
func aboutWorkspace(p registry.Project) string {
	if p.Description == "" {
		return p.FullPath
	}
	return p.FullPath + ": " + p.Description
}

// slugged is a name that workspaceName gives.
var slugged = regexp.MustCompile(`^[a-z0-9-]+-([1-9][0-9]*)$`)

// Workspace gives the project that a workspace's name means; it need not be there.
func Workspace(name string) registry.ProjectRef {
	ref, _ := workspace(name)
	return ref
}

// workspace gives the project that a workspace's name means, and the name. It
// may be the project's path or number as well; paths have a slash always.
func workspace(name string) (registry.ProjectRef, string) {
	if name == "" || name == defaultWorkspace {
		return registry.ProjectRef{Path: defaultProject}, defaultWorkspace
	}
	if m := slugged.FindStringSubmatch(name); m != nil {
		return registry.ParseProjectRef(m[1]), name
	}
	return registry.ParseProjectRef(name), name
}
