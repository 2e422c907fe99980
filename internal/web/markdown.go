package web

import (
	"bytes"
	"html/template"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// prose turns people's Markdown into HTML that can do no harm: raw HTML is
// dropped by the renderer, and what is left passes a list of allowed elements.
// Pictures of other hosts stay out by the pages' policy.
type prose struct {
	md    goldmark.Markdown
	clean *bluemonday.Policy
}

func newProse() *prose {
	p := bluemonday.UGCPolicy()
	p.AllowAttrs("checked", "disabled", "type").OnElements("input") // lists of tasks
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[a-zA-Z0-9+#-]+$`)).OnElements("code")
	p.RequireNoFollowOnLinks(true)
	return &prose{
		md:    goldmark.New(goldmark.WithExtensions(extension.GFM)),
		clean: p,
	}
}

// render gives a text as HTML. Model cards of the Hub begin with a block of
// YAML between lines of dashes, which is shown as code.
func (p *prose) render(text string) (template.HTML, error) {
	var b bytes.Buffer
	if err := p.md.Convert([]byte(fenceHead(text)), &b); err != nil {
		return "", err
	}
	return template.HTML(p.clean.SanitizeBytes(b.Bytes())), nil
}

var yamlHead = regexp.MustCompile(`(?s)\A---\r?\n(.*?)\r?\n---\r?\n`)

func fenceHead(text string) string {
	return yamlHead.ReplaceAllString(text, "```yaml\n$1\n```\n")
}
