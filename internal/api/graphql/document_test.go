package graphql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestScore(t *testing.T) {
	vars := map[string]any{"n": 50.0, "bad": "x"}
	for document, want := range map[string]int{
		`{ a }`:                               1,
		`{ a b { c } }`:                       3,
		`{ x: a y: a }`:                       2,
		`{ list { nodes { a } } }`:            6, // (list + nodes + a) twice, for 100 nodes
		`{ list(first: 10) { edges { a } } }`: 3, // 3 and three tenths
		`{ list(first: 10) { nodes { a b c d e f g h } } }`:                                   11,
		`{ list(last: 1000) { nodes { a } } }`:                                                6,
		`{ list(first: 0) { nodes { a } } }`:                                                  3,
		`{ list { count } }`:                                                                  2,
		`query($n: Int) { list(first: $n) { nodes { a } } }`:                                  4,
		`query($m: Int = 50) { list(first: $m) { nodes { a } } }`:                             4,
		`query($bad: Int) { list(first: $bad) { nodes { a } } }`:                              6,
		`query($none: Int) { list(first: $none) { nodes { a } } }`:                            6,
		`{ ...F ...F } fragment F on Query { list { ...G } } fragment G on X { nodes { a } }`: 12,
		`{ ... on Query { list { ... { nodes { a } } } } }`:                                   6,
		`{ ...F } fragment F on Query { a ...G } fragment G on Query { b ...F }`:              2,
		`{ ...Missing a }`:                        1,
		`{ l1 { nodes { l2 { nodes { a } } } } }`: 16,
		"{ a # b {\r c }":                         2, // a line ends with CR too
		"{ a # b {\r\n c }":                       2,
		`{ a(s: "} # {") b(s: """ " } """) }`:     2,
		`{ a @skip(if: true) }`:                   1,
		`query A { a } query B { a b }`:           0, // see below
		`mutation { a(input: { x: 1 }) { b } }`:   2,
		`{ __schema { types { name } } }`:         3,
		`{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } } }`: 8,
	} {
		d := read(document, "", vars)
		if strings.Contains(document, "query B") {
			d, want = read(document, "B", vars), 2
		}
		if d.refused != nil || d.score != want {
			t.Errorf("%s: %d, want %d (%v)", document, d.score, want, d.refused)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ document, operation, want string }{
		{"", "", "No query string was present"},
		{" \n", "", "No query string was present"},
		{"query A { a } query B { b }", "", "An operation name is required"},
		{"query A { a }", "B", `No operation named "B"`},
		{"fragment F on X { a }", "", "An operation name is required"},
		{"{ a ", "", "Expected Name, found <EOF>"},
		{"{ " + strings.Repeat("a ", maxTokens) + "}", "", "exceeded token limit of 5000"},
		{strings.Repeat("{ a", 1100), "", "exceeded maximum nesting depth of 1000"},
	} {
		if d := read(c.document, c.operation, nil); d.refused == nil || d.refused.Message != c.want {
			t.Errorf("%.40q: %v, want %s", c.document, d.refused, c.want)
		}
	}
}

func TestPlainSlashes(t *testing.T) {
	for in, want := range map[string]string{
		`{ a(s: "x\/y") }`:            `{ a(s: "x/y") }`,
		`{ a(s: "x\\/y\"\/") }`:       `{ a(s: "x\\/y\"/") }`,
		`{ a(s: """\/""", t: "\/") }`: `{ a(s: """\/""", t: "\/") }`,
		`\/`:                          `/`,
		`\`:                           `\`,
	} {
		if got := plainSlashes(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// bomb is a document of few characters that spreads to 2^n fields.
func bomb(n int) string {
	var b strings.Builder
	b.WriteString("{ ...F0 }")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on Query { ...F%d ...F%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Query { currentUser { id } }", n)
	return b.String()
}

// TestLimits: what is too much is refused with GitLab's texts, and nothing of
// it is run.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	deep := func(n int) string {
		return `{ __schema ` + strings.Repeat(`{ queryType `, 1) + strings.Repeat(`{ ofType `, n-3) + `{ name }` + strings.Repeat(` }`, n-1)
	}
	aliases := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d: currentUser { id } ", i)
		}
		return "{ " + b.String() + "}"
	}
	for _, c := range []struct{ who, document, want string }{
		{"", deep(15), ""},
		{"", deep(16), "Query has depth of 16, which exceeds max depth of 15"},
		{"guest", deep(20), ""},
		{"guest", deep(21), "Query has depth of 21, which exceeds max depth of 20"},
		{"", aliases(100), ""},
		{"", aliases(101), "Query has complexity of 202, which exceeds max complexity of 200"},
		{"guest", aliases(125), ""},
		{"guest", aliases(126), "Query has complexity of 252, which exceeds max complexity of 250"},
		{"boss", aliases(150), ""},
		{"boss", aliases(151), "Query has complexity of 302, which exceeds max complexity of 300"},
		{"guest", `{ __type(name: "MlModel") { fields { type { fields { type { fields { name } } } } } } }`,
			"Recursive query - too many of fields 'fields' detected in single branch of the query"},
		{"guest", `{ a: mlModel(id: "gid://gitlab/Ml::Model/1") { id } b: mlModel(id: "gid://gitlab/Ml::Model/1") { id } }`,
			`"mlModel" field can be requested only for 1 Query(s) at a time.`},
		{"guest", `{ projects { nodes { mlModels { nodes { id } } } } }`, `"mlModels" field can be requested only for 1 Project(s) at a time.`},
	} {
		got := ""
		if out := send(t, w, c.who, c.document, nil); len(out.Errors) > 0 {
			got = out.Errors[0].Message
		}
		if got != c.want {
			t.Errorf("%q: %.80s\n got %q\nwant %q", c.who, c.document, got, c.want)
		}
	}
	// Together they are too much, whatever else is in the request.
	many := []map[string]string{{"query": "{ __schema { queryType { name } } }"}, {"query": aliases(70)}, {"query": aliases(70)}}
	raw, err := json.Marshal(many)
	apitest.OK(t, err)
	var several []reply
	apitest.OK(t, json.Unmarshal(w.Do(t, http.MethodPost, Path, "guest", string(raw)).Body.Bytes(), &several))
	same(t, []any{several[0].Errors == nil, several[1].Errors[0].Message, several[2].Errors[0].Message, several[1].Data == nil},
		[]any{true, "Query has complexity of 280, which exceeds max complexity of 250", "Query has complexity of 280, which exceeds max complexity of 250", true})
	out := send(t, w, "guest", bomb(40), nil)
	if len(out.Errors) != 1 || !strings.Contains(out.Errors[0].Message, "exceeds max complexity of 250") || out.Data != nil {
		t.Errorf("the bomb went off: %v", out)
	}
	for body, status := range map[string]int{
		`{"query": "{ __typename }", "variables": {"x": "` + strings.Repeat("x", maxBody) + `"}}`: http.StatusRequestEntityTooLarge,
		"[" + strings.Repeat(`{"query": "{ a }"}, `, maxBatch) + `{}]`:                            http.StatusUnprocessableEntity,
	} {
		if rec := w.Do(t, http.MethodPost, Path, "guest", body); rec.Code != status {
			t.Errorf("%.40s: %d %s", body, rec.Code, rec.Body)
		}
	}
	large := send(t, w, "guest", "{ currentUser { id } } #"+strings.Repeat("x", maxQuery), nil)
	same(t, []any{large.code, large.Errors[0].Message}, []any{http.StatusUnprocessableEntity, "Query too large"})
}

// TestRows: lists inside each other are within every score, and are stopped when
// they have read too much, before they have read much more.
func TestRows(t *testing.T) {
	w := newWorld(t)
	furnish(t, w) // 2 models, 4 versions, 1 candidate; 3 parameters and metrics of a run
	for _, c := range []struct {
		selection string
		rows      int
	}{
		{`mlModels { nodes { id } }`, 2},
		{`mlModels { nodes { versions { nodes { id } } } }`, 6},
		{`mlModels { nodes { latestVersion { createdAt } } }`, 4},
		{`mlModels { nodes { versions { nodes { candidate { params { nodes { name } } } } } } }`, 12},
		{`mlModels { nodes { candidates { nodes { metrics { nodes { name } } } } } }`, 5},
		{`mlModels { nodes { versions { nodes { package { packageFiles { nodes { id } } } } } } }`, 11},
		{`mlExperiments { nodes { candidates { nodes { id } } } }`, 7},
	} {
		for _, most := range []int{c.rows, c.rows - 1} {
			d := newDialect(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log})
			d.rows = most
			w.Handler = httpx.Handle(d.serve, d.fail)
			out := send(t, w, "developer", `{ project(fullPath: "root/private") { `+c.selection+` } }`, nil)
			enough := most == c.rows
			if enough != (out.Errors == nil) || !enough && !strings.HasPrefix(out.Errors[0].Message, "Query asks for too many records") {
				t.Errorf("%s with %d rows: %v", c.selection, most, out.Errors)
			}
		}
	}
}

// TestFailures: what is our own fault fails the request, and tells nothing.
func TestFailures(t *testing.T) {
	w := newWorld(t)
	d := newDialect(Options{Registry: w.Registry, Auth: w.Auth, Log: w.Log})
	out := d.schema.Exec(t.Context(), `{ metadata { version } }`, "", nil) // without a visit it panics
	if err := respell(out, document{}); !errors.Is(err, errPanic) || out.Errors[0].Message != internalError {
		t.Errorf("%v: %v", err, out.Errors)
	}
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	rec := httptest.NewRecorder()
	httpx.Handle(d.serve, d.fail).ServeHTTP(rec, httptest.NewRequestWithContext(late, http.MethodGet, Path+"?query=%7Bprojects%7Bcount%7D%7D", nil))
	same(t, rec.Code, http.StatusServiceUnavailable)
	for err, status := range map[error]int{errors.New("fire"): 500, &fault.Error{Kind: fault.Busy}: 503} {
		broken := newDialect(Options{Registry: registry.New(burning{err}, nil, registry.Options{}), Auth: w.Auth, Log: w.Log})
		w.Handler = httpx.Handle(broken.serve, broken.fail)
		for _, document := range []string{`{ currentUser { id } }`, `mutation { mlModelCreate(input: { projectPath: "root/private", name: "x" }) { errors } }`} {
			got := send(t, w, "developer", document, nil)
			if got.code != status || len(got.Errors) != 1 || strings.Contains(got.Errors[0].Message, "fire") || got.Data != nil {
				t.Errorf("%s: %d %v", document, got.code, got)
			}
		}
	}
}

// burning is a database that fails.
type burning struct{ err error }

func (b burning) View(context.Context, func(registry.Tx) error) error   { return b.err }
func (b burning) Update(context.Context, func(registry.Tx) error) error { return b.err }

// FuzzRead: whatever is sent, the reader ends and does not fail by itself; and
// what the server runs has been counted: an answer has no more fields than the
// score, list by list.
func FuzzRead(f *testing.F) {
	for _, s := range []string{`{ metadata { version } }`, `{ a: __typename b: __typename }`, bomb(3), "{ __typename # {\r a: __typename }",
		`query A($x: Boolean = true) { queryComplexity { limit score } ...F @include(if: $x) } fragment F on Query { currentUser { name } }`,
		`{ __schema { queryType { fields { name } } } }`, `{ project(fullPath: "root/public") { mlModels { nodes { id versions { nodes { id } } } } } }`,
		"{ __typename \"\"\" }", "\uFEFF{ __typename }", "{__typename, ,a:__typename}", `mutation { mlModelCreate(input: {projectPath: "", name: "\u0000"}) { errors } }`} {
		f.Add(s)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, document string) {
		d := read(document, "", nil)
		body, err := json.Marshal(map[string]any{"query": document})
		apitest.OK(t, err)
		rec := w.Do(t, http.MethodPost, Path, "", string(body))
		if rec.Code != 200 && rec.Code != 422 && rec.Code != 400 {
			t.Fatalf("%d: %s", rec.Code, rec.Body)
		}
		var out struct{ Data any }
		apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), &out))
		if n := fields(out.Data); n > 0 && (d.refused != nil || n > d.score) {
			t.Fatalf("%d fields were answered, %d counted (%v): %q", n, d.score, d.refused, document)
		}
	})
}

// fields counts the names in an answer; of a list, those of its richest item.
func fields(v any) (n int) {
	switch v := v.(type) {
	case map[string]any:
		for _, below := range v {
			n += 1 + fields(below)
		}
	case []any:
		for _, item := range v {
			n = max(n, fields(item))
		}
	}
	return n
}

// FuzzIDs: a global id or a cursor that is not ours is told so; ours come back.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"gid://gitlab/Ml::Model/1", "gid://gitlab/Ml::Model/", "gid://other/Ml::Model/1", "gid:///x/1", "1", "",
		"gid://gitlab/Ml::Model/1/2", "gid://gitlab/Ml::Model/99999999999999999999", "eyJrIjoiYSIsImkiOjF9", "e30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := gid(s).number(gidModel, "model"); err == nil && globalID(gidModel, n) != gid(s) {
			t.Errorf("%q is taken for %d", s, n)
		} else if err != nil {
			if _, told := spell(err); !told {
				t.Error(err)
			}
		}
		if n, err := gid(s).row(gidModel); err == nil && n < 0 {
			t.Error(n)
		}
		if c, err := parseCursor(&s); err == nil && c != nil && encode(*c) != s {
			t.Errorf("%q is taken for %v", s, c)
		} else if text, told := spell(err); err != nil && (!told || text != cursorError) {
			t.Errorf("%v: %q", err, text)
		}
	})
}
