package graphql

import "strings"

// html gives a description, which is Markdown, as HTML that can do no harm.
func (v *visit) html(description string) (*string, error) {
	if strings.TrimSpace(description) == "" {
		return nil, nil
	}
	out, err := v.d.Prose.Render(description, nil)
	return some(string(out)), err
}
