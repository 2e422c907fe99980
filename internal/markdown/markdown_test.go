package markdown

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// harmful is an element that acts, or an attribute that does.
var harmful = regexp.MustCompile(`(?i)<(script|iframe|svg|style|form|object|embed)|<[a-z][^>]*(\son\w+=|javascript:|data:text)`)

// beside finds files: pictures, pages, and none above.
func beside(name string) Place {
	switch {
	case strings.HasPrefix(name, "../"):
		return Place{}
	case strings.HasSuffix(name, ".png"):
		return Place{Page: "/page/" + url.PathEscape(name), Picture: "/raw/" + url.PathEscape(name)}
	}
	return Place{Page: "/page/" + url.PathEscape(name)}
}

// TestFiles: relative addresses lead to files, and all others where they did.
func TestFiles(t *testing.T) {
	p := New()
	for text, want := range map[string]string{
		`![plot](a.png "t")`:           `<img src="/raw/a.png" alt="plot" title="t">`,
		`![plot](<my plot.png>)`:       `<img src="/raw/my%20plot.png" alt="plot">`,
		`![plot](my%20plot.png)`:       `<img src="/raw/my%20plot.png" alt="plot">`,
		"![plot][1]\n\n[1]: a.png":     `<img src="/raw/a.png" alt="plot">`,
		`![w](weights.bin)`:            `<a href="/page/weights.bin" rel="nofollow">w</a>`,
		`![w](../a.png)`:               `w`,
		`[*use*](usage.md#first)`:      `<a href="/page/usage.md#first" rel="nofollow"><em>use</em></a>`,
		`[up](../x.md)`:                `up`,
		`[![p](a.png)](b.md)`:          `<a href="/page/b.md" rel="nofollow"><img src="/raw/a.png" alt="p"></a>`,
		`[![p](a.bin)](b.md)`:          `<a href="/page/b.md" rel="nofollow">p</a>`,
		`[part](#part)`:                `<a href="#part" rel="nofollow">part</a>`,
		`[root](/help)`:                `<a href="/help" rel="nofollow">root</a>`,
		`[host](//host/a.png)`:         `<a href="//host/a.png" rel="nofollow">host</a>`,
		`[there](https://host/a.md)`:   `<a href="https://host/a.md" rel="nofollow">there</a>`,
		`![there](https://host/a.png)`: `<img src="https://host/a.png" alt="there">`,
		`[mail](mailto:a@b.c)`:         `<a href="mailto:a@b.c" rel="nofollow">mail</a>`,
		`[no](javascript:a.png)`:       `no`,
		`[query](?a=b)`:                `<a href="?a=b" rel="nofollow">query</a>`,
		`[broken](a%zz.md)`:            `<a href="a%25zz.md" rel="nofollow">broken</a>`,
	} {
		html, err := p.Render(text, beside)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(html)), "<p>"), "</p>"); got != want {
			t.Errorf("%s gives %s, want %s", text, got, want)
		}
	}
}

// TestHarmless: what people write in cards cannot act on a page.
func TestHarmless(t *testing.T) {
	p := New()
	for _, text := range []string{`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `[x](javascript:alert(1))`,
		`[x](data:text/html,<script>alert(1)</script>)`, `<a href="x" onclick="alert(1)">x</a>`, "# h {onclick=alert(1)}",
		`<svg/onload=alert(1)>`, `<iframe src="//evil"></iframe>`, "```<script>\nalert(1)\n```", `<style>*{display:none}</style>`,
		`![x](javascript:alert(1))`, "<form action=//evil><input name=p></form>"} {
		html, err := p.Render(text, beside)
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
	html, err := p.Render("---\nlicense: mit\n---\n# Iris\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n", nil)
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
	f.Add("[![a](b.png)](c#d) ![e [f](g)](../h)")
	p := New()
	f.Fuzz(func(t *testing.T, text string) {
		html, err := p.Render(text, beside)
		if err != nil || harmful.MatchString(string(html)) {
			t.Fatalf("%q: %s, %v", text, html, err)
		}
	})
}
