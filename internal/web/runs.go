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
	Parent     *registry.Run // the run that it is a part of
	Curves     []string      // metrics with more than one point
	Shelf      shelf
	Live       bool // it is at work, and the page follows it
	MayWrite   bool
	Promotion  promotionForm
	Problem    string
}

// promotionForm is what a run of a plain experiment can become a version of.
type promotionForm struct {
	Models                []string // those that change most, to be chosen from
	Files                 []choice // the models that it has made, and its own files
	Into, Version, Logged string   // as given
}

// parentTag is where MLflow's clients say which run a run is a part of.
const parentTag = "mlflow.parentRunId"

func showRun(c *call) error { return c.run(&runPage{}, 200) }

// run shows a run with its files.
func (c *call) run(p *runPage, status int) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillRun(s, p, iid) }); err != nil {
		return err
	}
	if err := c.lookInto(&p.Shelf); err != nil {
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
	pulse, err := s.Pulse(ctx, c.ref, registry.RunRef{IID: iid})
	if err != nil {
		return err
	}
	for _, m := range pulse.Tips {
		if m.Points > 1 {
			p.Curves = append(p.Curves, m.Key)
		}
	}
	if p.Experiment, err = s.Experiment(ctx, c.ref, registry.ExperimentRef{IID: p.Run.ExperimentIID}); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "experiments", p.Run.Name, crumb{"Experiments", "/" + pr.FullPath + "/-/ml/experiments"},
		crumb{p.Experiment.Name, "/" + pr.FullPath + "/-/ml/experiments/" + itoa(p.Experiment.IID)})
	p.MayWrite = c.may(ctx, s, registry.WriteRuns)
	if err := c.fillParent(s, p); err != nil {
		return err
	}
	if err := c.fillPromotion(s, p); err != nil {
		return err
	}
	p.Shelf.HowToAdd = "vitrine run put model.onnx --run " + pr.FullPath + "#" + itoa(p.Run.IID)
	return c.fillShelf(s, pr.ID, &p.Shelf)
}

// fillParent finds the run that a run is a part of, if it is still there.
func (c *call) fillParent(s registry.Session, p *runPage) error {
	for _, t := range p.Run.Tags {
		if t.Key != parentTag {
			continue
		}
		found, err := s.RunsByEID(c.ctx(), c.ref, []string{t.Value})
		if r, ok := found[t.Value]; ok {
			p.Parent = &r
		}
		return err
	}
	return nil
}

// maxOffered bounds the models that a form offers.
const maxOffered = 50

// fillPromotion finds what a run can be promoted to. A candidate has its model.
func (c *call) fillPromotion(s registry.Session, p *runPage) error {
	if !p.MayWrite || p.Run.ModelID != 0 || !c.may(c.ctx(), s, registry.WriteModels) {
		return nil
	}
	l, err := s.Models(c.ctx(), c.ref, registry.ModelQuery{Page: registry.Page{Limit: maxOffered, NoTotal: true}, Order: registry.Order{By: "updated_at", Desc: true}})
	for _, m := range l.Items {
		p.Promotion.Models = append(p.Promotion.Models, m.Name)
	}
	for _, m := range p.Run.ModelOutputs {
		p.Promotion.Files = append(p.Promotion.Files, choice{Value: m.Model, Text: "the model " + m.Model, Chosen: m.Model == p.Promotion.Logged})
	}
	p.Promotion.Files = append(p.Promotion.Files, choice{Text: "the run's artifacts", Chosen: p.Promotion.Into != "" && p.Promotion.Logged == ""})
	return err
}

// promoteRun makes a version of a run.
func promoteRun(c *call) error {
	iid, err := c.id("run", "run")
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	v, err := c.s.PromoteRun(c.ctx(), c.ref, registry.RunRef{IID: iid}, registry.Promotion{
		VersionSpec: registry.VersionSpec{Semver: c.field("version")}, Into: c.field("model"), Logged: c.field("logged")})
	return c.answer(err, "The run is version "+v.Semver+" of "+v.ModelName+" now.", modelPath(v.ProjectPath, v.ModelID)+"/versions/"+itoa(v.ID), func(problem string) error {
		return c.run(&runPage{Problem: problem, Promotion: promotionForm{Into: c.field("model"), Version: c.field("version"), Logged: c.field("logged")}}, again)
	})
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
