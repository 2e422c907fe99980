package web

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// anonymous is who has not signed in.
var anonymous auth.Actor

func homeRoutes() []route {
	return []route{
		get("/{$}", access{gate: anyone}, showHome),
		get("/-/projects/new", access{gate: signedIn}, newProject),
		get("/projects/new", access{gate: signedIn}, newProject), // GitLab's address
		post("/-/projects", access{gate: signedIn}, createProject),
	}
}

type homePage struct {
	frame
	Search   string
	Projects registry.List[registry.Project]
	Empty    bool // no model in any of them: say how to push one
}

// maxHome is how many projects the first page shows.
const maxHome = 50

// showHome is the first page: one's own projects, or the public ones.
func showHome(c *call) error {
	p := &homePage{frame: c.frame("Projects"), Search: strings.TrimSpace(c.r.URL.Query().Get("search"))}
	p.Section = "projects"
	q := registry.ProjectQuery{Search: p.Search, Membership: p.User != nil && !p.User.Admin && p.Search == "",
		Order: registry.Order{By: "last_activity_at", Desc: true}, Page: registry.Page{Limit: maxHome}}
	var err error
	if p.Projects, err = c.s.Projects(c.ctx(), q); err != nil {
		return err
	}
	p.Empty = p.Search == ""
	for _, pr := range p.Projects.Items {
		p.Empty = p.Empty && pr.ModelCount == 0
	}
	if p.User == nil && len(p.Projects.Items) == 0 && p.Search == "" {
		return c.goTo("/users/sign_in")
	}
	return c.render("home", p)
}

type projectForm struct {
	frame
	Name, Path, Namespace, Description, Problem string
	Visibility                                  []choice
}

func newProject(c *call) error {
	f := &projectForm{frame: c.frame("New project"), Visibility: visibilityChoices(registry.Private), Namespace: c.r.URL.Query().Get("namespace")}
	if f.Namespace == "" {
		f.Namespace = f.User.Username
	}
	return c.render("project_new", f)
}

func createProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	spec := registry.ProjectSpec{Name: c.field("name"), Path: c.field("path"), Description: c.r.PostFormValue("description"),
		Visibility: registry.Visibility(c.field("visibility"))}
	namespace := strings.Trim(c.field("namespace"), "/")
	p, err := c.createProject(namespace, spec)
	return c.answer(err, "The project is there. Push a first model.", "/"+p.FullPath, func(problem string) error {
		return c.renderAs(again, "project_new", &projectForm{frame: c.frame("New project"), Name: spec.Name, Path: spec.Path, Namespace: namespace,
			Description: spec.Description, Visibility: visibilityChoices(spec.Visibility), Problem: problem})
	})
}

// createProject makes a project in a group or person's namespace; none is one's
// own.
func (c *call) createProject(namespace string, spec registry.ProjectSpec) (registry.Project, error) {
	if namespace != "" {
		n, err := c.s.Namespace(c.ctx(), registry.NamespaceRef{Path: namespace})
		if err != nil {
			return registry.Project{}, err
		}
		spec.NamespaceID = n.ID
	}
	return c.s.CreateProject(c.ctx(), spec)
}
