package web

import (
	"net/http"
	"strings"
	"time"

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
		get("/-/welcome", access{gate: signedIn}, showWelcome),
		post("/-/welcome", access{gate: signedIn}, firstToken),
	}
}

type homePage struct {
	frame
	Search   string
	Projects registry.List[registry.Project]
	Models   registry.List[registry.Model] // the latest changed that one may see
	Pager    pager
}

// maxRecent is how many models the first page shows.
const maxRecent = 8

// showHome is the first page: one's own projects, or the public ones, and the
// models that changed last. While there is no model at all, it is the welcome.
func showHome(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &homePage{frame: c.frame("Projects"), Search: c.search()}
	p.Section = "projects"
	q := registry.ProjectQuery{Search: p.Search, Membership: p.User != nil && !p.User.Admin && p.Search == "",
		Order: registry.Order{By: "last_activity_at", Desc: true}, Page: page}
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		if p.Projects, err = s.Projects(c.ctx(), q); err != nil || p.Search != "" {
			return err
		}
		p.Models, err = s.FindModels(c.ctx(), registry.FindQuery{Page: registry.Page{Limit: maxRecent, NoTotal: true}})
		return err
	})
	switch {
	case err != nil:
		return err
	case p.User == nil && len(p.Projects.Items) == 0 && p.Search == "":
		return c.goTo("/users/sign_in")
	case p.User != nil && len(p.Projects.Items) > 0 && len(p.Models.Items) == 0 && p.Search == "" && page.After == nil:
		return c.welcome(&welcomePage{Place: p.Projects.Items[0].FullPath}, http.StatusOK)
	}
	p.Pager = c.keyPager(p.Projects.Next)
	return c.render("home", p)
}

// welcomePage shows how to push a first model, and makes a token for it.
type welcomePage struct {
	frame
	Place   string // full path of the project
	Made    string // a token, shown this once
	Problem string
}

// showWelcome is the page for whoever wants it again.
func showWelcome(c *call) error {
	return c.welcome(&welcomePage{Place: c.r.URL.Query().Get("project")}, http.StatusOK)
}

func (c *call) welcome(p *welcomePage, status int) error {
	if p.Place == "" {
		p.Place = registry.RootName + "/" + registry.RootProject
	}
	pr, err := c.s.Project(c.ctx(), registry.ProjectRef{Path: p.Place})
	if err != nil {
		return err
	}
	p.frame, p.Place = c.frame("Welcome"), pr.FullPath
	return c.renderAs(status, "welcome", p)
}

// firstLife is how long the token lives that the welcome makes.
const firstLife = 30 * 24 * time.Hour

// firstToken makes a token of the person's own and shows it once, in the command
// that keeps it.
func firstToken(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	place := c.field("project")
	if _, err := c.s.Project(c.ctx(), registry.ProjectRef{Path: place}); err != nil {
		return err
	}
	made, err := c.s.CreateToken(c.ctx(), c.s.Actor().UserID, registry.TokenSpec{Name: "first steps", Description: "made on the welcome page",
		Scopes: []string{"api"}, ExpiresAt: time.Now().Add(firstLife).UTC().Truncate(24 * time.Hour)})
	if err == nil {
		return c.welcome(&welcomePage{Place: place, Made: made.Secret}, http.StatusOK)
	}
	return c.answer(err, "", "", func(problem string) error { return c.welcome(&welcomePage{Place: place, Problem: problem}, again) })
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
