package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// modelPage is a model with one of its tabs.
type modelPage struct {
	frame
	Tab        string
	Model      registry.Model
	Latest     *registry.Version
	Loadable   bool // MLflow can load it
	Versions   registry.List[registry.Version]
	Candidates registry.List[registry.Run]
	Pager      pager
	Search     string
	MayWrite   bool
	Next       string // semantic version that a new one would get
	Card, Name string // as given in the form
	Problem    string
	Path       string // of the model, without a slash at its end
	Encoded    string // project's path as one segment of an API address
}

// LatestPath is the address of the latest version, beside whose files the card
// lies; empty without one.
func (p *modelPage) LatestPath() string {
	if p.Model.LatestID == 0 {
		return ""
	}
	return p.Path + "/versions/" + itoa(p.Model.LatestID)
}

// modelTab finds a model for one of its tabs and lets fill ask for more, all at
// one moment.
func (c *call) modelTab(tab string, p registry.Permission, fill func(s registry.Session, page *modelPage, ref registry.ModelRef) error) (*modelPage, error) {
	id, err := c.id("model", "model")
	if err != nil {
		return nil, err
	}
	page, ref := &modelPage{Tab: tab}, registry.ModelRef{ID: id}
	return page, c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.ProjectFor(c.ctx(), c.ref, p)
		if err != nil {
			return err
		}
		if page.Model, err = s.Model(c.ctx(), c.ref, ref); err != nil {
			return err
		}
		page.frame = c.projectFrame(pr, "models", page.Model.Name, crumb{"Models", "/" + pr.FullPath + "/-/ml/models"})
		page.Path, page.Encoded = modelPath(pr.FullPath, id), strings.ReplaceAll(pr.FullPath, "/", "%2F")
		page.MayWrite = c.may(c.ctx(), s, registry.WriteModels)
		page.Card, page.Name = page.Model.Description, page.Model.Name
		if fill == nil {
			return nil
		}
		return fill(s, page, ref)
	})
}

// showModel shows a model's card, its latest version, and how to get it.
func showModel(c *call) error {
	p, err := c.modelTab("overview", registry.ReadModels, func(s registry.Session, p *modelPage, ref registry.ModelRef) error {
		if p.Model.LatestID == 0 {
			return nil
		}
		v, err := s.Version(c.ctx(), c.ref, ref, registry.VersionRef{ID: p.Model.LatestID})
		if p.Latest = &v; err != nil || !c.may(c.ctx(), s, registry.PullFiles) {
			return err
		}
		_, err = s.StatFile(c.ctx(), c.ref, registry.PackageRef{VersionID: v.ID}, "MLmodel")
		if p.Loadable = err == nil; notThere(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.render("model", p)
}

// showModelVersions lists the versions of a model, the highest first.
func showModelVersions(c *call) error {
	page, n := c.page()
	p, err := c.modelTab("versions", registry.ReadModels, func(s registry.Session, p *modelPage, ref registry.ModelRef) error {
		p.Search = strings.TrimSpace(c.r.URL.Query().Get("search"))
		var err error
		p.Versions, err = s.Versions(c.ctx(), c.ref, ref, registry.VersionQuery{Page: page, Prefix: p.Search,
			Order: registry.Order{By: "version", Desc: true}})
		if err != nil || !p.MayWrite {
			return err
		}
		p.Next, err = s.NextVersion(c.ctx(), c.ref, ref)
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.pager(n, p.Versions.Total, p.Versions.More)
	return c.render("model_versions", p)
}

// showCandidates lists the runs of a model that are not versions.
func showCandidates(c *call) error {
	page, n := c.page()
	p, err := c.modelTab("candidates", registry.ReadRuns, func(s registry.Session, p *modelPage, ref registry.ModelRef) error {
		var err error
		p.Candidates, err = s.Runs(c.ctx(), c.ref, registry.RunQuery{ModelID: ref.ID, Page: page, Order: registry.Order{By: "id", Desc: true}})
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.pager(n, p.Candidates.Total, p.Candidates.More)
	return c.render("model_candidates", p)
}

func showModelEdit(c *call) error {
	p, err := c.modelTab("settings", registry.WriteModels, nil)
	if err != nil {
		return err
	}
	return c.render("model_edit", p)
}

// refuseEdit shows the form again, with what was given and what is wrong.
func (c *call) refuseEdit(problem string, given func(*modelPage)) error {
	p, err := c.modelTab("settings", registry.WriteModels, nil)
	if err != nil {
		return err
	}
	p.Problem = problem
	given(p)
	return c.renderAs(http.StatusUnprocessableEntity, "model_edit", p)
}

func editModel(c *call) error {
	id, err := c.id("model", "model")
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	name, card := c.r.PostFormValue("name"), strings.ReplaceAll(c.r.PostFormValue("description"), "\r\n", "\n")
	m, err := c.s.EditModel(c.ctx(), c.ref, registry.ModelRef{ID: id}, registry.ModelEdit{Name: &name, Description: &card})
	if problem, ok := formProblem(err); ok {
		return c.refuseEdit(problem, func(p *modelPage) { p.Name, p.Card = name, card })
	}
	if err != nil {
		return err
	}
	c.flash("Saved.")
	return c.goTo(modelPath(m.ProjectPath, id))
}

// previewCard gives a piece of a page: a card as it would show.
func previewCard(c *call) error {
	p, err := c.modelTab("settings", registry.WriteModels, nil)
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	html, err := c.d.cardOf(c.r.PostFormValue("description"), p.LatestPath())
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = c.w.Write([]byte(html))
	return err
}

// confirmed reports whether somebody typed the name of what they delete.
func (c *call) confirmed(name string) bool {
	return strings.TrimSpace(c.r.PostFormValue("confirm")) == name
}

func deleteModel(c *call) error {
	p, err := c.modelTab("settings", registry.WriteModels, nil)
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	if !c.confirmed(p.Model.Name) {
		return c.refuseEdit("Type the model's name to delete it; nothing was deleted.", func(*modelPage) {})
	}
	if err := c.s.DeleteModel(c.ctx(), c.ref, registry.ModelRef{ID: p.Model.ID}); err != nil {
		return err
	}
	c.flash("The model " + p.Model.Name + " is deleted.")
	return c.goTo("/" + p.Model.ProjectPath + "/-/ml/models")
}

func createVersion(c *call) error {
	id, err := c.id("model", "model")
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	v, err := c.s.CreateVersion(c.ctx(), c.ref, registry.ModelRef{ID: id}, registry.VersionSpec{Semver: strings.TrimSpace(c.r.PostFormValue("version"))})
	if err != nil {
		return err
	}
	return c.goTo(versionPath(v))
}

// may reports whether the viewer has a permission in the project of the page.
func (c *call) may(ctx context.Context, s registry.Session, p registry.Permission) bool {
	return s.May(ctx, c.ref, p) == nil
}

// modelPath is the address of a model's page.
func modelPath(project string, id int64) string { return "/" + project + "/-/ml/models/" + itoa(id) }

// versionPath is the address of a version's page.
func versionPath(v registry.Version) string {
	return modelPath(v.ProjectPath, v.ModelID) + "/versions/" + itoa(v.ID)
}

// notThere reports whether an error says that a thing is missing.
func notThere(err error) bool { return fault.Is(err, fault.NotFound) }
