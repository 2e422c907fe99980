package sqlstore

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestMeasuresSearch: what is measured is found by experiment and time, and
// without the contents of spans.
func TestMeasuresSearch(t *testing.T) {
	s, ctx := open(t), t.Context()
	since, until := int64(1), int64(1<<40)
	byName := []registry.Sort{{Key: "name"}}
	spread := []registry.Aggregation{{Aggregate: registry.Average}, {Aggregate: registry.Percentile, At: 90}}
	for want, q := range map[string]registry.Measure{
		"t USING INDEX traces_recent (experiment_id=? AND at>? AND at<?)":                      {Rows: registry.RowsOfTraces, What: registry.MeasureDuration},
		"s USING COVERING INDEX trace_spans_brief (trace_id=?)":                                {Rows: registry.RowsOfSpans, What: registry.MeasureDuration, Groups: byName},
		"m USING INDEX span_amounts_began (experiment_id=? AND key=? AND began>? AND began<?)": {Rows: registry.RowsOfSpans, What: registry.TotalCost},
		"s USING INDEX assessments_eid (trace_id=?)":                                           {Rows: registry.RowsOfAssessments, What: registry.MeasureValue, Groups: byName},
		"m USING PRIMARY KEY (trace_id=? AND key=?)":                                           {Rows: registry.RowsOfTraces, What: registry.TotalTokens},
		"x USING INDEX sqlite_autoindex_trace_metadata_1 (owner_id=? AND key=?)":               {Rows: registry.RowsOfTraces, What: registry.MeasureSessions},
	} {
		q.Since, q.Until, q.Aggregations, q.Limit, q.Every = &since, &until, spread, 10, time.Hour
		var texts []string
		s.Watch(func(text string) { texts = append(texts, text) })
		err := s.View(ctx, func(tx registry.Tx) error {
			_, err := tx.MeasureTraces(ctx, []int64{1}, q)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Watch(nil)
		steps := plan(t, s, texts[0])
		if !slices.ContainsFunc(steps, func(step string) bool { return strings.HasSuffix(step, want) }) {
			t.Errorf("want %s: %q", want, steps)
		}
		for _, step := range steps {
			if strings.HasPrefix(step, "SCAN") && len(strings.Fields(step)) == 2 && len(strings.Fields(step)[1]) == 1 && strings.Contains("tsmx", strings.Fields(step)[1]) {
				t.Errorf("%s: %s", step, texts[0])
			}
		}
	}
}
