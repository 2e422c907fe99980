package registry

import (
	"context"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Rows are what a Measure goes through.
type Rows string

// What there is to measure.
const (
	RowsOfTraces      Rows = "traces"
	RowsOfSpans       Rows = "spans"
	RowsOfAssessments Rows = "assessments" // those that count
)

// What is measured of rows, besides amounts, which traces and spans have.
const (
	MeasureCount    = "count"
	MeasureDuration = "duration" // milliseconds, of traces and spans
	MeasureSessions = "sessions" // of traces: each once
	MeasureValue    = "value"    // of assessments: a number; yes and true are 1, no and false 0
)

// Aggregate makes one number of those of many rows.
type Aggregate string

// The aggregates.
const (
	Count      Aggregate = "count"
	Sum        Aggregate = "sum"
	Average    Aggregate = "average"
	Least      Aggregate = "least"
	Most       Aggregate = "most"
	Percentile Aggregate = "percentile" // between two values in proportion
)

// Aggregation is an aggregate, of a percentile the one At 0 to 100.
type Aggregation struct {
	Aggregate
	At float64
}

// Measure asks for numbers of the rows of some experiments, by groups.
type Measure struct {
	Rows Rows
	What string
	// Groups are what rows have in common: OfRow name, state (of traces), kind,
	// status, model, provider (of spans), value (of assessments), and OfTag, OfParam
	// of traces. Rows without are left out.
	Groups []Sort
	Every  time.Duration // also by the time at which they began; 0: not
	// Since and Until bound when the traces of rows began, or for amounts of spans
	// the spans; milliseconds since 1970, both included.
	Since, Until *int64
	Traces       Filter // on the traces of the rows
	Own          Filter // on the rows: OfRow name, kind, status
	Aggregations []Aggregation
	Limit        int // of the groups
}

// Measured is the answer for one group.
type Measured struct {
	Began  int64 // ms since 1970, where the time has begun that Every says
	Groups []string
	Values []*float64 // nil where there is nothing to aggregate
}

// Limits of a Measure.
const (
	maxAggregations = 50
	maxGroups       = 10
	// MaxMeasured bounds the groups of one answer.
	MaxMeasured = 10_000
)

// MeasuredExperiments is a Measure of some experiments of a project.
type MeasuredExperiments struct {
	Measure
	Experiments []ExperimentRef // those that there are not are left out
}

// MeasureTraces gives numbers of traces, their spans or their assessments,
// ordered by time and groups.
func (s Session) MeasureTraces(ctx context.Context, ref ProjectRef, q MeasuredExperiments) ([]Measured, error) {
	return view(ctx, s, func(tx Tx) ([]Measured, error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return nil, err
		}
		if err := q.check(); err != nil {
			return nil, err
		}
		ids, err := experimentIDs(ctx, tx, p, q.Experiments)
		if err != nil {
			return nil, err
		}
		return tx.MeasureTraces(ctx, ids, q.Measure)
	})
}

func (q Measure) check() error {
	switch {
	case len(q.Aggregations) > maxAggregations:
		return fault.Invalidf("aggregations", "has too many entries (maximum is %d)", maxAggregations)
	case len(q.Groups) > maxGroups:
		return fault.Invalidf("dimensions", "has too many entries (maximum is %d)", maxGroups)
	case q.Limit < 0 || q.Limit > MaxMeasured:
		return fault.Invalidf("max_results", "has to be from 0 to %d", MaxMeasured)
	case q.Every < 0 || q.Every%time.Second != 0:
		return fault.Invalidf("time_interval_seconds", "has to be positive")
	}
	return Search{Filter: slices.Concat(q.Traces, q.Own)}.check()
}
