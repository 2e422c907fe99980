package mlflow

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// What can be asked of logged models, and in which words, is that of
// mlflow/utils/search_logged_model_utils.py, which has a grammar of its own.

var loggedEntities = map[string]registry.Subject{"attributes": registry.OfRow, "metrics": registry.OfMetric, "params": registry.OfParam, "tags": registry.OfTag}

// loggedAttrs are the attributes, by the registry's names; the numbers are
// times in ms.
var loggedAttrs = map[string]attribute{
	"name": {name: "name"}, "model_id": {name: "eid"}, "model_type": {name: "type"}, "status": {name: "status"},
	"source_run_id": {name: "source_run"}, "experiment_id": {name: "experiment_id"},
	"creation_time": {name: "created_at", number: true}, "creation_timestamp": {name: "created_at", number: true},
	"creation_timestamp_ms": {name: "created_at", number: true}, "last_updated_timestamp": {name: "updated_at", number: true},
	"last_updated_timestamp_ms": {name: "updated_at", number: true},
}

// loggedKey reads "metrics.acc"; a key without a dot is an attribute.
func loggedKey(s string) (registry.Subject, string, error) {
	entity, key, dotted := strings.Cut(s, ".")
	if !dotted {
		return registry.OfRow, trim(s, '`'), nil
	}
	subject, ok := loggedEntities[entity]
	if !ok {
		return 0, "", invalid("Invalid entity type: " + pythonRepr(entity) + ". Expected one of ['attributes', 'metrics', 'params', 'tags'].")
	}
	return subject, trim(trim(key, '`'), '"'), nil
}

// loggedFilter reads a filter of logged models.
func loggedFilter(s string) (registry.Filter, error) {
	if len(s) > maxFilter {
		return nil, invalid(fmt.Sprintf("The filter is too long: at most %d bytes are read.", maxFilter))
	}
	var out registry.Filter
	p := &parser{whole: s, tokens: lex(s)}
	for len(p.tokens) > 0 {
		if p.peek(0).is("AND") {
			p.tokens = p.tokens[1:]
			continue
		}
		c, n := p.clause()
		if n == 0 || c.op == registry.IsNull || c.op == registry.IsNotNull {
			return nil, invalid("Invalid filter string: " + pythonRepr(s) +
				". Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').")
		}
		cond, err := loggedCondition(c)
		if err != nil {
			return nil, err
		}
		out, p.tokens = append(out, cond), p.tokens[n:]
	}
	return out, nil
}

func loggedCondition(c clause) (registry.Condition, error) {
	subject, key, err := loggedKey(c.key)
	if err != nil {
		return registry.Condition{}, err
	}
	out := registry.Condition{Subject: subject, Key: key, Op: c.op}
	attr, known := loggedAttrs[key]
	ops, names := textInOps, "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')"
	number := subject == registry.OfMetric || subject == registry.OfRow && attr.number
	if number {
		ops, names = numberOps, "('<', '<=', '>', '>=', '=', '!=')"
	}
	if !slices.Contains(ops, c.op) {
		return out, invalid("Invalid comparison operator for " + loggedEntityName(subject) + "." + key + ": " + pythonRepr(string(c.op)) + ". Expected one of " + names + ".")
	}
	if subject == registry.OfRow {
		if !known {
			return out, invalid("Invalid attribute key '" + key + "' specified.")
		}
		out.Key = attr.name
	}
	switch {
	case c.op == registry.In || c.op == registry.NotIn:
		out.Value, err = loggedList(c)
	case number && c.value.kind != numberToken:
		err = invalid("Expected a number to compare " + loggedEntityName(subject) + "." + key + " with. Found " + c.value.text)
	case number:
		out.Value, err = parseNumber(c.value.text, subject == registry.OfRow)
	default:
		out.Value = loggedText(c.value)
	}
	if out.Subject == registry.OfRow && out.Key == "status" {
		out.Value = loggedStatusOf(out.Value)
	}
	return out, err
}

func loggedEntityName(s registry.Subject) string {
	for name, subject := range loggedEntities {
		if subject == s {
			return name
		}
	}
	return ""
}

// loggedText gives a value without its quotes, which it may lack.
func loggedText(t token) string { return trim(trim(t.text, '\''), '"') }

func loggedList(c clause) (any, error) {
	var out []string
	for _, t := range c.list {
		if t.kind != textToken && t.kind != wordToken {
			return nil, invalid("Expected a list of quoted texts. Found " + c.raw)
		}
		out = append(out, loggedText(t))
	}
	if out == nil {
		return nil, invalid("Expected a list of quoted texts. Found " + c.raw)
	}
	return out, nil
}

// loggedStatusOf turns what stands for a status into ours: its number, by which
// MLflow keeps it, or one of its names, which MLflow finds nothing by.
func loggedStatusOf(v any) any {
	name := func(s string) string {
		for i, n := range loggedStatuses {
			if s == strconv.Itoa(i) || s == n.name || "LOGGED_MODEL_"+s == n.name || s == "FAILED" && n.status == registry.LoggedFailed {
				return string(n.status)
			}
		}
		return s
	}
	switch v := v.(type) {
	case string:
		return name(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = name(s)
		}
		return out
	}
	return v
}

type loggedOrder struct {
	Field     string `field:"field_name"`
	Ascending *bool  `field:"ascending"`
	Dataset   string `field:"dataset_name"`
	Digest    string `field:"dataset_digest"`
}

func (o loggedOrder) sort() (registry.Sort, error) {
	out := registry.Sort{Desc: o.Ascending != nil && !*o.Ascending}
	entity, key, dotted := strings.Cut(o.Field, ".")
	if dotted {
		if entity != "metrics" {
			return out, invalid("Invalid order by field name: " + o.Field + ". Only metrics are supported.")
		}
		out.Subject, out.Key, out.Data = registry.OfMetric, key, registry.DatasetRef{Name: o.Dataset, Digest: o.Digest}
		return out, nil
	}
	attr, ok := loggedAttrs[o.Field]
	if !ok {
		return out, &apiError{code: invalidParameter, kind: fault.Invalid, class: "ATTRIBUTE_NOT_FOUND", state: "KAM04", msg: "Invalid order by field name: " + o.Field}
	}
	out.Key = attr.name
	return out, nil
}

type loggedDataset struct {
	Name   string `field:"dataset_name"`
	Digest string `field:"dataset_digest"`
}

type loggedModelSearch struct {
	ExperimentIDs []string        `field:"experiment_ids" check:"array strings required"`
	Filter        string          `field:"filter" check:"string"`
	Datasets      []loggedDataset `field:"datasets" check:"array"`
	MaxResults    *int64          `field:"max_results" check:"int"`
	OrderBy       []loggedOrder   `field:"order_by" check:"array"`
	PageToken     string          `field:"page_token" check:"string"`
}

type loggedModelsAnswer struct {
	Models        []loggedModelJSON `json:"models,omitempty"`
	NextPageToken string            `json:"next_page_token,omitempty"`
}

// defaultLogged is how many logged models an answer has unless told, and when
// it is told none (SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT).
const defaultLogged = 100

func (in loggedModelSearch) query() (registry.LoggedModelSearch, error) {
	q := registry.LoggedModelSearch{Search: registry.Search{Limit: defaultLogged}}
	if n := deref(in.MaxResults); n != 0 {
		if err := checkMaxResults(n); err != nil {
			return q, err
		}
		q.Limit = int(n)
	}
	var err error
	for _, d := range in.Datasets {
		if d.Name == "" {
			return q, invalid("`dataset_name` in the `datasets` clause must be specified.")
		}
		q.Data = append(q.Data, registry.DatasetRef{Name: d.Name, Digest: d.Digest})
	}
	if q.Filter, err = loggedFilter(in.Filter); err != nil {
		return q, err
	}
	for _, o := range in.OrderBy {
		s, err := o.sort()
		if err != nil {
			return q, err
		}
		q.Order = append(q.Order, s)
	}
	if q.After, err = in.after(); err != nil {
		return q, err
	}
	q.Experiments, err = parseExperimentIDs(in.ExperimentIDs)
	return q, err
}

// stamps tell one search from another, with what MLflow says of a page token of
// another one (SearchLoggedModelsPaginationToken of mlflow/utils/search_utils.py).
func (in loggedModelSearch) stamps() [][2]string {
	var order []string
	for _, o := range in.OrderBy {
		order = append(order, o.Field, strconv.FormatBool(o.Ascending == nil || *o.Ascending), o.Dataset, o.Digest)
	}
	return [][2]string{
		{stamp(in.ExperimentIDs), "Experiment IDs in the page token do not match the requested experiment IDs."},
		{stamp([]string{in.Filter}), "Filter string in the page token does not match the requested filter string."},
		{stamp(order), "Order by in the page token does not match the requested order by."},
	}
}

func stamp(texts []string) string {
	h := fnv.New32a()
	fmt.Fprintf(h, "%q", texts)
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// token adds the stamps to where the next page begins.
func (in loggedModelSearch) token(next registry.Mark) (string, error) {
	t, err := pageToken(next)
	if t == "" {
		return t, err
	}
	for _, s := range in.stamps() {
		t += "." + s[0]
	}
	return t, err
}

// after reads where a page begins.
func (in loggedModelSearch) after() (registry.Mark, error) {
	parts := strings.Split(in.PageToken, ".")
	mark, err := parsePageToken(parts[0])
	if err != nil || in.PageToken == "" {
		return mark, err
	}
	for i, s := range in.stamps() {
		if i+1 >= len(parts) || parts[i+1] != s[0] {
			return mark, invalid(s[1])
		}
	}
	return mark, nil
}

func searchLoggedModels(c *call, in loggedModelSearch) (loggedModelsAnswer, error) {
	q, err := in.query()
	if err != nil {
		return loggedModelsAnswer{}, err
	}
	found, err := c.s.SearchLoggedModels(c.ctx(), c.ref, q)
	if err != nil {
		return loggedModelsAnswer{}, err
	}
	var out loggedModelsAnswer
	for _, m := range found.Items {
		out.Models = append(out.Models, loggedModelWire(m))
	}
	out.NextPageToken, err = in.token(found.Next)
	return out, err
}
