package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	replaceOfVersion = stmt(`UPDATE versions SET package_id = $1 WHERE package_id = $2`)
	replaceOfRun     = stmt(`UPDATE runs SET package_id = $1 WHERE package_id = $2`)
	packageInUse     = stmt(`SELECT 1 FROM runs WHERE package_id = $1`)
)

func (t *tx) DeletePackage(ctx context.Context, k, fresh registry.Package) error {
	var used int
	err := t.row(ctx, packageInUse, []any{k.ID}, &used)
	if ignoreNone(err) != nil {
		return err
	}
	if err == nil {
		id, err := t.InsertPackage(ctx, fresh)
		if err != nil {
			return err
		}
		for _, q := range []query{replaceOfVersion, replaceOfRun} {
			if _, err := t.exec(ctx, q, id, k.ID); err != nil {
				return err
			}
		}
	}
	n, err := t.exec(ctx, deletePackage, k.ID)
	return hit(n, err, "package", k.ID)
}

// pulls is the condition that the viewer may pull the packages of project p;
// it says in SQL what the permission table says of PullPackages.
func (l *listing) pulls(v registry.Viewer) {
	if v.Admin {
		return
	}
	if v.UserID == 0 {
		l.and("(p.visibility = ? AND p.packages_level = ? OR p.packages_level = ?)", registry.Public, registry.Enabled, registry.Everyone)
		return
	}
	args := append([]any{registry.Public, registry.Enabled, registry.Everyone}, memberArgs(v, registry.Reporter)...)
	l.and("(p.visibility = ? AND p.packages_level = ? OR p.packages_level = ? OR "+member+")", args...)
	l.and("p.packages_level <> ?", registry.Disabled)
}

// DeletesPackages says in SQL what the permission table says of DeletePackages.
func (t *tx) DeletesPackages(ctx context.Context, v registry.Viewer, projectIDs []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(projectIDs) == 0 || v.UserID == 0 {
		return out, nil
	}
	l := &listing{}
	l.and("p.id IN ("+strings.TrimSuffix(strings.Repeat("?, ", len(projectIDs)), ", ")+")", anys(projectIDs)...)
	l.and("p.archived = ?", false)
	if !v.Admin {
		l.and("p.packages_level <> ?", registry.Disabled)
		l.and(member, memberArgs(v, registry.Maintainer)...)
	}
	err := t.rows(ctx, "SELECT p.id FROM projects p"+l.condition(), l.args, func(s scanner) error {
		var id int64
		err := s.Scan(&id)
		out[id] = true
		return err
	})
	return out, err
}

// maxParams is how many parameters of one statement are put together at once.
const maxParams = 500

func (t *tx) DownloadedFrom(ctx context.Context, files map[int64]int64, at time.Time) error {
	byCount := map[int64][]int64{}
	for id, n := range files {
		byCount[n] = append(byCount[n], id)
	}
	for n, ids := range byCount {
		if err := t.countDownloads(ctx, n, ids); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(files)), maxParams) {
		text := "UPDATE packages SET last_downloaded_at = $1 WHERE last_downloaded_at < $1 AND id IN (" + placeholders(2, len(chunk)) + ")"
		if _, err := t.exec(ctx, query(text), append([]any{micros(at)}, anys(chunk)...)...); err != nil {
			return err
		}
	}
	return nil
}

// countDownloads adds so many downloads of each of some packages to the models
// whose versions they are of.
func (t *tx) countDownloads(ctx context.Context, n int64, ids []int64) error {
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, maxParams) {
		of := "package_id IN (" + placeholders(2, len(chunk)) + ")"
		text := "UPDATE models SET download_count = download_count + $1 * (SELECT count(*) FROM versions v WHERE v.model_id = models.id AND v." + of +
			") WHERE id IN (SELECT model_id FROM versions WHERE " + of + ")"
		if _, err := t.exec(ctx, query(text), append([]any{n}, anys(chunk)...)...); err != nil {
			return err
		}
	}
	return nil
}

// Lists of packages tell what they belong to.
var packageListCols = packageCols + ", p.full_path, coalesce(v.id, 0), coalesce(v.model_id, 0), coalesce(r.iid, 0)"

const packageListFrom = `packages k JOIN projects p ON p.id = k.project_id LEFT JOIN runs r ON r.package_id = k.id
	LEFT JOIN versions v ON v.package_id = k.id`

func scanPackage(s scanner, k *registry.Package, extra ...any) error {
	return s.Scan(append(append(packageDest(k), &k.ProjectPath, &k.VersionID, &k.ModelID, &k.RunIID), extra...)...)
}

func (t *tx) ListPackages(ctx context.Context, q registry.PackageQuery) (registry.List[registry.Package], error) {
	l := &listing{cols: packageListCols, from: packageListFrom, id: "k.id", initial: registry.Order{By: "created_at"},
		orders: map[string]column{"id": {"k.id", true}, "created_at": {"k.created_at", true}, "name": {"k.name", false},
			"version": {"k.version", false}, "type": {"k.type", false}, "project_path": {"p.full_path", false}}}
	if q.ProjectID != 0 {
		l.and("k.project_id = ?", q.ProjectID)
	} else {
		below := "p.namespace_id IN (SELECT namespace_id FROM namespaces_above WHERE above_id = ?)"
		if q.Direct {
			below = "p.namespace_id = ?"
		}
		l.and(below, q.NamespaceID)
		l.and("p.deleted_at = 0")
		l.pulls(q.Viewer)
	}
	if q.Type != "" {
		l.and("k.type = ?", q.Type)
	}
	if q.Exact != "" {
		l.and("k.name = ?", q.Exact)
	}
	if q.Version != "" {
		l.and("k.version = ?", q.Version)
	}
	if q.Status != "" {
		l.and("k.status = ?", q.Status)
	} else {
		l.and("k.status <> ?", registry.FileHidden)
	}
	l.contains(q.Name, "k.name")
	return fetch(ctx, t, l, q.Order, q.Page, scanPackage)
}
