package gc

import (
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestTold: what came of a collection is said with all its numbers.
func TestTold(t *testing.T) {
	got := told(registry.Collected{Blobs: 2, Bytes: 30, Uploads: 4, Trash: 5})
	if want := "2 contents of 30 bytes, 4 left-over uploads, 5 deleted runs and experiments"; got != want {
		t.Errorf("%q", got)
	}
}
