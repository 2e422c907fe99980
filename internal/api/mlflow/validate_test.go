package mlflow

import (
	"strings"
	"testing"
)

func TestLooksLikeRunID(t *testing.T) {
	for id, want := range map[string]bool{"0123456789abcdef0123456789abcdef": true, "my-run_é": true, strings.Repeat("é", maxRunID-1): false,
		"a" + strings.Repeat("é", maxRunID-1): true, "a" + strings.Repeat("é", maxRunID): false, "": false, "-a": false, "a/b": false, "a b": false} {
		if got := looksLikeRunID(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
}
