package registry

import (
	"context"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Assessment is what a person, a judge or a piece of code thinks of a trace.
type Assessment struct {
	ID         int64
	EID        string // "a-" and 32 hexadecimal digits, unless the client chose it
	TraceID    int64
	TraceEID   string
	Kind       AssessmentKind
	Name       string
	Span       string // eid of the span that is meant; empty: all of the trace
	SourceType string
	SourceID   string
	AssessmentValue
	Rationale string
	Overrides string // eid of the assessment that this one replaces
	Valid     bool   // not replaced
	OfSession bool   // is of all traces of the trace's session
	Metadata  []Tag
	CreatedAt time.Time // to the millisecond
	UpdatedAt time.Time
}

// AssessmentValue is what an assessment says.
type AssessmentValue struct {
	Value  string   // in the form of the dialect
	Number *float64 // the value, if it is a number
	Error  string   // why there is no value, in the form of the dialect; empty: there is one
}

// AssessmentKind tells feedback from what was expected.
type AssessmentKind string

// The kinds of assessments.
const (
	FeedbackKind    AssessmentKind = "feedback"
	ExpectationKind AssessmentKind = "expectation"
	IssueKind       AssessmentKind = "issue"
)

// Limits of assessments.
const (
	maxAssessmentName  = 500 // characters
	maxAssessmentText  = 1 << 20
	maxAssessmentTags  = 100
	maxAssessmentsOf   = 1000 // of one trace
	assessmentNoun     = "assessment"
	assessmentIDPrefix = "a-"
)

func (a Assessment) check() error {
	if !slices.Contains([]AssessmentKind{FeedbackKind, ExpectationKind, IssueKind}, a.Kind) {
		return fault.Invalidf("kind", "does not have a valid value")
	}
	for _, l := range []struct {
		field, text string
		most        int
	}{{"assessment_id", a.EID, maxTraceID}, {"assessment_name", a.Name, maxAssessmentName}, {"span_id", a.Span, maxSpanID}, {"source_type", a.SourceType, maxTraceID},
		{"source_id", a.SourceID, maxAssessmentName}, {"value", a.Value, maxAssessmentText}, {"error", a.Error, maxAssessmentText},
		{"rationale", a.Rationale, maxAssessmentText}, {"overrides", a.Overrides, maxTraceID}} {
		if err := checkLength(l.field, l.text, l.most); err != nil {
			return err
		}
	}
	if len(a.Metadata) > maxAssessmentTags {
		return fault.Invalidf("metadata", "has too many entries (maximum is %d)", maxAssessmentTags)
	}
	return checkTags(a.Metadata)
}

// Assess adds an assessment to a trace. One that it overrides is not valid any
// more.
func (s Session) Assess(ctx context.Context, ref ProjectRef, trace string, a Assessment) (Assessment, error) {
	return update(ctx, s, func(tx Tx) (Assessment, error) {
		t, err := s.traceToChange(ctx, tx, ref, trace)
		if err != nil {
			return Assessment{}, err
		}
		a := a
		a.EID = "" // the server's to choose
		if err := s.assess(ctx, tx, t, []Assessment{a}); err != nil {
			return Assessment{}, err
		}
		all, err := assessmentsOf(ctx, tx, []int64{t.ID})
		return all[t.ID][len(all[t.ID])-1], err
	})
}

// assess adds assessments to a trace, or writes those that are there by their
// ids.
func (s Session) assess(ctx context.Context, tx Tx, t Trace, as []Assessment) error {
	if len(as) == 0 {
		return nil
	}
	there, err := tx.AssessmentsOf(ctx, []int64{t.ID})
	if err != nil {
		return err
	}
	if len(there[t.ID])+len(as) > maxAssessmentsOf {
		return fault.Invalidf("assessments", "has too many entries for one trace (maximum is %d)", maxAssessmentsOf)
	}
	for _, a := range as {
		if err := a.check(); err != nil {
			return err
		}
		a = a.complete(t, s.now())
		if a.Overrides != "" {
			if err := setValid(ctx, tx, t, a.Overrides, false); err != nil {
				return err
			}
		}
		if a.ID, err = tx.PutAssessment(ctx, a); err != nil {
			return err
		}
		if err := tx.SetTags(ctx, AssessmentTags, a.ID, a.Metadata); err != nil {
			return err
		}
	}
	return nil
}

// complete gives an assessment of a trace with what the client has left out.
func (a Assessment) complete(t Trace, now time.Time) Assessment {
	a.TraceID, a.Valid = t.ID, true
	if a.EID == "" {
		a.EID = assessmentIDPrefix + newEID()
	}
	for _, at := range []*time.Time{&a.CreatedAt, &a.UpdatedAt} {
		if at.IsZero() {
			*at = now
		}
		*at = at.UTC().Truncate(time.Millisecond)
	}
	return a
}

// setValid changes whether an assessment of a trace counts.
func setValid(ctx context.Context, tx Tx, t Trace, eid string, valid bool) error {
	a, err := tx.AssessmentByEID(ctx, t.ID, eid)
	if err != nil {
		return err
	}
	a.Valid = valid
	_, err = tx.PutAssessment(ctx, a)
	return err
}

// assessmentsOf gives the assessments of traces with their metadata, in the order
// of their coming.
func assessmentsOf(ctx context.Context, tx Tx, traceIDs []int64) (map[int64][]Assessment, error) {
	all, err := tx.AssessmentsOf(ctx, traceIDs)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, as := range all {
		for _, a := range as {
			ids = append(ids, a.ID)
		}
	}
	metadata, err := tx.TagsOf(ctx, AssessmentTags, ids)
	for _, as := range all {
		for i := range as {
			as[i].Metadata = metadata[as[i].ID]
		}
	}
	return all, err
}

// Assessment gives one assessment of a trace.
func (s Session) Assessment(ctx context.Context, ref ProjectRef, trace, eid string) (Assessment, error) {
	return view(ctx, s, func(tx Tx) (Assessment, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return Assessment{}, err
		}
		t, err := tx.TraceByEID(ctx, p.ID, trace)
		if err != nil {
			return Assessment{}, err
		}
		return wholeAssessment(ctx, tx, t, eid)
	})
}

func wholeAssessment(ctx context.Context, tx Tx, t Trace, eid string) (Assessment, error) {
	a, err := tx.AssessmentByEID(ctx, t.ID, eid)
	if err != nil {
		return a, err
	}
	metadata, err := tx.TagsOf(ctx, AssessmentTags, []int64{a.ID})
	a.Metadata = metadata[a.ID]
	return a, err
}

// AssessmentChange is what becomes of an assessment; nil leaves a thing.
type AssessmentChange struct {
	Kind      AssessmentKind // of Value: it has to be the assessment's own
	Value     *AssessmentValue
	Name      *string
	Rationale *string
	Metadata  []Tag // is added to what is there
	OfSession bool  // becomes one
}

// ChangeAssessment changes an assessment of a trace. A value of another kind is
// fault.Invalid.
func (s Session) ChangeAssessment(ctx context.Context, ref ProjectRef, trace, eid string, c AssessmentChange) (Assessment, error) {
	return update(ctx, s, func(tx Tx) (Assessment, error) {
		t, err := s.traceToChange(ctx, tx, ref, trace)
		if err != nil {
			return Assessment{}, err
		}
		a, err := wholeAssessment(ctx, tx, t, eid)
		if err != nil {
			return a, err
		}
		if c.Value != nil && c.Kind != a.Kind {
			return a, &fault.Error{Kind: fault.Invalid, Noun: assessmentNoun, Name: string(a.Kind), Field: string(c.Kind), Msg: "is not what this assessment has"}
		}
		a = c.onto(a)
		a.UpdatedAt = s.now().UTC().Truncate(time.Millisecond)
		if err := a.check(); err != nil {
			return a, err
		}
		if _, err := tx.PutAssessment(ctx, a); err != nil {
			return a, err
		}
		if err := tx.SetTags(ctx, AssessmentTags, a.ID, c.Metadata); err != nil {
			return a, err
		}
		return wholeAssessment(ctx, tx, t, eid)
	})
}

func (c AssessmentChange) onto(a Assessment) Assessment {
	if c.Value != nil {
		a.AssessmentValue = *c.Value
	}
	if c.Name != nil {
		a.Name = *c.Name
	}
	if c.Rationale != nil {
		a.Rationale = *c.Rationale
	}
	a.OfSession = a.OfSession || c.OfSession
	for _, m := range c.Metadata {
		a.Metadata = slices.DeleteFunc(slices.Clone(a.Metadata), func(has Tag) bool { return has.Key == m.Key })
		a.Metadata = append(a.Metadata, m)
	}
	return a
}

// DeleteAssessment removes an assessment; the one that it has overridden counts
// again. What is not there is gone.
func (s Session) DeleteAssessment(ctx context.Context, ref ProjectRef, trace, eid string) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		p, err := s.project(ctx, tx, ref, WriteRuns)
		if err != nil {
			return err
		}
		t, err := tx.TraceByEID(ctx, p.ID, trace)
		if err != nil {
			return ifThere(err)
		}
		a, err := tx.AssessmentByEID(ctx, t.ID, eid)
		if err != nil {
			return ifThere(err)
		}
		if a.Overrides != "" {
			if err := ifThere(setValid(ctx, tx, t, a.Overrides, true)); err != nil {
				return err
			}
		}
		return tx.DeleteAssessment(ctx, a.ID)
	})
}

// ifThere forgives that a thing is not there.
func ifThere(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
