package mlflow

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func assessmentRoutes() []route {
	read, write := project(registry.ReadRuns), project(registry.WriteRuns)
	const all, one = "/mlflow/traces/{trace_id}/assessments", "/mlflow/traces/{trace_id}/assessments/{assessment_id}"
	return []route{
		v3("POST", all, write, createAssessment),
		v3("GET", one, read, getAssessment),
		v3("PATCH", one, write, updateAssessment),
		v3("DELETE", one, write, deleteAssessment),
	}
}

// sourceTypes are those of AssessmentSource in mlflow/protos/assessments.proto, by
// number; the first word of each is what is kept.
var sourceTypes = []string{"SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE"}

// sourceType is who assesses.
type sourceType string

// read takes the name or the number, and the older name of a judge.
func (s *sourceType) read(raw json.RawMessage) bool {
	t := strings.Trim(string(raw), `"`)
	if t == "AI_JUDGE" {
		t = "LLM_JUDGE"
	}
	if n, err := strconv.Atoi(t); err == nil && n >= 0 && n < len(sourceTypes) {
		t = sourceTypes[n]
	}
	*s = sourceType(t)
	return slices.Contains(sourceTypes, t)
}

type assessmentErrorJSON struct {
	Code    string `json:"error_code,omitempty" field:"error_code"`
	Message string `json:"error_message,omitempty" field:"error_message"`
	Stack   string `json:"stack_trace,omitempty" field:"stack_trace"`
}

type serializedJSON struct {
	Format string `json:"serialization_format" field:"serialization_format"`
	Value  string `json:"value" field:"value"`
}

// assessmentIn is an Assessment of mlflow/protos/assessments.proto. Which of the
// three values was sent decides on the kind.
type assessmentIn struct {
	ID     string `field:"assessment_id"`
	Name   string `field:"assessment_name"`
	Span   string `field:"span_id"`
	Source struct {
		Type sourceType `field:"source_type"`
		ID   string     `field:"source_id"`
	} `field:"source"`
	Created  moment3 `field:"create_time"`
	Updated  moment3 `field:"last_update_time"`
	Feedback *struct {
		Value json.RawMessage      `field:"value"`
		Error *assessmentErrorJSON `field:"error"`
	} `field:"feedback"`
	Expectation *struct {
		Value      json.RawMessage `field:"value"`
		Serialized *serializedJSON `field:"serialized_value"`
	} `field:"expectation"`
	Issue *struct {
		Name string `field:"issue_name"`
	} `field:"issue"`
	Rationale string `field:"rationale"`
	Metadata  texts  `field:"metadata"`
	Overrides string `field:"overrides"`
}

// value reads what an assessment says, and of what kind it is.
func (in assessmentIn) value() (registry.AssessmentKind, registry.AssessmentValue, error) {
	switch {
	case in.Feedback != nil:
		v, err := protoValue(in.Feedback.Value)
		if in.Feedback.Error != nil && err == nil {
			var raw []byte
			raw, err = json.Marshal(in.Feedback.Error)
			v.Error = string(raw)
		}
		return registry.FeedbackKind, v, err
	case in.Expectation != nil && in.Expectation.Serialized != nil:
		text := in.Expectation.Serialized.Value
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(text)); err != nil {
			return "", registry.AssessmentValue{}, invalid("The serialized_value of an expectation has to be JSON.")
		}
		return registry.ExpectationKind, registry.AssessmentValue{Value: pythonSpaced(compact.Bytes())}, nil
	case in.Expectation != nil:
		v, err := protoValue(in.Expectation.Value)
		return registry.ExpectationKind, v, err
	case in.Issue != nil:
		return registry.IssueKind, registry.AssessmentValue{Value: quotePython(in.Issue.Name, maxRune)}, nil
	}
	return "", registry.AssessmentValue{}, invalid("Unknown assessment type: None")
}

// protoValue reads a Value of google/protobuf/struct.proto, in which all numbers
// are floating, and writes it as json.dumps of Python does.
func protoValue(raw json.RawMessage) (registry.AssessmentValue, error) {
	if raw == nil {
		return registry.AssessmentValue{Value: "null"}, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return registry.AssessmentValue{}, badValue("value", raw)
	}
	out, err := json.Marshal(doubles(v))
	got := registry.AssessmentValue{Value: pythonSpaced(out)}
	if f, ok := v.(float64); ok {
		got.Number = &f
	}
	return got, err
}

// doubles makes all numbers in a value such that are written with a point.
func doubles(v any) any {
	switch v := v.(type) {
	case float64:
		return double(v)
	case []any:
		for i := range v {
			v[i] = doubles(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = doubles(v[k])
		}
	}
	return v
}

// domain reads an assessment.
func (in assessmentIn) domain() (registry.Assessment, error) {
	kind, value, err := in.value()
	source := string(in.Source.Type)
	if source == "" {
		source = sourceTypes[0]
	}
	return registry.Assessment{EID: in.ID, Kind: kind, Name: in.Name, Span: in.Span, SourceType: source, SourceID: in.Source.ID, AssessmentValue: value,
		Rationale: in.Rationale, Overrides: in.Overrides, Metadata: in.Metadata, OfSession: ofSession(in.Metadata), CreatedAt: in.Created.Time, UpdatedAt: in.Updated.Time}, err
}

// ofSession reports whether an assessment with some metadata is of a session
// (_get_session_scoped_trace_ids of mlflow/store/tracking/sqlalchemy_store.py).
func ofSession(metadata []registry.Tag) bool {
	return slices.ContainsFunc(metadata, func(t registry.Tag) bool { return t.Key == sessionKey })
}

type sourceJSON struct {
	Type string `json:"source_type"`
	ID   string `json:"source_id,omitempty"`
}

type feedbackJSON struct {
	Value json.RawMessage `json:"value"`
	Error json.RawMessage `json:"error,omitempty"`
}

type expectationJSON struct {
	Value      json.RawMessage `json:"value,omitempty"`
	Serialized *serializedJSON `json:"serialized_value,omitempty"`
}

type issueJSON struct {
	Name string `json:"issue_name"`
}

type assessmentJSON struct {
	ID          string            `json:"assessment_id"`
	Name        string            `json:"assessment_name"`
	TraceID     string            `json:"trace_id"`
	Span        string            `json:"span_id,omitempty"`
	Source      sourceJSON        `json:"source"`
	Created     string            `json:"create_time"`
	Updated     string            `json:"last_update_time"`
	Feedback    *feedbackJSON     `json:"feedback,omitempty"`
	Expectation *expectationJSON  `json:"expectation,omitempty"`
	Issue       *issueJSON        `json:"issue,omitempty"`
	Rationale   string            `json:"rationale,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Overrides   string            `json:"overrides,omitempty"`
	Valid       bool              `json:"valid"`
}

func assessmentWire(a registry.Assessment) assessmentJSON {
	out := assessmentJSON{ID: a.EID, Name: a.Name, TraceID: a.TraceEID, Span: a.Span, Source: sourceJSON{a.SourceType, a.SourceID}, Created: protoTime(a.CreatedAt),
		Updated: protoTime(a.UpdatedAt), Rationale: a.Rationale, Metadata: map[string]string{}, Overrides: a.Overrides, Valid: a.Valid}
	for _, m := range a.Metadata {
		out.Metadata[m.Key] = m.Value
	}
	value := json.RawMessage(a.Value)
	switch a.Kind {
	case registry.FeedbackKind:
		out.Feedback = &feedbackJSON{Value: value, Error: json.RawMessage(a.Error)}
	case registry.ExpectationKind:
		out.Expectation = &expectationJSON{Value: value}
		if strings.HasPrefix(a.Value, "[") || strings.HasPrefix(a.Value, "{") {
			out.Expectation = &expectationJSON{Serialized: &serializedJSON{"JSON_FORMAT", a.Value}}
		}
	case registry.IssueKind:
		var name string
		if json.Unmarshal(value, &name) == nil {
			out.Issue = &issueJSON{name}
		}
	}
	return out
}

type assessmentAnswer struct {
	Assessment assessmentJSON `json:"assessment"`
}

// assessed answers with an assessment of a trace.
func assessed(c *call, a registry.Assessment, err error) (assessmentAnswer, error) {
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "assessment" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "Assessment with ID '" + e.Name + "' not found for trace '" + c.r.PathValue("trace_id") + "'"}
	}
	return assessmentAnswer{assessmentWire(a)}, err
}

type newAssessment struct {
	Assessment *assessmentIn `field:"assessment" check:"required"`
}

func createAssessment(c *call, in newAssessment) (assessmentAnswer, error) {
	a, err := in.Assessment.domain()
	if err != nil {
		return assessmentAnswer{}, err
	}
	made, err := c.s.Assess(c.ctx(), c.ref, c.r.PathValue("trace_id"), a)
	return assessed(c, made, err)
}

func getAssessment(c *call, _ none) (assessmentAnswer, error) {
	a, err := c.s.Assessment(c.ctx(), c.ref, c.r.PathValue("trace_id"), c.r.PathValue("assessment_id"))
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "trace" {
		err = &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "Trace with request_id '" + e.Name + "' not found"}
	}
	return assessed(c, a, err)
}

type assessmentUpdate struct {
	Assessment *assessmentIn `field:"assessment" check:"required"`
	Mask       string        `field:"update_mask" check:"required"`
}

// change reads which parts of an assessment become what.
func (in assessmentUpdate) change() (registry.AssessmentChange, error) {
	var c registry.AssessmentChange
	for _, path := range strings.Split(in.Mask, ",") {
		switch path = strings.TrimSpace(path); path {
		case "assessment_name", "assessmentName":
			c.Name = &in.Assessment.Name
		case "rationale":
			c.Rationale = &in.Assessment.Rationale
		case "metadata":
			c.Metadata, c.OfSession = in.Assessment.Metadata, ofSession(in.Assessment.Metadata)
		case "feedback", "expectation":
			kind, value, err := in.Assessment.value()
			if err != nil {
				return c, err
			}
			if string(kind) != path || c.Value != nil {
				return c, invalid("The update_mask names " + path + ", which the assessment does not have, or two values.")
			}
			c.Kind, c.Value = kind, &value
		default:
			return c, invalid("The update_mask names '" + cutTo(path, maxQuoted) + "', which cannot be changed.")
		}
	}
	return c, nil
}

func updateAssessment(c *call, in assessmentUpdate) (assessmentAnswer, error) {
	change, err := in.change()
	if err != nil {
		return assessmentAnswer{}, err
	}
	a, err := c.s.ChangeAssessment(c.ctx(), c.ref, c.r.PathValue("trace_id"), c.r.PathValue("assessment_id"), change)
	if e, ok := fault.As(err); ok && e.Kind == fault.Invalid && e.Noun == "assessment" {
		has := strings.ToUpper(e.Name[:1]) + e.Name[1:]
		article := map[bool]string{true: "an ", false: "a "}[e.Name != string(registry.FeedbackKind)]
		err = invalid("Cannot update " + e.Field + " value on " + article + has + " assessment.")
	}
	return assessed(c, a, err)
}

func deleteAssessment(c *call, _ none) (none, error) {
	return none{}, c.s.DeleteAssessment(c.ctx(), c.ref, c.r.PathValue("trace_id"), c.r.PathValue("assessment_id"))
}
