package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Values of a parameter in the order of a list by it: numbers, other texts; "-"
// stands for none. Runs that are equal come by their ids, which go along here.
var (
	numbersUp = []string{"-2", "-.5", "0", "0.0", "0.1", "0.10000000000000002", "0.30000000000000004", "9", "10", "1e3", "+2E9", "12345678901234567890"}
	textsUp   = []string{"", " 7", "-1e400", "-Infinity", "0x10", "1_0", "7 ", "NaN", "Zeus", "adam", "inf"}
	noValue   = []string{"-", "-"}
)

// runsByParam: a list by a parameter has every run once, by numbers where there
// are, in pages of any size.
func runsByParam(_ *testing.T, b *bench) {
	p := b.place()
	e, beside := b.experiment(p, 1, "e"), b.experiment(p, 2, "beside")
	values := slices.Concat(numbersUp, textsUp, noValue)
	for i, v := range values {
		b.paramRun(e, int64(i+1), "sweep", v)
	}
	b.paramRun(beside, 100, "other", "5")
	gone := b.paramRun(e, 101, "sweep", "6")
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.TrashRun(ctx, gone, at) })
	down := slices.Concat(backward(numbersUp), backward(textsUp), noValue)
	for _, c := range []struct {
		q    registry.RunQuery
		want []string
	}{
		{registry.RunQuery{ExperimentID: e.ID}, values},
		{registry.RunQuery{ExperimentID: e.ID, Order: registry.Order{Desc: true}}, down},
		{registry.RunQuery{ExperimentID: e.ID, Search: "sweep"}, values},
		{registry.RunQuery{ExperimentID: beside.ID}, []string{"5"}},
		{registry.RunQuery{ExperimentID: beside.ID, Search: "sweep"}, nil},
		{registry.RunQuery{Search: "other"}, []string{"5"}},
	} {
		c.q.ProjectID, c.q.Order.By, c.q.Param = p.ID, "param", "lr"
		for _, limit := range []int{1, 2, 3, 12, 13, 23, 24, 25, 26, 100} {
			b.same(b.paramPages(c.q, limit), c.want)
			b.same(b.paramOffsets(c.q, limit), c.want)
		}
	}
}

// paramRun makes a run with a parameter.
func (b *bench) paramRun(e registry.Experiment, iid int64, name, value string) (id int64) {
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		r, err := tx.InsertRun(ctx, registry.Run{ProjectID: e.ProjectID, ExperimentID: e.ID, EID: fmt.Sprint(iid), Name: name, CreatedAt: at, UpdatedAt: at})
		if err != nil {
			return err
		}
		id = r.ID
		ps := []registry.Param{{Key: "aa", Value: "1"}, {Key: "lr", Value: value}, {Key: "zz", Value: "z"}}
		if value == "-" {
			ps = ps[:1]
		}
		return tx.InsertParams(ctx, id, ps)
	})
	return id
}

// paramPages reads a list from cursor to cursor, and gives the values.
func (b *bench) paramPages(q registry.RunQuery, limit int) (out []string) {
	q.Page = registry.Page{Limit: limit}
	for {
		l := b.paramPage(q, &out)
		if l.More != (l.Next != nil) {
			b.t.Fatalf("more: %t, next: %v", l.More, l.Next)
		}
		if !l.More {
			return out
		}
		q.Page.After = l.Next
	}
}

// paramOffsets does so by numbers of rows, which it holds to the total.
func (b *bench) paramOffsets(q registry.RunQuery, limit int) (out []string) {
	for {
		q.Page = registry.Page{Limit: limit, Offset: len(out)}
		l := b.paramPage(q, &out)
		if l.More {
			continue
		}
		if l.Total != int64(len(out)) {
			b.t.Errorf("%+v has %d, but says %d", q, len(out), l.Total)
		}
		return out
	}
}

func (b *bench) paramPage(q registry.RunQuery, out *[]string) (l registry.List[registry.Run]) {
	b.view(func(ctx context.Context, tx registry.Tx) (err error) {
		if l, err = tx.ListRuns(ctx, q); err != nil {
			return err
		}
		if len(l.Items) > q.Page.Limit || len(l.Items) == 0 && l.More {
			b.t.Fatalf("a page of %d has %d", q.Page.Limit, len(l.Items))
		}
		for _, r := range l.Items {
			ps, err := tx.ParamsOf(ctx, []int64{r.ID})
			if err != nil {
				return err
			}
			*out = append(*out, valueIn(ps[r.ID]))
		}
		return nil
	})
	return l
}

func valueIn(ps []registry.Param) string {
	for _, p := range ps {
		if p.Key == "lr" {
			return p.Value
		}
	}
	return "-"
}

func backward(values []string) []string {
	out := slices.Clone(values)
	slices.Reverse(out)
	return out
}
