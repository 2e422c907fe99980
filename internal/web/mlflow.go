package web

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// mlflowHome is where the addresses of MLflow's own pages lead on to ours. Its
// clients print them when a run ends, "http://host/#/experiments/1/runs/ID"
// (_log_url of mlflow/tracking/_tracking_service/client.py); what stands behind
// the "#" stays in the browser, where vitrine.js hands it over.
const mlflowHome = "/-/mlflow"

func mlflowRoutes() []route {
	return []route{get(mlflowHome, access{gate: anyone}, followMLflow)}
}

// followMLflow leads to the page of ours that shows what a page of MLflow's
// shows: to is that page, as "/experiments/1?workspace=red-2"; project comes from
// GitLab's address for MLflow. Without to it waits for the script.
func followMLflow(c *call) error {
	q := c.r.URL.Query()
	if q.Get("to") == "" {
		p := c.frame("MLflow")
		return c.render("mlflow", &p)
	}
	to, err := url.Parse(q.Get("to"))
	if err != nil {
		return fault.Missing("page", q.Get("to"))
	}
	f := finder{call: c, atGitLab: q.Get("project") != ""}
	if f.atGitLab {
		f.ref = registry.ParseProjectRef(q.Get("project"))
	} else {
		f.ref = c.d.Workspace(to.Query().Get("workspace"))
	}
	page, err := f.page(segments(to))
	if err != nil {
		return err
	}
	return c.goTo("/" + page)
}

// segments gives the parts of a path, each as it was meant.
func segments(u *url.URL) []string {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	return parts
}

// finder looks up what a page of MLflow's is about, in one project.
type finder struct {
	*call
	ref      registry.ProjectRef
	atGitLab bool // versions have the ids that GitLab gives them
}

// page gives the address of a page, without the slash in front.
func (f finder) page(parts []string) (string, error) {
	p, err := f.s.ProjectFor(f.ctx(), f.ref, registry.ReadModels)
	if err != nil {
		return "", err
	}
	base := p.FullPath + "/-/ml/"
	parts = append(parts, "", "", "", "")
	switch kind, name := parts[0], parts[1]; {
	case (kind == "models" || kind == "prompts") && name == "":
		return base + "models", nil
	case kind == "models" || kind == "prompts":
		return f.model(base, name, parts[3])
	case kind == "experiments" && name != "":
		return f.inExperiment(base, name, parts[2], parts[3])
	case kind == "experiments" || kind == "":
		return base + "experiments", nil
	}
	return "", fault.Missing("page", parts[0])
}

// inExperiment finds an experiment, or a run, a logged model or a prompt of it.
// What there is no page for, as for traces, is on that of the experiment.
func (f finder) inExperiment(base, id, kind, of string) (string, error) {
	switch {
	case kind == "runs" && of != "":
		found, err := f.s.RunsByEID(f.ctx(), f.ref, []string{of})
		if err != nil {
			return "", err
		}
		r, ok := found[of]
		if !ok {
			return "", fault.Missing("run", of)
		}
		return base + "candidates/" + itoa(r.IID), nil
	case kind == "models" && of != "":
		m, err := f.s.LoggedModel(f.ctx(), f.ref, registry.LoggedModelRef{EID: of})
		return base + "logged/" + escapePath(m.EID), err
	case kind == "prompts" && of != "":
		return f.model(base, of, "")
	}
	which, err := registry.ParseExperimentRef(id)
	if err != nil {
		return "", err
	}
	e, err := f.s.Experiment(f.ctx(), f.ref, which)
	return base + "experiments/" + itoa(e.IID), err
}

// model finds a model, or one of its versions.
func (f finder) model(base, name, version string) (string, error) {
	m, err := f.s.Model(f.ctx(), f.ref, registry.ModelRef{Name: name})
	page := base + "models/" + itoa(m.ID)
	if err != nil || version == "" {
		return page, err
	}
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return "", fault.Missing("version", version)
	}
	which := registry.VersionRef{Number: n}
	if f.atGitLab {
		which = registry.VersionRef{ID: n}
	}
	v, err := f.s.Version(f.ctx(), f.ref, registry.ModelRef{ID: m.ID}, which)
	return page + "/versions/" + itoa(v.ID), err
}
