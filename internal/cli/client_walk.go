package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// localFile is a file to be pushed.
type localFile struct {
	disk   string // where it is
	path   string // where it goes
	size   int64
	sha256 string // after hashFiles
}

// skipped are the names that are never pushed: what other programs leave in
// folders, and what an interrupted pull left.
func skipped(name string) bool {
	return name == ".git" || name == ".DS_Store" || unfinished(name)
}

// unfinished reports whether pull keeps names like this for itself.
func unfinished(name string) bool {
	return strings.HasSuffix(name, partSuffix) || strings.HasSuffix(name, stateSuffix) || strings.HasSuffix(name, newSuffix)
}

// gather finds the files at a path: itself, or all of a folder, below prefix.
func gather(root, prefix string) ([]localFile, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	var files []localFile
	if info.IsDir() {
		files, err = walkFolder(root)
	} else {
		files, err = oneFile(root, info)
	}
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no file in %s to push", root)
	}
	return place(files, prefix)
}

func oneFile(root string, info fs.FileInfo) ([]localFile, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is neither a file nor a folder", root)
	}
	abs, err := filepath.Abs(root)
	return []localFile{{disk: root, path: filepath.Base(abs), size: info.Size()}}, err
}

// place puts files below prefix, in the spelling of the server, and refuses
// what the server would refuse, before anything is sent.
func place(files []localFile, prefix string) ([]localFile, error) {
	prefix = strings.Trim(filepath.ToSlash(prefix), "/")
	seen := map[string]string{}
	for i := range files {
		f := &files[i]
		p, err := registry.ParseFilePath(path.Join(prefix, f.path))
		if err != nil {
			e, _ := fault.As(err)
			return nil, fmt.Errorf("%s cannot be pushed: its path %s; rename it", f.disk, e.Msg)
		}
		if strings.HasSuffix(p, "/authorize") {
			return nil, fmt.Errorf("%s cannot be pushed: the API keeps the name \"authorize\" for itself; rename it", f.disk)
		}
		if other, ok := seen[p]; ok {
			return nil, fmt.Errorf("%s and %s have the same name for the server; rename one", other, f.disk)
		}
		seen[p], f.path = f.disk, p
	}
	slices.SortFunc(files, func(a, b localFile) int { return strings.Compare(a.path, b.path) })
	return files, nil
}

// walkFolder lists the files of a folder by their path in it.
func walkFolder(root string) ([]localFile, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, err
	}
	var files []localFile
	err = filepath.WalkDir(real, func(disk string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case disk != real && skipped(entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || skipped(entry.Name()):
			return nil
		}
		info, err := followed(real, disk, entry)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(real, disk)
		files = append(files, localFile{disk: filepath.Join(root, rel), path: filepath.ToSlash(rel), size: info.Size()})
		return err
	})
	return files, err
}

// followed describes an entry, or what it links to. A link must lead to a file
// of the same folder: what is outside was not meant to be pushed, and folders
// could contain themselves.
func followed(root, disk string, entry fs.DirEntry) (fs.FileInfo, error) {
	if entry.Type()&fs.ModeSymlink == 0 {
		if !entry.Type().IsRegular() {
			return nil, fmt.Errorf("%s is neither a file nor a folder; remove it or push from a copy of the folder", disk)
		}
		return entry.Info()
	}
	target, err := filepath.EvalSymlinks(disk)
	if err != nil {
		return nil, fmt.Errorf("%s is a link that leads nowhere: %w", disk, err)
	}
	rel, err := filepath.Rel(root, target)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s is a link to %s, outside of the folder; copy the folder with its links resolved (cp -rL) and push the copy", disk, target)
	}
	info, err := os.Stat(target)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a link to a folder; copy the folder with its links resolved (cp -rL) and push the copy", disk)
	}
	return info, err
}

// hashFiles fills in the SHA-256 of files, several at a time.
func (r *remote) hashFiles(ctx context.Context, files []localFile, parallel int) error {
	var total int64
	for _, f := range files {
		total += f.size
	}
	m := r.newMeter("reading", total)
	defer m.end()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i := range files {
		f := &files[i]
		g.Go(func() error {
			fm := m.file(f.path, f.size)
			defer fm.close()
			in, err := os.Open(f.disk)
			if err != nil {
				return err
			}
			defer in.Close()
			f.sha256, f.size, err = hashReader(ctx, in, fm.add)
			return err
		})
	}
	return g.Wait()
}

const hashBuffer = 1 << 20

// hashReader reads to the end and gives SHA-256 and size.
func hashReader(ctx context.Context, in io.Reader, count func(int64)) (sum string, size int64, err error) {
	h, buf := sha256.New(), make([]byte, hashBuffer)
	for {
		if ctx.Err() != nil {
			return "", 0, context.Cause(ctx)
		}
		n, err := in.Read(buf)
		h.Write(buf[:n])
		size += int64(n)
		count(int64(n))
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}
