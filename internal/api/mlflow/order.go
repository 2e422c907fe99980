package mlflow

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// order reads the keys of an order, as "metrics.acc DESC".
func (g *grammar) order(keys []string) ([]registry.Sort, error) {
	var out []registry.Sort
	for _, s := range keys {
		o, err := g.sortKey(s)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.Subject == o.Subject && other.Key == o.Key {
				return nil, invalid("`order_by` contains duplicate fields: " + pythonList(keys))
			}
		}
		out = append(out, o)
	}
	return out, nil
}

func (g *grammar) sortKey(s string) (registry.Sort, error) {
	tokens := lex(s)
	bad := invalid("Invalid order_by clause '" + s + "'. Could not be parsed.")
	if len(tokens) == 0 || len(tokens) > 2 || tokens[0].kind != wordToken || len(s) > maxFilter {
		return registry.Sort{}, bad
	}
	desc := false
	if len(tokens) == 2 {
		switch desc = tokens[1].is("DESC"); {
		case tokens[1].kind != wordToken, g.traces && !desc && !tokens[1].is("ASC"):
			return registry.Sort{}, bad
		case !desc && !tokens[1].is("ASC"):
			return registry.Sort{}, invalid("Invalid ordering key in order_by clause '" + s + "'.")
		}
	}
	if g.sortBy != nil {
		o, err := g.sortBy(g, tokens[0].text)
		o.Desc = desc
		return o, err
	}
	subject, key, err := g.key(tokens[0].text, func(a attribute) bool { return a.order })
	if err != nil {
		return registry.Sort{}, err
	}
	if !slices.Contains(g.orders, subject) {
		return registry.Sort{}, invalid(fmt.Sprintf(g.badOrder, entityNames[subject]))
	}
	if subject == registry.OfMetric && len(tokens) == 1 {
		desc = g.bestFirst
	}
	if a, ok := g.attrs[key]; ok && subject == registry.OfRow && a.name != "" {
		key = a.name
	}
	o := registry.Condition{Subject: subject, Key: key}
	if o, err = g.translated(o); err != nil {
		return registry.Sort{}, err
	}
	return registry.Sort{Subject: o.Subject, Key: o.Key, Desc: desc}, nil
}

// pythonList writes a list of texts as Python does.
func pythonList(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = pythonRepr(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// wired writes what a search has found, and the mark to go on behind it.
func wired[T, W any](found []T, next registry.Mark, wire func(T) W) (out []W, token string, err error) {
	out = slices.Grow(out, len(found)) // of none, nil
	for _, f := range found {
		out = append(out, wire(f))
	}
	token, err = pageToken(next)
	return out, token, err
}

// maxToken is more than the values of any row need.
const maxToken = 64 << 10

// pageToken writes a mark as an opaque text: its values, each with a letter for
// its type, in JSON and base64.
func pageToken(m registry.Mark) (string, error) {
	if len(m.Keys) == 0 {
		return "", nil
	}
	texts := make([]string, len(m.Keys))
	for i, k := range m.Keys {
		switch k := k.(type) {
		case int64:
			texts[i] = "i" + strconv.FormatInt(k, 10)
		case float64:
			texts[i] = "f" + strconv.FormatFloat(k, 'g', -1, 64)
		case string:
			texts[i] = "s" + k
		default:
			return "", fmt.Errorf("mlflow: a mark holds a %T", k)
		}
	}
	raw, err := json.Marshal(texts)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// parsePageToken reads what pageToken wrote; "" is the beginning.
func parsePageToken(s string) (registry.Mark, error) {
	var m registry.Mark
	if s == "" {
		return m, nil
	}
	bad := invalid("Invalid page token: it is not one that this server has given.")
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var texts []string
	if err != nil {
		return m, invalid("Invalid page token, could not base64-decode")
	}
	if len(s) > maxToken || json.Unmarshal(raw, &texts) != nil || len(texts) == 0 {
		return m, bad
	}
	for _, t := range texts {
		k, err := markKey(t)
		if err != nil {
			return registry.Mark{}, bad
		}
		m.Keys = append(m.Keys, k)
	}
	return m, nil
}

func markKey(t string) (any, error) {
	if t == "" {
		return nil, strconv.ErrSyntax
	}
	switch t[0] {
	case 'i':
		return strconv.ParseInt(t[1:], 10, 64)
	case 'f':
		return strconv.ParseFloat(t[1:], 64)
	case 's':
		return t[1:], nil
	}
	return nil, strconv.ErrSyntax
}
