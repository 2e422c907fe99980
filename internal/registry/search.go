package registry

import (
	"regexp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Subject tells what a condition or an order looks at.
type Subject uint8

// The subjects. A metric is meant with its latest value.
const (
	OfRow         Subject = iota // an attribute of the row itself
	OfMetric                     // of runs
	OfParam                      // of runs
	OfTag                        // metadata
	OfDataset                    // of runs: name, digest or context of any input
	OfSpan                       // of traces: name, kind, status or content; one span meets all conditions
	OfRun                        // of traces: the run that they were made in or linked to
	OfPrompt                     // of traces: a version of a prompt that they are linked to
	OfFeedback                   // of traces: by its name, text or number, of the trace or its session
	OfExpectation                // of traces: as OfFeedback
	OfIssue                      // of traces: its name
)

// Op is how a condition compares.
type Op string

// The comparisons. Like and ILike, which is without case, take % for any text
// and _ for any character, and nothing to escape them. Match takes a regular
// expression (RE2) for a part of the text.
const (
	Equal     Op = "="
	NotEqual  Op = "!="
	Greater   Op = ">"
	AtLeast   Op = ">="
	Less      Op = "<"
	AtMost    Op = "<="
	Like      Op = "LIKE"
	ILike     Op = "ILIKE"
	Match     Op = "RLIKE"
	In        Op = "IN"
	NotIn     Op = "NOT IN"
	IsNull    Op = "IS NULL"
	IsNotNull Op = "IS NOT NULL"
)

// Condition compares one value of a row. A row that has no such value meets no
// condition but IsNull; a metric that is not a number meets NotEqual only.
type Condition struct {
	Subject Subject
	Key     string
	Op      Op
	// Value is a string, float64 or int64, for In and NotIn a []string or
	// []int64; nil for IsNull and IsNotNull. Times are milliseconds since 1970.
	Value any
}

// Filter is what rows have to meet: all of its conditions.
type Filter []Condition

// Sort is one key of an order. Rows without the value come last, those whose
// metric is not a number before them, whatever the direction.
type Sort struct {
	Subject Subject
	Key     string
	Desc    bool
	Data    DatasetRef // of logged models' metrics: the latest with such a data set
}

// Stage tells which rows of those that can be deleted and restored are meant.
type Stage uint8

// The stages.
const (
	Active Stage = iota
	Deleted
	AnyStage
)

// Search asks for rows by a filter, in an order. Rows that are equal in all
// keys come in the order that their kind has without keys.
type Search struct {
	Filter Filter
	Order  []Sort
	Stage  Stage
	Limit  int
	After  Mark // continue behind this row
}

// ShelfSearch is a Search for models or versions of a project.
type ShelfSearch struct {
	Search
	NoPrompts bool // without the prompts, which are kept as models
}

// Mark is a place in the answer of one search: what the store has to know to
// go on. The zero Mark is the beginning.
type Mark struct {
	Keys []any // string, float64 and int64
}

// Found is one part of a search's answer.
type Found[T any] struct {
	Items []T
	Next  Mark // zero at the end
}

// Limits of searches.
const (
	maxConditions = 100
	maxSorts      = 20
	maxPattern    = 1000 // bytes of a regular expression
	// MaxFound is the most that one search gives.
	MaxFound = 50_000
)

// check bounds what a search may ask.
func (q Search) check() error {
	if len(q.Filter) > maxConditions {
		return fault.Invalidf("filter", "has too many conditions (maximum is %d)", maxConditions)
	}
	if len(q.Order) > maxSorts {
		return fault.Invalidf("order_by", "has too many keys (maximum is %d)", maxSorts)
	}
	for _, c := range q.Filter {
		if s, ok := c.Value.(string); ok && c.Op == Match {
			if _, err := regexp.Compile(s); err != nil || len(s) > maxPattern {
				return fault.Invalidf("filter", "has a regular expression that is none, or too long: %q", s[:min(len(s), maxPattern)])
			}
		}
		if l, ok := c.Value.([]string); ok && len(l) > MaxLimit {
			return fault.Invalidf("filter", "has a list that is too long (maximum is %d)", MaxLimit)
		}
	}
	return nil
}
