package browser

import (
	"strings"
	"testing"
)

// TestProfileOnThePage: a person changes their name, and it stays.
func TestProfileOnThePage(t *testing.T) {
	b := open(t, serve(t), desktop)
	b.signIn()
	b.click(".face")
	b.follow(`.sheet a[href="/-/user_settings/profile"]`)
	b.fill(`input[name="name"]`, " the First")
	b.follow(`form[action="/-/user_settings/profile"] .button.main`)
	b.wait(".flash")
	b.reload()
	if name := get[string](b, `document.querySelector("input[name=name]").value`); !strings.Contains(name, "the First") {
		t.Errorf("the saved name is %q", name)
	}
}

// TestSessionsOnThePage: a person sees two browsers, and signs the other one out.
func TestSessionsOnThePage(t *testing.T) {
	home := serve(t)
	other, b := open(t, home, phone), open(t, home, desktop)
	other.signIn()
	b.signIn()
	b.click(".face")
	b.follow(`.sheet a[href="/-/user_settings/active_sessions"]`)
	const rows = `document.querySelectorAll("main tbody tr").length`
	if page := b.text("main"); strings.Count(page, "this one") != 1 || get[int](b, rows) != 2 || !strings.Contains(page, "Chrome on") {
		t.Errorf("the page says %s", page)
	}
	b.follow(`form[action$="/end"] .button`)
	b.wait(".flash")
	if n := get[int](b, rows); n != 1 {
		t.Errorf("with the other one signed out there are %d", n)
	}
	other.visit("/-/user_settings/profile")
	other.wait(`input[name="login"]`)
}
