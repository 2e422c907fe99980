// Package browser tests pages in Chromium, over a server of its own.
//
// A tab notes everything that a page does: it fails its test when the page
// writes an error to the console or asks any other server for anything. Like
// the client tests it never skips: what is missing fails with a hint.
package browser

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take for one step.
const patience = 180 * time.Second

// look is how a page is looked at.
type look struct {
	width, height int64 // of the window, in CSS pixels
	phone         bool
	dark          bool
}

var (
	desktop     = look{width: 1280, height: 900}
	desktopDark = look{width: 1280, height: 900, dark: true}
	phone       = look{width: 390, height: 844, phone: true}
	phoneDark   = look{width: 390, height: 844, phone: true, dark: true}
)

// tab is one page in a browser of its own.
type tab struct {
	t    *testing.T
	ctx  context.Context
	home string // scheme and host of the server

	mu      sync.Mutex
	outside []string // addresses elsewhere that were asked for
	errors  []string // of the console
	asked   []string // all addresses, in order
}

// open starts a browser with an empty tab; home is the server's address. The
// browser ends with the test, and then the tab says what was wrong.
func open(t *testing.T, home string, l look) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// Offline, but for the server: no name is found.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has no sandbox for root
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, home: home}
	b.watch()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}
	if l.dark {
		features[0].Value = "dark"
	}
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	b.must(err)
	var phone []chromedp.EmulateViewportOption
	if l.phone {
		phone = append(phone, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	b.do(chromedp.EmulateViewport(l.width, l.height, phone...))
	return b
}

// chromium finds the browser that scripts/setup-tests installed.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Fatal("there is no Chromium; `make test` installs it and runs everything, scripts/setup-tests only installs it")
	return ""
}

// watch notes what the page does, until the browser ends.
func (b *tab) watch() {
	requests := chromedp.Events(b.ctx, network.RequestWillBeSent)
	messages := chromedp.Console(b.ctx)
	go func() {
		for r, err := range requests {
			if err != nil {
				return
			}
			b.noteRequest(r.Request.URL)
		}
	}()
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.IsException() {
				b.mu.Lock()
				b.errors = append(b.errors, m.String()+" "+m.URL)
				b.mu.Unlock()
			}
		}
	}()
	b.t.Cleanup(b.judge)
}

func (b *tab) noteRequest(address string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, address)
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != b.home {
		b.outside = append(b.outside, address)
	}
}

// judge fails the test for what the page should not have done.
func (b *tab) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, address := range b.outside {
		b.t.Errorf("the page asked somebody else: %s", address)
	}
	for _, e := range b.errors {
		b.t.Errorf("the page wrote an error: %s", e)
	}
	if len(b.asked) == 0 {
		b.t.Error("no request of the page was seen: nothing was watched")
	}
}

// expectErrors takes back the errors that a test has provoked on purpose.
func (b *tab) expectErrors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.errors
	b.errors = nil
	return taken
}

func (b *tab) must(err error) {
	b.t.Helper()
	if err != nil {
		b.shot("failed")
		b.t.Fatal(err)
	}
}

// do takes steps in the page.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.must(chromedp.Do(ctx, steps...))
}

// visit loads a page of the server.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.home + path))
}

// reload loads the page again, as after a change of the part behind "#".
func (b *tab) reload() {
	b.t.Helper()
	b.do(chromedp.Reload())
}

// click clicks the first visible element of a selector.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// follow clicks what leads to another page, and waits until that is loaded: an
// element that both pages have would not tell which of them is there.
func (b *tab) follow(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	b.must(err)
}

// choose chooses in a field that leads to another page by itself, and waits until
// that is loaded.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.SetValue(chromedp.CSS(selector), value))
	b.must(err)
}

// fill types a text into a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

// wait waits until an element is to be seen.
func (b *tab) wait(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// text gives the text of the first element of a selector.
func (b *tab) text(selector string) string {
	b.t.Helper()
	b.wait(selector)
	return get[string](b, "document.querySelector("+quote(selector)+").innerText")
}

// get gives the value of an expression in the page.
func get[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	b.must(err)
	return v
}

// until waits until an expression in the page is true.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience)))
	b.must(err)
}

// shot keeps a picture of what is to be seen under test/out, to be looked at;
// of a page that failed, too.
func (b *tab) shot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience/6) // a page that failed may never be drawn
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Logf("no picture of %s: %v", name, err)
		return
	}
	dir := filepath.Join("..", "out", "browser")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(b.t.Name())+"-"+name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// scrollTo brings an element to the top of the window.
func scrollTo(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void]("document.querySelector(" + quote(selector) + ").scrollIntoView()")
}

// narrow fails the test when the page is wider than the window, and then keeps a
// picture of it.
func (b *tab) narrow() {
	b.t.Helper()
	if w := get[[]int](b, "[document.documentElement.scrollWidth, window.innerWidth]"); w[0] > w[1] {
		path := get[string](b, "location.pathname")
		b.shot("wide" + strings.ReplaceAll(kindOf(path), "/", "_"))
		b.t.Errorf("%s is %d pixels wide in a window of %d", path, w[0], w[1])
	}
}
