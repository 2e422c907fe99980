package gitlab

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestByMetricKeyset pages by a metric whose values differ in the last of their
// digits: no candidate comes twice, and none is left out.
func TestByMetricKeyset(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	all := fmt.Sprintf("/api/v4/projects/%d/ml/candidates", w.ids["private"])
	values := []string{"0.30000000000000004", "0.3", "0.29999999999999999", "0.1", "1e-300", "-0.7000000000000001", "-0.7", "12345678901234567", "12345678901234568", "0.3"}
	for i, v := range append(values, "NaN", "Infinity") {
		body := fmt.Sprintf(`{"model_id": %d, "name": "c%d", "metrics": [{"name": "loss", "value": %q}]}`, w.ids["private/model"], i, v)
		if rec := w.do(t, "POST", all, "developer", body); rec.Code != 201 {
			t.Fatalf("%s: %d %s", v, rec.Code, rec.Body)
		}
	}
	for _, sort := range []string{"asc", "desc"} {
		var names []string
		for next := all + "?pagination=keyset&per_page=1&order_by=metric&metric=loss&sort=" + sort; next != "" && len(names) < 30; {
			rec := w.do(t, "GET", next, "reporter", "")
			var page []struct{ Name string }
			ok(t, json.Unmarshal(rec.Body.Bytes(), &page))
			for _, c := range page {
				names = append(names, c.Name)
			}
			next, _, _ = strings.Cut(strings.TrimPrefix(rec.Header().Get("Link"), "<http://example.com"), ">")
		}
		want := []string{"c6", "c5", "c4", "c3", "c1", "c2", "c9", "c0", "c7", "c8", "c11"}
		want[0], want[1] = "c5", "c6" // -0.7000000000000001 is the less
		if sort == "desc" {
			slices.Reverse(want)
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q, want %q", sort, names, want)
		}
	}
}
