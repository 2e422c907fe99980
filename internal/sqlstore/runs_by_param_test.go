package sqlstore

import (
	"database/sql"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestRunsByParamSearch: the stretches of a list by a parameter come out of
// indexes of the experiment, in their order.
func TestRunsByParamSearch(t *testing.T) {
	s := open(t)
	for _, q := range []registry.RunQuery{
		{}, {Candidates: true}, {Order: registry.Order{Desc: true}}, {Page: registry.Page{After: &registry.Cursor{Key: "n0.5", ID: 1}}}, {Page: registry.Page{After: &registry.Cursor{Key: "ta", ID: 1}}},
	} {
		q.ProjectID, q.ExperimentID, q.Param, q.Order.By, q.Page.NoTotal = 1, 2, "lr", "param", true
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		err := s.View(t.Context(), func(tx registry.Tx) error {
			_, err := tx.ListRuns(t.Context(), q)
			return err
		})
		s.Watch(nil)
		if err != nil {
			t.Fatal(err)
		}
		indexes := []string{"run_params_numbers (experiment_id=? AND key=?", "run_params_best (experiment_id=? AND key=?", "INDEX runs_"}
		if q.Page.After != nil && q.Page.After.Key[0] == 't' {
			indexes = indexes[1:]
		}
		for i, index := range indexes {
			steps := strings.Join(plan(t, s, texts[i]), "; ")
			if !strings.Contains(steps, index) || strings.Contains(steps, "B-TREE FOR ORDER BY") {
				t.Errorf("%+v: %s, want %s", q, steps, index)
			}
		}
	}
}

// TestRunsByMetricSearch: so do those of a whole list by a metric.
func TestRunsByMetricSearch(t *testing.T) {
	s := open(t)
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	err := s.View(t.Context(), func(tx registry.Tx) error {
		_, err := tx.ListRuns(t.Context(), registry.RunQuery{ProjectID: 1, ExperimentID: 2, Metric: "loss", Whole: true, Order: registry.Order{By: "metric", Desc: true}, Page: registry.Page{NoTotal: true}})
		return err
	})
	s.Watch(nil)
	if err != nil || len(texts) != 2 {
		t.Fatal(err, texts)
	}
	for i, index := range []string{"metrics_best (experiment_id=? AND key=? AND nan=?", "INDEX runs_"} {
		if steps := strings.Join(plan(t, s, texts[i]), "; "); !strings.Contains(steps, index) || strings.Contains(steps, "B-TREE FOR ORDER BY") {
			t.Errorf("%s, want %s", steps, index)
		}
	}
}

// TestParamNumbersFilled: parameters from before there was a column for numbers
// get the same as new ones.
func TestParamNumbersFilled(t *testing.T) {
	s := open(t)
	fillRuns(t, s, 1)
	values := []registry.Param{{Key: "a", Value: "0.1"}, {Key: "b", Value: "-2e3"}, {Key: "c", Value: "0x10"}, {Key: "d", Value: "NaN"}, {Key: "e"}, {Key: "f", Value: "1e999"}}
	if err := s.Update(t.Context(), func(tx registry.Tx) error { return tx.InsertParams(t.Context(), 1, values) }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"0.1": "0.1", "-2e3": "-2000", "0x10": "none", "NaN": "none", "": "none", "1e999": "none"}
	if got := numbersIn(t, s); !maps.Equal(got, want) {
		t.Errorf("new ones: %v", got)
	}
	fill, err := migrationFiles.ReadFile("migrations/0083_param_numbers.sqlite.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"UPDATE run_params SET number = NULL", string(fill)} {
		if _, err := s.write.db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if got := numbersIn(t, s); !maps.Equal(got, want) {
		t.Errorf("old ones: %v", got)
	}
}

// numbersIn gives the numbers of the first run's parameters by their values.
func numbersIn(t *testing.T, s *Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	rows, err := s.read.db.QueryContext(t.Context(), "SELECT value, number FROM run_params WHERE run_id = 1 AND length(key) = 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value string
		var n sql.NullFloat64
		if err := rows.Scan(&value, &n); err != nil {
			t.Fatal(err)
		}
		if out[value] = "none"; n.Valid {
			out[value] = strconv.FormatFloat(n.Float64, 'g', -1, 64)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
