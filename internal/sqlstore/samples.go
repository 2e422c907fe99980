package sqlstore

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// span is what is sampled of the points of one metric.
type span struct {
	track
	low, high int64 // ranks of the packed ones: those behind low, up to high
	samples   int64
}

// spans finds the sections of the metrics of one name of several runs.
func (t *tx) spans(ctx context.Context, runs []int64, key string, steps *registry.Steps) ([]span, error) {
	found, err := t.tracks(ctx, runs, key)
	if err != nil {
		return nil, err
	}
	out := make([]span, len(found))
	ids := make([]int64, len(found))
	for i, k := range found {
		out[i], ids[i] = span{track: k, high: k.packed}, k.id
	}
	if steps == nil {
		return out, nil
	}
	first, err := t.places(ctx, ids, beforeAll(steps.First))
	if err != nil {
		return nil, err
	}
	last, err := t.places(ctx, ids, behindAll(steps.Last, math.MaxInt64))
	for i, id := range ids {
		out[i].low, out[i].high = first[id].rank, max(first[id].rank, last[id].rank)
	}
	return out, err
}

// MetricSamples gives an even part of each history. Where all points are packed
// it reads no more than it gives.
func (t *tx) MetricSamples(ctx context.Context, runs []int64, key string, steps *registry.Steps, most int) (map[int64][]registry.Metric, error) {
	out := map[int64][]registry.Metric{}
	if len(runs) == 0 {
		return out, nil
	}
	all, err := t.spans(ctx, runs, key, steps)
	if err != nil {
		return nil, err
	}
	var ranked []span
	for _, v := range all {
		v.samples = min(int64(most), v.high-v.low)
		switch {
		case v.points > v.packed:
			if out[v.run], err = t.sampleMixed(ctx, v, steps, most); err != nil {
				return nil, err
			}
		case v.samples > 0:
			ranked = append(ranked, v)
		}
	}
	return out, t.sampleRanked(ctx, ranked, key, out)
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
		count := v.high - v.low
		for j, n := range []int64{v.run, v.id, v.low, v.high - 1, v.samples, count / v.samples, count % v.samples} {
			args = append(args, n)
			b.WriteString([]string{"(", ", "}[min(j, 1)] + bigint(len(args)))
		}
		b.WriteString(")")
		most = max(most, v.samples)
	}
	args = append(args, most)
	size, bytes := strconv.Itoa(blockSize), strconv.Itoa(pointBytes)
	text := "WITH RECURSIVE s (run, metric, first, last, samples, size, rest) AS (VALUES " + b.String() + "), c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $" +
		strconv.Itoa(len(args)) + `), r AS (SELECT s.run, s.metric, CASE WHEN c.i = s.samples - 1 THEN s.last WHEN c.i < s.rest THEN s.first + c.i * s.size + c.i
		ELSE s.first + c.i * s.size + s.rest END AS n FROM s JOIN c ON c.i < s.samples)
		SELECT r.run, substr(p.points, CAST(1 + r.n % ` + size + " * " + bytes + " AS INTEGER), " + bytes + `) FROM r CROSS JOIN metric_blocks p
		WHERE p.metric_id = r.metric AND p.block = r.n / ` + size + " ORDER BY r.run, r.n"
	return t.rows(ctx, text, args, func(s scanner) error {
		var run int64
		var raw []byte
		if err := s.Scan(&run, &raw); err != nil {
			return err
		}
		ps, err := unpack(raw)
		if err == nil {
			out[run] = append(out[run], ps[0].metric(key))
		}
		return err
	})
}

// bigint is parameter n where nothing else tells an engine its type.
func bigint(n int) string { return "CAST($" + strconv.Itoa(n) + " AS BIGINT)" }

// sampleMixed does the same for one metric of which points came late, by going
// through all of them; not for several at once, since those may be many.
func (t *tx) sampleMixed(ctx context.Context, v span, steps *registry.Steps, most int) ([]registry.Metric, error) {
	var l listing
	l.and("p.metric_id = ?", v.id)
	if steps != nil {
		l.and("p.step >= ?", steps.First)
		l.and("p.step <= ?", steps.Last)
	}
	var late []point
	err := t.rows(ctx, "SELECT p.step, p.at, p.value, p.nan FROM late_points p"+l.condition()+" ORDER BY p.step, p.at, p.value, p.nan", l.args, func(s scanner) error {
		var p point
		err := s.Scan(&p.step, &p.at, &p.value, &p.nan)
		late = append(late, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := chooser{key: v.key, total: v.high - v.low + int64(len(late))}
	c.samples = min(int64(most), c.total)
	err = t.blocks(ctx, string(someBlocks), []any{v.id, v.low / blockSize, (v.high - 1) / blockSize}, func(_, block int64, ps []point) {
		rank := block * blockSize
		for _, p := range ps[max(0, v.low-rank):min(int64(len(ps)), v.high-rank)] {
			for len(late) > 0 && late[0].compare(p) < 0 {
				c.offer(late[0])
				late = late[1:]
			}
			c.offer(p)
		}
	})
	for _, p := range late {
		c.offer(p)
	}
	return c.out, err
}

var someBlocks = stmt(`SELECT metric_id, block, points FROM metric_blocks WHERE metric_id = $1 AND block >= $2 AND block <= $3 ORDER BY block`)

// chooser takes an even part of points that come in order.
type chooser struct {
	key            string
	total, samples int64
	seen           int64
	out            []registry.Metric
}

func (c *chooser) offer(p point) {
	i := int64(len(c.out))
	size, rest := c.total/c.samples, c.total%c.samples
	next := i*size + min(i, rest)
	if i == c.samples-1 {
		next = c.total - 1
	}
	if c.seen == next {
		c.out = append(c.out, p.metric(c.key))
	}
	c.seen++
}
