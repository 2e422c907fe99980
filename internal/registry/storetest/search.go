package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// searched is a run as the test remembers it.
type searched struct {
	run     registry.Run
	metrics map[string]float64
	params  map[string]string
}

// runsToSearch makes runs with few different values, so that many are equal in
// them, some that are no numbers, and some that are missing.
func (b *bench) runsToSearch(p registry.Project, e registry.Experiment, n int) (all []searched) {
	b.t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	b.update(func(ctx context.Context, tx registry.Tx) error {
		all = nil
		for i := range n {
			s := searched{metrics: map[string]float64{}, params: map[string]string{}}
			s.run = registry.Run{ProjectID: p.ID, ExperimentID: e.ID, EID: fmt.Sprintf("%032d", r.IntN(1e9)), Name: fmt.Sprintf("n%d", r.IntN(9)),
				Status: registry.Running, StartedAt: at.Add(time.Duration(r.IntN(5)) * time.Second), CreatedAt: at, UpdatedAt: at}
			if r.IntN(3) == 0 {
				s.run.EndedAt = at.Add(time.Duration(r.IntN(3)) * time.Hour)
			}
			if i%4 == 0 {
				s.run.Status = registry.Killed
			}
			var d registry.RunData
			for _, k := range []string{"a", "b"} {
				switch v := r.IntN(6); v {
				case 0:
				case 1:
					s.metrics[k] = math.NaN()
				default:
					s.metrics[k] = float64(v)/3 - 1
				}
				if v, ok := s.metrics[k]; ok {
					d.Metrics = append(d.Metrics, registry.Metric{Key: k, Value: v, At: at})
				}
				if r.IntN(3) > 0 {
					s.params[k] = string(rune('p' + r.IntN(4)))
					d.Params = append(d.Params, registry.Param{Key: k, Value: s.params[k]})
				}
			}
			var err error
			if s.run, err = tx.InsertRun(ctx, s.run); err != nil {
				return err
			}
			if err := tx.InsertMetrics(ctx, s.run.ID, d.Metrics); err != nil {
				return err
			}
			if err := tx.InsertParams(ctx, s.run.ID, d.Params); err != nil {
				return err
			}
			all = append(all, s)
		}
		return nil
	})
	return all
}

// rank gives where a run stands by one key: the class (a value, no number,
// nothing), and the value as a number or text.
func (s searched) rank(k registry.Sort) (class int, number float64, text string) {
	switch {
	case k.Subject == registry.OfMetric:
		v, ok := s.metrics[k.Key]
		switch {
		case !ok:
			return 2, 0, ""
		case math.IsNaN(v):
			return 1, 0, ""
		}
		return 0, v, ""
	case k.Subject == registry.OfParam:
		v, ok := s.params[k.Key]
		if !ok {
			return 2, 0, ""
		}
		return 0, 0, v
	case k.Key == "ended_at":
		if s.run.EndedAt.IsZero() {
			return 2, 0, ""
		}
		return 0, float64(s.run.EndedAt.UnixMilli()), ""
	case k.Key == "started_at":
		return 0, float64(s.run.StartedAt.UnixMilli()), ""
	case k.Key == "status":
		return 0, 0, strings.ToUpper(string(s.run.Status))
	}
	return 0, 0, s.run.Name
}

func compareBy(order []registry.Sort) func(a, b searched) int {
	return func(a, b searched) int {
		for _, k := range order {
			ac, an, at := a.rank(k)
			bc, bn, bt := b.rank(k)
			c := cmp.Or(cmp.Compare(an, bn), strings.Compare(at, bt))
			if k.Desc {
				c = -c
			}
			if c = cmp.Or(cmp.Compare(ac, bc), c); c != 0 {
				return c
			}
		}
		return cmp.Or(b.run.StartedAt.Compare(a.run.StartedAt), strings.Compare(a.run.EID, b.run.EID))
	}
}

// searches: every order and filter, read in pages of any size, gives each row once and in
// its place.
func searches(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	all := b.runsToSearch(p, e, 120)
	other := b.experiment(p, 2, "other")
	b.run(registry.Model{ProjectID: p.ID, ExperimentID: other.ID})
	metric := func(k string, desc bool) registry.Sort {
		return registry.Sort{Subject: registry.OfMetric, Key: k, Desc: desc}
	}
	param := func(k string, desc bool) registry.Sort {
		return registry.Sort{Subject: registry.OfParam, Key: k, Desc: desc}
	}
	orders := [][]registry.Sort{nil, {metric("a", true)}, {metric("a", false)}, {metric("none", true)}, {param("a", false)}, {param("b", true)},
		{metric("b", true), metric("a", false)}, {metric("a", false), param("a", true), {Key: "name"}}, {param("a", true), {Key: "ended_at"}},
		{{Key: "name", Desc: true}, metric("a", true)}, {{Key: "ended_at"}}, {{Key: "ended_at", Desc: true}, metric("b", false)}, {{Key: "started_at"}, param("a", false)},
		{{Key: "started_at"}}, {{Key: "started_at", Desc: true}}, {{Key: "ended_at", Desc: true}}, {{Key: "status"}}, {{Key: "status", Desc: true}}}
	for i, order := range orders {
		for _, limit := range []int{1 + i%7, 1000} {
			b.inOrder(all, e, registry.Search{Order: order, Limit: limit}, nil)
		}
	}
	conds := filters()
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 200 {
		some := make([]filtered, 1+r.IntN(3))
		for j := range some {
			some[j] = conds[r.IntN(len(conds))]
		}
		b.inOrder(all, e, registry.Search{Order: orders[i%len(orders)], Limit: 1 + r.IntN(40)}, some)
	}
	b.filters(all, e)
}

// inOrder checks that a search gives the runs that meet the conditions, each
// once and in its place.
func (b *bench) inOrder(all []searched, e registry.Experiment, q registry.Search, conds []filtered) {
	b.t.Helper()
	var want []searched
	for _, s := range all {
		if !slices.ContainsFunc(conds, func(c filtered) bool { return !c.meet(s) }) {
			want = append(want, s)
		}
	}
	for _, c := range conds {
		q.Filter = append(q.Filter, c.cond)
	}
	slices.SortFunc(want, compareBy(q.Order))
	got := b.pages(q, e.ID)
	for j, w := range want {
		if j >= len(got) || got[j].ID != w.run.ID {
			b.t.Fatalf("%+v: place %d of %d is wrong", q, j, len(want))
		}
	}
	b.same(len(got), len(want))
}

func (b *bench) pages(q registry.Search, experiments ...int64) (got []registry.Run) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for {
			f, err := tx.SearchRuns(ctx, experiments, q)
			got = append(got, f.Items...)
			if q.After = f.Next; err != nil || len(q.After.Keys) == 0 {
				return err
			}
		}
	})
	return got
}

// filtered is a condition and what meets it.
type filtered struct {
	cond registry.Condition
	meet func(searched) bool
}

// filters: rows that lack a value meet no comparison, and what is no number is
// only different.
func filters() []filtered {
	metricA := func(s searched) (float64, bool) { v, ok := s.metrics["a"]; return v, ok }
	return []filtered{
		{registry.Condition{Subject: registry.OfMetric, Key: "a", Op: registry.Greater, Value: 0.0}, func(s searched) bool { v, ok := metricA(s); return ok && v > 0 }},
		{registry.Condition{Subject: registry.OfMetric, Key: "a", Op: registry.AtMost, Value: 0.0}, func(s searched) bool { v, ok := metricA(s); return ok && v <= 0 }},
		{registry.Condition{Subject: registry.OfMetric, Key: "a", Op: registry.NotEqual, Value: 0.0}, func(s searched) bool { v, ok := metricA(s); return ok && v != 0 }},
		{registry.Condition{Subject: registry.OfParam, Key: "a", Op: registry.In, Value: []string{"p", "q"}}, func(s searched) bool { return s.params["a"] == "p" || s.params["a"] == "q" }},
		{registry.Condition{Subject: registry.OfParam, Key: "a", Op: registry.NotEqual, Value: "p"}, func(s searched) bool { v, ok := s.params["a"]; return ok && v != "p" }},
		{registry.Condition{Subject: registry.OfParam, Key: "a", Op: registry.IsNull}, func(s searched) bool { _, ok := s.params["a"]; return !ok }},
		{registry.Condition{Subject: registry.OfParam, Key: "a", Op: registry.IsNotNull}, func(s searched) bool { _, ok := s.params["a"]; return ok }},
		{registry.Condition{Key: "name", Op: registry.Like, Value: "N%"}, func(searched) bool { return false }},
		{registry.Condition{Key: "name", Op: registry.ILike, Value: "N_"}, func(searched) bool { return true }},
		{registry.Condition{Key: "status", Op: registry.Equal, Value: "RUNNING"}, func(s searched) bool { return s.run.Status == registry.Running }},
		{registry.Condition{Key: "started_at", Op: registry.AtLeast, Value: at.UnixMilli() + 2000}, func(s searched) bool { return s.run.StartedAt.Sub(at) >= 2*time.Second }},
		{registry.Condition{Key: "ended_at", Op: registry.Greater, Value: int64(0)}, func(s searched) bool { return !s.run.EndedAt.IsZero() }},
		{registry.Condition{Subject: registry.OfMetric, Key: "b", Op: registry.Equal, Value: 0.0}, func(s searched) bool { v, ok := s.metrics["b"]; return ok && v == 0 }},
		{registry.Condition{Subject: registry.OfMetric, Key: "b", Op: registry.IsNotNull}, func(s searched) bool { _, ok := s.metrics["b"]; return ok }},
		{registry.Condition{Subject: registry.OfParam, Key: "b", Op: registry.Equal, Value: "p"}, func(s searched) bool { return s.params["b"] == "p" }},
		{registry.Condition{Subject: registry.OfParam, Key: "b", Op: registry.Like, Value: "_"}, func(s searched) bool { return s.params["b"] != "" }},
		{registry.Condition{Subject: registry.OfParam, Key: "a", Op: registry.Equal, Value: "none"}, func(searched) bool { return false }},
		{registry.Condition{Key: "name", Op: registry.Equal, Value: "n3"}, func(s searched) bool { return s.run.Name == "n3" }},
		{registry.Condition{Key: "name", Op: registry.ILike, Value: "%RUN n_%"}, func(searched) bool { return false }},
		{registry.Condition{Key: "started_at", Op: registry.Equal, Value: at.UnixMilli() + 2000}, func(s searched) bool { return s.run.StartedAt.Sub(at) == 2*time.Second }},
		{registry.Condition{Key: "started_at", Op: registry.NotEqual, Value: at.UnixMilli() + 2000}, func(s searched) bool { return s.run.StartedAt.Sub(at) != 2*time.Second }},
		{registry.Condition{Key: "started_at", Op: registry.Less, Value: at.UnixMilli() + 1}, func(s searched) bool { return s.run.StartedAt.Equal(at) }},
		{registry.Condition{Key: "ended_at", Op: registry.AtMost, Value: at.UnixMilli()}, func(s searched) bool { return s.run.EndedAt.Equal(at) }},
		{registry.Condition{Key: "ended_at", Op: registry.IsNull}, func(s searched) bool { return s.run.EndedAt.IsZero() }},
	}
}

// filters: each condition by itself, and what cannot be asked.
func (b *bench) filters(all []searched, e registry.Experiment) {
	b.t.Helper()
	for _, c := range filters() {
		want := 0
		for _, s := range all {
			if c.meet(s) {
				want++
			}
		}
		for _, order := range [][]registry.Sort{nil, {{Subject: registry.OfMetric, Key: "a"}}} {
			if got := len(b.pages(registry.Search{Filter: registry.Filter{c.cond}, Order: order, Limit: 50}, e.ID)); got != want {
				b.t.Errorf("%+v: %d rows, want %d", c.cond, got, want)
			}
		}
	}
	for _, bad := range []registry.Search{
		{Filter: registry.Filter{{Key: "size", Op: registry.Equal, Value: "x"}}}, {Filter: registry.Filter{{Key: "name", Op: registry.Equal, Value: 1.0}}},
		{Filter: registry.Filter{{Subject: registry.OfMetric, Key: "a", Op: registry.Like, Value: "x"}}}, {Filter: registry.Filter{{Key: "name", Op: "~", Value: "x"}}},
		{Order: []registry.Sort{{Key: "size"}}}, {Order: []registry.Sort{{Subject: registry.OfDataset, Key: "name"}}},
		{After: registry.Mark{Keys: []any{int64(0)}}}, {After: registry.Mark{Keys: []any{int64(9), int64(1), "x"}}}, {After: registry.Mark{Keys: []any{"x"}}},
	} {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			_, err := tx.SearchRuns(ctx, []int64{e.ID}, bad)
			b.want(err, fault.Invalid)
			return nil
		})
	}
}

// histories: points come back in order of time, in pages and by stretches, and
// samples are what evenly sized buckets give, whether the points came in order
// or not.
func histories(_ *testing.T, b *bench) {
	p := b.place()
	e := b.experiment(p, 1, "e")
	r := rand.New(rand.NewPCG(3, 4))
	for name, next := range map[string]func(i int) registry.Metric{
		"in order": func(i int) registry.Metric {
			return registry.Metric{Step: int64(i / 2), At: millis(i), Value: float64(i)}
		},
		"one step": func(i int) registry.Metric { return registry.Metric{At: millis(i), Value: float64(i % 7)} },
		"backward": func(i int) registry.Metric { return registry.Metric{Step: int64(i), At: millis(1000 - i)} },
		"mixed": func(int) registry.Metric {
			m := registry.Metric{Step: r.Int64N(20), At: millis(r.IntN(20)), Value: float64(r.IntN(3))}
			if m.Value == 0 {
				m.Value = math.NaN()
			}
			return m
		},
	} {
		run := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
		var all []registry.Metric
		for i := range 107 {
			m := next(i)
			m.Key = name
			again := slices.ContainsFunc(all, func(o registry.Metric) bool { return byTime(o, m) == 0 })
			b.update(func(ctx context.Context, tx registry.Tx) error {
				return tx.InsertMetrics(ctx, run.ID, []registry.Metric{m, m})
			})
			if !again {
				all = append(all, m)
			}
		}
		b.history(run, name, all)
		// The same at once.
		whole := b.run(registry.Model{ProjectID: p.ID, ExperimentID: e.ID})
		b.update(func(ctx context.Context, tx registry.Tx) error { return tx.InsertMetrics(ctx, whole.ID, all) })
		b.history(whole, name, all)
	}
}

func millis(n int) time.Time {
	return at.Truncate(time.Millisecond).Add(time.Duration(n) * time.Millisecond)
}

// points orders as engines do: what is no number is kept as 0.
func point(m registry.Metric) (v float64, nan int) {
	if math.IsNaN(m.Value) {
		return 0, 1
	}
	return m.Value, 0
}

func byTime(a, b registry.Metric) int {
	av, an := point(a)
	bv, bn := point(b)
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Step, b.Step), cmp.Compare(av, bv), cmp.Compare(an, bn))
}

func byStep(a, b registry.Metric) int { return cmp.Or(cmp.Compare(a.Step, b.Step), byTime(a, b)) }

func (b *bench) history(run registry.Run, key string, all []registry.Metric) {
	b.t.Helper()
	want := slices.Clone(all)
	slices.SortFunc(want, byTime)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		for _, limit := range []int{1, 10, 1000} {
			var got []registry.Metric
			for mark := (registry.Mark{}); ; {
				f, err := tx.MetricPoints(ctx, run.ID, key, mark, limit)
				if err != nil {
					return err
				}
				got = append(got, f.Items...)
				if mark = f.Next; len(mark.Keys) == 0 {
					break
				}
			}
			b.samePoints(key, got, want)
		}
		heads, err := tx.MetricHeads(ctx, []int64{run.ID, run.ID}, key, 30)
		if err != nil {
			return err
		}
		b.samePoints(key+" heads", heads[run.ID], want[:30])
		return nil
	})
	slices.SortFunc(want, byStep)
	b.view(func(ctx context.Context, tx registry.Tx) error {
		tips, err := tx.MetricTips(ctx, run.ID, 10)
		if err != nil {
			return err
		}
		if len(tips) != 1 || tips[0].Key != key || tips[0].Points != int64(len(want)) {
			b.t.Fatalf("%s: %d points have the tips %+v", key, len(want), tips)
		}
		for _, most := range []int{1, 2, 10, 106, 107, 500} {
			for _, steps := range []*registry.Steps{nil, {First: 3, Last: 11}, {First: 500, Last: 600}, {First: -5, Last: 1000}} {
				got, err := tx.MetricSamples(ctx, []int64{run.ID}, key, steps, most)
				if err != nil {
					return err
				}
				b.samePoints(fmt.Sprint(key, " ", most, " samples of ", steps), got[run.ID], sample(within(want, steps), most))
			}
		}
		return nil
	})
}

func (b *bench) samePoints(what string, got, want []registry.Metric) {
	b.t.Helper()
	if !slices.EqualFunc(got, want, func(x, y registry.Metric) bool { return byStep(x, y) == 0 }) {
		b.t.Fatalf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

func within(all []registry.Metric, s *registry.Steps) (out []registry.Metric) {
	for _, m := range all {
		if s == nil || m.Step >= s.First && m.Step <= s.Last {
			out = append(out, m)
		}
	}
	return out
}

// sample takes the first of each bucket, as NTILE makes them, but the last of
// all instead of the last one's.
func sample(all []registry.Metric, most int) (out []registry.Metric) {
	n := min(most, len(all))
	for i, from := 0, 0; i < n; i++ {
		size := len(all) / n
		if i < len(all)%n {
			size++
		}
		if i == n-1 {
			from = len(all) - 1
		}
		out = append(out, all[from])
		from += size
	}
	return out
}
