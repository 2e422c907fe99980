package web

import (
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestUsage: the sizes of a project and of the server are told, the largest
// first.
func TestUsage(t *testing.T) {
	w := newWorld(t)
	sys := w.Registry.As(auth.System())
	version := registry.PackageRef{VersionID: w.IDs["private/version"]}
	apitest.OK(t, apitest.Put(t.Context(), sys, registry.ProjectRef{ID: w.IDs["private"]}, version, "large.bin", string(make([]byte, 3000))))
	apitest.OK(t, apitest.Put(t.Context(), sys, registry.ProjectRef{ID: w.IDs["public"]}, registry.PackageRef{Generic: "data", Version: "7"}, "d", "data"))
	u, err := sys.ProjectUsage(t.Context(), registry.ProjectRef{ID: w.IDs["private"]})
	apitest.OK(t, err)
	// "weights", 3000 zeros, and the candidate's "log".
	if u.Size != 3010 || len(u.Models) != 1 || u.Models[0].Size != 3010 || u.Models[0].Packages != 2 || len(u.Versions) != 2 ||
		u.Versions[0].VersionID != version.VersionID || u.Versions[0].Size != 3007 || u.Versions[1].VersionID != 0 {
		t.Errorf("%+v", u)
	}
	page := visitor{t, w, "maintainer"}.get("/root/private/-/usage_quotas")
	has(t, page, `title="3`+"\u202f"+`010 bytes"`, ">iris 1.0.0<", `/-/ml/candidates/`+itoa(w.IDs["private/run"])+`">candidate `)
	lacks(t, page, "root/public")
	has(t, visitor{t, w, "boss"}.get("/admin/usage"), ">root/private<", "data 7", "in 4 contents, each kept once", `data-label="Limit">none<`)
	limit := int64(6020)
	_, err = sys.EditProject(t.Context(), registry.ProjectRef{ID: w.IDs["private"]}, registry.ProjectEdit{StorageLimit: &limit})
	apitest.OK(t, err)
	has(t, visitor{t, w, "maintainer"}.get("/root/private/-/usage_quotas"), ">50 %</meter>", "50 % used", "5.88 KiB")
	has(t, visitor{t, w, "boss"}.get("/admin/usage"), `title="6`+"\u202f"+`020 bytes"`)
	apitest.OK(t, sys.DeleteProject(t.Context(), registry.ProjectRef{ID: w.IDs["private"]}))
	lacks(t, visitor{t, w, "boss"}.get("/admin/usage"), "root/private")
}

// TestLimitForm: an administrator sets how much a project may take up, as the form
// says it again; nobody else is offered it.
func TestLimitForm(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	const page, form = "/root/private/-/usage_quotas", "/admin/usage/limit"
	lacks(t, visitor{t, w, "maintainer"}.get(page), form)
	has(t, v.get(page), form, `<option value="server" selected>`)
	for _, c := range []struct {
		sort, mib, shown string
		limit            int64
	}{
		{"own", "1.5", `value="1.5"`, 3 << 19}, {"own", "0.00095367431640625", `value="0.00095367431640625"`, 1000},
		{"none", "7", `<option value="none" selected>`, registry.Unlimited}, {"server", "", `<option value="server" selected>`, 0},
	} {
		v.does(form, page, "project", "root/private", "limit", c.sort, "mib", c.mib)
		has(t, v.get(page), c.shown)
		p, err := w.Registry.As(auth.System()).Project(t.Context(), registry.ProjectRef{ID: w.IDs["private"]})
		apitest.OK(t, err)
		if p.StorageLimit != c.limit {
			t.Errorf("%s %s sets %d", c.sort, c.mib, p.StorageLimit)
		}
	}
	for _, mib := range []string{"", "0", "-1", "x", "NaN", "1e300", "1e-9"} {
		v.fails(form, "number of MiB", "project", "root/private", "limit", "own", "mib", mib)
	}
	v.fails(form, "Choose", "project", "root/private", "limit", "half")
	v.fails(form, "full path", "limit", "none")
	v.fails(form, "no project root/nothing", "project", "root/nothing", "limit", "none")
}

// TestJobPages: an administrator asks for a collection, and reads what came of
// jobs.
func TestJobPages(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	has(t, v.get("/admin/background_jobs"), "No job yet")
	v.does("/admin/background_jobs/collect", "/admin/background_jobs", "dry_run", "true")
	v.does("/admin/background_jobs/collect", "/admin/background_jobs", "dry_run", "true") // one waits
	q := w.Store.Queue()
	j, found, err := q.Claim(t.Context(), []jobs.Kind{registry.SweepKind}, time.Now(), time.Minute)
	if err != nil || !found || j.Args != registry.SweepDry {
		t.Fatalf("%+v %t %v", j, found, err)
	}
	has(t, v.get("/admin/background_jobs"), "Garbage collection, dry run", "running", "not yet")
	apitest.OK(t, q.Finish(t.Context(), j.ID, jobs.Done, "would remove 7 contents"))
	page := v.get("/admin/background_jobs")
	has(t, page, "done", "would remove 7 contents")
	for _, text := range []string{"GARBAGE", "remove+7", "done", "gc.sw"} {
		has(t, v.get("/admin/background_jobs?search="+text), "would remove 7 contents")
	}
	has(t, v.get("/admin/background_jobs?search=old+events"), "Nothing matches")
	lacks(t, page, "waiting")
	v.does("/admin/background_jobs/collect", "/admin/background_jobs")
	if j, found, err = q.Claim(t.Context(), []jobs.Kind{registry.SweepKind}, time.Now(), time.Minute); err != nil || !found || j.Args != "" {
		t.Errorf("%+v %t %v", j, found, err)
	}
}

func TestOverview(t *testing.T) {
	w := newWorld(t)
	has(t, visitor{t, w, "boss"}.get("/admin"), "<dt>Users</dt><dd>9</dd>", "<dt>Projects</dt><dd>4</dd>", "<dt>Models</dt><dd>3</dd>", "<dt>Versions</dt><dd>3</dd>", "<dt>Groups</dt><dd>2</dd>")
	for d, want := range map[time.Duration]string{5 * time.Second: "5 seconds", time.Minute: "1 minute", 61 * time.Minute: "1 hour 1 minute", 49 * time.Hour: "2 days 1 hour"} {
		if got := lasted(d); got != want {
			t.Errorf("%v is %q", d, got)
		}
	}
}
