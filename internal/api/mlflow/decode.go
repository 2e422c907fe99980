package mlflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// bodyLimit bounds a message, in bytes. MLflow refuses batches of more than
// 1 MB; models' signatures and traces are the largest that come otherwise, but
// for messages that have a method bodyLimit.
const bodyLimit = 16 << 20

// decode fills the message that dst points to and checks it, as
// _get_request_message of mlflow/server/handlers.py does.
//
// The fields of a message are named by `field:"name"`. A GET has them in its
// query, repeated for lists, every other request in a JSON object (at GitLab's
// door there are more ways, see gitlabMessage); names that
// are not known are ignored, and null is the same as nothing. A field may be a
// string, int64, float64, bool, json.RawMessage, a scalar, a struct of such
// fields, a slice of those, or a pointer, which stays nil for what is unset.
// Numbers may come as texts.
//
// `check:"…"` lists what MLflow asserts of the field, in its order, which
// decides on the message: "required" (present and not empty), and what only
// counts when some field could not be read: "string", "int", "float", "array",
// "strings". "set" refuses a null that MLflow would trip over. A field that could not be read and that no check of MLflow's names
// is refused too; MLflow goes on as if it had not been sent.
func decode(r *http.Request, door flavour, dst any) error {
	v := reflect.ValueOf(dst).Elem()
	plan := planOf(v.Type())
	read := messageOf
	if door == atGitLab {
		read = gitlabMessage
	}
	members, err := read(r, plan, limitOf(dst))
	if err != nil {
		return err
	}
	var bad []string
	for _, f := range plan {
		raw, err := f.find(members)
		if err != nil {
			return err
		}
		if raw != nil && !assign(v.FieldByIndex(f.index), raw) {
			bad = append(bad, f.name)
		}
	}
	for _, f := range plan {
		if err := f.checked(members, len(bad) > 0); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return badValue(bad[0], members[bad[0]])
	}
	return nil
}

// limitOf bounds the body of a message.
func limitOf(dst any) int64 {
	if m, ok := dst.(interface{ bodyLimit() int64 }); ok {
		return m.bodyLimit()
	}
	return bodyLimit
}

// required is the check that counts always, not only when reading failed.
const required = "required"

// set is the check that null does not pass.
const set = "set"

// field is one member of a message.
type field struct {
	name, camel string
	index       []int
	checks      []string
	repeated    bool
	flag        bool
}

// plans remembers the fields of each message: reflect.Type to []field.
var plans sync.Map

// planOf lists the fields of a message, embedded ones in their place.
func planOf(t reflect.Type) []field {
	if plan, ok := plans.Load(t); ok {
		return plan.([]field)
	}
	var plan []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, ok := f.Tag.Lookup("field")
		switch {
		case !ok && f.Anonymous:
			for _, inner := range planOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				plan = append(plan, inner)
			}
		case ok:
			for _, check := range strings.Fields(f.Tag.Get("check")) {
				if check != required && check != set {
					passes(check, json.RawMessage("0")) // panics on one that there is not
				}
			}
			plan = append(plan, field{name: name, camel: camel(name), index: f.Index, checks: strings.Fields(f.Tag.Get("check")),
				repeated: isList(f.Type), flag: f.Type.Kind() == reflect.Bool})
		}
	}
	plans.Store(t, plan)
	return plan
}

// isList reports whether a field has many values.
func isList(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Slice && t != rawType
}

// camel gives the JSON name of a protobuf field: "run_id" is "runId" too.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// spelled is what was sent for a field under each of its names, nil for nothing.
type spelled struct{ name, camel json.RawMessage }

// find gives what was sent for a field, nil for nothing.
func (f field) find(members map[string]json.RawMessage) (json.RawMessage, error) {
	sent := spelled{name: members[f.name]}
	if f.camel != f.name {
		sent.camel = members[f.camel]
	}
	return f.choose(sent)
}

// choose gives the one that was sent; null is nothing.
func (f field) choose(sent spelled) (json.RawMessage, error) {
	raw := sent.name
	if sent.camel != nil {
		if raw != nil {
			return nil, invalid("Request specifies both '" + f.name + "' and '" + f.camel + "'; provide only one of them.")
		}
		raw = sent.camel
	}
	if string(raw) == "null" {
		return nil, nil
	}
	return raw, nil
}

// checked asserts what MLflow asserts of a field.
func (f field) checked(members map[string]json.RawMessage, unreadable bool) error {
	raw, sent := members[f.name]
	if f.name == "run_id" && (!sent || string(raw) == "null") {
		raw, sent = members["run_uuid"]
	}
	for _, check := range f.checks {
		switch {
		case check == required:
			if !sent || string(raw) == "null" || string(raw) == `""` {
				return missing(f.name)
			}
		case check == set:
			if sent && string(raw) == "null" {
				return badValue(f.name, raw)
			}
		case sent && unreadable && !passes(check, raw):
			return badValue(f.name, raw)
		}
	}
	return nil
}

func missing(name string) error {
	return &apiError{code: invalidParameter, kind: fault.Invalid, gitlab: name + " is missing", missing: name,
		msg: "Missing value for required parameter '" + name + "'." + seeDocs}
}

func badValue(name string, raw json.RawMessage) error {
	return invalid("Invalid value " + pythonJSON(raw) + " for parameter '" + name + "' supplied:  Hint: Value was of type '" + pythonType(raw) + "'." + seeDocs)
}

// passes reports whether a value is of the type that a check names.
func passes(check string, raw json.RawMessage) bool {
	switch check {
	case "string":
		return raw[0] == '"'
	case "array":
		return raw[0] == '['
	case "strings":
		var all []string
		return json.Unmarshal(raw, &all) == nil
	case "int":
		var n int64
		return setInt(reflect.ValueOf(&n).Elem(), raw)
	case "float":
		var f float64
		return setFloat(reflect.ValueOf(&f).Elem(), raw)
	}
	panic("mlflow: there is no check " + check)
}

// messageOf gives the members of a request's message.
func messageOf(r *http.Request, plan []field, limit int64) (map[string]json.RawMessage, error) {
	if r.Method == http.MethodGet && r.URL.RawQuery != "" {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, invalid("The query is not valid.")
		}
		return valueMembers(q, plan)
	}
	if err := checkContentType(r); err != nil {
		return nil, err
	}
	body, err := httpx.ReadBody(r, limit)
	if err != nil {
		return nil, err
	}
	return bodyMembers(body)
}

// valueMembers writes the parameters of a query as JSON.
func valueMembers(q url.Values, plan []field) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	for _, f := range plan {
		texts, ok := q[f.name]
		if _, done := members[f.name]; done || !ok {
			continue // a name that two fields share is what the first one is
		}
		var v any = texts[0]
		switch {
		case f.repeated:
			v = texts
		case f.flag:
			low := strings.ToLower(texts[0])
			if low != "true" && low != "false" {
				return nil, invalid("Invalid boolean value: " + texts[0] + ", must be 'true' or 'false'.")
			}
			v = low == "true"
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("mlflow: query as JSON: %w", err) // texts and booleans always can be
		}
		members[f.name] = raw
	}
	return members, nil
}

func checkContentType(r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch kind {
	case "application/json":
		return nil
	case "":
		return invalid("Bad Request. Content-Type header is missing.")
	}
	return invalid("Bad Request. Content-Type must be one of ['application/json'].")
}

// bodyMembers takes a message apart. Old clients encode it twice, and no body
// is an empty message. A body that is no JSON is an empty one for MLflow, which
// then misses what is required; here it is told what it is.
func bodyMembers(body []byte) (map[string]json.RawMessage, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || string(body) == "null" {
		return nil, nil
	}
	if !utf8.Valid(body) {
		return nil, invalid("The body is not valid UTF-8.")
	}
	valid := json.Valid(body)
	if valid && body[0] == '{' {
		return splitObject(body), nil
	}
	if !valid {
		body = quoteNaN(body)
	}
	if body[0] == '"' {
		var inner string
		if err := json.Unmarshal(body, &inner); err != nil {
			return nil, invalid("The body is not valid JSON.")
		}
		body = bytes.TrimSpace([]byte(inner))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, invalid("The body has to be a JSON object: " + err.Error())
	}
	return members, nil
}

// quoteNaN puts the words NaN, Infinity and -Infinity, which Python writes into
// its JSON, into quotes, where they stand for themselves.
func quoteNaN(body []byte) []byte {
	var out bytes.Buffer
	for i := 0; i < len(body); {
		if body[i] == '"' {
			end := stringEnd(body, i)
			out.Write(body[i:end])
			i = end
			continue
		}
		word := ""
		for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
			if bytes.HasPrefix(body[i:], []byte(w)) {
				word = w
			}
		}
		if word == "" {
			out.WriteByte(body[i])
			i++
			continue
		}
		out.WriteString(`"` + word + `"`)
		i += len(word)
	}
	return out.Bytes()
}

// stringEnd gives the place behind the string that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
