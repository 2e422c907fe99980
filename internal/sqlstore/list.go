package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// defaultLimit is the length of a list that does not say.
const defaultLimit = 20

// column is a value that a list can be ordered by.
type column struct {
	expr   string
	number bool
}

// listing is a list in the making: a SELECT whose conditions, order and page
// come from a query. Texts are put together from constants only; what callers
// gave goes into args.
type listing struct {
	cols, from string
	id         string // breaks ties
	orders     map[string]column
	initial    registry.Order // when the query names none
	real       bool           // the order's values are floating point

	where []string
	args  []any
}

// bind gives a text whose "?" stand for its arguments, in order.
func (l *listing) bind(text string, args ...any) string {
	for _, a := range args {
		l.args = append(l.args, a)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(l.args)), 1)
	}
	return text
}

// and adds a condition; "?" stands for its arguments, in order.
func (l *listing) and(cond string, args ...any) {
	l.where = append(l.where, l.bind(cond, args...))
}

// contains adds a search for a part of text, without case.
func (l *listing) contains(s string, exprs ...string) {
	if s == "" {
		return
	}
	fold := "lower"
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		fold = "fold"
	}
	conds := make([]string, len(exprs))
	args := make([]any, len(exprs))
	for i, e := range exprs {
		conds[i] = fold + "(" + e + `) LIKE ? ESCAPE '\'`
		args[i] = "%" + likeEscape(strings.ToLower(s)) + "%"
	}
	l.and("("+strings.Join(conds, " OR ")+")", args...)
}

// likeEscape makes the wildcards of LIKE literal.
func likeEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}

func (l *listing) condition() string {
	if len(l.where) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(l.where, " AND ")
}

// fetch runs the listing. scan reads one row's columns into an item; it passes
// the extra destinations that it is given to the same Scan call.
func fetch[T any](ctx context.Context, t *tx, l *listing, o registry.Order, p registry.Page, scan func(s scanner, v *T, extra ...any) error) (registry.List[T], error) {
	out := registry.List[T]{Items: []T{}, Total: -1}
	if o.By == "" {
		o = l.initial
	}
	col, ok := l.orders[o.By]
	if !ok {
		return out, fault.Invalidf("order_by", "does not have a valid value")
	}
	limit := pageLimit(p)
	uncounted := listing{from: l.from, where: slices.Clone(l.where), args: slices.Clone(l.args)}
	text, err := l.text(col, o, p, limit)
	if err != nil {
		return out, err
	}
	var last registry.Cursor
	err = t.rows(ctx, text, l.args, func(s scanner) error {
		var v T
		var c registry.Cursor
		if err := scan(s, &v, &c.Key, &c.ID); err != nil {
			return err
		}
		if len(out.Items) == limit {
			out.More = true
			return nil
		}
		out.Items, last = append(out.Items, v), c
		if p.Cursors {
			out.Cursors = append(out.Cursors, c)
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if out.More {
		out.Next = &last
	}
	out.Total, err = uncounted.total(ctx, t, p, len(out.Items), out.More)
	return out, err
}

// pageLimit is the number of rows that a page asks for.
func pageLimit(p registry.Page) int {
	if p.Limit <= 0 {
		return defaultLimit
	}
	return min(p.Limit, registry.MaxLimit)
}

// total gives the length of a list of which a page is known; only what cannot
// be told from that page is counted.
func (l *listing) total(ctx context.Context, t *tx, p registry.Page, items int, more bool) (int64, error) {
	switch {
	case p.NoTotal, p.Known != nil && *p.Known > registry.MaxTotal:
		return -1, nil
	case p.Known != nil:
		return *p.Known, nil
	case p.After == nil && p.Before == nil && !more && (items > 0 || p.Offset == 0):
		if n := int64(p.Offset + items); n <= registry.MaxTotal {
			return n, nil
		}
		return -1, nil
	}
	var n int64
	err := l.count(ctx, t, &n)
	return n, err
}

// count counts no further than MaxTotal, so that its cost is bounded.
func (l *listing) count(ctx context.Context, t *tx, total *int64) error {
	n, err := l.upTo(ctx, t, registry.MaxTotal+1)
	if *total = int64(n); n > registry.MaxTotal {
		*total = -1
	}
	return err
}

// upTo counts rows, but no more than a bound.
func (l *listing) upTo(ctx context.Context, t *tx, bound int) (n int, err error) {
	if bound == 0 {
		return 0, nil
	}
	text := "SELECT count(*) FROM (SELECT 1 FROM " + l.from + l.condition() + " LIMIT $" + strconv.Itoa(len(l.args)+1) + ") AS c"
	return n, t.row(ctx, query(text), append(slices.Clip(l.args), bound), &n)
}

// text puts the SELECT together; a cursor becomes a row comparison, which an
// index on (order, id) answers without skipping rows.
func (l *listing) text(col column, o registry.Order, p registry.Page, limit int) (string, error) {
	if err := l.between(col, o, p); err != nil {
		return "", err
	}
	var b strings.Builder
	key := "CAST(" + col.expr + " AS TEXT)"
	if l.real {
		key = col.expr // SQLite's texts of them are not exact
	}
	b.WriteString("SELECT " + l.cols + ", " + key + ", " + l.id + " FROM " + l.from + l.condition())
	b.WriteString(" ORDER BY " + l.order(col, o))
	l.args = append(l.args, limit+1)
	b.WriteString(" LIMIT $" + strconv.Itoa(len(l.args)))
	if p.Offset > 0 {
		l.args = append(l.args, p.Offset)
		b.WriteString(" OFFSET $" + strconv.Itoa(len(l.args)))
	}
	return b.String(), nil
}

// order gives the columns to sort by.
func (l *listing) order(col column, o registry.Order) string {
	dir := " ASC"
	if o.Desc {
		dir = " DESC"
	}
	if col.expr == l.id {
		return l.id + dir
	}
	return col.expr + dir + ", " + l.id + dir
}

// between adds the conditions of a page's cursors.
func (l *listing) between(col column, o registry.Order, p registry.Page) error {
	behind, before := " > (?, ?)", " < (?, ?)"
	if o.Desc {
		behind, before = before, behind
	}
	for _, end := range []struct {
		at  *registry.Cursor
		cmp string
	}{{p.After, behind}, {p.Before, before}} {
		if end.at == nil {
			continue
		}
		var key any = end.at.Key
		var err error
		switch {
		case col.number:
			key, err = strconv.ParseInt(end.at.Key, 10, 64)
		case l.real:
			key, err = strconv.ParseFloat(end.at.Key, 64)
		}
		if err != nil {
			return fault.Invalidf("cursor", "is invalid")
		}
		l.and("("+col.expr+", "+l.id+")"+end.cmp, key, end.at.ID)
	}
	return nil
}
