package mlflow

import (
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Attributes of traces that are kept elsewhere.
const (
	textAttr   = "text"
	promptAttr = "mlflow.linkedPrompts"
)

// badClause begins the message about what is no comparison.
const badClause = "Invalid clause(s) in filter string: "

var (
	likes       = []registry.Op{registry.Like, registry.ILike}
	matchOps    = []registry.Op{registry.Equal, registry.NotEqual, registry.In, registry.NotIn, registry.Like, registry.ILike, registry.Match}
	matchNulOps = []registry.Op{registry.Equal, registry.NotEqual, registry.Like, registry.ILike, registry.Match, registry.IsNull, registry.IsNotNull}
)

// checkTraceClause refuses what a search for traces cannot compare, in the words
// of SearchTraceUtils.
func (g *grammar) checkTraceClause(c clause, subject registry.Subject, ops []registry.Op, number bool) error {
	switch {
	case !g.traces:
		return nil
	case (c.op == registry.IsNull || c.op == registry.IsNotNull) && !slices.Contains(ops, c.op):
		return invalid(badClause + "'" + c.key + "', 'IS', 'NULL'")
	case number && slices.Contains(numberOps, c.op) && c.value.kind != numberToken:
		return invalid(badClause + "'" + c.key + "', '" + string(c.op) + "', '" + c.value.text + "'")
	case !slices.Contains(ops, c.op) && (subject != registry.OfRow || number && (c.op == registry.Like || c.op == registry.ILike || c.op == registry.Match)):
		return badComparator(c.op, ops)
	}
	return nil
}

func badComparator(op registry.Op, ops []registry.Op) error {
	return invalid("Invalid comparator '" + string(op) + "' not one of '" + braces(opTexts(ops)) + "'")
}

// textOf reads the quoted text that a clause compares with, or the list of such.
func (g *grammar) textOf(c clause, entity string) (any, error) {
	if c.op == registry.In || c.op == registry.NotIn {
		return g.list(c, registry.OfDataset, attribute{})
	}
	if c.value.kind == textToken || c.value.kind == wordToken {
		return unquote(c.value.text)
	}
	return nil, invalid("Expected a quoted string value for " + entity + " (e.g. 'my-value'). Got value " + c.value.text)
}

// spanClause reads a clause on spans: their name, type, status, content, or an
// attribute, which is looked for in the content.
func spanClause(g *grammar, c clause, key string) (registry.Condition, error) {
	out := registry.Condition{Subject: registry.OfSpan, Key: key, Op: c.op}
	ops := matchOps
	name, isAttribute := strings.CutPrefix(key, "attributes.")
	switch name = trim(name, '`'); {
	case isAttribute && name == "":
		return out, invalid("Span attribute name cannot be empty after 'attributes.'")
	case isAttribute:
		out.Key = "content"
	case key == "content":
		ops = likes
	case key == "type":
		out.Key = "kind"
	case key != "name" && key != "status":
		return out, invalid("Invalid span attribute '" + key + "'. Supported attributes: name, status, type, attributes.<attribute_name>.")
	}
	if !slices.Contains(ops, c.op) {
		return out, invalid("span." + key + " comparator '" + string(c.op) + "' not one of '" + braces(opTexts(ops)) + "'")
	}
	var err error
	if out.Value, err = g.textOf(c, "span"); err != nil || !isAttribute {
		return out, err
	}
	text, _ := out.Value.(string)
	switch c.op {
	case registry.Like, registry.ILike:
		out.Value = "%" + quotePython(name, maxRune) + text + "%"
	case registry.Match:
		out.Value = attributePattern(name, text)
	default:
		// MLflow takes these and finds nothing.
		return out, invalid("Attributes of spans are compared by LIKE, ILIKE or RLIKE, as in span.attributes." + name + " LIKE '%value%'")
	}
	return out, nil
}

// attributePattern finds an attribute whose value a pattern describes, as spans
// are kept: "name": "\"value\"".
func attributePattern(name, pattern string) string {
	start, end := `"\\".*`, ""
	if strings.HasPrefix(pattern, "^") {
		start, pattern = `"\\"`, pattern[1:]
	}
	if strings.HasSuffix(pattern, "$") {
		end, pattern = `\\"`, pattern[:len(pattern)-1]
	}
	return `"` + name + `": ` + start + pattern + end
}

// assessmentClause reads a clause on assessments by their name.
func assessmentClause(entity string, subject registry.Subject) func(*grammar, clause, string) (registry.Condition, error) {
	return func(g *grammar, c clause, key string) (registry.Condition, error) {
		out := registry.Condition{Subject: subject, Key: key, Op: c.op}
		ops := slices.Concat(matchNulOps, []registry.Op{registry.Greater, registry.AtLeast, registry.Less, registry.AtMost})
		numeric := slices.Contains(ops[len(matchNulOps):], c.op)
		switch {
		case key == "":
			return out, invalid("Assessment field name cannot be empty")
		case c.op == registry.In || c.op == registry.NotIn:
			return out, invalid("Expected a quoted string value for " + entity + " (e.g. 'my-value'). Got value " + c.raw)
		case !slices.Contains(ops, c.op):
			return out, invalid("assessment." + key + " comparator '" + string(c.op) + "' not one of '" + braces(opTexts(ops)) + "'")
		case c.op == registry.IsNull || c.op == registry.IsNotNull:
			return out, nil
		case numeric && c.value.kind != numberToken:
			return out, invalid("Expected a numeric value for " + entity + " when using comparator '" + string(c.op) + "'. Got value " + c.value.text)
		case numeric:
			n, err := parseNumber(c.value.text, false)
			out.Value = n
			return out, err
		}
		v, err := g.textOf(c, entity)
		if text, ok := v.(string); ok && c.op == registry.Equal {
			// Values are kept as JSON: a text is in quotes, true and 5.0 are not.
			out.Op, v = registry.In, []string{text, pythonString(text)}
		} else if ok && c.op == registry.NotEqual {
			out.Op, v = registry.NotIn, []string{text, pythonString(text)}
		}
		out.Value = v
		return out, err
	}
}

// issueClause reads a clause on the issues of a trace.
func issueClause(g *grammar, c clause, key string) (registry.Condition, error) {
	out := registry.Condition{Subject: registry.OfIssue, Key: key, Op: c.op}
	switch {
	case key != "id":
		return out, invalid("Invalid issue attribute '" + key + "'. Supported attributes: id")
	case c.op != registry.Equal:
		return out, invalid("issue.id comparator '" + string(c.op) + "' not one of '{'='}'")
	}
	var err error
	out.Value, err = g.textOf(c, "issue")
	return out, err
}

// promptCondition reads a condition on a version of a prompt, "name/1".
func promptCondition(c registry.Condition) (registry.Condition, error) {
	text, _ := c.Value.(string)
	switch {
	case c.Op != registry.Equal:
		return c, invalid("Invalid comparator '" + string(c.Op) + `' for prompts filter. Only '=' is supported with format: prompt = "name/version"`)
	case strings.Count(text, "/") != 1:
		return c, invalid("Invalid prompts filter value '" + text + `'. Expected format: prompt = "name/version"`)
	}
	c.Subject = registry.OfPrompt
	return c, nil
}
