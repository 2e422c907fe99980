package web

import (
	"encoding/csv"
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestUsers: an administrator makes an account, whose password shows once,
// changes it, resets the password, blocks and deletes it.
func TestUsers(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	password := func(path string, fields ...string) string {
		t.Helper()
		got := v.send(path, fields...)
		_, rest, _ := strings.Cut(got.Body.String(), `class="secret"`)
		m := regexp.MustCompile(`<code>(\w{16})</code>`).FindStringSubmatch(rest)
		if got.Code != 200 || m == nil {
			t.Fatalf("answered %d without a password: %s", got.Code, problemIn(got.Body.String()))
		}
		return m[1]
	}
	signIn := func(name, password string) error {
		_, err := w.Registry.As(auth.Actor{}).SignIn(t.Context(), name, password, registry.Browser{})
		return err
	}
	v.fails("/admin/users", "Email is invalid", "username", "ada", "name", "Ada", "email", "nowhere")
	first := password("/admin/users", "username", "ada", "name", "Ada", "email", "ada@example.org")
	apitest.OK(t, signIn("ada", first))
	page := v.get("/admin/users?search=ada@ex")
	has(t, page, `href="/admin/users/ada"`)
	lacks(t, page, first, "stranger")
	v.does("/admin/users/ada", "/admin/users/countess", "username", "countess", "name", "Ada", "email", "ada@example.org", "admin", "true")
	has(t, v.get("/admin/users?filter=admins"), "countess", "boss")
	second := password("/admin/users/countess/password")
	if err := signIn("countess", first); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old password: %v", err)
	}
	apitest.OK(t, signIn("countess", second))
	v.does("/admin/users/countess/block", "/admin/users/countess", "blocked", "true")
	if err := signIn("countess", second); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("blocked, and signs in: %v", err)
	}
	has(t, v.get("/admin/users?filter=blocked"), "countess")
	v.fails("/admin/users/boss/block", "cannot block yourself", "blocked", "true")
	v.fails("/admin/users/countess/delete", "nothing was deleted", "confirm", "ada")
	v.does("/admin/users/countess/delete", "/admin/users", "confirm", "countess")
	v.fails("/admin/users/root/delete", "still owns projects", "confirm", "root")
}

// TestCredentials: an administrator sees everybody's tokens and ends one.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	page := v.get("/admin/credentials")
	has(t, page, `href="/admin/users/guest"`, `<a href="/root/private">`, `<a href="/crew">`, "robot")
	for _, secret := range w.Tokens {
		lacks(t, page, secret)
	}
	only := v.get("/admin/credentials?search=guest")
	id := regexp.MustCompile(`credentials/(\d+)/revoke`).FindStringSubmatch(only)
	lacks(t, only, "/admin/users/planner")
	v.does("/admin/credentials/"+id[1]+"/revoke", "/admin/credentials")
	if _, err := w.Auth.Authenticate(t.Context(), auth.Credential{Secret: w.Tokens["guest"]}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("revoked: %v", err)
	}
	has(t, v.get("/admin/credentials?state=inactive"), "guest", "expired", "revoked")
}

// TestAuditLog: what was done is found by who, where, when and about what.
func TestAuditLog(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	(visitor{t, w, "owner"}).does("/root/public/-/project_members", "/root/public/-/project_members", "username", "stranger", "role", "20")
	mark := `>stranger</span> as Reporter`
	for query, want := range map[string]bool{"": true, "user=OWNER": true, "user=guest": false, "project=root/public": true, "project=root/private": false,
		"topic=member": true, "topic=token": false, "created_after=2000-01-01": true, "created_before=2000-01-01": false, "created_after=2096-01-01": false,
		"search=STRANGER": true, "search=member+add&user=owner": true, "search=strangers": false,
		"user=owner&topic=member&project=root/public&created_after=2000-01-01&created_before=2096-01-01": true} {
		if page := v.get("/admin/audit_logs?" + query); strings.Contains(page, mark) != want {
			t.Errorf("%q: shown %t", query, !want)
		}
	}
	for query, want := range map[string]string{"project=root/nowhere": "no project root/nowhere", "created_after=today": "is no date"} {
		if got := w.Do(t, "GET", "/admin/audit_logs?"+query, "boss", ""); got.Code != again || !strings.Contains(problemIn(got.Body.String()), want) {
			t.Errorf("%q: %d %q", query, got.Code, problemIn(got.Body.String()))
		}
	}
	page := v.get("/admin/audit_logs")
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
	if next == nil {
		t.Fatal("all on one page")
	}
	lacks(t, v.get("/admin/audit_logs"+next[1]), mark)
	for _, secret := range w.Tokens {
		lacks(t, page, secret)
	}
}

// TestAuditOfRefusals: who looks for an account also finds the wrong passwords that
// were given for it, and from where it signed in.
func TestAuditOfRefusals(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	nobody := visitor{t, w, ""}
	nobody.send("/users/sign_in", "login", "ROOT", "password", "wrong")
	nobody.does("/users/sign_in", "/", "login", "root", "password", "correct horse")
	apitest.OK(t, w.Registry.FlushRefusals(t.Context()))
	has(t, v.get("/admin/audit_logs?user=Root&topic=user"), "gave a wrong password for", "signed in as", "from 192.0.2.1")
	lacks(t, v.get("/admin/audit_logs?user=guest"), "gave a wrong password for")
}

// TestAuditLogAsCSV: all of the log, as far as it is narrowed, without formulas.
func TestAuditLogAsCSV(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	(visitor{t, w, "owner"}).does("/root/public/-/project_members", "/root/public/-/project_members", "username", "stranger", "role", "20")
	_, err := w.Registry.As(auth.System()).CreateGroup(t.Context(), registry.GroupSpec{Name: "Sums", Path: "sums"})
	apitest.OK(t, err)
	read := func(query string) [][]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(v.get("/admin/audit_log_reports?" + query))).ReadAll()
		apitest.OK(t, err)
		return rows
	}
	if rows := read("user=owner&topic=member"); len(rows) != 2 || rows[1][6] != "member.added" || rows[1][8] != "stranger" || rows[1][7] != "root/public" {
		t.Errorf("the owner's work on members is %q", rows)
	}
	if rows := read(""); len(rows) < 20 || rows[0][0] != "id" || rows[1][8] != "sums" {
		t.Errorf("%d rows, the last %q", len(rows), rows[1])
	}
}

// TestUnlock: too many wrong passwords lock a name, which an administrator sees
// and lifts.
func TestUnlock(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "boss"}
	has(t, v.get("/admin/users/guest"), `href="/groups/crew">crew</a>`, `href="/root/private">root/private</a>`)
	lacks(t, v.get("/admin/users/guest"), "Too many wrong passwords")
	for range attempts {
		visitor{t, w, ""}.send("/users/sign_in", "login", "guest", "password", "wrong")
	}
	has(t, v.get("/admin/users/guest"), "Too many wrong passwords")
	v.does("/admin/users/guest/unlock", "/admin/users/guest")
	lacks(t, v.get("/admin/users/guest"), "Too many wrong passwords")
}
