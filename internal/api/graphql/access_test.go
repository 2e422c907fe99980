package graphql

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// entry is one way into the graph, on things of one of the world's projects.
type entry struct {
	perm registry.Permission
	// document is asked with the project's visibility for %[1]s and numbers for
	// the rest; path is what it shows.
	document func(w *apitest.World, visibility string) string
	path     string
}

func byPath(selection string) func(*apitest.World, string) string {
	return func(_ *apitest.World, v string) string {
		return fmt.Sprintf(`{ project(fullPath: "root/%s") { %s } }`, v, selection)
	}
}

func byID(field, sort, key, selection string) func(*apitest.World, string) string {
	return func(w *apitest.World, v string) string {
		return fmt.Sprintf(`{ %s(id: "%s") { %s } }`, field, globalID(sort, w.IDs[v+"/"+key]), selection)
	}
}

func mutate(format string, keys ...string) func(*apitest.World, string) string {
	return func(w *apitest.World, v string) string {
		args := []any{v}
		for _, k := range keys {
			args = append(args, w.IDs[v+"/"+k])
		}
		return "mutation { " + fmt.Sprintf(format, args...) + " }"
	}
}

// entries are all fields of Query and Mutation on projects, and the fields that
// pass another permission than the one above them.
var entries = map[string]entry{
	"project":                  {registry.ReadProject, byPath("id"), "project.id"},
	"project.mlModels":         {registry.ReadModels, byPath("mlModels { nodes { id } }"), "project.mlModels.nodes.0.id"},
	"project.mlExperiments":    {registry.ReadRuns, byPath("mlExperiments { nodes { id } }"), "project.mlExperiments.nodes.0.id"},
	"mlModel":                  {registry.ReadModels, byID("mlModel", gidModel, "model", "id"), "mlModel.id"},
	"mlModel.versions":         {registry.ReadModels, byID("mlModel", gidModel, "model", "versions { nodes { id } }"), "mlModel.versions.nodes.0.id"},
	"mlModel.latestVersion":    {registry.ReadModels, byID("mlModel", gidModel, "model", "latestVersion { createdAt }"), "mlModel.latestVersion.createdAt"},
	"mlModel.candidates":       {registry.ReadRuns, byID("mlModel", gidModel, "model", "candidates { nodes { id } }"), "mlModel.candidates.nodes.0.id"},
	"MlModelVersion.candidate": {registry.ReadModels, byID("mlModel", gidModel, "model", "latestVersion { candidate { eid params { count } } }"), "mlModel.latestVersion.candidate.eid"},
	"MlModelVersion.package":   {registry.PullPackages, byID("mlModel", gidModel, "model", "latestVersion { package { packageFiles { nodes { id } } } }"), "mlModel.latestVersion.package.packageFiles.nodes.0.id"},
	"mlExperiment":             {registry.ReadRuns, byID("mlExperiment", gidExperiment, "experiment row", "id"), "mlExperiment.id"},
	"mlExperiment.candidates":  {registry.ReadRuns, byID("mlExperiment", gidExperiment, "experiment row", "candidates { nodes { metrics { count } } }"), "mlExperiment.candidates.nodes.0.metrics.count"},
	"package":                  {registry.PullPackages, byID("package", gidPackage, "package", "packageFiles { nodes { fileName } }"), "package.packageFiles.nodes.0.fileName"},

	"mlModelCreate":        {registry.WriteModels, mutate(`mlModelCreate(input: { projectPath: "root/%s", name: "rose" }) { errors }`), "mlModelCreate.errors"},
	"mlModelEdit":          {registry.WriteModels, mutate(`mlModelEdit(input: { projectPath: "root/%s", name: "", modelId: %d, description: "x" }) { errors }`, "model"), "mlModelEdit.errors"},
	"mlModelDelete":        {registry.WriteModels, mutate(`mlModelDelete(input: { projectPath: "root/%s", id: "gid://gitlab/Ml::Model/%d" }) { errors }`, "model"), "mlModelDelete.errors"},
	"mlModelDestroy":       {registry.WriteModels, mutate(`mlModelDestroy(input: { projectPath: "root/%s", id: "gid://gitlab/Ml::Model/%d" }) { errors }`, "model"), "mlModelDestroy.errors"},
	"mlModelVersionCreate": {registry.WriteModels, mutate(`mlModelVersionCreate(input: { projectPath: "root/%s", modelId: "gid://gitlab/Ml::Model/%d" }) { errors }`, "model"), "mlModelVersionCreate.errors"},
	"mlModelVersionEdit":   {registry.WriteModels, mutate(`mlModelVersionEdit(input: { projectPath: "root/%s", modelId: "gid://gitlab/Ml::Model/%d", version: "1.0.0", description: "" }) { errors }`, "model"), "mlModelVersionEdit.errors"},
	"mlModelVersionDelete": {registry.WriteModels, mutate(`mlModelVersionDelete(input: { clientMutationId: "%s", id: "gid://gitlab/Ml::ModelVersion/%d" }) { errors }`, "version"), "mlModelVersionDelete.errors"},
}

// elsewhere are the fields of Query that are on no project.
var elsewhere = []string{"currentUser", "group", "metadata", "projects", "queryComplexity"}

// TestEntriesAreComplete: a new field of Query or Mutation is walked, or said to
// be on no project.
func TestEntriesAreComplete(t *testing.T) {
	schema := New(Options{}) // panics if the resolvers do not fit
	if schema.Name != "graphql" {
		t.Error(schema.Name)
	}
	for _, typ := range []string{"Query", "Mutation"} {
		for _, name := range fieldsOf(typ) {
			if _, ok := entries[name]; !ok && !slices.Contains(elsewhere, name) {
				t.Errorf("%s.%s is not walked", typ, name)
			}
		}
	}
}

// fieldsOf reads the names of a type's fields off the schema.
func fieldsOf(typ string) (names []string) {
	_, rest, _ := strings.Cut(Schema, "\ntype "+typ+" {\n")
	body, _, _ := strings.Cut(rest, "\n}")
	for line := range strings.SplitSeq(body, "\n") {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "(")
		name, _, _ = strings.Cut(name, ":")
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && !strings.HasPrefix(name, `"`) && name != ")" {
			names = append(names, name)
		}
	}
	return names
}

// rights tells whether a caller passes a permission in a project. Each project
// has the same members.
func rights(c apitest.Caller, perm registry.Permission, visibility string) apitest.Outcome {
	sees := visibility == "public" || visibility == "internal" && c.Who != ""
	packages := perm == registry.PullPackages
	switch {
	case c.Who == "" && apitest.Writes[perm]:
		return apitest.Asks
	case c.Level == registry.NoRole && (!sees || packages && visibility == "internal"):
		return apitest.Hides
	case packages && visibility == "public", !apitest.Writes[perm] && !packages && sees:
		return apitest.Passes
	case c.Level < apitest.Least[perm]:
		return apitest.Denies
	}
	return apitest.Passes
}

// TestEveryEntry walks the ways into the graph with every role, in projects of
// every visibility: whoever may not is shown null by a query, and by a mutation
// GitLab's text, with nothing done.
func TestEveryEntry(t *testing.T) {
	shared := newWorld(t)
	ids(t, shared)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		for _, visibility := range []string{"private", "internal", "public"} {
			for _, c := range apitest.Callers {
				t.Run(name+" in "+visibility+" as "+c.Who, func(t *testing.T) {
					w, want := shared, rights(c, e.perm, visibility)
					if want == apitest.Passes && apitest.Writes[e.perm] {
						t.Parallel()
						w = newWorld(t) // what is let through may change anything
						ids(t, w)
					}
					checkEntry(t, name, e, send(t, w, c.Who, e.document(w, visibility), nil), want)
				})
			}
		}
	}
}

func checkEntry(t *testing.T, name string, e entry, got reply, want apitest.Outcome) {
	t.Helper()
	shown := follow(got.Data, e.path)
	switch {
	case got.code != 200:
		t.Errorf("answered %d", got.code)
	case want == apitest.Passes && (shown == nil || got.Errors != nil):
		t.Errorf("not let through: %v %v", got.Errors, got.Data)
	case want == apitest.Passes:
	case name == "mlModelVersionDelete" && want == apitest.Hides:
		same(t, shown, any([]any{"Model version not found"})) // as one that is not there
	case shown != nil:
		t.Errorf("%s: shown %v", want, got.Data)
	case !apitest.Writes[e.perm] && got.Errors != nil:
		t.Errorf("%s: told %v", want, got.Errors)
	case apitest.Writes[e.perm] && (len(got.Errors) != 1 || got.Errors[0].Message != accessError):
		t.Errorf("%s: told %v", want, got.Errors)
	}
}

// follow follows a path as far as it goes.
func follow(data any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch d := data.(type) {
		case map[string]any:
			data = d[name]
		case []any:
			if len(d) == 0 {
				return nil
			}
			data = d[0]
		default:
			return nil
		}
	}
	return data
}

// ids finds the row numbers that the world does not tell.
func ids(t *testing.T, w *apitest.World) {
	t.Helper()
	for _, v := range []string{"private", "internal", "public"} {
		got := data(t, w, "boss", fmt.Sprintf(`{ project(fullPath: "root/%s") { mlExperiments(name: "iris") { nodes { id } } mlModels { nodes { latestVersion { packageId } } } } }`, v), nil)
		for key, at := range map[string]struct{ path, sort string }{
			"/experiment row": {"project.mlExperiments.nodes.0.id", gidExperiment},
			"/package":        {"project.mlModels.nodes.0.latestVersion.packageId", gidPackage},
		} {
			n, err := gid(dig(t, got, at.path).(string)).number(at.sort, "")
			apitest.OK(t, err)
			w.IDs[v+key] = n
		}
	}
}

// TestScopes: a token for the registry alone reaches its models but neither
// writes with the scope to read, nor sees the rest.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	models := `{ project(fullPath: "root/private") { mlModels(name: "iris") { nodes { name } } } }`
	create := `mutation { mlModelCreate(input: { projectPath: "root/private", name: "%s" }) { errors } }`
	for who, writes := range map[string]bool{"ro": false, "readapi": false, "rw": true, "developer": true} {
		got := data(t, w, who, models, nil)
		same(t, follow(got, "project.mlModels.nodes.0.name"), any("iris"))
		out := send(t, w, who, fmt.Sprintf(create, who), nil)
		if done := follow(out.Data, "mlModelCreate.errors") != nil; done != writes {
			t.Errorf("%s: %v", who, out)
		}
	}
	same(t, send(t, w, "ro", `{ projects { count } currentUser { id } }`, nil).Data, map[string]any{"projects": nil, "currentUser": nil})
}
