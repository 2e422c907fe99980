package mlflow

import (
	"encoding/json"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func traceRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	const all, one = "/mlflow/traces", "/mlflow/traces/{trace_id}"
	return []route{
		v3("POST", all, write, startTrace),
		v3("POST", all+"/search", read, searchTraces),
		v3("POST", all+"/batchGetInfos", read, getTraceInfos),
		v2("POST", all+"/delete-traces", write, deleteTraces),
		v3("POST", all+"/delete-traces", write, deleteTraces),
		v3("GET", one, read, getTrace),
		v2("PATCH", one+"/tags", write, setTraceTag),
		v3("PATCH", one+"/tags", write, setTraceTag),
		v2("DELETE", one+"/tags", write, deleteTraceTag),
		v3("DELETE", one+"/tags", write, deleteTraceTag),
		v3("GET", all+"/get", read, getSpannedTrace),
		v3("GET", all+"/batchGet", read, getSpannedTraces),
		v2("POST", all+"/link-to-run", write, linkTraces),
		v2("POST", all+"/link-prompts", write, linkPrompts),
		v3("POST", all+"/calculate-filter-correlation", read, correlateTraces),
		v3("POST", all+"/metrics", read, queryTraceMetrics),
		plain("GET", "2.0", "/mlflow/get-trace-artifact", read, getTraceArtifact).withBytes(),
		plain("GET", "3.0", "/mlflow/get-trace-artifact", read, getTraceArtifact).withBytes(),
		plain("POST", "", spansAddress, write, logSpans),
		plain("POST", bare, spansAddress, write, logSpans),
	}
}

// texts is a map of texts in JSON; null values are left out.
type texts []registry.Tag

func (t *texts) read(raw json.RawMessage) bool {
	var m map[string]*string
	if json.Unmarshal(raw, &m) != nil {
		return false
	}
	for k, v := range m {
		if v != nil {
			*t = append(*t, registry.Tag{Key: k, Value: *v})
		}
	}
	sort.Slice(*t, func(i, j int) bool { return (*t)[i].Key < (*t)[j].Key })
	return true
}

// traceStates are those of TraceInfoV3 in mlflow/protos/service.proto, from 0.
var traceStates = []struct {
	name  string
	state registry.TraceState
}{{"STATE_UNSPECIFIED", registry.TraceUnknown}, {"OK", registry.TraceOK}, {"ERROR", registry.TraceError}, {"IN_PROGRESS", registry.TraceRunning}}

type traceState struct{ state registry.TraceState }

// read takes the name or the number.
func (s *traceState) read(raw json.RawMessage) bool {
	for i, n := range traceStates {
		if t := strings.Trim(string(raw), `"`); t == n.name || t == strconv.Itoa(i) {
			s.state = n.state
			return true
		}
	}
	return false
}

// MarshalJSON gives the name.
func (s traceState) MarshalJSON() ([]byte, error) {
	return json.Marshal(stateName(s.state))
}

func stateName(s registry.TraceState) string {
	for _, n := range traceStates {
		if n.state == s {
			return n.name
		}
	}
	return string(s)
}

// moment3 is a time as protobuf's JSON has it.
type moment3 struct{ time.Time }

func (m *moment3) read(raw json.RawMessage) bool {
	return json.Unmarshal(raw, &m.Time) == nil && m.Year() >= 1970
}

// span3 is a length of time as protobuf's JSON has it: "1.5s".
type span3 struct{ time.Duration }

func (d *span3) read(raw json.RawMessage) bool {
	var s string
	if json.Unmarshal(raw, &s) != nil || !strings.HasSuffix(s, "s") {
		return false
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(s, "s"), 64)
	if err != nil || !(f >= 0 && f < math.MaxInt32*1000) {
		return false
	}
	d.Duration = time.Duration(math.Round(f*1000)) * time.Millisecond
	return true
}

// duration writes a length of time with no, or three, digits behind the point.
func duration(d time.Duration) string {
	ms := d.Milliseconds()
	if ms%1000 == 0 {
		return strconv.FormatInt(ms/1000, 10) + "s"
	}
	return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64) + "s"
}

type placeJSON struct {
	Type       string       `json:"type" field:"type"`
	Experiment experimentIn `json:"mlflow_experiment" field:"mlflow_experiment"`
}

type experimentIn struct {
	ID string `json:"experiment_id" field:"experiment_id"`
}

type traceIn struct {
	ID       string     `field:"trace_id"`
	ClientID string     `field:"client_request_id"`
	Place    placeJSON  `field:"trace_location"`
	Request  string     `field:"request_preview"`
	Response string     `field:"response_preview"`
	Time     moment3    `field:"request_time"`
	Duration *span3     `field:"execution_duration"`
	State    traceState `field:"state"`
	Metadata texts      `field:"trace_metadata"`
	Tags     texts      `field:"tags"`

	Assessments []assessmentIn `field:"assessments"`
}

type traceInfoJSON struct {
	ID          string            `json:"trace_id"`
	ClientID    string            `json:"client_request_id,omitempty"`
	Place       placeJSON         `json:"trace_location"`
	Request     string            `json:"request_preview,omitempty"`
	Response    string            `json:"response_preview,omitempty"`
	Time        string            `json:"request_time"`
	Duration    string            `json:"execution_duration,omitempty"`
	State       traceState        `json:"state"`
	Metadata    map[string]string `json:"trace_metadata,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Assessments []assessmentJSON  `json:"assessments,omitempty"`
}

const (
	experimentPlace = "MLFLOW_EXPERIMENT"
	traceFilesTag   = "mlflow.artifactLocation"    // where clients put the spans
	traceNameTag    = "mlflow.traceName"           // its name
	finalKey        = "mlflow.trace.infoFinalized" // metadata: the client has told all
)

func traceWire(t registry.Trace) traceInfoJSON {
	out := traceInfoJSON{ID: t.EID, ClientID: t.ClientID, Place: placeJSON{experimentPlace, experimentIn{strconv.FormatInt(t.ExperimentIID, 10)}},
		Request: t.Request, Response: t.Response, Time: protoTime(t.At), State: traceState{t.State},
		Metadata: map[string]string{}, Tags: map[string]string{traceFilesTag: below(locationOf(t.Location, t.ExperimentIID), "traces/"+t.EID+"/artifacts")}}
	if t.Duration >= 0 {
		out.Duration = duration(t.Duration)
	}
	for _, m := range t.Metadata {
		out.Metadata[cutTo(m.Key, maxMetadata)] = cutTo(m.Value, maxMetadata)
	}
	for key, value := range amountsMetadata(t) {
		out.Metadata[key] = value
	}
	for _, g := range t.Tags {
		out.Tags[cutTo(g.Key, maxTraceTagKey)] = cutTo(g.Value, maxShownTag)
	}
	if out.Tags[traceFilesTag] == "" {
		delete(out.Tags, traceFilesTag) // see deleteTraceTag
	}
	for _, a := range t.Assessments {
		out.Assessments = append(out.Assessments, assessmentWire(a))
	}
	return out
}

// protoTime writes a time as protobuf's JSON has it, with three digits behind
// the point or none.
func protoTime(t time.Time) string {
	if t.UnixMilli()%1000 == 0 {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

type newTrace struct {
	Trace struct {
		Info traceIn `field:"trace_info"`
	} `field:"trace"`
}

type traceJSON struct {
	Info  traceInfoJSON `json:"trace_info"`
	Spans []spanJSON    `json:"spans,omitempty"`
}

type traceAnswer struct {
	Trace traceJSON `json:"trace"`
}

func startTrace(c *call, in newTrace) (traceAnswer, error) {
	info := in.Trace.Info
	if info.ID == "" {
		return traceAnswer{}, missing("trace.trace_info.trace_id")
	}
	if info.Place.Experiment.ID == "" {
		return traceAnswer{}, missing("trace.trace_info.trace_location.mlflow_experiment.experiment_id")
	}
	experiment, err := parseExperimentID(info.Place.Experiment.ID)
	if err != nil {
		return traceAnswer{}, err
	}
	t := registry.Trace{EID: info.ID, ClientID: info.ClientID, State: info.State.state, At: info.Time.UTC().Truncate(time.Millisecond), Duration: -time.Millisecond,
		Request: info.Request, Response: info.Response, Tags: info.Tags, Metadata: info.Metadata, Amounts: amountsOf(info.Metadata)}
	if t.State == "" {
		t.State = registry.TraceUnknown
	}
	if info.Time.IsZero() {
		return traceAnswer{}, missing("trace.trace_info.request_time")
	}
	if info.Duration != nil {
		t.Duration = info.Duration.Duration
	}
	if err := checkTraceTexts(t); err != nil {
		return traceAnswer{}, err
	}
	for _, in := range info.Assessments {
		a, err := in.domain()
		if err != nil {
			return traceAnswer{}, err
		}
		t.Assessments = append(t.Assessments, a)
	}
	t.Metadata = append(t.Metadata, registry.Tag{Key: finalKey, Value: "true"})
	made, err := c.s.PutTrace(c.ctx(), c.ref, experiment, t)
	return traceAnswer{traceJSON{Info: traceWire(made)}}, err
}

// checkTraceTexts checks what MLflow keeps apart from other tags and metadata.
func checkTraceTexts(t registry.Trace) error {
	for _, g := range t.Tags {
		if g.Key == traceNameTag && longer(g.Value, maxShownTag) {
			return tooLong("Trace name", maxShownTag)
		}
	}
	for _, m := range t.Metadata {
		if m.Key == sessionKey && longer(m.Value, maxMetadata) {
			return tooLong("Session ID", maxMetadata)
		}
	}
	return nil
}

func getTrace(c *call, _ none) (traceAnswer, error) {
	t, err := c.s.Trace(c.ctx(), c.ref, c.r.PathValue("trace_id"))
	return traceAnswer{traceJSON{Info: traceWire(t)}}, err
}

type traceIDs struct {
	IDs         []string  `field:"trace_ids" check:"array strings required"`
	Experiments *[]string `field:"experiment_ids" check:"array strings"`
}

// in gives the experiments that count; nil for all.
func (in traceIDs) in() ([]registry.ExperimentRef, error) {
	if in.Experiments == nil {
		return nil, nil
	}
	refs, err := parseExperimentIDs(*in.Experiments)
	return append([]registry.ExperimentRef{}, refs...), err
}

type traceInfosAnswer struct {
	Infos []traceInfoJSON `json:"trace_infos,omitempty"`
}

func getTraceInfos(c *call, in traceIDs) (traceInfosAnswer, error) {
	experiments, err := in.in()
	if err != nil {
		return traceInfosAnswer{}, err
	}
	ts, err := c.s.Traces(c.ctx(), c.ref, in.IDs, experiments)
	var out traceInfosAnswer
	for _, t := range ts {
		out.Infos = append(out.Infos, traceWire(t))
	}
	return out, err
}

type traceTag struct {
	Key   string `field:"key" check:"string"`
	Value string `field:"value" check:"string"`
}

// The limits of a trace's tags (mlflow/utils/validation.py).
const (
	maxTraceTagKey   = 250
	maxTraceTagValue = 8000
	maxShownTag      = 4096 // of a value in an answer (mlflow/tracing/constant.py)
)

// fixedTraceTags are those that only the server sets (mlflow/server/handlers.py).
var fixedTraceTags = []string{spansKey, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"}

func fixedTag(key, done string) error {
	return invalid("Tag '" + key + "' is immutable and cannot be " + done + " on a trace.")
}

func setTraceTag(c *call, in traceTag) (none, error) {
	if in.Key == "" {
		return none{}, missing("key")
	}
	if slices.Contains(fixedTraceTags, in.Key) {
		return none{}, fixedTag(in.Key, "set")
	}
	if err := checkName(in.Key); err != nil {
		return none{}, err
	}
	if longer(in.Key, maxTraceTagKey) {
		return none{}, tooLong("key", maxTraceTagKey)
	}
	return none{}, c.s.SetTraceTag(c.ctx(), c.ref, c.r.PathValue("trace_id"), registry.Tag{Key: in.Key, Value: cutTo(in.Value, maxTraceTagValue)})
}

func deleteTraceTag(c *call, in traceTag) (none, error) {
	if in.Key == "" {
		in.Key = c.r.URL.Query().Get("key")
	}
	if in.Key == spansKey {
		return none{}, fixedTag(in.Key, "deleted")
	}
	id := c.r.PathValue("trace_id")
	if in.Key == traceFilesTag {
		// It is not kept but written from the trace's place; an empty one hides it.
		return none{}, c.s.SetTraceTag(c.ctx(), c.ref, id, registry.Tag{Key: in.Key})
	}
	err := c.s.DeleteTraceTag(c.ctx(), c.ref, id, in.Key)
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "tag" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "No trace tag with key '" + in.Key + "' for trace with ID '" + id + "'"}
	}
	return none{}, err
}

type traceDeletion struct {
	Experiment string   `field:"experiment_id" check:"string required"`
	Until      *int64   `field:"max_timestamp_millis" check:"int"`
	Most       *int64   `field:"max_traces" check:"int"`
	IDs        []string `field:"request_ids" check:"array strings"`
}

type traceDeletionAnswer struct {
	Deleted int64 `json:"traces_deleted"`
}

func deleteTraces(c *call, in traceDeletion) (traceDeletionAnswer, error) {
	experiment, err := parseExperimentID(in.Experiment)
	if err != nil {
		return traceDeletionAnswer{}, err
	}
	d := registry.TraceDeletion{EIDs: in.IDs}
	switch {
	case in.Until == nil && len(in.IDs) == 0:
		return traceDeletionAnswer{}, invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
	case in.Until != nil && len(in.IDs) > 0:
		return traceDeletionAnswer{}, invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
	case in.Most != nil && len(in.IDs) > 0:
		return traceDeletionAnswer{}, invalid("`max_traces` can't be specified if `trace_ids` is specified.")
	case in.Most != nil && *in.Most <= 0:
		return traceDeletionAnswer{}, invalid("`max_traces` must be a positive integer, received " + strconv.FormatInt(*in.Most, 10) + ".")
	}
	if in.Until != nil {
		*in.Until = min(*in.Until, maxMillis) // what is later than any trace is all of them
	}
	if d.Until, err = moment("max_timestamp_millis", in.Until); err != nil {
		return traceDeletionAnswer{}, err
	}
	d.Most = int(min(deref(in.Most), math.MaxInt32))
	n, err := c.s.DeleteTraces(c.ctx(), c.ref, experiment, d)
	return traceDeletionAnswer{n}, err
}

// TraceFiles is where clients put files beside traces.
func TraceFiles() registry.TraceFiles {
	return registry.TraceFiles{Area: sharedArea, Folder: traceFolder}
}

// traceFolder is where clients put files beside a trace: its spans, before 3.4,
// and what is attached to it.
func traceFolder(e registry.Experiment, eid string) string {
	path, ok := strings.CutPrefix(locationOf(e.Location, e.IID), artifactScheme)
	if !ok {
		return ""
	}
	return strings.Trim(path, "/") + "/traces/" + eid
}
