package graphql

import (
	"context"
	"math"
	"net/url"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// runLevel are runs that one question gave.
type runLevel struct {
	level
	ofVersions bool // read by the right to read versions
	ids        []int64
	byID       map[int64]*runNode
}

type runNode struct {
	set   *runLevel
	rowID int64

	ID        gid
	CiJob     *ciJobNode
	CreatedAt stamp
	Creator   *userNode
	Eid       string
	Iid       number
	Links     runLinks
	Name      *string
	Status    *string
}

type runLinks struct{ ArtifactPath, ShowPath *string }

// runs makes the nodes of runs of one project.
func (v *visit) runs(ref registry.ProjectRef, rows map[int64]registry.Run, ofVersions bool) *runLevel {
	l := &runLevel{level: level{v: v, ref: ref}, ofVersions: ofVersions, ids: keys(rows), byID: make(map[int64]*runNode, len(rows))}
	for _, id := range l.ids {
		r := rows[id]
		n := &runNode{set: l, rowID: id, ID: globalID(gidCandidate, id), CreatedAt: stamp(r.CreatedAt), Creator: v.user(r.Author), Eid: r.EID,
			Iid: number(r.IID), Name: text(r.Name), Status: some(string(r.Status)), Links: runLinks{ShowPath: some(page(r.ProjectPath, "candidates/", r.IID))}}
		if r.PackageID != 0 {
			n.Links.ArtifactPath = some("/" + r.ProjectPath + "/-/packages/" + itoa(r.PackageID))
		}
		l.byID[id] = n
	}
	return l
}

// ciJobNode and what is below it are there so that documents written for GitLab
// are valid; there are none.
type (
	ciJobNode struct {
		ID       *gid
		Name     *string
		Pipeline *pipelineNode
		WebPath  *string
	}
	pipelineNode struct {
		ID           gid
		MergeRequest *mergeRequestNode
		User         *userNode
	}
	mergeRequestNode struct {
		ID         gid
		Iid, Title string
		WebURL     *string
	}
)

type paramNode struct {
	ID    gid
	Name  *string
	Value string
}

type metricNode struct {
	ID    gid
	Name  *string
	Step  number
	Value *float64
}

// logged reads one sort of what runs have logged, for all runs of the level.
func logged[T any](ctx context.Context, n *runNode, p paging, sort string,
	read func(context.Context, registry.ProjectRef, registry.Nest) (map[int64]registry.List[T], error)) (registry.List[T], error) {
	lists, err := ask(&n.set.level, question{what: sort, page: p.key()}, func() (map[int64]registry.List[T], error) {
		nest := p.nest(n.set.v, n.set.ids, registry.Order{By: "name"})
		nest.OfVersions = n.set.ofVersions
		lists, err := read(ctx, n.set.ref, nest)
		return paid(n.set.v, lists, err)
	})
	return lists[n.rowID], err
}

// Params lists the run's parameters.
func (n *runNode) Params(ctx context.Context, args pageArgs) (*connection[paramNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	l, err := logged(ctx, n, p, "params", n.set.v.s.ParamsOf)
	return connect(l, p, func(x *registry.Param) *paramNode {
		return &paramNode{n.loggedID("Ml::CandidateParam", x.Key), text(x.Key), x.Value}
	}), err
}

// Metadata lists the run's metadata.
func (n *runNode) Metadata(ctx context.Context, args pageArgs) (*connection[paramNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	l, err := logged(ctx, n, p, "metadata", n.set.v.s.RunTagsOf)
	return connect(l, p, func(x *registry.Tag) *paramNode {
		return &paramNode{n.loggedID("Ml::CandidateMetadata", x.Key), text(x.Key), x.Value}
	}), err
}

// Metrics lists the points of the run's metrics.
func (n *runNode) Metrics(ctx context.Context, args pageArgs) (*connection[metricNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	l, err := logged(ctx, n, p, "metrics", n.set.v.s.PointsOf)
	at := 0
	return connect(l, p, func(x *registry.Metric) *metricNode {
		c := l.Cursors[at]
		at++
		m := &metricNode{ID: n.loggedID("Ml::CandidateMetric", c.Key+" "+itoa(c.ID)), Name: text(x.Key), Step: number(x.Step)}
		if !math.IsNaN(x.Value) && !math.IsInf(x.Value, 0) {
			m.Value = &x.Value
		}
		return m
	}), err
}

// loggedID makes a global id of something that has no row number of its own:
// of the run and its name.
func (n *runNode) loggedID(sort, name string) gid {
	return gid(gidApp + sort + "/" + itoa(n.rowID) + "-" + url.PathEscape(name))
}
