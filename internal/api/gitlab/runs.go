package gitlab

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// paramJSON is one parameter of a run.
type paramJSON struct {
	Name  string `json:"name" param:"name,required"`
	Value string `json:"value" param:"value"`
}

// number is a metric's value. JSON has no NaN and no infinity: these go as the
// strings "NaN", "Infinity" and "-Infinity", in both directions.
type number float64

// MarshalJSON writes a number, or a string where JSON has none.
func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(f)
}

type metricJSON struct {
	Name      string `json:"name"`
	Value     number `json:"value"`
	Step      int64  `json:"step"`
	Timestamp int64  `json:"timestamp"` // ms since 1970
}

func metricWire(m registry.Metric) metricJSON {
	return metricJSON{Name: m.Key, Value: number(m.Value), Step: m.Step, Timestamp: m.At.UnixMilli()}
}

type candidateJSON struct {
	ID           int64              `json:"id"`
	EID          string             `json:"eid"`
	Name         string             `json:"name"`
	Status       registry.RunStatus `json:"status"`
	ExperimentID int64              `json:"experiment_id"`
	ModelID      *int64             `json:"model_id"`
	VersionID    *int64             `json:"version_id"`
	ProjectID    int64              `json:"project_id"`
	PackageID    *int64             `json:"package_id"`
	CIJobID      *int64             `json:"ci_job_id"`
	CIJobURL     text               `json:"ci_job_url"`
	Author       *userRefJSON       `json:"author"`
	CreatedAt    stamp              `json:"created_at"`
	UpdatedAt    stamp              `json:"updated_at"`
	StartedAt    stamp              `json:"started_at"`
	EndedAt      stamp              `json:"ended_at"`
	Params       []paramJSON        `json:"params"`
	Metrics      []metricJSON       `json:"metrics"`
	Metadata     []tagJSON          `json:"metadata"`
	WebURL       string             `json:"web_url"`
	ArtifactPath string             `json:"artifact_path"`
}

func (c *call) candidate(r registry.Run) candidateJSON {
	id := strconv.FormatInt(r.IID, 10)
	job, page := r.Job()
	out := candidateJSON{ID: r.IID, EID: r.EID, Name: r.Name, Status: r.Status, ExperimentID: r.ExperimentIID, ModelID: orNull(r.ModelID),
		VersionID: orNull(r.VersionID), ProjectID: r.ProjectID, PackageID: orNull(r.PackageID), CIJobID: orNull(job), CIJobURL: text(page), Author: c.author(r.Author),
		CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt), StartedAt: stamp(r.StartedAt), EndedAt: stamp(r.EndedAt),
		Params: make([]paramJSON, len(r.Params)), Metrics: make([]metricJSON, len(r.Metrics)), Metadata: tagsWire(r.Tags),
		WebURL: c.page(r.ProjectPath, "candidates/"+id), ArtifactPath: filesPath(r.ProjectID, "candidate:"+id)}
	for i, p := range r.Params {
		out.Params[i] = paramJSON{p.Key, p.Value}
	}
	for i, m := range r.Metrics {
		out.Metrics[i] = metricWire(m)
	}
	return out
}

func runRoutes() []route {
	all := "/projects/{id}/ml/candidates"
	one := all + "/{candidate_id}"
	return tagged("Candidates",
		op("GET", all, project(registry.ReadRuns), "List candidates (runs)", listRuns),
		op("POST", all, project(registry.WriteRuns), "Start a candidate in an experiment or of a model", createRun),
		op("GET", one, project(registry.ReadRuns), "Get a candidate with its parameters, latest metrics and metadata", getRun),
		op("PUT", one, project(registry.WriteRuns), "Change a candidate's name, status or end", editRun),
		op("DELETE", one, project(registry.WriteRuns), "Delete a candidate with its files", deleteRun),
		op("POST", one+"/log", project(registry.WriteRuns), "Log parameters, metrics and metadata in one go", logRun),
		op("POST", one+"/params", project(registry.WriteRuns), "Log parameters; each is written once", logParams),
		op("POST", one+"/metrics", project(registry.WriteRuns), "Log metrics", logMetrics),
		op("GET", one+"/metrics", project(registry.ReadRuns), "All points of one metric, by step", listMetric),
		op("PUT", one+"/metadata", project(registry.WriteRuns), "Set metadata", setRunTags).as(http.StatusOK),
		op("DELETE", one+"/metadata/{name...}", project(registry.WriteRuns), "Delete one metadata entry", deleteRunTag),
		op("POST", one+"/promote", project(registry.WriteModels), "Make a version of a model's candidate; no byte is copied", promoteRun),
	)
}

func (c *call) runID() (registry.RunRef, error) {
	id, err := c.id("candidate_id", "run")
	return registry.RunRef{IID: id}, err
}

// experimentOf gives the experiment that a parameter names; nil: none.
func experimentOf(id *int64) *registry.ExperimentRef {
	if id == nil {
		return nil
	}
	return &registry.ExperimentRef{IID: *id}
}

type runFilter struct {
	partial
	ExperimentID *int64             `param:"experiment_id"`
	ModelID      int64              `param:"model_id" doc:"Candidates of this model that are not versions."`
	Status       registry.RunStatus `param:"status"`
	Search       string             `param:"search" doc:"Part of the name."`
	EID          string             `param:"eid" doc:"The one candidate with this outer id, which is MLflow's run id; nothing else is looked at."`
	Metric       string             `param:"metric" doc:"With order_by=metric: the metric's name. Candidates whose latest value is NaN are left out."`
	Param        string             `param:"param" doc:"With order_by=param: the parameter's name. Numbers come first, then other texts, then candidates without it, whatever the direction."`
}

func listRuns(c *call, in runFilter) ([]candidateJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	switch {
	case o.By == "metric" && in.Metric == "":
		return nil, badParam("metric", "is missing")
	case o.By == "param" && in.Param == "":
		return nil, badParam("param", "is missing")
	case in.Status != "" && !in.Status.Valid():
		return nil, badParam("status", "does not have a valid value")
	}
	if in.EID != "" {
		if o.By != "" && !slices.Contains(allowed["runFilter.order_by"], any(o.By)) {
			return nil, badParam("order_by", "does not have a valid value")
		}
		return listed(c, in.paging, c.candidate)(c.byEID(in.EID))
	}
	return listed(c, in.paging, c.candidate)(c.s.Runs(c.ctx(), c.project(), registry.RunQuery{Page: p, Order: o, Metric: in.Metric, Param: in.Param,
		Experiment: experimentOf(in.ExperimentID), ModelID: in.ModelID, Status: in.Status, Search: in.Search}))
}

// byEID gives the list of the one candidate with an outer id, or of none.
func (c *call) byEID(eid string) (registry.List[registry.Run], error) {
	l := registry.List[registry.Run]{}
	r, err := c.s.Run(c.ctx(), c.project(), registry.RunRef{EID: eid})
	switch e, _ := fault.As(err); {
	case err == nil:
		l.Items, l.Total = []registry.Run{r}, 1
	case e != nil && e.Kind == fault.NotFound && e.Noun == "run":
		return l, nil
	}
	return l, err
}

type newRun struct {
	ExperimentID *int64     `param:"experiment_id" doc:"The experiment, or give model_id."`
	ModelID      int64      `param:"model_id"`
	Name         string     `param:"name" doc:"A nickname is made up unless told."`
	StartTime    *time.Time `param:"start_time"`
	JobID        int64      `param:"ci_job_id" doc:"The CI job that makes it; told by itself when a job's token creates it, or by the metadata gitlab.CI_JOB_ID. The metadata gitlab.CI_JOB_URL gives its page."`
	logged
}

func createRun(c *call, in newRun) (candidateJSON, error) {
	d, err := in.data()
	if err != nil {
		return candidateJSON{}, err
	}
	r, err := c.s.CreateRun(c.ctx(), c.project(), registry.RunSpec{Experiment: experimentOf(in.ExperimentID), ModelID: in.ModelID, Name: in.Name,
		StartedAt: orNever(in.StartTime), JobID: in.JobID, Data: d})
	return c.candidate(r), err
}

// logged is all that can be logged at once: all of it is stored, or nothing.
type logged struct {
	Params   []paramJSON   `param:"params" doc:"Each is written once."`
	Metrics  []metricParam `param:"metrics"`
	Metadata []tagJSON     `param:"metadata"`
}

func (in logged) data() (registry.RunData, error) {
	ms, err := metrics(in.Metrics)
	return registry.RunData{Params: params(in.Params), Metrics: ms, Tags: tags(in.Metadata)}, err
}

func logRun(c *call, in logged) (candidateJSON, error) {
	d, err := in.data()
	switch {
	case err != nil:
		return candidateJSON{}, err
	case len(d.Params)+len(d.Metrics)+len(d.Tags) == 0:
		return candidateJSON{}, badParam("params, metrics, metadata", "are missing, at least one parameter must be provided")
	}
	return c.log(d)
}

func params(in []paramJSON) []registry.Param {
	out := make([]registry.Param, len(in))
	for i, p := range in {
		out[i] = registry.Param{Key: p.Name, Value: p.Value}
	}
	return out
}

func getRun(c *call, _ none) (candidateJSON, error) {
	id, err := c.runID()
	if err != nil {
		return candidateJSON{}, err
	}
	r, err := c.s.Run(c.ctx(), c.project(), id)
	return c.candidate(r), err
}

type runEdit struct {
	Name    *string             `param:"name"`
	Status  *registry.RunStatus `param:"status" doc:"running, scheduled, finished, failed or killed."`
	EndTime *time.Time          `param:"end_time" doc:"Now, when a status that ends the run comes without it."`
}

func editRun(c *call, in runEdit) (candidateJSON, error) {
	id, err := c.runID()
	if err != nil {
		return candidateJSON{}, err
	}
	r, err := c.s.EditRun(c.ctx(), c.project(), id, registry.RunEdit{Name: in.Name, Status: in.Status, EndedAt: in.EndTime})
	return c.candidate(r), err
}

func deleteRun(c *call, _ none) (none, error) {
	id, err := c.runID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteRun(c.ctx(), c.project(), id)
}

// log writes data to the run that the address names.
func (c *call) log(d registry.RunData) (candidateJSON, error) {
	id, err := c.runID()
	if err != nil {
		return candidateJSON{}, err
	}
	r, err := c.s.LogRun(c.ctx(), c.project(), id, d)
	return c.candidate(r), err
}

type newParams struct {
	Params []paramJSON `param:"params" doc:"Several, or give name and value for one."`
	Name   string      `param:"name"`
	Value  string      `param:"value"`
}

func logParams(c *call, in newParams) (candidateJSON, error) {
	switch {
	case in.Name != "":
		in.Params = append(in.Params, paramJSON{in.Name, in.Value})
	case len(in.Params) == 0:
		return candidateJSON{}, badParam("params", "is missing")
	case in.Value != "":
		return candidateJSON{}, badParam("name", "is missing")
	}
	return c.log(registry.RunData{Params: params(in.Params)})
}

type metricParam struct {
	Name      string `param:"name,required"`
	Value     string `param:"value,required" doc:"A number, NaN, Infinity or -Infinity."`
	Step      int64  `param:"step"`
	Timestamp *int64 `param:"timestamp" doc:"Milliseconds since 1970; now unless told."`
}

type newMetrics struct {
	Metrics   []metricParam `param:"metrics" doc:"Several, or give name and value for one."`
	Name      string        `param:"name"`
	Value     string        `param:"value"`
	Step      int64         `param:"step"`
	Timestamp *int64        `param:"timestamp"`
}

// maxMillis is the end of the year 9999, the last that JSON times can say.
const maxMillis = 253402300799999

func logMetrics(c *call, in newMetrics) (candidateJSON, error) {
	switch {
	case in.Name != "" && in.Value == "":
		return candidateJSON{}, badParam("value", "is missing")
	case in.Name != "":
		in.Metrics = append(in.Metrics, metricParam{in.Name, in.Value, in.Step, in.Timestamp})
	case len(in.Metrics) == 0:
		return candidateJSON{}, badParam("metrics", "is missing")
	case in.Value != "" || in.Step != 0 || in.Timestamp != nil:
		return candidateJSON{}, badParam("name", "is missing") // what is told of one is not lost in silence
	}
	ms, err := metrics(in.Metrics)
	if err != nil {
		return candidateJSON{}, err
	}
	return c.log(registry.RunData{Metrics: ms})
}

// metrics reads values and times; those without a time are of now.
func metrics(in []metricParam) ([]registry.Metric, error) {
	out := make([]registry.Metric, len(in))
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, m := range in {
		v, err := strconv.ParseFloat(m.Value, 64)
		if err != nil {
			return nil, badParam(fmt.Sprintf("metrics[%d][value]", i), "is invalid")
		}
		out[i] = registry.Metric{Key: m.Name, Value: v, Step: m.Step, At: now}
		if m.Timestamp != nil && (*m.Timestamp < -maxMillis || *m.Timestamp > maxMillis) {
			return nil, badParam(fmt.Sprintf("metrics[%d][timestamp]", i), "is invalid")
		}
		if m.Timestamp != nil {
			out[i].At = time.UnixMilli(*m.Timestamp).UTC()
		}
	}
	return out, nil
}

type metricFilter struct {
	paging
	Name string `param:"name,required" doc:"The metric's name."`
}

func listMetric(c *call, in metricFilter) ([]metricJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	id, err := c.runID()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, metricWire)(c.s.MetricHistory(c.ctx(), c.project(), id, in.Name, p))
}

type newTags struct {
	Metadata []tagJSON `param:"metadata,required"`
}

func setRunTags(c *call, in newTags) (candidateJSON, error) {
	return c.log(registry.RunData{Tags: tags(in.Metadata)})
}

func deleteRunTag(c *call, _ none) (none, error) {
	id, err := c.runID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteRunTag(c.ctx(), c.project(), id, c.r.PathValue("name"))
}

// promotion is newVersion for a candidate that the address names.
type promotion struct {
	ModelID     int64     `param:"model_id" doc:"The model; has to be the candidate's own."`
	Version     string    `param:"version" doc:"Semantic version 2.0; the next patch unless told."`
	Description string    `param:"description"`
	Metadata    []tagJSON `param:"metadata"`
}

func promoteRun(c *call, in promotion) (modelVersionJSON, error) {
	id, err := c.runID()
	if err != nil {
		return modelVersionJSON{}, err
	}
	v, err := c.s.PromoteRun(c.ctx(), c.project(), id, registry.Promotion{ModelID: in.ModelID,
		VersionSpec: registry.VersionSpec{Semver: in.Version, Description: in.Description, Tags: tags(in.Metadata)}})
	return c.version(v), err
}
