package graphql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// connections are all of the graph, as a document with the arguments of a page
// at %s, and the path to it.
func connections(w *apitest.World) map[string]string {
	tulip, iris := globalID(gidModel, w.IDs["private/tulip"]), globalID(gidModel, w.IDs["private/model"])
	inProject := func(field string) string { return `{ project(fullPath: "root/private") { ` + field + ` } }` }
	inModel := func(id gid, field string) string { return fmt.Sprintf(`{ mlModel(id: "%s") { %s } }`, id, field) }
	body := `(%s) { count edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`
	return map[string]string{
		"projects":                                   `{ projects` + body + ` }`,
		"project.mlModels":                           inProject("mlModels" + body),
		"project.mlExperiments":                      inProject("mlExperiments" + body),
		"mlModel.versions":                           inModel(tulip, "versions"+body),
		"mlModel.candidates":                         inModel(tulip, "candidates"+body),
		"mlModel.version.candidate.params":           inModel(iris, fmt.Sprintf(`version(modelVersionId: "%s") { candidate { params%s } }`, globalID(gidVersion, w.IDs["private/version"]), body)),
		"mlModel.latestVersion.candidate.metrics":    inModel(iris, "latestVersion { candidate { metrics"+body+" } }"),
		"mlModel.latestVersion.candidate.metadata":   inModel(iris, "latestVersion { candidate { metadata"+body+" } }"),
		"mlModel.latestVersion.package.packageFiles": inModel(iris, "latestVersion { package { packageFiles"+body+" } }"),
		"mlExperiment.candidates":                    fmt.Sprintf(`{ mlExperiment(id: "%s") { candidates%s } }`, globalID(gidExperiment, w.IDs["private/experiment row"]), body),
	}
}

// more makes every connection at least three long.
func more(t *testing.T, w *apitest.World) {
	t.Helper()
	s, ref := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["private"]}
	garden(t, w, 0, 2)
	for range 3 {
		for _, model := range []string{"private/tulip", "private/model"} {
			_, err := s.CreateRun(t.Context(), ref, registry.RunSpec{ModelID: w.IDs[model]})
			apitest.OK(t, err)
		}
	}
	v, err := s.VersionsByID(t.Context(), ref, []int64{w.IDs["private/version"]})
	apitest.OK(t, err)
	row := v[w.IDs["private/version"]]
	_, err = s.LogRun(t.Context(), ref, registry.RunRef{IID: row.RunIID}, registry.RunData{Params: []registry.Param{{Key: "é %/", Value: "x"}},
		Metrics: []registry.Metric{{Key: "loss", Step: 1 << 40, Value: 1}}, Tags: []registry.Tag{{Key: "a", Value: ""}, {Key: "z z", Value: ""}}})
	apitest.OK(t, err)
	for _, path := range []string{"a", "z"} {
		_, err := s.PutFile(t.Context(), ref, registry.PackageRef{VersionID: row.ID}, path, strings.NewReader("x"), registry.PutOptions{Size: 1})
		apitest.OK(t, err)
	}
}

// part is one page of a connection.
type part struct {
	ids, cursors   []string
	next, previous bool
	start, end     any
	count          float64
}

func onePage(t *testing.T, w *apitest.World, document, path, args string) (p part) {
	t.Helper()
	c := dig(t, data(t, w, "developer", fmt.Sprintf(document, args), nil), path).(map[string]any)
	for i, n := range c["nodes"].([]any) {
		e := c["edges"].([]any)[i].(map[string]any)
		id := dig(t, n, "id").(string)
		same(t, dig(t, e, "node.id"), any(id))
		p.ids, p.cursors = append(p.ids, id), append(p.cursors, e["cursor"].(string))
	}
	info := c["pageInfo"].(map[string]any)
	p.next, p.previous, p.start, p.end, p.count = info["hasNextPage"].(bool), info["hasPreviousPage"].(bool), info["startCursor"], info["endCursor"], c["count"].(float64)
	return p
}

// TestEveryConnection walks every connection forth and back by cursors, and
// compares with the whole.
func TestEveryConnection(t *testing.T) {
	w := newWorld(t)
	furnish(t, w)
	ids(t, w)
	more(t, w)
	for path, document := range connections(w) {
		t.Run(path, func(t *testing.T) {
			get := func(format string, args ...any) part {
				return onePage(t, w, document, path, fmt.Sprintf(format, args...))
			}
			whole := get("first: 100")
			if len(whole.ids) < 3 || whole.next || whole.previous || whole.count != float64(len(whole.ids)) {
				t.Fatalf("%+v", whole)
			}
			same(t, []any{whole.start, whole.end}, []any{whole.cursors[0], whole.cursors[len(whole.cursors)-1]})
			forth := get("first: 2")
			same(t, []any{forth.previous, forth.next, forth.count}, []any{false, true, whole.count})
			for got := forth; got.next; forth.ids = append(forth.ids, got.ids...) {
				got = get(`first: 2, after: "%s"`, got.end)
				same(t, []any{got.previous, got.count}, []any{true, whole.count})
			}
			same(t, forth.ids, whole.ids)
			back := get("last: 2")
			same(t, []any{back.previous, back.next, back.count}, []any{true, false, whole.count})
			for got := back; got.previous; back.ids = slices.Concat(got.ids, back.ids) {
				got = get(`last: 2, before: "%s"`, got.start)
				same(t, got.next, true)
			}
			same(t, back.ids, whole.ids)
			n := len(whole.ids)
			same(t, get(`first: 9, after: "%s", before: "%s"`, whole.cursors[0], whole.cursors[n-1]).ids, whole.ids[1:n-1])
			same(t, get(`last: 1, after: "%s", before: "%s"`, whole.cursors[0], whole.cursors[n-1]).ids, whole.ids[n-2:n-1])
			none := get("first: 0")
			same(t, []any{len(none.ids), none.next, none.count, none.start}, []any{0, true, whole.count, nil})
			same(t, len(get(`after: ""`).ids), n)
		})
	}
}

func TestBadPages(t *testing.T) {
	w := newWorld(t)
	for args, want := range map[string]string{
		`first: 1, last: 1`: "Can only provide either `first` or `last`, not both",
		`first: -1`:         "`first` must not be negative",
		`last: -1`:          "`last` must not be negative",
		`after: "x"`:        cursorError,
		`before: "e30"`:     cursorError,
		`after: "` + encode(registry.Cursor{Key: "x", ID: 1}) + `"`: cursorError, // of another list
	} {
		for _, list := range []string{"mlModels", "mlExperiments"} {
			out := send(t, w, "guest", fmt.Sprintf(`{ project(fullPath: "root/private") { id %s(%s) { nodes { id } } } }`, list, args), nil)
			if len(out.Errors) != 1 || out.Errors[0].Message != want {
				t.Errorf("%s(%s): %v", list, args, out)
				continue
			}
			same(t, out.Errors[0].Path, []any{"project", list})
			same(t, dig(t, out.Data, "project.id") != nil, true) // the rest is answered
		}
	}
}
