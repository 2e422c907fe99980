package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vitrine-ml/vitrine/internal/client"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// wantedFile is a file to be pulled.
type wantedFile struct {
	client.File
	disk  string // path in the output folder
	there bool   // already, byte for byte
}

var driveLetter = regexp.MustCompile(`^[A-Za-z]:(/|$)`)

// checkPaths turns the paths that the server names into paths below the output
// folder. A good server sends no others, but it is not the server's word that
// keeps the rest of the disk safe.
func checkPaths(files []client.File) ([]*wantedFile, error) {
	out := make([]*wantedFile, len(files))
	taken, folders := map[string]string{}, map[string]string{}
	for i, f := range files {
		disk, err := localPath(f.Path)
		if err != nil {
			return nil, err
		}
		if raw, err := hex.DecodeString(f.SHA256); err != nil || len(raw) != 32 {
			return nil, &fault.Error{Kind: fault.Unsupported, Noun: "server",
				Msg: fmt.Sprintf("the server does not tell the SHA-256 of %q, so it cannot be checked", f.Path)}
		}
		f.SHA256 = strings.ToLower(f.SHA256)
		key := foldedPath(f.Path)
		if other, ok := taken[key]; ok {
			return nil, fmt.Errorf("%q and %q are one file on this computer; pull them one by one into different folders", other, f.Path)
		}
		taken[key] = f.Path
		for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
			folders[dir] = f.Path
		}
		out[i] = &wantedFile{File: f, disk: disk}
	}
	for key, name := range taken {
		if other, ok := folders[key]; ok {
			return nil, fmt.Errorf("%q is a file, and a folder in %q; pull them one by one into different folders", name, other)
		}
	}
	return out, nil
}

// foldedPath is what a file system compares that ignores case.
func foldedPath(p string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.ToLower(p)
	}
	return p
}

// localPath checks one path and writes it as this computer does.
func localPath(p string) (string, error) {
	bad := func(why string) (string, error) {
		return "", &fault.Error{Kind: fault.Invalid, Noun: "path",
			Msg: fmt.Sprintf("the server names a file %q, which %s; nothing was written", p, why)}
	}
	if _, err := registry.ParseFilePath(p); err != nil || driveLetter.MatchString(p) {
		return bad("is no safe path")
	}
	if unfinished(p) {
		return bad("is a name that pull uses for unfinished files")
	}
	disk, err := filepath.Localize(p)
	if err != nil {
		return bad("this computer cannot store; select other files")
	}
	return disk, nil
}

// inspect finds out which files are there already, and refuses to go on when a
// different one would be lost.
func (p *puller) inspect(ctx context.Context, wanted []*wantedFile) error {
	var differ []string
	var alike []*wantedFile
	for _, w := range wanted {
		found, err := p.look(w)
		switch {
		case err != nil:
			return err
		case found == alikeFile:
			alike = append(alike, w)
		case found == otherFile:
			differ = append(differ, w.Path)
		}
	}
	if err := p.compare(ctx, alike); err != nil {
		return err
	}
	for _, w := range alike {
		if !w.there {
			differ = append(differ, w.Path)
		}
	}
	if len(differ) == 0 || p.force {
		return nil
	}
	slices.Sort(differ)
	return &fault.Error{Kind: fault.Conflict, Noun: "file", Msg: fmt.Sprintf(
		"there are other files in %s: %s; move them away, use another --output, or overwrite them with --force",
		p.output, plain(firstNames(differ)))}
}

// maxNamed is how many files an error names.
const maxNamed = 10

// finding is what lies where a file is to go.
type finding uint8

const (
	noFile    finding = iota
	alikeFile         // one of the same size
	otherFile
)

func (p *puller) look(w *wantedFile) (finding, error) {
	info, err := p.root.Stat(w.disk)
	if errors.Is(err, fs.ErrNotExist) {
		// A link that leads nowhere is there all the same.
		if _, err := p.root.Lstat(w.disk); err == nil {
			return otherFile, nil
		}
		return noFile, nil
	}
	switch {
	case err != nil:
		return noFile, fmt.Errorf("cannot look at %s in %s: %w", plain(w.Path), p.output, err)
	case info.IsDir():
		return noFile, fmt.Errorf("%s in %s is a folder; move it away or use another --output", plain(w.Path), p.output)
	case !info.Mode().IsRegular() || info.Size() != w.Size:
		return otherFile, nil
	}
	return alikeFile, nil
}

// compare reads files of the right size and marks those that are right.
func (p *puller) compare(ctx context.Context, files []*wantedFile) error {
	var total int64
	for _, w := range files {
		total += w.Size
	}
	m := p.newMeter("comparing", total)
	defer m.end()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.parallel)
	for _, w := range files {
		g.Go(func() error {
			f, err := p.root.Open(w.disk)
			if err != nil {
				return err
			}
			defer f.Close()
			fm := m.file(w.Path, w.Size)
			defer fm.close()
			sum, _, err := hashReader(ctx, f, fm.add)
			w.there = sum == w.SHA256
			return err
		})
	}
	return g.Wait()
}
