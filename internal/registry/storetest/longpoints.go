package storetest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// longPoints: metrics of hundreds of points, which have come in order, with some
// late, and in no order, come back page by page: one by one, and all of several
// runs, both ways.
func longPoints(_ *testing.T, b *bench) {
	m := b.model(b.place(), "m")
	r := rand.New(rand.NewPCG(7, 8))
	all := map[int64][]registry.Metric{}
	var runs []int64
	for n := range 2 {
		run := b.run(m)
		runs = append(runs, run.ID)
		for key, next := range map[string]func(i int) registry.Metric{
			"ordered": func(i int) registry.Metric {
				return registry.Metric{Step: int64(i / 3), At: millis(i / 2), Value: float64(i + n)}
			},
			"late": func(i int) registry.Metric {
				if i%20 == 0 {
					i -= r.IntN(i + 1)
				}
				return registry.Metric{Step: int64(i), At: millis(i), Value: 1}
			},
			"mixed": func(int) registry.Metric {
				return registry.Metric{Step: r.Int64N(9), At: millis(r.IntN(9)), Value: float64(r.IntN(9))}
			},
			"few": func(i int) registry.Metric { return registry.Metric{Step: int64(i % 3), At: millis(0)} },
		} {
			var ms []registry.Metric
			for i := range 150 {
				p := next(i)
				p.Key = key
				if !slices.ContainsFunc(ms, func(o registry.Metric) bool { return byStep(o, p) == 0 }) {
					ms = append(ms, p)
				}
			}
			for part := range slices.Chunk(ms, 1+r.IntN(60)) {
				b.update(func(ctx context.Context, tx registry.Tx) error { return tx.InsertMetrics(ctx, run.ID, part) })
				b.update(func(ctx context.Context, tx registry.Tx) error { return tx.InsertMetrics(ctx, run.ID, part) })
			}
			slices.SortFunc(ms, byStep)
			b.pagesOf(run, key, ms)
			all[run.ID] = append(all[run.ID], ms...)
		}
		slices.SortFunc(all[run.ID], func(x, y registry.Metric) int { return cmp.Or(cmp.Compare(x.Key, y.Key), byStep(x, y)) })
	}
	for _, limit := range []int{1, 37, 38, 1000} {
		for _, desc := range []bool{false, true} {
			b.pagesOfAll(registry.Nest{ProjectID: m.ProjectID, Owners: runs, Order: registry.Order{Desc: desc}, Page: registry.Page{Limit: limit, Cursors: true}}, all)
		}
	}
}

// pagesOf reads the history of one metric in all ways that a page can ask for.
func (b *bench) pagesOf(run registry.Run, key string, want []registry.Metric) {
	b.t.Helper()
	read := func(p registry.Page) (l registry.List[registry.Metric]) {
		b.view(func(ctx context.Context, tx registry.Tx) (err error) {
			l, err = tx.MetricHistory(ctx, run.ID, key, p)
			return err
		})
		return l
	}
	total := int64(len(want))
	for _, offset := range []int{0, 1, 37, 38, 39, len(want) - 1, len(want), len(want) + 1} {
		l := read(registry.Page{Limit: 40, Offset: offset})
		b.samePoints(fmt.Sprint(key, " from ", offset), l.Items, want[min(offset, len(want)):min(offset+40, len(want))])
		if l.Total != total || l.More != (offset+40 < len(want)) || (l.Next != nil) != l.More {
			b.t.Fatalf("%s from %d: total %d, more %v, next %v", key, offset, l.Total, l.More, l.Next)
		}
	}
	for i := 0; i < len(want); i += 11 {
		at := &registry.Cursor{Key: strconv.FormatInt(want[i].Step, 10), ID: want[i].At.UnixMicro()}
		same := func(o registry.Metric) bool { return o.Step == want[i].Step && o.At.Equal(want[i].At) }
		first, last := slices.IndexFunc(want, same), i
		for last+1 < len(want) && same(want[last+1]) {
			last++
		}
		b.samePoints(fmt.Sprint(key, " after ", i), read(registry.Page{Limit: 1000, After: at}).Items, want[last+1:])
		b.samePoints(fmt.Sprint(key, " before ", i), read(registry.Page{Limit: 1000, Before: at}).Items, want[:first])
	}
}

// pagesOfAll goes through the points of runs, a page of each at a time.
func (b *bench) pagesOfAll(n registry.Nest, want map[int64][]registry.Metric) {
	b.t.Helper()
	for _, run := range n.Owners {
		var got []registry.Metric
		var cursors []registry.Cursor
		for n.Page.After = nil; ; {
			b.view(func(ctx context.Context, tx registry.Tx) error {
				ls, err := tx.PointsEach(ctx, n)
				l := ls[run]
				if l.Total != int64(len(want[run])) {
					b.t.Errorf("total %d, want %d", l.Total, len(want[run]))
				}
				got, cursors, n.Page.After = append(got, l.Items...), append(cursors, l.Cursors...), l.Next
				return err
			})
			if n.Page.After == nil {
				break
			}
		}
		expected := slices.Clone(want[run])
		if n.Order.Desc {
			slices.Reverse(expected)
		}
		b.samePoints(fmt.Sprint("all by ", n.Page.Limit, n.Order.Desc), got, expected)
		n.Page.After = nil
		for i := 0; i < len(expected); i += 97 {
			b.view(func(ctx context.Context, tx registry.Tx) error {
				upTo := n
				upTo.Page.Before, upTo.Page.Limit = &cursors[i], 1000
				ls, err := tx.PointsEach(ctx, upTo)
				b.samePoints(fmt.Sprint("all before ", i), ls[run].Items, expected[:i])
				return err
			})
		}
	}
}
