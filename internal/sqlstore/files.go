package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"time"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var packageCols = pack([]string{"k.id", "k.project_id", "coalesce(k.creator_id, 0)", "k.file_count", "k.size", "k.created_at", "k.last_downloaded_at"},
	[]string{"k.type", "k.name", "k.version", "k.status"})

const fileCols = `f.id, f.package_id, f.path, f.digest, f.size, f.status, f.created_at, f.updated_at`

var (
	insertPackage = stmt(`INSERT INTO packages (project_id, type, name, version, status, creator_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`)
	updatePackage    = stmt(`UPDATE packages SET name = $1, version = $2, status = $3 WHERE id = $4`)
	packageOfVersion = stmt(`SELECT ` + packageCols + ` FROM versions v JOIN packages k ON k.id = v.package_id
		WHERE v.id = $1 AND v.project_id = $2`)
	packageOfRun = stmt(`SELECT ` + packageCols + ` FROM runs r JOIN packages k ON k.id = r.package_id
		WHERE r.iid = $1 AND r.project_id = $2 AND (r.deleted_at = 0 OR $3)`)
	packageOfRunEID = stmt(`SELECT e.location, e.iid, CASE WHEN k.id IS NULL THEN NULL ELSE ` + packageCols + ` END FROM runs r
		JOIN experiments e ON e.id = r.experiment_id LEFT JOIN packages k ON k.id = r.package_id WHERE r.project_id = $1 AND r.eid = $2`)
	packageByID   = stmt(`SELECT ` + packageCols + ` FROM packages k WHERE k.id = $1 AND k.project_id = $2`)
	packageByName = stmt(`SELECT ` + packageCols + ` FROM packages k WHERE k.project_id = $1 AND k.type = $2 AND k.name = $3 AND k.version = $4`)
	runExists     = stmt(`SELECT 1 FROM runs WHERE iid = $1 AND project_id = $2 AND (deleted_at = 0 OR $3)`)

	fileOfVersion = stmt(`SELECT ` + fileCols + ` FROM versions v JOIN files f ON f.package_id = v.package_id
		WHERE v.id = $1 AND v.project_id = $2 AND f.path = $3`)
	fileOfRun = stmt(`SELECT ` + fileCols + ` FROM runs r JOIN files f ON f.package_id = r.package_id
		WHERE r.iid = $1 AND r.project_id = $2 AND (r.deleted_at = 0 OR $3) AND f.path = $4`)
	fileOfPackage = stmt(`SELECT ` + fileCols + ` FROM packages k JOIN files f ON f.package_id = k.id
		WHERE k.id = $1 AND k.project_id = $2 AND f.path = $3`)
	fileOfGeneric = stmt(`SELECT ` + fileCols + ` FROM packages k JOIN files f ON f.package_id = k.id
		WHERE k.project_id = $1 AND k.type = $2 AND k.name = $3 AND k.version = $4 AND f.path = $5`)
	fileByID = stmt(`SELECT ` + fileCols + ` FROM files f WHERE f.id = $1 AND f.package_id = $2`)
	fileSize = stmt(`SELECT size FROM files WHERE package_id = $1 AND path = $2`)
	newFile  = stmt(`INSERT INTO files (package_id, path, digest, size, status, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (package_id, path) DO NOTHING RETURNING id`)
	replaceFile = stmt(`UPDATE files SET digest = $1, size = $2, status = $3, updated_at = $4 WHERE package_id = $5 AND path = $6 RETURNING id, created_at`)
	copyFiles   = stmt(`INSERT INTO files (package_id, path, digest, size, status, created_at, updated_at)
		SELECT $1, path, digest, size, status, $2, $2 FROM files WHERE package_id = $3`)
	copyFile = stmt(`INSERT INTO files (package_id, path, digest, size, status, created_at, updated_at)
		SELECT $1, $2, digest, size, status, $3, $3 FROM files WHERE package_id = $4 AND path = $5`)
	// 0 comes after the slash.
	copyFolder = stmt(`INSERT INTO files (package_id, path, digest, size, status, created_at, updated_at)
		SELECT $1, substr(path, $2), digest, size, status, $3, $3 FROM files WHERE package_id = $4 AND path > $5 || '/' AND path < $5 || '0'`)
	recountPackage = stmt(`UPDATE packages SET file_count = (SELECT count(*) FROM files WHERE package_id = $1),
		size = (SELECT coalesce(sum(size), 0) FROM files WHERE package_id = $1) WHERE id = $1`)
	deleteFile   = stmt(`DELETE FROM files WHERE id = $1`)
	countPackage = stmt(`UPDATE packages SET file_count = file_count + $1, size = size + $2 WHERE id = $3`)
	touchProject = stmt(`UPDATE projects SET active_at = $1 WHERE id = $2 AND active_at < $1`)
	touchOwner   = stmt(`UPDATE projects SET active_at = $1 WHERE id = (SELECT project_id FROM packages WHERE id = $2) AND active_at < $1`)
)

func packageDest(k *registry.Package) []any { return []any{packedPackage(k)} }

func packedPackage(k *registry.Package) packed {
	return packed{[]any{&k.ID, &k.ProjectID, &k.CreatorID, &k.FileCount, &k.Size, instant{&k.CreatedAt}, instant{&k.DownloadedAt}},
		[]*string{(*string)(&k.Type), &k.Name, &k.Version, (*string)(&k.Status)}}
}

func (t *tx) InsertPackage(ctx context.Context, k registry.Package) (int64, error) {
	return t.id(ctx, insertPackage, k.ProjectID, k.Type, k.Name, k.Version, k.Status, ref(k.CreatorID), micros(k.CreatedAt))
}

func (t *tx) UpdatePackage(ctx context.Context, k registry.Package) error {
	n, err := t.exec(ctx, updatePackage, k.Name, k.Version, k.Status, k.ID)
	return hit(n, err, "package", k.ID)
}

func (t *tx) PackageOf(ctx context.Context, projectID int64, r registry.PackageRef) (registry.Package, error) {
	var k registry.Package
	switch {
	case r.PackageID != 0:
		err := t.row(ctx, packageByID, []any{r.PackageID, projectID}, packageDest(&k)...)
		return k, one(err, "package", r.PackageID)
	case r.Generic != "":
		err := t.row(ctx, packageByName, []any{projectID, registry.GenericPackage, r.Generic, r.Version}, packageDest(&k)...)
		return k, ignoreNone(err)
	case r.VersionID != 0:
		err := t.row(ctx, packageOfVersion, []any{r.VersionID, projectID}, packageDest(&k)...)
		return k, one(err, "version", r.VersionID)
	}
	err := t.row(ctx, packageOfRun, []any{r.RunIID, projectID, r.Deleted}, packageDest(&k)...)
	if errors.Is(err, sql.ErrNoRows) {
		var found int
		err = t.row(ctx, runExists, []any{r.RunIID, projectID, r.Deleted}, &found)
	}
	return k, one(err, "run", r.RunIID)
}

func (t *tx) PackageOfRun(ctx context.Context, projectID int64, eid string) (registry.Package, registry.RunHome, error) {
	var k registry.Package
	home := registry.RunHome{Given: true}
	err := t.row(ctx, packageOfRunEID, []any{projectID, eid}, &home.Location, &home.Experiment, perhaps{packedPackage(&k)})
	return k, home, named(err, "run", eid)
}

func scanFile(s scanner, f *registry.File, extra ...any) error {
	return s.Scan(append([]any{&f.ID, &f.PackageID, &f.Path, &f.Digest, &f.Size, &f.Status, instant{&f.CreatedAt}, instant{&f.UpdatedAt}}, extra...)...)
}

func (t *tx) FileAt(ctx context.Context, projectID int64, r registry.PackageRef, path string) (registry.File, error) {
	q, args := fileOfRun, []any{r.RunIID, projectID, r.Deleted, path}
	switch {
	case r.VersionID != 0:
		q, args = fileOfVersion, []any{r.VersionID, projectID, path}
	case r.PackageID != 0:
		q, args = fileOfPackage, []any{r.PackageID, projectID, path}
	case r.Generic != "":
		q, args = fileOfGeneric, []any{projectID, registry.GenericPackage, r.Generic, r.Version, path}
	}
	var f registry.File
	err := t.row(ctx, q, args, &f.ID, &f.PackageID, &f.Path, &f.Digest, &f.Size, &f.Status,
		instant{&f.CreatedAt}, instant{&f.UpdatedAt})
	return f, named(err, "file", path)
}

func (t *tx) PutFile(ctx context.Context, f registry.File) (registry.File, error) {
	fresh, oldSize := int64(1), int64(0)
	id, err := t.id(ctx, newFile, f.PackageID, f.Path, f.Digest, f.Size, f.Status, micros(f.CreatedAt), micros(f.UpdatedAt))
	f.ID = cmp.Or(id, f.ID)
	if errors.Is(err, sql.ErrNoRows) {
		fresh = 0
		f, oldSize, err = t.replaceFile(ctx, f)
	}
	if err != nil {
		return f, err
	}
	_, err = t.exec(ctx, countPackage, fresh, f.Size-oldSize, f.PackageID)
	return f, err
}

// replaceFile gives a file that is there another content, and tells how large it
// was.
func (t *tx) replaceFile(ctx context.Context, f registry.File) (registry.File, int64, error) {
	var old int64
	if err := t.row(ctx, fileSize, []any{f.PackageID, f.Path}, &old); err != nil {
		return f, 0, err
	}
	err := t.row(ctx, replaceFile, []any{f.Digest, f.Size, f.Status, micros(f.UpdatedAt), f.PackageID, f.Path}, &f.ID, instant{&f.CreatedAt})
	return f, old, err
}

func (t *tx) CopyFiles(ctx context.Context, from int64, p string, to int64, now time.Time) error {
	if p == "" {
		if _, err := t.exec(ctx, copyFiles, to, micros(now), from); err != nil {
			return err
		}
	} else {
		if _, err := t.exec(ctx, copyFile, to, path.Base(p), micros(now), from, p); err != nil {
			return err
		}
		// A character of the path is one for substr, and so is the slash.
		if _, err := t.exec(ctx, copyFolder, to, utf8.RuneCountInString(p)+2, micros(now), from, p); err != nil {
			return err
		}
	}
	if _, err := t.exec(ctx, recountPackage, to); err != nil {
		return err
	}
	_, err := t.exec(ctx, touchOwner, micros(now), to)
	return err
}

func (t *tx) TouchProject(ctx context.Context, id int64, now time.Time) error {
	_, err := t.exec(ctx, touchProject, micros(now), id)
	return err
}

func (t *tx) FileByID(ctx context.Context, packageID, id int64) (registry.File, error) {
	var f registry.File
	err := t.scanOne(ctx, fileByID, []any{id, packageID}, func(s scanner) error { return scanFile(s, &f) })
	return f, one(err, "file", id)
}

func (t *tx) ListFiles(ctx context.Context, q registry.FileQuery) (registry.List[registry.File], error) {
	l := fileList()
	l.and("f.package_id = ?", q.PackageID)
	if !q.Hidden {
		l.and("f.status <> ?", registry.FileHidden)
	}
	l.contains(q.Search, "f.path")
	return fetch(ctx, t, &l, q.Order, q.Page, scanFile)
}

func fileList() listing {
	return listing{cols: fileCols, from: "files f", id: "f.id", initial: registry.Order{By: "path"},
		orders: map[string]column{"path": {"f.path", false}, "id": {"f.id", true}, "size": {"f.size", true}}}
}

func (t *tx) DeleteFile(ctx context.Context, f registry.File) error {
	n, err := t.exec(ctx, deleteFile, f.ID)
	if err := hit(n, err, "file", f.ID); err != nil {
		return err
	}
	_, err = t.exec(ctx, countPackage, -1, -f.Size, f.PackageID)
	return err
}

var (
	newBlob     = stmt(`INSERT INTO blobs (digest, size, touched_at, dying) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO NOTHING`)
	blobState   = stmt(`SELECT dying FROM blobs WHERE digest = $1`)
	touchBlob   = stmt(`UPDATE blobs SET size = $1, touched_at = $2, dying = $3 WHERE digest = $4`)
	keepContent = stmt(`INSERT INTO contents (digest, content, created_at) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING`)
	contentOf   = stmt(`SELECT content, created_at FROM contents WHERE digest = $1`)
	unusedBlobs = stmt(`SELECT b.digest, b.size, b.touched_at FROM blobs b WHERE b.digest > $1 AND b.touched_at < $2
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.digest = b.digest) ORDER BY b.digest LIMIT $3`)
	markDying = stmt(`INSERT INTO blobs (digest, size, touched_at, dying) VALUES ($1, 0, 0, $2)
		ON CONFLICT (digest) DO UPDATE SET dying = excluded.dying WHERE blobs.touched_at < $3
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.digest = blobs.digest)`)
	dropDying = stmt(`DELETE FROM blobs WHERE digest = $1 AND dying = $2
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.digest = blobs.digest)`)
	liveBlobs = stmt(`SELECT digest, size, touched_at FROM blobs WHERE digest > $1 AND dying = $2 ORDER BY digest LIMIT $3`)
)

func (t *tx) KeepBlob(ctx context.Context, d blob.Digest, size int64, now time.Time) (bool, error) {
	n, err := t.exec(ctx, newBlob, d, size, micros(now), false)
	if err != nil || n == 1 {
		return false, err
	}
	var dying bool
	if err := t.row(ctx, blobState, []any{d}, &dying); err != nil {
		return false, err
	}
	_, err = t.exec(ctx, touchBlob, size, micros(now), false, d)
	return !dying, err
}

func (t *tx) KeepContent(ctx context.Context, d blob.Digest, content []byte, now time.Time) error {
	_, err := t.exec(ctx, keepContent, d, content, micros(now))
	return err
}

// Content implements blob.Rows. It needs no transaction: a digest has one content.
func (s *Store) Content(ctx context.Context, d blob.Digest) (content []byte, at time.Time, err error) {
	st, err := s.read.prepare(ctx, string(contentOf))
	if err != nil {
		return nil, at, err
	}
	var row *sql.Row
	if st == nil {
		row = s.read.db.QueryRowContext(ctx, string(contentOf), d)
	} else {
		row = st.QueryRowContext(ctx, d)
	}
	err = row.Scan(&content, instant{&at})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("sqlstore: content: %w", err)
	}
	return content, at, named(err, "blob", d.Hex())
}

func (t *tx) blobs(ctx context.Context, q query, args ...any) ([]blob.Info, error) {
	var out []blob.Info
	err := t.rows(ctx, string(q), args, func(s scanner) error {
		var b blob.Info
		err := s.Scan(&b.Digest, &b.Size, instant{&b.ModTime})
		out = append(out, b)
		return err
	})
	return out, err
}

func (t *tx) UnusedBlobs(ctx context.Context, cutoff time.Time, after blob.Digest, limit int) ([]blob.Info, error) {
	return t.blobs(ctx, unusedBlobs, after, micros(cutoff), limit)
}

func (t *tx) MarkDying(ctx context.Context, d blob.Digest, cutoff time.Time) (bool, error) {
	n, err := t.exec(ctx, markDying, d, true, micros(cutoff))
	return n == 1, err
}

func (t *tx) DropDying(ctx context.Context, d blob.Digest) (bool, error) {
	n, err := t.exec(ctx, dropDying, d, true)
	return n == 1, err
}

func (t *tx) LiveBlobs(ctx context.Context, after blob.Digest, limit int) ([]blob.Info, error) {
	return t.blobs(ctx, liveBlobs, after, false, limit)
}

func (t *tx) BlobKnown(ctx context.Context, d blob.Digest) (bool, error) {
	var dying bool
	err := t.row(ctx, blobState, []any{d}, &dying)
	if errors.Is(err, sql.ErrNoRows) {
		// Bytes that a crash kept from their row, and that somebody comes back for.
		var found int
		err = t.row(ctx, uploadOfBlob, []any{d, registry.UploadFull}, &found)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
