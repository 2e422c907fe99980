package web

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// put stores a file of a version or run of the private project.
func put(t *testing.T, w *apitest.World, pkg registry.PackageRef, path, content string) {
	t.Helper()
	apitest.OK(t, apitest.Put(t.Context(), w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}, pkg, path, content))
}

func sample(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile("../formats/testdata/" + name)
	apitest.OK(t, err)
	return string(raw)
}

// TestFilePages: a page for each kind of file shows what is in it, and nothing
// of it as HTML of ours.
func TestFilePages(t *testing.T) {
	w := newWorld(t)
	evil := `<script>alert(1)</script>`
	for home, pkg := range homes(w) {
		for path, c := range map[string]struct{ content, want string }{
			"a/notes.txt":       {"hello " + evil, "hello &lt;script&gt;"},
			"a/x.json":          {`{"b":[1,2],"c":"` + "<b>" + `"}`, "{\n  &#34;b&#34;: [\n    1,"},
			"bad.json":          {`{"b":`, "{&#34;b&#34;:"},
			"t.csv":             {"name,score\nann,\"1,5\"\n" + evil + ",2\n", "<td>1,5</td>"},
			"README.md":         {"# Title\n\n*it* " + evil, "<em>it</em>"},
			"page.html":         {evil, "&lt;script&gt;alert(1)"},
			"plot.png":          {"\x89PNG\x00", `<img src="` + home + `/raw/plot.png"`},
			"empty.txt":         {"", "The file is empty."},
			"weights.bin":       {"\x00\x01\x02", "no text or picture"},
			"model.pkl":         {"\x80\x04\x95\x00", "can run code"},
			"odd name":          {"\x80\x04\x95\x00", "can run code"},
			"model.safetensors": {sample(t, "model.safetensors"), "<td>10 × 4</td>"},
			"model.gguf":        {sample(t, "model.gguf"), "<dd>apache-2.0</dd>"},
			"model.onnx":        {sample(t, "model.onnx"), "<td>batch × 4</td>"},
			"MLmodel":           {sample(t, "MLmodel"), "<dd>3.11.7</dd>"},
			"broken.gguf":       {"GGUF", "ends before its head does"},
		} {
			put(t, w, pkg, path, c.content)
			got := w.Do(t, "GET", home+"/files/"+escapePath(path), "reporter", "")
			body := got.Body.String()
			if got.Code != 200 || !strings.Contains(body, c.want) {
				t.Errorf("%s: %d, want %q in\n%s", path, got.Code, c.want, body)
			}
			if strings.Contains(body, evil) {
				t.Errorf("%s: the page has the file's script", path)
			}
		}
		page := w.Do(t, "GET", home, "reporter", "").Body.String()
		for _, want := range []string{"What is in it", "<dd>llama</dd>", "2 of these files", home + "/files/a/notes.txt"} {
			if pkg.VersionID != 0 && !strings.Contains(page, want) && want != "2 of these files" {
				t.Errorf("the page has no %q", want)
			}
		}
	}
}

// TestTextsBesideFiles: what cards and READMEs call by relative addresses are files
// of the version or run.
func TestTextsBesideFiles(t *testing.T) {
	w := newWorld(t)
	const text = "![loss](<img/loss curve.png>) ![w](weights.bin) [use](<how to.md#start>) [up](../x.md) [else](https://example.org/a)"
	for home, pkg := range homes(w) {
		put(t, w, pkg, "README.md", text)
		put(t, w, pkg, "docs/a/README.md", text+" [top](../../LICENSE) ![p](../b.svg)")
		for file, folder := range map[string]string{"README.md": "", "docs/a/README.md": "docs/a/"} {
			page := visitor{t, w, "reporter"}.get(home + "/files/" + file)
			has(t, page, `<img src="`+home+"/raw/"+folder+`img/loss%20curve.png" alt="loss">`, `<a href="`+home+"/files/"+folder+`weights.bin" rel="nofollow">w</a>`,
				`<a href="`+home+"/files/"+folder+`how%20to.md#start" rel="nofollow">use</a>`, `<a href="https://example.org/a" rel="nofollow">else</a>`)
			if folder == "" {
				has(t, page, "</a> up <a")
			} else {
				has(t, page, home+"/files/docs/x.md", home+"/files/LICENSE", `<img src="`+home+`/raw/docs/b.svg" alt="p">`)
			}
		}
	}
}

// TestCardsBesideFiles: a version's card lies beside its files, and a model's
// beside those of the latest version.
func TestCardsBesideFiles(t *testing.T) {
	w := newWorld(t)
	sys, ref := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	card := "![loss](img/loss.png)"
	model, err := sys.EditModel(t.Context(), ref, registry.ModelRef{ID: w.IDs["private/model"]}, registry.ModelEdit{Description: &card})
	apitest.OK(t, err)
	_, err = sys.EditVersion(t.Context(), ref, registry.ModelRef{ID: model.ID}, registry.VersionRef{ID: w.IDs["private/version"]}, registry.VersionEdit{Description: &card})
	apitest.OK(t, err)
	page := modelPath("root/private", model.ID)
	latest := `<img src="` + page + "/versions/" + itoa(model.LatestID) + `/raw/img/loss.png" alt="loss">`
	v := visitor{t, w, "developer"}
	has(t, v.get(page), latest)
	has(t, v.get(page+"/versions/"+itoa(w.IDs["private/version"])), latest)
	preview := v.send(page+"/preview", "description", card)
	if preview.Code != 200 || !strings.Contains(preview.Body.String(), latest) {
		t.Errorf("%d %s", preview.Code, preview.Body)
	}
	first, err := sys.CreateModel(t.Context(), ref, registry.ModelSpec{Name: "unversioned", Description: card})
	apitest.OK(t, err)
	has(t, v.get(modelPath("root/private", first.ID)), `<img src="img/loss.png" alt="loss">`)
}

// TestRaw: a picture comes with the type of its ending, in a sandbox; whatever
// is no picture does not come.
func TestRaw(t *testing.T) {
	w := newWorld(t)
	for home, pkg := range homes(w) {
		put(t, w, pkg, "plot.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
		put(t, w, pkg, "page.html", "<b>")
		got := w.Do(t, "GET", home+"/raw/plot.svg", "reporter", "")
		h := got.Header()
		if got.Code != 200 || h.Get("Content-Type") != "image/svg+xml" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox; default-src 'none'") ||
			len(h["Content-Security-Policy"]) != 1 || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%d %v", got.Code, h)
		}
		for _, path := range []string{"page.html", "none.png"} {
			if got := w.Do(t, "GET", home+"/raw/"+path, "reporter", ""); got.Code != 404 {
				t.Errorf("%s: %d", path, got.Code)
			}
		}
	}
}

// TestLooksAreNoDownloads: a page that shows a file does not count as one.
func TestLooksAreNoDownloads(t *testing.T) {
	w := newWorld(t)
	for home, pkg := range homes(w) {
		put(t, w, pkg, "plot.png", "x")
		for _, target := range []string{"", "/files/plot.png", "/raw/plot.png"} {
			if got := w.Do(t, "GET", home+target, "reporter", ""); got.Code != 200 {
				t.Fatal(got.Code)
			}
		}
	}
	apitest.OK(t, w.Registry.FlushDownloads(t.Context()))
	l, err := w.Registry.As(auth.System()).Packages(t.Context(), registry.ProjectRef{Path: "root/private"}, registry.PackageQuery{})
	apitest.OK(t, err)
	for _, k := range l.Items {
		if !k.DownloadedAt.IsZero() {
			t.Errorf("the package %d was downloaded", k.ID)
		}
	}
	if len(l.Items) == 0 {
		t.Error("there are no packages")
	}
}

// TestPreviewIsBounded: of what is too long the page shows a part, and says so.
func TestPreviewIsBounded(t *testing.T) {
	d := &door{prose: markdown.New()}
	look := func(name, content string) preview {
		t.Helper()
		p, err := d.previewOf(registry.File{Path: name, Size: int64(len(content))}, "/home", formats.KindOf(name), strings.NewReader(content))
		apitest.OK(t, err)
		return p
	}
	long := strings.Repeat("ü", maxText)
	if p := look("a.txt", "x"+long); len(p.Text) > maxText || !strings.HasSuffix(p.Text, "ü") || p.Cut == "" {
		t.Errorf("%d bytes, %q", len(p.Text), p.Cut)
	}
	if p := look("a.md", long); p.HTML != "" || p.Cut == "" {
		t.Error("half a text became a document")
	}
	var rows strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&rows, "%d,%s\n", i, strings.Repeat("x,", 100))
	}
	if p := look("a.csv", rows.String()); len(p.Table) != maxRows || len(p.Table[0]) != maxCells || p.Cut == "" || p.Text != "" {
		t.Errorf("%d rows, %q", len(p.Table), p.Cut)
	}
	if p := look("a.tsv", "a\tb\n1\t2\n"); len(p.Table) != 2 || p.Table[1][1] != "2" || p.Cut != "" {
		t.Errorf("%+v", p)
	}
}

// TestShards: the pieces of one model are one.
func TestShards(t *testing.T) {
	w := newWorld(t)
	pkg := registry.PackageRef{VersionID: w.IDs["private/version"]}
	for i := range 3 {
		put(t, w, pkg, fmt.Sprintf("m/model-%05d-of-00003.safetensors", i+1), sample(t, "model.safetensors"))
	}
	for home, p := range homes(w) {
		if p != pkg {
			continue
		}
		for range 2 { // read, and remembered
			body := w.Do(t, "GET", home, "reporter", "").Body.String()
			if n := strings.Count(body, "<dt>Parameters</dt>"); n != 1 || !strings.Contains(body, "<dd title=\"180\">180</dd>") || !strings.Contains(body, "model-*-of-00003.safetensors") {
				t.Errorf("%d models in\n%s", n, body)
			}
		}
	}
}
