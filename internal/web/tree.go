package web

import (
	"path"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// folder is a folder of files as a page shows it.
type folder struct {
	Name    string
	Size    int64 // bytes of the files of the page that are in it
	Count   int64 // how many these are
	Open    bool
	Folders []*folder
	Files   []leaf
}

// leaf is a file in its folder.
type leaf struct {
	registry.File
	Name string
	Kind formats.Kind
}

// openUpTo is how many files a page may have to show all its folders open.
const openUpTo = 60

// treeOf makes a tree of files that are sorted by path. Folders are in the order
// in which their first files come.
func treeOf(files []registry.File) *folder {
	top := &folder{Open: true}
	at := map[string]*folder{"": top}
	for _, f := range files {
		dir, name := path.Split(f.Path)
		parent := top.below(at, strings.TrimSuffix(dir, "/"), len(files) <= openUpTo)
		parent.Files = append(parent.Files, leaf{f, name, formats.KindOf(f.Path)})
		for d := strings.TrimSuffix(dir, "/"); ; d = parentOf(d) {
			at[d].Size, at[d].Count = at[d].Size+f.Size, at[d].Count+1
			if d == "" {
				break
			}
		}
	}
	return top
}

// below gives the folder at a path, made with those above it when it is new.
func (f *folder) below(at map[string]*folder, dir string, open bool) *folder {
	if known, ok := at[dir]; ok {
		return known
	}
	parent := f.below(at, parentOf(dir), open)
	made := &folder{Name: path.Base(dir), Open: open}
	parent.Folders = append(parent.Folders, made)
	at[dir] = made
	return made
}

// parentOf is the folder above, "" for the top.
func parentOf(dir string) string {
	d := path.Dir(dir)
	if d == "." {
		return ""
	}
	return d
}
