package client

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// mlflow calls an endpoint of MLflow's API below a project.
func (c *Client) mlflow(ctx context.Context, method, project, endpoint string, query url.Values, in, out any) error {
	cl := &call{method: method, path: projectPath(project) + "/ml/mlflow/api/2.0/mlflow/" + endpoint, query: query,
		again: endpoint == "runs/log-batch" || strings.HasSuffix(endpoint, "/search")}
	_, err := c.perform(ctx, cl, in, out)
	return err
}

// mlflowTaken recognizes MLflow's refusal of a name that is there already, for
// which it has no status of its own.
func mlflowTaken(data []byte) bool {
	var in refusalJSON
	return json.Unmarshal(data, &in) == nil && in.Code == "RESOURCE_ALREADY_EXISTS"
}

// loose is an integer that comes as a number or a string.
type loose int64

// UnmarshalJSON takes both; null and "" are 0.
func (l *loose) UnmarshalJSON(data []byte) error {
	s := strings.Trim(string(data), `"`)
	if s == "" || s == "null" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	*l = loose(n)
	return err
}

// flowPair is a parameter or tag of MLflow.
type flowPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type flowMetric struct {
	Key       string `json:"key"`
	Value     Number `json:"value"`
	Timestamp loose  `json:"timestamp"`
	Step      loose  `json:"step"`
}

// flowInfo is the head of a run.
type flowInfo struct {
	RunID        string `json:"run_id"`
	RunName      string `json:"run_name"`
	ExperimentID loose  `json:"experiment_id"`
	Status       string
	StartTime    loose  `json:"start_time"` // ms since 1970
	EndTime      loose  `json:"end_time"`
	ArtifactURI  string `json:"artifact_uri"`
}

type flowRun struct {
	Info flowInfo
	Data struct {
		Params  []flowPair
		Tags    []flowPair
		Metrics []flowMetric
	}
}

// run translates. The number of a run is in the address of its files only,
// "…candidate:7" or, of a version's run, "…/ml_models/5/files/".
func (f flowRun) run() Run {
	r := Run{ID: f.Info.RunID, Name: f.Info.RunName, Status: strings.ToLower(f.Info.Status), ExperimentID: int64(f.Info.ExperimentID),
		StartedAt: millis(f.Info.StartTime), EndedAt: millis(f.Info.EndTime), Number: numberIn(f.Info.ArtifactURI)}
	for _, p := range f.Data.Params {
		r.Params = append(r.Params, Param{Name: p.Key, Value: p.Value})
	}
	for _, t := range f.Data.Tags {
		r.Metadata = append(r.Metadata, Tag{Name: t.Key, Value: t.Value})
	}
	for _, m := range f.Data.Metrics {
		r.Metrics = append(r.Metrics, Metric{Name: m.Key, Value: m.Value, Step: int64(m.Step), Timestamp: int64(m.Timestamp)})
	}
	return r
}

func millis(n loose) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(n)).UTC()
}

// packageIn finds "candidate:7" or "5" in the address of a run's files.
func packageIn(artifactURI string) string {
	uri, err := url.PathUnescape(artifactURI)
	if err != nil {
		uri = artifactURI
	}
	uri = strings.TrimSuffix(strings.TrimRight(uri, "/"), "/files")
	return path.Base(uri)
}

func numberIn(artifactURI string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(packageIn(artifactURI), "candidate:"), 10, 64)
	if err != nil || !strings.Contains(artifactURI, "candidate") {
		return 0
	}
	return n
}

// flowID gives the id by which MLflow knows a run.
func (r RunRef) flowID() (string, error) {
	if r.ID == "" {
		return "", &fault.Error{Kind: fault.Unsupported, Noun: "run", Name: r.String(),
			Msg: "a GitLab finds runs by their id only, not by " + r.String() + ": write PROJECT#ID, as vitrine run start printed it"}
	}
	return r.ID, nil
}

func (c *Client) flowRun(ctx context.Context, ref RunRef) (flowRun, error) {
	id, err := ref.flowID()
	if err != nil {
		return flowRun{}, err
	}
	var out struct{ Run flowRun }
	err = c.mlflow(ctx, http.MethodGet, ref.Project, "runs/get", url.Values{"run_id": {id}}, nil, &out)
	return out.Run, err
}

// numbered completes a reference by the number, which addresses of ours want.
func (c *Client) numbered(ctx context.Context, ref RunRef) (RunRef, error) {
	if ref.Number != 0 {
		return ref, nil
	}
	f, err := c.flowRun(ctx, ref)
	if err == nil && numberIn(f.Info.ArtifactURI) == 0 {
		err = &fault.Error{Kind: fault.Unsupported, Noun: "run", Msg: "the server does not tell the number of run " + ref.ID + "; give that instead"}
	}
	ref.Number = numberIn(f.Info.ArtifactURI)
	return ref, err
}

type flowExperiment struct {
	ID   loose  `json:"experiment_id"`
	Name string `json:"name"`
}

func (f flowExperiment) experiment() Experiment {
	return Experiment{Number: int64(f.ID), Name: f.Name}
}

func (c *Client) flowExperiment(ctx context.Context, project, endpoint string, query url.Values) (Experiment, error) {
	var out struct{ Experiment flowExperiment }
	err := c.mlflow(ctx, http.MethodGet, project, "experiments/"+endpoint, query, nil, &out)
	return out.Experiment.experiment(), err
}

func (c *Client) flowExperiments(ctx context.Context, project string) ([]Experiment, error) {
	es := []Experiment{}
	err := c.flowPages(ctx, project, "experiments/search", map[string]any{"max_results": 1000, "order_by": "name"}, func(part flowPage) bool {
		for _, e := range part.Experiments {
			es = append(es, e.experiment())
		}
		return true
	})
	return es, err
}

// flowPage is a part of a search.
type flowPage struct {
	Experiments []flowExperiment
	Runs        []flowRun
	Next        string `json:"next_page_token"`
}

// flowPages fetches the parts of a search until take has enough or there are no
// more. GitLab searches by POST only, and takes one order, as a text.
func (c *Client) flowPages(ctx context.Context, project, endpoint string, in map[string]any, take func(flowPage) bool) error {
	for {
		var out flowPage
		if err := c.mlflow(ctx, http.MethodPost, project, endpoint, nil, in, &out); err != nil {
			return err
		}
		if !take(out) || out.Next == "" || out.Next == in["page_token"] {
			return nil
		}
		in["page_token"] = out.Next
	}
}

func (c *Client) flowCreateExperiment(ctx context.Context, project, name string) (Experiment, error) {
	var out struct {
		ID loose `json:"experiment_id"`
	}
	err := c.mlflow(ctx, http.MethodPost, project, "experiments/create", nil, map[string]string{"name": name}, &out)
	return Experiment{Number: int64(out.ID), Name: name}, err
}

// flowStart makes a run. The tag that links it to its CI job is GitLab's.
func (c *Client) flowStart(ctx context.Context, project string, spec RunSpec) (Run, error) {
	if spec.ModelID != 0 {
		var err error
		if spec.ExperimentID, err = c.defaultExperiment(ctx, spec.ModelID); err != nil {
			return Run{}, err
		}
	}
	tags := flowTags(spec.Metadata)
	if spec.JobID != 0 {
		tags = append(tags, flowPair{"gitlab.CI_JOB_ID", strconv.FormatInt(spec.JobID, 10)})
	}
	in := map[string]any{"experiment_id": strconv.FormatInt(spec.ExperimentID, 10), "start_time": time.Now().UnixMilli(), "tags": tags}
	if spec.Name != "" {
		in["run_name"] = spec.Name
	}
	var out struct{ Run flowRun }
	if err := c.mlflow(ctx, http.MethodPost, project, "runs/create", nil, in, &out); err != nil {
		return Run{}, err
	}
	r := out.Run.run()
	r.Params, r.JobID = spec.Params, spec.JobID
	if len(spec.Params) == 0 {
		return r, nil
	}
	return r, c.flowLog(ctx, RunRef{Project: project, ID: r.ID}, flowBatch{params: spec.Params})
}

func flowTags(tags []Tag) []flowPair {
	out := make([]flowPair, len(tags))
	for i, t := range tags {
		out[i] = flowPair{t.Name, t.Value}
	}
	return out
}

// flowBatch is what runs/log-batch takes.
type flowBatch struct {
	params  []Param
	metrics []Metric
	tags    []Tag
}

// flowPairs is how many parameters or tags MLflow takes at once.
const flowPairs = 100

func (c *Client) flowLog(ctx context.Context, ref RunRef, b flowBatch) error {
	id, err := ref.flowID()
	if err != nil {
		return err
	}
	send := func(what string, list any) error {
		return c.mlflow(ctx, http.MethodPost, ref.Project, "runs/log-batch", nil, map[string]any{"run_id": id, what: list}, nil)
	}
	for part := range slices.Chunk(b.params, flowPairs) {
		pairs := make([]flowPair, len(part))
		for i, p := range part {
			pairs[i] = flowPair{p.Name, p.Value}
		}
		if err := send("params", pairs); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(b.tags, flowPairs) {
		if err := send("tags", flowTags(part)); err != nil {
			return err
		}
	}
	if len(b.metrics) == 0 {
		return nil
	}
	ms := make([]flowMetric, len(b.metrics))
	for i, m := range b.metrics {
		ms[i] = flowMetric{m.Name, m.Value, loose(m.Timestamp), loose(m.Step)}
	}
	return send("metrics", ms)
}

func (c *Client) flowEdit(ctx context.Context, ref RunRef, e RunEdit) (Run, error) {
	id, err := ref.flowID()
	if err != nil {
		return Run{}, err
	}
	in := map[string]any{"run_id": id}
	if e.Name != nil {
		in["run_name"] = *e.Name
	}
	if e.Status != nil {
		in["status"] = strings.ToUpper(*e.Status)
		if *e.Status != "running" && *e.Status != "scheduled" {
			in["end_time"] = time.Now().UnixMilli()
		}
	}
	if err := c.mlflow(ctx, http.MethodPost, ref.Project, "runs/update", nil, in, nil); err != nil {
		return Run{}, err
	}
	f, err := c.flowRun(ctx, ref)
	return f.run(), err
}

func (c *Client) flowDelete(ctx context.Context, ref RunRef) error {
	id, err := ref.flowID()
	if err != nil {
		return err
	}
	return c.mlflow(ctx, http.MethodPost, ref.Project, "runs/delete", nil, map[string]string{"run_id": id}, nil)
}

// flowSearch lists the runs of an experiment or a model. What MLflow cannot
// select is selected here.
func (c *Client) flowSearch(ctx context.Context, project string, q RunQuery) ([]Run, error) {
	if q.ModelID != 0 {
		var err error
		if q.ExperimentID, err = c.defaultExperiment(ctx, q.ModelID); err != nil {
			return nil, err
		}
	}
	if q.ExperimentID == 0 {
		return nil, notThere("list of all runs of a project; name a model, or an experiment with --experiment")
	}
	in := map[string]any{"experiment_ids": []string{strconv.FormatInt(q.ExperimentID, 10)}, "max_results": 200, "order_by": q.flowOrder()}
	// What GitLab's order cannot name is ordered here, of all runs.
	local := q.Metric != "" && in["order_by"] == youngestFirst
	var runs []Run
	err := c.flowPages(ctx, project, "runs/search", in, func(part flowPage) bool {
		for _, f := range part.Runs {
			if r := f.run(); q.selects(r) {
				runs = append(runs, r)
			}
		}
		return local || q.Limit == 0 || len(runs) < q.Limit
	})
	if local {
		slices.SortStableFunc(runs, q.byMetric)
	}
	if q.Limit > 0 && len(runs) > q.Limit {
		runs = runs[:q.Limit]
	}
	return runs, err
}

const youngestFirst = "created_at DESC"

// flowOrder is the order in GitLab's words, which stop at the first dot or blank
// of a metric's name.
func (q RunQuery) flowOrder() string {
	direction := " DESC"
	if q.Ascending {
		direction = " ASC"
	}
	switch {
	case q.Metric == "":
		return "created_at" + direction
	case strings.ContainsAny(q.Metric, ". \t`\""):
		return youngestFirst
	}
	return "metrics." + q.Metric + direction
}

// byMetric compares two runs that have the metric.
func (q RunQuery) byMetric(a, b Run) int {
	value := func(r Run) float64 {
		i := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Name == q.Metric })
		return float64(r.Metrics[i].Value)
	}
	if q.Ascending {
		return cmp.Compare(value(a), value(b))
	}
	return cmp.Compare(value(b), value(a))
}

func (q RunQuery) selects(r Run) bool {
	has := q.Metric == "" || slices.ContainsFunc(r.Metrics, func(m Metric) bool { return m.Name == q.Metric })
	return has && (q.Status == "" || q.Status == r.Status) && strings.Contains(strings.ToLower(r.Name), strings.ToLower(q.Search))
}

// modelPrefix begins the name of the experiment that GitLab makes for a model.
const modelPrefix = "[model]"

// flowPromote makes a version of a run of a model's experiment. GitLab's answer
// has the number where MLflow has the version, and the semantic version among
// the aliases.
func (c *Client) flowPromote(ctx context.Context, ref RunRef, spec VersionSpec) (Version, error) {
	f, err := c.flowRun(ctx, ref)
	if err != nil {
		return Version{}, err
	}
	e, err := c.flowExperiment(ctx, ref.Project, "get", url.Values{"experiment_id": {strconv.FormatInt(int64(f.Info.ExperimentID), 10)}})
	if err != nil {
		return Version{}, err
	}
	model, ok := strings.CutPrefix(e.Name, modelPrefix)
	if !ok {
		return Version{}, &fault.Error{Kind: fault.Invalid, Msg: "the run's experiment does not belong to a model; only a model's candidates can be promoted"}
	}
	tags := flowTags(spec.Metadata)
	if spec.Version != "" {
		tags = append(tags, flowPair{"gitlab.version", spec.Version})
	}
	var out struct {
		Version struct {
			ID      loose `json:"version"`
			Aliases []json.RawMessage
		} `json:"model_version"`
	}
	in := map[string]any{"name": model, "run_id": f.Info.RunID, "description": spec.Description, "tags": tags}
	if err := c.mlflow(ctx, http.MethodPost, ref.Project, "model-versions/create", nil, in, &out); err != nil {
		return Version{}, err
	}
	v := Version{ID: int64(out.Version.ID), ModelName: model, Version: spec.Version, RunID: f.Info.RunID, FileCount: -1, Size: -1}
	if len(out.Version.Aliases) > 0 {
		_ = json.Unmarshal(out.Version.Aliases[0], &v.Version) // else it is the one that was asked for
	}
	return v, nil
}
