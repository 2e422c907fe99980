package mlflow

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var shelfEntities = map[string]registry.Subject{"attribute": registry.OfRow, "tag": registry.OfTag, "tags": registry.OfTag}

const badAttributeOp = "Invalid comparator for attribute: "

var badTagOp = map[registry.Subject]string{registry.OfTag: "Invalid comparator for tag: "}

const shelfBadEntity = "Valid entity types are ('attribute', 'tag', 'tags')"

// modelGrammar is SearchModelUtils of MLflow.
var modelGrammar = grammar{
	shelf: true, entities: shelfEntities, badEntity: shelfBadEntity,
	attrs: map[string]attribute{"name": {name: "name", lists: true, filter: true, badOp: badAttributeOp}},
	ops:   map[registry.Subject][]registry.Op{registry.OfTag: textOps}, badOp: badTagOp, sortBy: sortModels,
}

// sortModels reads the key of an order of models, which is no key of a filter.
func sortModels(_ *grammar, word string) (registry.Sort, error) {
	switch word {
	case "name":
		return registry.Sort{Key: "name"}, nil
	case "timestamp", "last_updated_timestamp":
		return registry.Sort{Key: "updated_at"}, nil
	}
	return registry.Sort{}, invalid("Invalid order by key '" + word + "' specified. Valid keys are '" + braces([]string{"name", "timestamp"}) + "'")
}

// versionGrammar is SearchModelVersionUtils of MLflow.
var versionGrammar = grammar{
	shelf: true, entities: shelfEntities, badEntity: shelfBadEntity,
	attrs: map[string]attribute{
		"name":                   {name: "name", lists: true, filter: true, order: true, badOp: badAttributeOp},
		"version_number":         {name: "number", number: true, filter: true, order: true, badOp: "Invalid comparator for attribute version_number: "},
		"run_id":                 {name: "run", lists: true, filter: true, badOp: badAttributeOp},
		"source_path":            {name: "source", filter: true, badOp: badAttributeOp},
		"creation_timestamp":     {name: "created_at", number: true, order: true},
		"last_updated_timestamp": {name: "updated_at", number: true, order: true},
	},
	ops: map[registry.Subject][]registry.Op{registry.OfTag: textOps}, badOp: badTagOp, sortBy: sortVersions,
}

// sortVersions reads the key of an order of versions, which is an attribute.
func sortVersions(g *grammar, word string) (registry.Sort, error) {
	ordered := func(a attribute) bool { return a.order }
	subject, key, err := g.key(word, ordered)
	if err != nil {
		return registry.Sort{}, err
	}
	if subject != registry.OfRow {
		return registry.Sort{}, invalid("Invalid order by key '" + key + "' specified. Valid keys are " + braces(g.attrNames(ordered)))
	}
	return registry.Sort{Key: g.attrs[key].name}, nil
}

// withoutPrompts makes a filter that means models of one that also may mean
// prompts, which MLflow keeps as models with a tag: they are only found where
// the filter asks for them.
func withoutPrompts(f registry.Filter) (registry.Filter, bool) {
	onTag := func(c registry.Condition) bool { return c.Subject == registry.OfTag && c.Key == registry.PromptTag }
	i := slices.IndexFunc(f, onTag)
	if i >= 0 {
		value, _ := f[i].Value.(string)
		if f[i].Op == registry.Equal && strings.EqualFold(value, "true") || f[i].Op == registry.NotEqual && strings.EqualFold(value, "false") {
			return f, false
		}
	}
	return slices.DeleteFunc(f, onTag), true
}

type shelfSearch struct {
	Filter     string   `field:"filter" check:"string"`
	MaxResults *int64   `field:"max_results" check:"int"`
	OrderBy    []string `field:"order_by" check:"array strings"`
	PageToken  string   `field:"page_token" check:"string"`
}

// Limits of searches, of which the second is given in parts: registry.MaxFound
// at a time.
const (
	defaultModels       = 100
	defaultGitLabModels = 200
	maxModels           = 1000
	maxVersions         = 200_000
)

// limit gives the length of an answer.
func (in shelfSearch) limit(most, usual int64) (int, error) {
	n := usual
	if in.MaxResults != nil {
		n = *in.MaxResults
	}
	switch {
	case n < 1:
		return 0, invalid("Invalid value for max_results. It must be a positive integer, but got " + strconv.FormatInt(n, 10))
	case n > most:
		return 0, badValue("max_results", json.RawMessage(strconv.Quote(strconv.FormatInt(n, 10)))) // as the text that it is in a query
	}
	return int(n), nil
}

// search reads the parts of a search that models and versions share.
func (in shelfSearch) search(g *grammar, usual []string) (s registry.ShelfSearch, err error) {
	if s.Filter, err = g.filter(in.Filter); err != nil {
		return s, err
	}
	s.Filter, s.NoPrompts = withoutPrompts(s.Filter)
	if len(in.OrderBy) == 0 {
		in.OrderBy = usual
	}
	if s.Order, err = g.order(in.OrderBy); err != nil {
		return s, err
	}
	s.After, err = parsePageToken(in.PageToken)
	return s, err
}

type modelsAnswer struct {
	Models        []modelJSON `json:"registered_models,omitzero"`
	NextPageToken any         `json:"next_page_token,omitzero"`
}

// searchModels finds models; GitLab's answers are cut to the longest, and always
// tell where the next begins.
func searchModels(c *call, in shelfSearch) (modelsAnswer, error) {
	usual := int64(defaultModels)
	if c.door == atGitLab {
		usual = defaultGitLabModels
		if in.MaxResults != nil {
			*in.MaxResults = min(*in.MaxResults, maxModels)
		}
	}
	limit, err := in.limit(maxModels, usual)
	if err != nil {
		return modelsAnswer{}, err
	}
	q, err := in.search(&modelGrammar, []string{"name"})
	if err != nil {
		return modelsAnswer{}, err
	}
	q.Limit = limit
	found, err := c.s.SearchModels(c.ctx(), c.ref, q)
	if err != nil {
		return modelsAnswer{}, err
	}
	var out modelsAnswer
	if c.door == atGitLab {
		out = modelsAnswer{Models: []modelJSON{}, NextPageToken: json.RawMessage("null")}
	}
	for _, m := range found.Items {
		wire := c.model(m)
		slices.SortFunc(wire.LatestVersions, func(a, b versionJSON) int { return strings.Compare(a.Stage, b.Stage) }) // MLflow's order here
		out.Models = append(out.Models, wire)
	}
	token, err := pageToken(found.Next)
	if token != "" {
		out.NextPageToken = token
	}
	return out, err
}

// searchVersions finds versions. They come without their aliases, as MLflow's
// do.
func searchVersions(c *call, in shelfSearch) (versionsAnswer, error) {
	limit, err := in.limit(maxVersions, maxVersions)
	if err != nil {
		return versionsAnswer{}, err
	}
	q, err := in.search(&versionGrammar, []string{"last_updated_timestamp DESC", "name ASC", "version_number DESC"})
	if err != nil {
		return versionsAnswer{}, err
	}
	q.Limit = limit
	found, err := c.s.SearchVersions(c.ctx(), c.ref, q)
	if err != nil {
		return versionsAnswer{}, err
	}
	var out versionsAnswer
	out.Versions, out.NextPageToken, err = wired(found.Items, found.Next, c.version)
	return out, err
}
