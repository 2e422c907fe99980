package mlflow

import (
	"encoding/json"
	"sort"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The data sets of mlflow.genai.datasets (mlflow/protos/datasets.proto).
func evalRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	const all, one = "/mlflow/datasets", "/mlflow/datasets/{dataset_id}"
	return []route{
		v3("POST", all+"/create", write, createEval),
		v3("POST", all+"/search", read, searchEvals),
		v3("GET", all+"/search", read, searchEvals),
		v3("GET", one, read, getEval),
		v3("DELETE", one, write, deleteEval),
		v3("PATCH", one+"/tags", write, setEvalTags),
		v3("DELETE", one+"/tags/{key}", write, deleteEvalTag),
		v3("GET", one+"/experiment-ids", read, getEvalExperiments),
		v3("POST", one+"/add-experiments", write, addEvalExperiments),
		v3("POST", one+"/remove-experiments", write, removeEvalExperiments),
		v3("POST", one+"/records", write, putEvalRecords),
		v3("GET", one+"/records", read, getEvalRecords),
		v3("DELETE", one+"/records", write, deleteEvalRecords),
	}
}

// evalUserKey is the tag by which clients say who they are.
const evalUserKey = "mlflow.user"

type evalJSON struct {
	ID          string   `json:"dataset_id"`
	Name        string   `json:"name"`
	Tags        string   `json:"tags"` // an object, as JSON
	Schema      string   `json:"schema,omitempty"`
	Profile     string   `json:"profile,omitempty"`
	Digest      string   `json:"digest"`
	Created     int64    `json:"created_time"`     // ms since 1970
	Updated     int64    `json:"last_update_time"` // ms since 1970
	CreatedBy   string   `json:"created_by,omitempty"`
	UpdatedBy   string   `json:"last_updated_by,omitempty"`
	Experiments []string `json:"experiment_ids,omitempty"`
}

func evalWire(d registry.EvalDataset) evalJSON {
	out := evalJSON{ID: d.EID, Name: d.Name, Tags: tagsObject(d.Tags), Schema: d.Schema, Digest: d.Digest, Created: millis(d.CreatedAt), Updated: millis(d.UpdatedAt),
		CreatedBy: d.CreatedBy, UpdatedBy: d.UpdatedBy}
	if d.Records > 0 {
		out.Profile = `{"num_records": ` + strconv.FormatInt(d.Records, 10) + "}"
	}
	return out
}

// tagsObject writes tags as an object in JSON.
func tagsObject(ts []registry.Tag) string {
	members := make([]member, len(ts))
	for i, t := range ts {
		members[i] = member{t.Key, json.RawMessage(pythonString(t.Value))}
	}
	return objectOf(members)
}

type evalAnswer struct {
	Dataset evalJSON `json:"dataset"`
}

func evalResult(d registry.EvalDataset, err error) (evalAnswer, error) {
	return evalAnswer{evalWire(d)}, noEval(err)
}

// noEval says in MLflow's words that a data set is not there.
func noEval(err error) error {
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "evaluation dataset" {
		return &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "Evaluation dataset with id '" + e.Name + "' not found"}
	}
	return err
}

// tagsText reads tags that come as an object in JSON in a text. What is no text
// becomes its JSON, and null is the same as nothing.
func tagsText(s string) ([]registry.Tag, error) {
	if s == "" {
		return nil, nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &m) != nil {
		return nil, invalid("The tags have to be a JSON object in a text.")
	}
	var out []registry.Tag
	for k, raw := range m {
		if string(raw) == "null" {
			continue
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		out = append(out, registry.Tag{Key: k, Value: text})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out, nil
}

// userOf finds who the client says it is.
func userOf(ts []registry.Tag) string {
	for _, t := range ts {
		if t.Key == evalUserKey {
			return t.Value
		}
	}
	return ""
}

type newEval struct {
	Name        string   `field:"name" check:"required string"`
	Experiments []string `field:"experiment_ids" check:"array"`
	Tags        string   `field:"tags" check:"string"`
}

func createEval(c *call, in newEval) (evalAnswer, error) {
	tags, err := tagsText(in.Tags)
	if err != nil {
		return evalAnswer{}, err
	}
	spec := registry.EvalSpec{Name: in.Name, Tags: tags, By: userOf(tags)}
	if spec.Experiments, err = parseExperimentIDs(in.Experiments); err != nil {
		return evalAnswer{}, err
	}
	d, err := c.s.CreateEvalDataset(c.ctx(), c.ref, spec)
	out := evalWire(d)
	out.Experiments = in.Experiments
	return evalAnswer{out}, err
}

func getEval(c *call, _ none) (evalAnswer, error) {
	return evalResult(c.s.EvalDataset(c.ctx(), c.ref, c.r.PathValue("dataset_id")))
}

func deleteEval(c *call, _ none) (none, error) {
	return none{}, c.s.DeleteEvalDataset(c.ctx(), c.ref, c.r.PathValue("dataset_id"))
}

type evalTags struct {
	Tags string `field:"tags" check:"required string"`
}

func setEvalTags(c *call, in evalTags) (none, error) {
	tags, err := tagsText(in.Tags)
	if err != nil {
		return none{}, err
	}
	_, err = c.s.SetEvalTags(c.ctx(), c.ref, c.r.PathValue("dataset_id"), tags)
	return none{}, noEval(err)
}

func deleteEvalTag(c *call, _ none) (none, error) {
	return none{}, c.s.DeleteEvalTag(c.ctx(), c.ref, c.r.PathValue("dataset_id"), c.r.PathValue("key"))
}

type evalExperimentsAnswer struct {
	IDs []string `json:"experiment_ids,omitempty"`
}

func getEvalExperiments(c *call, _ none) (evalExperimentsAnswer, error) {
	iids, err := c.s.EvalExperiments(c.ctx(), c.ref, c.r.PathValue("dataset_id"))
	var out evalExperimentsAnswer
	for _, iid := range iids {
		out.IDs = append(out.IDs, strconv.FormatInt(iid, 10))
	}
	return out, noEval(err)
}

type evalExperiments struct {
	IDs []string `field:"experiment_ids" check:"array"`
}

func addEvalExperiments(c *call, in evalExperiments) (evalAnswer, error) {
	refs, err := parseExperimentIDs(in.IDs)
	if err != nil {
		return evalAnswer{}, err
	}
	return evalResult(c.s.LinkEvalDataset(c.ctx(), c.ref, c.r.PathValue("dataset_id"), refs, nil))
}

func removeEvalExperiments(c *call, in evalExperiments) (evalAnswer, error) {
	refs, err := parseExperimentIDs(in.IDs)
	if err != nil {
		return evalAnswer{}, err
	}
	return evalResult(c.s.LinkEvalDataset(c.ctx(), c.ref, c.r.PathValue("dataset_id"), nil, refs))
}

// evalGrammar is SearchEvaluationDatasetsUtils of mlflow/utils/search_utils.py.
var evalGrammar = grammar{
	entities:  map[string]registry.Subject{"tags": registry.OfTag, "attribute": registry.OfRow},
	badEntity: "Valid entity types are ['tags']",
	attrs: map[string]attribute{"name": {name: "name", lists: true, filter: true, order: true}, "created_by": {name: "created_by", filter: true, ops: textOps},
		"last_updated_by":  {name: "updated_by", filter: true, ops: textOps},
		"created_time":     {name: "created_at", number: true, filter: true, order: true},
		"last_update_time": {name: "updated_at", number: true, filter: true, order: true}},
	ops:      map[registry.Subject][]registry.Op{registry.OfTag: textOps},
	orders:   []registry.Subject{registry.OfRow},
	badOrder: "Invalid order_by entity: %s",
}

const defaultEvals = 1000

type evalQuery struct {
	Experiments []string `field:"experiment_ids" check:"array"`
	Filter      string   `field:"filter_string" check:"string"`
	MaxResults  *int64   `field:"max_results" check:"int"`
	OrderBy     []string `field:"order_by" check:"array"`
	PageToken   string   `field:"page_token" check:"string"`
}

type evalsAnswer struct {
	Datasets      []evalJSON `json:"datasets,omitempty"`
	NextPageToken string     `json:"next_page_token,omitempty"`
}

func searchEvals(c *call, in evalQuery) (evalsAnswer, error) {
	q := registry.EvalSearch{Search: registry.Search{Limit: defaultEvals}}
	if n := in.MaxResults; n != nil {
		if *n < 1 {
			return evalsAnswer{}, invalid("Invalid value " + strconv.FormatInt(*n, 10) + " for parameter 'max_results' supplied. It must be a positive integer")
		}
		q.Limit = int(min(*n, defaultEvals))
	}
	var err error
	if q.Experiments, err = parseExperimentIDs(in.Experiments); err != nil {
		return evalsAnswer{}, err
	}
	if q.Filter, err = evalGrammar.filter(in.Filter); err != nil {
		return evalsAnswer{}, err
	}
	if q.Order, err = evalGrammar.order(in.OrderBy); err != nil {
		return evalsAnswer{}, err
	}
	if q.After, err = parsePageToken(in.PageToken); err != nil {
		return evalsAnswer{}, err
	}
	found, err := c.s.SearchEvalDatasets(c.ctx(), c.ref, q)
	if err != nil {
		return evalsAnswer{}, err
	}
	var out evalsAnswer
	out.Datasets, out.NextPageToken, err = wired(found.Items, found.Next, evalWire)
	return out, err
}
