package web

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// homes are the pages of the private project that have files.
func homes(w *apitest.World) map[string]registry.PackageRef {
	version, run := w.IDs["private/version"], w.IDs["private/run"]
	return map[string]registry.PackageRef{
		modelPath("root/private", w.IDs["private/model"]) + "/versions/" + itoa(version): {VersionID: version},
		"/root/private/-/ml/candidates/" + itoa(run):                                     {RunIID: run},
	}
}

// sendForm sends a multipart form of pairs: "name" for a field, "@name" for a file.
func sendForm(t *testing.T, w *apitest.World, target string, pairs ...string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		part, err := form.CreateFormField(pairs[i])
		if name, file := strings.CutPrefix(pairs[i], "@"); file {
			part, err = form.CreateFormFile("file", name)
		}
		apitest.OK(t, err)
		_, err = part.Write([]byte(pairs[i+1]))
		apitest.OK(t, err)
	}
	apitest.OK(t, form.Close())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Private-Token", w.Tokens["developer"])
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	return rec
}

func content(t *testing.T, w *apitest.World, pkg registry.PackageRef, path string) string {
	t.Helper()
	f, body, err := w.Registry.As(auth.System()).OpenFile(t.Context(), registry.ProjectRef{Path: "root/private"}, pkg, path)
	if err != nil {
		return err.Error()
	}
	defer body.Close()
	text := make([]byte, f.Size)
	_, err = body.Read(text)
	apitest.OK(t, err)
	return string(text)
}

// TestFilesByForm: without JavaScript files go by a form and are deleted by one.
func TestFilesByForm(t *testing.T) {
	w := newWorld(t)
	for home, pkg := range homes(w) {
		got := sendForm(t, w, home+"/files", "@a.txt", "A", "folder", "in/here/", "@b.txt", "B", "@ü #1?.md", "C")
		if got.Code != 303 || got.Header().Get("Location") != home {
			t.Fatalf("%s: %d %s", home, got.Code, got.Body)
		}
		for path, want := range map[string]string{"a.txt": "A", "in/here/b.txt": "B", "in/here/ü #1?.md": "C"} {
			if c := content(t, w, pkg, path); c != want {
				t.Errorf("%s is %q", path, c)
			}
		}
		page := w.Do(t, "GET", home, "guest", "").Body.String()
		if strings.Contains(page, "a.txt") || !strings.Contains(page, "ask for Reporter") {
			t.Error("a guest sees the files")
		}
		page = w.Do(t, "GET", home, "reporter", "").Body.String()
		if !strings.Contains(page, "/in/here/%C3%BC%20%231%3F.md") || strings.Contains(page, "data-upload") {
			t.Errorf("a reporter sees\n%s", page)
		}
		if page = w.Do(t, "GET", home+"?file=b.t", "reporter", "").Body.String(); strings.Contains(page, "a.txt") || !strings.Contains(page, "b.txt") {
			t.Error("the search does not narrow")
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, home+"/files/delete", strings.NewReader("path=in%2Fhere%2Fb.txt"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Private-Token", w.Tokens["developer"])
		rec := httptest.NewRecorder()
		if w.Handler.ServeHTTP(rec, r); rec.Code != 303 || !strings.Contains(content(t, w, pkg, "in/here/b.txt"), "not found") {
			t.Errorf("deleting: %d", rec.Code)
		}
	}
}

// TestFormsRefused: what is wrong is told on the page, and how far it went.
func TestFormsRefused(t *testing.T) {
	w := newWorld(t)
	for home := range homes(w) {
		for want, pairs := range map[string][]string{"Choose at least one file": {"folder", "x"}, "Stored before it: 1 file.": {"@ok.txt", "1", "folder", "../up", "@b.txt", "B"}} {
			if got := sendForm(t, w, home+"/files", pairs...); got.Code != 422 || !strings.Contains(got.Body.String(), want) {
				t.Errorf("%v: %d, want %q in\n%s", pairs, got.Code, want, got.Body)
			}
		}
	}
}

func TestTree(t *testing.T) {
	var files []registry.File
	for _, p := range []string{"MLmodel", "a/b/c.pkl", "a/b/d.safetensors", "a/e.csv"} {
		files = append(files, registry.File{Path: p, Size: 10})
	}
	top := treeOf(files)
	a := top.Folders[0]
	if top.Count != 4 || top.Size != 40 || a.Count != 3 || a.Folders[0].Size != 20 || len(a.Files) != 1 || len(top.Files) != 1 {
		t.Errorf("%+v %+v", top, a)
	}
	if leaf := a.Folders[0].Files[0]; leaf.Name != "c.pkl" || !leaf.Kind.RunsCode() {
		t.Errorf("%+v", leaf)
	}
}

// TestBytesMayNotStall: every route through which whole files go is bound in how
// long these may stall, and no stream is.
func TestBytesMayNotStall(t *testing.T) {
	for _, rt := range (&door{}).table() {
		want := strings.Contains(rt.pattern, "/raw/") || strings.Contains(rt.pattern, "/download/") || strings.HasSuffix(rt.pattern, "/files") || strings.HasSuffix(rt.pattern, "/audit_log_reports")
		if rt.bytes != want {
			t.Errorf("%s %s: bytes is %v", rt.method, rt.pattern, rt.bytes)
		}
	}
}
