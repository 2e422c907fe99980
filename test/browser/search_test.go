package browser

import "testing"

// TestFindByKey: the key / leads to the search from any page, and what it finds
// stands in groups.
func TestFindByKey(t *testing.T) {
	home := serve(t)
	seed(t, home)
	tr := &trainer{t: t, home: home}
	for _, name := range []string{"iris", "iris-small", "lily"} {
		tr.post("/api/v4/projects/vision%2Fflowers/ml/models", map[string]any{"name": name, "tags": []map[string]any{}})
	}
	tr.post("/api/v4/projects/vision%2Fflowers/ml/models/1/versions", map[string]any{"version": "1.2.0"})
	as(t, home, func(b *tab) {
		b.visit("/vision/flowers/-/ml/models")
		if get[bool](b, `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }))`) {
			b.t.Error("the key is typed, too")
		}
		b.until(`document.activeElement.matches(".find input")`)
		b.fill(".find input", "iris 1\r")
		b.wait(`main:has(input[value="iris 1"]) a[href$="/versions/1"]`)
		b.page("versions-found", "/search?search=iris+1")
		b.page("found", "/search?search=iris")
		b.page("nothing-found", "/search?search=orchid")
	})
}
