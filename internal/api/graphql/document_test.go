package graphql

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
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
		d, err := read(document, "", vars)
		if strings.Contains(document, "query B") {
			d, err = read(document, "B", vars)
			want = 2
		}
		if err != nil || d.score != want {
			t.Errorf("%s: %d, want %d (%v)", document, d.score, want, err)
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
		if _, err := read(c.document, c.operation, nil); err == nil || err.Message != c.want {
			t.Errorf("%.40q: %v, want %s", c.document, err, c.want)
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
	out := send(t, w, "guest", bomb(40), nil)
	if len(out.Errors) != 1 || !strings.Contains(out.Errors[0].Message, "exceeds max complexity of 250") || out.Data != nil {
		t.Errorf("the bomb went off: %v", out)
	}
	large := send(t, w, "guest", "{ currentUser { id } } #"+strings.Repeat("x", maxQuery), nil)
	same(t, []any{large.code, large.Errors[0].Message}, []any{http.StatusUnprocessableEntity, "Query too large"})
}

// TestRows: three lists inside each other are within every score, and are
// stopped when they have read too much.
func TestRows(t *testing.T) {
	w := newWorld(t)
	furnish(t, w)
	v := &visit{rows: 3}
	if err := v.spend(3); err != nil {
		t.Error(err)
	}
	if err := v.spend(1); err == nil {
		t.Error("a fourth row was given")
	}
	s, ref := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["private"]}
	nest := paging{page: registry.Page{Limit: 100}}.nest(&visit{rows: 2}, []int64{w.IDs["private/tulip"]}, registry.Order{})
	_, err := s.VersionsOf(t.Context(), ref, nest, registry.VersionQuery{})
	text, ok := spell(err)
	if !ok || !strings.HasPrefix(text, "Query asks for too many records: ") {
		t.Errorf("%v: %q", err, text)
	}
}

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
		d, refused := read(document, "", nil)
		body, err := json.Marshal(map[string]any{"query": document})
		apitest.OK(t, err)
		rec := w.Do(t, http.MethodPost, Path, "", string(body))
		if rec.Code != 200 && rec.Code != 422 && rec.Code != 400 {
			t.Fatalf("%d: %s", rec.Code, rec.Body)
		}
		var out struct{ Data any }
		apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), &out))
		if n := fields(out.Data); n > 0 && (refused != nil || n > d.score) {
			t.Fatalf("%d fields were answered, %d counted (%v): %q", n, d.score, refused, document)
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
