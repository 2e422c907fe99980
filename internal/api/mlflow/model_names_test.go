package mlflow

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestTagLimits: lengths count in characters, and the text of a prompt has a
// message of its own.
func TestTagLimits(t *testing.T) {
	for _, c := range []struct {
		key, value, want string
	}{
		{"k", strings.Repeat("é", 100_000), ""},
		{"k", strings.Repeat("é", 100_001), "'value' exceeds the maximum length of 100000 characters"},
		{promptText, strings.Repeat("x", 100_000), ""},
		{promptText, strings.Repeat("x", 100_001), "Prompt text exceeds max length of 100000 characters."},
		{strings.Repeat("é", 250), "x", ""},
		{strings.Repeat("é", 251), "x", "'key' exceeds the maximum length of 250 characters"},
	} {
		got := ""
		if err := checkVersionTag(registry.Tag{Key: c.key, Value: c.value}); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%.20s…: %q, want %q", c.key, got, c.want)
		}
	}
}
