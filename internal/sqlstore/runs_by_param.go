package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// stretch is a part of a list of runs by a parameter.
type stretch struct {
	mark  string // the keys of its cursors begin with it
	order registry.Order
	l     listing
}

// runsByParam lists runs by a parameter: those where it is a number, then those
// where it is another text, then those without it, whatever the direction. Each of
// the three is read along an index. l has all conditions but the experiment's.
func (t *tx) runsByParam(ctx context.Context, l listing, q registry.RunQuery) (registry.List[registry.Run], error) {
	out := registry.List[registry.Run]{Items: []registry.Run{}, Total: -1}
	parts, after, err := onwards(stretches(l, q), q.Page.After)
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

// stretches gives the parts of a list in their order.
func stretches(l listing, q registry.RunQuery) []stretch {
	of := func(mark string, order registry.Order, table string) stretch {
		s := stretch{mark, order, l}
		s.l.where, s.l.args, s.l.orders = slices.Clone(l.where), slices.Clone(l.args), maps.Clone(l.orders)
		s.l.scope(q, table)
		return s
	}
	valued := func(mark, expr, cond string) stretch {
		s := of(mark, q.Order, "x")
		s.l.from, s.l.id = s.l.from+" JOIN run_params x ON x.run_id = r.id", "x.run_id"
		s.l.orders["param"] = column{expr: expr}
		s.l.and("x.key = ? AND "+cond, q.Param)
		return s
	}
	numbers, texts := valued("n", "x.number", "x.number IS NOT NULL"), valued("t", "x.value", "x.number IS NULL")
	numbers.l.real = true
	none := of("-", registry.Order{By: "id", Desc: true}, "r")
	none.l.and("NOT EXISTS (SELECT 1 FROM run_params x WHERE x.run_id = r.id AND x.key = ?)", q.Param)
	return []stretch{numbers, texts, none}
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
