package mlflow

import (
	"cmp"
	"encoding/json"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// viewType tells which stages of life a search is about (ViewType in
// mlflow/protos/service.proto).
type viewType struct{ stage registry.Stage }

// read takes the name or the number.
func (v *viewType) read(raw json.RawMessage) bool {
	switch string(raw) {
	case "1", `"1"`, `"ACTIVE_ONLY"`:
		v.stage = registry.Active
	case "2", `"2"`, `"DELETED_ONLY"`:
		v.stage = registry.Deleted
	case "3", `"3"`, `"ALL"`:
		v.stage = registry.AnyStage
	default:
		return false
	}
	return true
}

// experimentGrammar is SearchExperimentsUtils of MLflow.
var experimentGrammar = grammar{
	entities:  map[string]registry.Subject{"attribute": registry.OfRow, "tag": registry.OfTag, "tags": registry.OfTag},
	badEntity: "Valid entity types are ('attribute', 'tag', 'tags')",
	attrs: map[string]attribute{
		"name": {name: "name", filter: true, order: true, ops: textOps},
		"experiment_id": {name: "id", filter: true, order: true, lists: true,
			ops: []registry.Op{registry.Equal, registry.NotEqual, registry.In, registry.NotIn}, badOp: "Invalid comparator for experiment_id: "},
		"creation_time":    {name: "created_at", number: true, filter: true, order: true},
		"last_update_time": {name: "updated_at", number: true, filter: true, order: true},
	},
	ops:       map[registry.Subject][]registry.Op{registry.OfTag: textNulOps},
	orders:    []registry.Subject{registry.OfRow},
	badOrder:  "Invalid order_by entity: %s",
	badOp:     map[registry.Subject]string{registry.OfTag: "Invalid comparator for tag: "},
	translate: numberExperiments,
}

// numberExperiments makes numbers of the ids, which filters have as texts.
func numberExperiments(c registry.Condition) (registry.Condition, error) {
	if c.Subject != registry.OfRow || c.Key != "id" {
		return c, nil
	}
	switch v := c.Value.(type) {
	case string:
		ref, err := parseExperimentID(v)
		c.Value = ref.IID
		return c, err
	case []string:
		ids := make([]int64, len(v))
		for i, s := range v {
			ref, err := parseExperimentID(s)
			if err != nil {
				return c, err
			}
			ids[i] = ref.IID
		}
		c.Value = ids
	}
	return c, nil
}

type experimentSearch struct {
	ViewType   viewType `field:"view_type" check:"int"`
	MaxResults int64    `field:"max_results" check:"int"`
	OrderBy    orders   `field:"order_by"`
	Filter     string   `field:"filter" check:"string"`
	PageToken  string   `field:"page_token" check:"string"`
	// Orders is OrderBy as it was written.
	Orders json.RawMessage `field:"order_by" check:"array"`
}

type experimentsAnswer struct {
	Experiments   []experimentJSON `json:"experiments,omitempty"`
	NextPageToken string           `json:"next_page_token,omitempty"`
}

// checkMaxResults is what MLflow says of the length of an answer.
func checkMaxResults(n int64) error {
	msg := "Invalid value " + strconv.FormatInt(n, 10) + " for parameter 'max_results' supplied. It must be "
	switch {
	case n < 1:
		return invalid(msg + "a positive integer")
	case n > registry.MaxFound:
		return invalid(msg + "at most " + strconv.Itoa(registry.MaxFound))
	}
	return nil
}

// defaultFoundByGitLab is how many experiments GitLab gives unless told
// (lib/api/ml/mlflow/experiments.rb); MLflow wants to be told.
const defaultFoundByGitLab = 200

func searchExperiments(c *call, in experimentSearch) (experimentsAnswer, error) {
	g := experimentGrammar
	if c.door == atGitLab {
		g = experimentGrammar.alsoAs(map[string]string{"created_at": "creation_time"})
		in.MaxResults = cmp.Or(in.MaxResults, defaultFoundByGitLab)
	}
	if err := cmp.Or(checkMaxResults(in.MaxResults), c.checkOrders(in.Orders)); err != nil {
		return experimentsAnswer{}, err
	}
	q := registry.Search{Stage: in.ViewType.stage, Limit: int(in.MaxResults)}
	var err error
	if q.Filter, err = g.filter(in.Filter); err != nil {
		return experimentsAnswer{}, err
	}
	if len(in.OrderBy) == 0 {
		in.OrderBy = []string{"creation_time DESC", "experiment_id ASC"}
	}
	if q.Order, err = g.order(in.OrderBy); err != nil {
		return experimentsAnswer{}, err
	}
	if q.After, err = parsePageToken(in.PageToken); err != nil {
		return experimentsAnswer{}, err
	}
	return c.experiments(q)
}

// experiments answers a search. At the root those of models are left out, for
// MLflow has none; GitLab shows them.
func (c *call) experiments(q registry.Search) (experimentsAnswer, error) {
	found, err := c.s.SearchExperiments(c.ctx(), c.ref, registry.ExperimentSearch{Search: q, Plain: c.door == atRoot})
	if err != nil {
		return experimentsAnswer{}, err
	}
	out := experimentsAnswer{Experiments: make([]experimentJSON, len(found.Items))}
	for i, e := range found.Items {
		out.Experiments[i] = c.experiment(e)
	}
	out.NextPageToken, err = pageToken(found.Next)
	return out, err
}

type experimentList struct {
	ViewType   viewType `field:"view_type"`
	MaxResults *int64   `field:"max_results"`
	PageToken  string   `field:"page_token"`
}

// listExperiments is GitLab's, and that of MLflow's clients before 2.0.
func listExperiments(c *call, in experimentList) (experimentsAnswer, error) {
	q := registry.Search{Stage: in.ViewType.stage, Limit: 1000, Order: []registry.Sort{{Key: "id"}}}
	if in.MaxResults != nil {
		if err := checkMaxResults(*in.MaxResults); err != nil {
			return experimentsAnswer{}, err
		}
		q.Limit = int(*in.MaxResults)
	}
	var err error
	if q.After, err = parsePageToken(in.PageToken); err != nil {
		return experimentsAnswer{}, err
	}
	return c.experiments(q)
}
