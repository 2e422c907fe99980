package gitlab

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx/httpxtest"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// exampleTime stands for every time in the examples.
var exampleTime = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

// asked is the request of an example.
type asked struct {
	who   string            // a token of the showroom; ada unless told
	path  map[string]string // values of the address, where world.address has none that do
	query string
	body  object
	file  string // the body of an upload
	// headers beside the credential; in values of the address, "@name" is a
	// secret of the showroom.
	headers map[string]string
}

// requests are the requests of the examples, by route; ada sends each to a
// showroom of its own. A route without a row is called with the values of
// world.address and no parameters. To add one: write the row if it needs one,
// then run go test -run TestOpenAPIExamples -update.
var requests = map[string]asked{
	"POST /users":          {body: object{"username": "mary", "name": "Mary Jackson", "email": "mary@example.org", "force_random_password": true}},
	"PUT /users/{user_id}": {body: object{"name": "Rear Admiral Grace Hopper"}},
	"POST /users/{user_id}/personal_access_tokens":        {body: object{"name": "ci", "scopes": []string{"read_model_registry"}, "expires_at": "2027-06-30"}},
	"POST /users/{user_id}/impersonation_tokens":          {body: object{"name": "support", "scopes": []string{"read_api"}, "expires_at": "2027-06-30"}},
	"POST /user/personal_access_tokens":                   {body: object{"name": "notebook", "scopes": []string{"read_model_registry", "write_model_registry"}, "expires_at": "2027-06-30"}},
	"POST /personal_access_tokens/{token_id}/rotate":      until,
	"POST /projects/{id}/job_tokens":                      {body: object{"user_id": 3, "job_id": 1207, "expires_in": 3600}},
	"POST /projects/{id}/access_tokens":                   {body: object{"name": "release", "scopes": []string{"write_model_registry"}, "access_level": 30, "expires_at": "2027-06-30"}},
	"POST /groups/{id}/access_tokens":                     {body: object{"name": "release", "scopes": []string{"write_model_registry"}, "access_level": 30, "expires_at": "2027-06-30"}},
	"POST /projects/{id}/access_tokens/{token_id}/rotate": until,
	"POST /groups/{id}/access_tokens/{token_id}/rotate":   until,
	"POST /projects/{id}/access_tokens/self/rotate":       {who: "project", body: until.body},
	"POST /groups/{id}/access_tokens/self/rotate":         {who: "group", body: until.body},
	"POST /projects/{id}/deploy_tokens":                   servers,
	"POST /groups/{id}/deploy_tokens":                     servers,
	"POST /groups":                                        {body: object{"name": "Speech", "path": "speech", "visibility": "internal"}},
	"PUT /projects/{id}/transfer":                         {body: object{"namespace": "vision/medical"}},
	"POST /groups/{id}/projects/{project_id}":             {path: one("project_id", "1")},
	"POST /groups/{id}/transfer":                          {body: object{"group_id": "hearing"}},
	"PUT /groups/{id}":                                    {body: object{"description": "Models that look."}},
	"POST /projects":                                      {body: object{"name": "birds", "namespace_id": 5, "visibility": "internal"}},
	"PUT /projects/{id}":                                  {body: object{"description": "Tells flowers from weeds."}},
	"POST /projects/{id}/members":                         {body: object{"username": "alan", "access_level": 30}},
	"POST /projects/{id}/invitations":                     {body: object{"email": []string{"alan@example.org"}, "access_level": 30}},
	"POST /groups/{id}/invitations":                       {body: object{"email": []string{"alan@example.org", "nobody@example.org"}, "access_level": 20}},
	"GET /audit_events":                                   {query: "entity_type=User&per_page=2"},
	"GET /projects/{id}/audit_events":                     {query: "per_page=2"},
	"GET /groups/{id}/audit_events":                       {query: "per_page=2"},
	"GET /projects/{id}/audit_events/{event_id}":          {path: one("event_id", "13")},
	"GET /groups/{id}/audit_events/{event_id}":            {path: one("event_id", "15")},
	"POST /groups/{id}/members":                           {body: object{"username": "alan", "access_level": 20, "expires_at": "2027-06-30"}},
	"PUT /projects/{id}/members/{user_id}":                {body: object{"access_level": 40}},
	"PUT /groups/{id}/members/{user_id}":                  {body: object{"access_level": 20}},

	"GET /projects/{id}/packages/ml_models/{model_version_id}/files/{file_path...}":                modelFile,
	"GET /projects/{id}/packages/ml_models/{model_version_id}/details/{file_path...}":              {path: one("file_path", "config.json")},
	"PUT /projects/{id}/packages/ml_models/{model_version_id}/files/{file_path...}":                modelFile,
	"DELETE /projects/{id}/packages/ml_models/{model_version_id}/files/{file_path...}":             modelFile,
	"GET /projects/{id}/packages/generic/{package_name}/{package_version}/{file_path...}":          genericFile,
	"PUT /projects/{id}/packages/generic/{package_name}/{package_version}/{file_path...}":          genericFile,
	"DELETE /projects/{id}/packages/generic/{package_name}/{package_version}/{file_path...}":       genericFile,
	"POST /projects/{id}/packages/uploads/ml_models/{model_version_id}":                            newUpload,
	"POST /projects/{id}/packages/uploads/ml_models/{model_version_id}/{file_path...}":             newUpload,
	"POST /projects/{id}/packages/uploads/generic/{package_name}/{package_version}":                newUpload,
	"POST /projects/{id}/packages/uploads/generic/{package_name}/{package_version}/{file_path...}": newUpload,
	"OPTIONS /projects/{id}/packages/uploads/{upload_id}":                                          oneUpload,
	"GET /projects/{id}/packages/uploads/{upload_id}":                                              oneUpload,
	"DELETE /projects/{id}/packages/uploads/{upload_id}":                                           oneUpload,
	"PATCH /projects/{id}/packages/uploads/{upload_id}":                                            {path: oneUpload.path, file: "wei", headers: map[string]string{"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}},
	"GET /projects/{id}/ml/models/{model_id}/aliases/{name}":                                       champion,
	"DELETE /projects/{id}/ml/models/{model_id}/aliases/{name}":                                    champion,
	"GET /projects/{id}/ml/models/{model_id}/aliases/{name}/history":                               champion,
	"PUT /projects/{id}/ml/models/{model_id}/aliases/{name}":                                       {path: one("name", "champion"), body: object{"version_id": 1, "expected_version_id": 1}},
	"POST /projects/{id}/ml/models":                                                                {body: object{"name": "roses", "description": "Counts petals.", "metadata": []object{{"name": "framework", "value": "onnx"}}}},
	"PUT /projects/{id}/ml/models/{model_id}":                                                      {body: object{"description": "Knows four kinds of iris."}},
	"POST /projects/{id}/ml/models/{model_id}/versions":                                            {body: object{"version": "1.1.0", "description": "More data.", "metadata": []object{{"name": "quantized", "value": "int8"}}}},
	"PUT /projects/{id}/ml/models/{model_id}/versions/{version_id}":                                {body: object{"description": "Trained on nine tenths of the set."}},
	"POST /projects/{id}/ml/experiments":                                                           {body: object{"name": "learning-rates"}},
	"PUT /projects/{id}/ml/experiments/{experiment_id}":                                            {body: object{"metadata": []object{{"name": "owner", "value": "ada"}}}},
	"POST /projects/{id}/ml/candidates":                                                            {body: object{"experiment_id": 2, "name": "second", "params": []object{{"name": "lr", "value": "0.01"}}}},
	"PUT /projects/{id}/ml/candidates/{candidate_id}":                                              {body: object{"status": "finished", "end_time": "2026-11-02T10:00:00Z"}},
	"POST /projects/{id}/ml/candidates/{candidate_id}/log": {body: object{"params": []object{{"name": "batch", "value": "64"}},
		"metrics":  []object{{"name": "loss", "value": "0.2", "step": 2, "timestamp": exampleTime.UnixMilli()}},
		"metadata": []object{{"name": "gpu", "value": "h100"}}}},
	"POST /projects/{id}/ml/candidates/{candidate_id}/params":               {body: object{"params": []object{{"name": "batch", "value": "64"}}}},
	"POST /projects/{id}/ml/candidates/{candidate_id}/metrics":              {body: object{"metrics": []object{{"name": "loss", "value": "0.2", "step": 2, "timestamp": exampleTime.UnixMilli()}}}},
	"GET /projects/{id}/ml/candidates/{candidate_id}/metrics":               {query: "name=loss"},
	"PUT /projects/{id}/ml/candidates/{candidate_id}/metadata":              {body: object{"metadata": []object{{"name": "gpu", "value": "h100"}}}},
	"DELETE /projects/{id}/ml/candidates/{candidate_id}/metadata/{name...}": {path: one("name", "gpu")},
	"GET /search":               {query: "scope=ml_models&search=iri"},
	"GET /groups/{id}/search":   {query: "scope=ml_model_versions&search=iris+1"},
	"GET /projects/{id}/search": {query: "scope=users&search=hopper"},
	"POST /projects/{id}/ml/candidates/{candidate_id}/promote": {body: object{"version": "1.1.0"}},
}

func one(name, value string) map[string]string { return map[string]string{name: value} }

var (
	until       = asked{body: object{"expires_at": "2027-06-30"}}
	servers     = asked{body: object{"name": "servers", "scopes": []string{"read_package_registry"}, "expires_at": "2027-06-30T00:00:00Z"}}
	modelFile   = asked{path: one("file_path", "onnx/model.onnx"), file: "weights"}
	genericFile = asked{path: map[string]string{"package_name": "raw-data", "package_version": "2026.11", "file_path": "iris.csv"}, file: "5.1,3.5,1.4,0.2\n"}
	newUpload   = asked{headers: map[string]string{"Tus-Resumable": "1.0.0", "Upload-Length": "7", "Upload-Metadata": "filename b25ueC9tb2RlbC5vbm54"}}
	oneUpload   = asked{path: one("upload_id", "@upload"), headers: map[string]string{"Tus-Resumable": "1.0.0"}}
	champion    = asked{path: one("name", "champion")}
)

// unlike finds what differs from one run to the next, and what takes its place
// in the examples.
var unlike = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z`), "2026-11-02T09:30:00.000Z"},
	{regexp.MustCompile(`\bvt[a-z]+-[A-Za-z0-9]{20,}`), "vtpat-ExampleExampleExampleExample"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "8d1c5e0f9b7a46d2a3c4e5f60718293a"},
	{regexp.MustCompile(`"name":"[a-z]+-[a-z]+-\d{1,3}"`), `"name":"calm-heron-417"`}, // the nickname of a run
	{regexp.MustCompile(`_bot_[0-9a-z]+`), "_bot_4fa5a3f1"},                           // the user of an access token
	{regexp.MustCompile(`http://example\.com`), "https://models.example.org"},
	{regexp.MustCompile(`\bup-[0-9a-z]{26}\b`), "up-6dq7nhrx2pzk4wjvma3c5tgebs"}, // the name of an upload
}

func settled(b []byte) []byte {
	for _, u := range unlike {
		b = u.what.ReplaceAll(b, []byte(u.by))
	}
	return b
}

// TestOpenAPIExamples plays the request of every example: what the document
// shows is what the server takes and answers.
func TestOpenAPIExamples(t *testing.T) {
	want, err := readExamples()
	ok(t, err)
	got := map[string]example{}
	shared := newShowroom(t)
	for _, rt := range (&dialect{}).table() {
		w := shared
		if rt.method != http.MethodGet {
			w = newShowroom(t)
		}
		got[rt.key()] = w.record(t, rt)
	}
	for key := range requests {
		if _, ok := got[key]; !ok {
			t.Errorf("requests: there is no route %s", key)
		}
	}
	fresh, err := json.MarshalIndent(got, "", "  ")
	ok(t, err)
	if httpxtest.Update() {
		ok(t, os.WriteFile("openapi_examples.json", append(fresh, '\n'), 0o644))
		return
	}
	for key := range want {
		if a, b := compact(t, want[key]), compact(t, got[key]); a != b {
			t.Errorf("%s: the example is\n%s\nbut the server does\n%s", key, a, b)
		}
	}
	if len(got) > len(want) || t.Failed() {
		t.Errorf("%d examples are recorded, %d are wanted; go test -run TestOpenAPIExamples -update records them anew", len(want), len(got))
	}
}

func compact(t *testing.T, ex example) string {
	t.Helper()
	raw, err := json.Marshal(ex)
	ok(t, err)
	return string(raw)
}

// record plays the example of a route and writes it down.
func (w *world) record(t *testing.T, rt route) example {
	t.Helper()
	ask := requests[rt.key()]
	target, path := w.addressWith(rt, ask.path)
	body := []byte(ask.file)
	var ex example
	if ask.body == nil && rt.in.NumField() > 0 && (rt.method == http.MethodPost || rt.method == http.MethodPut) {
		t.Errorf("%s takes a body: give it one in requests", rt.key())
	}
	if ask.body != nil {
		var err error
		ex.Body, err = json.Marshal(ask.body)
		ok(t, err)
		body = ex.Body
	}
	r := httptest.NewRequestWithContext(t.Context(), rt.method, target+"?"+ask.query, bytes.NewReader(body))
	r.Header.Set("Private-Token", w.tokens[cmp.Or(ask.who, "ada")])
	for name, v := range ask.headers {
		r.Header.Set(name, v)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != rt.status {
		t.Errorf("%s: %d, want %d: %s\nGive it a request in requests that works.", rt.key(), rec.Code, rt.status, rec.Body)
	}
	ex.Path = map[string]string{}
	for name, v := range path {
		ex.Path[name] = string(settled([]byte(v)))
	}
	switch kind, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";"); {
	case rt.out == reflect.TypeFor[document](), rec.Body.Len() == 0:
	case kind == "application/json":
		ex.Answer = settled(rec.Body.Bytes())
	case strings.HasPrefix(kind, "text/"):
		raw, err := json.Marshal(rec.Body.String())
		ok(t, err)
		ex.Answer = settled(raw)
	}
	return ex
}

// addressWith is address with values of one's own, which it gives too.
func (w *world) addressWith(rt route, own map[string]string) (target string, path map[string]string) {
	pattern := strings.Split(Prefix+rt.pattern, "/")
	segs := strings.SplitN(w.address(rt), "/", len(pattern))
	for i, p := range pattern {
		name, inPath := strings.CutPrefix(strings.TrimRight(p, ".}"), "{")
		if !inPath {
			continue
		}
		if path == nil {
			path = map[string]string{}
		}
		path[name] = segs[i]
		if v, ok := own[name]; ok {
			if secret, ok := strings.CutPrefix(v, "@"); ok {
				v = w.tokens[secret]
			}
			path[name] = v
			segs[i] = strings.ReplaceAll(url.PathEscape(v), "%2F", "/")
		}
	}
	return strings.Join(segs, "/"), path
}

// TestOpenAPIErrorExamples provokes each error that the document shows.
func TestOpenAPIErrorExamples(t *testing.T) {
	w := newWorld(t, worldOptions{})
	models := fmt.Sprintf("/api/v4/projects/%d/ml/models", w.ids["private"])
	path := "elsewhere"
	_, err := w.reg.As(auth.System()).EditProject(t.Context(), registry.ProjectRef{ID: w.ids["public"]}, registry.ProjectEdit{Path: &path})
	ok(t, err)
	var seen []string
	note := func(status int, body string) { seen = append(seen, fmt.Sprint(status, " ", body)) }
	for _, c := range []struct{ method, target, who, body string }{
		{"POST", models, "developer", "{}"}, {"POST", models, "developer", `{"name":"iris"}`},
		{"GET", models, "unknown", ""}, {"GET", models, "revoked", ""},
		{"POST", models, "guest", ""}, {"POST", "/api/v4/groups", "readapi", `{"name":"g","path":"g"}`},
		{"GET", models, "stranger", ""}, {"GET", models + fmt.Sprintf("/%d/versions/999", w.ids["private/model"]), "guest", ""},
		{"GET", models + "?page=100000", "guest", ""}, {"POST", "/api/v4/projects/root%2Fpublic/ml/models", "developer", `{"name":"x"}`},
		{"POST", "/api/v4/users", "boss", `{"username":"guest","name":"G","email":"g2@example.org","force_random_password":true}`},
		{"POST", models, "developer", strings.Repeat(" ", paramLimit+1)},
	} {
		rec := w.do(t, c.method, c.target, c.who, c.body)
		note(rec.Code, rec.Body.String())
	}
	for _, err := range []error{
		&fault.Error{Kind: fault.Conflict, Noun: "condition", Msg: "the file there is not as the request's conditions want it"},
		&fault.Error{Kind: fault.Busy, Msg: "the database is busy; try again"}, &fault.Error{Kind: fault.Full, Msg: "has no room left for this file; free space below the blob directory, or raise its quota, then send the file again"},
	} {
		status, body := spell(err)
		raw, err := json.Marshal(body)
		ok(t, err)
		note(status, string(raw))
	}
	for status, shown := range errorExamples {
		for when, v := range shown {
			raw, err := json.Marshal(v)
			ok(t, err)
			if status != http.StatusInternalServerError && !slices.Contains(seen, fmt.Sprint(status, " ", string(raw))) {
				t.Errorf("%d %s: %s was not answered; these were:\n%s", status, when, raw, strings.Join(seen, "\n"))
			}
		}
	}
}
