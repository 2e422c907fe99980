package web

import "testing"

// TestTemplates: pages are parsed when they are first asked for, so a mistake in
// one has to be found here.
func TestTemplates(t *testing.T) {
	all, err := (&door{}).loadPages()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	for name, load := range all {
		if page, err := load(); err != nil || page.Lookup("layout") == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
