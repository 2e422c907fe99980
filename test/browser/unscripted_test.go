package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// unscripted keeps the pages of a tab from running scripts.
func (b *tab) unscripted() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.must(err)
}

// says fails the test unless the page has words.
func (b *tab) says(words ...string) {
	b.t.Helper()
	page := b.text("main")
	for _, w := range words {
		if !strings.Contains(page, w) {
			b.t.Errorf("%s lacks %q: %s", get[string](b, "location.pathname"), w, page)
		}
	}
}

// TestWithoutScript: a browser that runs no scripts does all that needs none: it
// signs in, makes a model, writes its card, makes versions, points an alias,
// compares, sorts runs, promotes one, deletes with the name typed, chooses the
// theme, and signs out.
func TestWithoutScript(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	for _, name := range []string{"first", "second"} {
		tr.log(tr.start(name, map[string]any{"key": "rate", "value": "0.1"}), .02, 0, 3, "loss")
	}
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.unscripted()
			b.signIn()
			b.writesModel(name)
			b.tracksRuns(name)
			b.deletesModel(name)
			b.do(chromedp.SetValue(chromedp.CSS(`[name="theme"]`), "dark"))
			b.follow("footer noscript button")
			b.wait(`html[data-theme="dark"]`)
			b.click(".face")
			b.follow(`form[action="/users/sign_out"] button`)
			b.visit("/root/digits/-/ml/models")
			b.wait(`input[name="login"]`)
		})
	}
}

// writesModel makes a model with a card, two versions and an alias, and compares
// the versions.
func (b *tab) writesModel(name string) {
	b.t.Helper()
	const models = "/root/digits/-/ml/models"
	b.visit(models + "/new")
	b.fill(`input[name="name"]`, name)
	b.follow("main form .main")
	b.says("No card yet")
	b.follow(`main a[href$="/edit"].button`)
	b.fill(`textarea[name="description"]`, "Reads *digits*.")
	b.follow("main form.card .main")
	b.wait(".prose em")
	b.follow(`nav[aria-label="Model"] a[href$="/versions"]`)
	versions := get[string](b, "location.pathname")
	for range 2 {
		b.visit(versions)
		b.follow(`form[action$="/versions"] .main`)
	}
	b.fill(`[aria-label="Alias"]`, name)
	b.follow(`form[action$="/aliases"] .button`)
	b.wait(`[aria-label="Remove the alias ` + name + `"]`)
	b.visit(versions)
	for _, row := range []string{"1", "2"} {
		b.click(`tbody tr:nth-child(` + row + `) input[name="v"]`)
	}
	b.follow(`form[action$="/compare"] .button`)
	b.says("1.0.0", "The marks say what is different")
}

// tracksRuns sorts and chooses the columns of an experiment, compares two runs,
// and promotes one.
func (b *tab) tracksRuns(model string) {
	b.t.Helper()
	b.visit("/root/digits/-/ml/experiments/1")
	b.follow(`thead a[href*="metrics.loss"]`)
	b.wait(`th[aria-sort="descending"]`)
	b.click(".picks summary")
	b.click(`input[name="col"][value="params.rate"]`)
	b.follow(".picks .button")
	if head := b.text("thead"); strings.Contains(head, "rate") {
		b.t.Errorf("the column is still there: %s", head)
	}
	for _, row := range []string{"1", "2"} {
		b.click(`tbody tr:nth-child(` + row + `) input[name="run"]`)
	}
	b.follow(`form[action$="/ml/compare"] button`)
	b.says("loss", "rate", "first", "second")
	b.follow(`thead a[href$="/candidates/1"], thead a[href$="/candidates/2"]`)
	b.click("details.more > summary")
	b.fill(`input[name="model"]`, model)
	b.follow(`form[action$="/promote"] .main`)
	b.says("of "+model+" now", "1.0.2")
	b.shot("promoted")
}

// deletesModel is asked for the name before it goes.
func (b *tab) deletesModel(name string) {
	b.t.Helper()
	b.visit("/root/digits/-/ml/models")
	b.follow(`main a.title[href*="/ml/models/"]`)
	b.follow(`nav[aria-label="Model"] a[href$="/edit"]`)
	for _, typed := range []string{"something else", name} {
		if !get[bool](b, `document.querySelector("details.danger").open`) {
			b.click("details.danger summary")
		}
		b.fill(`input[name="confirm"]`, typed)
		b.follow(`form[action$="/delete"] .bad`)
	}
	b.says("The model "+name+" is deleted", "Push a first model")
	if errs := b.expectErrors(); len(errs) != 1 || !strings.Contains(errs[0], "422") {
		b.t.Errorf("the wrong name: %q", errs)
	}
}
