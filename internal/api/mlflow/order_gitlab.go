package mlflow

import (
	"encoding/json"
	"maps"
)

// orders are the keys of an order. GitLab takes one as a text and refuses a list
// (lib/api/ml/mlflow/runs.rb, experiments.rb: order_by, type String), MLflow
// takes a list and refuses a text; GitLab's door takes both.
type orders []string

func (o *orders) read(raw json.RawMessage) bool {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*o = nil
		if one != "" {
			*o = orders{one}
		}
		return true
	}
	var many []string
	err := json.Unmarshal(raw, &many)
	*o = many
	return err == nil
}

// checkOrders refuses at the root what MLflow does not take.
func (c *call) checkOrders(written json.RawMessage) error {
	if c.door == atRoot && len(written) > 0 && written[0] == '"' {
		return badValue("order_by", written)
	}
	return nil
}

// alsoAs gives a grammar further names of attributes: those that GitLab orders
// by (Projects::Ml::CandidateFinder, Projects::Ml::ExperimentFinder).
func (g grammar) alsoAs(names map[string]string) grammar {
	g.attrs = maps.Clone(g.attrs)
	for name, known := range names {
		g.attrs[name] = g.attrs[known]
	}
	return g
}
