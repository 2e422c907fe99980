package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// section is a part of the points of one metric that is asked for, from its
// beginning on, or from its end back.
type section struct {
	track
	low, high int64  // ranks of the packed ones: those behind low, up to high
	past      *point // the others are those behind it, or before it; nil: all
	desc      bool
	byTime    bool
	limit     int64
}

// cut narrows the ranks to those that can be given.
func (s section) cut() (low, high int64) {
	if s.desc {
		return max(s.low, s.high-s.limit), s.high
	}
	return s.low, min(s.high, s.low+s.limit)
}

func (s section) compare(a, b point) int {
	c := a.compare(b)
	if s.byTime {
		c = a.compareTime(b)
	}
	if s.desc {
		return -c
	}
	return c
}

// sectionsAtOnce is how many sections are read at once; SQLite joins no more than
// 500 SELECTs.
const sectionsAtOnce = 400

// read gives the points of so many sections of metrics, of which none comes twice.
func (t *tx) read(ctx context.Context, ss []section) ([][]point, error) {
	packed, err := t.packed(ctx, ss)
	if err != nil {
		return nil, err
	}
	late, err := t.late(ctx, ss)
	if err != nil {
		return nil, err
	}
	out := make([][]point, len(ss))
	for i, s := range ss {
		out[i] = merged(packed[s.id], late[s.id], s.compare)
		out[i] = out[i][:min(int64(len(out[i])), s.limit)]
	}
	return out, nil
}

// merged puts two ordered lists into one.
func merged(a, b []point, compare func(a, b point) int) []point {
	if len(b) == 0 {
		return a
	}
	out := make([]point, 0, len(a)+len(b))
	for _, p := range a {
		for len(b) > 0 && compare(b[0], p) < 0 {
			out, b = append(out, b[0]), b[1:]
		}
		out = append(out, p)
	}
	return append(out, b...)
}

// packed gives the packed points of sections, by metric.
func (t *tx) packed(ctx context.Context, ss []section) (map[int64][]point, error) {
	var rows []string
	var args []any
	cuts := map[int64]section{}
	for _, s := range ss {
		if s.low, s.high = s.cut(); s.low >= s.high {
			continue
		}
		cuts[s.id] = s
		args = append(args, s.id, s.low/blockSize, (s.high-1)/blockSize)
		n := len(args)
		rows = append(rows, "("+bigint(n-2)+", "+bigint(n-1)+", "+bigint(n)+")")
	}
	out := map[int64][]point{}
	if rows == nil {
		return out, nil
	}
	text := "WITH s (metric, first, last) AS (VALUES " + strings.Join(rows, ", ") + `)
		SELECT b.metric_id, b.block, b.points FROM s CROSS JOIN metric_blocks b WHERE b.metric_id = s.metric AND b.block >= s.first AND b.block <= s.last
		ORDER BY b.metric_id, b.block`
	err := t.blocks(ctx, text, args, func(metric, block int64, ps []point) {
		s, rank := cuts[metric], block*blockSize
		out[metric] = append(out[metric], ps[max(0, s.low-rank):min(int64(len(ps)), s.high-rank)]...)
	})
	for id, s := range cuts {
		if s.desc {
			slices.Reverse(out[id])
		}
	}
	return out, err
}

// late gives the points of sections that have rows, by metric.
func (t *tx) late(ctx context.Context, ss []section) (map[int64][]point, error) {
	var l listing
	var texts []string
	for _, s := range ss {
		if s.points > s.packed {
			texts = append(texts, s.lateText(&l))
		}
	}
	out := map[int64][]point{}
	if texts == nil {
		return out, nil
	}
	err := t.rows(ctx, strings.Join(texts, " UNION ALL "), l.args, func(r scanner) error {
		var metric int64
		var p point
		err := r.Scan(&metric, &p.step, &p.at, &p.value, &p.nan)
		out[metric] = append(out[metric], p)
		return err
	})
	return out, err
}

// lateText is a SELECT of the late points of a section.
func (s section) lateText(l *listing) string {
	cols, ways := "p.step, p.at, p.value, p.nan", [...]string{" > ", ""}
	if s.byTime {
		cols = "p.at, p.step, p.value, p.nan"
	}
	order := cols
	if s.desc {
		order, ways = strings.ReplaceAll(cols, ",", " DESC,"), [...]string{" < ", " DESC"}
	}
	where := l.bind("p.metric_id = ?", s.id)
	if s.past != nil {
		a, b := s.past.step, s.past.at
		if s.byTime {
			a, b = b, a
		}
		where += l.bind(" AND ("+cols+")"+ways[0]+"(?, ?, ?, ?)", a, b, s.past.value, s.past.nan)
	}
	return "SELECT * FROM (SELECT p.metric_id, p.step, p.at, p.value, p.nan FROM late_points p WHERE " + where +
		" ORDER BY " + order + ways[1] + l.bind(" LIMIT ?", s.limit) + ") AS h" + strconv.Itoa(len(l.args))
}
