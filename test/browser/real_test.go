package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// script runs a program in Python of real, in one of the environments that
// scripts/setup-tests makes.
func (p *process) script(env, name string, args ...string) {
	p.t.Helper()
	if out, err := p.python(env, name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// python is such a program before it runs.
func (p *process) python(env, name string, args ...string) *exec.Cmd {
	p.t.Helper()
	python := filepath.Join("..", "..", ".venv", env, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		p.t.Fatalf("the environment %s is missing (%v); scripts/setup-tests makes it, `make test` runs it", env, err)
	}
	cmd := exec.CommandContext(p.t.Context(), python, append([]string{filepath.Join("real", name)}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+p.t.TempDir(), "NO_PROXY=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1", "MLFLOW_DISABLE_TELEMETRY=true",
		"MLFLOW_TRACKING_URI="+p.home, "MLFLOW_TRACKING_TOKEN="+rootToken)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// TestRealLive watches the page of a run while MLflow's client logs to it: the
// chart and the table move with each ten steps, until the training ends.
func TestRealLive(t *testing.T) {
	p := newProcess(t)
	training := p.python("mlflow3", "live.py")
	more, err := training.StdinPipe()
	ok(t, err)
	said, err := training.StdoutPipe()
	ok(t, err)
	training.Stderr = os.Stderr
	ok(t, training.Start())
	lines := bufio.NewScanner(said)
	if !lines.Scan() {
		t.Fatal("the training does not begin")
	}
	b := open(t, p.home, desktop)
	b.signIn()
	b.visit(p.runPages("search=at+work")["at work"])
	b.until(`!document.querySelector("[data-following]").hidden`)
	for step := 10; step <= 50; step += 10 {
		_, err := io.WriteString(more, "\n")
		ok(t, err)
		if !lines.Scan() || lines.Text() != strconv.Itoa(step) {
			t.Fatalf("the training says %q, want step %d", lines.Text(), step)
		}
		b.until(fmt.Sprintf(`document.querySelector(".chart[data-metric='loss'][data-points='%d'] canvas") !== null`, step))
		b.until(fmt.Sprintf(`document.querySelector("[data-latest] tr td:last-child").innerText === "%d"`, step-1))
	}
	b.shot("moved")
	ok(t, more.Close())
	b.until(`document.querySelector("[data-following]").hidden`)
	for lines.Scan() { // to its end, as the process is waited for
	}
	ok(t, training.Wait())
	b.reload()
	b.wait(".badge.status-finished")
}

// runPages finds the pages of runs of root/default, by the runs' names.
func (p *process) runPages(query string) map[string]string {
	p.t.Helper()
	var all []struct {
		ID   int64
		Name string
	}
	ok(p.t, json.Unmarshal(ask(p.t, http.MethodGet, p.home+"/api/v4/projects/1/ml/candidates?per_page=100&"+query, nil), &all))
	out := map[string]string{}
	for _, r := range all {
		out[r.Name] = fmt.Sprintf("/root/default/-/ml/candidates/%d", r.ID)
	}
	return out
}

// TestRealData looks at what real clients have made: a sweep of 200 runs that
// MLflow's autologging wrote, boosters with a loss for each round, and models by
// scikit-learn, safetensors and ONNX that `vitrine push` sent.
func TestRealData(t *testing.T) {
	p := newProcess(t)
	p.script("mlflow3", "sweep.py")
	models := filepath.Join(t.TempDir(), "models")
	p.script("clients", "models.py", models)
	for folder, version := range map[string]string{"1": "1.0.0", "2": "1.1.0"} {
		p.shell(models, "VITRINE_SERVER="+p.home+" vitrine push ./"+folder+" root/default/digits:"+version)
	}
	grid, boosters := p.runPages("search=grid")["grid"], p.runPages("experiment_id=2")
	as(t, p.home, func(b *tab) {
		b.sweep()
		b.losses(boosters)
		b.page("grid", grid)
		if n := get[int](b, `document.querySelectorAll(".chart").length`); n != 0 {
			b.t.Errorf("%d charts of metrics with one value each", n)
		}
		b.previews(grid)
		b.digits()
	})
	b := open(t, p.home, desktop)
	b.signIn()
	b.promote(boosters["eta 0.2"], "boosted-digits", "")
	b.promote(boosters["eta 0.3"], "deep-digits", "the model")
	if page := b.text("main"); !strings.Contains(page, "MLmodel") || !strings.Contains(page, "eta 0.3") {
		t.Errorf("the version of the logged model has %s", page)
	}
}

// sweep sorts the 200 runs by the score, draws them, and turns a page.
func (b *tab) sweep() {
	b.t.Helper()
	b.page("sweep", "/root/default/-/ml/experiments/1")
	b.follow(`thead a[href*="metrics.mean_test_score"]`)
	b.wait(`th[aria-sort="descending"] a[href*="mean_test_score"]`)
	best := get[[]float64](b, `[...document.querySelectorAll("tr:has([name=run])")].map(r => parseFloat(r.cells[[...document.querySelectorAll("thead th")].findIndex(h => h.innerText.startsWith("mean_test_score"))].innerText))`)
	for i := 1; i < len(best); i++ {
		if best[i] > best[i-1] {
			b.t.Errorf("the scores are not in order: %v", best)
			break
		}
	}
	if head := b.text("thead"); !strings.Contains(head, "max_depth") || strings.Contains(head, "splitter") {
		b.t.Errorf("of the parameters those that differ should show: %s", head)
	}
	b.until(`document.querySelectorAll("[data-scatter] circle").length === ` + strconv.Itoa(len(best)))
	b.do(scrollTo("[data-scatter]"))
	b.shot("sweep-dots")
	b.follow(`a[rel="next"]`)
	b.wait(`a[rel="prev"]`)
	b.fill(`main input[name="search"]`, "grid")
	b.follow(`main form[role="search"] > .button`)
	b.until(`document.querySelectorAll("[name=run]").length === 1 && document.querySelector("tbody .title").innerText === "grid"`)
}

// losses draws the rounds of all boosters, and compares two of them.
func (b *tab) losses(pages map[string]string) {
	b.t.Helper()
	b.page("boosters", "/root/default/-/ml/experiments/2")
	b.until(`document.querySelector("[data-lines][data-points='240'] canvas") !== null`)
	b.do(scrollTo("[data-overlay]"))
	b.shot("boosters-lines")
	b.do(scrollTo("table"))
	b.click(`tbody tr:nth-child(1) [name="run"]`)
	b.click(`tbody tr:nth-child(2) [name="run"]`)
	b.follow(`form[action$="/ml/compare"] button`)
	b.wait(`.differs`)
	b.shot("boosters-compared")
	if got := get[[]string](b, `[...document.querySelectorAll("tr.differs th[scope=row]")].map((e) => e.firstChild.data)`); !strings.Contains(strings.Join(got, " "), "eta max_depth") {
		b.t.Errorf("%q differ", got)
	}
	b.look("compare of boosters")
	b.page("booster", pages["eta 0.3"])
	b.do(scrollTo("[data-charts]"))
	b.until(`document.querySelector(".chart[data-points='40'] canvas") !== null`)
	b.shot("booster-charts")
}

// previews opens the artifacts that autologging has left: a picture, a table and
// a page.
func (b *tab) previews(run string) {
	b.t.Helper()
	for name, shown := range map[string]string{
		"training_confusion_matrix.png": `document.querySelector(".picture img")?.naturalWidth > 100`,
		"cv_results.csv":                `document.querySelector("main table")?.rows.length > 100`,
		"estimator.html":                `document.querySelector("main pre")?.innerText.includes("<style>")`,
	} {
		b.visit(run)
		b.follow(`.tree a[href$="/files/` + name + `"]`)
		b.until(shown)
		b.shot("file-" + name)
		b.look(name)
	}
}

// digits compares the two versions of the models: the network has become wider.
func (b *tab) digits() {
	b.t.Helper()
	b.visit("/root/default/-/ml/models")
	b.wait("main a.title")
	b.visit(get[string](b, `[...document.querySelectorAll("main a.title")].find(a => a.innerText === "digits").pathname`) + "/versions")
	b.wait(`input[name="v"]`)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('input[name="v"]').forEach(e => e.click())`))
	b.follow(`form[action$="/compare"] .button`)
	b.wait("table.compare")
	b.shot("digits-compared")
	b.look("compare of digits")
	if page := b.text("main"); !strings.Contains(page, "F64 64 × 48") || !strings.Contains(page, "README.md") {
		b.t.Errorf("the comparison shows %s", page)
	}
}

// promote makes a version of a run as a person does, with the files that the
// choice with such a text means.
func (b *tab) promote(run, model, files string) {
	b.t.Helper()
	b.visit(run)
	b.click("details.more > summary")
	b.fill(`input[name="model"]`, model)
	if files == "" {
		files = "artifacts"
	}
	get[bool](b, `(() => { const s = document.querySelector("[name=logged]"); s.selectedIndex = [...s.options].findIndex(o => o.text.includes(`+quote(files)+`)); return true; })()`)
	b.shot("promote")
	b.look(run)
	b.follow(`form[action$="/promote"] .main`)
	b.wait(".flash")
	if said := b.text(".flash"); !strings.Contains(said, "of "+model) {
		b.t.Errorf("the page says %s", said)
	}
}
