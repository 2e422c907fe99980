package browser

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// manyRuns is how many runs an experiment has that stays quick to look at.
const manyRuns = 10_000

// fillMany makes an experiment of root/default with many runs, from several
// clients at a time.
func fillMany(t *testing.T, home string) {
	t.Helper()
	e := made(t, home+"/api/v4/projects/1/ml/experiments", `{"name":"many"}`)
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := worker; i < manyRuns && !t.Failed(); i += 8 {
				body := fmt.Sprintf(`{"experiment_id":%d,"name":"trial %d","params":[{"name":"lr","value":"%g"},{"name":"depth","value":"%d"}],
					"metrics":[{"name":"acc","value":%g,"step":0},{"name":"acc","value":%g,"step":1}]}`, e, i, float64(i+1)/1000, i%7, float64(i*37%manyRuns)/manyRuns, float64(i*73%manyRuns)/manyRuns)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, home+"/api/v4/projects/1/ml/candidates", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Private-Token", rootToken)
				req.Header.Set("Content-Type", "application/json")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusCreated {
					t.Errorf("run %d is answered %d", i, res.StatusCode)
					return
				}
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// TestManyRuns: of 10,000 runs the page of an experiment shows, draws and asks for
// a part that is bounded, however it is sorted and turned.
func TestManyRuns(t *testing.T) {
	home := serve(t)
	begun := time.Now()
	fillMany(t, home)
	t.Logf("%d runs in %v", manyRuns, time.Since(begun).Round(time.Second))
	b := open(t, home, desktop)
	b.signIn()
	for query, first := range map[string]string{"": "trial", "?sort=-metrics.acc": "trial", "?sort=params.lr": "trial 0", "?sort=-params.lr": "trial 9999",
		"?page=334&sort=params.lr": "trial 9990", "?search=trial+777": "trial 777"} {
		begun := time.Now()
		b.visit("/root/default/-/ml/experiments/1" + query)
		b.until(`document.querySelector("[data-lines] canvas") !== null && document.querySelector("[data-scatter] circle") !== null`)
		whole := time.Since(begun)
		took := get[[]float64](b, `(() => { const n = performance.getEntriesByType("navigation")[0]; return [n.responseStart - n.requestStart, n.domInteractive, n.encodedBodySize,
			performance.getEntriesByType("resource").filter(e => e.name.includes("/ml/series")).reduce((n, e) => n + e.encodedBodySize, 0)]; })()`)
		t.Logf("%-26s the server took %.0f ms, interactive after %.0f ms, drawn after %v; page %.0f bytes, points %.0f bytes", query, took[0], took[1], whole.Round(time.Millisecond), took[2], took[3])
		rows, dots := get[int](b, `document.querySelectorAll("[name=run]").length`), get[int](b, `document.querySelectorAll("[data-scatter] circle").length`)
		if rows == 0 || rows > 30 || dots > rows {
			t.Errorf("%q shows %d rows and %d dots", query, rows, dots)
		}
		if got := b.text("tbody .title"); !strings.HasPrefix(got, first) {
			t.Errorf("%q begins with %s, want %s", query, got, first)
		}
		b.look(query)
	}
	b.do(scrollTo("[data-overlay]"))
	b.shot("charts")
}
