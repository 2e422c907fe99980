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

// term is one expression of an order; it is never NULL.
type term struct {
	expr string
	desc bool
}

// source is where the rows of a search come from, in order.
type source struct {
	alone  string      // the table with the index that gives the order, under its letter
	from   string      // with the table of the rows
	behind string      // the same, to be read behind some ids of rows
	link   string      // where these are two tables
	on     []condition // on alone, with the scope
	terms  []term
	along  bool // that index has terms, backward if the first descends
}

// phase is a stretch of a search's answer. When the first key of the order is
// a value in a table of its own, the rows that have it, those whose value is no
// number, and those that lack it are three: each comes out of an index in its
// order, and what is not reached is not read.
type phase struct {
	source
	join  string // what the rest of the order needs
	args  []any  // of that
	where []condition
	kind  phaseKind
	first registry.Sort // what the phases are by
}

type phaseKind uint8

const (
	allRows    phaseKind = iota
	withValue            // x is the value
	withoutNum           // x is no number
	withNone
)

// decide says a condition on the value that the phases are by in terms of x.
// possible is false when no row of the phase can meet it.
func (p phase) decide(c registry.Condition, v valueTable) (cond condition, decided, possible bool) {
	if p.kind == allRows || c.Subject != p.first.Subject || c.Key != p.first.Key {
		return condition{}, false, true
	}
	switch {
	case c.Op == registry.IsNull || c.Op == registry.IsNotNull:
		return condition{}, true, (c.Op == registry.IsNull) == (p.kind == withNone)
	case p.kind == withoutNum:
		return condition{}, true, c.Op == registry.NotEqual
	case p.kind == withNone:
		return condition{}, true, false
	}
	text, args, err := compare("x.value", v.number, c)
	return condition{text, args}, err == nil, true
}

// phases gives the stretches of an order.
func (k searchable) phases(in scope, order []registry.Sort) ([]phase, error) {
	if len(order) == 0 || order[0].Subject == registry.OfRow || k.values[order[0].Subject].latest != nil {
		return k.phasesOfRow(in, order)
	}
	first := order[0]
	v, ok := k.values[first.Subject]
	if !ok || v.join == "" {
		return nil, unknownSort(first.Key)
	}
	terms, join, args, err := k.terms(order[1:])
	if err != nil {
		return nil, err
	}
	lack, lackArgs, err := k.condition(registry.Condition{Subject: first.Subject, Key: first.Key, Op: registry.IsNull})
	if err != nil {
		return nil, err
	}
	rest := slices.Concat(terms, k.last)
	there := phase{source: k.valued(v, in, first.Key), join: join, args: args, kind: withValue, first: first}
	last := there.terms
	there.along = there.along && len(terms) == 0
	there.terms = slices.Concat([]term{{"x.value", first.Desc}}, terms, last)
	without := phase{source: k.rows(in, rest), join: join, args: args, where: []condition{{lack, lackArgs}}, kind: withNone, first: first}
	without.along = without.along && len(terms) == 0
	if !v.number {
		return []phase{there, without}, nil
	}
	nan := there
	there.on = append(slices.Clip(there.on), condition{text: "x.nan = FALSE"})
	nan.on = append(slices.Clip(nan.on), condition{text: "x.nan = TRUE"}, condition{text: "x.value = 0"})
	nan.kind, nan.terms = withoutNum, slices.Concat(terms, last)
	return []phase{there, nan, without}, nil
}

// phasesOfRow gives those of an order that begins with an attribute, or with
// nothing.
func (k searchable) phasesOfRow(in scope, order []registry.Sort) ([]phase, error) {
	terms, join, args, err := k.terms(order)
	if err != nil {
		return nil, err
	}
	one := phase{source: k.rows(in, slices.Concat(terms, k.last)), join: join, args: args}
	if len(order) == 0 || order[0].Subject != registry.OfRow {
		one.along = one.along && len(order) == 0
		return []phase{one}, nil
	}
	first := k.attrs[order[0].Key]
	one.along = one.along && first.ordered && len(order) == 1
	if first.lead != "" {
		one.where = []condition{{text: first.lead}}
	}
	if !first.null || !first.ordered {
		return []phase{one}, nil
	}
	// Rows without the attribute are a stretch of the same index, between two
	// others: times before 1970 are below them.
	rest := slices.Concat(terms[2:], k.last)
	ordered := slices.Concat([]term{{first.indexed(), order[0].Desc}}, rest)
	stretch := func(where string, terms []term) phase {
		p := one
		p.on = append(slices.Clip(one.on), condition{text: first.indexed() + where})
		p.terms = terms
		return p
	}
	there := []phase{stretch(" < 0", ordered), stretch(" > 0", ordered)}
	if order[0].Desc {
		slices.Reverse(there)
	}
	return append(there, stretch(" = 0", rest)), nil
}

// rows is the table itself, in an order.
func (k searchable) rows(in scope, terms []term) source {
	s := source{alone: k.from, from: k.from, behind: " CROSS JOIN " + k.from, terms: firstOnly(terms), along: k.indexed && len(in.ids) == 1}
	s.on = []condition{within(in.column, in.ids)}
	return s
}

// firstOnly leaves out terms that were there before: they decide nothing.
func firstOnly(terms []term) (out []term) {
	for _, t := range terms {
		if !slices.ContainsFunc(out, func(o term) bool { return o.expr == t.expr }) {
			out = append(out, t)
		}
	}
	return out
}

// valued is the table of values of one key, as x; its terms are the order of the
// rows without keys.
func (k searchable) valued(v valueTable, in scope, key string) source {
	s := source{alone: v.table + " x", from: v.table + " x CROSS JOIN " + k.from, behind: " CROSS JOIN " + k.from + " CROSS JOIN " + v.table + " x",
		link: "x." + v.owner + " = " + k.id, along: k.indexed && len(in.ids) == 1}
	if v.table == "" {
		s = source{from: k.from + " JOIN " + v.join, terms: k.last}
		s.on = []condition{within(in.column, in.ids), {"x.key = ?", []any{key}}}
		return s
	}
	s.on = []condition{within("x."+v.scope, in.ids), {"x.key = ?", []any{key}}}
	for _, t := range v.last {
		s.terms = append(s.terms, term{"x." + t.expr, t.desc})
	}
	return s
}

// terms gives the expressions of the keys of an order, with the joins that they
// need and the arguments of these.
func (k searchable) terms(order []registry.Sort) (terms []term, join string, args []any, err error) {
	for i, s := range order {
		col := k.attrs[s.Key].column
		rank := "CASE WHEN " + col.expr + " IS NULL THEN 1 ELSE 0 END"
		if s.Subject == registry.OfRow && col.expr == "" {
			return nil, "", nil, unknownSort(s.Key)
		}
		if s.Subject == registry.OfRow && !k.attrs[s.Key].null {
			terms = append(terms, term{col.expr, s.Desc})
			continue
		}
		if s.Subject != registry.OfRow {
			v, ok := k.values[s.Subject]
			if !ok || v.join == "" {
				return nil, "", nil, unknownSort(s.Key)
			}
			x := "x" + strconv.Itoa(i)
			l := listing{args: args}
			join += v.joined(&l, x, s)
			args = l.args
			col = column{x + ".value", v.number}
			rank = "CASE WHEN " + x + ".value IS NULL THEN 2 ELSE 0 END"
			if v.number {
				rank = "CASE WHEN " + x + ".value IS NULL THEN 2 WHEN " + x + ".nan THEN 1 ELSE 0 END"
			}
		}
		none := "''"
		if col.number {
			none = "0"
		}
		terms = append(terms, term{rank, false}, term{"coalesce(" + col.expr + ", " + none + ")", s.Desc})
	}
	return terms, join, args, nil
}

// joined joins the value of the key of an order under a name, and binds in l
// what that needs.
func (v valueTable) joined(l *listing, x string, s registry.Sort) string {
	pick, args := x+".key = ?", []any{s.Key}
	if v.latest != nil {
		pick, args = v.latest(s)
		pick = x + ".id = (" + pick + ")"
	}
	l.and(pick, args...)
	return " LEFT JOIN " + strings.ReplaceAll(v.join, "x ON x.", x+" ON "+x+".") + " AND " + l.where[len(l.where)-1]
}

func unknownSort(key string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "order_by", Name: key, Msg: "names nothing to order by: " + key}
}

// scope bounds a search to some rows: the column is compared with the ids, and
// so is that of the values that the order is by.
type scope struct {
	column string
	ids    []int64
	where  []string
	also   *condition // what rows have to meet besides
}

// condition is a piece of SQL with what it binds, "?" for each.
type condition struct {
	text string
	args []any
}

func (l *listing) all(cs []condition) {
	for _, c := range cs {
		l.and(c.text, c.args...)
	}
}

// within bounds a column to some ids.
func within(column string, ids []int64) condition {
	if len(ids) == 1 {
		return condition{column + " = ?", anys(ids)}
	}
	return condition{column + " IN (" + marks(len(ids)) + ")", anys(ids)}
}

// found runs a search and gives the ids of its rows, in order.
func (t *tx) found(ctx context.Context, k searchable, in scope, q registry.Search) ([]int64, registry.Mark, error) {
	phases, err := k.phases(in, k.undecided(q))
	if err != nil {
		return nil, registry.Mark{}, err
	}
	at, keys, err := resume(q.After, len(phases))
	if err != nil {
		return nil, registry.Mark{}, err
	}
	s := &searching{t: t, k: k, in: in, q: q, limit: min(max(q.Limit, 1), registry.MaxFound)}
	none, err := s.choose(ctx)
	if err != nil || none {
		return nil, registry.Mark{}, err
	}
	for ; at < len(phases) && !s.more; at++ {
		if err := s.read(ctx, phases[at], at, keys); err != nil {
			return nil, registry.Mark{}, err
		}
		keys = nil
	}
	if !s.more {
		s.last = registry.Mark{}
	}
	return s.ids, s.last, nil
}

// undecided gives the keys of an order without those in which all rows that meet
// the filter are equal.
func (k searchable) undecided(q registry.Search) []registry.Sort {
	return slices.DeleteFunc(slices.Clone(q.Order), func(s registry.Sort) bool {
		v := k.values[s.Subject]
		one := v.join != "" && v.latest == nil
		if s.Subject == registry.OfRow {
			col, ok := k.attrs[s.Key]
			one = ok && cmp.Or(col.filter, col.expr) == col.expr
		}
		return one && slices.ContainsFunc(q.Filter, func(c registry.Condition) bool {
			return c.Op == registry.Equal && c.Subject == s.Subject && c.Key == s.Key
		})
	})
}

// resume reads a mark: the phase, and the values of its terms.
func resume(m registry.Mark, phases int) (at int, keys []any, err error) {
	if len(m.Keys) == 0 {
		return 0, nil, nil
	}
	n, ok := m.Keys[0].(int64)
	if !ok || n < 0 || n >= int64(phases) {
		return 0, nil, badMark()
	}
	return int(n), m.Keys[1:], nil
}

func badMark() error {
	return &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "page_token", Msg: "does not belong to this search"}
}

// conditions gives what rows of a phase have to meet, and reports whether they
// can. Those on the value that the phase is by are on its table.
func (s *searching) conditions(p *phase) (all []wanted, possible bool, err error) {
	fixed := slices.Clone(p.where)
	for _, text := range s.in.where {
		fixed = append(fixed, condition{text: text})
	}
	if s.in.also != nil {
		fixed = append(fixed, *s.in.also)
	}
	switch {
	case s.k.stage == "":
	case s.q.Stage == registry.Active:
		fixed = append(fixed, condition{text: s.k.stage + " = 0"})
	case s.q.Stage == registry.Deleted:
		fixed = append(fixed, condition{text: s.k.stage + " > 0"})
	}
	for _, c := range fixed {
		all = append(all, wanted{c, -1})
	}
	possible = true
	for i, c := range s.q.Filter {
		cond, decided, can := p.decide(c, s.k.values[p.first.Subject])
		possible = possible && can
		switch {
		case decided && cond.text != "":
			p.on = append(slices.Clip(p.on), cond)
		case !decided:
			if cond.text, cond.args, err = s.k.condition(c); err != nil {
				return nil, false, err
			}
			all = append(all, wanted{cond, i})
		}
	}
	return all, possible, nil
}

// ahead counts the first terms that go the same way.
func ahead(terms []term) int {
	n := 1
	for n < len(terms) && terms[n].desc == terms[0].desc {
		n++
	}
	return n
}

// beside compares the first terms with values, as one, by which an index begins.
func beside(terms []term, op string, values []any) condition {
	exprs := make([]string, len(values))
	for i := range values {
		exprs[i] = terms[i].expr
	}
	if len(values) == 1 {
		return condition{exprs[0] + " " + op + " ?", values}
	}
	return condition{"(" + strings.Join(exprs, ", ") + ") " + op + " (" + marks(len(values)) + ")", values}
}

// past is the condition that a row comes after one with the given values: it
// differs first in a term in which it is further on. What of that an index can
// begin with is said again by itself.
func past(terms []term, keys []any) condition {
	on := func(t term) string {
		if t.desc {
			return "<"
		}
		return ">"
	}
	n := ahead(terms)
	c := beside(terms, on(terms[0])+"=", keys[:n:n])
	var b strings.Builder
	for i, m := range terms {
		b.WriteString(" AND (" + m.expr + " " + on(m) + " ?")
		c.args = append(c.args, keys[i])
		if i < len(terms)-1 {
			b.WriteString(" OR " + m.expr + " = ?")
			c.args = append(c.args, keys[i])
		}
	}
	c.text += b.String() + strings.Repeat(")", len(terms))
	return c
}

// byIDs reads rows by their ids, in their order and without those that are gone;
// some at a time: an engine bounds the parameters of a statement.
func byIDs[T any](ctx context.Context, t *tx, head string, ids []int64, scan func(scanner, *T, ...any) error, id func(T) int64) ([]T, error) {
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	out, there := make([]T, len(ids)), make([]bool, len(ids))
	var v, none T // v for all: it is large, and on the heap
	for part := range slices.Chunk(ids, idsAtOnce) {
		err := t.rows(ctx, head+" IN ("+placeholders(1, len(part))+")", anys(part), func(s scanner) error {
			v = none
			if err := scan(s, &v); err != nil {
				return err
			}
			i := at[id(v)]
			out[i], there[i] = v, true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	i := -1
	return slices.DeleteFunc(out, func(T) bool { i++; return !there[i] }), nil
}
