package web

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// visitor is somebody with a token, who reads pages and sends forms.
type visitor struct {
	t   *testing.T
	w   *apitest.World
	who string
}

// get reads a page that has to be there.
func (v visitor) get(path string) string {
	v.t.Helper()
	got := v.w.Do(v.t, http.MethodGet, path, v.who, "")
	if got.Code != http.StatusOK {
		v.t.Fatalf("%s: GET %s answered %d %s", v.who, path, got.Code, got.Header().Get("Location"))
	}
	return html.UnescapeString(got.Body.String())
}

// leads gives where an address leads to.
func (v visitor) leads(path string) string {
	v.t.Helper()
	return v.w.Do(v.t, http.MethodGet, path, v.who, "").Header().Get("Location")
}

// send sends a form: name, value, name, value …
func (v visitor) send(path string, fields ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Private-Token", v.w.Tokens[v.who])
	rec := httptest.NewRecorder()
	v.w.Handler.ServeHTTP(rec, r)
	return rec
}

// does sends a form that works and leads on.
func (v visitor) does(path, to string, fields ...string) {
	v.t.Helper()
	if got := v.send(path, fields...); got.Code != http.StatusSeeOther || got.Header().Get("Location") != to {
		v.t.Fatalf("%s: POST %s %q answered %d to %q, want %q: %s", v.who, path, fields, got.Code, got.Header().Get("Location"), to, problemIn(got.Body.String()))
	}
}

var problemText = regexp.MustCompile(`(?s)role="alert">(.*?)</p>`)

func problemIn(page string) string {
	if m := problemText.FindStringSubmatch(page); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// fails sends a form that is shown again with a problem.
func (v visitor) fails(path, problem string, fields ...string) {
	v.t.Helper()
	got := v.send(path, fields...)
	if p := problemIn(got.Body.String()); got.Code != again || !strings.Contains(p, problem) {
		v.t.Errorf("%s: POST %s %q answered %d with %q, want %q", v.who, path, fields, got.Code, p, problem)
	}
}

func has(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(page, s) {
			t.Errorf("the page lacks %q", s)
		}
	}
}

func lacks(t *testing.T, page string, not ...string) {
	t.Helper()
	for _, s := range not {
		if strings.Contains(page, s) {
			t.Errorf("the page has %q", s)
		}
	}
}

// TestMembers: a maintainer adds, changes and removes members, as far as the own
// role reaches.
func TestMembers(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "maintainer"}
	const page = "/root/private/-/project_members"
	one := page + "/" + itoa(w.IDs["stranger"])
	v.fails(page, "no user with that name", "username", "nemo", "role", "20")
	v.fails(page, "no date", "username", "stranger", "role", "20", "expires_at", "tomorrow")
	v.fails(page, "above your own", "username", "stranger", "role", "50")
	v.does(page, page, "username", "stranger", "role", "20", "expires_at", "2096-01-31")
	has(t, v.get(page), "@stranger", `value="2096-01-31"`)
	v.does(one, page, "role", "30", "expires_at", "")
	m, err := w.Registry.As(auth.System()).Member(t.Context(), registry.PlaceRef{Project: registry.ProjectRef{Path: "root/private"}}, w.IDs["stranger"], false)
	if err != nil || m.Role != registry.Developer || !m.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	v.fails(page, "already exists", "username", "stranger", "role", "20")
	v.does(one+"/delete", page)
	lacks(t, v.get(page), "@stranger")
	lacks(t, visitor{t, w, "guest"}.get(page), "Add member", "Remove")
}

// TestInheritedMembers: a project of a group shows the members of the group, and
// where they can be changed.
func TestInheritedMembers(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "owner"}
	v.does("/-/projects", "/crew/lamp", "name", "Lamp", "namespace", "crew", "visibility", "private")
	page := v.get("/crew/lamp/-/project_members")
	has(t, page, "@guest", `href="/groups/crew/-/group_members"`)
	lacks(t, page, "Remove guest")
	lacks(t, v.get("/crew/lamp/-/project_members?with_inherited_permissions=exclude"), "@guest")
	has(t, v.get("/groups/crew/-/group_members?search=gue"), "@guest", "Remove guest")
}

// made gives the secret that a page shows.
func made(t *testing.T, got *httptest.ResponseRecorder) string {
	t.Helper()
	_, rest, ok := strings.Cut(got.Body.String(), `class="secret"`)
	m := regexp.MustCompile(`<code>(vt[a-z]+-\w+)</code>`).FindStringSubmatch(rest)
	if got.Code != http.StatusOK || !ok || m == nil {
		t.Fatalf("answered %d without a secret: %s", got.Code, problemIn(got.Body.String()))
	}
	return m[1]
}

// TestTokenPages: a secret is shown once, works, is replaced, and ends.
func TestTokenPages(t *testing.T) {
	w := newWorld(t)
	works := func(secret string) bool {
		_, err := w.Auth.Authenticate(t.Context(), auth.Credential{Secret: secret})
		return err == nil
	}
	for page, fields := range map[string][]string{
		"/-/user_settings/personal_access_tokens": {"name", "laptop", "scopes", "api"},
		"/root/private/-/settings/access_tokens":  {"name", "ci", "scopes", "api", "scopes", "read_api", "role", "30"},
		"/groups/crew/-/settings/access_tokens":   {"name", "ci", "scopes", "read_api", "role", "20"},
		"/root/private/-/settings/repository":     {"name", "cluster", "scopes", "read_package_registry"},
		"/groups/crew/-/settings/repository":      {"name", "cluster", "scopes", "read_package_registry", "username", "k8s"},
	} {
		v, form := visitor{t, w, "owner"}, page
		if strings.HasSuffix(page, "/repository") {
			form += "/deploy_tokens"
		}
		v.fails(form, "Scopes can't be blank", "name", "x", "role", "30")
		v.fails(form, "in the future", append(fields, "expires_at", "2020-01-01")...)
		got := v.send(form, append(fields, "expires_at", "2096-01-31")...)
		secret := made(t, got)
		if cache := got.Header().Get("Cache-Control"); !works(secret) || cache != "no-store" {
			t.Errorf("%s: works %t, cached %q", page, works(secret), cache)
		}
		seen := v.get(page)
		has(t, seen, fields[1], "2096")
		lacks(t, seen, secret)
		one := regexp.MustCompile(regexp.QuoteMeta(form)+`/(\d+)/revoke"`).FindAllStringSubmatch(seen, -1)
		if one == nil {
			t.Fatalf("%s: no token can be revoked", page)
		}
		id := one[0][1]
		if strings.HasSuffix(page, "tokens") {
			next := made(t, v.send(form+"/"+id+"/rotate", "expires_at", "2096-02-01"))
			if works(secret) || !works(next) {
				t.Errorf("%s: rotated, the old works %t, the new %t", page, works(secret), works(next))
			}
			secret, id = next, regexp.MustCompile(regexp.QuoteMeta(form) + `/(\d+)/revoke"`).FindStringSubmatch(v.get(page))[1]
		} else {
			id = one[len(one)-1][1]
		}
		v.does(form+"/"+id+"/revoke", page)
		if works(secret) {
			t.Errorf("%s: revoked, and it works", page)
		}
	}
}

// TestForeignTokens: nobody ends the tokens of others.
func TestForeignTokens(t *testing.T) {
	w := newWorld(t)
	k, err := w.Registry.As(auth.System()).CreateToken(t.Context(), w.IDs["owner"], registry.TokenSpec{Name: "x", Scopes: []string{"api"}})
	apitest.OK(t, err)
	for _, act := range []string{"rotate", "revoke"} {
		if got := (visitor{t, w, "stranger"}).send("/-/user_settings/personal_access_tokens/" + itoa(k.ID) + "/" + act); got.Code != 404 {
			t.Errorf("%s: %d", act, got.Code)
		}
	}
	lacks(t, visitor{t, w, "stranger"}.get("/-/user_settings/personal_access_tokens"), ">owner<", ">x<")
}

// TestSettings: a project is changed, renamed, archived, moved and deleted.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	v, base := visitor{t, w, "owner"}, "/root/private/-/edit"
	form := []string{"name", "Lamps", "description", "All of them", "visibility", "public", modelsField, "private", experimentsField, "disabled",
		packagesField, "enabled", "duplicates_except", "^raw"}
	v.does(base, base, form...)
	p, err := w.Registry.As(auth.System()).Project(t.Context(), registry.ProjectRef{Path: "root/private"})
	apitest.OK(t, err)
	if p.Name != "Lamps" || p.Description != "All of them" || p.Visibility != registry.Public || !p.Duplicates.Refused || p.Duplicates.Except != "^raw" ||
		p.Features != (registry.Features{Models: registry.MembersOnly, Experiments: registry.Disabled, Packages: registry.Enabled}) {
		t.Errorf("%+v", p)
	}
	v.fails(base, "Name can't be blank", append(form[2:], "name", "")...)
	v.fails(base+"/path", "Path", "path", "a b")
	v.does(base+"/path", "/root/lamps/-/edit", "path", "lamps")
	base = "/root/lamps/-/edit"
	v.does(base+"/archive", base, "archived", "true")
	if got := v.send("/root/lamps/-/ml/models", "name", "late"); got.Code != 403 || !strings.Contains(got.Body.String(), "archived") {
		t.Errorf("an archived project was changed: %d", got.Code)
	}
	v.does(base+"/archive", base, "archived", "false")
	v.fails(base+"/transfer", "no such group", "namespace", "nowhere")
	v.does(base+"/transfer", "/crew/lamps/-/edit", "namespace", "crew")
	base = "/crew/lamps/-/edit"
	v.fails(base+"/delete", "nothing was deleted", "confirm", "lamps")
	v.does(base+"/delete", "/", "confirm", "crew/lamps")
	if got := w.Do(t, "GET", base, "owner", ""); got.Code != 404 {
		t.Errorf("deleted, and %d", got.Code)
	}
}

// TestMaintainerSettings: what only owners may is not offered to others.
func TestMaintainerSettings(t *testing.T) {
	w := newWorld(t)
	page := visitor{t, w, "maintainer"}.get("/root/private/-/edit")
	has(t, page, "Archive the project")
	lacks(t, page, "Move the project", "Delete this project")
	lacks(t, visitor{t, w, "developer"}.get("/root/private/-/ml/models"), ">Settings<")
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "owner"}
	has(t, v.get("/dashboard/groups"), `href="/groups/crew"`, `href="/groups/crew/night"`)
	lacks(t, visitor{t, w, "stranger"}.get("/dashboard/groups"), "crew")
	has(t, v.get("/groups/crew"), "Night shift", "No project yet", `href="/-/projects/new?namespace=crew"`)
	v.fails("/groups", "Path", "name", "Bad", "path", "a b", "visibility", "private")
	v.fails("/groups", "no such group", "name", "X", "path", "x", "parent", "nowhere")
	v.does("/groups", "/groups/crew/day", "name", "Day", "path", "day", "parent", "crew", "visibility", "private")
	v.does("/groups/crew/day/-/edit", "/groups/crew/noon/-/edit", "name", "Noon", "path", "noon", "visibility", "private", "description", "d")
	v.does("/groups/crew/noon/-/edit/transfer", "/groups/noon/-/edit", "parent", "")
	v.fails("/groups/noon/-/edit/transfer", "root group", "parent", "")
	v.fails("/groups/noon/-/edit/delete", "nothing was deleted", "confirm", "crew/noon")
	v.does("/groups/noon/-/edit/delete", "/dashboard/groups", "confirm", "noon")
	lacks(t, v.get("/dashboard/groups"), "noon")
}

// TestGitLabAddresses: addresses as GitLab's users have them lead to our pages.
func TestGitLabAddresses(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "owner"}
	for path, want := range map[string]string{"/crew": "/groups/crew", "/crew/night": "/groups/crew/night", "/root": "/groups/root",
		"/root/private": "/root/private/-/ml/models", "/root/private/edit": "/root/private/-/edit", "/-/profile": "/-/user_settings/profile"} {
		if got := v.leads(path); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	has(t, v.get("/groups/root"), "root/private", "root/public")
	has(t, v.get("/projects/new"), `value="owner"`)
	if got := w.Do(t, "GET", "/crew", "stranger", ""); got.Code != 404 {
		t.Errorf("a stranger asks for a private group: %d", got.Code)
	}
}

// TestPassword: a person changes the password in a browser, and has to sign in
// again.
func TestPassword(t *testing.T) {
	w := newWorld(t)
	k, err := w.Registry.As(auth.Actor{}).SignIn(t.Context(), "root", "correct horse", registry.Browser{})
	apitest.OK(t, err)
	change := func(present, next, again string) *httptest.ResponseRecorder {
		form := url.Values{"password": {present}, "new_password": {next}, "password_confirmation": {again}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/-/user_settings/password", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: k.Secret})
		rec := httptest.NewRecorder()
		w.Handler.ServeHTTP(rec, r)
		return rec
	}
	for problem, in := range map[string][3]string{"is not right": {"wrong horse", "better horse", "better horse"},
		"differ": {"correct horse", "better horse", "other horse"}, "8 to 128": {"correct horse", "short", "short"}} {
		if got := change(in[0], in[1], in[2]); got.Code != again || !strings.Contains(problemIn(got.Body.String()), problem) {
			t.Errorf("%v: %d %q", in, got.Code, problemIn(got.Body.String()))
		}
	}
	if got := change("correct horse", "better horse", "better horse"); got.Code != 303 || got.Header().Get("Location") != "/users/sign_in" {
		t.Fatalf("%d %q", got.Code, problemIn(got.Body.String()))
	}
	if got := change("better horse", "best horse ever", "best horse ever"); got.Code != 401 {
		t.Errorf("the browser is still signed in: %d", got.Code)
	}
	_, err = w.Registry.As(auth.Actor{}).SignIn(t.Context(), "root", "better horse", registry.Browser{})
	apitest.OK(t, err)
	owner := visitor{t, w, "owner"}
	owner.fails("/-/user_settings/password", "in a browser", "password", "a", "new_password", "b", "password_confirmation", "b")
}

// TestLeave: a member leaves by themselves; the last owner of a group cannot, and
// who is no member is told.
func TestLeave(t *testing.T) {
	w := newWorld(t)
	guest := visitor{t, w, "guest"}
	has(t, guest.get("/root/private/-/project_members"), "Leave the project")
	guest.does("/root/private/-/project_members/leave", "/")
	if got := w.Do(t, "GET", "/root/private/-/project_members", "guest", ""); got.Code != 404 {
		t.Errorf("left, and sees the members: %d", got.Code)
	}
	guest.does("/groups/crew/-/group_members/leave", "/")
	visitor{t, w, "owner"}.fails("/groups/crew/-/group_members/leave", "needs an owner")
	visitor{t, w, "boss"}.fails("/root/private/-/project_members/leave", "no member here")
	lacks(t, visitor{t, w, "boss"}.get("/root/private/-/project_members"), "Leave the project")
}
