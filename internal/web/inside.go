package web

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// inside is what files of a page say of themselves.
type inside struct {
	Name string // of the file, or of several
	Path string // of the file, when it is one
	formats.Details
	Tensors int
	Problem string // why the file cannot be read as its kind
}

// readInside reads the head of a content.
func (c *call) readInside(kind formats.Kind, f registry.File, content io.ReadSeeker) (inside, error) {
	in := inside{Name: f.Path, Path: f.Path}
	var err error
	if in.Details, err = c.d.heads.Read(c.ctx(), kind, content, f.Size); errors.Is(err, formats.ErrMalformed) {
		in.Problem, err = "The file "+err.Error()+". It may be damaged, or of another kind than its name says.", nil
	}
	in.Tensors = len(in.Details.Tensors)
	return in, err
}

// maxInside bounds the files of a page that are looked into: more than a large
// model has shards.
const maxInside = 200

// insides looks into the files of a page that say something of themselves.
// Shards of one model are put together.
func (c *call) insides(look registry.Look) ([]inside, error) {
	var all []inside
	at := map[string]int{}
	for _, f := range look.Items {
		kind := formats.KindOf(f.Path)
		if !kind.Readable() || kind == formats.Pickle || len(all) == maxInside {
			continue
		}
		in, err := c.inside(look, kind, f)
		if err != nil {
			return nil, err
		}
		if series := shardOf(f.Path); series != "" && in.Problem == "" {
			if i, ok := at[series]; ok {
				all[i].join(in, series)
				continue
			}
			at[series] = len(all)
		}
		all = append(all, in)
	}
	return all, nil
}

// inside gives what a file says, as it is remembered or read.
func (c *call) inside(look registry.Look, kind formats.Kind, f registry.File) (inside, error) {
	in, ok := c.d.heads.insides.get(f.Digest)
	if ok && in.Kind == kind {
		in.Name, in.Path = f.Path, f.Path
		return in, nil
	}
	in, err := c.readFirst(look, kind, f)
	if err != nil && c.ctx().Err() == nil {
		c.unreadable(f, err)
		return inside{Name: f.Path, Path: f.Path, Details: formats.Details{Kind: kind}, Problem: "The file cannot be read from the store."}, nil
	}
	if err == nil {
		in.Details.Tensors = nil
		c.d.heads.insides.put(f.Digest, in, in.size())
	}
	return in, err
}

func (c *call) readFirst(look registry.Look, kind formats.Kind, f registry.File) (inside, error) {
	content, err := look.Open(c.ctx(), f)
	if err != nil {
		return inside{}, err
	}
	defer content.Close()
	return c.readInside(kind, f, content)
}

// unreadable tells those who run the server that the store cannot give a file.
func (c *call) unreadable(f registry.File, err error) {
	c.d.Log.ErrorContext(c.ctx(), "a file cannot be read from the store", "path", f.Path, "digest", f.Digest, "err", err)
}

// join adds another shard of the same model. What is added to is changed in a
// copy, for it is remembered.
func (in *inside) join(other inside, series string) {
	in.Name, in.Path = series, ""
	in.Parameters += other.Parameters
	in.Tensors += other.Tensors
	in.Types = slices.Clone(in.Types)
	for _, o := range other.Types {
		i := slices.IndexFunc(in.Types, func(s formats.Share) bool { return s.Type == o.Type })
		if i < 0 {
			in.Types = append(in.Types, o)
			continue
		}
		in.Types[i].Tensors += o.Tensors
		in.Types[i].Parameters += o.Parameters
	}
	slices.SortFunc(in.Types, func(a, b formats.Share) int { return cmp.Compare(b.Parameters, a.Parameters) })
}
