package graphql

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// experimentLevel are experiments that one question gave.
type experimentLevel struct {
	level
	nodes []*experimentNode
	byID  map[int64]*experimentNode
}

type experimentNode struct {
	set *experimentLevel
	row registry.Experiment

	ID             gid
	CandidateCount number
	CreatedAt      stamp
	Creator        *userNode
	ModelID        *gid
	Name           string
	Path           string
	UpdatedAt      stamp
}

// experiments makes the nodes of experiments of one project.
func (v *visit) experiments(rows []registry.Experiment) *experimentLevel {
	set := &experimentLevel{level: level{v: v}, byID: make(map[int64]*experimentNode, len(rows))}
	for _, e := range rows {
		set.ref = registry.ProjectRef{ID: e.ProjectID}
		n := &experimentNode{set: set, row: e, ID: globalID(gidExperiment, e.ID), CandidateCount: number(e.RunCount), CreatedAt: stamp(e.CreatedAt),
			Creator: v.user(e.Author), Name: e.Name, Path: page(e.ProjectPath, "experiments/", e.IID), UpdatedAt: stamp(e.UpdatedAt)}
		if e.ModelID != 0 {
			n.ModelID = some(globalID(gidModel, e.ModelID))
		}
		set.nodes, set.byID[e.ID] = append(set.nodes, n), n
	}
	return set
}

// Candidates lists all runs of the experiment.
func (n *experimentNode) Candidates(ctx context.Context, args pageArgs) (*connection[runNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	v := n.set.v
	lists, err := ask(&n.set.level, question{what: "candidates", page: p.key()}, func() (nodes[registry.Run, runLevel], error) {
		ids := make([]int64, len(n.set.nodes))
		for i, e := range n.set.nodes {
			ids[i] = e.row.ID
		}
		nest := p.nest(v, ids, registry.Order{By: "id", Desc: true})
		nest.Page.NoTotal = true // an experiment knows it
		lists, err := v.s.RunsOf(ctx, n.set.ref, nest)
		return gather(v, lists, err, func(all map[int64]registry.Run) *runLevel { return v.runs(n.set.ref, all, false) },
			func(r registry.Run) int64 { return r.ID })
	})
	if err != nil {
		return seen[connection[runNode]](nil, err)
	}
	l := lists.of[n.row.ID]
	l.Total = n.row.RunCount
	return connect(l, p, func(r *registry.Run) *runNode { return lists.level.byID[r.ID] }), nil
}
