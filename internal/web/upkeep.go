package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Health is how the server is, for its administrators. Sizes are in bytes; 0 is
// unknown.
type Health struct {
	Revision string
	Started  time.Time
	Database int64 // size
	// Free and Whole are those of the disk that the data is on.
	Free, Whole int64
	// Trouble says why the server is not ready; nil: it is.
	Trouble error
}

// upkeepRoutes are the pages about what the server does and what it takes up.
func upkeepRoutes() []route {
	admins := access{gate: adminOnly}
	return []route{
		get("/admin", admins, showOverview),
		get("/admin/health_check", admins, func(c *call) error { return c.goTo("/admin") }),
		get("/admin/system_info", admins, func(c *call) error { return c.goTo("/admin") }),
		get("/admin/usage", admins, showServerUsage),
		post("/admin/usage/limit", admins, limitProject),
		get("/admin/background_jobs", admins, showJobs),
		post("/admin/background_jobs/collect", admins, collectGarbage),
		get("/usage_quotas", project(registry.EditProject), showUsage),
	}
}

type overviewPage struct {
	frame
	Health Health
	Counts registry.Counts
	Up     string // how long the server runs
	Full   int64  // percent of the disk
}

// Revision is the commit that the server was built from; empty: nobody knows.
func (p *overviewPage) Revision() string { return strings.TrimPrefix(p.Health.Revision, "unknown") }

// lowDisk is from how many percent on a disk is nearly full.
const lowDisk = 90

// Low reports whether the disk is nearly full.
func (p *overviewPage) Low() bool { return p.Health.Whole > 0 && p.Full >= lowDisk }

// healthTime bounds the questions of the overview.
const healthTime = 3 * time.Second

func showOverview(c *call) error {
	p := &overviewPage{frame: c.adminFrame("overview", "Administration")}
	p.Crumbs = nil
	var err error
	if p.Counts, err = c.s.Counts(c.ctx()); err != nil {
		return err
	}
	if c.d.Health != nil {
		ctx, cancel := context.WithTimeout(c.ctx(), healthTime)
		defer cancel()
		p.Health = c.d.Health(ctx)
		p.Up = lasted(time.Since(p.Health.Started))
		p.Full = 100 - 100*p.Health.Free/max(p.Health.Whole, 1)
	}
	return c.render("admin", p)
}

// lasted says a time span in its two largest units.
func lasted(d time.Duration) string {
	m := int64(d / time.Minute)
	switch {
	case m >= 24*60:
		return plural(m/(24*60), "day") + " " + plural(m/60%24, "hour")
	case m >= 60:
		return plural(m/60, "hour") + " " + plural(m%60, "minute")
	case m >= 1:
		return plural(m, "minute")
	}
	return plural(int64(d/time.Second), "second")
}

type usagePage struct {
	frame
	Usage   registry.Usage
	Largest []sized
	Limit   *limitForm // for administrators
	Problem string
}

func showServerUsage(c *call) error { return c.serverUsage(limitFormOf("", 0), "", http.StatusOK) }

// serverUsage shows what all projects take up.
func (c *call) serverUsage(limit *limitForm, problem string, status int) error {
	u, err := c.s.Usage(c.ctx())
	if err != nil {
		return err
	}
	return c.renderAs(status, "usage", &usagePage{frame: c.adminFrame("usage", "Storage"), Usage: u, Largest: sizedOf(u), Limit: limit, Problem: problem})
}

// sized is a package as people know it: what it belongs to, with its page.
type sized struct {
	registry.SizedPackage
	Text, Sort, Href string
}

func sizedOf(u registry.Usage) []sized {
	out := make([]sized, len(u.Versions))
	for i, k := range u.Versions {
		z := sized{SizedPackage: k, Text: k.Name + " " + k.Version, Sort: "package"}
		run, logged := ownerOf(k.Name, k.Version)
		below := "/" + k.ProjectPath + "/-/ml/"
		switch {
		case k.VersionID != 0:
			z.Sort, z.Href = "version", modelPath(k.ProjectPath, k.ModelID)+"/versions/"+itoa(k.VersionID)
		case k.Type == registry.ModelPackage && run != "":
			z.Text, z.Sort, z.Href = packageName(k.Name+" "+k.Version), "run", below+"candidates/"+run
		case k.Type == registry.ModelPackage && logged != "":
			z.Text, z.Sort, z.Href = packageName(k.Name+" "+k.Version), "logged model", below+"logged/"+logged
		}
		out[i] = z
	}
	return out
}

// ownerOf reads the number of a run, or the id of a logged model, from the name and
// version of its package, as GitLab writes them for runs.
func ownerOf(name, version string) (run, logged string) {
	if n, ok := strings.CutPrefix(version, "candidate_"); ok {
		return n, ""
	}
	if version == "logged_model" {
		return "", name
	}
	return "", ""
}

// packageName says what a package, given by its name and version, belongs to.
func packageName(full string) string {
	i := strings.LastIndexByte(full, ' ')
	if i < 0 {
		return full
	}
	name, version := full[:i], full[i+1:]
	run, logged := ownerOf(name, version)
	switch {
	case run != "" && strings.HasPrefix(name, "ml_experiment_"):
		return "run " + run
	case run != "":
		return "candidate " + run + " of " + name
	case logged != "":
		return "model " + logged
	}
	return full
}

func showUsage(c *call) error {
	p := &usagePage{}
	err := c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.ProjectFor(c.ctx(), c.ref, registry.EditProject)
		if err != nil {
			return err
		}
		p.frame = c.projectFrame(pr, "usage", "Storage")
		if p.User != nil && p.User.Admin {
			p.Limit = limitFormOf(pr.FullPath, pr.StorageLimit)
		}
		p.Usage, err = s.ProjectUsage(c.ctx(), c.ref)
		p.Largest = sizedOf(p.Usage)
		return err
	})
	if err != nil {
		return err
	}
	return c.render("usage", p)
}

type jobsPage struct {
	frame
	Jobs   registry.List[registry.JobRecord]
	Pager  pager
	Search string
}

// jobKinds are the words for the kinds of background work.
var jobKinds = map[string]string{string(registry.SweepKind): "Garbage collection", string(registry.PurgeKind): "Removal of deleted projects",
	string(registry.ForgetKind): "Removal of old events"}

// What says what a job does.
func (p *jobsPage) What(j registry.JobRecord) string {
	title := orElse(jobKinds[string(j.Kind)], string(j.Kind))
	if j.Args == registry.SweepDry {
		title += ", dry run"
	}
	return title
}

// kindsCalled are the kinds of work whose words have a text.
func kindsCalled(text string) (out []string) {
	for kind, words := range jobKinds {
		if text != "" && strings.Contains(strings.ToLower(words), strings.ToLower(text)) {
			out = append(out, kind)
		}
	}
	return out
}

func showJobs(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &jobsPage{frame: c.adminFrame("jobs", "Background jobs"), Search: c.search()}
	if p.Jobs, err = c.s.Jobs(c.ctx(), registry.JobQuery{Page: page, Text: p.Search, Kinds: kindsCalled(p.Search)}); err != nil {
		return err
	}
	p.Pager = c.keyPager(p.Jobs.Next)
	return c.renderAs(http.StatusOK, "admin_jobs", p)
}

func collectGarbage(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	dry := c.field("dry_run") == "true"
	if err := c.s.SweepNow(c.ctx(), dry); err != nil {
		return err
	}
	c.flash("It begins within seconds; what it finds stands in the list.")
	return c.goTo("/admin/background_jobs")
}
