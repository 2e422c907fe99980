package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// rows gives the texts of a column's links, in the order of the page.
func (b *tab) rows() []string {
	b.t.Helper()
	return get[[]string](b, `[...document.querySelectorAll("tbody .title")].map(e => e.textContent)`)
}

func (b *tab) wants(what string, want ...string) {
	b.t.Helper()
	if got := b.rows(); strings.Join(got, " ") != strings.Join(want, " ") {
		b.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// fillLists makes three models, one of which has many versions, one of them with a
// stage.
func fillLists(t *testing.T, home string) {
	t.Helper()
	tr := &trainer{t: t, home: home, api: atRoot}
	const models = "/api/v4/projects/root%2Fdefault/ml/models"
	for _, name := range []string{"ant", "bee", "cow"} {
		tr.post(models, map[string]any{"name": name, "metadata": []map[string]any{{"name": "task", "value": name + "-spotting"}}})
	}
	for _, v := range []string{"1.9.0", "1.10.0", "2.0.0-rc.1", "1.10.1", "2.0.0"} {
		made := tr.post(models+"/2/versions", map[string]any{"version": v})
		putFile(t, home, int64(made["id"].(float64)), "model.bin", strings.Repeat("x", 2048))
	}
	tr.post(atRoot+"model-versions/transition-stage", map[string]any{"name": "bee", "version": "1", "stage": "Staging"})
	ask(t, http.MethodPut, home+models+"/2/aliases/champion?version_id=2", nil)
	tr.post("/api/v4/users", map[string]any{"username": "ann", "name": "Ann", "email": "ann@example.org", "password": "correct horse battery staple"})
}

// TestLists: a person finds their way by the lists: models are searched and sorted,
// versions stand as their numbers say, and what they are shows beside them.
func TestLists(t *testing.T) {
	home := serve(t)
	fillLists(t, home)
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit("/root/default/-/ml/models")
			b.choose(`select[name="sort"]`, "name")
			b.wants("by name", "ant", "bee", "cow")
			if align := get[string](b, `getComputedStyle(document.querySelector("th.num")).textAlign`); align != "right" {
				t.Errorf("the head of a column of numbers stands %s", align)
			}
			b.shot("models")
			b.look("models")
			if row := b.text(`tbody tr:nth-child(2)`); !strings.Contains(row, "@champion") || !strings.Contains(row, "2.0.0") || !strings.Contains(row, "2 KiB") {
				t.Errorf("the row says %s", row)
			}
			if exact := get[string](b, `document.querySelector("tbody tr:nth-child(2) [title$='bytes']").title`); exact != "2\u202f048 bytes" {
				t.Errorf("the exact size is %q", exact)
			}
			b.fill(`main input[name="search"]`, "ow")
			b.follow(`main form[role="search"] .button`)
			b.wants("searched", "cow")
			b.visit("/root/default/-/ml/models/2/versions")
			b.wants("versions", "2.0.0", "2.0.0-rc.1", "1.10.1", "1.10.0", "1.9.0")
			b.shot("versions")
			b.look("versions")
			if row := b.text(`tbody tr:nth-child(5)`); !strings.Contains(row, "staging") {
				t.Errorf("the row says %s", row)
			}
			b.fill(`main input[name="search"]`, "1.10")
			b.follow(`main form[role="search"] .button`)
			b.wants("versions searched", "1.10.1", "1.10.0")
			if row := b.text(`tbody tr:nth-child(2)`); !strings.Contains(row, "@champion") {
				t.Errorf("the row says %s", row)
			}
		})
	}
}

// TestRename: a model gets another name, and a version loses a file, by their pages.
func TestRename(t *testing.T) {
	home := serve(t)
	id, address := newVersion(t, home, "caterpillar")
	for _, name := range []string{"keep.txt", "drop.txt"} {
		putFile(t, home, id, name, name)
	}
	b := open(t, home, phone)
	b.signIn()
	b.visit("/root/default/-/ml/models/1/edit")
	b.do(chromedp.SetValue(chromedp.CSS(`input[name="name"]`), "butterfly"))
	b.follow("main form.card .main")
	b.until(`document.querySelector("h1").textContent === "butterfly"`)
	b.visit(address)
	b.until(`document.querySelector("h1").textContent.includes("butterfly")`)
	b.click(`.tree summary[aria-label="Delete drop.txt"]`)
	b.shot("sure")
	b.look("sure")
	b.follow(`.tree details[open] .button.bad`)
	b.says("The file drop.txt is deleted")
	if got := sums(t, home, id); len(got) != 1 || got["keep.txt"] == "" {
		t.Errorf("the version has %v", got)
	}
}

// TestHomeIsOnesOwn: the first page of a person has the projects that they belong
// to, and the models that they may see.
func TestHomeIsOnesOwn(t *testing.T) {
	home := serve(t)
	fillLists(t, home)
	b := open(t, home, desktop)
	b.visit("/users/sign_in")
	b.fill(`input[name="login"]`, "ann")
	b.fill(`input[name="password"]`, "correct horse battery staple")
	b.follow("main form button")
	b.page("nothing", "/")
	if text := b.text("main"); strings.Contains(text, "root/default") || strings.Contains(text, "bee") {
		t.Errorf("she sees %s", text)
	}
	made(t, home+"/api/v4/projects/root%2Fdefault/members", `{"user_id":2,"access_level":20}`)
	b.page("hers", "/")
	if text := b.text("main"); !strings.Contains(text, "root/default") || !strings.Contains(b.text("aside"), "bee") {
		t.Errorf("she sees %s", text)
	}
	for search, found := range map[string]string{"task=bee-spotting": `a[href$="/ml/models/2"]`, "defau": `a[href="/root/default"]`} {
		b.fill(".find input", search)
		b.do(chromedp.SendKeys(chromedp.CSS(".find input"), "\r"))
		b.wait(fmt.Sprintf(`main:has(input[value=%q]) %s`, search, found))
		b.visit("/")
	}
}

// TestCopy: what the button copies is the command, also where the browser keeps its
// clipboard from pages, as over http.
func TestCopy(t *testing.T) {
	home := serve(t)
	b := open(t, home, desktop)
	b.signIn()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.Call(b.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted, Origin: home})
		b.must(err)
	}
	b.visit("/")
	want := get[string](b, `document.querySelector(".welcome pre code").textContent`)
	for _, kept := range []bool{false, true} {
		get[bool](b, `navigator.clipboard.writeText("").then(() => true)`)
		if kept {
			get[bool](b, `Object.defineProperty(navigator, "clipboard", { configurable: true, value: undefined }) && true`)
		}
		b.click(".welcome .copy")
		b.until(`document.querySelector(".welcome .copy").textContent === "Copied"`)
		get[bool](b, `delete navigator.clipboard`)
		if got := get[string](b, "navigator.clipboard.readText()"); got != want {
			t.Errorf("kept from the page %t: copied %q, want %q", kept, got, want)
		}
		b.until(`document.querySelector(".welcome .copy").textContent === "Copy"`)
	}
}
