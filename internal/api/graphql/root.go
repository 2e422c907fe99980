package graphql

import (
	"context"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// root resolves what queries and mutations begin with.
type root struct{}

type metadataNode struct {
	Enterprise        bool
	Revision, Version string
}

// Metadata tells what serves the API, to those who have signed in.
func (*root) Metadata(ctx context.Context) *metadataNode {
	v := visiting(ctx)
	if v.s.Actor().Anonymous() {
		return nil
	}
	return &metadataNode{Revision: v.d.Revision, Version: v.d.Version}
}

type complexityNode struct{ Limit, Score *number }

// QueryComplexity tells what the query costs.
func (*root) QueryComplexity(ctx context.Context) *complexityNode {
	v := visiting(ctx)
	return &complexityNode{some(number(v.limit)), some(number(v.score))}
}

// CurrentUser gives the caller's account; null for nobody.
func (*root) CurrentUser(ctx context.Context) (*currentUserNode, error) {
	v := visiting(ctx)
	u, err := v.s.CurrentUser(ctx)
	if err != nil {
		return seen[currentUserNode](nil, err)
	}
	n := v.user(registry.UserRef{ID: u.ID, Username: u.Username, Name: u.Name, Blocked: u.Blocked})
	return &currentUserNode{userNode: *n, CreatedAt: optional(u.CreatedAt), PublicEmail: text(u.Email)}, nil
}

// Project gives a project by its full path.
func (*root) Project(ctx context.Context, args struct{ FullPath gql.ID }) (*projectNode, error) {
	v := visiting(ctx)
	perm := registry.ReadProject
	if a := v.s.Actor(); !a.Anonymous() && !a.Can(auth.ScopeAPI|auth.ScopeReadAPI) {
		perm = registry.ReadModels // a token for the registry alone
	}
	p, err := v.s.ProjectFor(ctx, registry.ProjectRef{Path: string(args.FullPath)}, perm)
	return seen(v.project(p), err)
}

type projectsArgs struct {
	pageArgs
	Membership *bool
	Search     *string
}

// Projects lists the projects that the caller may see.
func (*root) Projects(ctx context.Context, args projectsArgs) (*connection[projectNode], error) {
	v := visiting(ctx)
	return v.projects(ctx, args.pageArgs, args.Search, func(q registry.ProjectQuery) (registry.List[registry.Project], error) {
		q.Membership = args.Membership != nil && *args.Membership
		return v.s.Projects(ctx, q)
	})
}

// projects reads a list of projects, the latest first.
func (v *visit) projects(ctx context.Context, a pageArgs, search *string,
	read func(registry.ProjectQuery) (registry.List[registry.Project], error)) (*connection[projectNode], error) {
	p, err := a.paging(ctx)
	if err != nil {
		return nil, err
	}
	q := registry.ProjectQuery{Page: p.page, Order: p.order(registry.Order{By: "id", Desc: true})}
	if search != nil {
		q.Search = *search
	}
	l, err := read(q)
	if err == nil {
		err = v.spend(len(l.Items))
	}
	return seen(connect(l, p, func(p *registry.Project) *projectNode { return v.project(*p) }), err)
}

// Group gives a group by its full path.
func (*root) Group(ctx context.Context, args struct{ FullPath gql.ID }) (*groupNode, error) {
	v := visiting(ctx)
	g, err := v.s.Group(ctx, registry.NamespaceRef{Path: string(args.FullPath), Kind: registry.GroupNamespace})
	return seen(v.group(g), err)
}

// MlModel gives a model by its id.
func (*root) MlModel(ctx context.Context, args struct{ ID gid }) (*modelNode, error) {
	v := visiting(ctx)
	if err := v.once("mlModel", "Query"); err != nil {
		return nil, err
	}
	id, err := args.ID.number(gidModel, "model")
	if err != nil {
		return seen[modelNode](nil, err)
	}
	l, err := v.s.Models(ctx, registry.ProjectRef{ModelID: id},
		registry.ModelQuery{ID: id, Bare: true, Page: registry.Page{NoTotal: true}})
	if err != nil || len(l.Items) == 0 {
		return seen[modelNode](nil, err)
	}
	return v.models(l.Items).nodes[0], nil
}

// MlExperiment gives an experiment by its id.
func (*root) MlExperiment(ctx context.Context, args struct{ ID gid }) (*experimentNode, error) {
	v := visiting(ctx)
	if err := v.once("mlExperiment", "Query"); err != nil {
		return nil, err
	}
	id, err := args.ID.number(gidExperiment, "experiment")
	if err != nil {
		return seen[experimentNode](nil, err)
	}
	l, err := v.s.Experiments(ctx, registry.ProjectRef{ExperimentID: id},
		registry.ExperimentQuery{ID: id, Bare: true, Page: registry.Page{NoTotal: true}})
	if err != nil || len(l.Items) == 0 {
		return seen[experimentNode](nil, err)
	}
	return v.experiments(l.Items).nodes[0], nil
}

// Package gives a package by its id.
func (*root) Package(ctx context.Context, args struct{ ID gid }) (*packageNode, error) {
	v := visiting(ctx)
	if err := v.once("package", "Query"); err != nil {
		return nil, err
	}
	id, err := args.ID.number(gidPackage, "package")
	if err != nil {
		return seen[packageNode](nil, err)
	}
	found, err := v.s.PackagesByID(ctx, registry.ProjectRef{PackageID: id}, []int64{id})
	if err != nil {
		return seen[packageNode](nil, err)
	}
	return v.packages(found).nodes[id], nil
}
