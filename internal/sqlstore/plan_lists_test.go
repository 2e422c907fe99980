package sqlstore

import (
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// plansOf gives the plan of the first statement of a question.
func plansOf(t *testing.T, s *Store, ask func(registry.Tx) error) []string {
	t.Helper()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	defer s.Watch(nil)
	if err := s.View(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	return plan(t, s, texts[0])
}

// TestRunListsSearch: lists of runs come out of an index in their order, and
// those of one experiment out of an index of experiments, however many runs the
// project has beside.
func TestRunListsSearch(t *testing.T) {
	s := open(t)
	list := func(q registry.RunQuery) []string {
		return plansOf(t, s, func(tx registry.Tx) error {
			_, err := tx.ListRuns(t.Context(), q)
			return err
		})
	}
	all, of, candidates := registry.RunQuery{ProjectID: 1}, registry.RunQuery{ProjectID: 1, ExperimentID: 2}, registry.RunQuery{ProjectID: 1, ExperimentID: 2, Candidates: true}
	for _, by := range []string{"id", "name", "created_at", "started_at", "metric"} {
		for _, q := range []registry.RunQuery{all, of, candidates} {
			q.Order, q.Metric, q.Page.NoTotal = registry.Order{By: by, Desc: true}, "loss", true
			for _, step := range list(q) {
				if strings.HasPrefix(step, "SCAN") || step == "USE TEMP B-TREE FOR ORDER BY" || q.ExperimentID != 0 && strings.Contains(step, "(project_id=?") {
					t.Errorf("by %s of %+v: %s", by, q, step)
				}
			}
		}
	}
	for _, q := range []registry.RunQuery{all, of} {
		q.Status = registry.Killed
		if steps := strings.Join(list(q), "; "); !strings.Contains(steps, "status=?") || strings.Contains(steps, "B-TREE") {
			t.Errorf("killed ones of %+v: %s", q, steps)
		}
	}
}

// TestEventsComeInOrder: each list of events comes out of an index in its order,
// and a search in them out of the index of their texts.
func TestEventsComeInOrder(t *testing.T) {
	s, ctx := open(t), t.Context()
	some := []string{"model", "alias"}
	for index, q := range map[string]registry.EventQuery{
		"events_at":                                {},
		"events_at (at<?)":                         {When: registry.Span{Before: time.Now()}},
		"events_topic (topic=?)":                   {Topics: some[:1]},
		"events_actor (actor_key=?)":               {Actor: "Ann", Topics: some},
		"events_project (project_id=?)":            {ProjectID: 1, Topics: some},
		"events_own (project_id=? AND actor_id=?)": {ProjectID: 1, ActorID: 1},
		"events_model (model_id=?)":                {ModelID: 1},
		"events_group (group_id=?)":                {GroupID: 1},
		"events_user (user_id=?)":                  registry.EventQuery{}.About(registry.UserEntity, 1),
		"events_of_groups":                         {Entity: registry.GroupEntity},
		"events_of_users":                          {Entity: registry.UserEntity},
		"events_of_server":                         {Entity: registry.ServerEntity},
		"e USING INTEGER PRIMARY KEY (rowid=?)":    {ID: 1},
	} {
		q.Page.NoTotal = true
		steps := plansOf(t, s, func(tx registry.Tx) error {
			_, err := tx.ListEvents(ctx, q)
			return err
		})
		if len(steps) != 1 || !strings.HasSuffix(steps[0], index) {
			t.Errorf("%+v: %q, want %s", q, steps, index)
		}
	}
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	defer s.Watch(nil)
	err := s.View(ctx, func(tx registry.Tx) error {
		_, err := tx.ListEvents(ctx, registry.EventQuery{Text: "iris", Page: registry.Page{NoTotal: true}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	if steps := plan(t, s, texts[1]); !strings.HasPrefix(steps[0], "SCAN z VIRTUAL TABLE INDEX") || !strings.HasPrefix(steps[1], "SEARCH e USING INTEGER PRIMARY KEY") {
		t.Errorf("%q: %s", steps, texts[1])
	}
}

// TestFindsGoAlongIndexes: a search over everything reads what it gives, in the
// order of an index, whoever asks.
func TestFindsGoAlongIndexes(t *testing.T) {
	s, ctx := open(t), t.Context()
	for _, v := range []registry.Viewer{{}, {UserID: 1}, {UserID: 1, Admin: true}} {
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		err := s.View(ctx, func(tx registry.Tx) error {
			_, err := tx.FindModels(ctx, registry.FindQuery{Text: "iris", Viewer: v, Page: registry.Page{NoTotal: true}})
			if err != nil {
				return err
			}
			if _, err = tx.FindModels(ctx, registry.FindQuery{Viewer: v, Page: registry.Page{NoTotal: true}}); err != nil {
				return err
			}
			for _, text := range []registry.VersionText{{Semver: "1.2"}, {Name: "iris", Semver: "1.2"}} {
				if _, err = tx.FindVersions(ctx, registry.FindQuery{Viewer: v, Page: registry.Page{NoTotal: true}}, text); err != nil {
					return err
				}
			}
			for _, text := range []string{"frame", "framework=sk"} {
				if _, err = tx.FindTags(ctx, registry.FindQuery{Text: text, Viewer: v}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Watch(nil)
		for _, text := range texts {
			for _, step := range plan(t, s, text) {
				index := strings.Contains(step, "INDEX") || strings.Contains(step, "SCAN z VIRTUAL") || strings.HasPrefix(step, "SCAN t") || step == "SCAN c"
				// Which projects somebody may see is told by all of them, once.
				if strings.HasPrefix(step, "SCAN") && !index && step != "SCAN p" || strings.Contains(step, "(project_id=?)") {
					t.Errorf("%+v: %s: %s", v, step, text)
				}
			}
		}
	}
}

// TestFindsInOneProject: a search in a project goes along what is in it.
func TestFindsInOneProject(t *testing.T) {
	s, ctx := open(t), t.Context()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	q := registry.FindQuery{ProjectID: 1, Page: registry.Page{NoTotal: true}}
	err := s.View(ctx, func(tx registry.Tx) error {
		_, err := tx.FindModels(ctx, q)
		if err != nil {
			return err
		}
		_, err = tx.FindVersions(ctx, q, registry.VersionText{Semver: "1.2"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	for i, index := range []string{"m USING INDEX models_updated (project_id=?)", "v USING INDEX versions_text_in (project_id=? AND semver>? AND semver<?)"} {
		if steps := plan(t, s, texts[i]); !strings.HasSuffix(steps[0], index) || strings.Contains(strings.Join(steps, ""), "TEMP B-TREE") {
			t.Errorf("%q, want %s", steps, index)
		}
	}
}

// TestSizesAreSummedByAnIndex: what a project takes up is told without a look at
// the rows of its packages, let alone those of others.
func TestSizesAreSummedByAnIndex(t *testing.T) {
	s, ctx := open(t), t.Context()
	var texts []string
	s.Watch(func(text string) { texts = append(texts, text) })
	err := s.View(ctx, func(tx registry.Tx) error {
		_, err := tx.UsageOf(ctx, 1, 20)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(nil)
	for _, text := range texts {
		if steps := strings.Join(plan(t, s, text), "; "); !strings.Contains(steps, "SEARCH k USING COVERING INDEX packages_sizes (project_id=?") {
			t.Errorf("%s: %s", steps, text)
		}
	}
}
