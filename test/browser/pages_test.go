package browser

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// heaviest is what a page may weigh on the wire, all that it loads included, in
// bytes; compressed, and nothing in the browser's cache.
const heaviest = 100 << 10

// heaviestScript is what one script may weigh so, in bytes.
const heaviestScript = 50_000

// kinds are looks of the pages: on each, every page is judged. A window of 1280
// pixels has 640 when it is doubled, and 320 at four times its size, as WCAG asks
// for (1.4.10).
var kinds = map[string]look{"desktop": desktop, "desktop-dark": desktopDark, "phone-dark": phoneDark, "doubled": {width: 640, height: 450}, "narrow": {width: 320, height: 640}}

// TestEveryPage walks to every kind of page that links lead to, on a server with
// content, and to those that no link leads to; none of the list of all pages is
// left out. On each of them axe-core finds nothing (WCAG 2.2 AA), nothing is wider
// than the window, and the page is light.
func TestEveryPage(t *testing.T) {
	home := serve(t)
	seeds := fillPages(t, home)
	missing := unvisited(t)
	for name, l := range kinds {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			for _, path := range []string{"/users/sign_in", "/nowhere"} {
				b.visit(path)
				b.look(path)
			}
			b.expectErrors() // the page that is not there
			b.signIn()
			seen := b.walk(seeds, name == "desktop")
			t.Logf("%d pages", len(seen))
			if left := missing(append(seen, "/users/sign_in")); len(left) > 0 {
				t.Errorf("not visited: %q", left)
			}
		})
	}
}

// axe gives the text of axe-core.
var axe = sync.OnceValues(func() ([]byte, error) {
	return os.ReadFile(filepath.Join("..", "..", ".venv", "axe", "node_modules", "axe-core", "axe.min.js"))
})

var (
	manySegments = regexp.MustCompile(`\{[a-z]+(\+|\.\.\.)\}`)
	oneSegment   = regexp.MustCompile(`\{[a-z]+\}`)
)

// unvisited reads the list of all pages, and gives those that none of some
// addresses is. An address is that page of all it could be whose pattern has the
// fewest variables: ".../models/new" is no model.
func unvisited(t *testing.T) func(visited []string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "internal", "web", "testdata", "pages.txt"))
	ok(t, err)
	patterns := slices.DeleteFunc(strings.Split(string(raw), "\n"), func(s string) bool { return !strings.HasPrefix(s, "/") })
	if len(patterns) < 40 {
		t.Fatalf("the list has only %d pages", len(patterns))
	}
	slices.SortFunc(patterns, func(a, b string) int {
		return cmp.Or(strings.Count(a, "{")-strings.Count(b, "{"), len(b)-len(a))
	})
	pages := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		pages[i] = regexp.MustCompile("^" + oneSegment.ReplaceAllString(manySegments.ReplaceAllString(p, ".+"), "[^/]+") + `(\?|$)`)
	}
	return func(visited []string) []string {
		left := slices.Clone(patterns)
		for _, address := range visited {
			if i := slices.IndexFunc(pages, func(p *regexp.Regexp) bool { return p.MatchString(address) }); i >= 0 {
				left[i] = ""
			}
		}
		return slices.DeleteFunc(left, func(s string) bool { return s == "" })
	}
}

// walk visits some pages and those that can be reached by links, one of each kind, and
// gives their addresses with N for numbers. With keys it goes through each by the
// Tab key.
func (b *tab) walk(seeds []string, keys bool) []string {
	queue, seen := append([]string{"/"}, seeds...), []string{}
	for len(queue) > 0 && len(seen) < 200 {
		path := queue[0]
		queue = queue[1:]
		kind := kindOf(path)
		if slices.Contains(seen, kind) {
			continue
		}
		seen = append(seen, kind)
		b.visit(path)
		b.look(path)
		if keys {
			b.tabThrough(path)
		}
		for _, link := range get[[]string](b, `[...document.querySelectorAll("a[href]:not([download])")].map(a => a.href)`) {
			if u, err := url.Parse(link); err == nil && u.Scheme+"://"+u.Host == b.home && isPage(u) {
				queue = append(queue, u.RequestURI())
			}
		}
	}
	return seen
}

var (
	numbers = regexp.MustCompile(`\b([0-9]+|[0-9a-f]{32,64})\b`)
	// notPages are addresses that are answered with something else.
	notPages = regexp.MustCompile(`^/(api|oauth|assets|static)/|^/-/api|/download|/raw/|format=`)
)

func isPage(u *url.URL) bool { return !notPages.MatchString(u.RequestURI()) }

// kindOf gives the kind of a page: its address without numbers, and of the
// query the names only.
func kindOf(requestURI string) string {
	path, query, _ := strings.Cut(requestURI, "?")
	path = numbers.ReplaceAllString(path, "N")
	values, err := url.ParseQuery(query)
	if err != nil || len(values) == 0 {
		return path
	}
	names := []string{}
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return path + "?" + strings.Join(names, "&")
}

// finding is what axe-core has against a page.
type finding struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// look judges the page that is open.
func (b *tab) look(path string) {
	b.t.Helper()
	judge, err := axe()
	if err != nil {
		b.t.Fatalf("axe-core is not there; scripts/setup-tests installs it, `make test` runs it: %v", err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(judge)))
	found := get[[]finding](b, `axe.run(document, {resultTypes: ["violations"]})
		.then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200))})))`)
	for _, f := range found {
		b.t.Errorf("%s: %s (%s): %s", path, f.Help, f.ID, strings.Join(f.Nodes[:min(3, len(f.Nodes))], "\n"))
	}
	b.narrow()
	// The sizes of what came from the cache count too, so the order of the walk does not matter.
	if n := get[int](b, `performance.getEntries().filter(e => e.encodedBodySize).reduce((n, e) => n + e.encodedBodySize, 0)`); n > heaviest {
		b.t.Errorf("%s weighs %d bytes", path, n)
	}
	if n := get[int](b, `Math.max(0, ...performance.getEntriesByType("resource").filter(e => e.initiatorType === "script").map(e => e.encodedBodySize))`); n > heaviestScript {
		b.t.Errorf("a script of %s weighs %d bytes", path, n)
	}
}

// card is a model card with all that Markdown has.
const card = "# Winner\n\nIt *wins*, see [MLflow](https://mlflow.org).\n\n## Use\n\n1. load\n2. `predict`\n\n```python\nmodel.predict(x)\n```\n\n" +
	"| metric | value |\n|---|---|\n| acc | 0.93 |\n\n- [x] done\n\n> quoted\n\n![a picture](data:image/png;base64,AAAA)\n"

// fillPages makes something of each kind that pages show, and gives the addresses
// of pages to which no link leads.
func fillPages(t *testing.T, home string) []string {
	t.Helper()
	first, second := fillMLflow(t, home)
	tr := &trainer{t: t, home: home, api: atRoot}
	const project = "/api/v4/projects/1"
	made := tr.post(project+"/ml/models", map[string]any{"name": "carded", "description": card})
	models := project + "/ml/models/" + fmt.Sprint(made["id"])
	for _, v := range []string{"1.0.0", "1.1.0-rc.1", "2.0.0"} {
		made := tr.post(models+"/versions", map[string]any{"version": v, "description": card})
		for _, name := range []string{"model.bin", "folder/config.json", "folder/deep/notes.md", "table.csv"} {
			putFile(t, home, int64(made["id"].(float64)), name, "{\"hidden_size\": 768}\n")
		}
	}
	tr.post(atRoot+"registered-models/alias", map[string]any{"name": "carded", "alias": "champion", "version": "1"})
	tr.post(atRoot+"runs/log-batch", map[string]any{"run_id": first, "tags": []map[string]any{{"key": "note", "value": strings.Repeat("long ", 50)}}})
	logged := tr.post(atRoot+"logged-models", map[string]any{"experiment_id": "1", "name": "fitted", "source_run_id": first})["model"].(map[string]any)["info"].(map[string]any)["model_id"].(string)
	tr.post(atRoot+"runs/outputs", map[string]any{"run_id": first, "models": []any{map[string]any{"model_id": logged, "step": 0}}})
	ask(t, http.MethodPut, home+"/api/2.0/mlflow-artifacts/artifacts/1/models/"+logged+"/artifacts/MLmodel", strings.NewReader("flavors: {}\n"))
	group := tr.post("/api/v4/groups", map[string]any{"name": "Research", "path": "research"})
	tr.post("/api/v4/groups", map[string]any{"name": "Vision", "path": "vision", "parent_id": group["id"]})
	tr.post("/api/v4/projects", map[string]any{"name": "Digits", "namespace_id": group["id"], "description": strings.Repeat("digits ", 20)})
	user := tr.post("/api/v4/users", map[string]any{"username": "ann", "name": "Ann", "email": "ann@example.org", "password": "correct horse battery"})
	tr.post(project+"/members", map[string]any{"user_id": user["id"], "access_level": 30})
	tr.post(project+"/access_tokens", map[string]any{"name": "training", "scopes": []string{"read_api"}, "access_level": 20, "expires_at": "2027-06-01"})
	tr.post(project+"/deploy_tokens", map[string]any{"name": "serving", "scopes": []string{"read_package_registry"}})
	const at = "/root/default/-/ml"
	return []string{at + "/models/2/compare?v=2&v=4", at + "/compare?run=" + first + "&run=" + second, at + "/logged/" + logged, "/search?search=carded", "/search?search=nothing+at+all",
		"/-/mlflow", "/-/welcome", "/projects/new"}
}
