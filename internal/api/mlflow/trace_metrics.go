package mlflow

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// metricView is what a metric is of (MetricViewType in mlflow/protos/service.proto).
type metricView struct {
	rows    registry.Rows
	metrics []traceMetric
}

// traceMetric is a metric with what can be asked of it
// (mlflow/store/tracking/utils/sql_trace_metrics_utils.py).
type traceMetric struct {
	name, what string
	kinds      []string // of aggregation
	dimensions []string
}

var (
	spread    = []string{"AVG", "MAX", "MIN", "PERCENTILE"}
	spreadSum = append(spread[:len(spread):len(spread)], "SUM")
	counted   = []string{"COUNT"}
	byName    = []string{"trace_name"}
	byModel   = []string{"span_model_name", "span_model_provider"}
)

// metricViews by number, from 1; the names are in metricViewNames.
var metricViews = []metricView{
	{registry.RowsOfTraces, []traceMetric{
		{"trace_count", registry.MeasureCount, counted, []string{"trace_name", "trace_status"}},
		{"session_count", registry.MeasureSessions, counted, nil},
		{"latency", registry.MeasureDuration, spread, byName},
		amountMetric(registry.InputTokens, byName), amountMetric(registry.OutputTokens, byName), amountMetric(registry.TotalTokens, byName),
		amountMetric(registry.CacheReadTokens, byName), amountMetric(registry.CacheMadeTokens, byName),
	}},
	{registry.RowsOfSpans, []traceMetric{
		{"span_count", registry.MeasureCount, counted, []string{"span_model_name", "span_model_provider", "span_name", "span_status", "span_type"}},
		{"latency", registry.MeasureDuration, spread, []string{"span_name", "span_status"}},
		amountMetric(registry.InputCost, byModel), amountMetric(registry.OutputCost, byModel), amountMetric(registry.TotalCost, byModel),
	}},
	{registry.RowsOfAssessments, []traceMetric{
		{"assessment_count", registry.MeasureCount, counted, []string{"assessment_name", "assessment_value"}},
		{"assessment_value", registry.MeasureValue, spread, []string{"assessment_name"}},
	}},
}

var metricViewNames = []string{"TRACES", "SPANS", "ASSESSMENTS"}

func amountMetric(key string, dimensions []string) traceMetric {
	return traceMetric{key, key, spreadSum, dimensions}
}

// metricDimensions are what rows are grouped by.
var metricDimensions = map[string]registry.Sort{
	"trace_name": {Subject: registry.OfTag, Key: traceNameTag}, "trace_status": {Key: "state"}, "span_name": {Key: "name"}, "span_type": {Key: "kind"},
	"span_status": {Key: "status"}, "span_model_name": {Key: "model"}, "span_model_provider": {Key: "provider"}, "assessment_name": {Key: "name"},
	"assessment_value": {Key: "value"},
}

// aggregationKinds are those of AggregationType in mlflow/protos/service.proto, from 1.
var aggregationKinds = []struct {
	name string
	kind registry.Aggregate
}{{"COUNT", registry.Count}, {"SUM", registry.Sum}, {"AVG", registry.Average}, {"PERCENTILE", registry.Percentile}, {"MIN", registry.Least}, {"MAX", registry.Most}}

// metricPlace is a place in metricViews.
type metricPlace int

// read takes the name or the number.
func (v *metricPlace) read(raw json.RawMessage) bool {
	n := enumerated(raw, metricViewNames)
	*v = metricPlace(n)
	return n >= 0
}

// enumerated gives the place of a name, or of a number that counts from 1; -1 for
// another value.
func enumerated(raw json.RawMessage, names []string) int {
	text := strings.Trim(string(raw), `"`)
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(names) {
		return n - 1
	}
	return slices.Index(names, text)
}

// aggregationKind is a place in aggregationKinds.
type aggregationKind int

// read takes the name or the number.
func (k *aggregationKind) read(raw json.RawMessage) bool {
	names := make([]string, len(aggregationKinds))
	for i, a := range aggregationKinds {
		names[i] = a.name
	}
	n := enumerated(raw, names)
	*k = aggregationKind(n)
	return n >= 0
}

type aggregationIn struct {
	Kind aggregationKind `field:"aggregation_type"`
	At   *float64        `field:"percentile_value"`
}

// label is what an answer calls the number.
func (a aggregationIn) label() string {
	if a.At != nil {
		return "P" + pythonFloat(*a.At)
	}
	return aggregationKinds[a.Kind].name
}

// domain reads an aggregation (MetricAggregation of mlflow/entities/trace_metrics.py).
func (a aggregationIn) domain() (registry.Aggregation, error) {
	out := registry.Aggregation{Aggregate: aggregationKinds[a.Kind].kind}
	switch percentile := out.Aggregate == registry.Percentile; {
	case percentile && a.At == nil:
		return out, invalid("Percentile value is required for PERCENTILE aggregation")
	case percentile && !(*a.At >= 0 && *a.At <= 100):
		return out, invalid("Percentile value must be between 0 and 100, got " + pythonFloat(*a.At))
	case percentile:
		out.At = *a.At
	case a.At != nil:
		return out, invalid("Percentile value is only allowed for PERCENTILE aggregation type, got " + a.Kind.name())
	}
	return out, nil
}

func (k aggregationKind) name() string { return aggregationKinds[k].name }

type traceMetricsIn struct {
	Experiments  []string        `field:"experiment_ids" check:"array required strings"`
	View         metricPlace     `field:"view_type" check:"required"`
	Metric       string          `field:"metric_name" check:"string required"`
	Aggregations []aggregationIn `field:"aggregations" check:"array required"`
	Dimensions   []string        `field:"dimensions" check:"array strings"`
	Filters      []string        `field:"filters" check:"array strings"`
	Every        *int64          `field:"time_interval_seconds" check:"int"`
	Since        *int64          `field:"start_time_ms" check:"int"`
	Until        *int64          `field:"end_time_ms" check:"int"`
	MaxResults   *int64          `field:"max_results" check:"int"`
}

type dataPoint struct {
	Metric     string            `json:"metric_name"`
	Dimensions map[string]string `json:"dimensions,omitempty"`
	Values     map[string]double `json:"values"`
}

type traceMetricsAnswer struct {
	Points []dataPoint `json:"data_points,omitempty"`
}

const (
	defaultDataPoints = 1000 // MAX_RESULTS_QUERY_TRACE_METRICS of mlflow/store/tracking/__init__.py
	timeBucket        = "time_bucket"
	maxInterval       = 1 << 31 // seconds; no two traces are further apart
)

func queryTraceMetrics(c *call, in traceMetricsIn) (traceMetricsAnswer, error) {
	q, err := in.domain()
	if err != nil {
		return traceMetricsAnswer{}, err
	}
	found, err := c.s.MeasureTraces(c.ctx(), c.ref, q)
	if err != nil {
		return traceMetricsAnswer{}, err
	}
	var out traceMetricsAnswer
	for _, m := range found {
		if p := in.point(m); len(p.Values) > 0 {
			out.Points = append(out.Points, p)
		}
	}
	return out, nil
}

// point says one number of a group in MLflow's words.
func (in traceMetricsIn) point(m registry.Measured) dataPoint {
	out := dataPoint{Metric: in.Metric, Dimensions: map[string]string{}, Values: map[string]double{}}
	if deref(in.Every) > 0 {
		out.Dimensions[timeBucket] = time.UnixMilli(m.Began).UTC().Format("2006-01-02T15:04:05+00:00")
	}
	for i, d := range in.Dimensions {
		out.Dimensions[d] = m.Groups[i]
		if d == "trace_status" {
			out.Dimensions[d] = stateName(registry.TraceState(m.Groups[i]))
		}
	}
	for i, a := range in.Aggregations {
		if v := m.Values[i]; v != nil {
			out.Values[a.label()] = double(*v)
		}
	}
	return out
}

// domain reads a question.
func (in traceMetricsIn) domain() (registry.MeasuredExperiments, error) {
	q := registry.MeasuredExperiments{Measure: registry.Measure{Rows: metricViews[in.View].rows, Since: in.Since, Until: in.Until,
		Every: time.Duration(min(deref(in.Every), maxInterval)) * time.Second, Limit: defaultDataPoints}}
	for _, a := range in.Aggregations {
		one, err := a.domain()
		if err != nil {
			return q, err
		}
		q.Aggregations = append(q.Aggregations, one)
	}
	if len(in.Aggregations)+len(in.Dimensions) == 0 && q.Every == 0 {
		return q, &apiError{code: badRequest, kind: fault.Invalid, msg: "Query contains no columns with which to SELECT from."}
	}
	metric, err := in.metric()
	if err != nil {
		return q, err
	}
	q.What = metric.what
	for _, d := range in.Dimensions {
		q.Groups = append(q.Groups, metricDimensions[d])
	}
	if q.Every != 0 && (in.Since == nil || in.Until == nil) {
		return q, invalid("start_time_ms and end_time_ms are required if time_interval_seconds is set")
	}
	if in.MaxResults != nil {
		q.Limit = int(max(min(*in.MaxResults, registry.MaxMeasured+1), -1))
	}
	if q.Experiments, err = parseExperimentIDs(in.Experiments); err != nil {
		return q, err
	}
	for _, f := range in.Filters {
		if err := in.filter(f, &q.Measure); err != nil {
			return q, err
		}
	}
	return q, nil
}

// metric finds what is asked of, and checks what is asked of it.
func (in traceMetricsIn) metric() (traceMetric, error) {
	view := metricViews[in.View]
	i := slices.IndexFunc(view.metrics, func(m traceMetric) bool { return m.name == in.Metric })
	if i < 0 {
		names := make([]string, len(view.metrics))
		for i, m := range view.metrics {
			names[i] = m.name
		}
		return traceMetric{}, invalid("metric_name must be one of " + pythonList(names) + ", got '" + in.Metric + "'")
	}
	kinds := make([]string, len(in.Aggregations))
	for i, a := range in.Aggregations {
		kinds[i] = a.Kind.name()
	}
	m := view.metrics[i]
	if bad := without(kinds, m.kinds); len(bad) > 0 {
		return m, invalid("Found invalid aggregation_type(s): " + pythonList(bad) + ". Supported aggregation types: " + pythonList(m.kinds))
	}
	if bad := without(in.Dimensions, m.dimensions); len(bad) > 0 {
		return m, invalid("Found invalid dimension(s): " + pythonList(bad) + ". Supported dimensions: " + pythonList(m.dimensions))
	}
	return m, nil
}

// without gives those of some texts that others lack, sorted, each once.
func without(texts, others []string) []string {
	bad := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return slices.Contains(others, s) })
	slices.Sort(bad)
	return slices.Compact(bad)
}

// metricSubjects are the words of filters, and which of them have a key.
var metricSubjects = map[string][]string{"trace": {"status", "tag", "metadata"}, "span": {"name", "status", "type"}, "assessment": {"name", "type"}}

var keyedWords = []string{"tag", "metadata"}

// filter adds a filter, which is one comparison by = (SearchTraceMetricsUtils of
// mlflow/utils/search_utils.py).
func (in traceMetricsIn) filter(text string, q *registry.Measure) error {
	clauses, err := traceGrammar.clauses(text)
	switch {
	case err != nil:
		return err
	case len(clauses) > 1:
		return invalid(badClause + "AND")
	case len(clauses) == 0:
		return invalid("Invalid filter: '" + text + "'. Expected one filter clause.")
	}
	c := clauses[0]
	view, entity, key, err := metricKey(c.key)
	if err != nil {
		return err
	}
	if c.op != registry.Equal {
		return invalid("Invalid comparator: '" + string(c.op) + "', only '=' operator is supported")
	}
	if c.value.kind != textToken && c.value.kind != wordToken {
		return invalid("Expected a quoted string value for " + entity + " value (e.g. 'my-value'). Got value " + c.value.text)
	}
	value, err := unquote(c.value.text)
	if err != nil {
		return err
	}
	cond := registry.Condition{Key: entity, Op: registry.Equal, Value: value}
	if view == "trace" {
		q.Traces = append(q.Traces, ofTrace(cond, key))
		return nil
	}
	if own := metricViewNames[in.View]; own != strings.ToUpper(view)+"S" {
		return invalid("Filtering by " + view + " is only supported for " + strings.ToUpper(view) + "S view type, got " + own)
	}
	if entity == "type" {
		cond.Key = "kind"
	}
	q.Own = append(q.Own, cond)
	return nil
}

// ofTrace says a comparison of a trace in the registry's words.
func ofTrace(c registry.Condition, key string) registry.Condition {
	switch c.Key {
	case "tag":
		c.Subject = registry.OfTag
	case "metadata":
		c.Subject = registry.OfParam
		if key == registry.RunMetadata {
			c.Subject = registry.OfRun
		}
	default:
		c.Key, key = "state", c.Value.(string)
		c.Value = "" // no trace has it
		for _, s := range traceStates {
			if s.name == key {
				c.Value = string(s.state)
				return c
			}
		}
		return c
	}
	c.Key = key
	return c
}

// metricKey takes "trace.tag.key" apart.
func metricKey(s string) (view, entity, key string, err error) {
	view, entity, dotted := strings.Cut(s, ".")
	entity, key, hasKey := strings.Cut(entity, ".")
	if !dotted {
		return "", "", "", invalid("Invalid identifier " + pythonRepr(s) + ". Columns should be specified as 'trace.<key>', 'span.<key>', 'assessment.<key>'.")
	}
	view = trim(view, '`')
	entities, ok := metricSubjects[view]
	switch needs := slices.Contains(keyedWords, entity); {
	case !ok:
		return "", "", "", invalid("Invalid view type '" + view + "'. Valid values are dict_keys(['trace', 'span', 'assessment'])")
	case !slices.Contains(entities, entity):
		return "", "", "", invalid("Invalid entity '" + entity + "' specified for view type '" + view + "'. Valid entities are " + pythonList(entities))
	case needs && !hasKey:
		return "", "", "", invalid("Filtering by " + entity + " requires a key, e.g. '" + view + "." + entity + ".<key> = <value>'")
	case !needs && hasKey:
		return "", "", "", invalid("Filtering by " + entity + " does not require a key, use '" + view + "." + entity + "' instead")
	}
	return view, entity, trim(trim(key, '"'), '`'), nil
}
