package graphql

import (
	htmlpkg "html"
	"strings"
)

// html gives a description as HTML: paragraphs of its text. Markdown is left as
// it is written; nothing of it can become markup.
func html(description string) *string {
	if strings.TrimSpace(description) == "" {
		return nil
	}
	var b strings.Builder
	for p := range strings.SplitSeq(strings.ReplaceAll(description, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + htmlpkg.EscapeString(p) + "</p>")
		}
	}
	return some(b.String())
}
