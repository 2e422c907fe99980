package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// nest is a listing of the children of many owners. For each owner, an inner
// SELECT finds the keys of its page by an index; so the cost is that of the
// rows given, whatever the owners hold.
type nest struct {
	listing
	owners string // table of the owners, under the name "o"
	child  string // what is listed, with the name that cols use
	key    string // columns that are unique in child
	link   string // condition that a child belongs to o
}

// arg adds an argument and gives its placeholder.
func (l *listing) arg(v any) string {
	l.args = append(l.args, v)
	return "$" + strconv.Itoa(len(l.args))
}

// owned is the condition on the owners. The sign keeps an engine from going
// through the whole project by an index.
func (n *nest) owned(q registry.Nest) string {
	c := "+o.project_id = " + n.arg(q.ProjectID)
	if q.OfVersions {
		c += " AND o.version_id <> 0"
	}
	from := len(n.args) + 1
	n.args = append(n.args, anys(q.Owners)...)
	return c + " AND o.id IN (" + placeholders(from, len(q.Owners)) + ")"
}

// inner finds the keys of one owner's page.
func (n *nest) inner(order string, limit int) string {
	where := strings.Join(append([]string{n.link}, n.where...), " AND ")
	return "(" + n.key + ") IN (SELECT " + n.key + " FROM " + n.child + " WHERE " + where + " ORDER BY " + order + " LIMIT " + n.arg(limit+1) + ")"
}

// text puts the SELECT together; the owner's id is its last column.
func (n *nest) text(cols, order string, q registry.Nest) string {
	t := "SELECT " + cols + ", o.id FROM " + n.owners + " CROSS JOIN " + n.from + " WHERE " + n.owned(q) +
		" AND " + n.inner(order, pageLimit(q.Page)) + " ORDER BY o.id, " + order
	if q.Most > 0 {
		t += " LIMIT " + n.arg(q.Most+len(q.Owners)+1)
	}
	return t
}

// each gathers rows into the lists of their owners. read reads one row with the
// owner's id behind it, and gives the item and its cursor.
func each[T any](ctx context.Context, t *tx, text string, args []any, q registry.Nest,
	read func(s scanner, owner *int64) (T, registry.Cursor, error)) (map[int64]registry.List[T], error) {
	g := newGathering[T](q)
	err := t.rows(ctx, text, args, func(s scanner) error {
		var owner int64
		v, c, err := read(s, &owner)
		if err != nil {
			return err
		}
		return g.add(owner, v, c)
	})
	return g.lists(), err
}

// gathering puts items into the lists of their owners, in the order in which
// they come.
type gathering[T any] struct {
	q     registry.Nest
	limit int
	rows  int
	all   map[int64]registry.List[T]
}

func newGathering[T any](q registry.Nest) *gathering[T] {
	g := &gathering[T]{q: q, limit: pageLimit(q.Page), all: make(map[int64]registry.List[T], len(q.Owners))}
	for _, id := range q.Owners {
		g.all[id] = registry.List[T]{Items: []T{}, Total: -1}
	}
	return g
}

// add takes one more item; behind a full page it is only known that there is
// more.
func (g *gathering[T]) add(owner int64, v T, c registry.Cursor) error {
	l := g.all[owner]
	if len(l.Items) == g.limit {
		l.More = true
		l.Next = &c
		g.all[owner] = l
		return nil
	}
	if g.rows++; g.q.Most > 0 && g.rows > g.q.Most {
		return &fault.Error{Kind: fault.TooLarge, Noun: "list", Msg: fmt.Sprintf("the lists hold more than %d rows", g.q.Most)}
	}
	l.Items = append(l.Items, v)
	if g.q.Page.Cursors || len(l.Items) == g.limit {
		l.Cursors = append(l.Cursors, c)
	}
	g.all[owner] = l
	return nil
}

func (g *gathering[T]) lists() map[int64]registry.List[T] {
	for id, l := range g.all {
		g.all[id] = closed(l, g.q.Page.Cursors)
	}
	return g.all
}

// closed sets where a list goes on, which is behind its last item.
func closed[T any](l registry.List[T], cursors bool) registry.List[T] {
	if l.Next = nil; l.More {
		last := l.Cursors[len(l.Cursors)-1]
		l.Next = &last
	}
	if !cursors {
		l.Cursors = nil
	}
	return l
}

// fetchEach runs a nest; scan is as for fetch.
func fetchEach[T any](ctx context.Context, t *tx, n nest, q registry.Nest,
	scan func(s scanner, v *T, extra ...any) error) (map[int64]registry.List[T], error) {
	if len(q.Owners) == 0 {
		return map[int64]registry.List[T]{}, nil
	}
	o := q.Order
	if o.By == "" {
		o = n.initial
	}
	col, ok := n.orders[o.By]
	if !ok {
		return nil, fault.Invalidf("order_by", "does not have a valid value")
	}
	uncounted := n
	uncounted.where, uncounted.args = slices.Clone(n.where), slices.Clone(n.args)
	if err := n.between(col, o, q.Page); err != nil {
		return nil, err
	}
	text := n.text(n.cols+", CAST("+col.expr+" AS TEXT), "+n.id, n.order(col, o), q)
	lists, err := each(ctx, t, text, n.args, q, func(s scanner, owner *int64) (v T, c registry.Cursor, err error) {
		err = scan(s, &v, &c.Key, &c.ID, owner)
		return v, c, err
	})
	if err != nil {
		return nil, err
	}
	return lists, countEach(ctx, t, uncounted, q, lists)
}

// countEach adds the lengths of the lists, no further than MaxTotal.
func countEach[T any](ctx context.Context, t *tx, n nest, q registry.Nest, lists map[int64]registry.List[T]) error {
	where := strings.Join(append([]string{n.link}, n.where...), " AND ")
	return totals(ctx, t, n, "SELECT count(*) FROM (SELECT 1 FROM "+n.child+" WHERE "+where+" LIMIT "+strconv.Itoa(registry.MaxTotal+1)+") AS c", q, lists)
}

// totals adds the lengths of the lists, which a SELECT gives for an owner.
func totals[T any](ctx context.Context, t *tx, n nest, length string, q registry.Nest, lists map[int64]registry.List[T]) error {
	if q.Page.NoTotal {
		return nil
	}
	text := "SELECT o.id, (" + length + ") FROM " + n.owners + " WHERE " + n.owned(q)
	return t.rows(ctx, text, n.args, func(s scanner) error {
		var id, total int64
		if err := s.Scan(&id, &total); err != nil {
			return err
		}
		l := lists[id]
		if l.Total = total; total > registry.MaxTotal {
			l.Total = -1
		}
		lists[id] = l
		return nil
	})
}
