package browser

import (
	"fmt"
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

// kinds are looks of the pages: on each, every page is judged.
var kinds = map[string]look{"desktop": desktop, "desktop-dark": desktopDark, "phone": phone, "zoomed": {width: 640, height: 450}}

// TestEveryPage walks to every kind of page that links lead to, on a server with
// real content. On each of them axe-core finds nothing (WCAG 2.2 AA), nothing is
// wider than the window, and the page is light.
func TestEveryPage(t *testing.T) {
	home := serve(t)
	fillPages(t, home)
	for name, l := range kinds {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			for _, path := range []string{"/users/sign_in", "/nowhere"} {
				b.visit(path)
				b.look(path)
			}
			b.expectErrors() // the page that is not there
			b.signIn()
			seen := b.walk()
			t.Logf("%d pages: %s", len(seen), strings.Join(seen, " "))
			for _, want := range []string{"/-/ml/models/N", "/-/ml/models/N/versions/N", "/-/ml/candidates/N", "/-/ml/experiments/N"} {
				if !slices.ContainsFunc(seen, func(s string) bool { return strings.HasSuffix(s, want) }) {
					t.Errorf("no link led to a page …%s", want)
				}
			}
		})
	}
}

// axe gives the text of axe-core.
var axe = sync.OnceValues(func() ([]byte, error) {
	return os.ReadFile(filepath.Join("..", "..", ".venv", "axe", "node_modules", "axe-core", "axe.min.js"))
})

// walk visits the pages that can be reached by links, one of each kind, and
// gives their addresses with N for numbers.
func (b *tab) walk() []string {
	queue, seen := []string{"/", "/root/default/-/ml/models/2/compare?v=2&v=4"}, []string{}
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
}

// card is a model card with all that Markdown has.
const card = "# Winner\n\nIt *wins*, see [MLflow](https://mlflow.org).\n\n## Use\n\n1. load\n2. `predict`\n\n```python\nmodel.predict(x)\n```\n\n" +
	"| metric | value |\n|---|---|\n| acc | 0.93 |\n\n- [x] done\n\n> quoted\n\n![a picture](data:image/png;base64,AAAA)\n"

// fillPages makes something of each kind that pages show.
func fillPages(t *testing.T, home string) {
	t.Helper()
	first, _ := fillMLflow(t, home)
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
	group := tr.post("/api/v4/groups", map[string]any{"name": "Research", "path": "research"})
	tr.post("/api/v4/groups", map[string]any{"name": "Vision", "path": "vision", "parent_id": group["id"]})
	tr.post("/api/v4/projects", map[string]any{"name": "Digits", "namespace_id": group["id"], "description": strings.Repeat("digits ", 20)})
	user := tr.post("/api/v4/users", map[string]any{"username": "ann", "name": "Ann", "email": "ann@example.org", "password": "correct horse battery"})
	tr.post(project+"/members", map[string]any{"user_id": user["id"], "access_level": 30})
	tr.post(project+"/access_tokens", map[string]any{"name": "training", "scopes": []string{"read_api"}, "access_level": 20, "expires_at": "2027-06-01"})
	tr.post(project+"/deploy_tokens", map[string]any{"name": "serving", "scopes": []string{"read_package_registry"}})
}
