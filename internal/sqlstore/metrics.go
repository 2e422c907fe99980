package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stored gives a metric's value as kept: engines cannot compare NaN, so it is 0
// with a mark. Infinities are kept as they are.
func stored(v float64) (float64, bool) {
	if math.IsNaN(v) {
		return 0, true
	}
	return v, false
}

func restored(v float64, nan bool) float64 {
	if nan {
		return math.NaN()
	}
	return v
}

// point is a measured value as it is kept.
type point struct {
	step, at int64 // at in microseconds
	value    float64
	nan      bool
}

func pointOf(m registry.Metric) point {
	v, nan := stored(m.Value)
	return point{m.Step, micros(m.At), v, nan}
}

// compare orders points as the latest of a metric is told: by step, time,
// value.
func (p point) compare(o point) int {
	return cmp.Or(cmp.Compare(p.step, o.step), cmp.Compare(p.at, o.at), cmp.Compare(p.value, o.value), cmp.Compare(number(p.nan), number(o.nan)))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// metricRow is the row of one metric of a run, with its latest point.
type metricRow struct {
	id      int64
	points  int64
	ordered bool // each point came after those before it, by step and by time
	last    point
}

var (
	// An update that changes nothing gives the row, and holds it; of a column that
	// is in no index, so that none is written.
	takeMetric = stmt(`INSERT INTO metrics (run_id, run_eid, experiment_id, started_at, key, step, at, value, nan)
		SELECT r.id, r.eid, r.experiment_id, r.started_at, $1, $2, $3, $4, $5 FROM runs r WHERE r.id = $6
		ON CONFLICT (run_id, key) DO UPDATE SET points = metrics.points RETURNING id, points, ordered, step, at, value, nan`)
	putPoint = stmt(`INSERT INTO metric_points (metric_id, step, at, value, nan, n) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (metric_id, step, at, value, nan) DO NOTHING`)
	updateMetric = stmt(`UPDATE metrics SET points = $1, ordered = $2, step = $3, at = $4, value = $5, nan = $6 WHERE id = $7`)
)

func (t *tx) InsertMetrics(ctx context.Context, runID int64, ms []registry.Metric) error {
	points := map[string][]point{}
	var keys []string
	for _, m := range ms {
		if _, ok := points[m.Key]; !ok {
			keys = append(keys, m.Key)
		}
		points[m.Key] = append(points[m.Key], pointOf(m))
	}
	for _, k := range keys {
		if err := t.insertMetric(ctx, runID, k, points[k]); err != nil {
			return err
		}
	}
	return nil
}

// insertMetric adds the points of one metric.
func (t *tx) insertMetric(ctx context.Context, runID int64, key string, ps []point) error {
	var r metricRow
	p := ps[0]
	err := t.row(ctx, takeMetric, []any{key, p.step, p.at, p.value, p.nan, runID},
		&r.id, &r.points, &r.ordered, &r.last.step, &r.last.at, &r.last.value, &r.last.nan)
	if err != nil {
		return one(err, "run", runID)
	}
	if r.before(ps) {
		err = t.putLater(ctx, &r, ps)
	} else {
		err = t.putPoints(ctx, &r, ps)
	}
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, updateMetric, r.points, r.ordered, r.last.step, r.last.at, r.last.value, r.last.nan, r.id)
	return err
}

// before reports whether all points come after those that are there, each after
// the one before: then none of them is there.
func (r *metricRow) before(ps []point) bool {
	if r.points > 0 && ps[0].compare(r.last) <= 0 {
		return false
	}
	for i, p := range ps[1:] {
		if p.compare(ps[i]) <= 0 {
			return false
		}
	}
	return true
}

// putPoints adds points of which some may be there.
func (t *tx) putPoints(ctx context.Context, r *metricRow, ps []point) error {
	for _, p := range ps {
		n, err := t.exec(ctx, putPoint, r.id, p.step, p.at, p.value, p.nan, r.points+1)
		if err != nil {
			return err
		}
		if n > 0 {
			r.add(p)
		}
	}
	return nil
}

// many is how many points one statement adds.
const many = 32

var putMany = stmt(manyPoints(many))

// manyPoints is a statement that adds n points of one metric.
func manyPoints(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO metric_points (metric_id, step, at, value, nan, n) VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + placeholders(1+6*i, 6) + ")") // the metric's id once more in each: see nameless
	}
	return b.String()
}

// putLater adds points of which none is there.
func (t *tx) putLater(ctx context.Context, r *metricRow, ps []point) error {
	for len(ps) >= many {
		args := make([]any, 0, 6*many)
		for _, p := range ps[:many] {
			args = append(args, r.id, p.step, p.at, p.value, p.nan, r.points+1)
			r.add(p)
		}
		if _, err := t.exec(ctx, putMany, args...); err != nil {
			return err
		}
		ps = ps[many:]
	}
	return t.putPoints(ctx, r, ps)
}

// add counts a point that was not there before.
func (r *metricRow) add(p point) {
	later := p.compare(r.last) > 0
	r.ordered = r.ordered && (r.points == 0 || later && p.at >= r.last.at)
	if r.points++; later {
		r.last = p
	}
}

func (t *tx) MetricsOf(ctx context.Context, ids []int64) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	for part := range slices.Chunk(ids, idsAtOnce) {
		text := "SELECT run_id, key, value, nan, step, at FROM metrics WHERE run_id IN (" + placeholders(1, len(part)) + ") ORDER BY run_id, key"
		err := t.rows(ctx, text, anys(part), func(s scanner) error {
			var id int64
			var m registry.Metric
			var nan bool
			err := s.Scan(&id, &m.Key, &m.Value, &nan, &m.Step, instant{&m.At})
			m.Value = restored(m.Value, nan)
			out[id] = append(out[id], m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
