package markdown

import (
	"regexp"
	"strings"
	"testing"
)

// harmful is an element that acts, or an attribute that does.
var harmful = regexp.MustCompile(`(?i)<(script|iframe|svg|style|form|object|embed)|<[a-z][^>]*(\son\w+=|javascript:|data:text)`)

// TestHarmless: what people write in cards cannot act on a page.
func TestHarmless(t *testing.T) {
	p := New()
	for _, text := range []string{`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `[x](javascript:alert(1))`,
		`[x](data:text/html,<script>alert(1)</script>)`, `<a href="x" onclick="alert(1)">x</a>`, "# h {onclick=alert(1)}",
		`<svg/onload=alert(1)>`, `<iframe src="//evil"></iframe>`, "```<script>\nalert(1)\n```", `<style>*{display:none}</style>`,
		`![x](javascript:alert(1))`, "<form action=//evil><input name=p></form>"} {
		html, err := p.Render(text)
		if err != nil {
			t.Fatal(err)
		}
		if harmful.MatchString(string(html)) {
			t.Errorf("%q gives %q", text, html)
		}
	}
}

func TestRender(t *testing.T) {
	p := New()
	html, err := p.Render("---\nlicense: mit\n---\n# Iris\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<code class="language-yaml">license: mit`, "<h1>Iris</h1>", "<td>2</td>", `type="checkbox"`} {
		if !strings.Contains(string(html), want) {
			t.Errorf("no %q in %s", want, html)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("# x\n[a](b)")
	p := New()
	f.Fuzz(func(t *testing.T, text string) {
		html, err := p.Render(text)
		if err != nil || harmful.MatchString(string(html)) {
			t.Fatalf("%q: %s, %v", text, html, err)
		}
	})
}
