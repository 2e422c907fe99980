// Package markdown turns what people write in model cards into HTML that can do
// no harm, for all doors alike.
package markdown

import (
	"bytes"
	"html/template"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Renderer renders GitHub's Markdown. Raw HTML is dropped by it, and what is left
// passes a list of allowed elements. Pictures of other hosts stay: pages keep
// them out by their policy. It may be used by many at once.
type Renderer struct {
	md    goldmark.Markdown
	clean *bluemonday.Policy
}

// New makes a renderer.
func New() *Renderer {
	p := bluemonday.UGCPolicy()
	p.AllowAttrs("checked", "disabled", "type").OnElements("input") // lists of tasks
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[a-zA-Z0-9+#-]+$`)).OnElements("code")
	p.RequireNoFollowOnLinks(true)
	return &Renderer{
		md:    goldmark.New(goldmark.WithExtensions(extension.GFM)),
		clean: p,
	}
}

// Render gives a text as HTML. Model cards of the Hub begin with a block of
// YAML between lines of dashes, which is shown as code. Relative addresses are
// those of files, if at is given.
func (r *Renderer) Render(source string, at Files) (template.HTML, error) {
	raw := []byte(fenceHead(source))
	doc := r.md.Parser().Parse(text.NewReader(raw))
	if at != nil {
		if err := resolve(doc, at); err != nil {
			return "", err
		}
	}
	var b bytes.Buffer
	if err := r.md.Renderer().Render(&b, raw, doc); err != nil {
		return "", err
	}
	return template.HTML(reachable.Replace(r.clean.Sanitize(b.String()))), nil
}

// reachable gives the boxes of tasks a name, which whoever cannot see them needs,
// and lets the keyboard reach code, which may have to be scrolled. Raw HTML is gone
// and texts are escaped, so nothing else is met.
var reachable = strings.NewReplacer("<pre>", `<pre tabindex="0">`,
	`<input checked="" disabled="" type="checkbox"`, `<input checked="" disabled="" type="checkbox" aria-label="done"`,
	`<input disabled="" type="checkbox"`, `<input disabled="" type="checkbox" aria-label="to do"`)

var yamlHead = regexp.MustCompile(`(?s)\A---\r?\n(.*?)\r?\n---\r?\n`)

func fenceHead(text string) string {
	return yamlHead.ReplaceAllString(text, "```yaml\n$1\n```\n")
}
