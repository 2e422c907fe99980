package sqlstore

import (
	"context"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// lookup is an index that answers one condition of a filter with the ids of
// rows, as y: all that meet it, and if it is not exact maybe others.
type lookup struct {
	cond  int // of the filter
	exact bool
	from  string
	owner string // the id of a row
	where []condition
	led   *source // the rows in the order without keys, out of the same index
	rows  int64   // counted; as far as was counted
}

// lookups gives the conditions of a filter that an index answers.
func (k searchable) lookups(e *engine, in scope, f registry.Filter) (out []lookup, err error) {
	if !k.indexed {
		return nil, nil
	}
	for i, c := range f {
		d := lookup{cond: i, exact: true}
		var ok bool
		if c.Subject == registry.OfRow {
			ok, err = d.attr(k, e, in, c)
		} else {
			ok, err = d.value(k, in, c)
		}
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, d)
		}
	}
	return out, nil
}

// sought are the comparisons that an index answers by a stretch of itself.
var sought = []registry.Op{registry.Equal, registry.Greater, registry.AtLeast, registry.Less, registry.AtMost, registry.In}

// value drives from a table of values.
func (d *lookup) value(k searchable, in scope, c registry.Condition) (bool, error) {
	v := k.values[c.Subject]
	if v.table == "" || !slices.Contains(append(sought[:len(sought):len(sought)], registry.IsNotNull), c.Op) {
		return false, nil
	}
	d.from, d.owner = v.table+" y", "y."+v.owner
	d.where = []condition{within("y."+v.scope, in.ids), {"y.key = ?", []any{c.Key}}}
	if c.Op == registry.IsNotNull {
		return true, nil
	}
	if v.number {
		d.where = append(d.where, condition{text: "y.nan = FALSE"})
	}
	text, args, err := compare("y.value", v.number, c)
	if err != nil {
		return false, err
	}
	d.where = append(d.where, condition{text, args})
	if c.Op == registry.Equal && len(in.ids) == 1 {
		led := k.valued(v, in, c.Key)
		if v.number {
			led.on = append(led.on, condition{text: "x.nan = FALSE"})
		}
		led.on = append(led.on, condition{"x.value = ?", args})
		d.led = &led
	}
	return true, nil
}

// attr drives from the table of the rows itself, or from their names.
func (d *lookup) attr(k searchable, e *engine, in scope, c registry.Condition) (bool, error) {
	if pattern, ok := c.Value.(string); ok && c.Key == "name" && (c.Op == registry.Like || c.Op == registry.ILike) && len(in.ids) == 1 {
		literal := strings.FieldsFunc(pattern, func(r rune) bool { return r == '%' || r == '_' })
		names := nameIndex{k.names, "experiment", in.ids[0]}
		match, ok := names.match(e, "y", literal...)
		d.exact = false
		d.from, d.owner, d.where = k.names+" y", "y.rowid", []condition{match}
		return ok, nil
	}
	if !k.attrs[c.Key].found || !slices.Contains(sought, c.Op) {
		return false, nil
	}
	text, args, err := k.condition(c)
	if err != nil {
		return false, err
	}
	asY := func(text string) string { return strings.ReplaceAll(text, "r.", "y.") }
	d.from, d.owner = strings.TrimSuffix(k.from, " r")+" y", asY(k.id)
	scope := within(asY(in.column), in.ids)
	d.where = []condition{scope, {asY(text), args}}
	return true, nil
}

// count counts the rows of a look-up, up to a bound.
func (t *tx) count(ctx context.Context, d lookup, bound int) (n int64, err error) {
	l := &listing{}
	l.all(d.where)
	text := "SELECT count(*) FROM (SELECT 1 FROM " + d.from + l.condition() + " LIMIT " + l.bind("?", bound) + ") AS c"
	return n, t.row(ctx, query(text), l.args, &n)
}

// fewest gives the look-up with the fewest rows, if it has no more than a bound.
func (s *searching) fewest(ctx context.Context, bound int) (*lookup, error) {
	var best *lookup
	for i, d := range s.lookups {
		if best != nil {
			bound = int(best.rows) - 1
		}
		n, err := s.t.count(ctx, d, bound+1)
		if err != nil {
			return nil, err
		}
		if n <= int64(bound) {
			s.lookups[i].rows, best = n, &s.lookups[i]
		}
		if best != nil && best.rows == 0 {
			break
		}
	}
	return best, nil
}
