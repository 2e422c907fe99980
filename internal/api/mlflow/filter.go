package mlflow

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// grammar is what the filter and the order of one kind of search may say. The
// syntax and the messages are those of mlflow/utils/search_utils.py, which
// reads filters with a parser of SQL: comparisons joined by AND.
type grammar struct {
	// entities are the words before the dot of a key, by what they mean.
	entities map[string]registry.Subject
	// badEntity ends the message about any other word.
	badEntity string
	attrs     map[string]attribute
	// ops are the comparisons of each subject but attributes.
	ops map[registry.Subject][]registry.Op
	// keys are those that a subject is limited to.
	keys map[registry.Subject][]string
	// orders are the subjects of orders, badOrder the message about others, in
	// which %s stands for the subject.
	orders   []registry.Subject
	badOrder string
	// bestFirst orders metrics from the highest on unless told, as GitLab does.
	bestFirst bool
	// badOp begins the message about a comparison that a subject does not have,
	// where it is not the usual one.
	badOp map[registry.Subject]string
	// translate may turn a condition into another one, as that on a tag which
	// is kept as an attribute.
	translate func(registry.Condition) (registry.Condition, error)
	// shelf says that the search is of the model registry, some of whose messages
	// differ (SearchModelUtils, SearchModelVersionUtils).
	shelf bool
	// traces says that the search is of traces, some of whose messages differ
	// (SearchTraceUtils), and which know regular expressions.
	traces bool
	// reads are what clauses on some subjects mean, where that is not the usual.
	reads map[registry.Subject]func(*grammar, clause, string) (registry.Condition, error)
	// sortBy reads the key of an order where that is no key of a filter; or nil.
	sortBy func(*grammar, string) (registry.Sort, error)
}

// attribute is an attribute of the rows.
type attribute struct {
	name   string // what the registry calls it; empty: it is only for translate
	number bool
	lists  bool // may be compared with a list
	filter bool
	order  bool
	ops    []registry.Op // nil: those of its kind
	badOp  string        // begins the message about others, if not the usual one
}

var (
	numberOps  = []registry.Op{registry.Equal, registry.NotEqual, registry.Greater, registry.AtLeast, registry.Less, registry.AtMost}
	textOps    = []registry.Op{registry.Equal, registry.NotEqual, registry.Like, registry.ILike}
	textInOps  = append(textOps[:len(textOps):len(textOps)], registry.In, registry.NotIn)
	textNulOps = append(textOps[:len(textOps):len(textOps)], registry.IsNull, registry.IsNotNull)
)

// maxFilter bounds a filter, in bytes.
const maxFilter = 100_000

// filter reads a filter; an empty one is met by all rows.
func (g *grammar) filter(s string) (registry.Filter, error) {
	clauses, err := g.clauses(s)
	if err != nil || len(clauses) == 0 {
		return nil, err
	}
	out := make(registry.Filter, 0, len(clauses))
	for _, c := range clauses {
		cond, err := g.condition(c)
		if err != nil {
			return nil, err
		}
		out = append(out, cond)
	}
	return out, nil
}

// clauses reads the comparisons of a filter as they were written.
func (g *grammar) clauses(s string) ([]clause, error) {
	if s == "" {
		return nil, nil
	}
	if strings.TrimSpace(s) == "" {
		return nil, invalid("Invalid filter '" + s + "'. Could not be parsed.")
	}
	if len(s) > maxFilter {
		return nil, invalid("The filter is too long: at most " + strconv.Itoa(maxFilter) + " bytes are read.")
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return nil, invalid("Error on parsing filter: it contains a NUL.")
	}
	p := &parser{g: g, whole: s, tokens: lex(s)}
	return p.clauses()
}

// parser reads the tokens of one filter.
type parser struct {
	g      *grammar
	whole  string
	tokens []token
	bad    []string // clauses that are none
}

func (p *parser) peek(i int) token {
	if i < len(p.tokens) {
		return p.tokens[i]
	}
	return token{kind: otherToken}
}

// clauses reads comparisons and the ANDs between them. What is neither is
// gathered, to be named in one message.
func (p *parser) clauses() ([]clause, error) {
	var clauses []clause
	for len(p.tokens) > 0 {
		switch first := p.peek(0); {
		case first.is("AND"):
			p.tokens = p.tokens[1:]
		case first.text == ";" && len(p.tokens) > 1:
			return nil, invalid("Search filter contained multiple expression " + pythonRepr(p.whole) + ". Provide AND-ed expression list.")
		default:
			if c, n := p.clause(); n > 0 {
				clauses, p.tokens = append(clauses, c), p.tokens[n:]
				continue
			}
			if sign, value := p.peek(1), p.peek(2); first.comparable() && sign.kind == signToken && value.comparable() {
				return nil, invalid("Invalid comparison clause. Expected 'Identifier' found '" + first.text + "'")
			}
			p.bad = append(p.bad, p.g.quoteClause(first.text))
			p.tokens = p.tokens[1:]
		}
	}
	if len(p.bad) > 0 {
		return nil, invalid("Invalid clause(s) in filter string: " + strings.Join(p.bad, ", "))
	}
	return clauses, nil
}

// clause is a comparison as it was written.
type clause struct {
	key   string
	op    registry.Op
	value token
	list  []token // in brackets
	raw   string  // the list as it was written
}

// comparable reports whether a token can stand on a side of a comparison.
func (t token) comparable() bool {
	return t.kind == textToken || t.kind == numberToken || t.kind == wordToken
}

// clause reads one comparison and gives the number of its tokens, 0 for none.
func (p *parser) clause() (clause, int) {
	key, sign := p.peek(0), p.peek(1)
	if key.kind != wordToken {
		return clause{}, 0
	}
	c := clause{key: key.text, op: registry.Op(strings.ToUpper(sign.text)), value: p.peek(2)}
	switch {
	case sign.kind == signToken, sign.is("LIKE"), sign.is("ILIKE"), p.g != nil && p.g.traces && sign.is("RLIKE"):
		if c.value.comparable() {
			return c, 3
		}
		return c, 0
	case sign.is("IS") && c.value.is("NULL"):
		c.op = registry.IsNull
		return c, 3
	case sign.is("IS") && c.value.is("NOT") && p.peek(3).is("NULL"):
		c.op = registry.IsNotNull
		return c, 4
	case sign.is("IN"):
		return p.inList(c, registry.In, 2)
	case sign.is("NOT") && c.value.is("IN"):
		return p.inList(c, registry.NotIn, 3)
	}
	return c, 0
}

// inList reads a list in brackets that begins at token i.
func (p *parser) inList(c clause, op registry.Op, i int) (clause, int) {
	c.op = op
	if p.peek(i).text != "(" {
		return c, 0
	}
	from := p.peek(i).at
	for i++; p.peek(i).text != ")"; i++ {
		if i >= len(p.tokens) {
			return c, 0
		}
		if p.peek(i).text != "," {
			c.list = append(c.list, p.peek(i))
		}
	}
	c.raw = p.whole[from : p.peek(i).at+1]
	return c, i + 1
}

// condition checks a clause and says it in the registry's words.
func (g *grammar) condition(c clause) (registry.Condition, error) {
	subject, key, err := g.key(c.key, func(a attribute) bool { return a.filter })
	if err != nil {
		return registry.Condition{}, err
	}
	if read := g.reads[subject]; read != nil {
		return read(g, c, key)
	}
	out := registry.Condition{Subject: subject, Key: key, Op: c.op}
	ops, number, attr := g.ops[subject], subject == registry.OfMetric, attribute{}
	if subject == registry.OfRow {
		attr = g.attrs[key]
		ops, number = attr.allowed(), attr.number
	}
	if err := g.checkTraceClause(c, subject, ops, number); err != nil {
		return out, err
	}
	if c.op == registry.IsNull || c.op == registry.IsNotNull {
		if !slices.Contains(ops, c.op) {
			return out, invalid("IS NULL / IS NOT NULL is only supported for tags and params, not for '" + entityNames[subject] + "' '" + key + "'")
		}
		if g.traces {
			out.Key = cmp.Or(attr.name, key)
		}
		return g.translated(out)
	}
	if out.Value, err = g.value(c, subject, key, number, attr); err != nil {
		return out, err
	}
	if !slices.Contains(ops, c.op) {
		if start := attr.badOp + g.badOp[subject]; start != "" {
			return out, invalid(start + string(c.op))
		}
		return out, invalid("Invalid comparator '" + string(c.op) + "' not one of '" + braces(opTexts(ops)) + "'")
	}
	if g.shelf && number {
		if out.Value, err = wholeNumber(key, out.Value); err != nil {
			return out, err
		}
	}
	if subject == registry.OfRow && attr.name != "" {
		out.Key = attr.name
	}
	return g.translated(out)
}

func (g *grammar) translated(c registry.Condition) (registry.Condition, error) {
	if g.translate == nil {
		return c, nil
	}
	return g.translate(c)
}

func (a attribute) allowed() []registry.Op {
	switch {
	case a.ops != nil:
		return a.ops
	case a.number:
		return numberOps
	}
	return textInOps
}

// entityNames are what MLflow calls the subjects.
var entityNames = map[registry.Subject]string{registry.OfRow: "attribute", registry.OfMetric: "metric", registry.OfParam: "parameter",
	registry.OfTag: "tag", registry.OfDataset: "dataset", registry.OfSpan: "span", registry.OfFeedback: "feedback", registry.OfExpectation: "expectation",
	registry.OfIssue: "issue"}

// key reads "entity.key"; a key without an entity is an attribute.
func (g *grammar) key(s string, fits func(attribute) bool) (registry.Subject, string, error) {
	entity, key, dotted := strings.Cut(s, ".")
	if !dotted {
		entity, key = "attribute", s
	}
	entity = trim(entity, '`')
	subject, ok := g.entities[entity]
	if !ok {
		return 0, "", invalid("Invalid entity type '" + entity + "'. " + g.badEntity)
	}
	key = trim(trim(key, '"'), '`')
	if subject == registry.OfRow {
		if a, ok := g.attrs[key]; !ok || !fits(a) {
			return 0, "", invalid("Invalid attribute key '" + key + "' specified. Valid keys are '" + braces(g.attrNames(fits)) + "'")
		}
	}
	if keys := g.keys[subject]; keys != nil && !slices.Contains(keys, key) {
		return 0, "", invalid("Invalid " + entityNames[subject] + " key '" + key + "' specified. Valid keys are '" + braces(keys) + "'")
	}
	return subject, key, nil
}

func (g *grammar) attrNames(fits func(attribute) bool) []string {
	var out []string
	for name, a := range g.attrs {
		if fits(a) {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// value reads what a key is compared with.
func (g *grammar) value(c clause, subject registry.Subject, key string, number bool, attr attribute) (any, error) {
	t := c.value
	if c.op == registry.In || c.op == registry.NotIn {
		if (!number || g.shelf) && (subject == registry.OfRow || subject == registry.OfDataset) {
			return g.list(c, subject, attr)
		}
		t = token{kind: otherToken, text: c.raw}
	}
	switch {
	case g.shelf:
		return g.shelfValue(t, subject, number)
	case number && t.kind != numberToken && subject == registry.OfMetric:
		return nil, invalid("Expected numeric value type for metric. Found " + t.text)
	case number && t.kind != numberToken:
		return nil, invalid("Expected numeric value type for numeric attribute: " + key + ". Found " + t.text)
	case number:
		return parseNumber(t.text, subject != registry.OfMetric)
	case t.kind == textToken, t.kind == wordToken:
		return unquote(t.text)
	case subject == registry.OfRow && g.traces && t.kind == numberToken:
		return nil, invalid("Only the '" + braces(g.attrNames(func(a attribute) bool { return a.number })) + "' attributes support comparison with numeric values.")
	case subject == registry.OfRow:
		return nil, invalid("Expected a quoted string value for attributes. Got value " + t.text)
	case subject == registry.OfDataset:
		return nil, invalid("Expected a quoted string value for dataset attributes. Got value " + t.text)
	}
	return nil, notQuoted(subject, t)
}

func notQuoted(subject registry.Subject, t token) error {
	return invalid("Expected a quoted string value for " + entityNames[subject] + " (e.g. 'my-value'). Got value " + t.text)
}

func parseNumber(s string, whole bool) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); whole && err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, invalid("The number " + s + " is out of range.")
	}
	return f, nil
}

func (g *grammar) list(c clause, subject registry.Subject, attr attribute) (any, error) {
	if subject != registry.OfDataset && !attr.lists {
		return nil, invalid("Only " + listNames(g.attrs) + " attributes support comparison with a list of quoted string values.")
	}
	out := make([]string, 0, len(c.list))
	for _, t := range c.list {
		s, err := unquote(t.text)
		if err != nil || t.kind != textToken && t.kind != wordToken {
			return nil, invalid("While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: " + tuple(c))
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, invalid("While parsing a list in the query, expected a non-empty list of string values, but got empty list")
	}
	return out, nil
}

// tuple writes a list as Python writes a tuple.
func tuple(c clause) string {
	if len(c.list) == 1 {
		return "(" + c.list[0].text + ",)"
	}
	return c.raw
}

func listNames(attrs map[string]attribute) string {
	var names []string
	for n, a := range attrs {
		if a.lists {
			names = append(names, "'"+n+"'")
		}
	}
	sort.Strings(names)
	return "[" + strings.Join(names, ", ") + "]"
}

// unquote takes the quotes off a text; without any it is none.
func unquote(s string) (string, error) {
	if t := trim(s, '\''); t != s {
		return t, nil
	}
	if t := trim(s, '"'); t != s {
		return t, nil
	}
	return "", invalid("Parameter value is either not quoted or unidentified quote types used for string value " + s + ". Use either single or double quotes.")
}

// trim takes a pair of quotes off a text that is in such.
func trim(s string, quote byte) string {
	if len(s) >= 2 && s[0] == quote && s[len(s)-1] == quote {
		return s[1 : len(s)-1]
	}
	return s
}

func opTexts(ops []registry.Op) []string {
	out := make([]string, len(ops))
	for i, o := range ops {
		out[i] = string(o)
	}
	return out
}

// braces writes a set as Python does.
func braces(items []string) string { return "{'" + strings.Join(items, "', '") + "'}" }

// pythonRepr quotes a text as Python's repr does.
func pythonRepr(s string) string {
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
}
