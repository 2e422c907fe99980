package mlflow

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	traces "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The attributes of spans that tell of their trace (mlflow/tracing/constant.py;
// session and user as in OpenTelemetry's conventions).
const (
	requestIDKey    = "mlflow.traceRequestId"
	spanTypeKey     = "mlflow.spanType"
	spanInputsKey   = "mlflow.spanInputs"
	spanOutputsKey  = "mlflow.spanOutputs"
	traceTagPrefix  = "mlflow.traceTag."
	sessionKey      = registry.SessionMetadata
	userKey         = "mlflow.trace.user" // metadata
	spansKey        = "mlflow.trace.spansLocation"
	spansHere       = "TRACKING_STORE" // the value of spansKey
	maxMetadata     = 250              // characters
	maxPreview      = 1000             // characters
	maxNested       = 200              // messages of a request inside each other
	traceIDPrefix   = "tr-"
	ownAttributes   = "mlflow."
	sdkAttributes   = "telemetry.sdk."
	spanIDBytes     = 8
	traceIDBytes    = 16
	unsupportedSpan = "Cannot convert OpenTelemetry span to MLflow span"
)

// batchSpans sorts the spans of a request by trace, in the order of their
// coming.
func batchSpans(in *collector.ExportTraceServiceRequest) ([]registry.SpanBatch, error) {
	var out []registry.SpanBatch
	at := map[string]int{}
	for _, resource := range in.GetResourceSpans() {
		tags := resourceTags(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, sp := range scope.GetSpans() {
				if len(sp.GetTraceId()) != traceIDBytes || len(sp.GetSpanId()) != spanIDBytes {
					return nil, &otlpError{status: http.StatusUnprocessableEntity, detail: unsupportedSpan}
				}
				eid := traceIDPrefix + hex.EncodeToString(sp.GetTraceId())
				i, ok := at[eid]
				if !ok {
					i, at[eid] = len(out), len(out)
					out = append(out, registry.SpanBatch{TraceEID: eid, Tags: append(slices.Clone(tags), registry.Tag{Key: spansKey, Value: spansHere})})
				}
				addSpan(&out[i], sp)
			}
		}
	}
	return out, nil
}

// resourceTags gives what describes the sender as tags, without what is about
// the sending, and what no tag can be.
func resourceTags(attrs []*common.KeyValue) (out []registry.Tag) {
	for _, kv := range attrs {
		value := kv.GetValue().GetStringValue()
		if _, isText := kv.GetValue().GetValue().(*common.AnyValue_StringValue); !isText {
			value = dumped(kv.GetValue())
		}
		if !strings.HasPrefix(kv.GetKey(), sdkAttributes) && !strings.HasPrefix(kv.GetKey(), ownAttributes) {
			out = setTag(out, kv.GetKey(), value)
		}
	}
	return out
}

// setTag sets a tag in a list, if its name can be one.
func setTag(tags []registry.Tag, key, value string) []registry.Tag {
	if checkName(key) != nil || longer(key, maxTraceTagKey) {
		return tags
	}
	tags = slices.DeleteFunc(tags, func(t registry.Tag) bool { return t.Key == key })
	return append(tags, registry.Tag{Key: key, Value: cutTo(value, maxTraceTagValue)})
}

// addSpan adds a span to those of its trace, and what it tells of that.
func addSpan(b *registry.SpanBatch, sp *traces.Span) {
	attrs := attributesOf(b.TraceEID, sp)
	out := registry.TraceSpan{EID: hex.EncodeToString(sp.GetSpanId()), Parent: hex.EncodeToString(sp.GetParentSpanId()), Name: cutTo(sp.GetName(), maxPreview),
		Kind: cutTo(attrs.text(spanTypeKey), maxMetadata), Status: registry.SpanUnset, Began: nanos(sp.GetStartTimeUnixNano()), Ended: nanos(sp.GetEndTimeUnixNano())}
	switch sp.GetStatus().GetCode() {
	case traces.Status_STATUS_CODE_OK:
		out.Status = registry.SpanOK
	case traces.Status_STATUS_CODE_ERROR:
		out.Status = registry.SpanError
	}
	out.Content = spanContent(sp, attrs)
	out.Model, out.Provider, out.Amounts = cutTo(attrs.text(modelKey), maxModel), cutTo(attrs.text(providerKey), maxModel), spanAmounts(attrs)
	b.Spans = append(b.Spans, out)
	for _, m := range []struct{ key, attr, or string }{{sessionKey, "session.id", "gen_ai.conversation.id"}, {userKey, "user.id", ""}} {
		value := attrs.text(m.attr)
		if value == "" {
			value = attrs.text(m.or)
		}
		if value != "" && !longer(value, maxMetadata) && !slices.ContainsFunc(b.Metadata, func(t registry.Tag) bool { return t.Key == m.key }) {
			b.Metadata = append(b.Metadata, registry.Tag{Key: m.key, Value: value})
		}
	}
	if out.Parent != "" {
		return
	}
	b.Request, b.Response = cmp.Or(b.Request, preview(attrs.find(spanInputsKey))), cmp.Or(b.Response, preview(attrs.find(spanOutputsKey)))
	for _, a := range attrs {
		if key, ok := strings.CutPrefix(a.key, traceTagPrefix); ok {
			b.Tags = setTag(b.Tags, key, attrs.text(a.key))
		}
	}
}

// nanos reads a time; one that is out of range is refused where it is kept.
func nanos(n uint64) int64 { return int64(n) } //nolint:gosec // a time after 2262 becomes a negative one

// preview shortens what went in or came out.
func preview(s string) string {
	if !longer(s, maxPreview) {
		return s
	}
	return cutTo(s, maxPreview-3) + "..."
}

// attr is an attribute of a span; the value is JSON.
type spanAttr struct{ key, value string }

type spanAttrs []spanAttr

// attributesOf gives the attributes of a span, each once, as Span.from_otel_proto
// of mlflow/entities/span.py does: written as JSON, with the trace's id.
func attributesOf(traceEID string, sp *traces.Span) spanAttrs {
	var out spanAttrs
	at := map[string]int{}
	set := func(key, value string) {
		if i, ok := at[key]; ok {
			out[i].value = value
			return
		}
		at[key] = len(out)
		out = append(out, spanAttr{key, value})
	}
	for _, kv := range sp.GetAttributes() {
		set(kv.GetKey(), onceDumped(kv.GetValue()))
	}
	set(requestIDKey, quotePython(traceEID, maxRune))
	return out
}

// onceDumped writes a value as JSON. A text that is JSON of a text, list or
// object was written by MLflow's own tracing, and stays (sanitize_attributes of
// mlflow/tracing/otel/translation).
func onceDumped(v *common.AnyValue) string {
	if s := strings.TrimSpace(v.GetStringValue()); s != "" && strings.ContainsRune(`"[{`, rune(s[0])) && json.Valid([]byte(s)) {
		return v.GetStringValue()
	}
	return dumped(v)
}

// find gives an attribute's JSON, empty for none.
func (as spanAttrs) find(key string) string {
	for _, a := range as {
		if a.key == key {
			return a.value
		}
	}
	return ""
}

// text gives an attribute as a text: itself if it is one, else its JSON.
func (as spanAttrs) text(key string) string {
	raw := as.find(key)
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return raw
	}
	return s
}

// maxRune is above all characters: nothing is escaped that need not be.
const maxRune = 0x110000

// dumped writes a value as json.dumps of Python does. Bytes, which JSON does not
// have, are in base64.
func dumped(v *common.AnyValue) string {
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return quotePython(x.StringValue, maxRune)
	case *common.AnyValue_BoolValue:
		return strconv.FormatBool(x.BoolValue)
	case *common.AnyValue_IntValue:
		return strconv.FormatInt(x.IntValue, 10)
	case *common.AnyValue_DoubleValue:
		return pythonFloat(x.DoubleValue)
	case *common.AnyValue_BytesValue:
		return `"` + base64.StdEncoding.EncodeToString(x.BytesValue) + `"`
	case *common.AnyValue_ArrayValue:
		items := make([]string, len(x.ArrayValue.GetValues()))
		for i, item := range x.ArrayValue.GetValues() {
			items[i] = dumped(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case *common.AnyValue_KvlistValue:
		return dumpedPairs(x.KvlistValue.GetValues(), dumped)
	}
	return "null"
}

// dumpedPairs writes an object.
func dumpedPairs(kvs []*common.KeyValue, value func(*common.AnyValue) string) string {
	items := make([]string, len(kvs))
	for i, kv := range kvs {
		items[i] = quotePython(kv.GetKey(), maxRune) + ": " + value(kv.GetValue())
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// spanContent writes a span as MLflow keeps it (Span.to_dict), in whose form
// filters look for texts and attributes; what has columns is left out.
func spanContent(sp *traces.Span, attrs spanAttrs) string {
	events := make([]string, len(sp.GetEvents()))
	for i, e := range sp.GetEvents() {
		events[i] = `{"name": ` + quotePython(e.GetName(), maxRune) + `, "time_unix_nano": ` + strconv.FormatUint(e.GetTimeUnixNano(), 10) +
			`, "attributes": ` + dumpedPairs(e.GetAttributes(), dumped) + "}"
	}
	links := make([]string, len(sp.GetLinks()))
	for i, l := range sp.GetLinks() {
		links[i] = `{"trace_id": "` + traceIDPrefix + hex.EncodeToString(l.GetTraceId()) + `", "span_id": "` + hex.EncodeToString(l.GetSpanId()) +
			`", "attributes": ` + dumpedPairs(l.GetAttributes(), dumped) + "}"
	}
	pairs := make([]string, len(attrs))
	for i, a := range attrs {
		pairs[i] = quotePython(a.key, maxRune) + ": " + quotePython(a.value, maxRune)
	}
	return `{"name": ` + quotePython(sp.GetName(), maxRune) + `, "events": [` + strings.Join(events, ", ") +
		`], "status": {"code": "` + statusName(sp.GetStatus().GetCode()) + `", "message": ` + quotePython(sp.GetStatus().GetMessage(), maxRune) +
		`}, "attributes": {` + strings.Join(pairs, ", ") + `}, "links": [` + strings.Join(links, ", ") + "]}"
}

func statusName(c traces.Status_StatusCode) string {
	if name, ok := traces.Status_StatusCode_name[int32(c)]; ok {
		return name
	}
	return traces.Status_STATUS_CODE_UNSET.String()
}
