package web

import (
	"math"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func runRoutes() []route {
	return []route{
		get("/ml/candidates/{run}", project(registry.ReadRuns), showRun),
		get("/ml/candidates/{run}/live", project(registry.ReadRuns), followRun),
		post("/ml/candidates/{run}/promote", project(registry.WriteModels), promoteRun),
		post("/ml/candidates/{run}/delete", project(registry.WriteRuns), deleteRun),
	}
}

type runPage struct {
	frame
	Run        registry.Run
	Experiment registry.Experiment
	Shelf      shelf
	Live       bool // it is at work, and the page follows it
	MayWrite   bool
	Problem    string
}

func showRun(c *call) error { return c.run("", 200) }

// run shows a run with its files.
func (c *call) run(problem string, status int) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	p := &runPage{Problem: problem}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillRun(s, p, iid) }); err != nil {
		return err
	}
	if err := c.judge(&p.Shelf); err != nil {
		return err
	}
	return c.renderAs(status, "run", p)
}

func (c *call) fillRun(s registry.Session, p *runPage, iid int64) error {
	ctx := c.ctx()
	pr, err := s.ProjectFor(ctx, c.ref, registry.ReadRuns)
	if err != nil {
		return err
	}
	if p.Run, err = s.Run(ctx, c.ref, registry.RunRef{IID: iid}); err != nil {
		return err
	}
	p.Live = p.Run.Status == registry.Running
	if p.Experiment, err = s.Experiment(ctx, c.ref, registry.ExperimentRef{IID: p.Run.ExperimentIID}); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "experiments", p.Run.Name, crumb{"Experiments", "/" + pr.FullPath + "/-/ml/experiments"},
		crumb{p.Experiment.Name, "/" + pr.FullPath + "/-/ml/experiments/" + itoa(p.Experiment.IID)})
	p.MayWrite = c.may(ctx, s, registry.WriteRuns)
	p.Shelf.HowToAdd = "vitrine run put model.onnx --run " + pr.FullPath + "#" + itoa(p.Run.IID)
	return c.fillShelf(s, pr.ID, &p.Shelf)
}

// promoteRun makes a version of a candidate.
func promoteRun(c *call) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	v, err := c.s.PromoteRun(c.ctx(), c.ref, registry.RunRef{IID: iid},
		registry.Promotion{VersionSpec: registry.VersionSpec{Semver: c.r.PostFormValue("version")}})
	if err != nil {
		return err
	}
	c.flash("The run is version " + v.Semver + " now.")
	return c.goTo(modelPath(v.ProjectPath, v.ModelID) + "/versions/" + itoa(v.ID))
}

func deleteRun(c *call) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	r, err := c.s.Run(c.ctx(), c.ref, registry.RunRef{IID: iid})
	if err != nil {
		return err
	}
	if err := c.s.DeleteRun(c.ctx(), c.ref, registry.RunRef{IID: iid}); err != nil {
		return err
	}
	c.flash("The run " + r.Name + " is deleted.")
	return c.goTo("/" + r.ProjectPath + "/-/ml/experiments/" + itoa(r.ExperimentIID))
}

// figure writes a measured value as short as it can be told apart.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// exactly writes a measured value with all that it has.
func exactly(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// paramOf and metricOf find what a run has logged, for the cells of tables.
func paramOf(r registry.Run, key string) string {
	for _, p := range r.Params {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

func metricOf(r registry.Run, key string) string {
	for _, m := range r.Metrics {
		if m.Key == key {
			return figure(m.Value)
		}
	}
	return ""
}
