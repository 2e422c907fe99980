package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// reach says how far a search reads before it turns to another way.
type reach struct {
	few   int // rows that are gone through and sorted without a thought
	slice int // rows of an order that are tried before others
	wide  int // rows that are rather gone through than all
}

var usualReach = reach{few: 2_000, slice: 2_000, wide: 20_000}

// searching is a search under way. There are two ways to find rows that meet a
// filter in an order: along the index of the order until there are enough, which
// is soon when many meet the filter, and never when few do; or out of the index
// of a condition that few rows meet, sorted. What is few is counted, up to a
// bound. Where no condition is met by few, but all of them together are, the
// order is tried for a slice; then what is less than the rest of it is sorted.
type searching struct {
	t       *tx
	k       searchable
	in      scope
	q       registry.Search
	lookups []lookup
	few     *lookup // by which the rows are found, whatever the order
	led     *lookup // by which they are in the order without keys

	limit int
	ids   []int64
	more  bool
	last  registry.Mark
}

// choose looks for the way. none says that no row meets the filter.
func (s *searching) choose(ctx context.Context) (none bool, err error) {
	for _, c := range s.q.Filter { // what is wrong is told, whatever is found
		if _, _, err := s.k.condition(c); err != nil {
			return false, err
		}
	}
	if s.lookups, err = s.k.lookups(s.t.s.e, s.in, s.q.Filter); err != nil {
		return false, err
	}
	if s.few, err = s.fewest(ctx, s.t.s.reach.few); err != nil || s.few != nil && s.few.rows == 0 {
		return err == nil, err
	}
	if s.few != nil {
		if s.few.led != nil {
			s.led = s.few
		}
	} else if i := slices.IndexFunc(s.lookups, func(d lookup) bool { return d.led != nil }); i >= 0 {
		s.led = &s.lookups[i]
	}
	return false, nil
}

// piece is a part of a phase that is read in order.
type piece struct {
	phase
	number int // of the phase
	where  []wanted
	met    int   // the condition of the filter that the source answers; -1: none
	before []any // the terms that all rows of the piece have, before the others
}

// wanted is a condition, which is one of the filter's or, -1, none of them.
type wanted struct {
	condition
	of int
}

// with narrows a piece.
func (p piece) with(c condition) piece {
	p.on = append(slices.Clip(p.on), c)
	return p
}

// read reads a phase, behind the row with the given keys.
func (s *searching) read(ctx context.Context, ph phase, number int, keys []any) error {
	if keys != nil && len(keys) != len(ph.terms) {
		return badMark()
	}
	where, possible, err := s.conditions(&ph)
	if err != nil || !possible {
		return err
	}
	p := piece{phase: ph, number: number, where: where, met: -1}
	if s.led != nil && p.kind == allRows && slices.Equal(p.terms, s.k.last) {
		for _, c := range p.on[1:] { // behind the scope
			p.where = append(p.where, wanted{c, -1})
		}
		p.source, p.met = *s.led.led, s.led.cond
	}
	if s.few == nil && p.along && !p.terms[0].desc {
		return s.upward(ctx, p, keys)
	}
	if keys != nil {
		p = p.with(past(p.terms, keys))
	}
	switch {
	case s.few == nil && p.along:
		return s.along(ctx, p)
	case s.few != nil && s.few.cond == p.met:
		return s.ask(ctx, p, nil)
	}
	return s.ask(ctx, p, s.few)
}

// along reads a piece whose order is that of its index, backward: a slice of it
// first.
func (s *searching) along(ctx context.Context, p piece) error {
	if len(s.q.Filter) == 0 {
		return s.ask(ctx, p, nil)
	}
	n := ahead(p.terms)
	ends, err := s.skip(ctx, p, p.terms, n, s.t.s.reach.slice)
	if err != nil {
		return err
	}
	if ends == nil {
		return s.ask(ctx, p, nil)
	}
	near, far := "<=", ">"
	if p.terms[0].desc {
		near, far = ">=", "<"
	}
	if err := s.ask(ctx, p.with(beside(p.terms, near, ends)), nil); err != nil || s.more {
		return err
	}
	return s.rest(ctx, p.with(beside(p.terms, far, ends)))
}

// rest reads what is left of an order, or sorts what is less than that.
func (s *searching) rest(ctx context.Context, p piece) error {
	d, err := s.fewest(ctx, s.t.s.reach.wide)
	if err != nil {
		return err
	}
	if d != nil && d.cond == p.met {
		d = nil
	}
	return s.ask(ctx, p, d)
}

// upward reads a piece by a first term that ascends. Rows that are equal in it
// are in the index the wrong way round. So those of one value, which may be many,
// are read by themselves, backward; those before are no more than are skipped.
func (s *searching) upward(ctx context.Context, p piece, keys []any) error {
	first := p.terms[:1]
	of := func(v any) piece {
		p := p.with(beside(first, "=", []any{v}))
		p.terms, p.before = p.terms[1:], []any{v}
		return p
	}
	if keys != nil {
		same := of(keys[0])
		if err := s.along(ctx, same.with(past(same.terms, keys[1:]))); err != nil || s.more {
			return err
		}
		p = p.with(beside(first, ">", keys[:1:1]))
	}
	some := s.limit + 1 - len(s.ids)
	if len(s.q.Filter) > 0 {
		some = s.t.s.reach.slice
	}
	forward := []term{first[0]}
	for _, t := range p.terms[1:] {
		forward = append(forward, term{t.expr, !t.desc})
	}
	ends, err := s.skip(ctx, p, forward, 1, some)
	if err != nil {
		return err
	}
	if ends == nil {
		return s.ask(ctx, p, nil)
	}
	if err := s.ask(ctx, p.with(beside(first, "<", ends)), nil); err != nil || s.more {
		return err
	}
	if err := s.along(ctx, of(ends[0])); err != nil || s.more {
		return err
	}
	return s.rest(ctx, p.with(beside(first, ">", ends)))
}

// skip gives the first n terms of the row that some rows of an index are before,
// whatever the filter says of them; nil when there are not that many.
func (s *searching) skip(ctx context.Context, p piece, order []term, n, some int) (ends []any, err error) {
	l := &listing{}
	l.all(p.on)
	cols := make([]string, n)
	for i := range cols {
		cols[i] = order[i].expr
	}
	text := "SELECT " + strings.Join(cols, ", ") + " FROM " + p.alone + l.condition() + orderBy(order) + " LIMIT 1 OFFSET " + l.bind("?", some)
	err = s.t.rows(ctx, text, l.args, func(r scanner) error {
		ends = make([]any, n)
		return r.Scan(pointers(ends)...)
	})
	return ends, err
}

func orderBy(terms []term) string {
	order := make([]string, len(terms))
	for i, t := range terms {
		if order[i] = t.expr; t.desc {
			order[i] += " DESC"
		}
	}
	return " ORDER BY " + strings.Join(order, ", ")
}

func pointers(values []any) []any {
	out := make([]any, len(values))
	for i := range values {
		out[i] = &values[i]
	}
	return out
}

// ask reads a piece until there are enough rows: along its own order, or sorted
// out of a look-up.
func (s *searching) ask(ctx context.Context, p piece, d *lookup) error {
	l, from := &listing{args: slices.Clone(p.args)}, p.from
	if d != nil {
		from = d.from + p.behind
		l.all(d.where)
		l.and(d.owner + " = " + s.k.id)
	}
	if p.link != "" {
		l.and(p.link)
	}
	l.all(p.on)
	for _, c := range p.where {
		if met := c.of == p.met || d != nil && d.exact && c.of == d.cond; !met || c.of < 0 {
			l.and(c.text, c.args...)
		}
	}
	cols := s.k.id
	for _, t := range p.terms {
		cols += ", " + t.expr
	}
	text := "SELECT " + cols + " FROM " + from + p.join + l.condition() + orderBy(p.terms) + " LIMIT " + l.bind("?", s.limit+1-len(s.ids))
	return s.t.rows(ctx, text, l.args, func(r scanner) error {
		var id int64
		values := make([]any, len(p.terms))
		if err := r.Scan(append([]any{&id}, pointers(values)...)...); err != nil {
			return err
		}
		if len(s.ids) == s.limit {
			s.more = true
			return nil
		}
		s.ids = append(s.ids, id)
		s.last = registry.Mark{Keys: slices.Concat([]any{int64(p.number)}, p.before, values)}
		return nil
	})
}
