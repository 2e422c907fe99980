package web

import (
	"path"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// loggedHome is where the page of a logged model is: what a run has made with
// MLflow 3, and nobody has registered yet. GitLab has no such page.
const loggedHome = "/ml/logged/{logged}"

func loggedRoutes() []route {
	return []route{
		get(loggedHome, project(registry.ReadRuns), showLogged),
		get(loggedHome+"/files/{path...}", project(registry.PullFiles), showFile),
		get(loggedHome+"/raw/{path...}", project(registry.PullFiles), showRaw).withBytes(),
		get(loggedHome+"/download/{path...}", project(registry.PullFiles), downloadLogged).withBytes(),
	}
}

// loggedHolder reads the address of a page about a logged model.
func (c *call) loggedHolder() holder {
	eid := c.r.PathValue("logged")
	home := "/" + c.ref.Path + "/-/ml/logged/" + escapePath(eid)
	return holder{pkg: registry.PackageRef{Logged: eid}, home: home, api: home + "/download"}
}

type loggedPage struct {
	frame
	Model registry.LoggedModel
	Run   *registry.Run // that made it
	Shelf shelf
}

// showLogged shows a logged model with its files.
func showLogged(c *call) error {
	p := &loggedPage{}
	err := c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.ProjectFor(c.ctx(), c.ref, registry.ReadRuns)
		if err != nil {
			return err
		}
		if p.Model, err = s.LoggedModel(c.ctx(), c.ref, registry.LoggedModelRef{EID: c.r.PathValue("logged")}); err != nil {
			return err
		}
		below := "/" + pr.FullPath + "/-/ml/experiments"
		p.frame = c.projectFrame(pr, "experiments", orElse(p.Model.Name, p.Model.EID), crumb{"Experiments", below})
		if p.Model.SourceRun != "" {
			found, err := s.RunsByEID(c.ctx(), c.ref, []string{p.Model.SourceRun})
			if err != nil {
				return err
			}
			if r, ok := found[p.Model.SourceRun]; ok {
				p.Run = &r
				p.Crumbs = append(p.Crumbs, crumb{r.Name, "/" + pr.FullPath + "/-/ml/candidates/" + itoa(r.IID)})
			}
		}
		if err := c.fillShelf(s, pr.ID, &p.Shelf); err != nil {
			return err
		}
		p.Shelf.MayPush = false // its files come with what MLflow logs
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.lookInto(&p.Shelf); err != nil {
		return err
	}
	return c.render("logged", p)
}

// downloadLogged gives a file of a logged model, for which GitLab's API has no
// address.
func downloadLogged(c *call) error {
	h := c.loggedHolder()
	if err := c.stillLogged(h); err != nil {
		return err
	}
	f, content, err := c.s.OpenFile(c.ctx(), c.ref, h.pkg, c.r.PathValue("path"))
	if err != nil {
		return err
	}
	return httpx.ServeBlob(c.w, c.r, httpx.Content{Name: path.Base(f.Path), Digest: f.Digest, Size: f.Size, ModTime: f.UpdatedAt, Attachment: true, Open: opened(content)})
}

// stillLogged hides the files of logged models that were deleted, which stay
// for those that restore them.
func (c *call) stillLogged(h holder) error {
	if h.pkg.Logged == "" {
		return nil
	}
	_, err := c.s.LoggedModel(c.ctx(), c.ref, registry.LoggedModelRef{EID: h.pkg.Logged})
	return err
}
