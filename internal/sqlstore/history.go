package sqlstore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var metricID = stmt(`SELECT id FROM metrics WHERE run_id = $1 AND key = $2`)

// MetricHistory pages by step, and by the time in microseconds within a step:
// the cursor's key is the step, its id the time.
func (t *tx) MetricHistory(ctx context.Context, runID int64, key string, p registry.Page) (registry.List[registry.Metric], error) {
	var id int64
	err := t.row(ctx, metricID, []any{runID, key}, &id)
	if err != nil {
		return registry.List[registry.Metric]{Items: []registry.Metric{}}, ignoreNone(err)
	}
	l := &listing{cols: "p.value, p.nan, p.step, p.at", from: "metric_points p", id: "p.at",
		initial: registry.Order{By: "step"}, orders: map[string]column{"step": {"p.step", true}}}
	l.and("p.metric_id = ?", id)
	return fetch(ctx, t, l, registry.Order{}, p, func(s scanner, m *registry.Metric, extra ...any) error {
		m.Key = key
		return scanValue(s, m, extra...)
	})
}

// pointCols are what scanValue reads.
const pointCols = "p.value, p.nan, p.step, p.at"

func scanValue(s scanner, m *registry.Metric, extra ...any) error {
	var nan bool
	err := s.Scan(append([]any{&m.Value, &nan, &m.Step, instant{&m.At}}, extra...)...)
	m.Value = restored(m.Value, nan)
	return err
}

var (
	metricShape = stmt(`SELECT id, points, ordered FROM metrics WHERE run_id = $1 AND key = $2`)
	rankOf      = stmt(`SELECT n FROM metric_points WHERE metric_id = $1 AND step = $2 AND at = $3 AND value = $4 AND nan = $5`)
	byRank      = stmt(`SELECT ` + pointCols + ` FROM metric_points p WHERE p.metric_id = $1 AND p.n > $2 ORDER BY p.n LIMIT $3`)
	byTime      = stmt(`SELECT ` + pointCols + ` FROM metric_points p WHERE p.metric_id = $1 AND (p.at, p.step, p.value, p.nan) > ($2, $3, $4, $5)
		ORDER BY p.at, p.step, p.value, p.nan LIMIT $6`)
)

// MetricPoints goes by rank while the points have come in order; else the
// engine has to look at all of them for each part.
func (t *tx) MetricPoints(ctx context.Context, runID int64, key string, after registry.Mark, limit int) (registry.Found[registry.Metric], error) {
	out := registry.Found[registry.Metric]{}
	from, err := pointMark(after)
	if err != nil {
		return out, err
	}
	var r metricRow
	if err := t.row(ctx, metricShape, []any{runID, key}, &r.id, &r.points, &r.ordered); err != nil {
		return out, ignoreNone(err)
	}
	q, args := byTime, []any{r.id, from.at, from.step, from.value, from.nan, limit + 1}
	if r.ordered {
		var n int64
		if err := t.row(ctx, rankOf, []any{r.id, from.step, from.at, from.value, from.nan}, &n); err != nil && !errors.Is(err, errNone) {
			return out, err
		}
		q, args = byRank, []any{r.id, n, limit + 1}
	}
	err = t.rows(ctx, string(q), args, func(s scanner) error {
		m := registry.Metric{Key: key}
		if err := scanValue(s, &m); err != nil {
			return err
		}
		if len(out.Items) == limit {
			last := pointOf(out.Items[limit-1])
			out.Next = registry.Mark{Keys: []any{last.at, last.step, last.value, int64(number(last.nan))}}
			return nil
		}
		out.Items = append(out.Items, m)
		return nil
	})
	return out, err
}

// pointMark reads where a history goes on; the zero mark is before all points.
func pointMark(m registry.Mark) (point, error) {
	if len(m.Keys) == 0 {
		return point{step: -1 << 63, at: -1 << 63, value: -1}, nil
	}
	var p point
	var nan int64
	ok := len(m.Keys) == 4
	if ok {
		var a, b, c, d bool
		p.at, a = m.Keys[0].(int64)
		p.step, b = m.Keys[1].(int64)
		p.value, c = m.Keys[2].(float64)
		nan, d = m.Keys[3].(int64)
		p.nan, ok = nan > 0, a && b && c && d
	}
	if !ok {
		return p, &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "page_token", Msg: "does not belong to this history"}
	}
	return p, nil
}

// span is a stretch of the points of one metric, by rank.
type span struct {
	run, metric     int64
	ordered         bool
	first, last     int64 // ranks, when ordered
	points, samples int64
}

// spans finds the stretches of the metrics of one name of several runs.
func (t *tx) spans(ctx context.Context, runs []int64, key string, steps *registry.Steps) ([]span, error) {
	args := append([]any{key}, anys(runs)...)
	first, last := "1", "k.points"
	if steps != nil {
		args = append(args, steps.First, steps.Last)
		n := len(args)
		first = "coalesce((SELECT p.n FROM metric_points p WHERE p.metric_id = k.id AND p.step >= $" + strconv.Itoa(n-1) +
			" ORDER BY p.step, p.at, p.value, p.nan LIMIT 1), k.points + 1)"
		last = "coalesce((SELECT p.n FROM metric_points p WHERE p.metric_id = k.id AND p.step <= $" + strconv.Itoa(n) +
			" ORDER BY p.step DESC, p.at DESC, p.value DESC, p.nan DESC LIMIT 1), 0)"
	}
	var out []span
	text := "SELECT k.run_id, k.id, k.ordered, k.points, " + first + ", " + last + " FROM metrics k WHERE k.key = $1 AND k.run_id IN (" +
		placeholders(2, len(runs)) + ")"
	err := t.rows(ctx, text, args, func(s scanner) error {
		var v span
		err := s.Scan(&v.run, &v.metric, &v.ordered, &v.points, &v.first, &v.last)
		out = append(out, v)
		return err
	})
	return out, err
}

// MetricSamples gives an even part of each history. Where the points have come
// in order it reads no more than it gives.
func (t *tx) MetricSamples(ctx context.Context, runs []int64, key string, steps *registry.Steps, most int) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	if len(runs) == 0 {
		return out, nil
	}
	all, err := t.spans(ctx, runs, key, steps)
	if err != nil {
		return nil, err
	}
	var ranked, mixed []span
	for _, v := range all {
		v.samples = min(int64(most), v.last-v.first+1)
		switch {
		case !v.ordered:
			mixed = append(mixed, v)
		case v.samples > 0:
			ranked = append(ranked, v)
		}
	}
	if err := t.sampleRanked(ctx, ranked, key, out); err != nil {
		return nil, err
	}
	return out, t.sampleMixed(ctx, mixed, key, steps, most, out)
}

// sampleRanked takes the first point of each of the evenly sized buckets, as
// NTILE makes them, but the last point of all instead of the last one's first.
func (t *tx) sampleRanked(ctx context.Context, spans []span, key string, out map[int64][]registry.Metric) error {
	if len(spans) == 0 {
		return nil
	}
	var most int64
	var b strings.Builder
	var args []any
	for i, v := range spans {
		if i > 0 {
			b.WriteString(", ")
		}
		count := v.last - v.first + 1
		for j, n := range []int64{v.run, v.metric, v.first, v.last, v.samples, count / v.samples, count % v.samples} {
			args = append(args, n)
			b.WriteString([]string{"(", ", "}[min(j, 1)] + bigint(len(args)))
		}
		b.WriteString(")")
		most = max(most, v.samples)
	}
	args = append(args, most)
	text := "WITH RECURSIVE s (run, metric, first, last, samples, size, rest) AS (VALUES " + b.String() + "), b (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM b WHERE i + 1 < $" +
		strconv.Itoa(len(args)) + ") SELECT " + pointCols + `, s.run FROM s JOIN b ON b.i < s.samples JOIN metric_points p ON p.metric_id = s.metric AND p.n =
		CASE WHEN b.i = s.samples - 1 THEN s.last WHEN b.i < s.rest THEN s.first + b.i * s.size + b.i ELSE s.first + b.i * s.size + s.rest END
		ORDER BY s.run, p.n`
	return t.rows(ctx, text, args, collect(key, out))
}

// bigint is parameter n where nothing else tells an engine its type.
func bigint(n int) string { return "CAST($" + strconv.Itoa(n) + " AS BIGINT)" }

// sampleMixed does the same for points that have not come in order, by looking
// at all of them.
func (t *tx) sampleMixed(ctx context.Context, spans []span, key string, steps *registry.Steps, most int, out map[int64][]registry.Metric) error {
	if len(spans) == 0 {
		return nil
	}
	ids := make([]any, len(spans))
	for i, v := range spans {
		ids[i] = v.metric
	}
	args, within := append([]any{most}, ids...), ""
	if steps != nil {
		args = append(args, steps.First, steps.Last)
		within = " AND q.step >= $" + strconv.Itoa(len(args)-1) + " AND q.step <= $" + strconv.Itoa(len(args))
	}
	const order = "q.step, q.at, q.value, q.nan"
	text := `WITH t AS (SELECT q.*, ntile($1) OVER (PARTITION BY q.metric_id ORDER BY ` + order + `) AS bucket,
		row_number() OVER (PARTITION BY q.metric_id ORDER BY ` + order + `) AS rank, count(*) OVER (PARTITION BY q.metric_id) AS total
		FROM metric_points q WHERE q.metric_id IN (` + placeholders(2, len(ids)) + ")" + within + `),
		p AS (SELECT t.*, min(rank) OVER (PARTITION BY metric_id, bucket) AS head FROM t)
		SELECT ` + pointCols + `, k.run_id FROM p JOIN metrics k ON k.id = p.metric_id
		WHERE CASE WHEN p.bucket = $1 OR p.total < $1 AND p.bucket = p.total THEN p.rank = p.total ELSE p.rank = p.head END ORDER BY k.run_id, p.rank`
	return t.rows(ctx, text, args, collect(key, out))
}

// collect reads points with the run that they are of.
func collect(key string, out map[int64][]registry.Metric) func(scanner) error {
	return func(s scanner) error {
		m := registry.Metric{Key: key}
		var run int64
		err := scanValue(s, &m, &run)
		out[run] = append(out[run], m)
		return err
	}
}

// MetricHeads reads the beginnings of histories, run by run, until there are
// enough points; how many of which run is known before.
func (t *tx) MetricHeads(ctx context.Context, runs []int64, key string, limit int) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	if len(runs) == 0 {
		return out, nil
	}
	all, err := t.spans(ctx, runs, key, nil)
	if err != nil {
		return nil, err
	}
	byRun := map[int64]span{}
	for _, v := range all {
		byRun[v.run] = v
	}
	var parts []string
	var args []any
	left := int64(limit)
	for _, run := range runs {
		v, ok := byRun[run]
		take := min(left, v.points)
		if !ok || take == 0 {
			continue
		}
		delete(byRun, run) // a run that is named twice is given once
		left -= take
		order := "p.n"
		if !v.ordered {
			order = "p.at, p.step, p.value, p.nan"
		}
		args = append(args, run, v.metric, take)
		n := len(args)
		parts = append(parts, "SELECT * FROM (SELECT "+pointCols+", "+bigint(n-2)+" FROM metric_points p WHERE p.metric_id = $"+
			strconv.Itoa(n-1)+" ORDER BY "+order+" LIMIT $"+strconv.Itoa(n)+") AS h"+strconv.Itoa(n))
	}
	if len(parts) == 0 {
		return out, nil
	}
	return out, t.rows(ctx, strings.Join(parts, " UNION ALL "), args, collect(key, out))
}

var metricTips = stmt(`SELECT value, nan, step, at, key, points FROM metrics WHERE run_id = $1 ORDER BY key LIMIT $2`)

func (t *tx) MetricTips(ctx context.Context, runID int64, limit int) ([]registry.MetricTip, error) {
	var out []registry.MetricTip
	err := t.rows(ctx, string(metricTips), []any{runID, limit}, func(s scanner) error {
		var m registry.MetricTip
		err := scanValue(s, &m.Metric, &m.Key, &m.Points)
		out = append(out, m)
		return err
	})
	return out, err
}
