package web

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// logged writes n points of a metric to the candidate of the private project,
// and gives the run: value n-1 at step n-1 and at second n-1.
func logged(t *testing.T, w *apitest.World, key string, n int) registry.Run {
	t.Helper()
	sys, home, which := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}, registry.RunRef{IID: w.IDs["private/run"]}
	for from := 0; from < n; from += 1000 {
		var d registry.RunData
		for i := from; i < min(n, from+1000); i++ {
			d.Metrics = append(d.Metrics, registry.Metric{Key: key, Value: float64(i), Step: int64(i), At: time.Unix(int64(i), 0)})
		}
		apitest.OK(t, sys.Log(t.Context(), home, which, d))
	}
	r, err := sys.Run(t.Context(), home, which)
	apitest.OK(t, err)
	return r
}

func series(t *testing.T, w *apitest.World, query string) []seriesJSON {
	t.Helper()
	got := w.Do(t, "GET", "/root/private/-/ml/series?"+query, "guest", "")
	if got.Code != 200 || got.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("answered %d %s", got.Code, got.Body)
	}
	var out []seriesJSON
	apitest.OK(t, json.Unmarshal(got.Body.Bytes(), &out))
	return out
}

// TestSeries: a chart gets all points of a short series, and an even part, with
// both ends, of a long one.
func TestSeries(t *testing.T) {
	w := newWorld(t)
	for n, want := range map[int]int{3: 3, 2500: maxDrawn} {
		key := "loss" + strconv.Itoa(n)
		r := logged(t, w, key, n)
		got := series(t, w, "key="+key+"&run="+r.EID+"&run="+"0123456789abcdef0123456789abcdef")
		if len(got) != 2 || got[0].Run != r.EID || len(got[1].Values) != 0 {
			t.Fatalf("%+v", got)
		}
		s := got[0]
		if len(s.Steps) != want || len(s.Times) != want || len(s.Values) != want {
			t.Fatalf("%d points: %d steps, %d times, %d values", n, len(s.Steps), len(s.Times), len(s.Values))
		}
		last := want - 1
		if s.Steps[0] != 0 || s.Steps[last] != int64(n-1) || *s.Values[last] != float64(n-1) || s.Times[last] != int64(n-1)*1000 {
			t.Errorf("%d points end with step %d, value %g, time %d", n, s.Steps[last], *s.Values[last], s.Times[last])
		}
	}
}

// TestSeriesOfNoNumbers: JSON has no NaN; such a point keeps its place.
func TestSeriesOfNoNumbers(t *testing.T) {
	w := newWorld(t)
	r := logged(t, w, "x", 1)
	for i, v := range []float64{math.NaN(), math.Inf(1)} {
		apitest.OK(t, w.Registry.As(auth.System()).Log(t.Context(), registry.ProjectRef{Path: "root/private"}, registry.RunRef{EID: r.EID},
			registry.RunData{Metrics: []registry.Metric{{Key: "x", Value: v, Step: int64(i + 1), At: time.Unix(9, 0)}}}))
	}
	s := series(t, w, "key=x&run="+r.EID)[0]
	if len(s.Values) != 3 || s.Values[0] == nil || s.Values[1] != nil {
		t.Errorf("%+v", s)
	}
}

func TestSeriesRefused(t *testing.T) {
	w := newWorld(t)
	many := "key=x"
	for range registry.MaxHistories + 1 {
		many += "&run=a"
	}
	for _, query := range []string{"", "run=a", many} {
		if got := w.Do(t, "GET", "/root/private/-/ml/series?"+query, "guest", ""); got.Code != 400 {
			t.Errorf("%.20s: %d", query, got.Code)
		}
	}
}
