package sqlstore

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// searchable is a kind of rows that registry.Search can ask for: what its
// subjects and keys are in SQL. The texts are constants; what callers gave is
// always bound.
type searchable struct {
	from  string // tables, with the one whose rows are wanted
	id    string // its key
	attrs map[string]attr
	// values are what the rows have in tables of their own.
	values map[registry.Subject]valueTable
	// special says conditions on subjects that are none of these.
	special map[registry.Subject]func(registry.Condition) (string, []any, error)
	stage   string // the time of deletion; empty: rows of this kind only go for good
	last    []term // the order without keys; the last of them is unique
	// indexed says that from is one table, under the letter r, with an index of
	// the scope's column and last, read backward; and so for attrs and values that
	// say it.
	indexed bool
	names   string // the index of names that the attribute "name" has; see nameIndex
}

// attr is an attribute of the row itself, by which it can be ordered.
type attr struct {
	column
	filter string // what conditions compare, if not that
	unit   int64  // what conditions count in; see attr.times
	null   bool   // may be NULL; else an index on it gives the order
	// lead is true of every row: it leads an engine to that index, when the order
	// goes on with other tables' columns and seems to need sorting anyway.
	lead string
	// found says that an index has the scope's column and this; ordered, that it
	// goes on with the order without keys.
	found, ordered bool
	// stored is the column in the index, if it is not expr: a number of which 0
	// stands for NULL.
	stored string
}

// valueTable holds values of rows by key.
type valueTable struct {
	// exists is a subquery for one value; it ends in a condition on the owner.
	// Where keys are columns, column names them, else v.key is compared.
	exists  string
	args    []any // of exists
	columns map[string]string
	// join joins the value of one key as x, for an order.
	join   string
	number bool
	// latest, where a key has many values, is a subquery for the id of the one
	// that an order is by. Such an order is sorted, not read off an index.
	latest func(registry.Sort) (text string, args []any)
	// What an index of the table allows; empty: there is none. It has the column
	// that the scope of the search bounds, the key, the value, and, read backward,
	// what searchable.last is.
	table, owner, scope string
	last                []term // columns of the table
}

// condition gives the SQL of one condition.
func (k searchable) condition(c registry.Condition) (string, []any, error) {
	if c.Subject == registry.OfRow {
		col, ok := k.attrs[c.Key]
		if !ok {
			return "", nil, unknownKey(c.Key)
		}
		if text, args, ok := col.times(c); ok {
			return text, args, nil
		}
		return compare(cmp.Or(col.filter, col.expr), col.number, c)
	}
	if special, ok := k.special[c.Subject]; ok {
		return special(c)
	}
	v, ok := k.values[c.Subject]
	if !ok {
		return "", nil, unknownKey(c.Key)
	}
	expr, cond, args := "v.value", "v.key = ?", append(slices.Clone(v.args), c.Key)
	if v.columns != nil {
		if expr, ok = v.columns[c.Key]; !ok {
			return "", nil, unknownKey(c.Key)
		}
		cond, args = "1 = 1", slices.Clone(v.args)
	}
	switch c.Op {
	case registry.IsNull:
		return "NOT EXISTS (" + v.exists + " AND " + cond + ")", args, nil
	case registry.IsNotNull:
		return "EXISTS (" + v.exists + " AND " + cond + " LIMIT 1)", args, nil
	}
	meets, more, err := compare(expr, v.number, c)
	if err != nil {
		return "", nil, err
	}
	switch {
	case v.number && c.Op == registry.NotEqual:
		meets = "(v.nan OR " + meets + ")"
	case v.number:
		meets = "NOT v.nan AND " + meets
	}
	// SQLite makes a join of an EXISTS without LIMIT, and then may begin with it.
	return "EXISTS (" + v.exists + " AND " + cond + " AND " + meets + " LIMIT 1)", append(args, more...), nil
}

// indexed is the column of an attribute's index.
func (a attr) indexed() string { return cmp.Or(a.stored, a.expr) }

// times gives a comparison of a column that is kept in smaller units than it is
// compared in, as a range that an index has. ok is false for what is no plain
// comparison with a whole number.
func (a attr) times(c registry.Condition) (text string, args []any, ok bool) {
	v, whole := c.Value.(int64)
	if a.unit == 0 || !whole || v <= -1<<50 || v >= 1<<50 {
		return "", nil, false
	}
	from, to, col := v*a.unit, (v+1)*a.unit, a.indexed()
	switch c.Op {
	case registry.Greater:
		text, args = col+" >= ?", []any{to}
	case registry.AtLeast:
		text, args = col+" >= ?", []any{from}
	case registry.Less:
		text, args = col+" < ?", []any{from}
	case registry.AtMost:
		text, args = col+" < ?", []any{to}
	case registry.Equal:
		text, args = col+" >= ? AND "+col+" < ?", []any{from, to}
	case registry.NotEqual:
		text, args = "("+col+" < ? OR "+col+" >= ?)", []any{from, to}
	default:
		return "", nil, false
	}
	if a.stored != "" {
		text = a.stored + " <> 0 AND " + text
	}
	return text, args, true
}

func unknownKey(key string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "filter", Name: key, Msg: "names nothing that can be searched: " + key}
}

// compare gives the SQL of a comparison of an expression with a value.
func compare(expr string, number bool, c registry.Condition) (string, []any, error) {
	bad := &fault.Error{Kind: fault.Invalid, Noun: "search", Field: "filter", Name: c.Key, Msg: "cannot compare " + c.Key + " by " + string(c.Op) + " with such a value"}
	list, isList := listed(c.Value, number)
	_, isText := c.Value.(string)
	switch c.Op {
	case registry.Equal, registry.NotEqual, registry.Greater, registry.AtLeast, registry.Less, registry.AtMost:
		if c.Value == nil || list != nil || isText == number {
			return "", nil, bad
		}
		op := string(c.Op)
		if c.Op == registry.NotEqual {
			op = "<>"
		}
		return expr + " " + op + " ?", []any{c.Value}, nil
	case registry.Like, registry.ILike:
		if !isText || number {
			return "", nil, bad
		}
		return like(expr, c)
	case registry.Match:
		if !isText || number {
			return "", nil, bad
		}
		return "matches(" + expr + ", ?)", []any{c.Value}, nil
	case registry.In, registry.NotIn:
		if !isList {
			return "", nil, bad
		}
		return expr + " " + string(c.Op) + " (" + marks(len(list)) + ")", list, nil
	case registry.IsNull, registry.IsNotNull:
		return expr + " " + string(c.Op), nil, nil
	}
	return "", nil, bad
}

// listed gives the items of a list of texts, or of numbers where these are
// wanted.
func listed(v any, number bool) ([]any, bool) {
	var out []any
	switch list := v.(type) {
	case []string:
		for _, s := range list {
			out = append(out, s)
		}
		return out, !number && len(out) > 0
	case []int64:
		return anys(list), number && len(list) > 0
	}
	return nil, false
}

// marks gives n question marks.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// noEscape stands where LIKE wants a character that escapes, which the pattern
// then does not have.
const noEscape = "\x01"

// like compares with a pattern. Without case it is that of all letters.
func like(expr string, c registry.Condition) (string, []any, error) {
	pattern := strings.ReplaceAll(c.Value.(string), noEscape, "")
	if c.Op == registry.ILike {
		return "fold(" + expr + ") LIKE ? ESCAPE '" + noEscape + "'", []any{strings.ToLower(pattern)}, nil
	}
	return expr + " LIKE ? ESCAPE '" + noEscape + "'", []any{pattern}, nil
}
