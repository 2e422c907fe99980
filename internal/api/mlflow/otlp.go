package mlflow

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// spansAddress is where OpenTelemetry's exporters send spans
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
const spansAddress = "/v1/traces"

// The headers of mlflow/tracing/utils/otlp.py: the experiment, and the run that
// the traces are of.
const (
	spansExperiment = "X-Mlflow-Experiment-Id"
	spansRun        = "X-Mlflow-Run-Id"
)

const protobufType = "application/x-protobuf"

// otlpError is an error in the form of MLflow's address for spans
// (mlflow/server/otel_api.py), which is another than that of its API.
type otlpError struct {
	status int
	detail string
	header string // that is missing
}

// Error gives the text.
func (e *otlpError) Error() string { return e.detail }

// body is the error as FastAPI writes it.
func (e *otlpError) body() any {
	if e.header == "" {
		return map[string]any{"detail": e.detail}
	}
	return map[string]any{"detail": []any{map[string]any{"type": "missing", "loc": []string{"header", e.header}, "msg": e.detail, "input": nil}}}
}

// Unwrap gives the kind.
func (e *otlpError) Unwrap() error { return &fault.Error{Kind: fault.Invalid, Msg: e.detail} }

func badSpans(detail string) error { return &otlpError{status: http.StatusBadRequest, detail: detail} }

// logSpans stores what an exporter sends.
func logSpans(c *call) error {
	id := c.r.Header.Get(spansExperiment)
	if id == "" {
		return &otlpError{http.StatusUnprocessableEntity, "Field required", "x-mlflow-experiment-id"}
	}
	experiment, err := parseExperimentID(id)
	if err != nil {
		return err
	}
	batches, err := readSpans(c.r)
	if err != nil {
		return err
	}
	if err := c.s.LogSpans(c.ctx(), c.ref, experiment, c.r.Header.Get(spansRun), batches); err != nil {
		return err
	}
	// The answer is an ExportTraceServiceResponse that says nothing, so no bytes.
	c.w.Header().Set("Content-Type", protobufType)
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// readSpans reads the spans of a request, by trace.
func readSpans(r *http.Request) ([]registry.SpanBatch, error) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind = strings.TrimSpace(kind); kind != protobufType && kind != "application/json" {
		return nil, badSpans("Invalid Content-Type: " + cutTo(kind, maxQuoted) + ". Expected: application/x-protobuf or application/json")
	}
	body, err := spansBody(r)
	if err != nil {
		return nil, err
	}
	var in collector.ExportTraceServiceRequest
	if kind == protobufType {
		err = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxNested}.Unmarshal(body, &in)
	} else {
		err = unmarshalSpans(body, &in)
	}
	if err != nil {
		return nil, badSpans("Invalid OpenTelemetry format")
	}
	if len(in.GetResourceSpans()) == 0 {
		return nil, badSpans("Invalid OpenTelemetry format - no spans found")
	}
	return batchSpans(&in)
}

// spansBody reads a body, which may be compressed, and bounds both of its sizes.
func spansBody(r *http.Request) ([]byte, error) {
	coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	if coding == "" || coding == "identity" {
		return httpx.ReadBody(r, bodyLimit)
	}
	open, ok := map[string]func(io.Reader) (io.ReadCloser, error){
		"gzip":    func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
		"deflate": zlib.NewReader,
	}[coding]
	if !ok {
		return nil, badSpans("Unsupported Content-Encoding: " + cutTo(coding, maxQuoted))
	}
	bad := badSpans("Failed to decompress " + coding + " payload")
	unpacked, err := open(io.LimitReader(httpx.Body(r), bodyLimit))
	if err != nil {
		return nil, bad
	}
	out, err := io.ReadAll(io.LimitReader(unpacked, bodyLimit+1))
	if len(out) > bodyLimit {
		return nil, &otlpError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("The spans of one request have at most %d bytes.", bodyLimit)}
	}
	if err != nil || unpacked.Close() != nil {
		return nil, bad
	}
	return out, nil
}

// unmarshalSpans reads OTLP's JSON, which has ids in hexadecimal digits, where
// protobuf's JSON has base64.
func unmarshalSpans(body []byte, in *collector.ExportTraceServiceRequest) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var top map[string]any
	if err := dec.Decode(&top); err != nil {
		return err
	}
	all := []map[string]any{top}
	for _, key := range []string{"resourceSpans", "scopeSpans", "spans"} {
		all = objectsOf(all, key)
	}
	for _, o := range append(objectsOf(all, "links"), all...) {
		if err := recodeIDs(o); err != nil {
			return err
		}
	}
	body, err := json.Marshal(top)
	if err != nil {
		return err
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxNested}.Unmarshal(body, in)
}

// objectsOf gives the objects of the lists that objects have under a key.
func objectsOf(in []map[string]any, key string) (out []map[string]any) {
	for _, parent := range in {
		list, _ := parent[key].([]any)
		for _, v := range list {
			if o, ok := v.(map[string]any); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

func recodeIDs(o map[string]any) error {
	for _, key := range []string{"traceId", "spanId", "parentSpanId"} {
		if s, ok := o[key].(string); ok {
			id, err := hex.DecodeString(s)
			if err != nil {
				return err
			}
			o[key] = base64.StdEncoding.EncodeToString(id)
		}
	}
	return nil
}
