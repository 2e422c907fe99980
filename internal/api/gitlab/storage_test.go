package gitlab

import (
	"fmt"
	"strings"
	"testing"
)

// TestWhoSeesStorage: the limit is told to administrators, what is used to
// members from reporter up who ask for it.
func TestWhoSeesStorage(t *testing.T) {
	w := newWorld(t, worldOptions{})
	one := fmt.Sprintf("/api/v4/projects/%d", w.ids["public"])
	for _, c := range []struct {
		who, query         string
		limits, statistics bool
	}{{"", "?statistics=true", false, false}, {"stranger", "?statistics=true", false, false}, {"guest", "?statistics=true", false, false},
		{"reporter", "?statistics=true", false, true}, {"owner", "", false, false}, {"owner", "?statistics=true", false, true}, {"boss", "?statistics=true", true, true}, {"boss", "", true, false}} {
		body := w.do(t, "GET", one+c.query, c.who, "").Body.String()
		if strings.Contains(body, "repository_size_limit") != c.limits || strings.Contains(body, "statistics") != c.statistics {
			t.Errorf("%q %s: %s", c.who, c.query, body)
		}
	}
}
