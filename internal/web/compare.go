package web

import (
	"maps"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func compareRoutes() []route {
	return []route{
		get("/ml/models/{model}/compare", project(registry.ReadModels), compareVersions),
		get("/ml/compare", project(registry.ReadRuns), compareAny),
	}
}

// maxCompared bounds what is set side by side.
const maxCompared = 8

// comparePage sets versions and runs side by side: a row for each thing, a cell
// for each of them. Marks are about the first column.
type comparePage struct {
	frame
	Model    registry.Model // zero: versions of several models, or runs
	Columns  []column
	Params   []comparedRow
	Metrics  []comparedRow
	Files    []comparedRow
	Tensors  tensorRows
	MayPull  bool
	MayRead  bool // what was logged
	More     bool // there are more files than those
	digests  map[string][]blob.Digest
	contents []registry.Look // of the columns
}

// column is a version or a run.
type column struct {
	Title, Of, Href string
	run, pkg        int64 // ids; pkg 0: no files
}

// comparedRow is one thing in all columns; what is missing is empty.
type comparedRow struct {
	Key   string
	Cells []cell
}

// cell is what a column has.
type cell struct {
	Text  string
	Mark  string // how it differs from the first column
	Exact string
	Href  string
}

// Differs reports whether the columns have not all the same.
func (r comparedRow) Differs() bool {
	return slices.ContainsFunc(r.Cells, func(c cell) bool { return c.Text != r.Cells[0].Text })
}

// rows gathers what several columns have, by key, in the order of the keys.
type rows struct {
	width int
	byKey map[string][]cell
}

func newRows(width int) *rows { return &rows{width: width, byKey: map[string][]cell{}} }

func (r *rows) set(key string, column int, c cell) {
	if r.byKey[key] == nil {
		r.byKey[key] = make([]cell, r.width)
	}
	r.byKey[key][column] = c
}

// sorted gives the rows, with marks on what is not as in the first column.
func (r *rows) sorted() []comparedRow {
	out := make([]comparedRow, 0, len(r.byKey))
	for _, key := range slices.Sorted(maps.Keys(r.byKey)) {
		cells := r.byKey[key]
		for i, c := range cells[1:] {
			if c.Mark == "" {
				cells[i+1].Mark = markOf(cells[0].Text, c.Text)
			}
		}
		out = append(out, comparedRow{key, cells})
	}
	return out
}

// markOf says what became of something.
func markOf(was, is string) string {
	switch {
	case was == is:
		return ""
	case was == "":
		return "added"
	case is == "":
		return "removed"
	}
	return "changed"
}

// compareVersions sets the versions of a model that the address names side by
// side.
func compareVersions(c *call) error {
	id, err := c.id("model", "model")
	if err != nil {
		return err
	}
	return c.compare(id)
}

// compareAny does so with versions of any models, and with runs.
func compareAny(c *call) error { return c.compare(0) }

func (c *call) compare(model int64) error {
	q := c.r.URL.Query()
	var ids []int64
	for _, s := range q["v"] {
		n, err := registry.ParseID("version", s)
		if err != nil {
			return err
		}
		ids = append(ids, n)
	}
	ids, runs := unique(ids), unique(q["run"])
	if model != 0 {
		slices.Sort(ids) // the oldest first, whatever the list was sorted by
	}
	if len(ids)+len(runs) > maxCompared {
		return fault.Invalidf("", "At most %d can be compared at once; choose fewer.", maxCompared)
	}
	p := &comparePage{}
	if err := c.s.Snapshot(c.ctx(), func(s registry.Session) error { return c.fillCompare(s, p, model, ids, runs) }); err != nil {
		return err
	}
	return c.render("compare", p)
}

// unique keeps the first of each.
func unique[T comparable](all []T) []T {
	var out []T
	for _, v := range all {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (c *call) fillCompare(s registry.Session, p *comparePage, model int64, ids []int64, runs []string) error {
	if err := c.frameCompare(s, p, model); err != nil {
		return err
	}
	if err := c.versionColumns(s, p, model, ids); err != nil {
		return err
	}
	if err := c.runColumns(s, p, runs); err != nil || len(p.Columns) < 2 {
		return err
	}
	p.MayRead, p.MayPull = c.may(c.ctx(), s, registry.ReadRuns), c.may(c.ctx(), s, registry.PullFiles)
	if p.MayRead {
		if err := c.compareLogged(s, p); err != nil {
			return err
		}
	}
	if !p.MayPull {
		return nil
	}
	if err := c.compareFiles(s, p); err != nil {
		return err
	}
	return c.compareTensors(p)
}

// frameCompare finds where it is compared.
func (c *call) frameCompare(s registry.Session, p *comparePage, model int64) error {
	if model == 0 {
		pr, err := s.ProjectFor(c.ctx(), c.ref, registry.ReadRuns)
		p.frame = c.projectFrame(pr, "experiments", "Compare", crumb{"Experiments", "/" + pr.FullPath + "/-/ml/experiments"})
		return err
	}
	pr, err := s.ProjectFor(c.ctx(), c.ref, registry.ReadModels)
	if err != nil {
		return err
	}
	if p.Model, err = s.Model(c.ctx(), c.ref, registry.ModelRef{ID: model}); err != nil {
		return err
	}
	p.frame = c.projectFrame(pr, "models", "Compare "+p.Model.Name, crumb{"Models", "/" + pr.FullPath + "/-/ml/models"},
		crumb{p.Model.Name, modelPath(pr.FullPath, model)}, crumb{"Versions", modelPath(pr.FullPath, model) + "/versions"})
	return nil
}

func (c *call) versionColumns(s registry.Session, p *comparePage, model int64, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := s.VersionsByID(c.ctx(), c.ref, ids)
	for _, id := range ids {
		if v, ok := found[id]; ok && (model == 0 || v.ModelID == model) {
			p.Columns = append(p.Columns, column{v.Semver, v.ModelName, versionPath(v), v.RunID, v.PackageID})
		}
	}
	return err
}

func (c *call) runColumns(s registry.Session, p *comparePage, eids []string) error {
	if len(eids) == 0 {
		return nil
	}
	found, err := s.RunsByEID(c.ctx(), c.ref, eids)
	for _, eid := range eids {
		if r, ok := found[eid]; ok {
			p.Columns = append(p.Columns, column{r.Name, "#" + itoa(r.IID), "/" + r.ProjectPath + "/-/ml/candidates/" + itoa(r.IID), r.ID, r.PackageID})
		}
	}
	return err
}

// compareLogged adds what was logged, in two questions for all columns.
func (c *call) compareLogged(s registry.Session, p *comparePage) error {
	nest := registry.Nest{Page: registry.Page{Limit: registry.MaxLimit, NoTotal: true}}
	for _, col := range p.Columns {
		nest.Owners = append(nest.Owners, col.run)
	}
	params, err := s.ParamsOf(c.ctx(), c.ref, nest)
	if err != nil {
		return err
	}
	metrics, err := s.LatestMetrics(c.ctx(), c.ref, nest.Owners)
	if err != nil {
		return err
	}
	first := map[string]float64{}
	ps, ms := newRows(len(p.Columns)), newRows(len(p.Columns))
	for i, col := range p.Columns {
		for _, x := range params[col.run].Items {
			ps.set(x.Key, i, cell{Text: x.Value})
		}
		for _, x := range metrics[col.run] {
			m := cell{Text: figure(x.Value), Exact: exactly(x.Value)}
			if i == 0 {
				first[x.Key] = x.Value
			} else if was, ok := first[x.Key]; ok && was != x.Value {
				m.Mark = signed(x.Value - was)
			}
			ms.set(x.Key, i, m)
		}
	}
	p.Params, p.Metrics = ps.sorted(), ms.sorted()
	return nil
}

// signed writes a difference.
func signed(v float64) string {
	if s := figure(v); strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	} else if s != "NaN" && !strings.HasPrefix(s, "+") {
		return "+" + s
	}
	return figure(v)
}

// compareFiles adds the files: the same content has the same digest.
func (c *call) compareFiles(s registry.Session, p *comparePage) error {
	nest := registry.Nest{Page: registry.Page{Limit: registry.MaxLimit, NoTotal: true}}
	for _, col := range p.Columns {
		if col.pkg != 0 {
			nest.Owners = append(nest.Owners, col.pkg)
		}
	}
	looks, err := s.LooksOf(c.ctx(), c.ref, nest)
	if err != nil {
		return err
	}
	p.digests = map[string][]blob.Digest{}
	fs := newRows(len(p.Columns))
	for i, col := range p.Columns {
		look := looks[col.pkg]
		p.contents, p.More = append(p.contents, look), p.More || look.More
		for _, f := range look.Items {
			if f.Status == registry.FileHidden {
				continue
			}
			fs.set(f.Path, i, cell{Text: humanBytes(f.Size) + " " + shortDigest(f.Digest), Exact: f.Digest.Hex(), Href: col.Href + "/files/" + escapePath(f.Path)})
			if p.digests[f.Path] == nil {
				p.digests[f.Path] = make([]blob.Digest, len(p.Columns))
			}
			p.digests[f.Path][i] = f.Digest
		}
	}
	p.Files = fs.sorted()
	return nil
}
