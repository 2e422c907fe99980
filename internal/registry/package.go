package registry

import (
	"context"
	"regexp"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// GenericPackage holds files that belong to no model: data sets and
// configurations that people keep beside models.
const GenericPackage PackageType = "generic"

// Package status words are those of files: a hidden package is left out of
// lists unless it is asked for.

// PackageQuery narrows a list of packages to those that the viewer may pull.
type PackageQuery struct {
	Page        Page
	Order       Order // created_at (default), name, version, type, id; project_path in groups
	ProjectID   int64
	NamespaceID int64 // instead of ProjectID: all projects in it
	Direct      bool  // with NamespaceID: not those in its sub-groups
	Type        PackageType
	Name        string // part of the name
	Exact       string // the whole name
	Version     string // exact
	Status      FileStatus
	Viewer      Viewer
}

// Packages lists the packages of a project.
func (s Session) Packages(ctx context.Context, ref ProjectRef, q PackageQuery) (List[Package], error) {
	return view(ctx, s, func(tx Tx) (List[Package], error) {
		p, err := s.project(ctx, tx, ref, PullPackages)
		if err != nil {
			return List[Package]{}, err
		}
		q := q
		q.ProjectID = p.ID
		l, err := tx.ListPackages(ctx, q)
		deletable := s.deletesPackages(p)
		for i := range l.Items {
			l.Items[i].Deletable = deletable
		}
		return l, err
	})
}

// deletesPackages reports whether the actor may delete packages of a project.
func (s Session) deletesPackages(p Project) bool {
	return !s.actor.Anonymous() && s.scope(rules[DeletePackages]) == nil && s.permitted(p, DeletePackages) == nil
}

// GroupPackages lists the packages of the projects of a group and below that
// the actor may pull.
func (s Session) GroupPackages(ctx context.Context, ref NamespaceRef, q PackageQuery) (List[Package], error) {
	return view(ctx, s, func(tx Tx) (List[Package], error) {
		n, _, err := s.namespace(ctx, tx, ref, NoRole)
		if err != nil {
			return List[Package]{}, err
		}
		q := q
		q.NamespaceID, q.Viewer = n.ID, s.viewer()
		l, err := tx.ListPackages(ctx, q)
		if err != nil || s.scope(rules[DeletePackages]) != nil {
			return l, err
		}
		ids := make([]int64, len(l.Items))
		for i, k := range l.Items {
			ids[i] = k.ProjectID
		}
		deletes, err := tx.DeletesPackages(ctx, q.Viewer, ids)
		for i := range l.Items {
			l.Items[i].Deletable = deletes[l.Items[i].ProjectID]
		}
		return l, err
	})
}

// PackageDetail is a package with the others of its name.
type PackageDetail struct {
	Package
	Others []Package // by version, MaxLimit at most
}

// Package gives one package of a project.
func (s Session) Package(ctx context.Context, ref ProjectRef, id int64) (PackageDetail, error) {
	return view(ctx, s, func(tx Tx) (PackageDetail, error) {
		var d PackageDetail
		p, err := s.project(ctx, tx, ref, PullPackages)
		if err != nil {
			return d, err
		}
		if d.Package, err = tx.PackageOf(ctx, p.ID, PackageRef{PackageID: id}); err != nil {
			return d, err
		}
		d.ProjectPath, d.Deletable = p.FullPath, s.deletesPackages(p)
		l, err := tx.ListPackages(ctx, PackageQuery{ProjectID: p.ID, Type: d.Type, Exact: d.Name, Order: Order{By: "version"}, Page: Page{Limit: MaxLimit, NoTotal: true}})
		for _, other := range l.Items {
			if other.ID == id {
				d.VersionID, d.ModelID, d.RunIID = other.VersionID, other.ModelID, other.RunIID
				continue
			}
			d.Others = append(d.Others, other)
		}
		return d, err
	})
}

// pkg passes the gate and finds a package.
func (s Session) pkg(ctx context.Context, tx Tx, ref ProjectRef, id int64, p Permission) (Package, error) {
	pr, err := s.project(ctx, tx, ref, p)
	if err != nil {
		return Package{}, err
	}
	return tx.PackageOf(ctx, pr.ID, PackageRef{PackageID: id})
}

// DeletePackage removes a package with its files. A version or run whose
// package it was stays, without files; as in GitLab this takes a maintainer.
func (s Session) DeletePackage(ctx context.Context, ref ProjectRef, id int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		k, err := s.pkg(ctx, tx, ref, id, DeletePackages)
		if err != nil {
			return err
		}
		fresh := k
		fresh.CreatedAt, fresh.CreatorID = s.now(), s.actor.UserID
		if err := tx.DeletePackage(ctx, k, fresh); err != nil {
			return err
		}
		return s.noteFiles(ctx, tx, k, "")
	})
}

// PackageFiles lists the files of a package, hidden ones too.
func (s Session) PackageFiles(ctx context.Context, ref ProjectRef, id int64, q FileQuery) (List[File], error) {
	return view(ctx, s, func(tx Tx) (List[File], error) {
		k, err := s.pkg(ctx, tx, ref, id, PullPackages)
		if err != nil {
			return List[File]{}, err
		}
		q := q
		q.PackageID, q.Hidden = k.ID, true
		return tx.ListFiles(ctx, q)
	})
}

// DeletePackageFile removes one file of a package by its id.
func (s Session) DeletePackageFile(ctx context.Context, ref ProjectRef, id, fileID int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		k, err := s.pkg(ctx, tx, ref, id, DeletePackages)
		if err != nil {
			return err
		}
		f, err := tx.FileByID(ctx, k.ID, fileID)
		if err != nil {
			return err
		}
		return s.dropFile(ctx, tx, k.ProjectID, f)
	})
}

// The rules of generic packages' names and versions, as GitLab has them.
const (
	GenericNameForm    = `^[A-Za-z0-9._+~@\-]+$`
	GenericVersionForm = `^[A-Za-z0-9._+\-]+$`
)

var (
	genericName    = regexp.MustCompile(GenericNameForm)
	genericVersion = regexp.MustCompile(GenericVersionForm)
)

// ParseGenericRef names a generic package; it is made with its first file.
func ParseGenericRef(name, version string) (PackageRef, error) {
	for field, v := range map[string]string{"package_name": name, "package_version": version} {
		form := genericName
		if field == "package_version" {
			form = genericVersion
		}
		if len(v) > maxName || !form.MatchString(v) || v == "." || v == ".." {
			return PackageRef{}, &fault.Error{Kind: fault.Invalid, Noun: "path", Field: field, Msg: "is invalid"}
		}
	}
	return PackageRef{Generic: name, Version: version}, nil
}
