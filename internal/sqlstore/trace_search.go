package sqlstore

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// traceSearch is what can be asked of traces.
var traceSearch = searchable{
	from: "traces t", id: "t.id",
	attrs: map[string]attr{"eid": {column: column{"t.eid", false}}, "client_id": {column: column{"t.client_id", false}, filter: "nullif(t.client_id, '')"},
		"state": {column: column{"t.state", false}}, "at": {column: column{"t.at", true}, filter: "t.at / 1000"},
		"duration":      {column: column{"nullif(t.duration, -1)", true}, null: true},
		"ended_at":      {column: column{"CASE WHEN t.duration < 0 THEN t.at / 1000 ELSE t.at / 1000 + t.duration END", true}},
		"experiment_id": {column: column{"t.experiment_id", true}}},
	values: map[registry.Subject]valueTable{
		registry.OfTag:   {exists: "SELECT 1 FROM trace_tags v WHERE v.owner_id = t.id", join: "trace_tags x ON x.owner_id = t.id"},
		registry.OfParam: {exists: "SELECT 1 FROM trace_metadata v WHERE v.owner_id = t.id", join: "trace_metadata x ON x.owner_id = t.id"}},
	special: map[registry.Subject]func(registry.Condition) (string, []any, error){
		registry.OfRun: ofRun, registry.OfPrompt: ofPrompt, registry.OfFeedback: assessedBy(registry.FeedbackKind),
		registry.OfExpectation: assessedBy(registry.ExpectationKind), registry.OfIssue: ofIssue},
	last: []term{{"t.at", true}, {"t.eid", false}},
}

func (t *tx) SearchTraces(ctx context.Context, experiments []int64, q registry.Search) (registry.Found[registry.Trace], error) {
	in := scope{column: "t.experiment_id", ids: experiments}
	var err error
	if in.also, q.Filter, err = spansOf(q.Filter); err != nil {
		return registry.Found[registry.Trace]{}, err
	}
	ids, next, err := t.found(ctx, traceSearch, in, q)
	if err != nil {
		return registry.Found[registry.Trace]{}, err
	}
	ts, err := t.traces(ctx, ids)
	return registry.Found[registry.Trace]{Items: ts, Next: next}, err
}

func (t *tx) CountTraces(ctx context.Context, experiments []int64, fs ...registry.Filter) (n int64, err error) {
	l := &listing{}
	l.all([]condition{within("t.experiment_id", experiments)})
	for _, f := range fs {
		if err := l.tracesMeet(f); err != nil {
			return 0, err
		}
	}
	return n, t.row(ctx, query("SELECT count(*) FROM traces t"+l.condition()), l.args, &n)
}

// tracesMeet bounds traces, as t, to those that meet a filter.
func (l *listing) tracesMeet(f registry.Filter) error {
	spans, rest, err := spansOf(f)
	if err != nil {
		return err
	}
	if spans != nil {
		l.and(spans.text, spans.args...)
	}
	for _, c := range rest {
		text, args, err := traceSearch.condition(c)
		if err != nil {
			return err
		}
		l.and(text, args...)
	}
	return nil
}

// spanColumns are the keys of OfSpan.
var spanColumns = map[string]string{"name": "v.name", "kind": "v.kind", "status": "v.status", "content": "v.content"}

// spansOf takes the conditions on spans out of a filter: one span has to meet them
// all.
func spansOf(f registry.Filter) (*condition, registry.Filter, error) {
	also := &condition{text: "EXISTS (SELECT 1 FROM trace_spans v WHERE v.trace_id = t.id"}
	rest := slices.Clone(f)[:0]
	for _, c := range f {
		if c.Subject != registry.OfSpan {
			rest = append(rest, c)
			continue
		}
		col, ok := spanColumns[c.Key]
		if !ok {
			return nil, nil, unknownKey(c.Key)
		}
		text, args, err := compare(col, false, c)
		if err != nil {
			return nil, nil, err
		}
		also.text, also.args = also.text+" AND "+text, append(also.args, args...)
	}
	if len(rest) == len(f) {
		return nil, rest, nil
	}
	also.text += ")"
	return also, rest, nil
}

// ofRun is met by traces that were made in a run, or are linked to it.
func ofRun(c registry.Condition) (string, []any, error) {
	made, args, err := compare("v.value", false, c)
	if err != nil {
		return "", nil, err
	}
	linked, more, err := compare("v.target", false, c)
	return "(EXISTS (SELECT 1 FROM trace_metadata v WHERE v.owner_id = t.id AND v.key = '" + registry.RunMetadata + "' AND " + made +
		") OR EXISTS (SELECT 1 FROM trace_links v WHERE v.trace_id = t.id AND v.kind = 'run' AND " + linked + "))", append(args, more...), err
}

func ofPrompt(c registry.Condition) (string, []any, error) {
	linked, args, err := compare("v.target", false, c)
	return "EXISTS (SELECT 1 FROM trace_links v WHERE v.trace_id = t.id AND v.kind = 'prompt' AND " + linked + ")", args, err
}

func ofIssue(c registry.Condition) (string, []any, error) {
	named, args, err := compare("v.name", false, c)
	return "EXISTS (SELECT 1 FROM assessments v WHERE v.trace_id = t.id AND v.kind = 'issue' AND " + named + ")", args, err
}

// assessedBy is met by traces with an assessment of a kind and name, or with
// another trace of their session that has one for all of the session.
func assessedBy(kind registry.AssessmentKind) func(registry.Condition) (string, []any, error) {
	return func(c registry.Condition) (string, []any, error) {
		meets, args := "v.kind = ? AND v.name = ? AND v.valid = TRUE", []any{kind, c.Key}
		if c.Op != registry.IsNull && c.Op != registry.IsNotNull {
			expr, number := "v.value", false
			if !isText(c.Value) {
				expr, number = "v.number", true
			}
			text, more, err := compare(expr, number, c)
			if err != nil {
				return "", nil, err
			}
			meets, args = meets+" AND "+text, append(args, more...)
		}
		text := "(EXISTS (SELECT 1 FROM assessments v WHERE v.trace_id = t.id AND " + meets + `) OR EXISTS (SELECT 1 FROM trace_metadata m
			JOIN trace_metadata n ON n.key = m.key AND n.value = m.value JOIN traces u ON u.id = n.owner_id AND u.experiment_id = t.experiment_id
			JOIN assessments v ON v.trace_id = u.id AND v.of_session = TRUE WHERE m.owner_id = t.id AND m.key = '` + registry.SessionMetadata + "' AND " + meets + "))"
		if c.Op == registry.IsNull {
			text = "NOT " + text
		}
		return text, slices.Concat(args, args), nil
	}
}

// isText reports whether a value is one, or some, of the texts.
func isText(v any) bool {
	switch v.(type) {
	case string, []string:
		return true
	}
	return false
}
