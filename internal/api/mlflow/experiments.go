package mlflow

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func experimentRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	return []route{
		v2("POST", "/mlflow/experiments/create", write, createExperiment),
		v2("GET", "/mlflow/experiments/get", read, getExperiment).unknownWithout("experiment_id", "experiment"),
		v2("GET", "/mlflow/experiments/get-by-name", read, getExperimentByName),
		v2("GET", "/mlflow/experiments/list", read, listExperiments),
		v2("GET", "/mlflow/experiments/search", read, searchExperiments),
		v2("POST", "/mlflow/experiments/search", read, searchExperiments),
		v2("POST", "/mlflow/experiments/update", write, updateExperiment),
		v2("POST", "/mlflow/experiments/delete", write, deleteExperiment),
		v2("POST", "/mlflow/experiments/restore", write, restoreExperiment),
		v2("POST", "/mlflow/experiments/set-experiment-tag", write, setExperimentTag),
		v2("POST", "/mlflow/experiments/delete-experiment-tag", write, deleteExperimentTag),
	}
}

type tagJSON struct {
	Key   string `json:"key" field:"key"`
	Value string `json:"value" field:"value"`
}

func tagsWire(ts []registry.Tag) []tagJSON {
	out := make([]tagJSON, len(ts))
	for i, t := range ts {
		out[i] = tagJSON{t.Key, t.Value}
	}
	return out
}

func tags(in []tagJSON) []registry.Tag {
	out := make([]registry.Tag, len(in))
	for i, t := range in {
		out[i] = registry.Tag{Key: t.Key, Value: t.Value}
	}
	return out
}

// uniqueTags keeps the last value of each key, as a batch of tags does.
func uniqueTags(in []tagJSON) []registry.Tag {
	at := map[string]int{}
	var out []registry.Tag
	for _, t := range tags(in) {
		if i, ok := at[t.Key]; ok {
			out[i] = t
			continue
		}
		at[t.Key] = len(out)
		out = append(out, t)
	}
	return out
}

// checkUniqueTags refuses a key that comes twice, which for MLflow breaks a rule
// of its database.
func checkUniqueTags(in []tagJSON) error {
	seen := map[string]bool{}
	for _, t := range in {
		if seen[t.Key] {
			return &apiError{code: badRequest, kind: fault.Invalid, msg: "The tag " + t.Key + " comes twice. Send each key once."}
		}
		seen[t.Key] = true
	}
	return nil
}

const (
	activeStage  = "active"
	deletedStage = "deleted"
)

func stageName(deleted bool) string {
	if deleted {
		return deletedStage
	}
	return activeStage
}

type experimentJSON struct {
	ID               string    `json:"experiment_id"`
	Name             string    `json:"name"`
	ArtifactLocation string    `json:"artifact_location"`
	LifecycleStage   string    `json:"lifecycle_stage"`
	LastUpdateTime   int64     `json:"last_update_time"` // ms since 1970
	CreationTime     int64     `json:"creation_time"`
	Tags             []tagJSON `json:"tags,omitempty"`
	Workspace        string    `json:"workspace,omitempty"`
}

func (c *call) experiment(e registry.Experiment) experimentJSON {
	return experimentJSON{ID: strconv.FormatInt(e.IID, 10), Name: e.Name, ArtifactLocation: locationOf(e.Location, e.IID),
		LifecycleStage: stageName(!e.DeletedAt.IsZero()), LastUpdateTime: e.UpdatedAt.UnixMilli(), CreationTime: e.CreatedAt.UnixMilli(),
		Tags: tagsWire(e.Tags), Workspace: c.workspace}
}

// artifactScheme begins the addresses of artifacts that are kept here: clients
// send and fetch them through this server.
const artifactScheme = "mlflow-artifacts:/"

// locationOf gives where the artifacts of an experiment are.
func locationOf(location string, iid int64) string {
	if location != "" {
		return location
	}
	return artifactScheme + strconv.FormatInt(iid, 10)
}

// below appends a path to an address, before its query; a path of a file system
// has none.
func below(uri, path string) string {
	base, query, ok := strings.Cut(uri, "?")
	if !strings.Contains(uri, ":") {
		base, ok = uri, false
	}
	base = strings.TrimSuffix(base, "/") + "/" + path
	if ok {
		base += "?" + query
	}
	return base
}

// decoded undoes percent-encoding until nothing is left of it.
func decoded(s string) string {
	for range 10 {
		next, err := url.QueryUnescape(s)
		if err != nil || next == s {
			return s
		}
		s = next
	}
	return s
}

type newExperiment struct {
	Name             string    `field:"name" check:"required string"`
	ArtifactLocation string    `field:"artifact_location" check:"string"`
	Tags             []tagJSON `field:"tags" check:"array"`
}

type experimentIDAnswer struct {
	ID string `json:"experiment_id"`
}

func createExperiment(c *call, in newExperiment) (experimentIDAnswer, error) {
	if err := in.check(); err != nil {
		return experimentIDAnswer{}, err
	}
	e, err := c.s.CreateExperiment(c.ctx(), c.ref, registry.ExperimentSpec{Name: in.Name, Location: in.ArtifactLocation, Tags: tags(in.Tags)})
	if fault.Is(err, fault.Conflict) {
		err = &apiError{code: resourceExists, kind: fault.Conflict, msg: "Experiment(name=" + in.Name + ") already exists."}
	}
	return experimentIDAnswer{strconv.FormatInt(e.IID, 10)}, err
}

func (in newExperiment) check() error {
	if err := checkExperimentName(in.Name); err != nil {
		return err
	}
	if err := checkLocation(in.ArtifactLocation); err != nil {
		return err
	}
	for _, t := range tags(in.Tags) {
		if err := checkExperimentTag(t); err != nil {
			return err
		}
	}
	return checkUniqueTags(in.Tags)
}

type experimentAnswer struct {
	Experiment experimentJSON `json:"experiment"`
}

type experimentID struct {
	ID string `field:"experiment_id" check:"required string"`
}

// ref gives the experiment that a message means; MLflow's reads deleted ones
// as well.
func (in experimentID) ref() (registry.ExperimentRef, error) { return parseExperimentID(in.ID) }

func parseExperimentID(s string) (registry.ExperimentRef, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return registry.ExperimentRef{}, invalid("Invalid experiment ID '" + s + "'. Experiment ID must be a valid integer.")
	}
	if n < 0 {
		return registry.ExperimentRef{}, fault.Missing("experiment", s)
	}
	return registry.ExperimentRef{IID: n, Deleted: true}, nil
}

func getExperiment(c *call, in experimentID) (experimentAnswer, error) {
	which, err := in.ref()
	if err != nil {
		return experimentAnswer{}, err
	}
	e, err := c.s.Experiment(c.ctx(), c.ref, which)
	return experimentAnswer{c.experiment(e)}, err
}

type experimentName struct {
	Name string `field:"experiment_name" check:"required string"`
}

func getExperimentByName(c *call, in experimentName) (experimentAnswer, error) {
	e, err := c.s.Experiment(c.ctx(), c.ref, registry.ExperimentRef{Name: in.Name, Deleted: true})
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "experiment" {
		return experimentAnswer{}, &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "Could not find experiment with name '" + in.Name + "'"}
	}
	return experimentAnswer{c.experiment(e)}, err
}

type experimentEdit struct {
	experimentID
	NewName string `field:"new_name" check:"string required"`
}

func updateExperiment(c *call, in experimentEdit) (none, error) {
	which, err := in.ref()
	if err != nil {
		return none{}, err
	}
	if err := checkExperimentName(in.NewName); err != nil {
		return none{}, err
	}
	_, err = c.s.EditExperiment(c.ctx(), c.ref, which, registry.ExperimentEdit{Name: &in.NewName})
	switch e, ok := fault.As(err); {
	case ok && e.Kind == fault.Conflict:
		err = &apiError{code: badRequest, kind: fault.Conflict, msg: "Experiment(name=" + in.NewName + ") already exists."}
	case ok && e.Field == "lifecycle_stage":
		err = &apiError{code: invalidState, kind: fault.Invalid, msg: "Cannot rename a non-active experiment."}
	}
	return none{}, err
}

func deleteExperiment(c *call, in experimentID) (none, error) {
	which, err := in.ref()
	if err != nil {
		return none{}, err
	}
	which.Deleted = false
	return none{}, c.s.TrashExperiment(c.ctx(), c.ref, which)
}

func restoreExperiment(c *call, in experimentID) (none, error) {
	which, err := in.ref()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.RestoreExperiment(c.ctx(), c.ref, which)
}

type experimentTag struct {
	experimentID
	Key   string `field:"key" check:"required string"`
	Value string `field:"value" check:"string"`
}

func setExperimentTag(c *call, in experimentTag) (none, error) {
	which, err := in.ref()
	if err != nil {
		return none{}, err
	}
	t := registry.Tag{Key: in.Key, Value: in.Value}
	if err := checkExperimentTag(t); err != nil {
		return none{}, err
	}
	return none{}, c.s.SetExperimentTag(c.ctx(), c.ref, which, t)
}

type experimentTagKey struct {
	experimentID
	Key string `field:"key" check:"required string"`
}

func deleteExperimentTag(c *call, in experimentTagKey) (none, error) {
	which, err := in.ref()
	if err != nil {
		return none{}, err
	}
	err = c.s.DeleteExperimentTag(c.ctx(), c.ref, which, in.Key)
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "tag" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "No tag with name: " + in.Key + " in experiment with id " + in.ID}
	}
	return none{}, err
}
