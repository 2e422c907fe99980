package mlflow

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func loggedModelRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	const all, one = "/mlflow/logged-models", "/mlflow/logged-models/{model_id}"
	return []route{
		v2("POST", all, write, createLoggedModel),
		v2("POST", all+"/search", read, searchLoggedModels),
		v2("GET", one, read, getLoggedModel),
		v2("PATCH", one, write, finalizeLoggedModel),
		v2("DELETE", one, write, deleteLoggedModel),
		v2("PATCH", one+"/tags", write, setLoggedTags),
		v2("DELETE", one+"/tags/{tag_key}", write, deleteLoggedTag),
		v2("POST", one+"/params", write, logLoggedParams),
		v2("GET", one+"/artifacts/directories", project(registry.PullFiles), listLoggedFiles),
		transfer("GET", one+"/artifacts/files", project(registry.PullFiles), getLoggedFile),
	}
}

// loggedStatuses are those of LoggedModelStatus in mlflow/protos/service.proto,
// from 0.
var loggedStatuses = []struct {
	name   string
	status registry.LoggedStatus
}{{"LOGGED_MODEL_STATUS_UNSPECIFIED", registry.LoggedUnknown}, {"LOGGED_MODEL_PENDING", registry.LoggedPending},
	{"LOGGED_MODEL_READY", registry.LoggedReady}, {"LOGGED_MODEL_UPLOAD_FAILED", registry.LoggedFailed}}

// loggedStatus is where a logged model stands; the zero loggedStatus is unset.
type loggedStatus struct{ status registry.LoggedStatus }

// read takes the name or the number.
func (s *loggedStatus) read(raw json.RawMessage) bool {
	for i, n := range loggedStatuses {
		number := strconv.Itoa(i)
		if t := string(raw); t == `"`+n.name+`"` || t == number || t == `"`+number+`"` {
			s.status = n.status
			return true
		}
	}
	return false
}

// MarshalJSON gives the name.
func (s loggedStatus) MarshalJSON() ([]byte, error) {
	for _, n := range loggedStatuses {
		if n.status == s.status {
			return []byte(`"` + n.name + `"`), nil
		}
	}
	return json.Marshal(s.status)
}

type loggedInfoJSON struct {
	ModelID      string       `json:"model_id"`
	ExperimentID string       `json:"experiment_id"`
	Name         string       `json:"name"`
	CreatedAt    int64        `json:"creation_timestamp_ms"`
	UpdatedAt    int64        `json:"last_updated_timestamp_ms"`
	ArtifactURI  string       `json:"artifact_uri"`
	Status       loggedStatus `json:"status"`
	Type         string       `json:"model_type"`
	SourceRun    string       `json:"source_run_id"`
	Tags         []tagJSON    `json:"tags,omitempty"`
}

type loggedMetricJSON struct {
	Key       string `json:"key"`
	Value     double `json:"value"`
	Timestamp int64  `json:"timestamp"` // ms since 1970
	Step      int64  `json:"step"`
	Dataset   string `json:"dataset_name,omitempty"`
	Digest    string `json:"dataset_digest,omitempty"`
	ModelID   string `json:"model_id"`
	RunID     string `json:"run_id"`
}

type loggedDataJSON struct {
	Params  []tagJSON          `json:"params,omitempty"`
	Metrics []loggedMetricJSON `json:"metrics,omitempty"`
}

type loggedModelJSON struct {
	Info loggedInfoJSON `json:"info"`
	Data loggedDataJSON `json:"data"`
}

// loggedModelURI is where clients put and fetch the files of a logged model.
func loggedModelURI(m registry.LoggedModel) string {
	return below(locationOf(m.Location, m.ExperimentIID), "models/"+m.EID+"/artifacts")
}

func loggedModelWire(m registry.LoggedModel) loggedModelJSON {
	out := loggedModelJSON{Info: loggedInfoJSON{ModelID: m.EID, ExperimentID: strconv.FormatInt(m.ExperimentIID, 10), Name: m.Name,
		CreatedAt: millis(m.CreatedAt), UpdatedAt: millis(m.UpdatedAt), ArtifactURI: loggedModelURI(m), Status: loggedStatus{m.Status},
		Type: m.Type, SourceRun: m.SourceRun, Tags: tagsWire(m.Tags)}}
	for _, p := range m.Params {
		out.Data.Params = append(out.Data.Params, tagJSON{p.Key, p.Value})
	}
	for _, v := range m.Metrics {
		out.Data.Metrics = append(out.Data.Metrics, loggedMetricJSON{Key: v.Key, Value: double(v.Value), Timestamp: millis(v.At), Step: v.Step,
			Dataset: v.Data.Name, Digest: v.Data.Digest, ModelID: v.Model, RunID: v.RunEID})
	}
	return out
}

type loggedModelAnswer struct {
	Model loggedModelJSON `json:"model"`
}

func loggedAnswer(m registry.LoggedModel, err error) (loggedModelAnswer, error) {
	return loggedModelAnswer{loggedModelWire(m)}, err
}

type newLoggedModel struct {
	ExperimentID string    `field:"experiment_id" check:"string required"`
	Name         string    `field:"name" check:"string"`
	Type         string    `field:"model_type" check:"string"`
	SourceRun    string    `field:"source_run_id" check:"string"`
	Params       []tagJSON `field:"params" check:"array"`
	Tags         []tagJSON `field:"tags" check:"array"`
}

// loggedNameChars are those that the name of a logged model cannot have
// (_validate_logged_model_name of mlflow/utils/validation.py).
const loggedNameChars = `/:.%"'`

func createLoggedModel(c *call, in newLoggedModel) (loggedModelAnswer, error) {
	experiment, err := parseExperimentID(in.ExperimentID)
	if err != nil {
		return loggedModelAnswer{}, err
	}
	if strings.ContainsAny(in.Name, loggedNameChars) {
		return loggedModelAnswer{}, invalid("Invalid model name (" + pythonRepr(in.Name) + ") provided. Model name must be a non-empty string " +
			`and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`)
	}
	if err := checkUniqueTags(in.Tags); err != nil {
		return loggedModelAnswer{}, err
	}
	m, err := c.s.CreateLoggedModel(c.ctx(), c.ref, registry.LoggedModelSpec{Experiment: experiment, Name: in.Name, Type: in.Type,
		SourceRun: in.SourceRun, Params: params(in.Params), Tags: tags(in.Tags)})
	return loggedAnswer(m, taken(err))
}

func params(in []tagJSON) []registry.Param {
	out := make([]registry.Param, len(in))
	for i, p := range in {
		out[i] = registry.Param{Key: p.Key, Value: p.Value}
	}
	return out
}

// loggedModel is the logged model that the address names. MLflow changes
// deleted ones as well.
func (c *call) loggedModel() registry.LoggedModelRef {
	return registry.LoggedModelRef{EID: c.r.PathValue("model_id"), Deleted: true}
}

// taken says of what can be there once only, and is there, what MLflow's
// database says.
func taken(err error) error {
	if e, ok := fault.As(err); ok && e.Kind == fault.Conflict {
		return &apiError{code: badRequest, kind: fault.Conflict, msg: sentence(e)}
	}
	return err
}

type loggedModelQuery struct {
	Deleted string `field:"allow_deleted"`
}

func getLoggedModel(c *call, in loggedModelQuery) (loggedModelAnswer, error) {
	which := c.loggedModel()
	which.Deleted = strings.EqualFold(in.Deleted, "true")
	return loggedAnswer(c.s.LoggedModel(c.ctx(), c.ref, which))
}

type loggedModelEnd struct {
	ModelID string       `field:"model_id" check:"string required"`
	Status  loggedStatus `field:"status" check:"required"`
}

func finalizeLoggedModel(c *call, in loggedModelEnd) (loggedModelAnswer, error) {
	return loggedAnswer(c.s.SetLoggedStatus(c.ctx(), c.ref, c.loggedModel(), in.Status.status))
}

func deleteLoggedModel(c *call, _ none) (none, error) {
	return none{}, c.s.TrashLoggedModel(c.ctx(), c.ref, c.loggedModel())
}

type loggedTags struct {
	Tags []tagJSON `field:"tags" check:"array"`
}

func setLoggedTags(c *call, in loggedTags) (none, error) {
	_, err := c.s.SetLoggedTags(c.ctx(), c.ref, c.loggedModel(), uniqueTags(in.Tags))
	return none{}, err
}

func deleteLoggedTag(c *call, _ none) (none, error) {
	which, key := c.loggedModel(), c.r.PathValue("tag_key")
	err := c.s.DeleteLoggedTag(c.ctx(), c.ref, which, key)
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "tag" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "No tag with key " + pythonRepr(key) + " found for model with ID '" + which.EID + "'."}
	}
	return none{}, err
}

type loggedParams struct {
	ModelID string    `field:"model_id" check:"string required"`
	Params  []tagJSON `field:"params" check:"array"`
}

func logLoggedParams(c *call, in loggedParams) (none, error) {
	return none{}, taken(c.s.LogModelParams(c.ctx(), c.ref, c.loggedModel(), params(in.Params)))
}

type loggedFolder struct {
	Path      string `field:"artifact_directory_path" check:"string"`
	PageToken string `field:"page_token"`
}

// listLoggedFiles lists a folder of a logged model; see listArtifacts.
func listLoggedFiles(c *call, in loggedFolder) (runFolderAnswer, error) {
	q, err := folderOf(in.Path, in.PageToken)
	if err != nil {
		return runFolderAnswer{}, err
	}
	m, l, err := c.s.LoggedModelFolder(c.ctx(), c.ref, registry.LoggedModelRef{EID: c.r.PathValue("model_id")}, q)
	if err != nil {
		return runFolderAnswer{}, err
	}
	return folderPage(loggedModelURI(m), in.Path, l), nil
}

// getLoggedFile serves a file of a logged model to pages.
func getLoggedFile(c *call) error {
	text := c.r.URL.Query().Get("artifact_file_path")
	if text == "" {
		return &apiError{code: badRequest, kind: fault.Invalid, msg: `Request must include the "artifact_file_path" query parameter.`}
	}
	p, err := artifactPath(text)
	if err != nil {
		return err
	}
	return c.serveFile(file{pkg: registry.PackageRef{Logged: c.r.PathValue("model_id")}, path: p, name: p})
}
