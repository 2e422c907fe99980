package httpxtest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// wide is the length up to which a body is written in one line.
const wide = 110

// format writes a pattern as a script has it: in one line if that is short.
func (n *node) format() string {
	if one := n.oneLine(); len(one) <= wide {
		return one
	}
	return n.render("", false)
}

func (n *node) oneLine() string {
	var parts []string
	for i, item := range n.items {
		s := item.oneLine()
		if n.kind == '{' {
			s = quote(n.names[i]) + ": " + s
		}
		parts = append(parts, s)
	}
	return n.wrap(parts, "", ", ", "")
}

// render writes the value indented, with sorted members if they are to be
// compared.
func (n *node) render(indent string, sorted bool) string {
	if len(n.items) == 0 {
		return n.oneLine()
	}
	inner := indent + "  "
	order := make([]int, len(n.items))
	for i := range order {
		order[i] = i
	}
	if sorted && n.kind == '{' {
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(n.names[a], n.names[b]) })
	}
	var parts []string
	for _, i := range order {
		s := n.items[i].render(inner, sorted)
		if n.kind == '{' {
			s = quote(n.names[i]) + ": " + s
		}
		parts = append(parts, s)
	}
	return n.wrap(parts, "\n"+inner, ",\n"+inner, "\n"+indent)
}

// wrap puts the parts of an array or object between their brackets; scalars
// are written as they are.
func (n *node) wrap(parts []string, before, between, after string) string {
	switch {
	case n.kind == 0 || n.bare:
		return n.text
	case n.kind == '"':
		return quote(n.text)
	case n.partial && n.kind == '{':
		parts = append(parts, `"...": true`)
	case n.partial:
		parts = append(parts, `"..."`)
	}
	closing := "}"
	if n.kind == '[' {
		closing = "]"
	}
	if len(parts) == 0 {
		return string(n.kind) + closing
	}
	return string(n.kind) + before + strings.Join(parts, between) + after + closing
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `"?"` // strings can always be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}
