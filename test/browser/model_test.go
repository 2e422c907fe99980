package browser

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// zipOf gives what the page's link to the whole version leads to, with the
// person's session.
const zipOf = `(async () => {
	const link = [...document.querySelectorAll("a")].find(a => a.innerText === "Download as zip");
	const bytes = new Uint8Array(await (await fetch(link.href)).arrayBuffer());
	return btoa(String.fromCharCode(...bytes));
})()`

// TestModelOnThePage: a person makes a model, writes its card and sees it while
// writing, makes two versions, compares them, and takes one along as a zip.
func TestModelOnThePage(t *testing.T) {
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			home := serve(t)
			b := open(t, home, l)
			b.signIn()
			b.visit("/root/default/-/ml/models/new")
			b.fill(`input[name="name"]`, "digits")
			b.follow("main form .main")
			b.wait(`a[href$="/-/ml/models/1/edit"]`)
			b.visit("/root/default/-/ml/models/1/edit")
			b.fill(`textarea[name="description"]`, "# Digits\n\nReads *digits*.")
			b.until(`document.querySelector(".preview em")?.innerText === "digits"`)
			b.narrow()
			b.shot("preview")
			b.follow("main form.card .main")
			b.wait(`.prose em`)
			for i, file := range []string{"old.txt", "new.txt"} {
				b.visit("/root/default/-/ml/models/1/versions")
				b.follow(`form[action$="/versions"] .main`)
				b.wait(`[data-part="facts"]`)
				putFile(t, home, int64(i+1), file, "what is in "+file)
			}
			b.compare()
			b.takeZip()
		})
	}
}

// compare ticks both versions of the model and looks at what differs.
func (b *tab) compare() {
	b.t.Helper()
	b.visit("/root/default/-/ml/models/1/versions")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('input[name="v"]').forEach(e => e.click())`))
	b.follow(`form[action$="/compare"] .button`)
	b.wait("table.compare")
	if page := b.text("main"); !strings.Contains(page, "old.txt") || !strings.Contains(page, "new.txt") {
		b.t.Errorf("the comparison shows %s", page)
	}
	b.narrow()
	b.shot("compare")
}

// takeZip checks the file that the version's page gives.
func (b *tab) takeZip() {
	b.t.Helper()
	b.visit("/root/default/-/ml/models/1/versions/1")
	raw, err := base64.StdEncoding.DecodeString(get[string](b, zipOf))
	b.must(err)
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	b.must(err)
	found := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		b.must(err)
		text, err := io.ReadAll(r)
		b.must(err)
		b.must(r.Close())
		found[f.Name] = string(text)
	}
	if len(found) != 2 || found["old.txt"] != "what is in old.txt" {
		b.t.Errorf("the zip has %v, and not the file and a manifest", found)
	}
}
