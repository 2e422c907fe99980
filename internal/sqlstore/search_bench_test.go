package sqlstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// BenchmarkSearch and BenchmarkHistory show that an answer costs what it gives:
// the sizes in the names are what they have to choose from.
func BenchmarkSearch(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		s := benchStore(b, func(ctx context.Context, tx registry.Tx, e registry.Experiment) error {
			for i := range size {
				r, err := tx.InsertRun(ctx, registry.Run{ProjectID: e.ProjectID, ExperimentID: e.ID, EID: fmt.Sprintf("%032d", i), Name: "r", Status: registry.Running,
					StartedAt: time.UnixMilli(int64(i)), CreatedAt: time.UnixMilli(1), UpdatedAt: time.UnixMilli(1)})
				if err != nil {
					return err
				}
				m := registry.Metric{Key: "acc", Value: float64(i*7919%size) / float64(size), At: r.StartedAt}
				if err := tx.InsertMetrics(ctx, r.ID, []registry.Metric{m}); err != nil {
					return err
				}
			}
			return nil
		})
		best := []registry.Sort{{Subject: registry.OfMetric, Key: "acc", Desc: true}}
		over := func(v float64) registry.Filter {
			return registry.Filter{{Subject: registry.OfMetric, Key: "acc", Op: registry.Greater, Value: v}}
		}
		for name, q := range map[string]registry.Search{
			"best":            {Order: best, Limit: 100},
			"best of many":    {Order: best, Filter: over(0.1), Limit: 100},
			"latest":          {Limit: 100},
			"latest of many":  {Filter: over(0.5), Limit: 100},
			"latest of few":   {Filter: over(1 - 20/float64(size)), Limit: 100},
			"best, deep down": {Order: best, Limit: 100, After: registry.Mark{Keys: []any{int64(0), 0.5, int64(0), "e"}}},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				for b.Loop() {
					benchView(b, s, func(tx registry.Tx) error {
						_, err := tx.SearchRuns(b.Context(), []int64{1}, q)
						return err
					})
				}
			})
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	for _, size := range []int{10_000, 1_000_000} {
		s := benchStore(b, func(ctx context.Context, tx registry.Tx, e registry.Experiment) error {
			r, err := tx.InsertRun(ctx, registry.Run{ProjectID: e.ProjectID, ExperimentID: e.ID, EID: "r", Name: "r", CreatedAt: time.UnixMilli(1)})
			if err != nil {
				return err
			}
			part := make([]registry.Metric, 1000)
			for i := range size {
				part[i%1000] = registry.Metric{Key: "loss", Value: 1 / float64(i+1), Step: int64(i), At: time.UnixMilli(int64(i))}
				if i%1000 == 999 {
					if err := tx.InsertMetrics(ctx, r.ID, part); err != nil {
						return err
					}
				}
			}
			return nil
		})
		for name, read := range map[string]func(registry.Tx) error{
			"2500 samples": func(tx registry.Tx) error {
				_, err := tx.MetricSamples(b.Context(), []int64{1}, "loss", nil, 2500)
				return err
			},
			"last page": func(tx registry.Tx) error {
				mark := registry.Mark{Keys: []any{int64(size-101) * 1000, int64(size - 101), 1 / float64(size-100), int64(0), int64(size - 100)}}
				_, err := tx.MetricPoints(b.Context(), 1, "loss", mark, 100)
				return err
			},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				for b.Loop() {
					benchView(b, s, read)
				}
			})
		}
	}
}

// benchStore makes a store with one experiment and what fill puts into it.
func benchStore(b *testing.B, fill func(context.Context, registry.Tx, registry.Experiment) error) *Store {
	b.Helper()
	s, err := Open(b.Context(), "sqlite:"+b.TempDir()+"/db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	err = s.Update(b.Context(), func(tx registry.Tx) error {
		ctx := b.Context()
		p, err := firstProject(ctx, tx)
		if err != nil {
			return err
		}
		e := registry.Experiment{ProjectID: p, IID: 1, Name: "e"}
		if e.ID, err = tx.InsertExperiment(ctx, e); err != nil {
			return err
		}
		return fill(ctx, tx, e)
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func benchView(b *testing.B, s *Store, fn func(registry.Tx) error) {
	b.Helper()
	if err := s.View(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}
