package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// mlflowPages serves MLflow's own web pages, as they are in its package, over
// the server at home: what is no file of the pages goes there with the token.
// It gives the address, and later all answers that were errors.
func mlflowPages(t *testing.T, home string) (string, func() []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", ".venv", "mlflow3", "lib", "python3*", "site-packages", "mlflow", "server", "js", "build"))
	ok(t, err)
	if len(found) != 1 {
		t.Fatal("MLflow's pages are not there; scripts/setup-tests installs them, `make test` runs it")
	}
	upstream, err := url.Parse(home)
	ok(t, err)
	var mu sync.Mutex
	var failed []string
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header.Set("Authorization", "Bearer "+rootToken)
			r.Out.Header.Del("Origin")
			r.Out.Header.Del("Sec-Fetch-Site")
		},
		ModifyResponse: func(res *http.Response) error {
			if res.StatusCode >= 400 {
				mu.Lock()
				failed = append(failed, res.Status+" "+res.Request.Method+" "+res.Request.URL.RequestURI())
				mu.Unlock()
			}
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/static-files/", http.StripPrefix("/static-files/", http.FileServer(http.Dir(found[0]))))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(found[0], "index.html"))
	})
	mux.Handle("/", proxy)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	return front.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return failed
	}
}

const atRoot = "/api/2.0/mlflow/"

// fillMLflow logs two runs as MLflow's clients do, with a file and a model.
func fillMLflow(t *testing.T, home string) (first, second string) {
	t.Helper()
	tr := &trainer{t: t, home: home, api: atRoot}
	experiment := tr.post(atRoot+"experiments/create", map[string]any{"name": "sweep"})["experiment_id"].(string)
	var runs []string
	for i, name := range []string{"first try", "second try"} {
		out := tr.post(atRoot+"runs/create", map[string]any{"experiment_id": experiment, "run_name": name, "start_time": 1_700_000_000_000 + i})
		id := out["run"].(map[string]any)["info"].(map[string]any)["run_id"].(string)
		tr.log(id, .02*float64(i+1), 0, 100, "loss", "val/loss")
		tr.post(atRoot+"runs/log-batch", map[string]any{"run_id": id, "params": []map[string]any{{"key": "depth", "value": fmt.Sprint(i + 3)}},
			"tags": []map[string]any{{"key": "team", "value": "red"}}})
		tr.post(atRoot+"runs/update", map[string]any{"run_id": id, "status": "FINISHED", "end_time": 1_700_000_100_000})
		runs = append(runs, id)
	}
	ask(t, http.MethodPut, home+"/api/2.0/mlflow-artifacts/artifacts/"+experiment+"/"+runs[0]+"/artifacts/notes/hello.txt", strings.NewReader("what the run wrote"))
	tr.post(atRoot+"registered-models/create", map[string]any{"name": "winner"})
	tr.post(atRoot+"model-versions/create", map[string]any{"name": "winner", "run_id": runs[0],
		"source": "mlflow-artifacts:/" + experiment + "/" + runs[0] + "/artifacts/notes"})
	return runs[0], runs[1]
}

// absent is what the pages ask for that this server does not have: who signed
// in by MLflow's own accounts, its assistant, its gateway, and the telemetry
// that they would send.
var absent = []string{"/mlflow/users/current", "/mlflow/assistant/", "/mlflow/gateway-proxy", "/mlflow/ui-telemetry"}

// TestMLflowPages: MLflow's own pages show experiments, runs, charts, files and
// models of this server.
func TestMLflowPages(t *testing.T) {
	home := serve(t)
	first, second := fillMLflow(t, home)
	front, failed := mlflowPages(t, home)
	b := open(t, front, desktop)
	run := "experiments/1/runs/" + first
	for _, p := range []struct {
		path string
		want []string
	}{
		{"experiments", []string{"sweep", "Default"}},
		{"experiments/1/runs", []string{"first try", "second try", "2 matching runs"}},
		{run, []string{"0.088108", "depth", ": red", "Finished", "winner"}},
		{run + "/model-metrics", []string{"first try (loss)", "first try (val/loss)"}},
		{run + "/artifacts", []string{"notes"}},
		{"compare-runs?runs=" + url.QueryEscape(`["`+first+`","`+second+`"]`) + `&experiments=["1"]`, []string{"Comparing 2 Runs", "second try"}},
		{"models", []string{"winner", "Version 1"}},
		{"models/winner", []string{"Registered at", "Version 1"}},
		{"models/winner/versions/1", []string{"Source Run", "first try"}},
	} {
		sep := "?"
		if strings.Contains(p.path, "?") {
			sep = "&"
		}
		b.visit("/#/" + p.path + sep + "workspace=default")
		for _, words := range p.want {
			b.until("document.body.innerText.includes(" + quote(words) + ")")
		}
	}
	b.shot("model")
	b.visit("/#/" + run + "/artifacts?workspace=default")
	for _, name := range []string{"notes", "hello.txt"} {
		item := "[...document.querySelectorAll('ul li div')].findLast(e => e.innerText.trim() === " + quote(name) + ")"
		b.until("!!" + item)
		get[bool](b, item+".click() || true")
	}
	b.until("document.body.innerText.includes('what the run wrote')")
	b.shot("file")
	known := func(s string) bool {
		return slices.ContainsFunc(absent, func(a string) bool { return strings.Contains(s, a) })
	}
	for _, f := range failed() {
		// The version's files are no MLflow model, so there is no such file.
		if !known(f) && !strings.Contains(f, "/model-versions/get-artifact?path=MLmodel") {
			t.Error(f)
		}
	}
	b.expectErrors() // of the pages themselves: failed() has those of the server
}

// TestPrintedAddresses: the addresses that MLflow's clients print at the end of a
// run lead to the pages of this server, also those who have to sign in first.
func TestPrintedAddresses(t *testing.T) {
	home := serve(t)
	first, second := fillMLflow(t, home)
	tr := newTrainer(t, home)
	third := tr.start("elsewhere")
	b := open(t, home, desktop)
	b.visit("/#/experiments/1/runs/" + first)
	b.wait(`input[name="login"]`)
	b.until(`location.search.includes("runs")`)
	b.fill(`input[name="login"]`, "root")
	b.fill(`input[name="password"]`, "correct horse battery staple")
	b.follow("main form button")
	b.until(`document.title.startsWith("first try")`)
	for _, p := range []struct{ from, to, title string }{
		{"/#/experiments/1", "/root/default/-/ml/experiments/1", "sweep"},
		{"/#/experiments/1/runs/" + second, "/root/default/-/ml/candidates/2", "second try"},
		{"/#/models/winner/versions/1", "/root/default/-/ml/models/1/versions/1", "winner"},
		{"/api/v4/projects/root%2Fdigits/ml/mlflow/#/experiments/" + tr.experiment + "/runs/" + third, "/root/digits/-/ml/candidates/1", "elsewhere"},
		{"/#/experiments/" + tr.experiment + "/runs/" + third + "?workspace=root%2Fdigits", "/root/digits/-/ml/candidates/1", "elsewhere"},
	} {
		b.visit(p.from)
		b.until("location.pathname === " + quote(p.to) + " && document.title.includes(" + quote(p.title) + ")")
	}
	b.shot("run")
}
