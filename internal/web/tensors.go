package web

import (
	"io"
	"slices"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// tensorRows are the tensors that differ in type or shape.
type tensorRows struct {
	Rows []comparedRow
	Same int64  // how many do not
	Cut  string // what was left out
}

// The limits of a comparison by tensors.
const (
	maxHeadsRead = 64 // files
	maxTensorRow = 500
	maxCompare   = 50_000 // tensors
)

// compareTensors sets the tensors of safetensors files side by side. Those in
// files that are the same everywhere are the same, and are not read.
func (c *call) compareTensors(p *comparePage) error {
	t, read := newRows(len(p.Columns)), 0
	for i, look := range p.contents {
		for _, f := range p.differing(look) {
			if read++; read > maxHeadsRead || len(t.byKey) > maxCompare {
				p.Tensors = tensorRows{Cut: "There are too many tensors to compare them; choose fewer versions."}
				return nil
			}
			d, err := c.d.heads.tensorsOf(c.ctx(), f.Digest, f.Size, func() (io.ReadSeekCloser, error) { return look.Open(c.ctx(), f) })
			if err != nil {
				return err
			}
			for _, x := range d {
				t.set(x.Name, i, cell{Text: x.Type + " " + shapeOf(x.Shape)})
			}
		}
	}
	for _, r := range t.sorted() {
		if !r.Differs() {
			p.Tensors.Same++
		} else if len(p.Tensors.Rows) < maxTensorRow {
			p.Tensors.Rows = append(p.Tensors.Rows, r)
		} else {
			p.Tensors.Cut = "These are the first; more tensors differ."
		}
	}
	return nil
}

// differing gives the files of a column whose tensors have to be read.
func (p *comparePage) differing(look registry.Look) []registry.File {
	var out []registry.File
	for _, f := range look.Items {
		if formats.KindOf(f.Path) == formats.Safetensors && f.Status != registry.FileHidden && !allSame(p.digests[f.Path]) {
			out = append(out, f)
		}
	}
	return out
}

func allSame(ds []blob.Digest) bool {
	return !slices.ContainsFunc(ds, func(d blob.Digest) bool { return d != ds[0] })
}
