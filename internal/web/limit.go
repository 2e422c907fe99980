package web

import (
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The sorts of storage limits, in forms.
const (
	limitOfServer = "server"
	limitNone     = "none"
	limitOwn      = "own"
)

const mebibyte = 1 << 20

// limitForm is the form for how much the files of a project may take up.
type limitForm struct {
	Project string // full path
	Sorts   []choice
	MiB     string // where the project has a limit of its own
}

// limitFormOf shows a limit as projects have it.
func limitFormOf(project string, limit int64) *limitForm {
	f, sort := &limitForm{Project: project}, limitOwn
	switch limit {
	case 0:
		sort = limitOfServer
	case registry.Unlimited:
		sort = limitNone
	default:
		f.MiB = strconv.FormatFloat(float64(limit)/mebibyte, 'f', -1, 64)
	}
	f.choose(sort)
	return f
}

func (f *limitForm) choose(sort string) {
	f.Sorts = chooseFrom([]choice{{Value: limitOfServer, Text: "The server's limit"}, {Value: limitNone, Text: "No limit"}, {Value: limitOwn, Text: "A limit of its own"}}, sort)
}

// limit reads the form.
func (c *call) limit() (bytes int64, problem string) {
	switch c.field("limit") {
	case limitOfServer:
		return 0, ""
	case limitNone:
		return registry.Unlimited, ""
	case limitOwn:
		v, err := strconv.ParseFloat(c.field("mib"), 64)
		if v *= mebibyte; err == nil && v >= 1 && v < 1<<62 {
			return int64(v), ""
		}
		return 0, "The limit must be a number of MiB, above 0."
	}
	return 0, "Choose a limit."
}

// limitProject sets how much the files of a project may take up.
func limitProject(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	path := c.field("project")
	if path == "" {
		return c.refuseLimit("Name the project by its full path.")
	}
	limit, problem := c.limit()
	if problem != "" {
		return c.refuseLimit(problem)
	}
	p, err := c.s.EditProject(c.ctx(), registry.ParseProjectRef(path), registry.ProjectEdit{StorageLimit: &limit})
	if problem, ok := formProblem(err); ok {
		return c.refuseLimit(problem)
	}
	if notThere(err) {
		return c.refuseLimit("There is no project " + path + ".")
	}
	if err != nil {
		return err
	}
	c.flash("Saved.")
	return c.goTo("/" + p.FullPath + "/-/usage_quotas")
}

// refuseLimit shows the form again, as it was given, where administrators see
// what all projects take up.
func (c *call) refuseLimit(problem string) error {
	f := &limitForm{Project: c.field("project"), MiB: c.field("mib")}
	f.choose(c.field("limit"))
	return c.serverUsage(f, problem, again)
}
