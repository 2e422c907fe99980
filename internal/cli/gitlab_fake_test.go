package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeGitLab answers as a GitLab does, for the one project team/vision: models
// and versions by GraphQL, runs by MLflow's API, files in packages, and an
// error without a message at every address that it does not have.
type fakeGitLab struct {
	*httptest.Server
	mu          sync.Mutex
	models      []string
	versions    []labVersion     // the id is the index plus 1, that of the package 100 more
	experiments []string         // the id is the index plus 1
	runs        []map[string]any // the number is the index plus 1
	files       map[string][]labFile
	orders      []string // of searches for runs
	strange     []string // addresses that it did not know
}

type labVersion struct {
	model   int // id
	version string
	text    string
}

type labFile struct {
	name string
	data []byte
}

const labRun = "0123456789abcdef0123456789abcdef"

func newGitLab(t *testing.T) *fakeGitLab {
	t.Helper()
	g := &fakeGitLab{files: map[string][]labFile{}, experiments: []string{"sweep"}}
	mux := http.NewServeMux()
	project := "/api/v4/projects/{id}"
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /api/v4/user": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 200, map[string]any{"id": 7, "username": "ada"})
		},
		"GET /api/v4/projects": func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, []any{fakeProject}) },
		"GET " + project: func(w http.ResponseWriter, r *http.Request) {
			if r.PathValue("id") != "team/vision" {
				refuse(w, 404, "404 Project Not Found")
				return
			}
			answer(w, 200, fakeProject)
		},
		"GET /api/v4/search": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, map[string]string{"error": "scope does not have a valid value"})
		},
		"POST /api/graphql":                                          g.graphql,
		"GET " + project + "/packages":                               g.packages,
		"GET " + project + "/packages/{package}/package_files":       g.packageFiles,
		"PUT " + project + "/packages/ml_models/{v}/files/{path...}": g.put,
		"GET " + project + "/packages/ml_models/{v}/files/{path...}": g.get,
		project + "/ml/mlflow/api/2.0/mlflow/{noun}/{verb}":          g.mlflow,
		"/": func(w http.ResponseWriter, r *http.Request) {
			g.strange = append(g.strange, r.Method+" "+r.URL.Path)
			answer(w, 404, map[string]string{"error": "404 Not Found"})
		},
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			defer g.mu.Unlock()
			h(w, r)
		})
	}
	g.Server = httptest.NewServer(mux)
	t.Cleanup(g.Close)
	return g
}

func (g *fakeGitLab) experiment(name string) int { return slices.Index(g.experiments, name) + 1 }

func (g *fakeGitLab) wireVersion(id int) map[string]any {
	v := g.versions[id-1]
	return map[string]any{"id": "gid://gitlab/Ml::ModelVersion/" + strconv.Itoa(id), "version": v.version, "description": v.text,
		"packageId": "gid://gitlab/Packages::Package/" + strconv.Itoa(100+id), "createdAt": fakeTime,
		"candidate": map[string]any{"iid": 50 + id, "eid": labRun}}
}

func (g *fakeGitLab) wireModel(id int) map[string]any {
	name := g.models[id-1]
	m := map[string]any{"id": "gid://gitlab/Ml::Model/" + strconv.Itoa(id), "name": name, "versionCount": 0, "createdAt": fakeTime,
		"defaultExperimentPath": "/team/vision/-/ml/experiments/" + strconv.Itoa(g.experiment("[model]"+name)), "latestVersion": nil}
	for i, v := range g.versions {
		if v.model == id {
			m["versionCount"], m["latestVersion"] = 1, g.wireVersion(i+1)
		}
	}
	return m
}

// graphql knows the questions by their words.
func (g *fakeGitLab) graphql(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Query     string
		Variables map[string]any
	}
	json.NewDecoder(r.Body).Decode(&in)
	if r.Header.Get("Private-Token") != fakeToken {
		answer(w, 200, map[string]any{"data": map[string]any{"project": nil}})
		return
	}
	for _, q := range []struct {
		word string
		ask  func(v map[string]any) (string, any)
	}{
		{"mlModels(", g.askModels}, {"mlModelCreate(", g.askCreate}, {"mlModelVersionCreate(", g.askCreateVersion},
		{"mlModelVersionEdit(", g.askEditVersion}, {"mlModelDelete(", g.askDelete},
		{"versions(", g.askVersions}, {"version(modelVersionId", g.askVersion}, {"mlModel(id", g.askModel},
	} {
		if strings.Contains(in.Query, q.word) {
			field, value := q.ask(in.Variables)
			answer(w, 200, map[string]any{"data": map[string]any{field: value}})
			return
		}
	}
	answer(w, 200, map[string]any{"errors": []any{map[string]any{"message": "Field does not exist: " + in.Query}}})
}

func (g *fakeGitLab) askModels(v map[string]any) (string, any) {
	nodes := []any{}
	for i, name := range g.models {
		if strings.Contains(name, v["name"].(string)) {
			nodes = append(nodes, g.wireModel(i+1))
		}
	}
	if v["project"] != "team/vision" {
		return "project", nil
	}
	return "project", map[string]any{"mlModels": page(nodes, v)}
}

// page gives one node a page.
func page(nodes []any, v map[string]any) map[string]any {
	at := 0
	if after, ok := v["after"].(string); ok {
		at, _ = strconv.Atoi(after)
	}
	rest := nodes[min(at, len(nodes)):]
	return map[string]any{"nodes": rest[:min(1, len(rest))], "pageInfo": map[string]any{"hasNextPage": len(rest) > 1, "endCursor": strconv.Itoa(at + 1)}}
}

func last(v any) int {
	s, _ := v.(string)
	n, _ := strconv.Atoi(s[strings.LastIndexByte(s, '/')+1:])
	return n
}

func (g *fakeGitLab) askCreate(v map[string]any) (string, any) {
	in := v["input"].(map[string]any)
	name := in["name"].(string)
	if slices.Contains(g.models, name) {
		return "mlModelCreate", map[string]any{"model": nil, "errors": []string{"Name should be unique in the project"}}
	}
	g.models, g.experiments = append(g.models, name), append(g.experiments, "[model]"+name)
	return "mlModelCreate", map[string]any{"model": g.wireModel(len(g.models)), "errors": []string{}}
}

func (g *fakeGitLab) askCreateVersion(v map[string]any) (string, any) {
	in := v["input"].(map[string]any)
	version, _ := in["version"].(string)
	if version == "" {
		version = "1.0." + strconv.Itoa(len(g.versions))
	}
	g.versions = append(g.versions, labVersion{last(in["modelId"]), version, in["description"].(string)})
	return "mlModelVersionCreate", map[string]any{"modelVersion": g.wireVersion(len(g.versions)), "errors": []string{}}
}

func (g *fakeGitLab) askEditVersion(v map[string]any) (string, any) {
	in := v["input"].(map[string]any)
	for i := range g.versions {
		if g.versions[i].version == in["version"] {
			g.versions[i].text = in["description"].(string)
			return "mlModelVersionEdit", map[string]any{"modelVersion": g.wireVersion(i + 1), "errors": []string{}}
		}
	}
	return "mlModelVersionEdit", map[string]any{"modelVersion": nil, "errors": []string{"Model version not found"}}
}

func (g *fakeGitLab) askDelete(v map[string]any) (string, any) {
	id := last(v["input"].(map[string]any)["id"])
	m := g.wireModel(id)
	g.models[id-1] = ""
	return "mlModelDelete", map[string]any{"model": m, "errors": []string{}}
}

func (g *fakeGitLab) askVersions(v map[string]any) (string, any) {
	nodes := []any{}
	for i, found := range slices.Backward(g.versions) {
		if found.model == last(v["id"]) && strings.HasPrefix(found.version, v["version"].(string)) {
			nodes = append(nodes, g.wireVersion(i+1))
		}
	}
	return "mlModel", map[string]any{"versions": page(nodes, v)}
}

func (g *fakeGitLab) askVersion(v map[string]any) (string, any) {
	return "mlModel", map[string]any{"version": g.wireVersion(last(v["version"]))}
}

func (g *fakeGitLab) askModel(v map[string]any) (string, any) {
	return "mlModel", g.wireModel(last(v["id"]))
}

func (g *fakeGitLab) packages(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("pagination") == "keyset" {
		answer(w, 405, map[string]string{"error": "Keyset pagination is not yet available for this type of request"})
		return
	}
	out := []any{}
	for i := range g.runs {
		if version := "candidate_" + strconv.Itoa(i+1); version == r.URL.Query().Get("package_version") && len(g.files["candidate:"+strconv.Itoa(i+1)]) > 0 {
			out = append(out, map[string]any{"id": 200 + i + 1, "version": version})
		}
	}
	answer(w, 200, out)
}

func (g *fakeGitLab) packageFiles(w http.ResponseWriter, r *http.Request) {
	id := number(r, "package")
	place := strconv.Itoa(id - 100)
	if id > 200 {
		place = "candidate:" + strconv.Itoa(id-200)
	}
	out := []any{}
	for i, f := range g.files[place] {
		out = append(out, map[string]any{"id": i + 1, "file_name": url.PathEscape(f.name), "size": len(f.data), "file_sha256": fakeSum(f.data), "created_at": fakeTime})
	}
	answer(w, 200, out)
}

func (g *fakeGitLab) put(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	v := r.PathValue("v")
	g.files[v] = append(g.files[v], labFile{r.PathValue("path"), data})
	answer(w, 201, map[string]string{"message": "201 Created"})
}

// get serves without an ETag, as GitLab's files come, so that a condition on
// one fails.
func (g *fakeGitLab) get(w http.ResponseWriter, r *http.Request) {
	for _, f := range slices.Backward(g.files[r.PathValue("v")]) {
		if f.name == r.PathValue("path") && r.Header.Get("If-Match") == "" {
			w.Write(f.data)
			return
		}
	}
	answer(w, 404, map[string]string{"message": "404 Not found"})
}

// mlflow is GitLab's part of MLflow's API.
func (g *fakeGitLab) mlflow(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	json.NewDecoder(r.Body).Decode(&in)
	run := func(i int) map[string]any { return map[string]any{"run": g.runs[i]} }
	at := slices.IndexFunc(g.runs, func(r map[string]any) bool {
		id := r["info"].(map[string]any)["run_id"]
		return id == in["run_id"]
	})
	if r.Method == http.MethodGet && r.PathValue("noun") == "runs" {
		at = len(g.runs) - 1
	}
	switch endpoint := r.PathValue("noun") + "/" + r.PathValue("verb"); endpoint {
	case "experiments/get-by-name", "experiments/get":
		i := g.experiment(r.URL.Query().Get("experiment_name"))
		if endpoint == "experiments/get" {
			i, _ = strconv.Atoi(r.URL.Query().Get("experiment_id"))
		}
		if i < 1 || i > len(g.experiments) {
			answer(w, 404, map[string]string{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"})
			return
		}
		answer(w, 200, map[string]any{"experiment": map[string]any{"experiment_id": strconv.Itoa(i), "name": g.experiments[i-1]}})
	case "experiments/create":
		g.experiments = append(g.experiments, in["name"].(string))
		answer(w, 200, map[string]any{"experiment_id": strconv.Itoa(len(g.experiments))})
	case "runs/create":
		n := strconv.Itoa(len(g.runs) + 1)
		g.runs = append(g.runs, map[string]any{"info": map[string]any{"run_id": labRun[:31] + n, "run_name": in["run_name"], "experiment_id": in["experiment_id"],
			"status": "RUNNING", "start_time": 1700000000000, "artifact_uri": g.URL + "/api/v4/projects/1/packages/ml_models/candidate:" + n + "/files/"},
			"data": map[string]any{"params": []any{}, "metrics": []any{}, "tags": in["tags"]}})
		answer(w, 200, run(len(g.runs)-1))
	case "runs/get":
		answer(w, 200, run(at))
	case "runs/log-batch":
		data := g.runs[at]["data"].(map[string]any)
		for what, list := range in {
			if more, ok := list.([]any); ok {
				data[what] = append(data[what].([]any), more...)
			}
		}
		answer(w, 200, map[string]any{})
	case "runs/update":
		info := g.runs[at]["info"].(map[string]any)
		info["status"], info["end_time"] = in["status"], in["end_time"]
		answer(w, 200, map[string]any{})
	case "runs/search", "experiments/search":
		g.search(w, r, endpoint, in)
	case "model-versions/create":
		g.versions = append(g.versions, labVersion{slices.Index(g.models, in["name"].(string)) + 1, "3.0.0", ""})
		answer(w, 200, map[string]any{"model_version": map[string]any{"version": strconv.Itoa(len(g.versions)), "aliases": []string{"3.0.0"}}})
	default:
		answer(w, 404, map[string]string{"error": "404 Not Found"})
	}
}

// search is strict as GitLab is: POST only, and one order, as a text.
func (g *fakeGitLab) search(w http.ResponseWriter, r *http.Request, endpoint string, in map[string]any) {
	order, text := in["order_by"].(string)
	switch {
	case r.Method != http.MethodPost:
		answer(w, 405, map[string]string{"error": "405 Not Allowed"})
	case !text:
		answer(w, 400, map[string]string{"error": "order_by is invalid"})
	case endpoint == "runs/search":
		g.orders = append(g.orders, order)
		answer(w, 200, map[string]any{"runs": g.runs})
	default:
		token, _ := in["page_token"].(string)
		at, _ := strconv.Atoi(token)
		out := map[string]any{"experiments": []any{map[string]any{"experiment_id": strconv.Itoa(at + 1), "name": g.experiments[at]}}}
		if at+1 < len(g.experiments) {
			out["next_page_token"] = strconv.Itoa(at + 1)
		}
		answer(w, 200, out)
	}
}
