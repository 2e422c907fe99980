package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// served gives the document as a client gets it, read by kin-openapi.
func served(t *testing.T, w *world) (*openapi3.T, []byte) {
	t.Helper()
	rec := w.do(t, "GET", "/api/v4/openapi.json", "", "")
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s: %s", rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
	doc, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
	ok(t, err)
	return doc, rec.Body.Bytes()
}

// TestOpenAPIIsValid also validates the examples, against their schemas.
func TestOpenAPIIsValid(t *testing.T) {
	w := newWorld(t, worldOptions{})
	doc, first := served(t, w)
	ok(t, doc.Validate(context.Background()))
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "0.0.0" || doc.Servers[0].URL != "http://example.com" {
		t.Errorf("head of the document: %s, version %s, server %s", doc.OpenAPI, doc.Info.Version, doc.Servers[0].URL)
	}
	if _, again := served(t, newWorld(t, worldOptions{})); !bytes.Equal(first, again) {
		t.Error("the document is not the same twice")
	}
	fresh, err := describe((&dialect{}).table(), "0.0.0")
	ok(t, err)
	if cached, _ := documents.Load("0.0.0"); cached != nil {
		doc, _ := cached.(func() (document, error))()
		if !bytes.Equal(doc.Paths, fresh.Paths) || !bytes.Equal(doc.Components, fresh.Components) {
			t.Error("making the document again gives another one")
		}
	}
}

// TestOpenAPIWitness: the witness would see an answer that is not documented,
// and one of another form.
func TestOpenAPIWitness(t *testing.T) {
	o := everySeen()
	ok(t, o.err)
	w := newWorld(t, worldOptions{})
	model := fmt.Sprintf("/api/v4/projects/%d/ml/models/%d", w.ids["private"], w.ids["private/model"])
	for _, c := range []struct {
		status int
		body   string
		want   bool
	}{{404, `{"message":"404 Model Not Found"}`, true}, {418, "{}", false}, {200, `{"id":"one"}`, false}, {404, `{"message":7}`, false}} {
		answer := &copied{ResponseWriter: httptest.NewRecorder(), status: c.status}
		answer.Header().Set("Content-Type", "application/json")
		answer.body.WriteString(c.body)
		if problem := o.judge(httptest.NewRequest("GET", model, nil), answer); (problem == "") != c.want {
			t.Errorf("%d %s: %q", c.status, c.body, problem)
		}
	}
}

// TestOpenAPIWire holds values that no request makes easily against their
// schemas.
func TestOpenAPIWire(t *testing.T) {
	doc, _ := served(t, newWorld(t, worldOptions{}))
	check := func(name string, v any, want bool) {
		t.Helper()
		raw, err := json.Marshal(v)
		ok(t, err)
		var decoded any
		ok(t, json.Unmarshal(raw, &decoded))
		if err := doc.Components.Schemas[name].Value.VisitJSON(decoded, openapi3.EnableJSONSchema2020()); (err == nil) != want {
			t.Errorf("%s: %s: %v", name, raw, err)
		}
	}
	for _, f := range []float64{1.5, math.NaN(), math.Inf(1), math.Inf(-1)} {
		check("Metric", metricJSON{Name: "loss", Value: number(f)}, true)
	}
	check("Metric", object{"name": "loss", "value": "much", "step": 0, "timestamp": 0}, false)
	check("Token", tokenJSON{Scopes: []string{"api"}}, true)
	check("Token", object{"id": 1}, false)
	check("Candidate", candidateJSON{Status: registry.Killed, Params: []paramJSON{}, Metrics: []metricJSON{}, Metadata: []tagJSON{}}, true)
	check("Candidate", candidateJSON{Status: "lost", Params: []paramJSON{}, Metrics: []metricJSON{}, Metadata: []tagJSON{}}, false)
	check("Member", memberJSON{AccessLevel: registry.Planner}, true)
	check("Member", memberJSON{AccessLevel: 11}, false)
}

// TestOpenAPICoversTheTable compares both ways, and looks for every parameter
// of every route where a client would look for it.
func TestOpenAPICoversTheTable(t *testing.T) {
	doc, _ := served(t, newWorld(t, worldOptions{}))
	found := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			found[method+" "+path] = true
		}
	}
	ids := map[string]string{}
	for _, rt := range (&dialect{}).table() {
		path := Prefix + strings.ReplaceAll(rt.pattern, "...", "")
		key := rt.method + " " + path
		if !found[key] {
			t.Errorf("%s is missing", key)
			continue
		}
		delete(found, key)
		op := doc.Paths.Value(path).GetOperation(rt.method)
		if other := ids[op.OperationID]; other != "" || op.OperationID == "" {
			t.Errorf("%s and %s have the operationId %q", key, other, op.OperationID)
		}
		ids[op.OperationID] = key
		if op.Summary == "" || op.Description == "" || op.Extensions["x-vitrine-permission"] == nil || op.Responses.Status(rt.status) == nil {
			t.Errorf("%s lacks summary, description, permission or success", key)
		}
		checkParameters(t, key, rt, op)
	}
	for _, file := range []string{"ml_models/{model_version_id}/files/", "generic/{package_name}/{package_version}/"} {
		file = " /api/v4/projects/{id}/packages/" + file + "{file_path}"
		delete(found, "HEAD"+file)
		delete(found, "PUT"+file+"/authorize")
	}
	delete(found, "HEAD /api/v4/projects/{id}/packages/uploads/{upload_id}")
	for key := range found {
		t.Errorf("%s is described but not routed", key)
	}
}

func checkParameters(t *testing.T, key string, rt route, op *openapi3.Operation) {
	t.Helper()
	for seg := range strings.SplitSeq(rt.pattern, "/") {
		if name, inPath := strings.CutPrefix(strings.TrimRight(seg, ".}"), "{"); inPath && op.Parameters.GetByInAndName("path", name) == nil {
			t.Errorf("%s: {%s} is not described", key, name)
		}
	}
	for _, in := range inputs(rt.in) {
		if rt.method == http.MethodGet || rt.method == http.MethodDelete {
			if p := op.Parameters.GetByInAndName("query", in.listName()); p == nil || p.Required != in.required {
				t.Errorf("%s: query parameter %s: %+v", key, in.name, p)
			}
			continue
		}
		body := op.RequestBody.Value.Content["application/json"].Schema.Value
		if body.Properties[in.name] == nil || slices.Contains(body.Required, in.name) != in.required {
			t.Errorf("%s: %s is not in the body as it should be", key, in.name)
		}
		form := op.RequestBody.Value.Content["application/x-www-form-urlencoded"]
		if !in.nested() && form.Schema.Value.Properties[in.listName()] == nil {
			t.Errorf("%s: %s is not in the form", key, in.listName())
		}
	}
}
