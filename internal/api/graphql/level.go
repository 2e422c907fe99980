package graphql

import (
	"context"
	"slices"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// level is what the nodes of one level of a tree share: the first of them that
// is asked something asks the registry for all of them. All are in one project.
// Resolvers run one at a time, so nothing here is locked.
type level struct {
	v        *visit
	ref      registry.ProjectRef
	answered map[question]answer
}

type answer struct {
	value any
	err   error
}

// question tells questions apart: what is asked, and which part of it.
type question struct {
	what   string
	page   any // from paging.key
	order  registry.Order
	filter string
}

// ask gives the answer to a question, which is read once.
func ask[V any](l *level, q question, read func() (V, error)) (V, error) {
	a, ok := l.answered[q]
	if !ok {
		v, err := read()
		a = answer{v, err}
		if l.answered == nil {
			l.answered = map[question]answer{}
		}
		l.answered[q] = a
	}
	v, _ := a.value.(V)
	return v, a.err
}

// pageArgs are the arguments of every connection.
type pageArgs struct {
	After, Before *string
	First, Last   *int32
}

// paging is a part of a list as it is to be read. The last n before a row are
// the first n behind it the other way round.
type paging struct {
	page    registry.Page
	reverse bool
	empty   bool // no node is wanted
	after   bool // a cursor was given
	before  bool
}

// paging translates the arguments, and looks at what is selected: what nobody
// asks for is not counted.
func (a pageArgs) paging(ctx context.Context) (paging, error) {
	p := paging{page: registry.Page{Limit: pageMost, Cursors: true, NoTotal: !gql.HasSelectedField(ctx, "count")}, reverse: a.Last != nil}
	if a.First != nil && a.Last != nil {
		return p, fault.Invalidf("", "Can only provide either `first` or `last`, not both")
	}
	for name, n := range map[string]*int32{"first": a.First, "last": a.Last} {
		if n == nil {
			continue
		}
		if *n < 0 {
			return p, fault.Invalidf("", "`%s` must not be negative", name)
		}
		p.page.Limit = min(int(*n), pageMost)
	}
	if p.page.Limit == 0 || !selects(ctx, "nodes", "edges", "pageInfo") {
		p.page.Limit, p.empty = 1, true
	}
	var err error
	if p.page.After, err = parseCursor(a.After); err != nil {
		return p, err
	}
	if p.page.Before, err = parseCursor(a.Before); err != nil {
		return p, err
	}
	p.after, p.before = p.page.After != nil, p.page.Before != nil
	if p.reverse {
		p.page.After, p.page.Before = p.page.Before, p.page.After
	}
	return p, nil
}

func selects(ctx context.Context, fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { return gql.HasSelectedField(ctx, f) })
}

// order turns an order of a list round if that is how it has to be read.
func (p paging) order(o registry.Order) registry.Order {
	o.Desc = o.Desc != p.reverse
	return o
}

// key tells pagings apart, for ask.
func (p paging) key() any {
	k := struct {
		limit                 int
		reverse, empty, total bool
		after, before         registry.Cursor
		hasAfter, hasBefore   bool
	}{limit: p.page.Limit, reverse: p.reverse, empty: p.empty, total: p.page.NoTotal, hasAfter: p.after, hasBefore: p.before}
	if p.page.After != nil {
		k.after = *p.page.After
	}
	if p.page.Before != nil {
		k.before = *p.page.Before
	}
	return k
}

// nest asks for the lists of owners.
func (p paging) nest(v *visit, owners []int64, o registry.Order) registry.Nest {
	return registry.Nest{Owners: owners, Page: p.page, Order: p.order(o), Most: max(v.rows, 1)}
}

// sorting are the arguments of connections that can be ordered.
type sorting struct {
	OrderBy, Sort *string
}

// order reads the order; initial is what a list is ordered by unless told.
// GitLab orders from the last to the first.
func (s sorting) order(initial string) registry.Order {
	o := registry.Order{By: initial, Desc: s.Sort == nil || *s.Sort != "ASC"}
	if s.OrderBy != nil {
		o.By = orders[*s.OrderBy]
	}
	return o
}

// orders are the registry's words for those of the schema's enums.
var orders = map[string]string{"NAME": "name", "CREATED_AT": "created_at", "UPDATED_AT": "updated_at", "ID": "id", "VERSION": "version"}
