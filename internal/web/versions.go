package web

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func versionRoutes() []route {
	return []route{
		get("/ml/models/{model}/versions/{version}", project(registry.ReadModels), showVersion),
		post("/ml/models/{model}/versions/{version}", project(registry.WriteModels), editVersion),
		post("/ml/models/{model}/versions/{version}/aliases", project(registry.WriteModels), setAlias),
		post("/ml/models/{model}/versions/{version}/aliases/delete", project(registry.WriteModels), deleteAlias),
		post("/ml/models/{model}/versions/{version}/stage", project(registry.WriteModels), setStage),
		post("/ml/models/{model}/versions/{version}/delete", project(registry.WriteModels), deleteVersion),
	}
}

type versionPage struct {
	frame
	Model     registry.Model
	Version   registry.Version
	Run       *registry.Run    // that made it, with what was logged, for those who may read runs
	Elsewhere []registry.Alias // of the model, that other versions have
	Shelf     shelf
	MayWrite  bool
	Problem   string
	Stages    []registry.VersionStage
	Path      string // of this page
	Archive   string // address of all files in one, without its format
}

// versionRefs reads the numbers of a version's address.
func (c *call) versionRefs() (registry.ModelRef, registry.VersionRef, error) {
	model, err := c.id("model", "model")
	if err != nil {
		return registry.ModelRef{}, registry.VersionRef{}, err
	}
	id, err := c.id("version", "version")
	return registry.ModelRef{ID: model}, registry.VersionRef{ID: id}, err
}

func showVersion(c *call) error { return c.version("", 200) }

// version shows a version with its files.
func (c *call) version(problem string, status int) error {
	model, which, err := c.versionRefs()
	if err != nil {
		return err
	}
	p := &versionPage{Problem: problem}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillVersion(s, p, model, which) }); err != nil {
		return err
	}
	if err := c.lookInto(&p.Shelf); err != nil {
		return err
	}
	return c.renderAs(status, "version", p)
}

func (c *call) fillVersion(s registry.Session, p *versionPage, model registry.ModelRef, which registry.VersionRef) error {
	ctx := c.ctx()
	pr, err := s.ProjectFor(ctx, c.ref, registry.ReadModels)
	if err != nil {
		return err
	}
	if p.Model, err = s.Model(ctx, c.ref, model); err != nil {
		return err
	}
	if p.Version, err = s.Version(ctx, c.ref, model, which); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "models", p.Model.Name+" "+p.Version.Semver,
		crumb{"Models", "/" + pr.FullPath + "/-/ml/models"}, crumb{p.Model.Name, modelPath(pr.FullPath, model.ID)})
	p.Path, p.Stages = versionPath(p.Version), registry.VersionStages
	p.MayWrite = c.may(ctx, s, registry.WriteModels)
	api := "/api/v4/projects/" + itoa(pr.ID)
	p.Archive = api + "/ml/models/" + itoa(model.ID) + "/versions/" + itoa(which.ID) + "/archive"
	if c.may(ctx, s, registry.ReadRuns) {
		if p.Run, err = c.maker(s, p.Version); err != nil {
			return err
		}
	}
	for _, a := range p.Model.Aliases {
		if a.VersionID != which.ID {
			p.Elsewhere = append(p.Elsewhere, a)
		}
	}
	p.Shelf.HowToAdd = "vitrine push ./folder " + cliName(pr.FullPath, p.Model.Name, p.Version.Semver)
	return c.fillShelf(s, pr.ID, &p.Shelf)
}

// maker gives the run that made a version: the one that it was registered from,
// or while that is not here, its own.
func (c *call) maker(s registry.Session, v registry.Version) (*registry.Run, error) {
	for _, which := range []registry.RunRef{{EID: v.Origin.RunEID}, {IID: v.RunIID}} {
		if which == (registry.RunRef{}) {
			continue
		}
		r, err := s.Run(c.ctx(), c.ref, which)
		if err == nil {
			return &r, nil
		}
		if !notThere(err) {
			return nil, err
		}
	}
	return nil, nil
}

// changeVersion reads a form about a version, does the work, and shows the
// version again, with what is wrong where that is something.
func (c *call) changeVersion(done string, work func(registry.ModelRef, registry.VersionRef) error) error {
	model, which, err := c.versionRefs()
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	err = work(model, which)
	if problem, ok := formProblem(err); ok {
		return c.version(problem, 422)
	}
	if err != nil {
		return err
	}
	c.flash(done)
	page := c.here()
	for _, act := range []string{"/aliases/delete", "/aliases", "/stage"} {
		page = strings.TrimSuffix(page, act)
	}
	return c.goTo(page)
}

// here is the path of the page that was asked for.
func (c *call) here() string {
	if of, ok := c.r.Context().Value(placeKey{}).(whose); ok {
		return of.base() + c.r.URL.Path
	}
	return c.r.URL.Path
}

func editVersion(c *call) error {
	return c.changeVersion("Saved.", func(model registry.ModelRef, which registry.VersionRef) error {
		card := strings.ReplaceAll(c.r.PostFormValue("description"), "\r\n", "\n")
		_, err := c.s.EditVersion(c.ctx(), c.ref, model, which, registry.VersionEdit{Description: &card})
		return err
	})
}

func setAlias(c *call) error {
	return c.changeVersion("The alias points here now.", func(model registry.ModelRef, which registry.VersionRef) error {
		name := strings.TrimPrefix(strings.TrimSpace(c.r.PostFormValue("name")), "@")
		spec := registry.AliasSpec{Name: name, Version: which}
		if from := c.r.PostFormValue("from"); from != "" {
			id, err := registry.ParseID("version", from)
			if err != nil {
				return err
			}
			spec.Expected = &id
		}
		_, err := c.s.SetAlias(c.ctx(), c.ref, model, spec)
		return err
	})
}

func deleteAlias(c *call) error {
	return c.changeVersion("The alias is gone.", func(model registry.ModelRef, _ registry.VersionRef) error {
		return c.s.DeleteAlias(c.ctx(), c.ref, model, c.r.PostFormValue("name"), nil)
	})
}

// setStage moves a version to a stage; what else is there may be archived.
func setStage(c *call) error {
	return c.changeVersion("The stage is set.", func(model registry.ModelRef, which registry.VersionRef) error {
		stage := registry.VersionStage(c.r.PostFormValue("stage"))
		move := registry.StageMove{Stage: stage, RetireOthers: stage.Serving() && c.r.PostFormValue("alone") != ""}
		_, err := c.s.MoveToStage(c.ctx(), c.ref, model, which, move)
		return err
	})
}

func deleteVersion(c *call) error {
	model, which, err := c.versionRefs()
	if err != nil {
		return err
	}
	if err := c.s.May(c.ctx(), c.ref, registry.WriteModels); err != nil {
		return err
	}
	v, err := c.s.Version(c.ctx(), c.ref, model, which)
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	if !c.confirmed(v.Semver) {
		return c.version("Type "+v.Semver+" to delete the version; nothing was deleted.", 422)
	}
	if err := c.s.DeleteVersion(c.ctx(), c.ref, model, which); err != nil {
		return err
	}
	c.flash("The version " + v.Semver + " is deleted.")
	return c.goTo(modelPath(v.ProjectPath, v.ModelID) + "/versions")
}
