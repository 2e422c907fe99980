package mlflow

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func runLogRoutes() []route {
	write := project(registry.WriteRuns)
	return []route{
		v2("POST", "/mlflow/runs/log-metric", write, logMetric),
		v2("POST", "/mlflow/runs/log-parameter", write, logParam),
		v2("POST", "/mlflow/runs/log-batch", write, logBatch),
		v2("POST", "/mlflow/runs/log-model", write, logModel),
	}
}

// metricIn is a metric as it comes, where what is missing has to be told.
type metricIn struct {
	Key       *string  `field:"key" check:"required string"`
	Value     *float64 `field:"value" check:"required float"`
	Timestamp *int64   `field:"timestamp" check:"int required"` // ms since 1970
	Step      int64    `field:"step" check:"int"`
	Model     string   `field:"model_id" check:"string"`
	Dataset   string   `field:"dataset_name" check:"string"`
	Digest    string   `field:"dataset_digest" check:"string"`
}

func (m metricIn) metric() registry.Metric {
	return registry.Metric{Key: deref(m.Key), Value: finite(deref(m.Value)), Step: m.Step, At: time.UnixMilli(deref(m.Timestamp)).UTC(),
		Model: m.Model, Data: registry.DatasetRef{Name: m.Dataset, Digest: m.Digest}}
}

// finite gives what MLflow keeps of an infinity: the greatest number.
func finite(f float64) float64 {
	if math.IsInf(f, 0) {
		return math.Copysign(math.MaxFloat64, f)
	}
	return f
}

type newMetric struct {
	runOrUUID
	metricIn
}

func logMetric(c *call, in newMetric) (none, error) {
	if err := (entry{}).checkMetric(in.metricIn); err != nil {
		return none{}, err
	}
	return none{}, c.s.Log(c.ctx(), c.ref, in.ref(), registry.RunData{Metrics: []registry.Metric{in.metric()}})
}

type newParam struct {
	runOrUUID
	Key   string `field:"key" check:"required string"`
	Value string `field:"value" check:"string"`
}

func logParam(c *call, in newParam) (none, error) {
	p, err := entry{}.checkParam(tagJSON{in.Key, in.Value})
	if err != nil {
		return none{}, err
	}
	err = c.s.Log(c.ctx(), c.ref, in.ref(), registry.RunData{Params: []registry.Param{p}})
	if e, ok := errors.AsType[registry.ParamsChanged](err); ok {
		err = invalid("Changing param values is not allowed. Param with key='" + e[0].Key + "' was already logged with value='" + e[0].Old +
			"' for run ID='" + in.ref().EID + "'. Attempted logging new value '" + e[0].New + "'.")
	}
	return none{}, err
}

type batch struct {
	ID      string     `field:"run_id" check:"string required"`
	Metrics []metricIn `field:"metrics" check:"array set"`
	Params  []tagJSON  `field:"params" check:"array set"`
	Tags    []tagJSON  `field:"tags" check:"array set"`
}

func logBatch(c *call, in batch) (none, error) {
	if err := in.complete(); err != nil {
		return none{}, err
	}
	d, err := in.data()
	if err != nil {
		return none{}, err
	}
	err = c.s.Log(c.ctx(), c.ref, runRef(in.ID), d)
	if e, ok := errors.AsType[registry.ParamsChanged](err); ok {
		err = invalid("Changing param values is not allowed. Params were already logged='" + pythonChanges(e) + "' for run ID='" + in.ID + "'.")
	}
	return none{}, err
}

// complete tells what an entry lacks.
func (in batch) complete() error {
	for i, m := range in.Metrics {
		e := entry{"metrics", i}
		switch {
		case deref(m.Key) == "":
			return missing(e.at("key"))
		case m.Value == nil:
			return missing(e.at("value"))
		case m.Timestamp == nil:
			return missing(e.at("timestamp"))
		}
	}
	if err := keyed("params", in.Params); err != nil {
		return err
	}
	return keyed("tags", in.Tags)
}

func keyed(name string, entries []tagJSON) error {
	for i, e := range entries {
		if e.Key == "" {
			return missing(entry{name, i}.at("key"))
		}
	}
	return nil
}

// data checks a batch in the order in which MLflow does.
func (in batch) data() (registry.RunData, error) {
	var d registry.RunData
	if !looksLikeRunID(in.ID) {
		return d, invalidValue("run_id", in.ID, "")
	}
	d.Metrics = make([]registry.Metric, 0, len(in.Metrics))
	for i, m := range in.Metrics {
		if err := (entry{"metrics", i}).checkMetric(m); err != nil {
			return d, err
		}
		d.Metrics = append(d.Metrics, m.metric())
	}
	for i, p := range in.Params {
		param, err := entry{"params", i}.checkParam(p)
		if err != nil {
			return d, err
		}
		d.Params = append(d.Params, param)
	}
	tags := make([]tagJSON, len(in.Tags))
	for i, t := range in.Tags {
		tag, err := entry{"tags", i}.checkRunTag(t)
		if err != nil {
			return d, err
		}
		tags[i] = tagJSON{tag.Key, tag.Value}
	}
	d.Name, d.Tags = splitName(uniqueTags(tags))
	if err := checkBatch(len(in.Metrics), len(in.Params), len(in.Tags)); err != nil {
		return d, err
	}
	return d, checkUniqueParams(d.Params)
}

// pythonChanges writes changed parameters as Python writes a list of
// dictionaries.
func pythonChanges(cs registry.ParamsChanged) string {
	parts := make([]string, len(cs))
	for i, c := range cs {
		parts[i] = "{'key': " + pythonRepr(c.Key) + ", 'old_value': " + pythonRepr(c.Old) + ", 'new_value': " + pythonRepr(c.New) + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// modelsTag holds what log-model has told of a run, as a JSON list.
const modelsTag = "mlflow.log-model.history"

type loggedModelNote struct {
	ID    string `field:"run_id" check:"string required"`
	Model string `field:"model_json" check:"string required"`
}

// logModel is how clients before 2.0 tell of a model among the artifacts.
func logModel(c *call, in loggedModelNote) (none, error) {
	var model map[string]json.RawMessage
	if err := json.Unmarshal([]byte(in.Model), &model); err != nil {
		return none{}, invalid("Malformed model info. \n " + in.Model + " \n is not a valid JSON.")
	}
	var lacks []string
	for _, k := range []string{"artifact_path", "flavors", "run_id", "utc_time_created"} {
		if _, ok := model[k]; !ok {
			lacks = append(lacks, k)
		}
	}
	if lacks != nil {
		return none{}, invalid("Model json is missing mandatory fields: " + braces(lacks))
	}
	note, err := modelNote(model)
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.ChangeRunTag(c.ctx(), c.ref, runRef(in.ID), modelsTag, func(old string) (string, error) {
		notes := []json.RawMessage{}
		if old != "" {
			if err := json.Unmarshal([]byte(old), &notes); err != nil {
				return "", &fault.Error{Kind: fault.Invalid, Msg: "The run's tag " + modelsTag + " is not a JSON list; delete it to log models.", Err: err}
			}
		}
		all, err := json.Marshal(append(notes, note))
		return pythonSpaced(all), err
	})
}

// modelNote keeps of a model what MLflow keeps: no signatures and no examples.
func modelNote(model map[string]json.RawMessage) (json.RawMessage, error) {
	note := struct {
		RunID    json.RawMessage            `json:"run_id"`
		Path     json.RawMessage            `json:"artifact_path"`
		Created  json.RawMessage            `json:"utc_time_created"`
		UUID     json.RawMessage            `json:"model_uuid"`
		Flavours map[string]json.RawMessage `json:"flavors"`
	}{RunID: model["run_id"], Path: model["artifact_path"], Created: model["utc_time_created"], UUID: model["model_uuid"]}
	if err := json.Unmarshal(model["flavors"], &note.Flavours); err != nil {
		return nil, invalid("Malformed model info: 'flavors' has to be an object.")
	}
	for name, raw := range note.Flavours {
		var flavour map[string]json.RawMessage
		if json.Unmarshal(raw, &flavour) != nil || flavour["config"] == nil {
			continue
		}
		delete(flavour, "config")
		kept, err := json.Marshal(flavour)
		if err != nil {
			return nil, err
		}
		note.Flavours[name] = kept
	}
	return json.Marshal(note)
}
