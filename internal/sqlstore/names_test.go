package sqlstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestNamesSearch: a part of a name is looked up, and only where many names have
// it, or its letters are too few, names are read along the list's order.
func TestNamesSearch(t *testing.T) {
	s := open(t)
	fillNames(t, s)
	const along, ids, names = "SCAN z VIRTUAL TABLE", "models_id (project_id=?)", "models_name (project_id=?)"
	for _, c := range []struct{ text, by, want string }{
		{"00005", "id", along}, {"model", "id", along}, {"05", "id", ids},
		{"00005", "name", along}, {"model", "name", names}, {"05", "name", names},
	} {
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		err := s.View(t.Context(), func(tx registry.Tx) error {
			l, err := tx.ListModels(t.Context(), registry.ModelQuery{ProjectID: 1, Search: c.text, Order: registry.Order{By: c.by}, Page: registry.Page{NoTotal: true, Limit: 3}})
			if len(l.Items) != 3 {
				t.Errorf("%q by %s: %d items", c.text, c.by, len(l.Items))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Watch(nil)
		text := texts[len(texts)-1]
		steps := plan(t, s, text)
		sorts := slices.Contains(steps, "USE TEMP B-TREE FOR ORDER BY")
		if !strings.Contains(steps[0], c.want) || sorts != (c.want == along && c.by != "id") {
			t.Errorf("%q by %s: %q, want %s: %s", c.text, c.by, steps, c.want, text)
		}
	}
}

// fillNames makes a project with more models than are gone through.
func fillNames(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	err := s.Update(ctx, func(tx registry.Tx) error {
		p, err := firstProject(ctx, tx)
		if err != nil {
			return err
		}
		for i := range usualReach.few + 100 {
			e := registry.Experiment{ProjectID: p, IID: int64(i + 1), Name: fmt.Sprint(i)}
			if e.ID, err = tx.InsertExperiment(ctx, e); err != nil {
				return err
			}
			if _, err := tx.InsertModel(ctx, registry.Model{ProjectID: p, ExperimentID: e.ID, Name: fmt.Sprintf("model-%06d", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNamesComeLate: whatever becomes of new runs in their transaction, its end
// puts each that is left into the index once, under its last name; so with events.
func TestNamesComeLate(t *testing.T) {
	s, ctx := open(t), t.Context()
	fillRuns(t, s, 1)
	add := func(tx registry.Tx, name string) registry.Run {
		r, err := tx.InsertRun(ctx, registry.Run{ProjectID: 1, ExperimentID: 1, EID: name, Name: name})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	s.turns.wary = time.Now().Add(time.Hour)
	no := errors.New("no")
	together(t, s, &writer{name: "a", also: func(tx *tx) error {
		kept, gone := add(tx, "early bird"), add(tx, "dodo")
		kept.Name = "late bird"
		return errors.Join(tx.UpdateRun(ctx, kept), tx.DeleteRun(ctx, gone))
	}}, &writer{name: "b", also: func(tx *tx) error {
		add(tx, "never bird")
		return no
	}}, &writer{name: "c", also: func(tx *tx) error {
		add(tx, "other bird")
		e := registry.Event{At: time.Now(), Act: registry.RunCreated, Subject: "bird", Tally: "tally"}
		return errors.Join(tx.InsertEvent(ctx, e), tx.InsertEvent(ctx, e))
	}})
	count := func(table, text string) (n int) {
		if err := s.read.db.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE "+table+" MATCH ?", matchFTS5(trigrams(text), nameIndex{})).Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	for _, c := range []struct {
		table, text string
		want        int
	}{{"run_names", "bird", 2}, {"run_names", "late", 1}, {"run_names", "early", 0}, {"run_names", "never", 0}, {"run_names", "dodo", 0}, {"event_texts", "bird", 1}} {
		if n := count(c.table, c.text); n != c.want {
			t.Errorf("%s has %d of %q, want %d", c.table, n, c.text, c.want)
		}
	}
	if _, err := s.write.db.ExecContext(ctx, "DELETE FROM runs WHERE name = 'late bird'"); err != nil || count("run_names", "late") != 0 {
		t.Errorf("a run that is gone is found: %v", err)
	}
}
