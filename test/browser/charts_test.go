package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// trainer logs to a run as a client of MLflow's API does.
type trainer struct {
	t          *testing.T
	home       string
	experiment string
	api        string // the address of MLflow's API
}

// newTrainer makes a project with an experiment.
func newTrainer(t *testing.T, home string) *trainer {
	t.Helper()
	tr := &trainer{t: t, home: home, api: tracking}
	tr.post("/api/v4/projects", map[string]any{"name": "digits"})
	tr.experiment = tr.post(tracking+"experiments/create", map[string]any{"name": "sweep"})["experiment_id"].(string)
	return tr
}

const tracking = "/api/v4/projects/root%2Fdigits/ml/mlflow/api/2.0/mlflow/"

func (tr *trainer) post(path string, body map[string]any) map[string]any {
	tr.t.Helper()
	raw, err := json.Marshal(body)
	ok(tr.t, err)
	out := map[string]any{}
	ok(tr.t, json.Unmarshal(ask(tr.t, http.MethodPost, tr.home+path, bytes.NewReader(raw)), &out))
	return out
}

// start starts a run and gives its id.
func (tr *trainer) start(name string, params ...map[string]any) string {
	tr.t.Helper()
	out := tr.post(tr.api+"runs/create", map[string]any{"experiment_id": tr.experiment, "run_name": name, "start_time": 1})
	id := out["run"].(map[string]any)["info"].(map[string]any)["run_id"].(string)
	if len(params) > 0 {
		tr.post(tr.api+"runs/log-batch", map[string]any{"run_id": id, "params": params})
	}
	return id
}

// log logs steps [from, to) of each metric, which falls as rate says.
func (tr *trainer) log(run string, rate float64, from, to int, keys ...string) {
	tr.t.Helper()
	var points []map[string]any
	for i := from; i < to; i++ {
		for _, k := range keys {
			v := math.Exp(-rate*float64(i)) + .05*math.Sin(float64(i))
			points = append(points, map[string]any{"key": k, "value": v, "step": i, "timestamp": 1_700_000_000_000 + int64(i)*1000})
		}
	}
	tr.post(tr.api+"runs/log-batch", map[string]any{"run_id": run, "metrics": points})
}

func (b *tab) signIn() {
	b.t.Helper()
	b.visit("/users/sign_in")
	b.fill(`input[name="login"]`, "root")
	b.fill(`input[name="password"]`, "correct horse battery staple")
	b.follow("main form button")
	b.wait(".face")
}

// TestRunCharts: a run has a chart for each metric, with all its points, in
// every light and on every screen; the controls change what is drawn.
func TestRunCharts(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	run := tr.start("first")
	tr.log(run, .02, 0, 300, "loss", "val/loss", "an accuracy")
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit("/root/digits/-/ml/candidates/1")
			for i := range 3 {
				b.do(scrollTo(fmt.Sprintf(".chart:nth-child(%d)", i+1)))
				b.until(fmt.Sprintf(`document.querySelector(".chart:nth-child(%d)[data-points='300'] canvas") !== null`, i+1))
			}
			if n := get[int](b, `document.querySelectorAll(".chart canvas").length`); n != 3 {
				t.Errorf("%d charts", n)
			}
			b.do(scrollTo("[data-charts]"))
			b.shot("charts")
			b.narrow()
			b.tune()
			b.do(scrollTo("[data-charts]"))
			b.shot("smooth")
			b.click(".chart details summary")
			b.until(`document.querySelectorAll(".chart details tbody tr").length === 300`)
			b.zoom()
			b.until(`document.querySelector(".chart details").open`)
			b.click(".chart details summary") // it has not moved when the pointer leaves the picture
			b.until(`!document.querySelector(".chart details").open`)
		})
	}
}

// tune asks for smooth lines over time on a logarithmic scale.
func (b *tab) tune() {
	b.t.Helper()
	get[bool](b, `(() => {
		const f = document.querySelector("[data-controls]");
		f.elements.smoothing.value = .8; f.elements.across.value = "times"; f.elements.log.checked = true;
		return f.dispatchEvent(new Event("input"));
	})()`)
	b.until(`document.querySelectorAll(".chart:first-child .u-legend .u-series").length === 3`)
	if head := b.text(".chart .u-legend .u-series"); head == "" || head[:7] != "seconds" {
		b.t.Errorf("the first column is %q", head)
	}
}

// zoom looks at a stretch of the steps, by dragging and by numbers, and at all again.
func (b *tab) zoom() {
	b.t.Helper()
	const drawn = `document.querySelector(".chart canvas").toDataURL()`
	draws := func(as string, same bool) {
		b.t.Helper()
		b.until(fmt.Sprintf("(%s === %s) === %t", drawn, quote(as), same))
	}
	number := func(from, to string) {
		get[bool](b, `(() => { const f = document.querySelector("[data-controls]"); f.elements.from.value = `+quote(from)+`; f.elements.to.value = `+quote(to)+`; return f.dispatchEvent(new Event("input")); })()`)
	}
	number("", "")
	whole := get[string](b, drawn)
	number("10", "20")
	draws(whole, false)
	number("", "")
	draws(whole, true)
	b.do(scrollTo(".chart"))
	at := get[[]float64](b, `(() => { const r = document.querySelector(".chart .u-over").getBoundingClientRect(); return [r.left + r.width / 4, r.top + r.height / 2, r.width / 4]; })()`)
	mouse := func(kind input.DispatchMouseEventType, x float64, clicks int64) {
		_, err := chromedp.Call(b.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: at[1], Button: input.MouseButtonLeft, ClickCount: clicks})
		b.must(err)
	}
	mouse(input.DispatchMouseEventTypeMousePressed, at[0], 1)
	mouse(input.DispatchMouseEventTypeMouseMoved, at[0]+at[2]/2, 0)
	mouse(input.DispatchMouseEventTypeMouseMoved, at[0]+at[2], 0)
	mouse(input.DispatchMouseEventTypeMouseReleased, at[0]+at[2], 1)
	draws(whole, false)
	for clicks := range int64(2) {
		mouse(input.DispatchMouseEventTypeMousePressed, at[0], clicks+1)
		mouse(input.DispatchMouseEventTypeMouseReleased, at[0], clicks+1)
	}
	draws(whole, true)
}

// TestExperimentCharts lays the chosen runs over each other, and sets a
// parameter against a metric.
func TestExperimentCharts(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	for i := range 10 {
		rate := .005 * float64(i+1)
		run := tr.start(fmt.Sprintf("run %d", i), map[string]any{"key": "rate", "value": fmt.Sprint(rate)},
			map[string]any{"key": "optimizer", "value": []string{"adam", "sgd"}[i%2]})
		tr.log(run, rate, 0, 100+i, "loss")
	}
	b := open(t, home, desktop)
	b.signIn()
	b.visit("/root/digits/-/ml/experiments/1")
	b.until(`document.querySelector("[data-lines][data-points='1045'] canvas") !== null`)
	b.until(`document.querySelectorAll("[data-scatter] circle").length === 10`)
	get[bool](b, `(() => { const s = document.querySelector("[data-param-choice]"); s.value = "rate"; return s.dispatchEvent(new Event("change")); })()`)
	b.do(scrollTo("[data-overlay]"))
	b.shot("all")
	b.do(scrollTo("[data-scatter]"))
	b.shot("all-dots")
	b.narrow()
	b.do(scrollTo("table"))
	b.click("tbody tr:nth-child(1) [data-draw]")
	b.click("tbody tr:nth-child(3) [data-draw]")
	b.until(`document.querySelector("[data-lines][data-points='216']") !== null`) // those with 109 and 107
	if n := get[int](b, `document.querySelectorAll("[data-lines] .u-legend .u-series").length`); n != 3 {
		t.Errorf("%d columns, want steps and two runs", n)
	}
	if !get[bool](b, `[...document.querySelectorAll("[data-scatter] text")].every((e) => e.getBBox().x >= 0)`) {
		t.Error("a mark of the scatter is cut off")
	}
	if n := get[int](b, `document.querySelectorAll("[data-scatter] circle").length`); n != 2 {
		t.Errorf("%d dots", n)
	}
	b.do(scrollTo("[data-scatter]"))
	b.shot("chosen")
}

// TestLiveCharts: the charts of a run at work move while a client logs to it,
// and a metric that is new gets one.
func TestLiveCharts(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	run := tr.start("at work")
	b := open(t, home, desktop)
	b.signIn()
	b.visit("/root/digits/-/ml/candidates/1")
	b.until(`!document.querySelector("[data-following]").hidden`)
	for n := 10; n <= 40; n += 10 {
		tr.log(run, .02, n-10, n, "loss")
		b.until(fmt.Sprintf(`document.querySelector(".chart[data-metric='loss'][data-points='%d'] canvas") !== null`, n))
	}
	tr.log(run, .02, 0, 5, "val/loss")
	b.until(`document.querySelector(".chart[data-metric='val/loss'][data-points='5'] canvas") !== null`)
	if got := b.text("[data-latest] tr:first-child td:last-child"); got != "39" {
		t.Errorf("the table is at step %q", got)
	}
	b.shot("moved")
	tr.post(tracking+"runs/update", map[string]any{"run_id": run, "status": "FINISHED"})
	b.until(`document.querySelector("[data-following]").hidden`)
}

// TestCompareRuns ticks runs in the table of an experiment and compares them.
func TestCompareRuns(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	for i := range 3 {
		run := tr.start(fmt.Sprintf("run %d", i), map[string]any{"key": "rate", "value": fmt.Sprint(.1 * float64(i+1))}, map[string]any{"key": "optimizer", "value": "adam"})
		tr.log(run, .02*float64(i+1), 0, 10, "loss")
	}
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit("/root/digits/-/ml/experiments/1")
			b.click(`tbody tr:nth-child(1) [name="run"]`)
			b.click(`tbody tr:nth-child(3) [name="run"]`)
			b.follow(`form[action$="/ml/compare"] button`)
			b.wait(".compare")
			if got := get[[]string](b, `[...document.querySelectorAll("tr.differs th[scope=row]")].map((e) => e.firstChild.data)`); fmt.Sprint(got) != "[loss rate]" {
				t.Errorf("%q differ", got)
			}
			b.shot("compare")
			b.look("compare")
			b.click("[data-only-different]")
			b.until(`!document.querySelector("main").innerText.includes("optimizer")`)
			b.shot("compare-differs")
		})
	}
}
