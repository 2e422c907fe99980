package web

import (
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func versionRoutes() []route {
	return []route{
		get("/ml/models/{model}/versions/{version}", project(registry.ReadModels), showVersion),
	}
}

type versionPage struct {
	frame
	Model   registry.Model
	Version registry.Version
	Files   registry.List[registry.File]
	MayPull bool
	// Download is the address of the folder of its files, without a slash.
	Download string
}

// maxFiles is how many files the page of a version shows.
const maxFiles = 100

// showVersion shows a version with its files.
func showVersion(c *call) error {
	model, err := c.id("model", "model")
	if err != nil {
		return err
	}
	id, err := c.id("version", "version")
	if err != nil {
		return err
	}
	p := &versionPage{}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillVersion(s, p, model, id) }); err != nil {
		return err
	}
	return c.render("version", p)
}

func (c *call) fillVersion(s registry.Session, p *versionPage, model, id int64) error {
	ctx, ref := c.ctx(), registry.ModelRef{ID: model}
	pr, err := s.ProjectFor(ctx, c.ref, registry.ReadModels)
	if err != nil {
		return err
	}
	if p.Model, err = s.Model(ctx, c.ref, ref); err != nil {
		return err
	}
	if p.Version, err = s.Version(ctx, c.ref, ref, registry.VersionRef{ID: id}); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "models", p.Model.Name+" "+p.Version.Semver,
		crumb{"Models", "/" + pr.FullPath + "/-/ml/models"}, crumb{p.Model.Name, modelPath(pr.FullPath, model)})
	p.Download = "/api/v4/projects/" + itoa(pr.ID) + "/packages/ml_models/" + itoa(id) + "/files"
	if p.MayPull = c.may(ctx, s, registry.PullFiles); !p.MayPull {
		return nil
	}
	p.Files, err = s.Files(ctx, c.ref, registry.PackageRef{VersionID: id}, registry.FileQuery{Page: registry.Page{Limit: maxFiles}})
	return err
}
