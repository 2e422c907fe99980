package graphql

import (
	"fmt"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// garden fills the private project with models from one number to another, that
// have versions and candidates.
func garden(t *testing.T, w *apitest.World, from, to int) {
	t.Helper()
	s, ref := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["private"]}
	for i := from; i < to; i++ {
		m, err := s.CreateModel(t.Context(), ref, registry.ModelSpec{Name: fmt.Sprintf("flower-%03d", i)})
		apitest.OK(t, err)
		for range 1 + i%3 {
			_, err := s.CreateVersion(t.Context(), ref, registry.ModelRef{ID: m.ID}, registry.VersionSpec{})
			apitest.OK(t, err)
		}
		_, err = s.CreateRun(t.Context(), ref, registry.RunSpec{ModelID: m.ID, Data: registry.RunData{Params: []registry.Param{{Key: "p", Value: "1"}}}})
		apitest.OK(t, err)
	}
}

// TestStatements: what a tree of a query costs the database is a number of
// statements that its levels tell, however many nodes they have.
func TestStatements(t *testing.T) {
	w := newWorld(t)
	furnish(t, w)
	models := func(selection string) string {
		return `{ project(fullPath: "root/private") { id mlModels(first: 100) { count pageInfo { hasNextPage } nodes { ` + selection + ` } } } }`
	}
	cases := []struct {
		document string
		want     int
	}{
		{`{ currentUser { name } }`, 1},
		{`{ project(fullPath: "root/private") { id } }`, 1},
		// The project; the models with counts, authors and latest versions.
		{models(`id name versionCount candidateCount author { name } _links { showPath } latestVersion { id version _links { showPath importPath } }`), 2},
		// … and one for each level below.
		{models(`latestVersion { description createdAt author { name } artifactsCount packageId _links { packagePath } }`), 3},
		{models(`versions(first: 2) { count nodes { id version } }`), 3},
		{models(`versions(first: 2, version: "1.") { count nodes { id } }`), 4}, // filtered lists are counted
		{models(`candidates(first: 2) { count nodes { iid } }`), 3},
		{models(`candidates { nodes { params { nodes { name } } metrics { nodes { step } } metadata { nodes { value } } } }`), 7}, // points take two
		{models(`latestVersion { candidate { eid params { nodes { name } } } package { packageFiles { nodes { fileName } } } }`), 7},
		{models(`a: versions(first: 1) { nodes { id } } b: versions(first: 2) { nodes { candidate { iid } } }`), 5},
		{`{ project(fullPath: "root/private") { mlExperiments { count nodes { id candidateCount candidates(first: 3) { nodes { params { nodes { value } } } } } } } }`, 4},
		{fmt.Sprintf(`{ mlModel(id: "gid://gitlab/Ml::Model/%d") { versions { nodes { candidate { metadata { nodes { value } } } } } } }`, w.IDs["private/tulip"]), 5},
	}
	had := 0
	for _, n := range []int{0, 5, 60} {
		garden(t, w, had, n)
		had = n
		for _, c := range cases {
			data(t, w, "developer", c.document, nil) // the look-up of the token is remembered
			got := 0
			w.Store.Watch(func(string) { got++ })
			data(t, w, "developer", c.document, nil)
			w.Store.Watch(nil)
			if got != c.want {
				t.Errorf("with %d models more: %d statements, want %d: %s", n, got, c.want, c.document)
			}
		}
	}
}
