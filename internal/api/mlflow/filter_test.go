package mlflow

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestExperimentFilter(t *testing.T) {
	cond := func(s registry.Subject, key string, op registry.Op, v any) registry.Condition {
		return registry.Condition{Subject: s, Key: key, Op: op, Value: v}
	}
	for in, want := range map[string]registry.Filter{
		"":                          nil,
		"name = 'a'":                {cond(registry.OfRow, "name", registry.Equal, "a")},
		"attribute.name != \"a b\"": {cond(registry.OfRow, "name", registry.NotEqual, "a b")},
		"name='it''s'":              {cond(registry.OfRow, "name", registry.Equal, "it''s")},
		"`attribute`.name = 'x'":    {cond(registry.OfRow, "name", registry.Equal, "x")},
		"creation_time>=12 and last_update_time<1.5e3": {cond(registry.OfRow, "created_at", registry.AtLeast, int64(12)),
			cond(registry.OfRow, "updated_at", registry.Less, 1500.0)},
		"experiment_id not in ('1',\"2\")":             {cond(registry.OfRow, "id", registry.NotIn, []int64{1, 2})},
		"tags.mlflow.source.name ilike '%x_'":          {cond(registry.OfTag, "mlflow.source.name", registry.ILike, "%x_")},
		"tag.`a b`.c = 'x'":                            {cond(registry.OfTag, "`a b`.c", registry.Equal, "x")},
		"tag.`it's` = 'x' AND tag.\"q`r\" IS NOT NULL": {cond(registry.OfTag, "it's", registry.Equal, "x"), cond(registry.OfTag, "q`r", registry.IsNotNull, nil)},
		"tags.é is null":                               {cond(registry.OfTag, "é", registry.IsNull, nil)},
	} {
		got, err := experimentGrammar.filter(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", in, d)
		}
	}
}

func TestBadExperimentFilter(t *testing.T) {
	for in, want := range map[string]string{
		"name = 'a' OR name = 'b'":   "Invalid clause(s) in filter string: 'OR'",
		"name":                       "Invalid clause(s) in filter string: 'name'",
		"name = ":                    "Invalid clause(s) in filter string: 'name', '='",
		"name = 'a'; name = 'b'":     "Search filter contained multiple expression",
		"size = 'a'":                 "Invalid attribute key 'size' specified. Valid keys are '{'creation_time', 'experiment_id', 'last_update_time', 'name'}'",
		"metrics.a > 1":              "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')",
		"name = 5":                   "Expected a quoted string value for attributes. Got value 5",
		"name = abc":                 "Parameter value is either not quoted or unidentified quote types used for string value abc. Use either single or double quotes.",
		"name > 'a'":                 "Invalid comparator '>' not one of '{'=', '!=', 'LIKE', 'ILIKE'}'",
		"name == 'a'":                "Invalid comparator '==' not one of",
		"name <> 'a'":                "Invalid comparator '<>' not one of",
		"tags.a > 'x'":               "Invalid comparator for tag: >",
		"experiment_id > '1'":        "Invalid comparator for experiment_id: >",
		"  ":                         "Invalid filter '  '. Could not be parsed.",
		"name = 'a';":                "Invalid clause(s) in filter string: ';'",
		"name = 'a":                  "Invalid clause(s) in filter string: 'name', '=', '",
		"creation_time > 1e":         "Expected numeric value type for numeric attribute: creation_time. Found 1e",
		"creation_time IN (1)":       "Expected numeric value type for numeric attribute: creation_time. Found (1)",
		"tags.a IN ('x',  'y')":      "Expected a quoted string value for tag (e.g. 'my-value'). Got value ('x',  'y')",
		"1 < creation_time":          "Invalid comparison clause. Expected 'Identifier' found '1'",
		"creation_time > 'a'":        "Expected numeric value type for numeric attribute: creation_time. Found 'a'",
		"name IN ('a')":              "Only ['experiment_id'] attributes support comparison with a list of quoted string values.",
		"experiment_id IN (1)":       "While parsing a list in the query",
		"experiment_id IN ()":        "While parsing a list in the query, expected a non-empty list",
		"experiment_id IN ('1'":      "Invalid clause(s) in filter string",
		"experiment_id = 'x'":        "Invalid experiment ID 'x'. Experiment ID must be a valid integer.",
		"name IS NULL":               "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'name'",
		"tags.a = 1":                 "Expected a quoted string value for tag (e.g. 'my-value'). Got value 1",
		"name = 'a\x00'":             "Error on parsing filter",
		"creation_time > 1e999":      "The number 1e999 is out of range.",
		strings.Repeat("x", 100_001): "The filter is too long",
	} {
		_, err := experimentGrammar.filter(in)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", in, err, want)
		}
	}
}

func TestOrder(t *testing.T) {
	got, err := experimentGrammar.order([]string{"name", "creation_time DESC", "`attribute`.experiment_id asc"})
	want := []registry.Sort{{Key: "name"}, {Key: "created_at", Desc: true}, {Key: "id"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v -want +got:\n%s", err, d)
	}
	for in, want := range map[string]string{"": "Invalid order_by clause ''. Could not be parsed.", "name up": "Invalid ordering key in order_by clause 'name up'.",
		"name desc desc": "Invalid order_by clause", "name, id": "Invalid order_by clause", "'name'": "Invalid order_by clause", "nobody": "Invalid attribute key 'nobody'"} {
		if _, err := experimentGrammar.order([]string{in}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
	if _, err := experimentGrammar.order([]string{"tags.a"}); err == nil || err.Error() != "Invalid order_by entity: tag" {
		t.Errorf("by a tag: %v", err)
	}
	if _, err := experimentGrammar.order([]string{"name", "name desc"}); err == nil || !strings.Contains(err.Error(), "duplicate fields: ['name', 'name desc']") {
		t.Errorf("duplicates: %v", err)
	}
}

func TestPageToken(t *testing.T) {
	m := registry.Mark{Keys: []any{int64(1), -0.1, "é\"", int64(-9223372036854775808), 1.7976931348623157e308, ""}}
	s, err := pageToken(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parsePageToken(s)
	if d := cmp.Diff(m, got); d != "" || err != nil {
		t.Errorf("%v -want +got:\n%s", err, d)
	}
	for _, bad := range []string{"x", "e30", "WyJ4MSJd", "WyJpeCJd", "WyIiXQ", strings.Repeat("A", 70_000)} {
		if _, err := parsePageToken(bad); err == nil {
			t.Errorf("took %.20q", bad)
		}
	}
}

// FuzzFilter: whatever comes is read or refused, never panics, and what is
// read has a value of a known type.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"name = 'a'", "tags.`x` ILIKE \"%\" AND experiment_id NOT IN ('1','2')", "creation_time >= -1.5e3", "a IS NOT", "'", "`", "x.", ".5", "((", "a IN (", "a NOT IN ("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := experimentGrammar.filter(s)
		if err == nil {
			for _, c := range got {
				switch c.Value.(type) {
				case nil, string, int64, float64, []int64:
				default:
					t.Errorf("%q: a value of type %T", s, c.Value)
				}
			}
		}
		_, _ = loggedFilter(s)
		_, _ = experimentGrammar.order([]string{s})
		_, _ = parsePageToken(s)
	})
}
