package graphql

import (
	"context"
	"net/url"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// packageLevel are packages that one question gave.
type packageLevel struct {
	level
	nodes map[int64]*packageNode
}

type packageNode struct {
	set *packageLevel
	row registry.Package

	ID          gid
	CreatedAt   stamp
	Name        string
	PackageType string
	Status      string
	UpdatedAt   stamp
	Version     *string
}

// packages makes the nodes of packages of one project.
func (v *visit) packages(rows map[int64]registry.Package) *packageLevel {
	l := &packageLevel{level: level{v: v}, nodes: make(map[int64]*packageNode, len(rows))}
	for id, k := range rows {
		l.ref = registry.ProjectRef{ID: k.ProjectID}
		l.nodes[id] = &packageNode{set: l, row: k, ID: globalID(gidPackage, id), CreatedAt: stamp(k.CreatedAt), Name: k.Name,
			PackageType: strings.ToUpper(string(k.Type)), Status: strings.ToUpper(string(k.Status)), UpdatedAt: stamp(k.CreatedAt), Version: text(k.Version)}
	}
	return l
}

type fileNode struct {
	ID           gid
	CreatedAt    stamp
	DownloadPath string
	FileMd5      *string
	FileName     string
	FileSha1     *string
	FileSha256   *string
	Size         string
	UpdatedAt    stamp
}

// PackageFiles lists the files of the package.
func (n *packageNode) PackageFiles(ctx context.Context, args pageArgs) (*connection[fileNode], error) {
	p, err := args.paging(ctx)
	if err != nil {
		return nil, err
	}
	lists, err := ask(&n.set.level, question{what: "files", page: p.key()}, func() (map[int64]registry.List[registry.File], error) {
		lists, err := n.set.v.s.FilesOf(ctx, n.set.ref, p.nest(n.set.v, keys(n.set.nodes), registry.Order{By: "path"}))
		return paid(n.set.v, lists, err)
	})
	if err != nil {
		return seen[connection[fileNode]](nil, err)
	}
	return connect(lists[n.row.ID], p, n.file), nil
}

func (n *packageNode) file(f *registry.File) *fileNode {
	return &fileNode{ID: globalID(gidFile, f.ID), CreatedAt: stamp(f.CreatedAt), DownloadPath: n.filesPath() + escapePath(f.Path),
		FileName: uriEncode(f.Path), FileSha256: some(f.Digest.Hex()), Size: itoa(f.Size), UpdatedAt: stamp(f.UpdatedAt)}
}

// filesPath is where the package's files are read.
func (n *packageNode) filesPath() string {
	project := "/api/v4/projects/" + itoa(n.row.ProjectID) + "/packages/"
	switch {
	case n.row.VersionID != 0:
		return project + "ml_models/" + itoa(n.row.VersionID) + "/files/"
	case n.row.RunIID != 0:
		return project + "ml_models/candidate:" + itoa(n.row.RunIID) + "/files/"
	}
	return project + "generic/" + url.PathEscape(n.row.Name) + "/" + url.PathEscape(n.row.Version) + "/"
}

// uriEncode writes a path as GitLab stores it: slash %2F, blank %20, plus %2B.
func uriEncode(p string) string { return strings.ReplaceAll(url.QueryEscape(p), "+", "%20") }

// escapePath writes a path for an address, with its slashes.
func escapePath(p string) string { return strings.ReplaceAll(uriEncode(p), "%2F", "/") }
