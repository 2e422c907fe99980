package mlflow

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	traces "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func textValue(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}

// nested is a list in a list, and so on.
func nested(depth int) *common.AnyValue {
	v := textValue("deep")
	for range depth {
		v = &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{v}}}}
	}
	return v
}

// message is what an exporter sends for one span with one attribute.
func message(t testing.TB, v *common.AnyValue) []byte {
	t.Helper()
	sp := &traces.Span{TraceId: bytes.Repeat([]byte{0xab}, 16), SpanId: bytes.Repeat([]byte{1}, 8), Name: "s", StartTimeUnixNano: 2_000_000,
		EndTimeUnixNano: 3_000_000, Attributes: []*common.KeyValue{{Key: "k", Value: v}}}
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*traces.ResourceSpans{
		{ScopeSpans: []*traces.ScopeSpans{{Spans: []*traces.Span{sp}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func spansRequest(t testing.TB, kind, coding string, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, spansAddress, body)
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Content-Encoding", coding)
	return r
}

func zipped(t testing.TB, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReadSpans: what comes in protobuf, packed or not, is one span with its
// attribute as MLflow keeps it.
func TestReadSpans(t *testing.T) {
	want := []registry.SpanBatch{{TraceEID: "tr-" + strings.Repeat("ab", 16), Tags: []registry.Tag{{Key: spansKey, Value: spansHere}}, Spans: []registry.TraceSpan{
		{EID: "0101010101010101", Name: "s", Status: registry.SpanUnset, Began: 2_000_000, Ended: 3_000_000,
			Content: `{"name": "s", "events": [], "status": {"code": "STATUS_CODE_UNSET", "message": ""}, "attributes": {"k": "\"a\\\"ü\"", "mlflow.traceRequestId": "\"tr-` +
				strings.Repeat("ab", 16) + `\""}, "links": []}`}}}}
	body := message(t, textValue(`a"ü`))
	for coding, sent := range map[string][]byte{"": body, "gzip": zipped(t, body)} {
		got, err := readSpans(spansRequest(t, protobufType, coding, bytes.NewReader(sent)))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v %s", coding, err, diff)
		}
	}
}

// TestSpansTooLarge: neither what is sent nor what it unpacks to may be too much,
// or nested too deep.
func TestSpansTooLarge(t *testing.T) {
	bomb := zipped(t, make([]byte, bodyLimit+1))
	for name, r := range map[string]*http.Request{
		"packed": spansRequest(t, protobufType, "gzip", bytes.NewReader(bomb)),
		"plain":  spansRequest(t, protobufType, "", bytes.NewReader(make([]byte, bodyLimit+1))),
		"deep":   spansRequest(t, protobufType, "", bytes.NewReader(message(t, nested(maxNested)))),
	} {
		if _, err := readSpans(r); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzSpans: no body makes the server fall over, and what is taken can be given
// back.
func FuzzSpans(f *testing.F) {
	f.Add(true, message(f, textValue(`{"a": [1, 2.5, NaN]}`)))
	f.Add(true, message(f, nested(20)))
	f.Add(false, []byte(`{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
		"attributes": [{"key": "x", "value": {"doubleValue": "NaN"}}], "events": [{"attributes": [{"key": "b", "value": {"bytesValue": "AAE="}}]}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, binary bool, body []byte) {
		kind := "application/json"
		if binary {
			kind = protobufType
		}
		batches, err := readSpans(spansRequest(t, kind, "", bytes.NewReader(body)))
		if err != nil {
			return
		}
		for _, b := range batches {
			for _, s := range b.Spans {
				if _, err := spanWire(b.TraceEID, s); err != nil {
					t.Errorf("%v of %s", err, s.Content)
				}
			}
		}
	})
}
