package mlflow

import (
	"fmt"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// traceGrammar is SearchTraceUtils of MLflow, without what looks into spans and
// assessments. OfParam is the metadata.
var traceGrammar = grammar{
	entities: map[string]registry.Subject{"tag": registry.OfTag, "tags": registry.OfTag, "request_metadata": registry.OfParam, "metadata": registry.OfParam,
		"attribute": registry.OfRow, "attributes": registry.OfRow, "trace": registry.OfRow},
	badEntity: "Valid entity types are ['attribute', 'attributes', 'metadata', 'request_metadata', 'tag', 'tags', 'trace']",
	attrs: map[string]attribute{
		"request_id": {name: "eid", lists: true, filter: true, order: true}, "id": {name: "eid", lists: true, filter: true},
		"client_request_id": {name: "client_id", lists: true, filter: true},
		"status":            {name: "state", lists: true, filter: true, order: true}, "name": {name: traceNameTag, lists: true, filter: true, order: true},
		"run_id": {name: sourceRunKey, lists: true, filter: true, order: true}, "experiment_id": {name: "experiment_id", order: true},
		"timestamp": {name: "at", number: true, filter: true, order: true}, "timestamp_ms": {name: "at", number: true, filter: true, order: true},
		"execution_time":    {name: "duration", number: true, filter: true, order: true},
		"execution_time_ms": {name: "duration", number: true, filter: true, order: true},
		"end_time":          {name: "ended_at", number: true, filter: true, order: true}, "end_time_ms": {name: "ended_at", number: true, filter: true, order: true},
	},
	ops:       map[registry.Subject][]registry.Op{registry.OfTag: textNulOps, registry.OfParam: textNulOps},
	orders:    []registry.Subject{registry.OfRow, registry.OfTag, registry.OfParam},
	badOrder:  "Invalid order_by entity: %s",
	translate: traceAliases,
}

// sourceRunKey is the metadata that names the run of a trace.
const sourceRunKey = "mlflow.sourceRun"

// traceAliases turns what is asked of the name, the run and the status into
// what is kept.
func traceAliases(c registry.Condition) (registry.Condition, error) {
	if c.Subject != registry.OfRow {
		return c, nil
	}
	switch c.Key {
	case traceNameTag:
		c.Subject = registry.OfTag
	case sourceRunKey:
		c.Subject = registry.OfParam
	case "state":
		c.Value = lowered(c.Value)
	}
	return c, nil
}

// lowered spells states as the registry does.
func lowered(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToLower(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = strings.ToLower(s)
		}
		return out
	}
	return v
}

type traceSearch struct {
	Places     []placeJSON `field:"locations" check:"array required"`
	Filter     string      `field:"filter" check:"string"`
	MaxResults *int64      `field:"max_results" check:"int"`
	OrderBy    []string    `field:"order_by" check:"array strings"`
	PageToken  string      `field:"page_token" check:"string"`
}

type tracesAnswer struct {
	Traces        []traceInfoJSON `json:"traces,omitempty"`
	NextPageToken string          `json:"next_page_token,omitempty"`
}

// How many traces an answer has, unless told, and at most (SearchTracesV3 in
// mlflow/protos/service.proto, SEARCH_TRACES_DEFAULT_MAX_RESULTS).
const (
	defaultTraces = 100
	maxTraces     = 500
)

func (in traceSearch) query() (registry.TraceSearch, error) {
	q := registry.TraceSearch{Search: registry.Search{Limit: defaultTraces}}
	if in.MaxResults != nil {
		if n := *in.MaxResults; n < 1 || n > maxTraces {
			return q, invalid(fmt.Sprintf("Invalid value %d for parameter 'max_results' supplied. It must be at least 1 and at most %d", n, maxTraces))
		}
		q.Limit = int(*in.MaxResults)
	}
	ids := make([]string, len(in.Places))
	for i, p := range in.Places {
		ids[i] = p.Experiment.ID
	}
	var err error
	if q.Experiments, err = parseExperimentIDs(ids); err != nil {
		return q, err
	}
	if q.Filter, err = traceGrammar.filter(in.Filter); err != nil {
		return q, err
	}
	if q.Order, err = traceGrammar.order(in.OrderBy); err != nil {
		return q, err
	}
	q.After, err = parsePageToken(in.PageToken)
	return q, err
}

func searchTraces(c *call, in traceSearch) (tracesAnswer, error) {
	q, err := in.query()
	if err != nil {
		return tracesAnswer{}, err
	}
	found, err := c.s.SearchTraces(c.ctx(), c.ref, q)
	if err != nil {
		return tracesAnswer{}, err
	}
	var out tracesAnswer
	for _, t := range found.Items {
		out.Traces = append(out.Traces, traceWire(t))
	}
	out.NextPageToken, err = pageToken(found.Next)
	return out, err
}
