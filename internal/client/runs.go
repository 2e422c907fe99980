package client

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Run is one training: what went in, what was measured, and how it ended.
type Run struct {
	Number       int64     `json:"id"`  // in the project
	ID           string    `json:"eid"` // unique everywhere; MLflow's run id
	Name         string    `json:"name"`
	Status       string    `json:"status"`
	ExperimentID int64     `json:"experiment_id"`
	ModelID      int64     `json:"model_id"`
	VersionID    int64     `json:"version_id"`
	ProjectID    int64     `json:"project_id"`
	JobID        int64     `json:"ci_job_id"`
	Params       []Param   `json:"params"`
	Metrics      []Metric  `json:"metrics"` // the latest point of each
	Metadata     []Tag     `json:"metadata"`
	WebURL       string    `json:"web_url"`
	CreatedAt    time.Time `json:"created_at"`
	StartedAt    time.Time `json:"started_at"`
	EndedAt      time.Time `json:"ended_at"` // zero while it runs
}

// Param is one input of a run, which is written once.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Metric is one measurement.
type Metric struct {
	Name      string `json:"name"`
	Value     Number `json:"value"`
	Step      int64  `json:"step"`
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
}

// Number is a metric's value. JSON has no NaN and no infinity: the server
// writes these as strings.
type Number float64

// MarshalJSON writes a string where JSON has no number.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(n.String())
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads numbers and the strings of MarshalJSON.
func (n *Number) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no number", s)
	}
	*n = Number(f)
	return nil
}

// String is the shortest text that reads back as the same number.
func (n Number) String() string {
	switch f := float64(n); {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
}

// Experiment is a group of runs.
type Experiment struct {
	Number   int64  `json:"id"` // in the project
	Name     string `json:"name"`
	ModelID  int64  `json:"model_id"` // of the experiment that a model has for its runs
	RunCount int64  `json:"candidate_count"`
	WebURL   string `json:"web_url"`
}

// RunSpec describes a run to be started, in an experiment or of a model.
type RunSpec struct {
	ExperimentID int64   `json:"experiment_id,omitempty"`
	ModelID      int64   `json:"model_id,omitempty"`
	Name         string  `json:"name,omitempty"` // empty: the server makes one up
	JobID        int64   `json:"ci_job_id,omitempty"`
	Params       []Param `json:"params,omitempty"`
	Metadata     []Tag   `json:"metadata,omitempty"`
}

// RunEdit changes a run; nil leaves a field as it is.
type RunEdit struct {
	Name   *string `json:"name,omitempty"`
	Status *string `json:"status,omitempty"`
}

// RunQuery selects runs; what is zero does not narrow.
type RunQuery struct {
	ExperimentID int64
	ModelID      int64
	Status       string
	Search       string // part of the name
	Metric       string // order by this, the highest first, instead of by age
	Ascending    bool   // the other way round
	Limit        int    // 0: all
}

func (q RunQuery) values() url.Values {
	v := url.Values{"sort": {"desc"}}
	if q.Ascending {
		v.Set("sort", "asc")
	}
	for name, id := range map[string]int64{"experiment_id": q.ExperimentID, "model_id": q.ModelID} {
		if id != 0 {
			v.Set(name, strconv.FormatInt(id, 10))
		}
	}
	for name, text := range map[string]string{"status": q.Status, "search": q.Search, "metric": q.Metric} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Metric != "" {
		v.Set("order_by", "metric")
	}
	return v
}

// RunRef names a run of a project by its number or its id.
type RunRef struct {
	Project string
	Number  int64
	ID      string
}

// String is the form in which people write it.
func (r RunRef) String() string {
	if r.Number == 0 {
		return r.Project + "#" + r.ID
	}
	return r.Project + "#" + strconv.FormatInt(r.Number, 10)
}

func (r RunRef) path() string { return runsPath(r.Project) + "/" + strconv.FormatInt(r.Number, 10) }

func (r RunRef) missing(err error) error {
	return about(err, r.Project, "run", r.String())
}

// Ref names a run in the way in which the server finds it again.
func (c *Client) Ref(project string, r Run) RunRef {
	if c.GitLab() {
		return RunRef{Project: project, ID: r.ID}
	}
	return RunRef{Project: project, Number: r.Number}
}

// RunFiles tells where the files of a run are.
func (c *Client) RunFiles(ctx context.Context, ref RunRef) (Place, error) {
	if ref.Number != 0 {
		return RunPlace(ref.Project, ref.Number), nil
	}
	f, err := c.flowRun(ctx, ref)
	return Place{Project: ref.Project, Package: packageIn(f.Info.ArtifactURI)}, ref.missing(err)
}

// atRun asks at the address of ours for a run, or in GitLab's way.
func atRun[T any](ctx context.Context, c *Client, ref RunRef, ours, theirs func(RunRef) (T, error)) (T, error) {
	out, err := either(c, func() (T, error) {
		ref, err := c.numbered(ctx, ref)
		if err != nil {
			var none T
			return none, err
		}
		return ours(ref)
	}, func() (T, error) { return theirs(ref) })
	return out, ref.missing(err)
}

func runsPath(project string) string { return projectPath(project) + "/ml/candidates" }

func experimentsPath(project string) string { return projectPath(project) + "/ml/experiments" }

// FindExperiment finds an experiment by name.
func (c *Client) FindExperiment(ctx context.Context, project, name string) (Experiment, error) {
	es, err := either(c, func() ([]Experiment, error) {
		return list[Experiment](ctx, c, experimentsPath(project), url.Values{"search": {name}})
	}, func() ([]Experiment, error) {
		e, err := c.flowExperiment(ctx, project, "get-by-name", url.Values{"experiment_name": {name}})
		if f, ok := fault.As(err); ok && f.Kind == fault.NotFound && f.Noun != "project" {
			return nil, nil
		}
		return []Experiment{e}, err
	})
	if err != nil {
		return Experiment{}, about(err, project, "project", project)
	}
	for _, e := range es {
		if e.Name == name {
			return e, nil
		}
	}
	return Experiment{}, about(fault.Missing("experiment", name), project, "experiment", name)
}

// Experiments lists the experiments of a project.
func (c *Client) Experiments(ctx context.Context, project string) ([]Experiment, error) {
	es, err := either(c, func() ([]Experiment, error) { return list[Experiment](ctx, c, experimentsPath(project), url.Values{}) },
		func() ([]Experiment, error) { return c.flowExperiments(ctx, project) })
	return es, about(err, project, "project", project)
}

// Experiment gives an experiment by its number in the project.
func (c *Client) Experiment(ctx context.Context, project string, number int64) (Experiment, error) {
	text := strconv.FormatInt(number, 10)
	e, err := either(c, func() (e Experiment, err error) {
		_, err = c.exchange(ctx, http.MethodGet, experimentsPath(project)+"/"+text, nil, nil, &e)
		return e, err
	}, func() (Experiment, error) {
		return c.flowExperiment(ctx, project, "get", url.Values{"experiment_id": {text}})
	})
	return e, about(err, project, "experiment", text)
}

// CreateExperiment makes an experiment.
func (c *Client) CreateExperiment(ctx context.Context, project, name string) (Experiment, error) {
	e, err := either(c, func() (e Experiment, err error) {
		_, err = c.exchange(ctx, http.MethodPost, experimentsPath(project), nil, map[string]string{"name": name}, &e)
		return e, err
	}, func() (Experiment, error) { return c.flowCreateExperiment(ctx, project, name) })
	return e, about(err, project, "project", project)
}

// StartRun makes a run, whose time begins now.
func (c *Client) StartRun(ctx context.Context, project string, spec RunSpec) (Run, error) {
	r, err := either(c, func() (r Run, err error) {
		_, err = c.exchange(ctx, http.MethodPost, runsPath(project), nil, spec, &r)
		return r, err
	}, func() (Run, error) { return c.flowStart(ctx, project, spec) })
	return r, about(err, project, "project", project)
}

// Run gives a run with its parameters, latest metrics and metadata.
func (c *Client) Run(ctx context.Context, ref RunRef) (Run, error) {
	return atRun(ctx, c, ref, func(ref RunRef) (r Run, err error) {
		_, err = c.exchange(ctx, http.MethodGet, ref.path(), nil, nil, &r)
		return r, err
	}, func(ref RunRef) (Run, error) {
		f, err := c.flowRun(ctx, ref)
		return f.run(), err
	})
}

// Runs lists runs, the youngest first unless the query says otherwise.
func (c *Client) Runs(ctx context.Context, project string, q RunQuery) ([]Run, error) {
	rs, err := either(c, func() ([]Run, error) { return listSome[Run](ctx, c, runsPath(project), q.values(), q.Limit) },
		func() ([]Run, error) { return c.flowSearch(ctx, project, q) })
	return rs, about(err, project, "project", project)
}

// EditRun changes a run; a status that ends it ends it now.
func (c *Client) EditRun(ctx context.Context, ref RunRef, e RunEdit) (Run, error) {
	return atRun(ctx, c, ref, func(ref RunRef) (r Run, err error) {
		_, err = c.exchange(ctx, http.MethodPut, ref.path(), nil, e, &r)
		return r, err
	}, func(ref RunRef) (Run, error) { return c.flowEdit(ctx, ref, e) })
}

// DeleteRun removes a run with its files.
func (c *Client) DeleteRun(ctx context.Context, ref RunRef) error {
	_, err := atRun(ctx, c, ref, func(ref RunRef) (http.Header, error) {
		return c.exchange(ctx, http.MethodDelete, ref.path(), nil, nil, nil)
	}, func(ref RunRef) (http.Header, error) { return nil, c.flowDelete(ctx, ref) })
	return err
}

// MaxBatch is how many entries of one sort a server takes at once.
const MaxBatch = 1000

// LogParams writes parameters, at most [MaxBatch]: all or none. To write one
// again with another value is refused.
func (c *Client) LogParams(ctx context.Context, ref RunRef, ps []Param) error {
	return c.log(ctx, http.MethodPost, ref, "/params", map[string]any{"params": ps}, flowBatch{params: ps})
}

// LogMetrics writes measurements, at most [MaxBatch]: all or none. A point that
// is there already is not written twice, so that what was sent on a connection
// that broke may be sent again.
func (c *Client) LogMetrics(ctx context.Context, ref RunRef, ms []Metric) error {
	return c.log(ctx, http.MethodPost, ref, "/metrics", map[string]any{"metrics": ms}, flowBatch{metrics: ms})
}

// SetRunMetadata writes entries of metadata, at most [MaxBatch], in place of
// those with the same names.
func (c *Client) SetRunMetadata(ctx context.Context, ref RunRef, tags []Tag) error {
	return c.log(ctx, http.MethodPut, ref, "/metadata", map[string]any{"metadata": tags}, flowBatch{tags: tags})
}

func (c *Client) log(ctx context.Context, method string, ref RunRef, what string, in any, b flowBatch) error {
	_, err := atRun(ctx, c, ref, func(ref RunRef) (http.Header, error) {
		return c.perform(ctx, &call{method: method, path: ref.path() + what, again: true}, in, nil)
	}, func(ref RunRef) (http.Header, error) { return nil, c.flowLog(ctx, ref, b) })
	return err
}

// Promote makes a version of a model's run; the files of the run become those
// of the version.
func (c *Client) Promote(ctx context.Context, ref RunRef, spec VersionSpec) (Version, error) {
	return atRun(ctx, c, ref, func(ref RunRef) (v Version, err error) {
		_, err = c.exchange(ctx, http.MethodPost, ref.path()+"/promote", nil, spec, &v)
		return v, err
	}, func(ref RunRef) (Version, error) { return c.flowPromote(ctx, ref, spec) })
}
