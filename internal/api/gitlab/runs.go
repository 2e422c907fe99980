package gitlab

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type experimentJSON struct {
	ID             int64        `json:"id"`
	Name           string       `json:"name"`
	ProjectID      int64        `json:"project_id"`
	ModelID        *int64       `json:"model_id"`
	Author         *userRefJSON `json:"author"`
	CreatedAt      stamp        `json:"created_at"`
	UpdatedAt      stamp        `json:"updated_at"`
	CandidateCount int64        `json:"candidate_count"`
	Metadata       []tagJSON    `json:"metadata"`
	WebURL         string       `json:"web_url"`
}

func (c *call) experiment(e registry.Experiment) experimentJSON {
	return experimentJSON{ID: e.IID, Name: e.Name, ProjectID: e.ProjectID, ModelID: orNull(e.ModelID), Author: c.author(e.Author),
		CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt), CandidateCount: e.RunCount, Metadata: tagsWire(e.Tags),
		WebURL: c.page(e.ProjectPath, "experiments/"+strconv.FormatInt(e.IID, 10))}
}

func experimentRoutes() []route {
	all := "/projects/{id}/ml/experiments"
	one := all + "/{experiment_id}"
	return tagged("Experiments",
		op("GET", all, project(registry.ReadRuns), "List experiments", listExperiments),
		op("POST", all, project(registry.WriteRuns), "Create an experiment", createExperiment),
		op("GET", one, project(registry.ReadRuns), "Get an experiment", getExperiment),
		op("PUT", one, project(registry.WriteRuns), "Change an experiment", editExperiment),
		op("DELETE", one, project(registry.WriteRuns), "Delete an experiment with its candidates", deleteExperiment),
	)
}

func (c *call) experimentID() (registry.ExperimentRef, error) {
	return registry.ParseExperimentRef(c.r.PathValue("experiment_id"))
}

type experimentFilter struct {
	partial
	Search string `param:"search" doc:"Part of the name."`
}

func listExperiments(c *call, in experimentFilter) ([]experimentJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.experiment)(c.s.Experiments(c.ctx(), c.project(), registry.ExperimentQuery{Page: p, Order: o, Search: in.Search}))
}

type newExperiment struct {
	Name     string    `param:"name,required"`
	Metadata []tagJSON `param:"metadata"`
}

func createExperiment(c *call, in newExperiment) (experimentJSON, error) {
	e, err := c.s.CreateExperiment(c.ctx(), c.project(), registry.ExperimentSpec{Name: strings.TrimSpace(in.Name), Tags: tags(in.Metadata)})
	return c.experiment(e), err
}

func getExperiment(c *call, _ none) (experimentJSON, error) {
	id, err := c.experimentID()
	if err != nil {
		return experimentJSON{}, err
	}
	e, err := c.s.Experiment(c.ctx(), c.project(), id)
	return c.experiment(e), err
}

type experimentEdit struct {
	Name     *string    `param:"name"`
	Metadata *[]tagJSON `param:"metadata" doc:"Replaces all metadata."`
}

func editExperiment(c *call, in experimentEdit) (experimentJSON, error) {
	id, err := c.experimentID()
	if err != nil {
		return experimentJSON{}, err
	}
	if in.Name != nil {
		*in.Name = strings.TrimSpace(*in.Name) // as GitLab does with names
	}
	e, err := c.s.EditExperiment(c.ctx(), c.project(), id, registry.ExperimentEdit{Name: in.Name, Tags: tagEdit(in.Metadata)})
	return c.experiment(e), err
}

func deleteExperiment(c *call, _ none) (none, error) {
	id, err := c.experimentID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteExperiment(c.ctx(), c.project(), id)
}

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
	out := candidateJSON{ID: r.IID, EID: r.EID, Name: r.Name, Status: r.Status, ExperimentID: r.ExperimentIID, ModelID: orNull(r.ModelID),
		VersionID: orNull(r.VersionID), ProjectID: r.ProjectID, PackageID: orNull(r.PackageID), CIJobID: orNull(r.JobID), Author: c.author(r.Author),
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
	Metric       string             `param:"metric" doc:"With order_by=metric: the metric's name."`
}

func listRuns(c *call, in runFilter) ([]candidateJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	switch {
	case o.By == "metric" && in.Metric == "":
		return nil, badParam("metric", "is missing")
	case in.Status != "" && !in.Status.Valid():
		return nil, badParam("status", "does not have a valid value")
	}
	return listed(c, in.paging, c.candidate)(c.s.Runs(c.ctx(), c.project(), registry.RunQuery{Page: p, Order: o, Metric: in.Metric, Experiment: experimentOf(in.ExperimentID),
		ModelID: in.ModelID, Status: in.Status, Search: in.Search}))
}

type newRun struct {
	ExperimentID *int64      `param:"experiment_id" doc:"The experiment, or give model_id."`
	ModelID      int64       `param:"model_id"`
	Name         string      `param:"name" doc:"A nickname is made up unless told."`
	StartTime    *time.Time  `param:"start_time"`
	JobID        int64       `param:"ci_job_id"`
	Params       []paramJSON `param:"params"`
	Metadata     []tagJSON   `param:"metadata"`
}

func createRun(c *call, in newRun) (candidateJSON, error) {
	r, err := c.s.CreateRun(c.ctx(), c.project(), registry.RunSpec{Experiment: experimentOf(in.ExperimentID), ModelID: in.ModelID, Name: in.Name,
		StartedAt: orNever(in.StartTime), JobID: in.JobID, Data: registry.RunData{Params: params(in.Params), Tags: tags(in.Metadata)}})
	return c.candidate(r), err
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
	if in.Name != "" {
		in.Params = append(in.Params, paramJSON{in.Name, in.Value})
	}
	if len(in.Params) == 0 {
		return candidateJSON{}, badParam("params", "is missing")
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
	if in.Name != "" {
		if in.Value == "" {
			return candidateJSON{}, badParam("value", "is missing")
		}
		in.Metrics = append(in.Metrics, metricParam{in.Name, in.Value, in.Step, in.Timestamp})
	}
	if len(in.Metrics) == 0 {
		return candidateJSON{}, badParam("metrics", "is missing")
	}
	d := registry.RunData{Metrics: make([]registry.Metric, len(in.Metrics))}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, m := range in.Metrics {
		v, err := strconv.ParseFloat(m.Value, 64)
		if err != nil {
			return candidateJSON{}, badParam("metrics[value]", "is invalid")
		}
		d.Metrics[i] = registry.Metric{Key: m.Name, Value: v, Step: m.Step, At: now}
		if m.Timestamp != nil && (*m.Timestamp < -maxMillis || *m.Timestamp > maxMillis) {
			return candidateJSON{}, badParam("metrics[timestamp]", "is invalid")
		}
		if m.Timestamp != nil {
			d.Metrics[i].At = time.UnixMilli(*m.Timestamp).UTC()
		}
	}
	return c.log(d)
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
