package gitlab

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestArchive: both kinds hold every file whole, and a manifest that says so.
func TestArchive(t *testing.T) {
	w := newWorld(t, worldOptions{})
	base := fmt.Sprintf("/api/v4/projects/%d/", w.ids["private"])
	files := map[string]string{"dir/model.bin": "weights", "empty": "", "ü/a b.txt": strings.Repeat("x", 100_000), "SHA256SUMS": "mine"}
	for path, content := range files {
		target := base + fmt.Sprintf("packages/ml_models/%d/files/%s", w.ids["private/version"], strings.ReplaceAll(path, " ", "%20"))
		if got := w.do(t, "PUT", target, "developer", content); got.Code != 201 {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	hidden := base + fmt.Sprintf("packages/ml_models/%d/files/hidden?status=hidden", w.ids["private/version"])
	w.do(t, "PUT", hidden, "developer", "h")
	archive := base + fmt.Sprintf("ml/models/%d/versions/%d/archive", w.ids["private/model"], w.ids["private/version"])
	byName := base + "packages/ml_models/"
	for target, read := range map[string]func(*testing.T, []byte) map[string]string{
		archive + "?format=zip": unzip, archive + "?format=tar": untar, archive: unzip,
		byName + fmt.Sprint(w.ids["private/version"]) + "/archive?format=tar": untar,
		byName + "model:iris:1.0.0/archive?format=tar":                        untar,
		byName + "model%3Airis%40latest/archive":                              unzip,
	} {
		format := "zip"
		if strings.HasSuffix(target, "tar") {
			format = "tar"
		}
		res := w.do(t, "GET", target, "reporter", "")
		if res.Code != 200 || !strings.Contains(res.Header().Get("Content-Disposition"), "iris-1.0.0."+format) {
			t.Fatalf("%d %v", res.Code, res.Header())
		}
		got := read(t, res.Body.Bytes())
		sums := got["SHA256SUMS.vitrine"]
		delete(got, "SHA256SUMS.vitrine")
		if len(got) != len(files) {
			t.Errorf("%s holds %d files, want %d", target, len(got), len(files))
		}
		for path, content := range files {
			sum := sha256.Sum256([]byte(content))
			if got[path] != content || !strings.Contains(sums, hex.EncodeToString(sum[:])+"  "+path+"\n") {
				t.Errorf("%s: %s is wrong", target, path)
			}
		}
	}
	for query, want := range map[string]int{"": 200, "?format=rar": 400} {
		if res := w.do(t, "HEAD", archive+query, "reporter", ""); res.Code != want || want == 200 && res.Body.Len() > 0 {
			t.Errorf("HEAD %s: %d with %d bytes", query, res.Code, res.Body.Len())
		}
	}
	for _, target := range []string{archive, byName + "model:iris@latest/archive"} {
		if res := w.do(t, "GET", target, "guest", ""); res.Code != 403 {
			t.Errorf("a guest got %d", res.Code)
		}
	}
}

// TestArchiveOfRun: a run is sent whole, too, and nothing of what is not there.
func TestArchiveOfRun(t *testing.T) {
	w := newWorld(t, worldOptions{})
	base := fmt.Sprintf("/api/v4/projects/%d/packages/ml_models/", w.ids["private"])
	run := fmt.Sprintf("candidate:%d", w.ids["private/run"])
	res := w.do(t, "GET", base+run+"/archive", "reporter", "")
	if got := unzip(t, res.Body.Bytes()); len(got) != 2 || got["run.txt"] != "log" || !strings.Contains(res.Header().Get("Content-Disposition"), "iris-candidate_") {
		t.Errorf("%v, %v", got, res.Header())
	}
	w.do(t, "DELETE", base+run+"/files/run.txt", "developer", "")
	if got := unzip(t, w.do(t, "GET", base+run+"/archive", "reporter", "").Body.Bytes()); len(got) != 1 {
		t.Errorf("an empty run has %v", got)
	}
	for target, want := range map[string]int{"model:iris:9.0.0": 404, "model:rose@latest": 404, "candidate:99": 404, "0": 404, "model:iris": 404} {
		if res := w.do(t, "GET", base+target+"/archive", "reporter", ""); res.Code != want {
			t.Errorf("%s: %d %s", target, res.Code, res.Body)
		}
	}
	if res := w.do(t, "PUT", base+run+"/archive", "developer", "x"); res.Code != 405 {
		t.Errorf("PUT answers %d", res.Code)
	}
}

func unzip(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	ok(t, err)
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		ok(t, err)
		content, err := io.ReadAll(r)
		ok(t, err)
		out[f.Name] = string(content)
	}
	return out
}

func untar(t *testing.T, b []byte) map[string]string {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(b))
	out := map[string]string{}
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		ok(t, err)
		content, err := io.ReadAll(r)
		ok(t, err)
		out[h.Name] = string(content)
	}
}
