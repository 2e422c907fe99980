package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

func TestPackageIn(t *testing.T) {
	for uri, want := range map[string]struct {
		pkg    string
		number int64
	}{
		"https://g.org/api/v4/projects/1/packages/ml_models/candidate:7/files/":   {"candidate:7", 7},
		"https://g.org/api/v4/projects/1/packages/ml_models/candidate%3A7/files/": {"candidate:7", 7},
		"https://g.org/api/v4/projects/1/packages/ml_models/5/files/":             {"5", 0},
		"mlflow-artifacts:/candidate:12":                                          {"candidate:12", 12},
		"":                                                                        {".", 0},
	} {
		if got := packageIn(uri); got != want.pkg || numberIn(uri) != want.number {
			t.Errorf("%s: %q, %d; want %+v", uri, got, numberIn(uri), want)
		}
	}
}

func TestLooseNumbers(t *testing.T) {
	for text, want := range map[string]loose{`7`: 7, `"7"`: 7, `null`: 0, `""`: 0, `-1`: -1} {
		var l loose
		if err := json.Unmarshal([]byte(text), &l); err != nil || l != want {
			t.Errorf("%s: %d, %v", text, l, err)
		}
	}
	var g gid
	if err := json.Unmarshal([]byte(`"gid://gitlab/Ml::Model/5"`), &g); err != nil || g != 5 {
		t.Errorf("%d, %v", g, err)
	}
	for _, bad := range []string{`"gid://gitlab/Ml::Model/x"`, `7`} {
		if json.Unmarshal([]byte(bad), &g) == nil {
			t.Errorf("%s is a global id", bad)
		}
	}
}

// TestUnknownAddresses: a GitLab that lacks an address is told from one where
// only the thing is missing.
func TestUnknownAddresses(t *testing.T) {
	for _, tt := range []struct {
		status  int
		body    string
		unknown bool
	}{
		{404, `{"error":"404 Not Found"}`, true}, {405, `{"error":"405 Not Allowed"}`, true},
		{404, `{"message":"404 Project Not Found"}`, false}, {404, `{"message":"404 Not Found"}`, false}, {404, `<html>`, false},
		{403, `{"error":"404 Not Found"}`, false},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		})
		_, err := c.CurrentUser(t.Context())
		if got := errors.Is(err, ErrNoAddress); got != tt.unknown || got && !fault.Is(err, fault.Unsupported) {
			t.Errorf("%d %s: %v", tt.status, tt.body, err)
		}
	}
}

// TestListsWithoutKeyset: a list that a GitLab does not page by key is asked
// for again without.
func TestListsWithoutKeyset(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("pagination") {
			w.WriteHeader(http.StatusMethodNotAllowed)
			io.WriteString(w, `{"error":"Keyset pagination is not yet available for this type of request"}`)
			return
		}
		io.WriteString(w, `[{"id":1}]`)
	})
	if ps, err := c.Projects(t.Context()); err != nil || len(ps) != 1 {
		t.Errorf("%v, %v", ps, err)
	}
}
