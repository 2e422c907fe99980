package graphql

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// versionLevel are versions that one question gave. Those that a list of models
// knows the names of are looked up when more is asked of one of them.
type versionLevel struct {
	level
	nodes []*versionNode
	byID  map[int64]*versionNode
	rows  map[int64]registry.Version // nil: not looked up yet
}

type versionNode struct {
	set   *versionLevel
	rowID int64

	ID      gid
	Links   versionLinks
	Version string
}

type versionLinks struct {
	of *versionNode

	ShowPath *string
}

// add puts a version into the level by what a list of models knows of it.
func (l *versionLevel) add(id int64, semver string, modelID int64, project string) {
	n := &versionNode{set: l, rowID: id, ID: globalID(gidVersion, id), Version: semver}
	n.Links = versionLinks{of: n, ShowPath: some(page(project, "models/", modelID) + "/versions/" + itoa(id))}
	l.nodes, l.byID[id] = append(l.nodes, n), n
}

// versions makes the nodes of versions of one project.
func (v *visit) versions(ref registry.ProjectRef, rows map[int64]registry.Version) *versionLevel {
	l := &versionLevel{level: level{v: v, ref: ref}, byID: make(map[int64]*versionNode, len(rows)), rows: rows}
	for _, id := range keys(rows) {
		r := rows[id]
		l.add(id, r.Semver, r.ModelID, r.ProjectPath)
	}
	return l
}

// full gives the whole row of the version.
func (n *versionNode) full(ctx context.Context) (registry.Version, error) {
	if n.set.rows == nil {
		ids := make([]int64, len(n.set.nodes))
		for i, o := range n.set.nodes {
			ids[i] = o.rowID
		}
		rows, err := n.set.v.s.VersionsByID(ctx, n.set.ref, ids)
		if err == nil {
			err = n.set.v.spend(len(rows))
		}
		if err != nil {
			return registry.Version{}, err
		}
		n.set.rows = rows
	}
	return n.set.rows[n.rowID], nil
}

// ArtifactsCount tells how many files the version has.
func (n *versionNode) ArtifactsCount(ctx context.Context) (*number, error) {
	r, err := n.full(ctx)
	return some(number(r.FileCount)), err
}

// Author is who made the version.
func (n *versionNode) Author(ctx context.Context) (*userNode, error) {
	r, err := n.full(ctx)
	return n.set.v.user(r.Author), err
}

// CreatedAt is when the version was made.
func (n *versionNode) CreatedAt(ctx context.Context) (stamp, error) {
	r, err := n.full(ctx)
	return stamp(r.CreatedAt), err
}

// Description is the version's card.
func (n *versionNode) Description(ctx context.Context) (*string, error) {
	r, err := n.full(ctx)
	return text(r.Description), err
}

// DescriptionHTML is the version's card as HTML.
func (n *versionNode) DescriptionHTML(ctx context.Context) (*string, error) {
	r, err := n.full(ctx)
	if err != nil {
		return nil, err
	}
	return n.set.v.html(r.Description)
}

// PackageID names the package of the version.
func (n *versionNode) PackageID(ctx context.Context) (gid, error) {
	r, err := n.full(ctx)
	return globalID(gidPackage, r.PackageID), err
}

// Package gives the package of the version, to those who may pull.
func (n *versionNode) Package(ctx context.Context) (*packageNode, error) {
	r, err := n.full(ctx)
	if err != nil {
		return nil, err
	}
	ks, err := ask(&n.set.level, question{what: "package"}, func() (*packageLevel, error) {
		ids := make([]int64, 0, len(n.set.rows))
		for _, id := range keys(n.set.rows) {
			ids = append(ids, n.set.rows[id].PackageID)
		}
		found, err := n.set.v.s.PackagesByID(ctx, n.set.ref, ids)
		if err == nil {
			err = n.set.v.spend(len(found))
		}
		return n.set.v.packages(found), err
	})
	if err != nil {
		return seen[packageNode](nil, err)
	}
	return ks.nodes[r.PackageID], nil
}

// Candidate gives the run that belongs to the version.
func (n *versionNode) Candidate(ctx context.Context) (*runNode, error) {
	r, err := n.full(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := ask(&n.set.level, question{what: "candidate"}, func() (*runLevel, error) {
		ids := make([]int64, 0, len(n.set.rows))
		for _, id := range keys(n.set.rows) {
			ids = append(ids, n.set.rows[id].RunID)
		}
		found, err := n.set.v.s.VersionRuns(ctx, n.set.ref, ids)
		if err == nil {
			err = n.set.v.spend(len(found))
		}
		return n.set.v.runs(n.set.ref, found, true), err
	})
	if err != nil {
		return nil, err
	}
	return runs.byID[r.RunID], nil
}

// PackagePath is the page of the version's package.
func (l versionLinks) PackagePath(ctx context.Context) (*string, error) {
	r, err := l.of.full(ctx)
	return some("/" + r.ProjectPath + "/-/packages/" + itoa(r.PackageID)), err
}

// ImportPath is where the version's files are written and read.
func (l versionLinks) ImportPath() *string {
	return some("/api/v4/projects/" + itoa(l.of.set.ref.ID) + "/packages/ml_models/" + itoa(l.of.rowID) + "/files/")
}
