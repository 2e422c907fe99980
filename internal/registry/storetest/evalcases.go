package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// evalDatasets: data sets are of experiments, and have one record of each inputs.
func evalDatasets(_ *testing.T, b *bench) {
	p := b.place()
	e, other := b.experiment(p, 1, "e"), b.experiment(p, 2, "other")
	d := registry.EvalDataset{EID: "d-1", ProjectID: p.ID, Name: "n", Schema: "s", CreatedBy: "ann", UpdatedBy: "bob", Digest: "x", CreatedAt: at, UpdatedAt: at}
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		if d.ID, err = tx.PutEvalDataset(ctx, d); err != nil {
			return err
		}
		d.Records, d.UpdatedAt = 3, at.Add(time.Second)
		if _, err := tx.PutEvalDataset(ctx, d); err != nil {
			return err
		}
		second := registry.EvalDataset{EID: "d-2", ProjectID: p.ID, Name: "m", CreatedAt: at.Add(time.Hour), UpdatedAt: at}
		if _, err := tx.PutEvalDataset(ctx, second); err != nil {
			return err
		}
		for range 2 {
			if err := tx.LinkEvalDataset(ctx, d.ID, []int64{other.ID, e.ID}); err != nil {
				return err
			}
		}
		return tx.UnlinkEvalDataset(ctx, d.ID, []int64{other.ID})
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.EvalDatasetByEID(ctx, p.ID, "d-1")
		b.same([]any{got, err}, []any{d, nil})
		ids, err := tx.EvalExperiments(ctx, d.ID)
		b.same([]any{ids, err}, []any{[]int64{e.ID}, nil})
		iids, err := tx.ExperimentIIDs(ctx, []int64{other.ID, e.ID})
		b.same([]any{iids, err}, []any{[]int64{1, 2}, nil})
		for _, c := range []struct {
			in   []int64
			f    registry.Filter
			want []string
		}{{want: []string{"d-2", "d-1"}}, {in: []int64{e.ID, other.ID}, want: []string{"d-1"}},
			{f: registry.Filter{{Key: "name", Op: registry.Equal, Value: "m"}}, want: []string{"d-2"}}} {
			f, err := tx.SearchEvalDatasets(ctx, p.ID, c.in, registry.Search{Filter: c.f, Limit: 9})
			var eids []string
			for _, d := range f.Items {
				eids = append(eids, d.EID)
			}
			b.same([]any{eids, err}, []any{c.want, nil})
		}
		return nil
	})
	b.evalRecords(d.ID)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteEvalDataset(ctx, d.ID) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		_, err := tx.EvalDatasetByEID(ctx, p.ID, "d-1")
		b.want(err, fault.NotFound)
		return nil
	})
}

// evalRecords puts, lists and deletes the records of a data set.
func (b *bench) evalRecords(id int64) {
	b.t.Helper()
	var all []registry.EvalRecord
	b.update(func(ctx context.Context, tx registry.Tx) error {
		all = nil
		for i := range 3 {
			r := registry.EvalRecord{EID: fmt.Sprintf("dr-%d", i), Hash: fmt.Sprint(i), Inputs: "i", Outputs: "old", Expectations: "e", Tags: "t", Source: "s", CreatedBy: "ann",
				CreatedAt: at, UpdatedAt: at}
			var err error
			if r.ID, err = tx.PutEvalRecord(ctx, id, r); err != nil {
				return err
			}
			r.Outputs, r.UpdatedBy, r.UpdatedAt = "o", "bob", at.Add(time.Second)
			if _, err := tx.PutEvalRecord(ctx, id, r); err != nil {
				return err
			}
			all = append(all, r)
		}
		return nil
	})
	b.view(func(ctx context.Context, tx registry.Tx) error {
		there, err := tx.EvalRecordsByHash(ctx, id, []string{"1", "none"})
		b.same([]any{there, err}, []any{map[string]registry.EvalRecord{"1": all[1]}, nil})
		for _, c := range []struct {
			after registry.EvalPage
			limit int
			bytes int64
			want  []registry.EvalRecord
			more  bool
		}{{limit: 5, bytes: 99, want: all}, {limit: 2, bytes: 99, want: all[:2], more: true}, {limit: 5, bytes: 9, want: all[:1], more: true},
			{after: registry.EvalPage{At: at, EID: "dr-0"}, limit: 5, bytes: 1, want: all[1:2], more: true}} {
			l, err := tx.ListEvalRecords(ctx, id, c.after, c.limit, c.bytes)
			b.same([]any{l.Items, l.More, err}, []any{c.want, c.more, nil})
		}
		return nil
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		n, err := tx.DeleteEvalRecords(ctx, id, []string{"dr-1", "none"})
		b.same(n, int64(1))
		return err
	})
}
