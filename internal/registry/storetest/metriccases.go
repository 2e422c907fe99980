package storetest

import (
	"context"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// runsByMetric: a whole list by a metric has every run once, those without a
// number at its end, in pages of any size; else they are left out.
func runsByMetric(t *testing.T, b *bench) {
	p := b.place()
	e, beside := b.experiment(p, 1, "e"), b.experiment(p, 2, "beside")
	up := []float64{math.Inf(-1), -3, 0, .5, .5, 7, math.Inf(1)}
	for i, v := range slices.Concat(up, []float64{math.NaN()}) {
		id := b.paramRun(e, int64(i+1), "r", "-")
		b.update(func(ctx context.Context, tx registry.Tx) error {
			return tx.InsertMetrics(ctx, id, []registry.Metric{{Key: "acc", Value: v, At: at}, {Key: "other", Value: 1, At: at}})
		})
	}
	b.paramRun(e, 9, "r", "-")
	b.paramRun(beside, 100, "r", "-")
	ups, downs := []string{"1", "2", "3", "4", "5", "6", "7"}, []string{"7", "6", "5", "4", "3", "2", "1"}
	for _, c := range []struct {
		q    registry.RunQuery
		want []string
	}{
		{registry.RunQuery{}, ups},
		{registry.RunQuery{Whole: true}, append(ups, "9", "8")},
		{registry.RunQuery{Whole: true, Order: registry.Order{Desc: true}}, append(downs, "9", "8")},
	} {
		c.q.ProjectID, c.q.ExperimentID, c.q.Order.By, c.q.Metric = p.ID, e.ID, "metric", "acc"
		for _, limit := range []int{1, 2, 7, 8, 100} {
			got := []string{}
			c.q.Page = registry.Page{Limit: limit}
			for more := true; more; {
				b.view(func(ctx context.Context, tx registry.Tx) error {
					l, err := tx.ListRuns(ctx, c.q)
					for _, r := range l.Items {
						got = append(got, strconv.FormatInt(r.IID, 10))
					}
					c.q.Page.Offset, more = len(got), l.More
					return err
				})
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v in pages of %d: %v, want %v", c.q, limit, got, c.want)
			}
		}
	}
}
