package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// parts: a name is found by any part of it, without case, in every order, in
// its project only, and no longer under a name that it had.
func parts(_ *testing.T, b *bench) {
	g := b.group(registry.Namespace{}, "g")
	p, other := b.project(g, "p"), b.project(g, "other")
	var all []registry.Model
	for i, name := range []string{"bert-base", "BERT-large", "roberta", "Größe", "GRÖSSE x", "ΣΊΣΥΦΟΣ", "x%y_z", `a"bc" OR d`, "ab", "日本語モデル", "🤖🤖🤖bert", "berber", "be", "K-lvin"} {
		m := b.model(p, name)
		all = append(all, m)
		b.model(other, fmt.Sprintf("%s %d", name, i))
	}
	texts := []string{"bert", "BERT", "ert-", "größe", "GRÖ", "σίσυφος", "%y_", `"bc" or`, "b", "ab", "本語モ", "本", "🤖🤖", "🤖🤖🤖", "none of them", "bertbert", "berbe", " x", "k-l", "", `name : "ber"`, "NOT ber"}
	check := func() {
		b.t.Helper()
		for _, text := range texts {
			var want []string
			for _, m := range all {
				if strings.Contains(strings.ToLower(m.Name), strings.ToLower(text)) {
					want = append(want, m.Name)
				}
			}
			for _, order := range []string{"id", "name", "created_at", "updated_at"} {
				b.sameNames(fmt.Sprintf("%q by %s", text, order), b.modelsWith(p, text, registry.Order{By: order, Desc: true}), want)
			}
		}
	}
	check()
	b.update(func(ctx context.Context, tx registry.Tx) error {
		all[0].Name = "Alberta"
		return tx.UpdateModel(ctx, all[0])
	})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		defer func() { all = slices.Delete(all, 1, 2) }()
		return tx.DeleteModel(ctx, all[1])
	})
	check()
	for text, want := range map[string]int{"": 2, "other": 1, "g/p": 1, "G/": 2, "g/pp": 0} {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListProjects(ctx, registry.ProjectQuery{Search: text, Viewer: registry.Viewer{Admin: true}})
			b.same([]any{err, len(l.Items), l.Total}, []any{nil, want, int64(want)})
			return nil
		})
	}
}

// modelsWith gives the names of models with a text, in pages of two.
func (b *bench) modelsWith(p registry.Project, text string, o registry.Order) (out []string) {
	b.t.Helper()
	q := registry.ModelQuery{ProjectID: p.ID, Search: text, Order: o, Page: registry.Page{Limit: 2}}
	for {
		var l registry.List[registry.Model]
		b.view(func(ctx context.Context, tx registry.Tx) (err error) {
			l, err = tx.ListModels(ctx, q)
			return err
		})
		for _, m := range l.Items {
			out = append(out, m.Name)
		}
		if l.Next == nil {
			return out
		}
		q.Page.After = l.Next
	}
}

func (b *bench) sameNames(what string, got, want []string) {
	b.t.Helper()
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		b.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// partsOfRuns: the same for runs, in a project and in one of its experiments.
func partsOfRuns(_ *testing.T, b *bench) {
	p := b.place()
	e, beside := b.experiment(p, 1, "e"), b.experiment(p, 2, "beside")
	iid := int64(0)
	for _, in := range []registry.Experiment{e, beside} {
		for _, name := range []string{"Sweep 1", "sweep 2", "other", "sw"} {
			b.update(func(ctx context.Context, tx registry.Tx) error {
				iid++
				_, err := tx.InsertRun(ctx, registry.Run{ProjectID: p.ID, ExperimentID: in.ID, EID: fmt.Sprint(iid), Name: name, CreatedAt: at, UpdatedAt: at})
				return err
			})
		}
	}
	for _, c := range []struct {
		q    registry.RunQuery
		want []int64
	}{
		{registry.RunQuery{Search: "SWEEP"}, []int64{6, 5, 2, 1}},
		{registry.RunQuery{Search: "sweep 1"}, []int64{5, 1}},
		{registry.RunQuery{Search: "sweep", ExperimentID: beside.ID}, []int64{6, 5}},
		{registry.RunQuery{Search: "sweep", ExperimentID: beside.ID, Order: registry.Order{By: "name"}}, []int64{5, 6}},
		{registry.RunQuery{Search: "swe", Order: registry.Order{By: "created_at"}}, []int64{1, 2, 5, 6}},
		{registry.RunQuery{Search: "sw", ExperimentID: e.ID}, []int64{4, 2, 1}},
		{registry.RunQuery{Search: "sweeps"}, nil},
	} {
		c.q.ProjectID = p.ID
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListRuns(ctx, c.q)
			var got []int64
			for _, r := range l.Items {
				got = append(got, r.IID)
			}
			b.same([]any{err, got}, []any{nil, c.want})
			return nil
		})
	}
}
