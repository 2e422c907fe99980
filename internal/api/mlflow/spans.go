package mlflow

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// spanJSON is a Span of OpenTelemetry's trace.proto as MLflow writes it: with
// the names of the fields, ids in base64 and times as numbers.
type spanJSON struct {
	TraceID    []byte       `json:"trace_id"`
	ID         []byte       `json:"span_id"`
	Parent     []byte       `json:"parent_span_id,omitempty"`
	Name       string       `json:"name,omitempty"`
	Began      int64        `json:"start_time_unix_nano,omitempty"`
	Ended      int64        `json:"end_time_unix_nano,omitempty"`
	Attributes []pairJSON   `json:"attributes,omitempty"`
	Events     []eventJSON  `json:"events,omitempty"`
	Links      []linkJSON   `json:"links,omitempty"`
	Status     spanStatJSON `json:"status"`
}

type spanStatJSON struct {
	Message string `json:"message,omitempty"`
	Code    string `json:"code,omitempty"`
}

type pairJSON struct {
	Key   string `json:"key"`
	Value any    `json:"value,omitempty"`
}

type eventJSON struct {
	At         json.Number `json:"time_unix_nano"`
	Name       string      `json:"name,omitempty"`
	Attributes []pairJSON  `json:"attributes,omitempty"`
}

type linkJSON struct {
	TraceID    []byte     `json:"trace_id"`
	ID         []byte     `json:"span_id"`
	Attributes []pairJSON `json:"attributes,omitempty"`
}

// keptSpan is what spanContent has written.
type keptSpan struct {
	Name   string `json:"name"`
	Events []struct {
		Name       string          `json:"name"`
		At         json.Number     `json:"time_unix_nano"`
		Attributes json.RawMessage `json:"attributes"`
	} `json:"events"`
	Links []struct {
		TraceID    string          `json:"trace_id"`
		SpanID     string          `json:"span_id"`
		Attributes json.RawMessage `json:"attributes"`
	} `json:"links"`
	Status struct {
		Message string `json:"message"`
	} `json:"status"`
	Attributes json.RawMessage `json:"attributes"`
}

// spanWire gives a span as it came.
func spanWire(traceEID string, s registry.TraceSpan) (spanJSON, error) {
	var kept keptSpan
	if err := json.Unmarshal(quoteNaN([]byte(s.Content)), &kept); err != nil {
		return spanJSON{}, fmt.Errorf("mlflow: span %s of %s: %w", s.EID, traceEID, err)
	}
	out := spanJSON{TraceID: idBytes(traceEID), ID: idBytes(s.EID), Parent: idBytes(s.Parent), Name: kept.Name, Began: s.Began, Ended: s.Ended,
		Status: spanStatJSON{Message: kept.Status.Message}, Attributes: pairsOf(kept.Attributes, undumped)}
	if s.Status != registry.SpanUnset {
		out.Status.Code = "STATUS_CODE_" + string(s.Status)
	}
	for _, e := range kept.Events {
		out.Events = append(out.Events, eventJSON{e.At, e.Name, pairsOf(e.Attributes, plainValue)})
	}
	for _, l := range kept.Links {
		out.Links = append(out.Links, linkJSON{idBytes(l.TraceID), idBytes(l.SpanID), pairsOf(l.Attributes, plainValue)})
	}
	return out, nil
}

// idBytes reads the id of a trace or span, which is in hexadecimal digits.
func idBytes(s string) []byte {
	id, err := hex.DecodeString(strings.TrimPrefix(s, traceIDPrefix))
	if err != nil {
		return nil
	}
	return id
}

// member is one of an object.
type member struct {
	key   string
	value json.RawMessage
}

// membersOf gives the members of an object as they stand there; nil for what is
// none.
func membersOf(raw json.RawMessage) (out []member) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return nil
		}
		out = append(out, member{name, value})
	}
	return out
}

func pairsOf(raw json.RawMessage, value func(json.RawMessage) any) []pairJSON {
	members := membersOf(raw)
	out := make([]pairJSON, len(members))
	for i, m := range members {
		out[i] = pairJSON{m.key, value(m.value)}
	}
	return out
}

// undumped reads the JSON that a text holds as an AnyValue of common.proto.
func undumped(raw json.RawMessage) any {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return plainValue(raw)
	}
	if inner := quoteNaN([]byte(s)); json.Valid(inner) {
		return plainValue(inner)
	}
	return map[string]any{"string_value": s}
}

func plainValue(raw json.RawMessage) any { return anyValue(raw, 0) }

// maxDepth is how deep values are taken apart; what is deeper stays JSON in a
// text, as each level is read once more for the one around it.
const maxDepth = 50

// anyValue gives a value of JSON as an AnyValue; nil for null.
func anyValue(raw json.RawMessage, depth int) any {
	raw = bytes.TrimSpace(raw)
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case c == '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = string(raw)
		}
		return map[string]any{"string_value": s}
	case c == 't' || c == 'f':
		return map[string]any{"bool_value": c == 't'}
	case depth == maxDepth:
		return map[string]any{"string_value": string(raw)}
	case c == '[':
		return map[string]any{"array_value": listOf(raw, depth)}
	case c == '{':
		pairs := pairsOf(raw, func(v json.RawMessage) any { return anyValue(v, depth+1) })
		if len(pairs) == 0 {
			return map[string]any{"kvlist_value": none{}}
		}
		return map[string]any{"kvlist_value": map[string]any{"values": pairs}}
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return map[string]any{"int_value": n}
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(f, 0) {
		return map[string]any{"string_value": string(raw)}
	}
	return map[string]any{"double_value": double(f)}
}

func listOf(raw json.RawMessage, depth int) any {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		return none{}
	}
	values := make([]any, len(items))
	for i, item := range items {
		if values[i] = anyValue(item, depth+1); values[i] == nil {
			values[i] = none{}
		}
	}
	return map[string]any{"values": values}
}
