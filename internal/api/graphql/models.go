package graphql

import (
	"context"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// modelLevel are the models that one question gave.
type modelLevel struct {
	level
	nodes  []*modelNode
	byID   map[int64]*modelNode
	latest *versionLevel
}

type modelNode struct {
	set *modelLevel
	row registry.Model

	ID                    gid
	Author                *userNode
	CandidateCount        *number
	CreatedAt             stamp
	DefaultExperimentPath *string
	Description           *string
	Links                 modelLinks
	Name                  string
	VersionCount          *number
}

type modelLinks struct{ ShowPath *string }

// models makes the nodes of models of one project.
func (v *visit) models(rows []registry.Model) *modelLevel {
	set := &modelLevel{level: level{v: v}, byID: make(map[int64]*modelNode, len(rows))}
	for _, m := range rows {
		set.ref = registry.ProjectRef{ID: m.ProjectID}
		n := &modelNode{set: set, row: m, ID: globalID(gidModel, m.ID), Author: v.user(m.Author), CandidateCount: some(number(m.CandidateCount)),
			CreatedAt: stamp(m.CreatedAt), DefaultExperimentPath: some(page(m.ProjectPath, "experiments/", m.ExperimentIID)),
			Description: text(m.Description), Name: m.Name, VersionCount: some(number(m.VersionCount)),
			Links: modelLinks{some(page(m.ProjectPath, "models/", m.ID))}}
		set.nodes, set.byID[m.ID] = append(set.nodes, n), n
	}
	return set
}

// DescriptionHTML is the model's card as HTML.
func (n *modelNode) DescriptionHTML() (*string, error) { return n.set.v.html(n.row.Description) }

// page gives the path of a page of the registry.
func page(project, kind string, id int64) string { return "/" + project + "/-/ml/" + kind + itoa(id) }

// ids are those of all models of the level.
func (l *modelLevel) ids() []int64 {
	out := make([]int64, len(l.nodes))
	for i, n := range l.nodes {
		out[i] = n.row.ID
	}
	return out
}

// LatestVersion gives the version that "latest" means. What a model knows of it
// needs no look-up. It cannot fail: a resolver that can, or takes anything, is
// run in a goroutine of its own, and all its neighbours too.
func (n *modelNode) LatestVersion() *versionNode {
	if n.set.latest == nil {
		n.set.latest = &versionLevel{level: level{v: n.set.v, ref: n.set.ref}, byID: map[int64]*versionNode{}}
		for _, m := range n.set.nodes {
			if m.row.LatestID != 0 {
				n.set.latest.add(m.row.LatestID, m.row.LatestVersion, m.row.ID, m.row.ProjectPath)
			}
		}
	}
	return n.set.latest.byID[n.row.LatestID]
}

// Version gives one of the model's versions.
func (n *modelNode) Version(ctx context.Context, args struct{ ModelVersionID *gid }) (*versionNode, error) {
	if args.ModelVersionID == nil {
		return nil, nil
	}
	id, err := args.ModelVersionID.number(gidVersion, "version")
	if err != nil {
		return seen[versionNode](nil, err)
	}
	one, err := ask(&n.set.level, question{what: "version", filter: string(*args.ModelVersionID)}, func() (*versionLevel, error) {
		rows, err := n.set.v.s.VersionsByID(ctx, n.set.ref, []int64{id})
		return n.set.v.versions(n.set.ref, rows), err
	})
	if err != nil || one.byID[id] == nil || one.rows[id].ModelID != n.row.ID {
		return seen[versionNode](nil, err)
	}
	return one.byID[id], nil
}

type versionsArgs struct {
	pageArgs
	sorting
	Version *string
}

// Versions lists the model's versions.
func (n *modelNode) Versions(ctx context.Context, args versionsArgs) (*connection[versionNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	v, q, o := n.set.v, registry.VersionQuery{Prefix: value(args.Version)}, args.order("id")
	known := q.Prefix == "" // the model knows how many there are
	lists, err := ask(&n.set.level, question{"versions", p.key(), o, q.Prefix}, func() (nodes[registry.Version, versionLevel], error) {
		nest := p.nest(v, n.set.ids(), o)
		nest.Page.NoTotal = nest.Page.NoTotal || known
		lists, err := v.s.VersionsOf(ctx, n.set.ref, nest, q)
		return gather(v, lists, err, func(all map[int64]registry.Version) *versionLevel { return v.versions(n.set.ref, all) },
			func(r registry.Version) int64 { return r.ID })
	})
	if err != nil {
		return seen[connection[versionNode]](nil, err)
	}
	l := lists.of[n.row.ID]
	if known {
		l.Total = n.row.VersionCount
	}
	return connect(l, p, func(r *registry.Version) *versionNode { return lists.level.byID[r.ID] }), nil
}

// Candidates lists the model's runs that are not versions.
func (n *modelNode) Candidates(ctx context.Context, args pageArgs) (*connection[runNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	v := n.set.v
	lists, err := ask(&n.set.level, question{what: "candidates", page: p.key()}, func() (nodes[registry.Run, runLevel], error) {
		nest := p.nest(v, n.set.ids(), registry.Order{By: "id", Desc: true})
		nest.Page.NoTotal = true // a model knows it
		lists, err := v.s.CandidatesOf(ctx, n.set.ref, nest)
		return gather(v, lists, err, func(all map[int64]registry.Run) *runLevel { return v.runs(n.set.ref, all, false) },
			func(r registry.Run) int64 { return r.ID })
	})
	if err != nil {
		return seen[connection[runNode]](nil, err)
	}
	l := lists.of[n.row.ID]
	l.Total = n.row.CandidateCount
	return connect(l, p, func(r *registry.Run) *runNode { return lists.level.byID[r.ID] }), nil
}

// nodes are the lists of several owners, and the level that all their nodes
// make together.
type nodes[T, L any] struct {
	of    map[int64]registry.List[T]
	level *L
}

// gather makes one level of all items of the lists that several owners have.
func gather[T, L any](v *visit, lists map[int64]registry.List[T], err error,
	level func(map[int64]T) *L, id func(T) int64) (nodes[T, L], error) {
	if err != nil {
		return nodes[T, L]{}, err
	}
	all := map[int64]T{}
	for _, l := range lists {
		for _, item := range l.Items {
			all[id(item)] = item
		}
	}
	return nodes[T, L]{lists, level(all)}, v.spend(len(all))
}

// keys gives the ids of rows, in order.
func keys[T any](rows map[int64]T) []int64 {
	out := make([]int64, 0, len(rows))
	for id := range rows {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
