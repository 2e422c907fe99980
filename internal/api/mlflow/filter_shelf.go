package mlflow

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What searches of the model registry say in words of their own.

// quoteClause writes a clause that is none into the message about such.
func (g *grammar) quoteClause(s string) string {
	if g.shelf {
		return s
	}
	return "'" + s + "'"
}

// shelfValue reads what a key is compared with. A number may be in quotes.
func (g *grammar) shelfValue(t token, subject registry.Subject, number bool) (any, error) {
	switch {
	case t.kind == textToken, t.kind == wordToken:
		return unquote(t.text)
	case subject == registry.OfTag:
		return nil, notQuoted(subject, t)
	case number:
		return parseNumber(t.text, true)
	case t.kind == numberToken && g.hasNumbers():
		return nil, invalid("Only the '" + braces(versionNumbers) + "' attributes support comparison with numeric values.")
	}
	return nil, invalid("Expected a quoted string value or a list of quoted string values for attributes. Got value " + t.text)
}

// versionNumbers are what MLflow counts as numbers of versions, though filters
// know the first only.
var versionNumbers = []string{"version_number", "creation_timestamp", "last_updated_timestamp"}

func (g *grammar) hasNumbers() bool {
	for _, a := range g.attrs {
		if a.number && a.filter {
			return true
		}
	}
	return false
}

// wholeNumber makes a whole number of what a number was compared with.
func wholeNumber(key string, v any) (any, error) {
	shown := ""
	switch v := v.(type) {
	case int64:
		return v, nil
	case string:
		if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64); err == nil {
			return n, nil
		}
		shown = pythonRepr(v)
	default:
		shown = fmt.Sprint(v)
	}
	return nil, invalid("Invalid value for numeric attribute '" + key + "': " + shown)
}
