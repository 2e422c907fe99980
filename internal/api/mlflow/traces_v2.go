package mlflow

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The traces of MLflow 2, which are begun and ended, and whose id the server
// chooses.
func oldTraceRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	const all, one = "/mlflow/traces", "/mlflow/traces/{trace_id}"
	return []route{
		v2("POST", all, write, beginTrace),
		v2("GET", all, read, searchOldTraces),
		v2("PATCH", one, write, endTrace),
		v2("GET", one+"/info", read, getOldTrace),
	}
}

// traceStatus is a state in the words of TraceStatus in mlflow/protos/service.proto.
type traceStatus struct{ traceState }

const noTraceStatus = "TRACE_STATUS_UNSPECIFIED"

// read takes the name or the number.
func (s *traceStatus) read(raw json.RawMessage) bool {
	if strings.Trim(string(raw), `"`) == noTraceStatus {
		s.state = registry.TraceUnknown
		return true
	}
	return s.traceState.read(raw)
}

// MarshalJSON gives the name.
func (s traceStatus) MarshalJSON() ([]byte, error) {
	if s.state == registry.TraceUnknown {
		return []byte(`"` + noTraceStatus + `"`), nil
	}
	return s.traceState.MarshalJSON()
}

type oldTraceJSON struct {
	ID         string      `json:"request_id"`
	Experiment string      `json:"experiment_id"`
	At         int64       `json:"timestamp_ms"`
	Duration   int64       `json:"execution_time_ms"` // ms
	Status     traceStatus `json:"status"`
	Metadata   []tagJSON   `json:"request_metadata,omitempty"`
	Tags       []tagJSON   `json:"tags,omitempty"`
}

func oldTraceWire(t registry.Trace) oldTraceJSON {
	info := traceWire(t)
	return oldTraceJSON{ID: t.EID, Experiment: strconv.FormatInt(t.ExperimentIID, 10), At: millis(t.At), Duration: max(t.Duration.Milliseconds(), 0),
		Status: traceStatus{traceState{t.State}}, Metadata: sortedPairs(info.Metadata), Tags: sortedPairs(info.Tags)}
}

func sortedPairs(m map[string]string) []tagJSON {
	out := make([]tagJSON, 0, len(m))
	for k, v := range m {
		out = append(out, tagJSON{k, v})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

type oldTraceAnswer struct {
	Info oldTraceJSON `json:"trace_info"`
}

func oldAnswer(t registry.Trace, err error) (oldTraceAnswer, error) {
	return oldTraceAnswer{oldTraceWire(t)}, err
}

type oldTrace struct {
	At       *int64    `field:"timestamp_ms" check:"int"`
	Metadata []tagJSON `field:"request_metadata" check:"array"`
	Tags     []tagJSON `field:"tags" check:"array"`
}

// parts reads the time of a message, and what goes with it.
func (in oldTrace) parts() (at time.Time, metadata, tags []registry.Tag, err error) {
	if deref(in.At) == 0 {
		return at, nil, nil, missing("timestamp_ms")
	}
	for _, p := range in.Metadata {
		metadata = append(metadata, registry.Tag{Key: p.Key, Value: p.Value})
	}
	for _, p := range in.Tags {
		tags = append(tags, registry.Tag{Key: p.Key, Value: p.Value})
	}
	if at, err = moment("timestamp_ms", in.At); err != nil {
		return at, nil, nil, err
	}
	return at, metadata, tags, checkTraceTexts(registry.Trace{Tags: tags, Metadata: metadata})
}

type newOldTrace struct {
	Experiment string `field:"experiment_id" check:"string required"`
	oldTrace
}

func beginTrace(c *call, in newOldTrace) (oldTraceAnswer, error) {
	experiment, err := parseExperimentID(in.Experiment)
	if err != nil {
		return oldTraceAnswer{}, err
	}
	at, metadata, tags, err := in.parts()
	if err != nil {
		return oldTraceAnswer{}, err
	}
	return oldAnswer(c.s.PutTrace(c.ctx(), c.ref, experiment, registry.Trace{State: registry.TraceRunning, At: at, Duration: -time.Millisecond,
		Metadata: metadata, Tags: tags, Amounts: amountsOf(metadata)}))
}

type traceEnd struct {
	Status traceStatus `field:"status" check:"string required"`
	oldTrace
}

func endTrace(c *call, in traceEnd) (oldTraceAnswer, error) {
	at, metadata, tags, err := in.parts()
	if err != nil {
		return oldTraceAnswer{}, err
	}
	return oldAnswer(c.s.EndTrace(c.ctx(), c.ref, c.r.PathValue("trace_id"), registry.TraceEnd{At: at, State: in.Status.state, Metadata: metadata, Tags: tags,
		Amounts: amountsOf(metadata)}))
}

func getOldTrace(c *call, _ none) (oldTraceAnswer, error) {
	return oldAnswer(c.s.Trace(c.ctx(), c.ref, c.r.PathValue("trace_id")))
}

type oldTraceSearch struct {
	Experiments []string `field:"experiment_ids" check:"array strings required"`
	traceQuestion
}

type oldTracesAnswer struct {
	Traces        []oldTraceJSON `json:"traces,omitempty"`
	NextPageToken string         `json:"next_page_token,omitempty"`
}

func searchOldTraces(c *call, in oldTraceSearch) (oldTracesAnswer, error) {
	q, err := in.query(in.Experiments)
	if err != nil {
		return oldTracesAnswer{}, err
	}
	found, err := c.s.SearchTraces(c.ctx(), c.ref, q)
	if err != nil {
		return oldTracesAnswer{}, err
	}
	var out oldTracesAnswer
	out.Traces, out.NextPageToken, err = wired(found.Items, found.Next, oldTraceWire)
	return out, err
}
