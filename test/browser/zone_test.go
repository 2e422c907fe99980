package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestReadersZone: times are those of the reader's zone, with the whole of it on
// hover; without scripts they say that they are UTC.
func TestReadersZone(t *testing.T) {
	home := serve(t)
	fillMLflow(t, home) // a run that began 2023-11-14T22:13:20Z
	const began = `document.querySelector("main time[datetime^='2023-11-14T22:13:20']")`
	for zone, want := range map[string]string{"Asia/Tokyo": "Nov 15, 2023, 7:13", "America/St_Johns": "Nov 14, 2023, 6:43"} {
		b := open(t, home, desktop)
		_, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		b.must(err)
		b.signIn()
		b.visit("/root/default/-/ml/candidates/1")
		if got := get[string](b, began+".innerText"); !strings.HasPrefix(got, want) {
			t.Errorf("in %s it is %q, want %s", zone, got, want)
		}
		if got := get[string](b, began+".title"); !strings.Contains(got, "2023") || !strings.Contains(got, "GMT") {
			t.Errorf("in %s the whole is %q", zone, got)
		}
	}
	b := open(t, home, phone)
	b.unscripted()
	b.signIn()
	b.visit("/root/default/-/ml/candidates/1")
	if got := get[string](b, began+".innerText"); got != "14 Nov 2023, 22:13 UTC" {
		t.Errorf("without scripts it is %q", got)
	}
}
