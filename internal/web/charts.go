package web

import (
	"math"
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func chartRoutes() []route {
	return []route{get("/ml/series", project(registry.ReadRuns), showSeries)}
}

// maxDrawn is how many points of a series a chart gets: more than it has pixels
// to show them.
const maxDrawn = 1000

// seriesJSON is one line of a chart, in order of step and time. The columns
// have the same length.
type seriesJSON struct {
	Run    string     `json:"run"` // the run's EID
	Steps  []int64    `json:"steps"`
	Times  []int64    `json:"times"`  // milliseconds since 1970
	Values []*float64 `json:"values"` // null: not a finite number, which no line can show
}

// showSeries answers with an even part of one metric of each of the runs that
// the query names: key=…&run=EID&run=EID…
func showSeries(c *call) error {
	q := c.r.URL.Query()
	key := q.Get("key")
	if key == "" {
		return fault.Invalidf("key", "is missing: the name of a metric is wanted")
	}
	var runs []registry.RunRef
	for _, eid := range q["run"] {
		runs = append(runs, registry.RunRef{EID: eid})
	}
	found, err := c.s.MetricSamples(c.ctx(), c.ref, runs, key, nil, maxDrawn)
	if err != nil {
		return err
	}
	out := make([]seriesJSON, len(found))
	for i, r := range found {
		out[i] = seriesOf(r)
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return httpx.WriteJSON(c.w, http.StatusOK, out)
}

func seriesOf(r registry.RunMetrics) seriesJSON {
	n := len(r.Metrics)
	s := seriesJSON{r.EID, make([]int64, n), make([]int64, n), make([]*float64, n)}
	for i, m := range r.Metrics {
		s.Steps[i], s.Times[i] = m.Step, m.At.UnixMilli()
		if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) {
			s.Values[i] = &m.Value
		}
	}
	return s
}

// drawn is what an experiment's charts can show: the names that any run has, and
// the runs of the page.
type drawn struct {
	Params, Metrics []string
	Dots            []dot
}

// dot is a run as its page's script gets it.
type dot struct {
	ID      string             `json:"id"` // EID
	Name    string             `json:"name"`
	Href    string             `json:"href"`
	Params  map[string]string  `json:"params"`
	Metrics map[string]float64 `json:"metrics"` // the finite ones
}

// maxMark is how long, in bytes, a parameter's value may be to stand at an axis.
const maxMark = 60

func dotsOf(runs []registry.Run) []dot {
	out := make([]dot, len(runs))
	for i, r := range runs {
		d := dot{r.EID, r.Name, "/" + r.ProjectPath + "/-/ml/candidates/" + itoa(r.IID), map[string]string{}, map[string]float64{}}
		for _, p := range r.Params {
			if len(p.Value) <= maxMark {
				d.Params[p.Key] = p.Value
			}
		}
		for _, m := range r.Metrics {
			if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) {
				d.Metrics[m.Key] = m.Value
			}
		}
		out[i] = d
	}
	return out
}
