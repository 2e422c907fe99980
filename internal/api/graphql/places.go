package graphql

import (
	"context"
	"strings"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type userNode struct {
	ID        gid
	AvatarURL *string
	Name      string
	State     string
	Username  string
	WebPath   string
	WebURL    string
}

type currentUserNode struct {
	userNode
	CreatedAt   *stamp
	PublicEmail *string
}

// user gives the node of an account; nil for one that is gone.
func (v *visit) user(u registry.UserRef) *userNode {
	if u.ID == 0 || u.Username == "" {
		return nil
	}
	state := "active"
	if u.Blocked {
		state = "blocked"
	}
	return &userNode{ID: globalID(gidUser, u.ID), Name: u.Name, State: state, Username: u.Username,
		WebPath: "/" + u.Username, WebURL: v.absolute("/", u.Username)}
}

type groupNode struct {
	v   *visit
	ref registry.NamespaceRef

	ID          gid
	Description *string
	FullName    string
	FullPath    gql.ID
	Name        string
	Path        string
	Visibility  *string
	WebURL      string
}

func (v *visit) group(n registry.Namespace) *groupNode {
	return &groupNode{v: v, ref: registry.NamespaceRef{ID: n.ID, Kind: registry.GroupNamespace}, ID: globalID(gidGroup, n.ID),
		Description: text(n.Description), FullName: n.FullName, FullPath: gql.ID(n.FullPath), Name: n.Name, Path: n.Path,
		Visibility: some(string(n.Visibility)), WebURL: v.absolute("/groups/", n.FullPath)}
}

type groupProjectsArgs struct {
	pageArgs
	IncludeSubgroups *bool
	Search           *string
}

// Projects lists the projects of the group that the caller may see.
func (n *groupNode) Projects(ctx context.Context, args groupProjectsArgs) (*connection[projectNode], error) {
	return n.v.projects(ctx, args.pageArgs, args.Search, func(q registry.ProjectQuery) (registry.List[registry.Project], error) {
		q.Subgroups = args.IncludeSubgroups != nil && *args.IncludeSubgroups
		return n.v.s.GroupProjects(ctx, n.ref, q)
	})
}

type projectNode struct {
	v   *visit
	row registry.Project

	ID                gql.ID
	Archived          *bool
	CreatedAt         *stamp
	Description       *string
	FullPath          gql.ID
	LastActivityAt    *stamp
	Name              string
	NameWithNamespace string
	Path              string
	Visibility        *string
	WebURL            *string
}

func (v *visit) project(p registry.Project) *projectNode {
	return &projectNode{v: v, row: p, ID: gql.ID(globalID(gidProject, p.ID)), Archived: &p.Archived, CreatedAt: optional(p.CreatedAt),
		Description: text(p.Description), FullPath: gql.ID(p.FullPath), LastActivityAt: optional(p.ActiveAt), Name: p.Name,
		NameWithNamespace: p.Namespace.Name + " / " + p.Name, Path: p.Path, Visibility: some(string(p.Visibility)),
		WebURL: some(v.absolute("/", p.FullPath))}
}

func (n *projectNode) ref() registry.ProjectRef { return registry.ProjectRef{ID: n.row.ID} }

type listArgs struct {
	pageArgs
	sorting
	Name *string
}

func (a listArgs) search() string {
	if a.Name == nil {
		return ""
	}
	return strings.TrimSpace(*a.Name)
}

// MlModels lists the models of the project.
func (n *projectNode) MlModels(ctx context.Context, args listArgs) (*connection[modelNode], error) {
	if err := n.v.once("mlModels", "Project"); err != nil {
		return nil, err
	}
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	l, err := n.v.s.Models(ctx, n.ref(), registry.ModelQuery{Page: p.page, Order: p.order(args.order("created_at")), Search: args.search(), Bare: true})
	if err == nil {
		err = n.v.spend(len(l.Items))
	}
	set := n.v.models(l.Items)
	return seen(connect(l, p, func(m *registry.Model) *modelNode { return set.byID[m.ID] }), err)
}

// MlExperiments lists the experiments of the project, those of models too.
func (n *projectNode) MlExperiments(ctx context.Context, args listArgs) (*connection[experimentNode], error) {
	if err := n.v.once("mlExperiments", "Project"); err != nil {
		return nil, err
	}
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	l, err := n.v.s.Experiments(ctx, n.ref(), registry.ExperimentQuery{Page: p.page, Order: p.order(args.order("created_at")), Search: args.search(), Bare: true})
	if err == nil {
		err = n.v.spend(len(l.Items))
	}
	set := n.v.experiments(l.Items)
	return seen(connect(l, p, func(e *registry.Experiment) *experimentNode { return set.byID[e.ID] }), err)
}
