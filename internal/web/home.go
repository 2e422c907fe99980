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
	Name, Path, Description, Visibility, Problem string
}

func newProject(c *call) error {
	return c.render("project_new", &projectForm{frame: c.frame("New project"), Visibility: string(registry.Private)})
}

func createProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	v := c.r.PostFormValue
	f := &projectForm{Name: v("name"), Path: v("path"), Description: v("description"), Visibility: v("visibility")}
	p, err := c.s.CreateProject(c.ctx(), registry.ProjectSpec{Name: f.Name, Path: f.Path, Description: f.Description,
		Visibility: registry.Visibility(f.Visibility)})
	if problem, ok := formProblem(err); ok {
		f.frame, f.Problem = c.frame("New project"), problem
		return c.renderAs(422, "project_new", f)
	}
	if err != nil {
		return err
	}
	c.flash("The project is there. Push a first model.")
	return c.goTo("/" + p.FullPath)
}
