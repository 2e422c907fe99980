package mlflow

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// evalRecordIn is a record as clients send it.
type evalRecordIn struct {
	Inputs       json.RawMessage `json:"inputs"`
	Outputs      json.RawMessage `json:"outputs"`
	Expectations json.RawMessage `json:"expectations"`
	Tags         json.RawMessage `json:"tags"`
	Source       json.RawMessage `json:"source"`
}

// present reports whether a part of a record was sent, and is not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// domain reads a record. Inputs, expectations, tags and the source are objects.
func (in evalRecordIn) domain() (registry.EvalRecord, error) {
	for name, raw := range map[string]json.RawMessage{"inputs": in.Inputs, "expectations": in.Expectations, "tags": in.Tags, "source": in.Source} {
		if present(raw) && bytes.TrimSpace(raw)[0] != '{' {
			return registry.EvalRecord{}, invalid("The " + name + " of a record have to be a JSON object.")
		}
	}
	r := registry.EvalRecord{Inputs: "{}", Outputs: "{}", Tags: "{}", Expectations: spaced(in.Expectations), Source: spaced(in.Source)}
	if present(in.Inputs) {
		r.Inputs = spaced(in.Inputs)
	}
	if present(in.Tags) {
		r.Tags = spaced(in.Tags)
	}
	if in.Outputs != nil {
		r.Outputs = spaced(in.Outputs)
	}
	sum := sha256.Sum256([]byte(sortedJSON(in.Inputs)))
	r.Hash = hex.EncodeToString(sum[:])
	r.CreatedBy = textMember(in.Tags, evalUserKey)
	r.UpdatedBy = r.CreatedBy
	return r, nil
}

// spaced writes JSON as json.dumps of Python does; empty for null.
func spaced(raw json.RawMessage) string {
	var compact bytes.Buffer
	if !present(raw) || json.Compact(&compact, raw) != nil {
		return ""
	}
	return pythonSpaced(compact.Bytes())
}

// sortedJSON writes a value with the keys of its objects in order.
func sortedJSON(raw json.RawMessage) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || v == nil {
		return "{}"
	}
	out, err := json.Marshal(v)
	if err != nil {
		return "{}" // what was read can be written
	}
	return string(out)
}

// textMember gives a member of an object that is a text.
func textMember(raw json.RawMessage, key string) string {
	for _, m := range membersOf(raw) {
		var s string
		if m.key == key && json.Unmarshal(m.value, &s) == nil {
			return s
		}
	}
	return ""
}

// objectOf writes members as json.dumps of Python does.
func objectOf(ms []member) string {
	items := make([]string, len(ms))
	for i, m := range ms {
		items[i] = pythonString(m.key) + ": " + string(m.value)
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// merged gives an object with the members of another; both are as spaced writes.
func merged(old, come string) string {
	ms := membersOf(json.RawMessage(old))
	for _, m := range membersOf(json.RawMessage(come)) {
		if i := slices.IndexFunc(ms, func(has member) bool { return has.key == m.key }); i >= 0 {
			ms[i] = m
			continue
		}
		ms = append(ms, m)
	}
	if ms == nil {
		return old
	}
	return objectOf(ms)
}

// mergeRecord is SqlEvaluationDatasetRecord.merge of
// mlflow/store/tracking/dbmodels/models.py. noOutputs are the records that came
// without outputs, by their hash: those stay.
func mergeRecord(noOutputs map[string]bool) func(old, come registry.EvalRecord) registry.EvalRecord {
	return func(old, come registry.EvalRecord) registry.EvalRecord {
		if !noOutputs[come.Hash] {
			old.Outputs = come.Outputs
		}
		old.Expectations, old.Tags = merged(old.Expectations, come.Expectations), merged(old.Tags, come.Tags)
		if come.UpdatedBy != "" {
			old.UpdatedBy = come.UpdatedBy
		}
		return old
	}
}

// evalSchema adds what records have to the schema of a data set
// (_update_dataset_schema of mlflow/store/tracking/sqlalchemy_store.py).
func evalSchema(records []evalRecordIn) func(string) string {
	return func(old string) string {
		if len(records) == 0 {
			return old
		}
		if old == "" {
			old = `{"inputs": {}, "outputs": {}, "expectations": {}, "version": "1.0"}`
		}
		parts := membersOf(json.RawMessage(old))
		for i := range parts {
			for _, r := range records {
				raw := map[string]json.RawMessage{"inputs": r.Inputs, "outputs": r.Outputs, "expectations": r.Expectations}[parts[i].key]
				parts[i].value = json.RawMessage(typesOf(string(parts[i].value), raw))
			}
		}
		return objectOf(parts)
	}
}

// typesOf adds the types of the members of an object to those that are known, or
// says the type of what is none.
func typesOf(known string, raw json.RawMessage) string {
	switch {
	case !present(raw):
		return known
	case bytes.TrimSpace(raw)[0] == '{' && strings.HasPrefix(known, "{"):
		types := membersOf(json.RawMessage(known))
		for _, m := range membersOf(raw) {
			if !slices.ContainsFunc(types, func(has member) bool { return has.key == m.key }) {
				types = append(types, member{m.key, json.RawMessage(`"` + typeOf(m.value) + `"`)})
			}
		}
		return objectOf(types)
	case known == "{}":
		return `"` + typeOf(raw) + `"`
	}
	return known
}

// typeOf names the type of a value as _infer_field_type does.
func typeOf(raw json.RawMessage) string {
	switch c := bytes.TrimSpace(raw)[0]; {
	case c == 'n':
		return "null"
	case c == 't' || c == 'f':
		return "boolean"
	case c == '"':
		return "string"
	case c == '[':
		return "array"
	case c == '{':
		return "object"
	case bytes.ContainsAny(raw, ".eE"):
		return "float"
	}
	return "integer"
}

type newEvalRecords struct {
	Records string `field:"records" check:"required string"`
}

type recordsPut struct {
	Inserted int64 `json:"inserted_count"`
	Updated  int64 `json:"updated_count"`
}

func putEvalRecords(c *call, in newEvalRecords) (recordsPut, error) {
	var come []evalRecordIn
	if json.Unmarshal([]byte(in.Records), &come) != nil {
		return recordsPut{}, invalid("The records have to be a JSON list of objects in a text.")
	}
	noOutputs := map[string]bool{}
	out := registry.EvalRecords{Merge: mergeRecord(noOutputs), Schema: evalSchema(come)}
	for _, r := range come {
		record, err := r.domain()
		if err != nil {
			return recordsPut{}, err
		}
		noOutputs[record.Hash] = r.Outputs == nil
		if record.UpdatedBy != "" {
			out.By = record.UpdatedBy
		}
		out.Records = append(out.Records, record)
	}
	added, changed, err := c.s.PutEvalRecords(c.ctx(), c.ref, c.r.PathValue("dataset_id"), out)
	return recordsPut{added, changed}, noEval(err)
}

type evalRecordsQuery struct {
	MaxResults *int64 `field:"max_results" check:"int"`
	PageToken  string `field:"page_token" check:"string"`
}

type evalRecordsAnswer struct {
	Records       string `json:"records"` // a list, as JSON
	NextPageToken string `json:"next_page_token,omitempty"`
}

func getEvalRecords(c *call, in evalRecordsQuery) (evalRecordsAnswer, error) {
	after, err := evalPlace(in.PageToken)
	if err != nil {
		return evalRecordsAnswer{}, err
	}
	limit := int64(defaultEvals)
	if n := deref(in.MaxResults); n > 0 {
		limit = min(n, limit)
	}
	id := c.r.PathValue("dataset_id")
	l, err := c.s.EvalRecordsOf(c.ctx(), c.ref, id, after, int(limit))
	if err != nil {
		return evalRecordsAnswer{}, noEval(err)
	}
	items := make([]string, len(l.Items))
	for i, r := range l.Items {
		items[i] = evalRecordText(id, r)
	}
	out := evalRecordsAnswer{Records: "[" + strings.Join(items, ", ") + "]"}
	if l.More {
		last := l.Items[len(l.Items)-1]
		out.NextPageToken = base64.StdEncoding.EncodeToString([]byte(strconv.FormatInt(millis(last.CreatedAt), 10) + ":" + last.EID))
	}
	return out, nil
}

// evalPlace reads a page token.
func evalPlace(token string) (registry.EvalPage, error) {
	if token == "" {
		return registry.EvalPage{}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	at, eid, ok := strings.Cut(string(raw), ":")
	ms, numberErr := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || numberErr != nil || ms <= 0 || ms > maxMillis {
		return registry.EvalPage{}, invalid("Invalid page token: it is not one that this server has given for this.")
	}
	return registry.EvalPage{At: time.UnixMilli(ms).UTC(), EID: eid}, nil
}

// evalRecordText writes a record as DatasetRecord.to_dict of
// mlflow/entities/dataset_record.py does.
func evalRecordText(dataset string, r registry.EvalRecord) string {
	ms := []member{{"dataset_record_id", json.RawMessage(pythonString(r.EID))}, {"dataset_id", json.RawMessage(pythonString(dataset))}, {"inputs", json.RawMessage(r.Inputs)}}
	add := func(key, value string) {
		if value != "" {
			ms = append(ms, member{key, json.RawMessage(value)})
		}
	}
	add("expectations", r.Expectations)
	add("tags", r.Tags)
	add("source", r.Source)
	if kind := textMember(json.RawMessage(r.Source), "source_type"); kind != "" {
		add("source_type", pythonString(kind))
	}
	add("created_time", strconv.FormatInt(millis(r.CreatedAt), 10))
	add("last_update_time", strconv.FormatInt(millis(r.UpdatedAt), 10))
	if r.CreatedBy != "" {
		add("created_by", pythonString(r.CreatedBy))
	}
	if r.UpdatedBy != "" {
		add("last_updated_by", pythonString(r.UpdatedBy))
	}
	add("outputs", r.Outputs)
	return objectOf(ms)
}

type evalRecordIDs struct {
	IDs []string `field:"dataset_record_ids" check:"array"`
}

type recordsDeleted struct {
	Deleted int64 `json:"deleted_count"`
}

func deleteEvalRecords(c *call, in evalRecordIDs) (recordsDeleted, error) {
	n, err := c.s.DeleteEvalRecords(c.ctx(), c.ref, c.r.PathValue("dataset_id"), in.IDs)
	return recordsDeleted{n}, noEval(err)
}
