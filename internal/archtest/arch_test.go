// Package archtest holds the rules of the house as tests: who may import whom,
// what the domain may not know, and how large things may grow.
package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vitrine-ml/vitrine/"

// may lists what each package may import of ours; a package that is not here
// fails the test, so that nobody adds one without a place in the house.
var may = map[string][]string{
	"internal/fault":              {},
	"internal/blob":               {"internal/fault"},
	"internal/blob/blobtest":      {"internal/blob", "internal/fault"},
	"internal/blob/fsblob":        {"internal/blob", "internal/fault"},
	"internal/blob/memblob":       {"internal/blob", "internal/fault"},
	"internal/jobs":               {"internal/fault"},
	"internal/memo":               {},
	"internal/auth":               {"internal/fault", "internal/memo"},
	"internal/config":             {"internal/fault"},
	"internal/client":             {"internal/fault"},
	"internal/registry":           {"internal/fault", "internal/memo", "internal/memo", "internal/blob", "internal/jobs", "internal/auth"},
	"internal/registry/storetest": {"internal/registry", "internal/fault", "internal/blob", "internal/jobs", "internal/auth"},
	"internal/sqlstore":           {"internal/registry", "internal/auth", "internal/jobs", "internal/blob", "internal/fault"},
	"internal/gc":                 {"internal/registry", "internal/blob", "internal/jobs", "internal/fault", "internal/auth"},
	"internal/httpx":              {"internal/fault", "internal/blob"},
	"internal/httpx/httpxtest":    {"internal/httpx", "internal/fault"},
	"internal/api/gitlab":         {"internal/formats", "internal/safety", "internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault", "internal/blob"},
	"internal/api/graphql":        {"internal/markdown", "internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault"},
	"internal/api/mlflow":         {"internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault", "internal/blob"},
	"internal/api/hub":            {"internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault"},
	"internal/api/oci":            {"internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault", "internal/blob"},
	"internal/apitest":            {"internal/registry", "internal/safety", "internal/auth", "internal/blob", "internal/blob/fsblob", "internal/httpx", "internal/sqlstore"},
	"internal/asset":              {"internal/httpx"},
	"internal/markdown":           {},
	"internal/apidoc":             {"internal/asset", "internal/httpx"},
	"internal/credential":         {"internal/auth"},
	"internal/formats":            {},
	"internal/safety":             {"internal/formats", "internal/registry", "internal/blob"},
	"internal/web":                {"internal/asset", "internal/formats", "internal/safety", "internal/markdown", "internal/registry", "internal/credential", "internal/auth", "internal/httpx", "internal/fault", "internal/blob"},
	"internal/app":                {"*"},
	"internal/cli":                {"internal/app", "internal/client", "internal/config", "internal/fault", "internal/registry", "internal/auth"},
	"internal/archtest":           {},
	"cmd/vitrine":                 {"internal/cli"},
	"cmd/manpages":                {"internal/cli"},
	"test/browser":                {},
	"test/clients":                {},
	"bench/core":                  {"*"},
}

// banned are packages of others that some of ours may not know, and why.
var banned = map[string]map[string]string{
	"internal/registry": {"net/http": "the domain knows no protocol", "database/sql": "the domain knows no SQL", "encoding/json": "spelling is a dialect's"},
	"internal/blob":     {"net/http": "bytes know no protocol", "database/sql": "bytes know no SQL"},
	"internal/jobs":     {"net/http": "jobs know no protocol", "database/sql": "jobs know no SQL"},
	"internal/fault":    {"net/http": "statuses are born in the dialects"},
	"internal/httpx":    {"database/sql": "HTTP manners know no SQL"},
}

const (
	maxFile     = 500 // lines
	maxFunction = 60  // lines
)

// source is one parsed Go file.
type source struct {
	path, pkg string
	file      *ast.File
	set       *token.FileSet
	text      []byte
}

// sources parses every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{rel, filepath.ToSlash(filepath.Dir(rel)), f, set, text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		allowed, known := may[s.pkg]
		if !known {
			t.Errorf("%s: the package has no place in the table of imports", s.pkg)
			continue
		}
		for _, i := range s.imports() {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s", s.path, ours)
			}
			if why, ok := banned[s.pkg][i]; ok {
				t.Errorf("%s imports %s, but %s", s.path, i, why)
			}
		}
	}
}

// TestDialectsAreStrangers: a dialect that uses another one would drag its
// spelling along.
func TestDialectsAreStrangers(t *testing.T) {
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.pkg, "internal/api/") {
			continue
		}
		for _, i := range s.imports() {
			if other, ok := strings.CutPrefix(i, module+"internal/api/"); ok && "internal/api/"+other != s.pkg {
				t.Errorf("%s imports the dialect %s", s.path, other)
			}
		}
	}
}

// TestNounsHaveNoTags: how a noun is spelled is a dialect's business.
func TestNounsHaveNoTags(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg != "internal/registry" || s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil {
				t.Errorf("%s: a field has the tag %s", s.set.Position(f.Pos()), f.Tag.Value)
			}
			return true
		})
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if n := bytes.Count(s.text, []byte("\n")); n > maxFile {
			t.Errorf("%s has %d lines, more than %d", s.path, n, maxFile)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line; n > maxFunction {
				t.Errorf("%s: %s has %d lines, more than %d", s.path, f.Name.Name, n, maxFunction)
			}
		}
	}
}

// TestPackageComments: every package tells its story once.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.file.Doc != nil && len(s.file.Doc.Text()) > 40 {
			said[s.pkg] = true
		}
	}
	for pkg := range may {
		if _, err := os.Stat(filepath.Join("..", "..", pkg)); err == nil && !said[pkg] {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

// TestNoSetupByImport: what happens on import cannot be ordered, configured or
// tested.
func TestNoSetupByImport(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
		}
	}
}
