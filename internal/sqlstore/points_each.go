package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// keyed is a point with the name of its metric.
type keyed struct {
	key string
	point
}

// PointsEach orders by name, step, time and value, so a cursor's key holds step,
// value and name, and its id the time.
func (t *tx) PointsEach(ctx context.Context, q registry.Nest) (map[int64]registry.List[registry.Metric], error) {
	if len(q.Owners) == 0 {
		return map[int64]registry.List[registry.Metric]{}, nil
	}
	past, err := pointCursor(q.Page.After)
	if err != nil {
		return nil, err
	}
	stop, err := pointCursor(q.Page.Before)
	if err != nil {
		return nil, err
	}
	n := nest{listing: listing{from: "metrics k"}, owners: "runs o", child: "metrics k", key: "k.id", link: "k.run_id = o.id"}
	ss, err := t.sectionsEach(ctx, n, q, past)
	if err != nil {
		return nil, err
	}
	g := newGathering[registry.Metric](q)
	for part := range slices.Chunk(ss, sectionsAtOnce) { // too many are refused before all are read
		read, err := t.read(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, s := range part {
			if err := s.gather(g, read[i], stop); err != nil {
				return nil, err
			}
		}
	}
	lists := g.lists()
	return lists, totals(ctx, t, n, "SELECT coalesce(sum(k.points), 0) FROM metrics k WHERE k.run_id = o.id", q, lists)
}

// gather adds the points of a section to the list of its run, as far as a cursor.
func (s section) gather(g *gathering[registry.Metric], ps []point, stop *keyed) error {
	for _, p := range ps {
		if stop != nil && s.reaches(*stop, p) {
			return nil
		}
		if err := g.add(s.run, p.metric(s.key), cursorOf(s.key, p)); err != nil {
			return err
		}
	}
	return nil
}

// reaches reports whether a point of the section is not before another.
func (s section) reaches(stop keyed, p point) bool {
	byKey := cmp.Compare(s.key, stop.key)
	if s.desc {
		byKey = -byKey
	}
	return cmp.Or(byKey, s.compare(p, stop.point)) >= 0
}

// sectionsEach finds what has to be read of the metrics of each owner, one page
// and a point more, behind a cursor.
func (t *tx) sectionsEach(ctx context.Context, n nest, q registry.Nest, past *keyed) ([]section, error) {
	found, err := t.tracksEach(ctx, n, q, past)
	if err != nil {
		return nil, err
	}
	var cut map[int64]place // where the cursor is in the metrics of its name
	if past != nil {
		var ids []int64
		for _, k := range found {
			if k.key == past.key {
				ids = append(ids, k.id)
			}
		}
		if cut, err = t.places(ctx, ids, past.point); err != nil {
			return nil, err
		}
	}
	var out []section
	left := map[int64]int64{} // what an owner's page has room for
	for _, id := range q.Owners {
		left[id] = int64(pageLimit(q.Page)) + 1
	}
	for _, k := range found {
		s := section{track: k, high: k.packed, desc: q.Order.Desc, limit: left[k.run]}
		sure := k.points
		if past != nil && k.key == past.key {
			s.past = &past.point
			if s.low = cut[k.id].rank; s.desc {
				s.low, s.high = 0, s.low-int64(number(cut[k.id].there))
			}
			sure = s.high - s.low
		}
		if s.limit > 0 {
			out = append(out, s)
			left[k.run] -= min(s.limit, sure)
		}
	}
	return out, nil
}

// tracksEach finds metrics of each owner by name, from that of a cursor on. Each
// has a point, but for the first none may be left.
func (t *tx) tracksEach(ctx context.Context, n nest, q registry.Nest, past *keyed) ([]track, error) {
	order, from := "k.key", "k.key >= ?"
	if q.Order.Desc {
		order, from = "k.key DESC", "k.key <= ?"
	}
	if past != nil {
		n.and(from, past.key)
	}
	var out []track
	text := "SELECT k.key, k.id, k.points, k.packed, o.id FROM " + n.owners + " CROSS JOIN " + n.from + " WHERE " + n.owned(q) +
		" AND " + n.inner(order, pageLimit(q.Page)+1) + " ORDER BY o.id, " + order
	err := t.rows(ctx, text, n.args, func(s scanner) error {
		var k track
		err := s.Scan(&k.key, &k.id, &k.points, &k.packed, &k.run)
		out = append(out, k)
		return err
	})
	return out, err
}

func cursorOf(key string, p point) registry.Cursor {
	value := strconv.FormatFloat(restored(p.value, p.nan), 'g', -1, 64)
	return registry.Cursor{Key: strconv.FormatInt(p.step, 10) + " " + value + " " + key, ID: p.at}
}

// pointCursor reads what cursorOf has written.
func pointCursor(c *registry.Cursor) (*keyed, error) {
	if c == nil {
		return nil, nil
	}
	bad := fault.Invalidf("cursor", "is invalid")
	parts := strings.SplitN(c.Key, " ", 3)
	if len(parts) != 3 {
		return nil, bad
	}
	step, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return nil, bad
	}
	v, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return nil, bad
	}
	value, nan := stored(v)
	return &keyed{parts[2], point{step, c.ID, value, nan}}, nil
}
