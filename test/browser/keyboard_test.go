package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// stops numbers what can be reached on the page by the Tab key, and gives how many
// there are. Of buttons that exclude each other only the chosen one is a stop.
const stops = `(() => {
	const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")].filter(e => e.checkVisibility() && !e.disabled &&
		!(e.type === "radio" && !e.checked && document.querySelector("input[type=radio][name='" + e.name + "']:checked")));
	all.forEach((e, i) => { e.dataset.stop = i; });
	all[0].focus(); // some pages begin in a field
	return all.length;
})()`

// stop gives the number of what has the focus, -1 for anything else; -2 when
// nobody sees that it has.
const stop = `(() => {
	const e = document.activeElement;
	if (!e.dataset.stop) return -1;
	const box = e.getBoundingClientRect(), seen = getComputedStyle(e).outlineStyle !== "none" && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
	return seen ? Number(e.dataset.stop) : -2;
})()`

// tabThrough presses the Tab key until the end of the page: it leads to all that
// can be used, in the order of the page, and shows where one is.
func (b *tab) tabThrough(path string) {
	b.t.Helper()
	want := get[int](b, stops)
	reached := 0
	for presses := 0; reached < want-1 && presses < 6*want; presses++ { // a date has several stops
		b.do(chromedp.KeyEvent("\t"))
		switch at := get[int](b, stop); {
		case at == -2:
			b.t.Errorf("%s: behind %d of %d nobody sees where one is: %s", path, reached, want, get[string](b, "document.activeElement.outerHTML"))
			return
		case at > reached+1:
			b.t.Errorf("%s: from %d of %d the key leads to %d: %s", path, reached, want, at, get[string](b, "document.activeElement.outerHTML"))
			return
		case at >= 0:
			reached = at
		}
	}
	if reached != want-1 {
		b.t.Errorf("%s: the key leads to %d of %d", path, reached+1, want)
	}
}

// TestKeys: the first key leads past the head of the page; a menu is opened,
// walked and closed by keys, and closes when somebody clicks elsewhere.
func TestKeys(t *testing.T) {
	home := serve(t)
	seed(t, home)
	b := open(t, home, phone)
	b.signIn()
	b.visit("/vision/flowers/-/project_members")
	b.do(chromedp.KeyEvent("\t"))
	b.until(`document.activeElement.matches(".skip") && document.activeElement.getBoundingClientRect().left >= 0`)
	b.shot("skip")
	b.do(chromedp.KeyEvent("\r"), chromedp.KeyEvent("\t"))
	b.until(`document.activeElement.closest("main") !== null`)
	const open = `document.querySelector(".account .menu").open`
	b.do(chromedp.Focus(chromedp.CSS(".account summary")), chromedp.KeyEvent("\r"))
	b.until(open)
	b.do(chromedp.KeyEvent("\t"))
	b.until(`document.activeElement.matches(".sheet .item")`)
	b.do(chromedp.KeyEvent("\u001b"))
	b.until(`!` + open + ` && document.activeElement.matches(".account summary")`)
	b.click(".account summary")
	b.until(open)
	b.click("h1")
	b.until(`!` + open)
}
