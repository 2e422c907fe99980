package web

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPageList: testdata/pages.txt has every route that is asked with GET, those
// that answer with no page of their own behind a dash. The tests in a browser
// visit all pages of that list, so a new page cannot be forgotten there.
func TestPageList(t *testing.T) {
	raw, err := os.ReadFile("testdata/pages.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{} // whether it is a page
	for line := range strings.Lines(string(raw)) {
		pattern, dashed := strings.CutPrefix(strings.TrimSpace(line), "- ")
		listed[pattern] = !dashed
	}
	w, found := newWorld(t), []string{}
	for _, rt := range (&door{}).table() {
		if rt.method != http.MethodGet {
			continue
		}
		pattern := pagePattern(rt)
		found = append(found, pattern)
		page, ok := listed[pattern]
		if !ok {
			t.Errorf("testdata/pages.txt lacks %s", pattern)
			continue
		}
		got := w.Do(t, http.MethodGet, address(w, rt), "boss", "")
		if is := got.Code == http.StatusOK && strings.HasPrefix(got.Header().Get("Content-Type"), "text/html"); is != page && (got.Code == 200) {
			t.Errorf("%s answers %d with %s; the list says page: %t", pattern, got.Code, got.Header().Get("Content-Type"), page)
		}
	}
	for pattern := range listed {
		if !slices.Contains(found, pattern) {
			t.Errorf("testdata/pages.txt has %s, and no route is there", pattern)
		}
	}
}

// pagePattern is the whole address of a route: that of a project is {project+},
// that of a group {group+}.
func pagePattern(rt route) string {
	switch rt.access.gate {
	case inProject:
		return strings.TrimSuffix("/{project+}/-"+rt.pattern, "/-/{$}")
	case inGroup:
		return strings.TrimSuffix(groupPrefix+"{group+}/-"+rt.pattern, "/-/{$}")
	}
	return strings.TrimSuffix(rt.pattern, "{$}")
}
