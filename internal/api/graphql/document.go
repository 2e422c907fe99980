package graphql

import (
	"errors"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// Limits of a query, as in GitLab. Introspection is answered from memory; its
// limit is above what the tools that people use ask for.
const (
	anonymousDepth     = 15
	userDepth          = 20
	anonymousScore     = 200
	userScore          = 250
	adminScore         = 300
	introspectionScore = 500
	maxRecursion       = 2
	maxTokens          = 5_000
	maxOverlaps        = 20_000
)

// pageMost is the number of nodes on a page at the most, and unless told.
const pageMost = 100

// document is a query that has been read and measured, not yet validated.
type document struct {
	refused *gqlerror.Error // why it is not run, if it is not

	text      string // with line feeds only, as it is to be run
	mutation  bool
	score     int
	depth     int
	recursive string // a field that is too often in one branch
	meta      bool   // asks for the schema only

	op        *ast.OperationDefinition
	fragments map[string]*ast.FragmentDefinition
}

// lineFeeds writes line ends in one way: what one reader of the text takes for
// the end of a comment, the other one shall too.
var lineFeeds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// plainSlashes takes the backslash off "\/" in strings: GraphQL has this escape,
// and some makers of JSON write it, but graphql-go does not know it. In block
// strings it is no escape.
func plainSlashes(text string) string {
	if !strings.Contains(text, `\/`) || strings.Contains(text, `"""`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if i++; text[i] != '/' {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// read reads a document and measures the operation that is to be run. The
// library that runs queries does not show how it reads them; gqlparser does.
func read(text, operation string, vars map[string]any) document {
	d := document{text: plainSlashes(lineFeeds.Replace(text))}
	if strings.TrimSpace(text) == "" {
		return d.refuse("No query string was present")
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: d.text}, maxTokens)
	if err != nil {
		d = d.refuse("Parse error")
		if e, ok := errors.AsType[*gqlerror.Error](err); ok {
			d.refused = &gqlerror.Error{Message: e.Message, Locations: e.Locations}
		}
		return d
	}
	d.op = doc.Operations.ForName(operation)
	switch {
	case operation == "" && len(doc.Operations) != 1:
		return d.refuse("An operation name is required")
	case d.op == nil:
		return d.refuse("No operation named " + strconv.Quote(operation))
	}
	d.mutation = d.op.Operation == ast.Mutation
	d.fragments = map[string]*ast.FragmentDefinition{}
	for _, f := range doc.Fragments {
		d.fragments[f.Name] = f
	}
	m := measure{fragments: d.fragments, vars: vars, defaults: d.op.VariableDefinitions,
		spreading: map[string]bool{}, branch: map[string]int{}, most: 4 * introspectionScore, onlyMeta: true}
	d.score, _ = m.selections(d.op.SelectionSet, 1)
	d.depth, d.recursive, d.meta = m.depth, m.recursive, m.onlyMeta
	return d
}

func (d document) refuse(why string) document {
	d.refused = &gqlerror.Error{Message: why}
	return d
}

// measure walks an operation with its fragments spread.
type measure struct {
	fragments map[string]*ast.FragmentDefinition
	vars      map[string]any
	defaults  ast.VariableDefinitionList

	spreading map[string]bool // fragments that are open: one inside itself ends there
	branch    map[string]int  // open fields by name
	fields    int
	most      int // the walk ends after so many fields
	depth     int
	recursive string
	onlyMeta  bool
}

// selections gives the score of a selection set, and whether it is that of a
// connection.
func (m *measure) selections(set ast.SelectionSet, depth int) (score int, connection bool) {
	for _, s := range set {
		if m.fields > m.most {
			return m.fields, connection
		}
		var more int
		var conn bool
		switch s := s.(type) {
		case *ast.Field:
			more, conn = m.field(s, depth), s.Name == "nodes" || s.Name == "edges"
		case *ast.InlineFragment:
			more, conn = m.selections(s.SelectionSet, depth)
		case *ast.FragmentSpread:
			more, conn = m.spread(s.Name, depth)
		}
		score, connection = score+more, connection || conn
	}
	return score, connection
}

func (m *measure) spread(name string, depth int) (score int, connection bool) {
	f := m.fragments[name]
	if f == nil || m.spreading[name] {
		return 0, false // validation will say so
	}
	m.spreading[name] = true
	defer delete(m.spreading, name)
	return m.selections(f.SelectionSet, depth)
}

// field scores one field as GitLab does: itself and what is below it, and of a
// connection a hundredth more for each node that it may give.
func (m *measure) field(f *ast.Field, depth int) int {
	m.fields++
	m.depth = max(m.depth, depth)
	if depth == 1 && !strings.HasPrefix(f.Name, "__") {
		m.onlyMeta = false
	}
	if depth > userDepth {
		return 1 // too deep already
	}
	if len(f.SelectionSet) > 0 {
		m.branch[f.Name]++
		defer func() { m.branch[f.Name]-- }()
		if m.branch[f.Name] > maxRecursion && !repeatable[f.Name] {
			m.recursive = f.Name
		}
	}
	below, connection := m.selections(f.SelectionSet, depth+1)
	score := 1 + below
	if connection {
		score += score * m.nodes(f.Arguments) / 100
	}
	return score
}

// repeatable are the fields that may be in a branch as often as they like.
var repeatable = map[string]bool{"node": true, "edges": true, "nodes": true, "ofType": true}

// nodes gives how many nodes a connection may give.
func (m *measure) nodes(args ast.ArgumentList) int {
	n := pageMost
	for _, name := range []string{"first", "last"} {
		a := args.ForName(name)
		if a == nil {
			continue
		}
		v, err := a.Value.Value(m.vars)
		if a.Value.Kind == ast.Variable && v == nil {
			v, err = m.initial(a.Value.Raw)
		}
		if k, ok := whole(v); ok && err == nil && k >= 0 {
			n = int(min(int64(n), k))
		}
	}
	return n
}

// initial gives the default of a variable.
func (m *measure) initial(name string) (any, error) {
	if d := m.defaults.ForName(name); d != nil && d.DefaultValue != nil {
		return d.DefaultValue.Value(nil)
	}
	return nil, nil
}

// whole reads a whole number, as JSON and GraphQL give them.
func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	}
	return 0, false
}

// over gives what a caller is told whose query is too much; "" if it is not.
func (d document) over(score, limit, maxDepth int) string {
	switch {
	case d.recursive != "":
		return "Recursive query - too many of fields '" + d.recursive + "' detected in single branch of the query"
	case d.depth > maxDepth:
		return "Query has depth of " + strconv.Itoa(d.depth) + ", which exceeds max depth of " + strconv.Itoa(maxDepth)
	case score > limit:
		return "Query has complexity of " + strconv.Itoa(score) + ", which exceeds max complexity of " + strconv.Itoa(limit)
	}
	return ""
}

// position finds the field that a path of an answer means. The document has
// been validated.
func (d document) position(path []any) *ast.Position {
	set := d.op.SelectionSet
	var at *ast.Position
	for _, step := range path {
		name, ok := step.(string)
		if !ok {
			continue // an index of a list
		}
		f := d.find(set, name)
		if f == nil {
			return nil
		}
		set, at = f.SelectionSet, f.Position
	}
	return at
}

// find looks for a field by the name that it has in the answer.
func (d document) find(set ast.SelectionSet, name string) (found *ast.Field) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Alias == name {
				return s
			}
		case *ast.InlineFragment:
			found = d.find(s.SelectionSet, name)
		case *ast.FragmentSpread:
			if f := d.fragments[s.Name]; f != nil {
				found = d.find(f.SelectionSet, name)
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}
