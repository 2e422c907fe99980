package mlflow

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// traceGrammar is SearchTraceUtils of MLflow. OfParam is the metadata.
var traceGrammar = grammar{
	traces: true,
	entities: map[string]registry.Subject{"tag": registry.OfTag, "tags": registry.OfTag, "request_metadata": registry.OfParam, "metadata": registry.OfParam,
		"attribute": registry.OfRow, "attributes": registry.OfRow, "trace": registry.OfRow, "span": registry.OfSpan, "feedback": registry.OfFeedback,
		"expectation": registry.OfExpectation, "issue": registry.OfIssue},
	badEntity: "Valid values are {'attribute', 'attributes', 'expectation', 'feedback', 'issue', 'metadata', 'request_metadata', 'span', 'tag', 'tags', 'trace'}",
	attrs: map[string]attribute{
		"request_id":        {name: "eid", lists: true, filter: true, order: true, ops: matchOps},
		"client_request_id": {name: "client_id", lists: true, filter: true, ops: matchOps},
		"status":            {name: "state", lists: true, filter: true, order: true, ops: matchOps},
		"name":              {name: traceNameTag, lists: true, filter: true, order: true, ops: matchNulOps},
		"run_id":            {name: registry.RunMetadata, lists: true, filter: true, order: true, ops: matchNulOps},
		"prompt":            {name: promptAttr, filter: true, ops: matchOps},
		"text":              {name: textAttr, filter: true, ops: likes, badOp: badClause},
		"experiment_id":     {name: "experiment_id", order: true},
		"timestamp":         {name: "at", number: true, filter: true, order: true}, "timestamp_ms": {name: "at", number: true, filter: true, order: true},
		"execution_time":    {name: "duration", number: true, filter: true, order: true},
		"execution_time_ms": {name: "duration", number: true, filter: true, order: true},
		"end_time":          {name: "ended_at", number: true, filter: true, order: true}, "end_time_ms": {name: "ended_at", number: true, filter: true, order: true},
	},
	ops:       map[registry.Subject][]registry.Op{registry.OfTag: matchNulOps, registry.OfParam: matchNulOps},
	orders:    []registry.Subject{registry.OfRow, registry.OfTag, registry.OfParam},
	badOrder:  "Invalid identifier type '%s'",
	translate: traceAliases,
	reads: map[registry.Subject]func(*grammar, clause, string) (registry.Condition, error){registry.OfSpan: spanClause,
		registry.OfFeedback: assessmentClause("feedback", registry.OfFeedback), registry.OfExpectation: assessmentClause("expectation", registry.OfExpectation),
		registry.OfIssue: issueClause},
}

// traceAliases turns what is asked of the name, the run, the prompt, the texts and
// the status into what is kept.
func traceAliases(c registry.Condition) (registry.Condition, error) {
	if c.Subject == registry.OfParam && c.Key == registry.RunMetadata && c.Op == registry.Equal {
		c.Subject = registry.OfRun
	}
	if c.Subject != registry.OfRow {
		return c, nil
	}
	switch c.Key {
	case traceNameTag:
		c.Subject = registry.OfTag
	case registry.RunMetadata:
		c.Subject = registry.OfParam
		return traceAliases(c)
	case textAttr:
		c.Subject, c.Key = registry.OfSpan, "content"
	case promptAttr:
		return promptCondition(c)
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

// traceQuestion is what a search for traces asks.
type traceQuestion struct {
	Filter     string   `field:"filter" check:"string"`
	MaxResults *int64   `field:"max_results" check:"int"`
	OrderBy    []string `field:"order_by" check:"array strings"`
	PageToken  string   `field:"page_token" check:"string"`
}

type traceSearch struct {
	Places []placeJSON `field:"locations" check:"array required"`
	traceQuestion
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

// query reads a search in experiments.
func (in traceQuestion) query(ids []string) (registry.TraceSearch, error) {
	q := registry.TraceSearch{Search: registry.Search{Limit: defaultTraces}}
	if in.MaxResults != nil {
		switch n := *in.MaxResults; {
		case n < 1:
			return q, invalid(fmt.Sprintf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer", n))
		case n > maxTraces:
			return q, badValue("max_results", json.RawMessage(strconv.FormatInt(n, 10)))
		}
		q.Limit = int(*in.MaxResults)
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
	ids := make([]string, len(in.Places))
	for i, p := range in.Places {
		ids[i] = p.Experiment.ID
	}
	q, err := in.query(ids)
	if err != nil {
		return tracesAnswer{}, err
	}
	found, err := c.s.SearchTraces(c.ctx(), c.ref, q)
	if err != nil {
		return tracesAnswer{}, err
	}
	var out tracesAnswer
	out.Traces, out.NextPageToken, err = wired(found.Items, found.Next, traceWire)
	return out, err
}
