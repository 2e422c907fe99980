package mlflow

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func runRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	return []route{
		v2("POST", "/mlflow/runs/create", write, createRun),
		v2("POST", "/mlflow/runs/update", write, updateRun),
		v2("GET", "/mlflow/runs/get", read, getRun),
		v2("POST", "/mlflow/runs/delete", write, deleteRun),
		v2("POST", "/mlflow/runs/restore", write, restoreRun),
		v2("POST", "/mlflow/runs/set-tag", write, setRunTag),
		v2("POST", "/mlflow/runs/delete-tag", write, deleteRunTag),
		v2("POST", "/mlflow/runs/search", read, searchRuns),
	}
}

// nameTag is the tag that is the name of a run. It is not kept: it is written
// into answers, and what comes in becomes the name.
const nameTag = "mlflow.runName"

// statusNames are those of RunStatus in mlflow/protos/service.proto, from 1.
var statusNames = []struct {
	name   string
	status registry.RunStatus
}{{"RUNNING", registry.Running}, {"SCHEDULED", registry.Scheduled}, {"FINISHED", registry.Finished}, {"FAILED", registry.Failed}, {"KILLED", registry.Killed}}

// runStatus is where a run stands; the zero runStatus is unset.
type runStatus struct{ status registry.RunStatus }

// read takes the name or the number.
func (s *runStatus) read(raw json.RawMessage) bool {
	for i, n := range statusNames {
		number := strconv.Itoa(i + 1)
		if t := string(raw); t == `"`+n.name+`"` || t == number || t == `"`+number+`"` {
			s.status = n.status
			return true
		}
	}
	return false
}

// String gives the name, of the unset one none.
func (s runStatus) String() string {
	for _, n := range statusNames {
		if n.status == s.status {
			return n.name
		}
	}
	return string(s.status)
}

// MarshalJSON gives the name.
func (s runStatus) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

type runInfoJSON struct {
	UUID           string    `json:"run_uuid"`
	ExperimentID   string    `json:"experiment_id"`
	Name           string    `json:"run_name"`
	UserID         string    `json:"user_id"`
	Status         runStatus `json:"status"`
	StartTime      int64     `json:"start_time"`         // ms since 1970
	EndTime        int64     `json:"end_time,omitempty"` // ms since 1970
	ArtifactURI    string    `json:"artifact_uri"`
	LifecycleStage string    `json:"lifecycle_stage"`
	ID             string    `json:"run_id"`
}

type metricJSON struct {
	Key       string `json:"key"`
	Value     double `json:"value"`
	Timestamp int64  `json:"timestamp"` // ms since 1970
	Step      int64  `json:"step"`
	RunID     string `json:"run_id,omitempty"`
}

func metricWire(m registry.Metric) metricJSON {
	return metricJSON{Key: m.Key, Value: double(m.Value), Timestamp: millis(m.At), Step: m.Step}
}

type runDataJSON struct {
	Metrics []metricJSON `json:"metrics,omitempty"`
	Params  []tagJSON    `json:"params,omitempty"`
	Tags    []tagJSON    `json:"tags,omitempty"`
}

type runJSON struct {
	Info   runInfoJSON `json:"info"`
	Data   runDataJSON `json:"data"`
	Inputs inputsJSON  `json:"inputs"`
	// Outputs are left out of the answer that creates a run, as MLflow does.
	Outputs *outputsJSON `json:"outputs,omitempty"`
}

func (c *call) runInfo(r registry.Run) runInfoJSON {
	out := runInfoJSON{UUID: r.EID, ID: r.EID, ExperimentID: strconv.FormatInt(r.ExperimentIID, 10), Name: r.Name, UserID: r.UserLabel,
		Status: runStatus{r.Status}, StartTime: millis(r.StartedAt), LifecycleStage: stageName(!r.DeletedAt.IsZero()),
		ArtifactURI: below(locationOf(r.Location, r.ExperimentIID), r.EID+"/artifacts")}
	if c.door == atGitLab {
		// The one form of GitLab's to which MLflow's clients can upload.
		out.ArtifactURI = artifactScheme + "candidate:" + strconv.FormatInt(r.IID, 10)
	}
	out.EndTime = millis(r.EndedAt)
	return out
}

// millis gives a time in ms since 1970, none as 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (c *call) run(r registry.Run) runJSON {
	made := outputsWire(r)
	out := runJSON{Info: c.runInfo(r), Inputs: inputsWire(r), Outputs: &made}
	for _, m := range r.Metrics {
		out.Data.Metrics = append(out.Data.Metrics, metricWire(m))
	}
	for _, p := range r.Params {
		out.Data.Params = append(out.Data.Params, tagJSON{p.Key, p.Value})
	}
	out.Data.Tags = tagsWire(r.Tags)
	if !r.NameHidden {
		out.Data.Tags = append(out.Data.Tags, tagJSON{nameTag, r.Name})
	}
	return out
}

// runID names a run in a message.
type runID struct {
	ID string `field:"run_id" check:"required string"`
}

// runOrUUID does so in the messages that know the old name as well.
type runOrUUID struct {
	runID
	UUID string `field:"run_uuid"`
}

// ref gives the run that a message means; MLflow's finds deleted ones as well.
func (in runID) ref() registry.RunRef { return runRef(in.ID) }

func (in runOrUUID) ref() registry.RunRef {
	if in.ID == "" {
		return runRef(in.UUID)
	}
	return runRef(in.ID)
}

func runRef(id string) registry.RunRef { return registry.RunRef{EID: id, Deleted: true} }

type newRun struct {
	ExperimentID string    `field:"experiment_id" check:"string"`
	UserID       string    `field:"user_id"`
	StartTime    *int64    `field:"start_time" check:"int"`
	Name         string    `field:"run_name" check:"string"`
	Tags         []tagJSON `field:"tags"`
}

type runAnswer struct {
	Run runJSON `json:"run"`
}

func createRun(c *call, in newRun) (runAnswer, error) {
	if in.ExperimentID == "" {
		return runAnswer{}, &apiError{code: badRequest, kind: fault.Invalid, gitlab: "experiment_id is missing",
			msg: "Missing value for required parameter 'experiment_id'." + seeDocs}
	}
	experiment, err := parseExperimentID(in.ExperimentID)
	if err != nil {
		return runAnswer{}, err
	}
	if err := checkUniqueTags(in.Tags); err != nil {
		return runAnswer{}, err
	}
	spec := registry.RunSpec{Experiment: &experiment, Name: in.Name, UserLabel: &in.UserID, StartUnknown: true}
	if spec.StartedAt, err = moment("start_time", in.StartTime); err != nil {
		return runAnswer{}, err
	}
	named := ""
	named, spec.Data.Tags = splitName(tags(in.Tags))
	if in.Name != "" && named != "" && in.Name != named {
		return runAnswer{}, invalid("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='" +
			in.Name + "', mlflow.runName='" + named + "').")
	}
	if spec.Name == "" {
		spec.Name = named
	}
	r, err := c.s.CreateRun(c.ctx(), c.ref, spec)
	out := runAnswer{c.run(r)}
	out.Run.Outputs = nil
	return out, err
}

// splitName takes the name of a run out of its tags.
func splitName(in []registry.Tag) (string, []registry.Tag) {
	named, out := "", make([]registry.Tag, 0, len(in))
	for _, t := range in {
		if t.Key == nameTag {
			named = t.Value
			continue
		}
		out = append(out, t)
	}
	return named, out
}

// minMillis is in the year 1, maxMillis in 9999: the times that JSON can say.
const (
	minMillis = -62135596800000 + 1
	maxMillis = 253402300799999
)

// moment reads a time in ms; unset is the zero Time.
func moment(field string, ms *int64) (time.Time, error) {
	if ms == nil || *ms == 0 {
		return time.Time{}, nil
	}
	if *ms < minMillis || *ms > maxMillis {
		return time.Time{}, invalid("Invalid value " + strconv.FormatInt(*ms, 10) + " for parameter '" + field + "' supplied: it has to be a time in milliseconds since 1970, between the years 1 and 9999.")
	}
	return time.UnixMilli(*ms).UTC(), nil
}

func getRun(c *call, in runOrUUID) (runAnswer, error) {
	r, err := c.s.Run(c.ctx(), c.ref, in.ref())
	return runAnswer{c.run(r)}, err
}

type runEdit struct {
	runOrUUID
	EndTime *int64    `field:"end_time" check:"int"`
	Status  runStatus `field:"status" check:"string"`
	Name    string    `field:"run_name" check:"string"`
}

type runInfoAnswer struct {
	Info runInfoJSON `json:"run_info"`
}

func updateRun(c *call, in runEdit) (runInfoAnswer, error) {
	e := registry.RunEdit{EndUnknown: true}
	if in.Status.status != "" {
		e.Status = &in.Status.status
	}
	if in.Name != "" {
		e.Name = &in.Name
	}
	at, err := moment("end_time", in.EndTime)
	if err != nil {
		return runInfoAnswer{}, err
	}
	if !at.IsZero() {
		e.EndedAt = &at
	}
	r, err := c.s.EditRun(c.ctx(), c.ref, in.ref(), e)
	return runInfoAnswer{c.runInfo(r)}, err
}

func deleteRun(c *call, in runID) (none, error) {
	return none{}, c.s.TrashRun(c.ctx(), c.ref, in.ref())
}

func restoreRun(c *call, in runID) (none, error) {
	return none{}, c.s.RestoreRun(c.ctx(), c.ref, in.ref())
}

type runTag struct {
	runOrUUID
	Key   string `field:"key" check:"required string"`
	Value string `field:"value" check:"string"`
}

func setRunTag(c *call, in runTag) (none, error) {
	t, err := entry{}.checkRunTag(tagJSON{in.Key, in.Value})
	if err != nil {
		return none{}, err
	}
	var d registry.RunData
	d.Name, d.Tags = splitName([]registry.Tag{t})
	return none{}, c.s.Log(c.ctx(), c.ref, in.ref(), d)
}

type runTagKey struct {
	runID
	Key string `field:"key" check:"required string"`
}

func deleteRunTag(c *call, in runTagKey) (none, error) {
	var err error
	if in.Key == nameTag {
		err = c.s.HideRunName(c.ctx(), c.ref, in.ref())
	} else {
		err = c.s.DeleteRunTag(c.ctx(), c.ref, in.ref(), in.Key)
	}
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "tag" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "No tag with name: " + in.Key + " in run with id " + in.ID}
	}
	return none{}, err
}
