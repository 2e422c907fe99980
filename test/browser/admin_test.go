package browser

import (
	"strings"
	"testing"
	"time"
)

// TestAdminPages looks at what administrators and readers of histories see.
func TestAdminPages(t *testing.T) {
	home := serve(t)
	seed(t, home)
	tr := &trainer{t: t, home: home}
	tr.post("/api/v4/projects/vision%2Fflowers/ml/models", map[string]any{"name": "iris"})
	tr.post("/api/v4/projects/vision%2Fflowers/ml/models/1/versions", map[string]any{"version": "1.0.0"})
	as(t, home, func(b *tab) {
		b.page("users", "/admin/users")
		b.page("user", "/admin/users/ada")
		b.page("tokens", "/admin/credentials")
		b.page("audit", "/admin/audit_logs")
		b.page("activity", "/vision/flowers/-/activity")
		b.page("model-activity", "/vision/flowers/-/ml/models/1/activity")
	})
}

// TestNewUserOnThePage: an administrator makes an account, and the person signs
// in with the password that the page showed.
func TestNewUserOnThePage(t *testing.T) {
	home := serve(t)
	b := open(t, home, desktop)
	b.signIn()
	b.visit("/admin/users")
	b.click("details.more > summary")
	b.fill(`input[name="username"]`, "ada")
	b.fill(`input[name="name"]`, "Ada")
	b.fill(`input[name="email"]`, "ada@example.org")
	b.follow("details.more form .button.main")
	b.wait(".secret")
	password := get[string](b, `document.querySelector(".secret code").textContent`)

	other := open(t, home, phone)
	other.visit("/users/sign_in")
	other.fill(`input[name="login"]`, "ada")
	other.fill(`input[name="password"]`, password)
	other.follow("main form button")
	other.click(".face")
	if menu := other.text(".sheet"); strings.Contains(menu, "Administration") || !strings.Contains(menu, "Sign out") {
		t.Errorf("the menu of a person has %q", menu)
	}
}

// TestUpkeepPages looks at the state of the server, and lets it count its garbage.
func TestUpkeepPages(t *testing.T) {
	home := serve(t)
	seed(t, home)
	as(t, home, func(b *tab) {
		b.page("overview", "/admin")
		if page := b.text("main"); !strings.Contains(page, "ready") || !strings.Contains(page, "Free") || !strings.Contains(page, "Database") {
			b.t.Errorf("the overview says %s", page)
		}
		b.page("storage", "/admin/usage")
		b.page("project-storage", "/vision/flowers/-/usage_quotas")
		b.page("jobs", "/admin/background_jobs")
	})
	b := open(t, home, desktop)
	b.signIn()
	b.visit("/admin/background_jobs")
	b.follow("main form .button.main")
	b.wait(".flash")
	for end := time.Now().Add(patience); !strings.Contains(b.text("main"), "would remove 0 contents"); b.reload() {
		if time.Now().After(end) {
			b.t.Fatal("no dry run has ended")
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.shot("collected")
}
