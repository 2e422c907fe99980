package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stretch is a part of a list of runs by a parameter or metric.
type stretch struct {
	mark  string // the keys of its cursors begin with it
	order registry.Order
	l     listing
}

// inStretches lists runs in several parts, one after the other. l has all
// conditions but the experiment's.
func (t *tx) inStretches(ctx context.Context, l listing, q registry.RunQuery, all []stretch) (registry.List[registry.Run], error) {
	out := registry.List[registry.Run]{Items: []registry.Run{}, Total: -1}
	parts, after, err := onwards(all, q.Page.After)
	if err != nil {
		return out, err
	}
	limit, offset := pageLimit(q.Page), q.Page.Offset
	for i := 0; i < len(parts) && !out.More; i++ {
		skipped, err := parts[i].l.upTo(ctx, t, offset)
		if err != nil {
			return out, err
		}
		if skipped < offset {
			offset -= skipped
			continue
		}
		// Where the page is full, one row tells whether there are more.
		wanted := limit - len(out.Items)
		got, err := parts[i].read(ctx, t, registry.Page{Limit: max(wanted, 1), Offset: offset, After: after})
		if err != nil {
			return out, err
		}
		offset, after = 0, nil
		if out.More = got.More || wanted == 0 && len(got.Items) > 0; wanted > 0 {
			out.Items, out.Cursors = append(out.Items, got.Items...), append(out.Cursors, got.Cursors...)
		}
	}
	if out.More {
		out.Next = &out.Cursors[len(out.Cursors)-1]
	}
	l.scope(q, "r")
	out.Total, err = l.total(ctx, t, q.Page, len(out.Items), out.More)
	return out, err
}

// paramStretches are the runs where a parameter is a number, then those where it is
// another text, then those without it, whatever the direction. Each of the three
// is read along an index.
func paramStretches(l listing, q registry.RunQuery) []stretch {
	numbers, texts := valued(l, q, "n", "run_params", "x.number"), valued(l, q, "t", "run_params", "x.value")
	numbers.l.and("x.key = ? AND x.number IS NOT NULL", q.Param)
	numbers.l.real = true
	texts.l.and("x.key = ? AND x.number IS NULL", q.Param)
	none := without(l, q)
	none.l.and("NOT EXISTS (SELECT 1 FROM run_params x WHERE x.run_id = r.id AND x.key = ?)", q.Param)
	return []stretch{numbers, texts, none}
}

// metricStretches are the runs with a number for a metric, then those without.
func metricStretches(l listing, q registry.RunQuery) []stretch {
	numbers, none := valued(l, q, "n", "metrics", "x.value"), without(l, q)
	numbers.l.and("x.key = ? AND x.nan = ?", q.Metric, false)
	numbers.l.real = true
	numbers.l.id = "r.id" // by the metric's own SQLite would take the index of all experiments
	none.l.and("NOT EXISTS (SELECT 1 FROM metrics x WHERE x.run_id = r.id AND x.key = ? AND x.nan = ?)", q.Metric, false)
	return []stretch{numbers, none}
}

// stretchOf makes a part of a list, kept to its experiment by a table.
func stretchOf(l listing, q registry.RunQuery, mark string, order registry.Order, table string) stretch {
	s := stretch{mark, order, l}
	s.l.where, s.l.args, s.l.orders = slices.Clone(l.where), slices.Clone(l.args), maps.Clone(l.orders)
	s.l.scope(q, table)
	return s
}

// valued is the part that a table has values for, in their order.
func valued(l listing, q registry.RunQuery, mark, table, expr string) stretch {
	s := stretchOf(l, q, mark, q.Order, "x")
	s.l.from, s.l.id = s.l.from+" JOIN "+table+" x ON x.run_id = r.id", "x.run_id"
	s.l.orders[q.Order.By] = column{expr: expr}
	return s
}

// without is the rest, the latest first.
func without(l listing, q registry.RunQuery) stretch {
	return stretchOf(l, q, "-", registry.Order{By: "id", Desc: true}, "r")
}

// onwards leaves out the stretches before a cursor, and gives what it is in the
// first that is left.
func onwards(parts []stretch, at *registry.Cursor) ([]stretch, *registry.Cursor, error) {
	if at == nil {
		return parts, nil, nil
	}
	for i, p := range parts {
		if key, ok := strings.CutPrefix(at.Key, p.mark); ok {
			return parts[i:], &registry.Cursor{Key: key, ID: at.ID}, nil
		}
	}
	return nil, nil, fault.Invalidf("cursor", "is invalid")
}

// read reads rows of a stretch, with the cursors of the whole list.
func (s stretch) read(ctx context.Context, t *tx, p registry.Page) (registry.List[registry.Run], error) {
	p.NoTotal, p.Cursors = true, true
	l, err := fetch(ctx, t, &s.l, s.order, p, scanRun)
	for i := range l.Cursors {
		l.Cursors[i].Key = s.mark + l.Cursors[i].Key
	}
	return l, err
}
