package browser

import (
	"strings"
	"testing"
)

// TestAdminActs: an administrator blocks somebody, revokes a token, makes a group,
// limits a project, and finds all of that in the log, also as CSV.
func TestAdminActs(t *testing.T) {
	home := serve(t)
	seed(t, home)
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		who := map[string]string{"desktop": "ada", "phone-dark": "grace"}[name]
		t.Run(name, func(t *testing.T) {
			tr := &trainer{t: t, home: home}
			tr.post("/api/v4/projects/vision%2Fflowers/access_tokens", map[string]any{"name": "of " + name, "scopes": []string{"api"}, "access_level": 30, "expires_at": "2096-01-31"})
			b := open(t, home, l)
			b.signIn()
			b.visit("/admin/users/" + who)
			b.click(`details:has(form[action$="/block"]) > summary`)
			b.follow(`form[action$="/block"] .button`)
			b.wait(`h1 .badge.warn`)
			b.visit("/admin/credentials?search=of+" + name)
			b.click(".ask > summary")
			b.follow(".ask form .button")
			b.visit("/admin/credentials?search=of+" + name)
			b.says("No token here")
			b.visit("/admin/groups")
			b.follow(`main a.main[href="/groups/new"]`)
			b.fill(`input[name="name"]`, "Labs "+name)
			b.fill(`input[name="path"]`, "labs-"+name)
			b.follow("main form .main")
			b.says("Labs " + name)
			b.limits(map[string]string{"desktop": "100", "phone-dark": "200"}[name])
			b.logs(who)
		})
	}
}

// limits sets how many MiB a project may take up.
func (b *tab) limits(mib string) {
	b.t.Helper()
	b.visit("/vision/flowers/-/usage_quotas")
	b.click("details.danger summary")
	get[bool](b, `(() => { const s = document.querySelector("select[name=limit]"); s.selectedIndex = s.options.length - 1; return true; })()`)
	get[bool](b, `(() => { document.querySelector("input[name=mib]").value = ""; return true; })()`)
	b.fill(`input[name="mib"]`, mib)
	b.follow("details.danger .button")
	b.visit("/vision/flowers/-/usage_quotas")
	b.says("of " + mib + " MiB that it may have")
	b.shot("limited")
}

// logs finds in the audit log that somebody was blocked, and takes it along.
func (b *tab) logs(who string) {
	b.t.Helper()
	b.visit("/admin/audit_logs")
	b.fill(`input[name="search"][maxlength="255"]`, who)
	b.follow(`form[aria-label="Narrow the log"] .button`)
	b.says("root blocked " + who)
	b.shot("log")
	if csv := get[string](b, `fetch(document.querySelector("a[download]").href).then(r => r.text())`); !strings.HasPrefix(csv, "id,created_at,") || !strings.Contains(csv, "user.blocked") {
		b.t.Errorf("the log as CSV: %.300s", csv)
	}
}
