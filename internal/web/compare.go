package web

import (
	"slices"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// maxCompared bounds the versions that are set side by side.
const maxCompared = 8

// comparePage sets versions side by side: a row for each thing, a cell for each
// version.
type comparePage struct {
	frame
	Model    registry.Model
	Versions []registry.Version
	Params   []comparedRow
	Metrics  []comparedRow
	Files    []comparedRow
	MayPull  bool
	MayRead  bool // what was logged
}

// comparedRow is one thing in all versions; what is missing is empty.
type comparedRow struct {
	Key   string
	Cells []string
}

// Differs reports whether the versions have not all the same.
func (r comparedRow) Differs() bool {
	return slices.ContainsFunc(r.Cells, func(s string) bool { return s != r.Cells[0] })
}

// rows gathers what several versions have, by key, in the order of the keys.
type rows struct {
	width int
	byKey map[string][]string
}

func newRows(width int) *rows { return &rows{width: width, byKey: map[string][]string{}} }

func (r *rows) set(key string, column int, value string) {
	if r.byKey[key] == nil {
		r.byKey[key] = make([]string, r.width)
	}
	r.byKey[key][column] = value
}

func (r *rows) sorted() []comparedRow {
	out := make([]comparedRow, 0, len(r.byKey))
	for k, cells := range r.byKey {
		out = append(out, comparedRow{k, cells})
	}
	slices.SortFunc(out, func(a, b comparedRow) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return out
}

// compareVersions sets the versions that the address names side by side.
func compareVersions(c *call) error {
	id, err := c.id("model", "model")
	if err != nil {
		return err
	}
	var ids []int64
	for _, s := range c.r.URL.Query()["v"] {
		n, err := registry.ParseID("version", s)
		if err != nil {
			return err
		}
		if !slices.Contains(ids, n) {
			ids = append(ids, n)
		}
	}
	if len(ids) > maxCompared {
		return fault.Invalidf("", "At most %d versions can be compared at once; choose fewer.", maxCompared)
	}
	p := &comparePage{}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillCompare(s, p, id, ids) }); err != nil {
		return err
	}
	return c.render("compare", p)
}

func (c *call) fillCompare(s registry.Session, p *comparePage, model int64, ids []int64) error {
	ctx := c.ctx()
	pr, err := s.ProjectFor(ctx, c.ref, registry.ReadModels)
	if err != nil {
		return err
	}
	if p.Model, err = s.Model(ctx, c.ref, registry.ModelRef{ID: model}); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "models", "Compare "+p.Model.Name, crumb{"Models", "/" + pr.FullPath + "/-/ml/models"},
		crumb{p.Model.Name, modelPath(pr.FullPath, model)}, crumb{"Versions", modelPath(pr.FullPath, model) + "/versions"})
	found, err := s.VersionsByID(ctx, c.ref, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if v, ok := found[id]; ok && v.ModelID == model {
			p.Versions = append(p.Versions, v)
		}
	}
	p.MayRead, p.MayPull = c.may(ctx, s, registry.ReadRuns), c.may(ctx, s, registry.PullFiles)
	if p.MayRead {
		if err := c.compareRuns(s, p); err != nil {
			return err
		}
	}
	if p.MayPull {
		return c.compareFiles(s, p)
	}
	return nil
}

// compareRuns adds what was logged, in two questions for all versions.
func (c *call) compareRuns(s registry.Session, p *comparePage) error {
	nest := registry.Nest{Page: registry.Page{Limit: registry.MaxLimit, NoTotal: true}}
	for _, v := range p.Versions {
		nest.Owners = append(nest.Owners, v.RunID)
	}
	params, err := s.ParamsOf(c.ctx(), c.ref, nest)
	if err != nil {
		return err
	}
	metrics, err := s.LatestMetrics(c.ctx(), c.ref, nest.Owners)
	if err != nil {
		return err
	}
	ps, ms := newRows(len(p.Versions)), newRows(len(p.Versions))
	for i, v := range p.Versions {
		for _, x := range params[v.RunID].Items {
			ps.set(x.Key, i, x.Value)
		}
		for _, x := range metrics[v.RunID] {
			ms.set(x.Key, i, figure(x.Value))
		}
	}
	p.Params, p.Metrics = ps.sorted(), ms.sorted()
	return nil
}

// compareFiles adds the files: the same content has the same digest.
func (c *call) compareFiles(s registry.Session, p *comparePage) error {
	nest := registry.Nest{Page: registry.Page{Limit: registry.MaxLimit, NoTotal: true}}
	for _, v := range p.Versions {
		nest.Owners = append(nest.Owners, v.PackageID)
	}
	files, err := s.FilesOf(c.ctx(), c.ref, nest)
	if err != nil {
		return err
	}
	fs := newRows(len(p.Versions))
	for i, v := range p.Versions {
		for _, f := range files[v.PackageID].Items {
			fs.set(f.Path, i, humanBytes(f.Size)+" "+shortDigest(f.Digest))
		}
	}
	p.Files = fs.sorted()
	return nil
}
