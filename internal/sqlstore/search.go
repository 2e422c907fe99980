package sqlstore

import (
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

// phase is a stretch of a search's answer. When the first key of the order is
// a value in a table of its own, the rows that have it, those whose value is no
// number, and those that lack it are three: each comes out of an index in its
// order, and what is not reached is not read.
type phase struct {
	join  string
	where []string // without arguments
	args  []any    // of the join, then of the conditions in keyed
	keyed []string // conditions with one argument each
	terms []term
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
func (p phase) decide(c registry.Condition, v valueTable) (cond string, args []any, decided, possible bool) {
	if p.kind == allRows || c.Subject != p.first.Subject || c.Key != p.first.Key {
		return "", nil, false, true
	}
	switch {
	case c.Op == registry.IsNull || c.Op == registry.IsNotNull:
		return "", nil, true, (c.Op == registry.IsNull) == (p.kind == withNone)
	case p.kind == withoutNum:
		return "", nil, true, c.Op == registry.NotEqual
	case p.kind == withNone:
		return "", nil, true, false
	}
	cond, args, err := compare("x.value", v.number, c)
	return cond, args, err == nil, true
}

// phases gives the stretches of an order.
func (k searchable) phases(order []registry.Sort) ([]phase, error) {
	if len(order) == 0 || order[0].Subject == registry.OfRow || k.values[order[0].Subject].latest != nil {
		terms, join, args, err := k.terms(order)
		one := phase{join: join, args: args, terms: append(terms, k.last...)}
		if len(order) > 0 && k.attrs[order[0].Key].lead != "" {
			one.where = []string{k.attrs[order[0].Key].lead}
		}
		return []phase{one}, err
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
	rest, last := append(slices.Clone(terms), k.last...), k.last
	if v.last != nil {
		last = v.last
	}
	have := phase{join: " JOIN " + v.join + join, args: args, keyed: []string{"x.key = ?"}, kind: withValue, first: first}
	have.args = append(have.args, first.Key)
	there := have
	there.terms = slices.Concat([]term{{"x.value", first.Desc}}, terms, last)
	lack, _, err := k.condition(registry.Condition{Subject: first.Subject, Key: first.Key, Op: registry.IsNull})
	if err != nil {
		return nil, err
	}
	without := phase{join: join, args: append(slices.Clone(args), first.Key), keyed: []string{lack}, terms: rest, kind: withNone, first: first}
	if !v.number {
		return []phase{there, without}, nil
	}
	there.where = []string{"x.nan = FALSE"}
	nan := have
	nan.kind, nan.where, nan.terms = withoutNum, []string{"x.nan = TRUE", "x.value = 0"}, slices.Concat(terms, last)
	return []phase{there, nan, without}, nil
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
	also   *condition          // what rows have to meet besides
	few    *registry.Condition // met by so few rows that these are gone through
}

// condition is a piece of SQL with what it binds.
type condition struct {
	text string
	args []any
}

// fewRows is how many rows are gone through and sorted without a thought.
const fewRows = 2000

// few looks for a condition that an index answers with few rows. Without one, a
// search goes along the order until it has enough rows, which is soon when many
// meet its conditions, and never when few do.
func (t *tx) few(ctx context.Context, k searchable, in scope, f registry.Filter) (*registry.Condition, error) {
	for i, c := range f {
		v := k.values[c.Subject]
		if v.scope == "" || c.Op == registry.NotEqual || c.Op == registry.IsNull || c.Op == registry.IsNotNull {
			continue
		}
		l := &listing{}
		if err := v.only(l, in, c); err != nil {
			return nil, err
		}
		l.args = append(l.args, fewRows+1)
		var n int64
		text := "SELECT count(*) FROM (SELECT 1 FROM " + v.table + l.condition() + " LIMIT $" + strconv.Itoa(len(l.args)) + ") AS c"
		if err := t.row(ctx, query(text), l.args, &n); err != nil {
			return nil, err
		}
		if n <= fewRows {
			return &f[i], nil
		}
	}
	return nil, nil
}

// only adds the conditions for the rows of a table of values that meet one.
func (v valueTable) only(l *listing, in scope, c registry.Condition) error {
	cond, args, err := compare("x.value", v.number, c)
	if err != nil {
		return err
	}
	l.and("x.key = ?", c.Key)
	if v.number {
		l.where = append(l.where, "x.nan = FALSE")
	}
	l.within(v.scope, in.ids)
	l.and(cond, args...)
	return nil
}

// gather bounds a search to its scope.
func (k searchable) gather(l *listing, in scope) error {
	l.where = append(l.where, in.where...)
	if in.also != nil {
		l.and(in.also.text, in.also.args...)
	}
	if in.few == nil {
		l.within(in.column, in.ids)
		return nil
	}
	v, inner := k.values[in.few.Subject], &listing{args: l.args}
	if err := v.only(inner, in, *in.few); err != nil {
		return err
	}
	l.args = inner.args
	l.where = append(l.where, k.id+" IN (SELECT "+v.owner+" FROM "+v.table+inner.condition()+")")
	return nil
}

// found runs a search and gives the ids of its rows, in order.
func (t *tx) found(ctx context.Context, k searchable, in scope, q registry.Search) ([]int64, registry.Mark, error) {
	phases, err := k.phases(q.Order)
	if err != nil {
		return nil, registry.Mark{}, err
	}
	at, keys, err := resume(q.After, len(phases))
	if err != nil {
		return nil, registry.Mark{}, err
	}
	if phases[0].kind == allRows {
		if in.few, err = t.few(ctx, k, in, q.Filter); err != nil {
			return nil, registry.Mark{}, err
		}
	}
	limit := min(max(q.Limit, 1), registry.MaxFound)
	r := &rowsFound{limit: limit}
	for ; at < len(phases) && !r.more; at++ {
		l := &listing{args: slices.Clone(phases[at].args[:len(phases[at].args)-len(phases[at].keyed)])}
		possible, err := k.narrow(l, in, q, phases[at])
		if err != nil {
			return nil, registry.Mark{}, err
		}
		if possible {
			if err := r.read(ctx, t, k, l, phases[at], int64(at), keys); err != nil {
				return nil, registry.Mark{}, err
			}
		}
		keys = nil
	}
	if !r.more {
		r.last = registry.Mark{}
	}
	return r.ids, r.last, nil
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

// narrow adds the conditions of a search in one phase, and reports whether they
// can be met there.
func (k searchable) narrow(l *listing, in scope, q registry.Search, p phase) (bool, error) {
	args := p.args[len(p.args)-len(p.keyed):]
	for i, cond := range p.keyed {
		l.and(cond, args[i])
	}
	l.where = append(l.where, p.where...)
	if err := k.gather(l, in); err != nil {
		return false, err
	}
	v := k.values[p.first.Subject]
	if v.scope != "" && (p.kind == withValue || p.kind == withoutNum) {
		l.within(v.scope, in.ids)
	}
	switch {
	case k.stage == "":
	case q.Stage == registry.Active:
		l.where = append(l.where, k.stage+" = 0")
	case q.Stage == registry.Deleted:
		l.where = append(l.where, k.stage+" > 0")
	}
	met := true
	for _, c := range q.Filter {
		cond, args, decided, possible := p.decide(c, v)
		if !decided {
			var err error
			if cond, args, err = k.condition(c); err != nil {
				return false, err
			}
		}
		met = met && possible
		if cond != "" {
			l.and(cond, args...)
		}
	}
	return met, nil
}

// within bounds a column to some ids.
func (l *listing) within(column string, ids []int64) {
	if len(ids) == 1 {
		l.and(column+" = ?", ids[0])
		return
	}
	l.and(column+" IN ("+marks(len(ids))+")", anys(ids)...)
}

// rowsFound gathers what the phases of a search give.
type rowsFound struct {
	limit int
	ids   []int64
	more  bool
	last  registry.Mark
}

func (r *rowsFound) read(ctx context.Context, t *tx, k searchable, l *listing, p phase, at int64, keys []any) error {
	if keys != nil && len(keys) != len(p.terms) {
		return badMark()
	}
	if keys != nil {
		l.where = append(l.where, l.behind(p.terms, keys))
	}
	cols, order := make([]string, len(p.terms)), make([]string, len(p.terms))
	for i, m := range p.terms {
		cols[i], order[i] = m.expr, m.expr
		if m.desc {
			order[i] += " DESC"
		}
	}
	l.args = append(l.args, r.limit+1-len(r.ids))
	text := "SELECT " + k.id + ", " + strings.Join(cols, ", ") + " FROM " + k.from + p.join + l.condition() +
		" ORDER BY " + strings.Join(order, ", ") + " LIMIT $" + strconv.Itoa(len(l.args))
	return t.rows(ctx, text, l.args, func(s scanner) error {
		var id int64
		values := make([]any, len(p.terms))
		dest := []any{&id}
		for i := range values {
			dest = append(dest, &values[i])
		}
		if err := s.Scan(dest...); err != nil {
			return err
		}
		if len(r.ids) == r.limit {
			r.more = true
			return nil
		}
		r.ids, r.last = append(r.ids, id), registry.Mark{Keys: append([]any{at}, values...)}
		return nil
	})
}

// behind is the condition that a row comes after one with the given values: it
// differs first in a term in which it is further on. That it is not before in
// the first term is said again by itself, for an index to begin there.
func (l *listing) behind(terms []term, keys []any) string {
	var b strings.Builder
	for i, m := range terms {
		l.args = append(l.args, keys[i])
		n, cmp := "$"+strconv.Itoa(len(l.args)), " > "
		if m.desc {
			cmp = " < "
		}
		if i == 0 {
			b.WriteString(m.expr + strings.TrimSuffix(cmp, " ") + "= " + n + " AND ")
		}
		b.WriteString("(" + m.expr + cmp + n)
		if i < len(terms)-1 {
			b.WriteString(" OR " + m.expr + " = " + n + " AND ")
		}
	}
	b.WriteString(strings.Repeat(")", len(terms)))
	return b.String()
}

// inOrder gives rows in the order of their ids.
func inOrder[T any](ids []int64, rows map[int64]T) []T {
	out := make([]T, 0, len(ids))
	for _, id := range ids {
		if v, ok := rows[id]; ok {
			out = append(out, v)
		}
	}
	return out
}

// byIDs reads rows by their ids, some at a time: an engine bounds the
// parameters of a statement.
func byIDs[T any](ctx context.Context, t *tx, head string, ids []int64, scan func(scanner, *T, ...any) error, id func(T) int64) ([]T, error) {
	rows := make(map[int64]T, len(ids))
	for part := range slices.Chunk(ids, registry.MaxLimit) {
		err := t.rows(ctx, head+" IN ("+placeholders(1, len(part))+")", anys(part), func(s scanner) error {
			var v T
			err := scan(s, &v)
			rows[id(v)] = v
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return inOrder(ids, rows), nil
}
