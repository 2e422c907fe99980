package httpxtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// echo answers with what it was sent.
func echo() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Seen", r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"body": string(body), "token": r.Header.Get("X-Token"), "host": r.Host,
			"length": len(body), "at": "2026-11-24T03:08:26.123Z", "list": []int{1, 2, 3},
		})
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.RequestURI, "/raw/") {
			_, _ = io.WriteString(w, "target: "+r.RequestURI+"\n")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func TestRun(t *testing.T) {
	Run(t, "testdata/*.txtar", func(*testing.T) (http.Handler, map[string]string) {
		return echo(), map[string]string{"root": "secret"}
	})
}

// playText runs a script given as text against a handler.
func playText(t *testing.T, text string, h http.Handler, update bool) (string, []string) {
	t.Helper()
	s, err := parse("x.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	out, problems := s.run(server.Listener.Addr().String(), map[string]string{"root": "secret"}, update)
	return string(out), problems
}

func jsonHandler(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("X-List", "a")
		w.Header().Add("X-List", "b")
		_, _ = io.WriteString(w, body)
	})
}

func TestMatching(t *testing.T) {
	for _, c := range []struct {
		name, want, got, problem string // problem: a part of it, "" for a match
	}{
		{"order is free", `{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`, ""},
		{"more members", `{"a":1}`, `{"a":1,"b":2}`, `"b"`},
		{"more members allowed", `{"a":1,"...":true}`, `{"a":1,"b":2}`, ""},
		{"missing member", `{"a":1,"...":true}`, `{"b":2}`, `"a"`},
		{"wildcard needs a member", `{"a":"$ANY"}`, `{}`, `$ANY`},
		{"nested allowance", `{"a":{"x":1,"...":true}}`, `{"a":{"x":1,"y":[1]}}`, ""},
		{"array order counts", `[1,2]`, `[2,1]`, "2"},
		{"longer array", `[1]`, `[1,2]`, "2"},
		{"longer array allowed", `[1,"..."]`, `[1,2]`, ""},
		{"shorter array", `[1,2,"..."]`, `[1]`, "2"},
		{"int", `[$INT,"$INT"]`, `[1,-20]`, ""},
		{"not an int", `["$INT"]`, `["1"]`, "$INT"},
		{"float is no int", `["$INT"]`, `[1.5]`, "$INT"},
		{"time", `["$TIME"]`, `["2026-11-24T03:08:26Z"]`, ""},
		{"not a time", `["$TIME"]`, `["yesterday"]`, "yesterday"},
		{"number is no string", `[1]`, `["1"]`, `"1"`},
		{"spelling of numbers", `[1]`, `[1.0]`, "1.0"},
		{"captured twice", `["$=x",$x]`, `[7,7]`, ""},
		{"captured differently", `["$=x",$x]`, `[7,8]`, "8"},
		{"variable in text", `["/p/$root/x"]`, `["/p/secret/x"]`, ""},
		{"capture in text", `["/p/$=n/x","$n"]`, `["/p/5/x","5"]`, ""},
		{"braces", `["${root}s"]`, `["secrets"]`, ""},
		{"dollars", `["$$root"]`, `["$root"]`, ""},
		{"unknown variable", `["$nobody"]`, `["x"]`, "$nobody is not set"},
		{"scalar", `5`, `5`, ""},
		{"text", `a $ANY c`, `a b c`, ""},
		{"text differs", `a $INT c`, `a b c`, "a b c"},
		{"text is no JSON", `{"a":1}`, `oops`, "oops"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := playText(t, "> GET /\n< 200\n<\n< "+c.want+"\n", jsonHandler(c.got), false)
			got := strings.Join(problems, "\n")
			if (got == "") != (c.problem == "") || !strings.Contains(got, c.problem) {
				t.Errorf("want a problem with %q, got %q", c.problem, got)
			}
			if got != "" && !strings.HasPrefix(got, "x.txtar:3: ") && !strings.HasPrefix(got, "x.txtar:4: ") {
				t.Errorf("the problem is not located: %s", got)
			}
		})
	}
}

func TestHeadersAndStatus(t *testing.T) {
	for _, c := range []struct{ script, problem string }{
		{"< 201", "x.txtar:2: GET /: status 200, want 201"},
		{"< 200\n< X-List: b", ""},
		{"< 200\n< x-list: a, b", ""},
		{"< 200\n< X-List: c", "x.txtar:3: header X-List"},
		{"< 200\n<! X-List", "x.txtar:3: header X-List"},
		{"< 200\n<! X-None", ""},
		{"< 200\n< X-None: $ANY", "x.txtar:3: header X-None is missing"},
		{"< 200\n<", `x.txtar:3: body`},
		{"< 200\n<@file none", `x.txtar:3: the archive has no file "none"`},
		{"< 200\n<@file f\n-- f --\ny", "x.txtar:3: body is not that of the file f"},
	} {
		_, problems := playText(t, "> GET /\n"+c.script+"\n", jsonHandler("x"), false)
		got := strings.Join(problems, "\n")
		if (got == "") != (c.problem == "") || !strings.HasPrefix(got, c.problem) {
			t.Errorf("%q: want %q, got %q", c.script, c.problem, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no requests",
		"> GET /\n":                       "x.txtar:1: the request has no expected answer",
		"< 200\n":                         "x.txtar:1: an answer without a request",
		"> GET\n":                         "x.txtar:1: a request begins",
		"> GET /\n< ok\n":                 "x.txtar:2: an answer begins with a status",
		"> GET /\nhello\n":                "x.txtar:2: lines begin with",
		"> GET /\n\n> GET /\n< 200\n":     "x.txtar:3: the request in line 1 has no expected answer",
		"> GET /\n< 200\n\n< 200\n":       "x.txtar:4: a second answer",
		"> GET /\n>@file a\n> b\n< 200\n": "x.txtar:3: nothing can follow",
		"> GET /\n> {\n>@file a\n< 200\n": "x.txtar:3: a body is either",
	} {
		_, err := parse("x.txtar", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}

func TestUnsetVariableStopsTheScript(t *testing.T) {
	_, problems := playText(t, "> GET /$id\n< 200\n\n> GET /$id\n< 200\n", jsonHandler("x"), false)
	want := []string{"x.txtar:1: the variable $id is not set"}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestFailuresAreReadable(t *testing.T) {
	_, problems := playText(t, "> GET /\n< 200\n< {\"a\": $INT, \"b\": [1], \"c\": 3}\n", jsonHandler(`{"c":3,"a":"x","b":[1,2]}`), false)
	want := []string{`x.txtar:3: body (-want +got):
 {
-  "a": $INT,
+  "a": "x",
   "b": [
-    1
+    1,
+    2
   ],
   "c": 3
 }
`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestTruncatedAnswerFails(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "x")
	})
	_, problems := playText(t, "> GET /\n< 200\n", h, false)
	if len(problems) != 1 || !strings.Contains(problems[0], "cut short after 1 bytes") {
		t.Errorf("got %q", problems)
	}
}

// What TestUpdate gets from the server, and a script before and after it.
const updateBody = `{"id":5,"name":"$new","at":"2026-11-24T03:08:26Z","tags":["a","b"],"user":{"id":1,"name":"ann"}}`

const updateBefore = `# kept
> GET /a
< 404
< X-List: old
< X-Gone: 1
<! X-None
<
< {"id": "$=id", "name": "old", "at": $TIME, "gone": 1, "tags": ["z", "..."], "user": {"id": $INT, "...": true}, "...": true}

# kept too
> GET /b
< 200
< {"id":   $id,   "...": true}

> GET /c
< 200
< nonsense
-- f --
data
`

const updateAfter = `# kept
> GET /a
< 200
< X-List: a, b
<! X-None
<
< {
<   "id": "$=id",
<   "name": "$$new",
<   "at": $TIME,
<   "tags": [
<     "a",
<     "..."
<   ],
<   "user": {
<     "id": $INT,
<     "...": true
<   },
<   "...": true
< }

# kept too
> GET /b
< 200
< {"id":   $id,   "...": true}

> GET /c
< 200
< {"id": 5, "name": "$$new", "at": "2026-11-24T03:08:26Z", "tags": ["a", "b"], "user": {"id": 1, "name": "ann"}}
-- f --
data
`

func TestUpdate(t *testing.T) {
	got, problems := playText(t, updateBefore, jsonHandler(updateBody), true)
	if len(problems) > 0 {
		t.Error(problems)
	}
	if diff := cmp.Diff(updateAfter, got); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	again, problems := playText(t, got, jsonHandler(updateBody), false)
	if len(problems) > 0 || again != got {
		t.Errorf("the updated script does not match: %q", problems)
	}
}

func TestUpdateRewritesTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.txtar")
	if err := os.WriteFile(file, []byte("> GET /\n< 404\n< {\"a\": \"$INT\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	*update = true
	defer func() { *update = false }()
	runFile(t, file, func(*testing.T) (http.Handler, map[string]string) { return jsonHandler(`{"a":7,"b":[]}`), nil })
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("> GET /\n< 200\n< {\"a\": \"$INT\", \"b\": []}\n", string(got)); diff != "" {
		t.Error(diff)
	}
}
