package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
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
func (h *heads) readInside(ctx context.Context, kind formats.Kind, name string, size int64, content io.ReadSeeker) (inside, error) {
	in := inside{Name: name, Path: name}
	var err error
	if in.Details, err = h.Read(ctx, kind, content, size); errors.Is(err, formats.ErrMalformed) {
		in.Problem, err = "The file "+err.Error()+". It may be damaged, or of another kind than its name says.", nil
	}
	in.Tensors = len(in.Details.Tensors)
	return in, err
}

// maxInside bounds the files of a page that are looked into: more than a large
// model has shards.
const maxInside = 200

// beside remembers the head of a file that is looked into for its safety. What
// cannot be read is left to the page, which says so.
func (h *heads) beside(ctx context.Context, f safety.File, content io.ReadSeeker) {
	kind := formats.KindOf(f.Path)
	if _, known := h.insides.get(f.Digest); known || !tells(kind) {
		return
	}
	if in, err := h.readInside(ctx, kind, f.Path, f.Size, content); err == nil {
		h.keep(f.Digest, in)
	}
}

// tells reports whether files of a kind say something of themselves on the page of
// all files.
func tells(k formats.Kind) bool { return k.Readable() && k != formats.Pickle }

func (h *heads) keep(d blob.Digest, in inside) {
	in.Details.Tensors = nil
	h.insides.put(d, in, in.size())
}

// insides looks into the files of a page that say something of themselves, and
// counts those that somebody is about to look into, whom it does not outrun. Shards
// of one model are put together.
func (c *call) insides(look registry.Look, waiting map[string]bool) (all []inside, coming int, err error) {
	at := map[string]int{}
	for _, f := range look.Items {
		kind := formats.KindOf(f.Path)
		if !tells(kind) || len(all) == maxInside {
			continue
		}
		in, ok, err := c.inside(look, kind, f, waiting[f.Path])
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			coming++
			continue
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
	return all, coming, nil
}

// inside gives what a file says, as it is remembered, or read unless that is for
// later.
func (c *call) inside(look registry.Look, kind formats.Kind, f registry.File, later bool) (in inside, ok bool, err error) {
	in, ok = c.d.heads.insides.get(f.Digest)
	if ok && in.Kind == kind {
		in.Name, in.Path = f.Path, f.Path
		return in, true, nil
	}
	if later {
		return in, false, nil
	}
	in, err = c.readFirst(look, kind, f)
	if err != nil && c.ctx().Err() == nil {
		c.unreadable(f, err)
		return inside{Name: f.Path, Path: f.Path, Details: formats.Details{Kind: kind}, Problem: "The file cannot be read from the store."}, true, nil
	}
	if err == nil {
		c.d.heads.keep(f.Digest, in)
		in.Details.Tensors = nil
	}
	return in, true, err
}

func (c *call) readFirst(look registry.Look, kind formats.Kind, f registry.File) (inside, error) {
	content, err := look.Open(c.ctx(), f)
	if err != nil {
		return inside{}, err
	}
	defer content.Close()
	return c.d.heads.readInside(c.ctx(), kind, f.Path, f.Size, content)
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
