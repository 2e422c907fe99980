package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestNestedReadsSearch: the lists of many owners cost what they give. No table
// is gone through, and the page of an owner is found without sorting.
func TestNestedReadsSearch(t *testing.T) {
	s, ctx := open(t), t.Context()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	n := registry.Nest{ProjectID: 1, Owners: []int64{1, 2, 3}, Page: registry.Page{Limit: 5, After: &registry.Cursor{Key: "1 1 a", ID: 1}}, Most: 100}
	err := s.View(ctx, func(tx registry.Tx) error { return readNested(ctx, tx, n) })
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	if len(texts) != 21 {
		t.Errorf("%d statements, want 2 for each list and 1 for each look-up by id", len(texts))
	}
	for _, text := range texts {
		for _, step := range plan(t, s, text) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN c" || step == "USE TEMP B-TREE FOR ORDER BY" || strings.Contains(step, "(project_id=?)") {
				t.Errorf("%s: %s", step, text)
			}
		}
	}
}

// TestHeadsSearch: the heads of models are looked up stage by stage.
func TestHeadsSearch(t *testing.T) {
	s, ctx := open(t), t.Context()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	err := s.View(ctx, func(tx registry.Tx) error {
		_, err := tx.HeadsOf(ctx, []int64{1, 2, 3})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	for _, step := range plan(t, s, texts[0]) {
		if strings.HasPrefix(step, "SCAN") && step != "SCAN s" && step != "SCAN CONSTANT ROW" || strings.Contains(step, "(model_id=?)") {
			t.Errorf("%s: %s", step, texts[0])
		}
	}
}

// TestShelfSearches: what clients ask most of models and versions comes out of
// an index, and in its order.
func TestShelfSearches(t *testing.T) {
	s, ctx := open(t), t.Context()
	by := func(key string, desc bool) registry.Sort { return registry.Sort{Key: key, Desc: desc} }
	is := func(key string, v any) registry.Condition {
		return registry.Condition{Key: key, Op: registry.Equal, Value: v}
	}
	recent := []registry.Sort{by("updated_at", true), by("name", false), by("number", true)}
	for want, ask := range map[string]func(registry.Tx) error{
		"versions_updated (project_id=? AND updated_at>?)": func(tx registry.Tx) error {
			_, err := tx.SearchVersions(ctx, 1, registry.ShelfSearch{NoPrompts: true, Search: registry.Search{Order: recent}})
			return err
		},
		"models_name (project_id=? AND name=?)": func(tx registry.Tx) error {
			_, err := tx.SearchVersions(ctx, 1, registry.ShelfSearch{NoPrompts: true, Search: registry.Search{Filter: registry.Filter{is("name", "m")}, Order: recent}})
			return err
		},
		"versions_source_run (source_run=? AND project_id=?)": func(tx registry.Tx) error {
			_, err := tx.SearchVersions(ctx, 1, registry.ShelfSearch{Search: registry.Search{Filter: registry.Filter{is("run", "r")}}})
			return err
		},
		"models_name (project_id=?)": func(tx registry.Tx) error {
			_, err := tx.SearchModels(ctx, 1, registry.ShelfSearch{NoPrompts: true})
			return err
		},
		"models_updated (project_id=?)": func(tx registry.Tx) error {
			_, err := tx.SearchModels(ctx, 1, registry.ShelfSearch{NoPrompts: true, Search: registry.Search{Order: []registry.Sort{by("updated_at", true)}}})
			return err
		},
	} {
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		if err := s.View(ctx, ask); err != nil {
			t.Fatal(err)
		}
		s.Watch(nil)
		steps := plan(t, s, texts[0])
		if want == "models_name (project_id=? AND name=?)" && !strings.Contains(steps[1], "(model_id=?") {
			t.Errorf("want those of the model: %q: %s", steps, texts[0])
		}
		if !strings.HasSuffix(steps[0], want) || slices.ContainsFunc(steps, func(s string) bool { return strings.HasPrefix(s, "SCAN") }) {
			t.Errorf("want %s: %q: %s", want, steps, texts[0])
		}
	}
}

// TestFoldersAreJumped: one level of a folder is found by searches in the index
// of paths, never by going through the files below it.
func TestFoldersAreJumped(t *testing.T) {
	s := open(t)
	for _, text := range []query{listTop, listFolder} {
		for _, step := range plan(t, s, string(text)) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN e" && step != "SCAN CONSTANT ROW" || strings.HasPrefix(step, "SEARCH f ") && !strings.Contains(step, "path") {
				t.Errorf("%s: %s", step, text)
			}
		}
	}
}

func readNested(ctx context.Context, tx registry.Tx, n registry.Nest) error {
	numbered := n
	numbered.Page.After, numbered.Order = &registry.Cursor{Key: "1"}, registry.Order{By: "id", Desc: true}
	for _, read := range []func() error{
		func() error { _, err := tx.VersionsEach(ctx, n, registry.VersionQuery{}); return err },
		func() error { _, err := tx.VersionsEach(ctx, n, registry.VersionQuery{Prefix: "1."}); return err },
		func() error { _, err := tx.VersionsEach(ctx, numbered, registry.VersionQuery{}); return err },
		func() error { _, err := tx.CandidatesEach(ctx, numbered); return err },
		func() error { _, err := tx.RunsEach(ctx, numbered); return err },
		func() error { _, err := tx.ParamsEach(ctx, n); return err },
		func() error { _, err := tx.RunTagsEach(ctx, n); return err },
		func() error { _, err := tx.PointsEach(ctx, n); return err },
		func() error { _, err := tx.FilesEach(ctx, n); return err },
		func() error { _, err := tx.VersionsByID(ctx, 1, n.Owners); return err },
		func() error { _, err := tx.RunsByID(ctx, 1, n.Owners); return err },
		func() error { _, err := tx.PackagesByID(ctx, 1, n.Owners); return err },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// TestKeysAreJumped: the keys of an experiment's runs are found by searches in an
// index, not by going through the runs.
func TestKeysAreJumped(t *testing.T) {
	s := open(t)
	for _, text := range []query{paramKeys, metricKeys} {
		for _, step := range plan(t, s, string(text)) {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN k" || strings.HasPrefix(step, "SEARCH x ") && !strings.Contains(step, "_best (experiment_id=?") {
				t.Errorf("%s: %s", step, text)
			}
		}
	}
}

// plan gives the steps by which the engine would run a statement.
func plan(t *testing.T, s *Store, text string) (steps []string) {
	t.Helper()
	var args []any
	for strings.Contains(text, placeholders(len(args)+1, 1)) {
		args = append(args, 1)
	}
	rows, err := s.read.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestSearchesGoAlongIndexes: a search by one metric, and one without an order,
// take their rows out of an index; a sample of a history that came in order
// reads the points that it gives.
func TestSearchesGoAlongIndexes(t *testing.T) {
	s, ctx := open(t), t.Context()
	metric := []registry.Sort{{Subject: registry.OfMetric, Key: "m", Desc: true}}
	above := registry.Filter{{Subject: registry.OfMetric, Key: "m", Op: registry.Greater, Value: 0.5}}
	for _, c := range []struct {
		name, index string
		read        func(registry.Tx) error
	}{
		{"by a metric", "metrics_best", func(tx registry.Tx) error {
			_, err := tx.SearchRuns(ctx, []int64{1}, registry.Search{Order: metric, Limit: 10})
			return err
		}},
		{"by a metric, filtered by it, further on", "metrics_best", func(tx registry.Tx) error {
			mark := registry.Mark{Keys: []any{int64(0), 1.0, int64(1), "e"}}
			_, err := tx.SearchRuns(ctx, []int64{1}, registry.Search{Order: metric, Filter: above, Limit: 10, After: mark})
			return err
		}},
		{"without an order, few that fit", "metrics_best", func(tx registry.Tx) error {
			_, err := tx.SearchRuns(ctx, []int64{1}, registry.Search{Filter: above, Limit: 10})
			return err
		}},
		{"without an order", "runs_latest", func(tx registry.Tx) error {
			_, err := tx.SearchRuns(ctx, []int64{1}, registry.Search{Limit: 10})
			return err
		}},
	} {
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		if err := s.View(ctx, c.read); err != nil {
			t.Fatal(err)
		}
		s.Watch(nil)
		steps := plan(t, s, texts[0])
		if !strings.Contains(strings.Join(steps, "; "), c.index) {
			t.Errorf("%s: goes along %q, want %s: %s", c.name, steps, c.index, texts[0])
		}
		for _, text := range texts {
			for _, step := range plan(t, s, text) {
				if strings.HasPrefix(step, "SCAN") && step != "SCAN c" || strings.HasPrefix(step, "USE TEMP B-TREE") && !strings.Contains(text, " IN (SELECT") {
					t.Errorf("%s: %s: %s", c.name, step, text)
				}
			}
		}
	}
}

// TestSearchesOfRuns: whatever a search is by, and whatever it asks for, it reads
// an index of the experiment in its order, or the rows of one condition out of an
// index. The bounds are low, so that all ways are taken among few runs.
func TestSearchesOfRuns(t *testing.T) {
	s := open(t)
	s.reach = reach{few: 2, slice: 3, wide: 100}
	fillRuns(t, s, 20)
	sort := func(of registry.Subject, key string) registry.Sort { return registry.Sort{Subject: of, Key: key} }
	acc := registry.Condition{Subject: registry.OfMetric, Key: "acc", Op: registry.Greater, Value: 0.5}
	lr := registry.Condition{Subject: registry.OfParam, Key: "lr", Op: registry.Equal, Value: "1"}
	group := registry.Condition{Subject: registry.OfTag, Key: "group", Op: registry.Equal, Value: "g"}
	other := registry.Condition{Subject: registry.OfParam, Key: "lr", Op: registry.NotEqual, Value: "x"}
	for _, o := range []struct {
		by    []registry.Sort
		index string
	}{{nil, "runs_latest"}, {[]registry.Sort{sort(registry.OfRow, "started_at")}, "runs_latest"}, {[]registry.Sort{sort(registry.OfRow, "name")}, "runs_called"},
		{[]registry.Sort{sort(registry.OfRow, "status")}, "runs_of_state"}, {[]registry.Sort{sort(registry.OfRow, "ended_at")}, "runs_of_end"},
		{[]registry.Sort{sort(registry.OfMetric, "loss")}, "metrics_best"}, {[]registry.Sort{sort(registry.OfParam, "depth")}, "run_params_best"},
		{[]registry.Sort{sort(registry.OfTag, "group")}, "run_tags_best"}} {
		for _, f := range []registry.Filter{nil, {acc}, {other}, {lr}, {acc, lr}, {acc, other, group}} {
			for _, desc := range []bool{false, true} {
				for i := range o.by {
					o.by[i].Desc = desc
				}
				checkRunSearch(t, s, registry.Search{Filter: f, Order: o.by, Limit: 4}, o.index)
			}
		}
	}
}

// checkRunSearch looks at the plans of all statements of a search and of its next
// page.
func checkRunSearch(t *testing.T, s *Store, q registry.Search, index string) {
	t.Helper()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	defer s.Watch(nil)
	for range 2 {
		err := s.View(t.Context(), func(tx registry.Tx) error {
			f, err := tx.SearchRuns(t.Context(), []int64{1}, q)
			q.After = f.Next
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Watch(nil)
	used := false
	for _, text := range texts {
		steps := plan(t, s, text)
		all := strings.Join(steps, "; ")
		used = used || strings.Contains(all, index)
		looks := strings.Contains(text, " y CROSS JOIN ")
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && step != "SCAN c" || step == "USE TEMP B-TREE FOR ORDER BY" && !looks {
				t.Errorf("%+v: %s: %s", q, all, text)
			}
		}
		if strings.Contains(text, " IN (") || looks || strings.Contains(text, " y WHERE ") {
			continue
		}
		if !strings.Contains(steps[0], "_best (experiment_id=?") && !strings.Contains(steps[0], "INDEX runs_") {
			t.Errorf("%+v: begins with %s: %s", q, steps[0], text)
		}
	}
	if !used && len(q.Filter) == 0 {
		t.Errorf("%+v: without %s: %q", q, index, texts)
	}
}

// fillRuns makes the first experiment with runs that are much alike.
func fillRuns(t *testing.T, s *Store, n int) {
	t.Helper()
	ctx := t.Context()
	err := s.Update(ctx, func(tx registry.Tx) error {
		p, err := firstProject(ctx, tx)
		if err != nil {
			return err
		}
		e, err := tx.InsertExperiment(ctx, registry.Experiment{ProjectID: p, IID: 1, Name: "e"})
		if err != nil {
			return err
		}
		for i := range n {
			at := time.UnixMilli(int64(i / 3))
			r, err := tx.InsertRun(ctx, registry.Run{ProjectID: p, ExperimentID: e, EID: fmt.Sprint(i), Name: fmt.Sprint("r", i/4), Status: registry.Running,
				StartedAt: at, EndedAt: time.UnixMilli(int64(i % 5))})
			if err != nil {
				return err
			}
			err = errors.Join(
				tx.InsertMetrics(ctx, r.ID, []registry.Metric{{Key: "acc", Value: float64(i%4) / 4, At: at}, {Key: "loss", Value: float64(i / 5), At: at}}),
				tx.InsertParams(ctx, r.ID, []registry.Param{{Key: "lr", Value: fmt.Sprint(i % 3)}, {Key: "depth", Value: fmt.Sprint(i % 2)}}),
				tx.SetTags(ctx, registry.RunTags, r.ID, []registry.Tag{{Key: "group", Value: "g"}}))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHistoriesSearch: whatever is read of the points of metrics is searched for,
// and so is what a late point asks.
func TestHistoriesSearch(t *testing.T) {
	s, ctx := open(t), t.Context()
	fillRuns(t, s, 2)
	var ms []registry.Metric
	for i := range int64(100) {
		ms = append(ms, registry.Metric{Key: "long", Step: i, At: time.UnixMilli(i)}, registry.Metric{Key: "late", Step: i % 60, At: time.UnixMilli(i)})
	}
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	for run := range int64(2) {
		if err := s.Update(ctx, func(tx registry.Tx) error { return tx.InsertMetrics(ctx, run+1, ms) }); err != nil {
			t.Fatal(err)
		}
	}
	err := s.View(ctx, func(tx registry.Tx) error {
		runs, behind := []int64{1, 2}, registry.Page{After: &registry.Cursor{Key: "30", ID: 30_000}}
		var errs []error
		for _, key := range []string{"long", "late"} {
			mark := registry.Mark{Keys: []any{int64(30_000), int64(30), 0.0, int64(0), int64(31)}}
			_, a := tx.MetricPoints(ctx, 1, key, mark, 40)
			_, b := tx.MetricHistory(ctx, 1, key, behind)
			_, c := tx.MetricHeads(ctx, runs, key, 120)
			_, d := tx.MetricSamples(ctx, runs, key, &registry.Steps{First: 3, Last: 50}, 10)
			errs = append(errs, a, b, c, d)
		}
		for _, desc := range []bool{false, true} {
			_, err := tx.PointsEach(ctx, registry.Nest{ProjectID: 1, Owners: runs, Order: registry.Order{Desc: desc},
				Page: registry.Page{Limit: 100, After: &registry.Cursor{Key: "30 0 late", ID: 30_000}}})
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	slices.Sort(texts)
	for _, text := range slices.Compact(texts) {
		for _, step := range plan(t, s, text) {
			// Those of tables, which have these names in them; the rest is what the statement itself lists.
			if alias, ok := strings.CutPrefix(step, "SCAN "); ok && slices.Contains([]string{"k", "b", "f", "p", "o", "metrics", "metric_blocks", "late_points"}, alias) {
				t.Errorf("%s: %s", step, text)
			}
		}
	}
}
