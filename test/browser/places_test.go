package browser

import (
	"net/http"
	"strings"
	"testing"
)

// looks are the ways in which pages are looked at.
var looks = map[string]look{"desktop": desktop, "desktop-dark": desktopDark, "phone": phone, "phone-dark": phoneDark}

// as looks at the server as root does who has signed in, in each way.
func as(t *testing.T, home string, do func(b *tab)) {
	t.Helper()
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			do(b)
		})
	}
}

// page loads a page, keeps a picture of it, and judges it.
func (b *tab) page(name, path string) {
	b.t.Helper()
	b.visit(path)
	b.wait("h1")
	b.shot(name)
	b.look(path)
}

// TestPlacePages looks at the pages around a project and a group.
func TestPlacePages(t *testing.T) {
	home := serve(t)
	seed(t, home)
	as(t, home, func(b *tab) {
		b.page("groups", "/dashboard/groups")
		b.page("group", "/groups/vision")
		b.page("group-settings", "/groups/vision/-/edit")
		b.page("members", "/vision/flowers/-/project_members")
		b.page("settings", "/vision/flowers/-/edit")
		b.page("access-tokens", "/vision/flowers/-/settings/access_tokens")
		b.page("deploy-tokens", "/vision/flowers/-/settings/repository")
		b.page("own-tokens", "/-/user_settings/personal_access_tokens")
		b.page("profile", "/-/user_settings/profile")
		b.page("sessions", "/-/user_settings/active_sessions")
		b.page("password", "/-/user_settings/password/edit")
		b.page("new-group", "/groups/new")
		b.page("new-project", "/-/projects/new")
	})
}

// seed makes a group with a project, members and tokens.
func seed(t *testing.T, home string) {
	t.Helper()
	tr := &trainer{t: t, home: home}
	tr.post("/api/v4/groups", map[string]any{"name": "Vision", "path": "vision", "description": "Everything that sees"})
	tr.post("/api/v4/groups", map[string]any{"name": "Night shift", "path": "night", "parent_id": 2})
	tr.post("/api/v4/projects", map[string]any{"name": "flowers", "namespace_id": 2, "description": "Which flower is it?"})
	for _, name := range []string{"ada", "grace"} {
		tr.post("/api/v4/users", map[string]any{"username": name, "name": strings.ToUpper(name[:1]) + name[1:], "email": name + "@example.org", "password": "correct horse battery staple"})
	}
	tr.post("/api/v4/groups/vision/members", map[string]any{"user_id": 2, "access_level": 40})
	tr.post("/api/v4/projects/vision%2Fflowers/members", map[string]any{"user_id": 3, "access_level": 30, "expires_at": "2096-01-31"})
	tr.post("/api/v4/projects/vision%2Fflowers/access_tokens", map[string]any{"name": "training in CI", "scopes": []string{"api", "read_api"}, "access_level": 30, "expires_at": "2096-01-31"})
	tr.post("/api/v4/projects/vision%2Fflowers/deploy_tokens", map[string]any{"name": "kitchen cluster", "scopes": []string{"read_package_registry"}})
}

// TestTokenOnThePage: a person makes a token, copies it, and it works; then it is
// seen no more.
func TestTokenOnThePage(t *testing.T) {
	home := serve(t)
	b := open(t, home, desktop)
	b.signIn()
	b.click(".face")
	b.follow(`a[href="/-/user_settings/personal_access_tokens"]`)
	b.click("details.more > summary")
	b.fill(`input[name="name"]`, "laptop")
	b.follow("details.more form .button.main")
	b.wait(".secret")
	b.shot("made")
	secret := get[string](b, `document.querySelector(".secret code").textContent`)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, home+"/api/v4/user", nil)
	ok(t, err)
	req.Header.Set("Private-Token", secret)
	res, err := http.DefaultClient.Do(req)
	ok(t, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the token %q is answered %d", secret, res.StatusCode)
	}
	b.visit("/-/user_settings/personal_access_tokens")
	if page := b.text("main"); strings.Contains(page, secret) || !strings.Contains(page, "laptop") {
		t.Errorf("afterwards the page says %s", page)
	}
}

// TestMemberOnThePage: a person adds a member by the keyboard and removes them.
func TestMemberOnThePage(t *testing.T) {
	home := serve(t)
	seed(t, home)
	b := open(t, home, phone)
	b.signIn()
	b.visit("/root/default/-/project_members")
	b.fill(`input[name="username"]`, "ada\r")
	b.wait(`form[action$="/2"]`)
	b.click(`tr:has(form[action$="/2"]) details.ask > summary`)
	b.follow(`form[action$="/2/delete"] .button.bad`)
	b.wait(`main:not(:has(form[action$="/2"])) .flash`)
}
