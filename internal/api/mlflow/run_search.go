package mlflow

import (
	"encoding/json"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// runGrammar is SearchUtils of MLflow, for runs.
var runGrammar = grammar{
	entities: map[string]registry.Subject{"metric": registry.OfMetric, "metrics": registry.OfMetric,
		"parameter": registry.OfParam, "parameters": registry.OfParam, "param": registry.OfParam, "params": registry.OfParam,
		"tag": registry.OfTag, "tags": registry.OfTag, "dataset": registry.OfDataset, "datasets": registry.OfDataset,
		"attribute": registry.OfRow, "attributes": registry.OfRow, "attr": registry.OfRow, "run": registry.OfRow},
	badEntity: "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
	attrs: map[string]attribute{
		"run_id":       {name: "eid", lists: true, filter: true, order: true},
		"run_name":     {name: "name", filter: true, order: true},
		"Run name":     {name: "name", filter: true},
		"Run Name":     {name: "name", filter: true},
		"run name":     {name: "name", filter: true},
		"user_id":      {name: "user", filter: true, order: true},
		"status":       {name: "status", filter: true, order: true},
		"artifact_uri": {name: "artifact_uri", filter: true, order: true},
		"start_time":   {name: "started_at", number: true, filter: true, order: true},
		"created":      {name: "started_at", number: true, filter: true, order: true},
		"Created":      {name: "started_at", number: true, filter: true, order: true},
		"end_time":     {name: "ended_at", number: true, filter: true, order: true},
	},
	ops: map[registry.Subject][]registry.Op{registry.OfMetric: numberOps, registry.OfParam: textNulOps, registry.OfTag: textNulOps,
		registry.OfDataset: textInOps},
	keys:      map[registry.Subject][]string{registry.OfDataset: {"context", "digest", "name"}},
	orders:    []registry.Subject{registry.OfRow, registry.OfMetric, registry.OfParam, registry.OfTag},
	badOrder:  "Invalid identifier type '%s'",
	translate: nameIsNoTag,
}

// nameIsNoTag turns what is asked of the tag that is the run's name into a
// question about the name.
func nameIsNoTag(c registry.Condition) (registry.Condition, error) {
	if c.Subject == registry.OfTag && c.Key == nameTag {
		c.Subject, c.Key = registry.OfRow, "name"
	}
	return c, nil
}

type runSearch struct {
	ExperimentIDs []string        `field:"experiment_ids" check:"array"`
	Filter        string          `field:"filter" check:"string"`
	MaxResults    *int64          `field:"max_results" check:"int set"`
	OrderBy       orders          `field:"order_by"`
	ViewType      viewType        `field:"run_view_type"`
	PageToken     string          `field:"page_token"`
	Limit         json.RawMessage `field:"max_results"` // as it was written
	Orders        json.RawMessage `field:"order_by" check:"array strings"`
}

type runsAnswer struct {
	Runs          []runJSON `json:"runs,omitempty"`
	NextPageToken string    `json:"next_page_token,omitempty"`
}

// defaultRuns is how many runs an answer has unless told (SearchRuns in
// mlflow/protos/service.proto).
const defaultRuns = 1000

func searchRuns(c *call, in runSearch) (runsAnswer, error) {
	if err := c.checkOrders(in.Orders); err != nil {
		return runsAnswer{}, err
	}
	g := runGrammar
	if c.door == atGitLab {
		g = runGrammar.alsoAs(map[string]string{"created_at": "created", "name": "run_name"})
		g.bestFirst = true
	}
	q, err := in.query(&g)
	if err != nil {
		return runsAnswer{}, err
	}
	found, err := c.s.SearchRuns(c.ctx(), c.ref, q)
	if err != nil {
		return runsAnswer{}, err
	}
	var out runsAnswer
	out.Runs, out.NextPageToken, err = wired(found.Items, found.Next, c.run)
	return out, err
}

func (in runSearch) query(g *grammar) (registry.RunSearch, error) {
	q := registry.RunSearch{Search: registry.Search{Stage: in.ViewType.stage, Limit: defaultRuns}}
	if in.MaxResults != nil {
		if *in.MaxResults > registry.MaxFound {
			return q, badValue("max_results", in.Limit)
		}
		if err := checkMaxResults(*in.MaxResults); err != nil {
			return q, err
		}
		q.Limit = int(*in.MaxResults)
	}
	var err error
	if q.Filter, err = g.filter(in.Filter); err != nil {
		return q, err
	}
	if q.Order, err = g.order(in.OrderBy); err != nil {
		return q, err
	}
	if q.After, err = parsePageToken(in.PageToken); err != nil {
		return q, err
	}
	q.Experiments, err = parseExperimentIDs(in.ExperimentIDs)
	return q, err
}

func parseExperimentIDs(ids []string) ([]registry.ExperimentRef, error) {
	out := make([]registry.ExperimentRef, len(ids))
	for i, id := range ids {
		var err error
		if out[i], err = parseExperimentID(id); err != nil {
			return nil, err
		}
	}
	return out, nil
}
