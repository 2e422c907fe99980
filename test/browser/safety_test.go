package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// slowPickles puts files that take long to look into: each has a million opcodes,
// and calls something at its end.
func slowPickles(t *testing.T, home string, version int64, n int) {
	t.Helper()
	for i := range n {
		putFile(t, home, version, fmt.Sprintf("%d.pkl", i), fmt.Sprintf("I%d\n0%scos\nsystem\n(S'true'\ntR.", i, strings.Repeat("N0", 500_000)))
	}
}

// TestVerdictComes: the page of a version shows before its files are looked into,
// and their verdict comes by itself, with scripts and without.
func TestVerdictComes(t *testing.T) {
	home := serve(t)
	for name, scripted := range map[string]bool{"scripted": true, "unscripted": false} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, phone)
			b.signIn()
			id, address := newVersion(t, home, name)
			slowPickles(t, home, id, 40)
			_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripted})
			b.must(err)
			b.visit(address)
			b.shot("waiting")
			b.wait(`section[aria-labelledby="safety"]:not([data-ask-again]) .badge.bad`)
			b.wait(`[data-part="facts"] a[href="#safety"] .badge.bad`)
			b.do(scrollTo("#safety"))
			b.shot("verdict")
			b.narrow()
		})
	}
}

// TestVerdictAfterRestart: a page that waits for the verdict gets it from the server
// that is started again, and tells what the store has lost.
func TestVerdictAfterRestart(t *testing.T) {
	p := newProcess(t)
	id, address := newVersion(t, p.home, "restarted")
	slowPickles(t, p.home, id, 40)
	putFile(t, p.home, id, "lost.json", `["`+strings.Repeat("x", 1<<20)+`"]`)
	sum := sums(t, p.home, id)["lost.json"]
	ok(t, os.Remove(filepath.Join(p.data, "blobs", "sha256", sum[:2], sum)))
	b := open(t, p.home, desktop)
	b.signIn()
	b.visit(address)
	p.kill()
	p.start()
	b.wait(`section[aria-labelledby="safety"]:not([data-ask-again]) .badge.bad`)
	b.says("lost.json cannot be read: the content is missing")
	b.shot("told")
	b.look(address)
	for _, e := range b.expectErrors() {
		if !strings.Contains(e, "ERR_") {
			t.Errorf("the page wrote an error: %s", e)
		}
	}
}
