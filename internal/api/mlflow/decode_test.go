package mlflow

import (
	"encoding/json"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample has a field of every kind.
type sample struct {
	Name  string   `field:"name" check:"required string"`
	When  int64    `field:"start_time" check:"int"`
	Value *float64 `field:"value" check:"float"`
	On    bool     `field:"on"`
	IDs   []string `field:"experiment_ids" check:"array strings"`
	Tags  []struct {
		Key   string `field:"key"`
		Value string `field:"value"`
	} `field:"tags" check:"array"`
	Free json.RawMessage `field:"free"`
}

func TestDecode(t *testing.T) {
	seen := func(name, type_ string, v string) string {
		return "Invalid value " + v + " for parameter '" + name + "' supplied:  Hint: Value was of type '" + type_ + "'." + seeDocs
	}
	f := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name, query, body string
		want              sample
		err               string
	}{
		{name: "numbers as texts", body: `{"name":"a","start_time":"12","value":"1.5","unknown":[1]}`, want: sample{Name: "a", When: 12, Value: f(1.5)}},
		{name: "whole floats", body: `{"name":"a","start_time":1e3}`, want: sample{Name: "a", When: 1000}},
		{name: "JSON names", body: `{"name":"a","startTime":3,"experimentIds":["1"]}`, want: sample{Name: "a", When: 3, IDs: []string{"1"}}},
		{name: "null is nothing", body: `{"name":"a","value":null,"tags":null}`, want: sample{Name: "a"}},
		{name: "infinity", body: `{"name":"a","value":"-Infinity"}`, want: sample{Name: "a", Value: f(math.Inf(-1))}},
		{name: "Python's infinity", body: `{"name":"a NaN \"NaN","value":Infinity}`, want: sample{Name: `a NaN "NaN`, Value: f(math.Inf(1))}},
		{name: "encoded twice", body: `"{\"name\":\"a\"}"`, want: sample{Name: "a"}},
		{name: "raw", body: `{"name":"a","free":{"x":[1]}}`, want: sample{Name: "a", Free: json.RawMessage(`{"x":[1]}`)}},
		{name: "query", query: "name=a&experiment_ids=1&experiment_ids=2&on=True&start_time=7", want: sample{Name: "a", IDs: []string{"1", "2"}, On: true, When: 7}},
		{name: "query of one", query: "name=a&experiment_ids=1", want: sample{Name: "a", IDs: []string{"1"}}},
		{name: "missing", body: `{}`, err: "Missing value for required parameter 'name'." + seeDocs},
		{name: "empty", body: `{"name":""}`, err: "Missing value for required parameter 'name'." + seeDocs},
		{name: "no body", body: ``, err: "Missing value for required parameter 'name'." + seeDocs},
		{name: "number for text", body: `{"name":5}`, err: seen("name", "int", "5")},
		{name: "text for number", body: `{"name":"a","start_time":"é\t😀"}`, err: seen("start_time", "str", `"\u00e9\t\ud83d\ude00"`)},
		{name: "half for whole", body: `{"name":"a","start_time":1.5}`, err: seen("start_time", "float", "1.5")},
		{name: "object for list", body: `{"name":"a","tags":{"b":1,"a":[true,null]}}`, err: seen("tags", "dict", `{"a":[true,null],"b":1}`)},
		{name: "numbers in a list", body: `{"name":"a","experiment_ids":["1",2]}`, err: seen("experiment_ids", "list", `["1",2]`)},
		{name: "unchecked by MLflow", body: `{"name":"a","on":"yes"}`, err: seen("on", "str", `"yes"`)},
		{name: "both spellings", body: `{"name":"a","start_time":1,"startTime":2}`, err: "Request specifies both 'start_time' and 'startTime'; provide only one of them."},
		{name: "bad boolean", query: "name=a&on=1", err: "Invalid boolean value: 1, must be 'true' or 'false'."},
		{name: "a list", body: `[1]`, err: "The body has to be a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{name: "not UTF-8", body: "{\"name\":\"\xff\"}", err: "The body is not valid UTF-8."},
	} {
		t.Run(c.name, func(t *testing.T) {
			method := "POST"
			if c.query != "" {
				method = "GET"
			}
			r := httptest.NewRequest(method, "/x?"+c.query, strings.NewReader(c.body))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			var got sample
			err := decode(r, atRoot, &got)
			if c.err != "" {
				if err == nil || err.Error() != c.err {
					t.Fatalf("got error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	for kind, want := range map[string]string{"": "Bad Request. Content-Type header is missing.",
		"text/plain": "Bad Request. Content-Type must be one of ['application/json']."} {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(`{"name":"a"}`))
		r.Header.Set("Content-Type", kind)
		if err := decode(r, atRoot, new(sample)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", kind, err, want)
		}
	}
}

// TestDecodeAtGitLab: parameters come in the query of any request, in forms and
// as JSON; the body wins.
func TestDecodeAtGitLab(t *testing.T) {
	type tag = struct {
		Key   string `field:"key"`
		Value string `field:"value"`
	}
	const form, plain = "application/x-www-form-urlencoded", "application/json"
	for _, c := range []struct {
		name, method, query, kind, body string
		want                            sample
		err                             string
	}{
		{name: "query of a DELETE", method: "DELETE", query: "name=a&start_time=3", want: sample{Name: "a", When: 3}},
		{name: "query of a POST", method: "POST", query: "name=a", want: sample{Name: "a"}},
		{name: "query and JSON", method: "POST", query: "name=a&on=true", kind: plain, body: `{"name":"b"}`, want: sample{Name: "b", On: true}},
		{name: "lists in a query", method: "GET", query: "name=a&experiment_ids[]=1&experiment_ids[]=2", want: sample{Name: "a", IDs: []string{"1", "2"}}},
		{name: "form", method: "PATCH", query: "name=a", kind: form + "; charset=utf-8", body: "name=b+c&value=0.5&experiment_ids[]=7", want: sample{Name: "b c", Value: new(0.5), IDs: []string{"7"}}},
		{name: "objects in a form", method: "POST", kind: form, body: "name=a&tags[][key]=k&tags[][value]=v&tags[][key]=l&tags[][value]=w",
			want: sample{Name: "a", Tags: []tag{{"k", "v"}, {"l", "w"}}}},
		{name: "objects of one field", method: "POST", kind: form, body: "name=a&tags[][key]=k", want: sample{Name: "a", Tags: []tag{{"k", ""}}}},
		{name: "objects that differ", method: "POST", kind: form, body: "name=a&tags[][key]=k&tags[][key]=l&tags[][value]=w",
			err: "In a form every entry of 'tags' has to have the same fields. Send JSON for others."},
		{name: "curl -d with JSON", method: "POST", kind: form, body: `{"name":"a"}`, err: "Bad Request. Content-Type must be one of ['application/json']."},
		{name: "bad form", method: "POST", kind: form, body: "name=%", err: "The body is not a valid form."},
		{name: "bad query", method: "DELETE", query: "name=%", err: "The query is not valid."},
		{name: "nothing", method: "DELETE", err: "Missing value for required parameter 'name'." + seeDocs},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "/x", strings.NewReader(c.body))
			r.URL.RawQuery = c.query
			r.Header.Set("Content-Type", c.kind)
			var got sample
			err := decode(r, atGitLab, &got)
			if c.err != "" || err != nil {
				if err == nil || err.Error() != c.err {
					t.Fatalf("got error %v, want %q", err, c.err)
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// FuzzDecode: whatever comes is read or refused, and never panics.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"name":"a","value":NaN}`, `"{}"`, `{"tags":[{"key":"a"}]}`, `[]`, `{"name":-Infinity`, `"`, `{"a":"\`, `name=a&tags[][key]=k&experiment_ids[]=1`, `tags[]]=`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var s sample
		if err := decode(r, atRoot, &s); err == nil && s.Name == "" {
			t.Errorf("took %q without a name", body)
		}
		r = httptest.NewRequest("POST", "/x", strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		s = sample{}
		if err := decode(r, atGitLab, &s); err == nil && s.Name == "" {
			t.Errorf("took the form %q without a name", body)
		}
	})
}

func TestDouble(t *testing.T) {
	for v, want := range map[double]string{1: "1.0", -2.5: "-2.5", 1e100: "1e+100", double(math.Inf(1)): `"Infinity"`, double(math.Inf(-1)): `"-Infinity"`} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%v: %s %v, want %s", float64(v), got, err, want)
		}
	}
	if got, _ := json.Marshal(double(math.NaN())); string(got) != `"NaN"` {
		t.Errorf("NaN: %s", got)
	}
}
