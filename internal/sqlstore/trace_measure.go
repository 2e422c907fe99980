package sqlstore

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// measurable is one kind of rows that can be measured.
type measurable struct {
	from       string
	experiment string            // the column
	ms         string            // when a row began
	values     map[string]string // what is measured
	amounts    string            // joins the amount of a key, as m
	own        map[string]string // columns that groups and filters name
	always     string            // bounds the rows
}

var measurables = map[registry.Rows]measurable{
	registry.RowsOfTraces: {from: "traces t", experiment: "t.experiment_id", ms: "t.at / 1000", own: map[string]string{"state": "t.state"},
		values:  map[string]string{registry.MeasureCount: "1", registry.MeasureDuration: "nullif(t.duration, -1)", registry.MeasureSessions: "x.value"},
		amounts: " JOIN trace_amounts m ON m.trace_id = t.id AND m.key = ?"},
	registry.RowsOfSpans: {from: "traces t JOIN trace_spans s ON s.trace_id = t.id", experiment: "t.experiment_id", ms: "s.began / 1000000",
		own: map[string]string{"name": "s.name", "kind": "nullif(s.kind, '')", "status": "s.status", "model": "nullif(s.model, '')", "provider": "nullif(s.provider, '')"},
		values: map[string]string{registry.MeasureCount: "1",
			registry.MeasureDuration: "CASE WHEN s.ended > 0 THEN (s.ended - s.began) / 1000000 END"},
		amounts: " JOIN span_amounts m ON m.trace_id = s.trace_id AND m.span = s.eid AND m.key = ?"},
	registry.RowsOfAssessments: {from: "traces t JOIN assessments s ON s.trace_id = t.id", experiment: "t.experiment_id", ms: "t.at / 1000", always: "s.valid = TRUE",
		own: map[string]string{"name": "s.name", "kind": "s.kind", "value": "s.value"},
		values: map[string]string{registry.MeasureCount: "1", registry.MeasureValue: `CASE WHEN s.number IS NOT NULL THEN s.number WHEN s.value = 'true' THEN 1.0
			WHEN s.value = 'false' THEN 0.0 WHEN s.value NOT LIKE '"%' THEN NULL WHEN lower(trim(s.value, '" ')) = 'yes' THEN 1.0 WHEN lower(trim(s.value, '" ')) = 'no' THEN 0.0 END`}},
}

// measure is a Measure on its way to SQL.
type measure struct {
	listing
	columns []string // the groups, d0 and so on
}

func (t *tx) MeasureTraces(ctx context.Context, experiments []int64, q registry.Measure) ([]registry.Measured, error) {
	if len(experiments) == 0 {
		experiments = []int64{0} // nothing is there, and is counted
	}
	m := &measure{}
	rows, err := m.rows(experiments, q)
	if err != nil {
		return nil, err
	}
	text := m.aggregated(rows, q)
	var out []registry.Measured
	err = t.rows(ctx, text, m.args, func(s scanner) error {
		one, err := scanMeasured(s, q)
		out = append(out, one)
		return err
	})
	return out, err
}

// rows selects the groups and the value, v, of every row.
func (m *measure) rows(experiments []int64, q registry.Measure) (string, error) {
	k, ok := measurables[q.Rows]
	if !ok {
		return "", unknownKey(string(q.Rows))
	}
	value, at, unit := k.values[q.What], "t.at", int64(1000)
	switch {
	case value != "":
	case k.amounts == "" || !registry.IsAmount(q.What):
		return "", unknownKey(q.What)
	case q.Rows == registry.RowsOfSpans:
		value, at, unit = "m.value", "m.began", 1_000_000
		k.experiment, k.from = "m.experiment_id", k.from+m.bind(k.amounts, q.What)
	default:
		value, k.from = "m.value", k.from+m.bind(k.amounts, q.What)
	}
	if q.What == registry.MeasureSessions {
		k.from += m.bind(" JOIN trace_metadata x ON x.owner_id = t.id AND x.key = ?", registry.SessionMetadata)
	}
	groups := make([]string, 0, len(q.Groups)+1)
	if every := q.Every.Milliseconds(); every > 0 {
		// Rounded down, before 1970 too.
		groups = append(groups, m.bind(k.ms+" - (("+k.ms+") % ? + ?) % ?", every, every, every))
	}
	for i, g := range q.Groups {
		expr, join, err := m.group(k, g, "g"+strconv.Itoa(i))
		if err != nil {
			return "", err
		}
		k.from += join
		groups = append(groups, expr)
		m.and(expr + " IS NOT NULL")
	}
	selected := ""
	for i, g := range groups {
		m.columns = append(m.columns, "d"+strconv.Itoa(i))
		selected += g + " AS " + m.columns[i] + ", "
	}
	m.all([]condition{within(k.experiment, experiments)})
	m.and("(" + value + ") IS NOT NULL")
	if k.always != "" {
		m.and(k.always)
	}
	m.between(at, unit, q)
	if err := m.meets(k, q); err != nil {
		return "", err
	}
	return "SELECT " + selected + value + " AS v FROM " + k.from + m.condition(), nil
}

// group gives the text of what rows have in common, and the join that it needs.
func (m *measure) group(k measurable, g registry.Sort, alias string) (expr, join string, err error) {
	switch g.Subject {
	case registry.OfRow:
		if expr = k.own[g.Key]; expr == "" {
			return "", "", unknownKey(g.Key)
		}
		return expr, "", nil
	case registry.OfTag:
		join = "trace_tags"
	case registry.OfParam:
		join = "trace_metadata"
	default:
		return "", "", unknownKey(g.Key)
	}
	return alias + ".value", m.bind(" JOIN "+join+" "+alias+" ON "+alias+".owner_id = t.id AND "+alias+".key = ?", g.Key), nil
}

// between bounds a time, in so many parts of a millisecond.
func (m *measure) between(at string, unit int64, q registry.Measure) {
	if q.Since != nil {
		m.and(at+" >= ?", max(min(*q.Since, math.MaxInt64/unit), math.MinInt64/unit)*unit)
	}
	if q.Until != nil {
		m.and(at+" < ?", (max(min(*q.Until, math.MaxInt64/unit-1), math.MinInt64/unit)+1)*unit)
	}
}

// meets adds the filters.
func (m *measure) meets(k measurable, q registry.Measure) error {
	if err := m.tracesMeet(q.Traces); err != nil {
		return err
	}
	for _, c := range q.Own {
		col := k.own[c.Key]
		if c.Subject != registry.OfRow || col == "" {
			return unknownKey(c.Key)
		}
		text, args, err := compare(col, false, c)
		if err != nil {
			return err
		}
		m.and(text, args...)
	}
	return nil
}

// aggregated aggregates the rows.
func (m *measure) aggregated(rows string, q registry.Measure) string {
	by := strings.Join(m.columns, ", ")
	from := rows
	if slices.ContainsFunc(q.Aggregations, func(a registry.Aggregation) bool { return a.Aggregate == registry.Percentile }) {
		part := ""
		if by != "" {
			part = "PARTITION BY " + by
		}
		from = "SELECT r.*, row_number() OVER (" + part + " ORDER BY v) - 1 AS i, count(*) OVER (" + part + ") - 1 AS last FROM (" + rows + ") r"
	}
	selected := slices.Clone(m.columns)
	for _, a := range q.Aggregations {
		selected = append(selected, m.aggregate(a, q.What == registry.MeasureSessions))
	}
	text := "SELECT " + strings.Join(selected, ", ") + " FROM (" + from + ") q"
	if by != "" {
		text += " GROUP BY " + by + " ORDER BY " + by
	}
	return text + m.bind(" LIMIT ?", q.Limit)
}

var aggregates = map[registry.Aggregate]string{registry.Count: "count(v)", registry.Sum: "sum(v)", registry.Average: "avg(v)",
	registry.Least: "min(v)", registry.Most: "max(v)"}

// aggregate is the text of one aggregate. A percentile is three: the value below
// the place, the one above it, and the last place that there is.
func (m *measure) aggregate(a registry.Aggregation, distinct bool) string {
	switch {
	case a.Aggregate == registry.Percentile:
		share := a.At / 100
		return m.bind("max(CASE WHEN i <= ? * last THEN v END), min(CASE WHEN i > ? * last THEN v END), max(last)", share, share)
	case distinct && a.Aggregate == registry.Count:
		return "count(DISTINCT v)"
	}
	return aggregates[a.Aggregate]
}

func scanMeasured(s scanner, q registry.Measure) (registry.Measured, error) {
	out := registry.Measured{Groups: make([]string, len(q.Groups)), Values: make([]*float64, len(q.Aggregations))}
	var dest []any
	if q.Every > 0 {
		dest = append(dest, &out.Began)
	}
	for i := range out.Groups {
		dest = append(dest, &out.Groups[i])
	}
	numbers := make([]sql.NullFloat64, 3*len(q.Aggregations))
	for i, a := range q.Aggregations {
		n := numbers[3*i : 3*i+3]
		dest = append(dest, &n[0])
		if a.Aggregate == registry.Percentile {
			dest = append(dest, &n[1], &n[2])
		}
	}
	if err := s.Scan(dest...); err != nil {
		return out, err
	}
	for i, a := range q.Aggregations {
		n := numbers[3*i : 3*i+3]
		if !n[0].Valid {
			continue
		}
		v := n[0].Float64
		if place := a.At / 100 * n[2].Float64; n[1].Valid {
			v += (place - math.Floor(place)) * (n[1].Float64 - v)
		}
		out.Values[i] = &v
	}
	return out, nil
}
