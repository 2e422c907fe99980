package sqlstore

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	listTop    = stmt(folderText("", "$4", "$5"))
	listFolder = stmt(folderText(" AND f.path < $4", "$5", "$6"))

	sumFiles    = stmt(`SELECT count(*), coalesce(sum(size), 0) FROM files WHERE package_id = $1 AND (path = $2 OR path >= $3 AND path < $4)`)
	deleteFiles = stmt(`DELETE FROM files WHERE package_id = $1 AND (path = $2 OR path >= $3 AND path < $4)`)
	sumAll      = stmt(`SELECT count(*), coalesce(sum(size), 0) FROM files WHERE package_id = $1`)
	deleteAll   = stmt(`DELETE FROM files WHERE package_id = $1`)
)

// folderText finds one level of a folder by jumps along the index of paths:
// behind a file the next path is not before the same with a space, the least
// character that a path may have; behind a folder "d/…" it is not before "d0",
// for "0" follows "/". $2 is where to begin, end the condition that ends the
// folder, first the number of the first character below it. instr, which not
// every engine has under that name, is the one word here that not all share.
func folderText(end, first, limit string) string {
	const least = "SELECT (SELECT f.path FROM files f WHERE f.package_id = $1 AND "
	below := "substr(e.path, " + first + ")"
	return "WITH RECURSIVE e (path) AS (" + least + "f.path >= $2 AND f.status <> $3" + end + " ORDER BY f.path LIMIT 1) UNION ALL " +
		least + "f.status <> $3" + end + " AND f.path >= CASE WHEN instr(" + below + ", '/') > 0 THEN substr(e.path, 1, " + first +
		" + instr(" + below + ", '/') - 2) || '0' ELSE e.path || ' ' END ORDER BY f.path LIMIT 1) FROM e WHERE e.path IS NOT NULL LIMIT " + limit +
		") SELECT f.path, f.size FROM e CROSS JOIN files f WHERE f.package_id = $1 AND f.path = e.path ORDER BY f.path"
}

func (t *tx) ListFolder(ctx context.Context, packageID int64, q registry.FolderQuery) (registry.List[registry.FolderEntry], error) {
	out := registry.List[registry.FolderEntry]{Total: -1}
	text, above := listTop, ""
	if q.Path != "" {
		text, above = listFolder, q.Path+"/"
	}
	args := []any{packageID, max(above, q.After), registry.FileHidden}
	if q.Path != "" {
		args = append(args, q.Path+"0")
	}
	args = append(args, utf8.RuneCountInString(above)+1, q.Limit+1)
	last := ""
	err := t.rows(ctx, string(text), args, func(s scanner) error {
		var path string
		var e registry.FolderEntry
		if err := s.Scan(&path, &e.Size); err != nil {
			return err
		}
		if len(out.Items) == q.Limit {
			out.More, out.Next = true, &registry.Cursor{Key: last}
			return nil
		}
		if e.Name, _, e.Dir = strings.Cut(path[len(above):], "/"); e.Dir {
			e.Size = 0
		}
		out.Items, last = append(out.Items, e), behind(above+e.Name, e.Dir)
		return nil
	})
	return out, err
}

// behind gives the least path that can follow a file, or a folder.
func behind(path string, dir bool) string {
	if dir {
		return path + "0"
	}
	return path + " "
}

func (t *tx) DeleteFiles(ctx context.Context, packageID int64, path string) (int64, error) {
	sum, del, args := sumAll, deleteAll, []any{packageID}
	if path != "" {
		sum, del, args = sumFiles, deleteFiles, append(args, path, path+"/", path+"0")
	}
	var count, size int64
	if err := t.row(ctx, sum, args, &count, &size); err != nil || count == 0 {
		return 0, err
	}
	if _, err := t.exec(ctx, del, args...); err != nil {
		return 0, err
	}
	_, err := t.exec(ctx, countPackage, -count, -size, packageID)
	return count, err
}

// foldersAtOnce is how many folders one statement deletes.
const foldersAtOnce = 100

func (t *tx) DeleteFolders(ctx context.Context, packageID int64, paths []string) error {
	for part := range slices.Chunk(paths, foldersAtOnce) {
		l := &listing{}
		l.and("package_id = ?", packageID)
		var below []string
		var args []any
		for _, p := range part {
			below = append(below, "path >= ? AND path < ?")
			args = append(args, p+"/", p+"0")
		}
		l.and("("+strings.Join(below, " OR ")+")", args...)
		var count, size int64
		err := t.row(ctx, query("SELECT count(*), coalesce(sum(size), 0) FROM files"+l.condition()), l.args, &count, &size)
		if err != nil {
			return err
		}
		if count == 0 {
			continue
		}
		if _, err := t.exec(ctx, query("DELETE FROM files"+l.condition()), l.args...); err != nil {
			return err
		}
		if _, err := t.exec(ctx, countPackage, -count, -size, packageID); err != nil {
			return err
		}
	}
	return nil
}
