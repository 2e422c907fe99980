package web

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func experimentRoutes() []route {
	return []route{
		get("/ml/experiments", project(registry.ReadRuns), listExperiments),
		post("/ml/experiments", project(registry.WriteRuns), createExperiment),
		get("/ml/experiments/{experiment}", project(registry.ReadRuns), showExperiment),
	}
}

type experimentsPage struct {
	frame
	Search      string
	Experiments registry.List[registry.Experiment]
	Pager       pager
	MayWrite    bool
	Name        string // as given in the form
	Problem     string
}

func listExperiments(c *call) error { return c.experiments(&experimentsPage{}, 200) }

// experiments shows the experiments of a project, with the form for another.
func (c *call) experiments(p *experimentsPage, status int) error {
	p.Search = strings.TrimSpace(c.r.URL.Query().Get("search"))
	page, n := c.page()
	err := c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.ProjectFor(c.ctx(), c.ref, registry.ReadRuns)
		if err != nil {
			return err
		}
		p.frame = c.projectFrame(pr, "experiments", "Experiments")
		p.MayWrite = c.may(c.ctx(), s, registry.WriteRuns)
		p.Experiments, err = s.Experiments(c.ctx(), c.ref, registry.ExperimentQuery{Search: p.Search, Page: page,
			Order: registry.Order{By: "updated_at", Desc: true}})
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.pager(n, p.Experiments.Total, p.Experiments.More)
	return c.renderAs(status, "experiments", p)
}

func createExperiment(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	name := c.r.PostFormValue("name")
	e, err := c.s.CreateExperiment(c.ctx(), c.ref, registry.ExperimentSpec{Name: name})
	if problem, ok := formProblem(err); ok {
		return c.experiments(&experimentsPage{Name: name, Problem: problem}, 422)
	}
	if err != nil {
		return err
	}
	return c.goTo("/" + e.ProjectPath + "/-/ml/experiments/" + itoa(e.IID))
}

type experimentPage struct {
	frame
	Experiment      registry.Experiment
	Search          string
	Status          registry.RunStatus
	Statuses        []registry.RunStatus
	Params, Metrics []string // the columns, of all that any run has
	Columns         []choice // all that there are
	Drawn           drawn
	Runs            registry.List[registry.Run]
	Pager           pager
	Sort            string
	CSV             string
}

// statuses are those of runs, in the order of their life.
var statuses = []registry.RunStatus{registry.Scheduled, registry.Running, registry.Finished, registry.Failed, registry.Killed}

// maxColumns bounds the columns of parameters, and those of metrics, that show
// unless they are chosen.
const maxColumns = 6

// showExperiment shows the runs of an experiment as a table.
func showExperiment(c *call) error {
	which, err := registry.ParseExperimentRef(c.r.PathValue("experiment")) // the default one has the number 0
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	p := &experimentPage{Search: strings.TrimSpace(q.Get("search")), Status: registry.RunStatus(q.Get("status")), Statuses: statuses}
	if !p.Status.Valid() {
		p.Status = ""
	}
	page, n := c.page()
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillExperiment(s, p, which, page) }); err != nil {
		return err
	}
	p.Pager = c.pager(n, p.Runs.Total, p.Runs.More)
	return c.render("experiment", p)
}

func (c *call) fillExperiment(s registry.Session, p *experimentPage, which registry.ExperimentRef, page registry.Page) error {
	pr, err := s.ProjectFor(c.ctx(), c.ref, registry.ReadRuns)
	if err != nil {
		return err
	}
	t, err := s.RunTable(c.ctx(), c.ref, which)
	if err != nil {
		return err
	}
	p.Experiment = t.Experiment
	p.frame = c.projectFrame(pr, "experiments", t.Experiment.Name, crumb{"Experiments", "/" + pr.FullPath + "/-/ml/experiments"})
	p.CSV = "/api/v4/projects/" + itoa(pr.ID) + "/ml/experiments/" + itoa(which.IID) + ".csv"
	query := registry.RunQuery{Experiment: &which, Search: p.Search, Status: p.Status, Page: page}
	query.Order, p.Sort = c.order("-id", "id", "name", "started_at")
	by := c.r.URL.Query().Get("sort")
	key, desc := strings.CutPrefix(by, "-")
	if metric, ok := strings.CutPrefix(key, "metrics."); ok {
		query.Order, query.Metric, p.Sort = registry.Order{By: "metric", Desc: desc}, metric, by
		query.Whole = true // nobody expects rows to go when a column is sorted
	}
	if param, ok := strings.CutPrefix(key, "params."); ok {
		query.Order, query.Param, p.Sort = registry.Order{By: "param", Desc: desc}, param, by
	}
	if p.Runs, err = s.Runs(c.ctx(), c.ref, query); err != nil {
		return err
	}
	params, metrics := byUse(p.Runs.Items, t.Params, t.Metrics)
	chosen := c.r.URL.Query()["col"]
	p.Params, p.Metrics = columns("params.", params, chosen), columns("metrics.", metrics, chosen)
	p.Columns = append(choices("metrics.", t.Metrics, p.Metrics), choices("params.", t.Params, p.Params)...)
	p.Drawn = drawn{params, metrics, dotsOf(p.Runs.Items)}
	return nil
}

// byUse orders parameters and metrics by how much they tell about the runs of a
// page: first those that are not the same in all of them, then those that most
// have. Names that tell as much keep their order.
func byUse(runs []registry.Run, params, metrics []string) (p, m []string) {
	used := map[string]*use{}
	note := func(name, value string) {
		u := used[name]
		if u == nil {
			u = &use{first: value}
			used[name] = u
		}
		u.runs, u.differs = u.runs+1, u.differs || value != u.first
	}
	for _, r := range runs {
		for _, x := range r.Params {
			note("p"+x.Key, x.Value)
		}
		for _, x := range r.Metrics {
			note("m"+x.Key, figure(x.Value))
		}
	}
	sorted := func(prefix string, names []string) []string {
		names = slices.Clone(names)
		slices.SortStableFunc(names, func(a, b string) int { return used[prefix+b].compare(used[prefix+a]) })
		return names
	}
	return sorted("p", params), sorted("m", metrics)
}

// use is how a parameter or metric occurs in some runs; nil: it does not.
type use struct {
	first   string
	runs    int
	differs bool
}

// compare orders what tells less first.
func (u *use) compare(other *use) int {
	weigh := func(u *use) int {
		switch {
		case u == nil:
			return 0
		case u.differs:
			return u.runs + registry.MaxLimit
		}
		return u.runs
	}
	return cmp.Compare(weigh(u), weigh(other))
}

// columns gives the chosen ones of those that there are, else the first.
func columns(prefix string, all, chosen []string) []string {
	if len(chosen) == 0 {
		return all[:min(len(all), maxColumns)]
	}
	var out []string
	for _, k := range all {
		for _, want := range chosen {
			if want == prefix+k {
				out = append(out, k)
			}
		}
	}
	return out
}

// choices are the boxes by which columns are chosen.
func choices(prefix string, all, shown []string) []choice {
	out := make([]choice, len(all))
	for i, k := range all {
		out[i] = choice{Value: prefix + k, Text: k, Chosen: slices.Contains(shown, k)}
	}
	return out
}

// Toggle is the address of the same page, sorted by a column, or the other way
// round when it is already.
func (p *experimentPage) Toggle(by string) string {
	u, err := url.Parse(p.Path)
	if err != nil {
		return "?"
	}
	q := u.Query()
	q.Del("page")
	if p.Sort == "-"+by {
		q.Set("sort", by)
	} else {
		q.Set("sort", "-"+by)
	}
	return "?" + q.Encode()
}

// Arrow shows how a column is sorted, to those who look and to those who listen.
func (p *experimentPage) Arrow(by string) string {
	switch p.Sort {
	case by:
		return "ascending"
	case "-" + by:
		return "descending"
	}
	return "none"
}
