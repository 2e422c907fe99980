package httpxtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// node is a JSON value that keeps the order of its members.
type node struct {
	kind    byte     // '{', '[', '"' or 0 for numbers, true, false and null
	text    string   // strings: decoded; kind 0: as written
	bare    bool     // a placeholder that stood without quotes
	names   []string // of members
	items   []*node  // of arrays and objects
	partial bool     // "..." was there: more may follow
}

// bareMark goes before the name of a placeholder that stood without quotes,
// while the text around it is parsed. No sensible document contains it.
const bareMark = "\uE000"

// parsePattern reads expected JSON, in which placeholders may stand bare.
func parsePattern(text string) (*node, error) {
	n, err := parseJSON([]byte(quoteBare(text)))
	if err != nil {
		return nil, err
	}
	n.settle()
	return n, nil
}

// quoteBare puts quotes around placeholders that stand outside of strings.
func quoteBare(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
			c = text[i]
		case c == '"':
			inString = !inString
		case c == '$' && !inString:
			if loc := placeholder.FindStringIndex(text[i:]); loc != nil && loc[0] == 0 {
				b.WriteString(`"` + bareMark + text[i:i+loc[1]] + `"`)
				i += loc[1] - 1
				continue
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// settle turns the marks of a pattern into fields of its nodes.
func (n *node) settle() {
	switch n.kind {
	case '"':
		n.text, n.bare = strings.CutPrefix(n.text, bareMark)
	case '{':
		if i := slices.Index(n.names, "..."); i >= 0 {
			n.partial = true
			n.names = slices.Delete(n.names, i, i+1)
			n.items = slices.Delete(n.items, i, i+1)
		}
	case '[':
		if last := len(n.items) - 1; last >= 0 && n.items[last].kind == '"' && n.items[last].text == "..." {
			n.partial = true
			n.items = n.items[:last]
		}
	}
	for _, item := range n.items {
		item.settle()
	}
}

func parseJSON(data []byte) (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := parseNode(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON value")
	}
	return n, nil
}

func parseNode(dec *json.Decoder) (*node, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return &node{kind: '"', text: t}, nil
	case json.Delim:
		return parseInner(dec, byte(t))
	case nil:
		return &node{text: "null"}, nil
	default:
		return &node{text: fmt.Sprint(t)}, nil
	}
}

// parseInner reads the rest of an array or object.
func parseInner(dec *json.Decoder, kind byte) (*node, error) {
	n := &node{kind: kind}
	for dec.More() {
		if kind == '{' {
			t, err := dec.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return nil, errors.New("a member has no name")
			}
			if slices.Contains(n.names, name) {
				return nil, fmt.Errorf("the member %q comes twice", name)
			}
			n.names = append(n.names, name)
		}
		item, err := parseNode(dec)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := dec.Token()
	return n, err
}

func (n *node) member(name string) *node {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.items[i]
	}
	return nil
}

// fill gives the pattern with everything that matches got replaced by got: it
// is equal to got if, and only if, the pattern matches. Captures go to vars.
func (n *node) fill(got *node, vars map[string]string) (*node, error) {
	if n.kind == '"' {
		return n.fillString(got, vars)
	}
	if n.kind == 0 || got.kind != n.kind {
		return n, nil
	}
	out := &node{kind: n.kind}
	for i, item := range n.items {
		var other *node
		if n.kind == '{' {
			out.names = append(out.names, n.names[i])
			other = got.member(n.names[i])
		} else if i < len(got.items) {
			other = got.items[i]
		}
		if other != nil {
			var err error
			if item, err = item.fill(other, vars); err != nil {
				return nil, err
			}
		}
		out.items = append(out.items, item)
	}
	if n.partial {
		out.addRest(n, got)
	}
	return out, nil
}

// addRest adds what the pattern n allows without naming it.
func (out *node) addRest(n, got *node) {
	for i, item := range got.items {
		if n.kind == '[' && i >= len(n.items) {
			out.items = append(out.items, item)
		} else if n.kind == '{' && n.member(got.names[i]) == nil {
			out.names = append(out.names, got.names[i])
			out.items = append(out.items, item)
		}
	}
}

var integer = regexp.MustCompile(`^-?\d+$`)

func (n *node) fillString(got *node, vars map[string]string) (*node, error) {
	name, ok := whole(n.text)
	scalar := got.kind == '"' || got.kind == 0
	switch {
	case !ok:
	case name == "ANY",
		name == "INT" && got.kind == 0 && integer.MatchString(got.text),
		name == "TIME" && got.kind == '"' && isTime(got.text):
		return got, nil
	case name == "INT", name == "TIME":
		return n, nil
	case name[0] == '=' && scalar:
		vars[name[1:]] = got.text
		return got, nil
	case name[0] == '=':
		return n, nil
	case n.bare:
		v, ok := vars[name]
		if !ok {
			return nil, fmt.Errorf("the variable $%s is not set", name)
		}
		if scalar && got.text == v {
			return got, nil
		}
		if inner, err := parseJSON([]byte(v)); err == nil {
			return inner, nil
		}
		return &node{kind: '"', text: v}, nil
	}
	if got.kind != '"' {
		text, err := expandKnown(n.text, vars)
		return &node{kind: '"', text: text}, err
	}
	_, want, err := matchText(n.text, got.text, vars)
	return &node{kind: '"', text: want}, err
}

// expandKnown fills in variables and leaves wildcards and captures.
func expandKnown(s string, vars map[string]string) (string, error) {
	_, want, err := matchText(s+"\x00", "", vars)
	return strings.TrimSuffix(want, "\x00"), err
}

// refresh gives the pattern that matches got: what matched is left as it was
// written, the rest is taken from got. It needs the vars that fill left.
func (n *node) refresh(got *node, vars map[string]string) *node {
	if filled, err := n.fill(got, vars); err == nil && filled.render("", true) == got.render("", true) {
		return n
	}
	if n.kind == '"' || n.kind == 0 || n.kind != got.kind {
		return got.escape()
	}
	out := &node{kind: got.kind, partial: n.partial}
	for i, item := range got.items {
		var old *node
		if got.kind == '{' {
			old = n.member(got.names[i])
		} else if i < len(n.items) {
			old = n.items[i]
		}
		if old == nil && n.partial {
			continue
		}
		if old != nil {
			item = old.refresh(item, vars)
		} else {
			item = item.escape()
		}
		if got.kind == '{' {
			out.names = append(out.names, got.names[i])
		}
		out.items = append(out.items, item)
	}
	return out
}

// escape makes a pattern of a plain value: its dollar signs stand for
// themselves.
func (n *node) escape() *node {
	out := *n
	if n.kind == '"' {
		out.text = strings.ReplaceAll(n.text, "$", "$$")
	}
	out.items = make([]*node, len(n.items))
	for i, item := range n.items {
		out.items[i] = item.escape()
	}
	return &out
}
