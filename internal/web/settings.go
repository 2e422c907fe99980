package web

import (
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// settingsRoutes are what can be changed about a project itself. GitLab has the
// page at /:project/edit, which leads here.
func settingsRoutes() []route {
	return []route{
		get("/edit", project(registry.EditProject), showSettings),
		post("/edit", project(registry.EditProject), editProject),
		post("/edit/path", project(registry.EditProject), renameProject),
		post("/edit/archive", project(registry.EditProject), archiveProject),
		post("/edit/transfer", project(registry.MoveProject), moveProject),
		post("/edit/delete", project(registry.DeleteProject), deleteProject),
	}
}

type settingsPage struct {
	frame
	Name, Description, Path string // as given in the form
	Visibility              []choice
	Levels                  []levelChoice
	Duplicates              registry.DuplicateRule
	Own                     bool // the viewer may move and delete the project
	Problem                 string
}

// levelChoice is for whom a part of a project is on.
type levelChoice struct {
	Name, Text string
	Choices    []choice
}

// visibilities are the texts of who may see a place.
var visibilities = []choice{{Value: string(registry.Private), Text: "Members only"},
	{Value: string(registry.Internal), Text: "Everybody with an account"}, {Value: string(registry.Public), Text: "Everybody"}}

func visibilityChoices(chosen registry.Visibility) []choice {
	return chooseFrom(visibilities, string(chosen))
}

// levelTexts are the texts of for whom a part is on.
var levelTexts = []choice{{Value: string(registry.Enabled), Text: "Whoever sees the project"},
	{Value: string(registry.MembersOnly), Text: "Members only"}, {Value: string(registry.Disabled), Text: "Off"}}

// packageTexts are those for packages, as GitLab has them.
var packageTexts = append([]choice{{Value: string(registry.Everyone), Text: "Everybody, even where the project is hidden"}}, levelTexts...)

// chooseFrom marks the chosen one.
func chooseFrom(all []choice, chosen string) []choice {
	out := make([]choice, len(all))
	for i, c := range all {
		c.Chosen = c.Value == chosen
		out[i] = c
	}
	return out
}

// The fields of the form, named as GitLab's API names the levels.
const (
	modelsField      = "model_registry_access_level"
	experimentsField = "model_experiments_access_level"
	packagesField    = "package_registry_access_level"
)

func levelChoices(f registry.Features) []levelChoice {
	return []levelChoice{
		{modelsField, "Models", chooseFrom(levelTexts, string(f.Models))},
		{experimentsField, "Experiments and runs", chooseFrom(levelTexts, string(f.Experiments))},
		{packagesField, "Files and packages", chooseFrom(packageTexts, string(f.Packages))},
	}
}

func showSettings(c *call) error { return c.settings("", http.StatusOK, nil) }

// settings shows what can be changed; with a problem, as it was given.
func (c *call) settings(problem string, status int, given *registry.ProjectEdit) error {
	p, err := c.s.ProjectFor(c.ctx(), c.ref, registry.EditProject)
	if err != nil {
		return err
	}
	page := &settingsPage{frame: c.projectFrame(p, "general", "Settings"), Problem: problem, Own: c.s.Allowed(p, registry.MoveProject) == nil,
		Duplicates: p.Duplicates}
	if given != nil {
		for _, f := range []struct{ to, from *string }{{&p.Name, given.Name}, {&p.Description, given.Description}, {&p.Path, given.Path}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
	}
	page.Name, page.Description, page.Path = p.Name, p.Description, p.Path
	page.Visibility, page.Levels = visibilityChoices(p.Visibility), levelChoices(p.Features)
	return c.renderAs(status, "settings", page)
}

// edited changes the project and goes back to the settings, or wherever they
// are then.
func (c *call) edited(e registry.ProjectEdit, done string) error {
	p, err := c.s.EditProject(c.ctx(), c.ref, e)
	return c.answer(err, done, "/"+p.FullPath+"/-/edit", func(problem string) error { return c.settings(problem, again, &e) })
}

func editProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	name, description := c.field("name"), strings.ReplaceAll(c.r.PostFormValue("description"), "\r\n", "\n")
	visibility := registry.Visibility(c.field("visibility"))
	models, experiments, packages := registry.Level(c.field(modelsField)), registry.Level(c.field(experimentsField)), registry.Level(c.field(packagesField))
	allowed, except := c.field("duplicates") == "allowed", c.field("duplicates_except")
	return c.edited(registry.ProjectEdit{Name: &name, Description: &description, Visibility: &visibility,
		Models: &models, Experiments: &experiments, Packages: &packages, DuplicatesAllowed: &allowed, DuplicatesExcept: &except}, "Saved.")
}

func renameProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	path := c.field("path")
	return c.edited(registry.ProjectEdit{Path: &path}, "The project has a new path. The old one leads here.")
}

func archiveProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	archived, done := c.field("archived") == "true", "The project can be changed again."
	if archived {
		done = "The project is archived: everything can be read, nothing changed."
	}
	return c.edited(registry.ProjectEdit{Archived: &archived}, done)
}

func moveProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p, err := c.s.MoveProject(c.ctx(), c.ref, registry.NamespaceRef{Path: strings.Trim(c.field("namespace"), "/")})
	return c.answer(err, "The project has moved. The old path leads here.", "/"+p.FullPath+"/-/edit", func(problem string) error {
		return c.settings(problem, again, nil)
	})
}

func deleteProject(c *call) error {
	p, err := c.s.ProjectFor(c.ctx(), c.ref, registry.DeleteProject)
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	if !c.confirmed(p.FullPath) {
		return c.settings("Type "+p.FullPath+" to delete the project; nothing was deleted.", again, nil)
	}
	if err := c.s.DeleteProject(c.ctx(), c.ref); err != nil {
		return err
	}
	c.flash("The project " + p.FullPath + " is deleted.")
	return c.goTo("/")
}
