package browser

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestReference looks at the reference page: every operation of the document
// is drawn, in every light and on every screen, and nobody else is asked.
func TestReference(t *testing.T) {
	home := serve(t)
	want := operations(t, home)
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.visit("/-/api")
			b.wait(".swagger-ui .opblock")
			b.shot("top")
			b.narrow()
			if got := len(drawn(b)); got != want {
				t.Errorf("%d operations are drawn, the document has %d", got, want)
			}
			background := get[string](b, "getComputedStyle(document.body).backgroundColor")
			if dark := background != "rgb(255, 255, 255)"; dark != l.dark {
				t.Errorf("the background is %s", background)
			}
			b.visit("/-/api#/Models/createProjectModel")
			b.reload()
			b.wait("#operations-Models-createProjectModel .responses-table")
			b.do(scrollTo("#operations-Models-createProjectModel"))
			b.shot("operation")
			b.narrow()
		})
	}
}

// TestTryIt asks the server from the page, first as nobody and then with a
// token.
func TestTryIt(t *testing.T) {
	home := serve(t)
	b := open(t, home, desktop)
	b.visit("/-/api#/Users/getCurrentUser")
	const op = "#operations-Users-getCurrentUser"
	b.click(op + " .try-out__btn")
	b.click(op + " .execute")
	b.until(`document.querySelector("` + op + ` .live-responses-table .response .response-col_status")?.innerText.includes("401")`)
	if errs := b.expectErrors(); len(errs) != 1 || !strings.Contains(errs[0], "401") {
		t.Errorf("console: %q", errs)
	}

	b.click(".auth-wrapper .authorize")
	if first := b.text(".modal-ux .auth-container h4"); !strings.Contains(first, "privateToken") {
		t.Errorf("the first way to sign in is %s", first)
	}
	b.shot("authorize")
	b.fill(".modal-ux .auth-container input", rootToken)
	b.click(".modal-ux .auth-container .authorize")
	b.click(".modal-ux .btn-done")
	b.click(op + " .execute")
	b.until(`document.querySelector("` + op + ` .live-responses-table .response .response-col_status")?.innerText.includes("200")`)
	if body := b.text(op + " .live-responses-table .response .response-col_description .highlight-code"); !strings.Contains(body, `"username": "root"`) {
		t.Errorf("the answer is %s", body)
	}
	b.shot("answer")
}

// drawn scrolls through the page and gives the operations that it met: those
// out of sight are not in the page.
func drawn(b *tab) map[string]bool {
	b.t.Helper()
	seen := map[string]bool{}
	look := func() {
		for _, id := range get[[]string](b, `[...document.querySelectorAll(".opblock")].map((e) => e.id)`) {
			seen[id] = true
		}
	}
	for range 400 {
		look()
		// Two frames: one to scroll, one to draw.
		if get[bool](b, `new Promise((done) => {
			window.scrollBy(0, window.innerHeight / 2);
			requestAnimationFrame(() => requestAnimationFrame(() =>
				done(window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 1)));
		})`) {
			break
		}
	}
	look()
	return seen
}

// operations counts what the document of a server describes.
func operations(t *testing.T, home string) int {
	t.Helper()
	res, err := http.Get(home + "/api/v4/openapi.json")
	ok(t, err)
	defer res.Body.Close()
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	ok(t, json.NewDecoder(res.Body).Decode(&doc))
	n := 0
	for _, item := range doc.Paths {
		n += len(item)
	}
	if n < 100 {
		t.Fatalf("the document has only %d operations", n)
	}
	return n
}
