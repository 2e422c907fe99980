package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// postForm sends a form as the developer: key, value, key, value …
func postForm(t *testing.T, w *apitest.World, target string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Private-Token", w.Tokens["developer"])
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}

// TestMoveAlias: an alias moves from where the page has said that it is; when it
// is elsewhere by now, it stays.
func TestMoveAlias(t *testing.T) {
	w := newWorld(t)
	sys, home, model := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}, registry.ModelRef{ID: w.IDs["private/model"]}
	old := registry.VersionRef{ID: w.IDs["private/version"]}
	next, err := sys.CreateVersion(t.Context(), home, model, registry.VersionSpec{})
	apitest.OK(t, err)
	_, err = sys.SetAlias(t.Context(), home, model, registry.AliasSpec{Name: "champion", Version: old})
	apitest.OK(t, err)
	page := w.Do(t, "GET", versionPath(next), "developer", "").Body.String()
	if !strings.Contains(page, `name="from" value="`+itoa(old.ID)+`"`) {
		t.Fatalf("the page does not offer the alias:\n%s", page)
	}
	if got := postForm(t, w, versionPath(next)+"/aliases", "name", "champion", "from", itoa(old.ID)); got.Code != 303 {
		t.Fatal(got.Code, got.Body)
	}
	if page = w.Do(t, "GET", versionPath(next), "developer", "").Body.String(); !strings.Contains(page, "Remove the alias champion") {
		t.Error("the alias has not moved")
	}
	if got := postForm(t, w, versionPath(next)+"/aliases", "name", "champion", "from", itoa(old.ID)); got.Code != 422 || !strings.Contains(got.Body.String(), `role="alert"`) {
		t.Errorf("moved from where it is not: %d", got.Code)
	}
}

// TestStage: a version is put at a stage, and what was there archived if that is
// wanted.
func TestStage(t *testing.T) {
	w := newWorld(t)
	sys, home, model := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}, registry.ModelRef{ID: w.IDs["private/model"]}
	var pages []string
	for range 3 {
		v, err := sys.CreateVersion(t.Context(), home, model, registry.VersionSpec{})
		apitest.OK(t, err)
		pages = append(pages, versionPath(v))
	}
	for i, page := range pages {
		pairs := []string{"stage", "production"}
		if i == 2 {
			pairs = append(pairs, "alone", "1")
		}
		if got := postForm(t, w, page+"/stage", pairs...); got.Code != 303 || got.Header().Get("Location") != page {
			t.Fatal(got.Code, got.Header(), got.Body)
		}
	}
	for i, want := range []string{"archived", "archived", "production"} {
		if page := w.Do(t, "GET", pages[i], "developer", "").Body.String(); !strings.Contains(page, "<option selected>"+want+"</option>") {
			t.Errorf("version %d is not %s", i, want)
		}
	}
	if got := postForm(t, w, pages[0]+"/stage", "stage", "moon"); got.Code != 422 || !strings.Contains(got.Body.String(), `role="alert"`) {
		t.Errorf("a stage that there is not: %d", got.Code)
	}
	if got := postForm(t, w, pages[0]+"/stage", "stage", "archived", "alone", "1"); got.Code != 303 {
		t.Errorf("archived, with nothing to archive: %d", got.Code)
	}
}

// TestLineage: a version that was registered from a run shows that run, with
// what it logged and read.
func TestLineage(t *testing.T) {
	w := newWorld(t)
	sys, home, model := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}, registry.ModelRef{ID: w.IDs["private/model"]}
	r := logged(t, w, "accuracy", 3)
	apitest.OK(t, sys.LogInputs(t.Context(), home, registry.RunRef{EID: r.EID}, []registry.Input{{Name: "imagenet", Digest: "abc", SourceType: "http",
		Tags: []registry.Tag{{Key: registry.InputContext, Value: "training"}}}}, nil))
	v, err := sys.CreateVersion(t.Context(), home, model, registry.VersionSpec{Origin: registry.Origin{Source: "mlflow-artifacts:/1/x", RunEID: r.EID}})
	apitest.OK(t, err)
	page := w.Do(t, "GET", versionPath(v), "guest", "").Body.String()
	for _, want := range []string{"/-/ml/candidates/" + itoa(r.IID), "mlflow-artifacts:/1/x", "imagenet", "<td>training</td>", "accuracy"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}
