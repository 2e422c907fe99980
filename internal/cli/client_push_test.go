package cli

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// texts are the files of a version as strings.
func (f *fakeServer) texts(version int) map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]string{}
	for name, data := range f.versions[version-1].files {
		out[name] = string(data)
	}
	return out
}

func TestPushFolder(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	files := map[string]string{"model.onnx": "weights", "deep/er/a b+c%#?.bin": "odd", "empty": "", ".hidden": "h"}
	dir := tree(t, files)
	for _, junk := range []string{".git", "sub/.git", "sub"} {
		if err := os.MkdirAll(filepath.Join(dir, junk), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, junk := range []string{".git/config", "sub/.git/x", ".DS_Store", "sub/.DS_Store", "x" + partSuffix, "x" + stateSuffix} {
		if err := os.WriteFile(filepath.Join(dir, junk), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	link(t, "model.onnx", filepath.Join(dir, "link.onnx"))
	files["link.onnx"] = "weights"

	s.run("push", dir, "team/vision/resnet", "--alias", "champion", "--alias", "best", "--description", "# Hi", "--metadata", "a=b=c")
	if diff := cmp.Diff(files, f.texts(1)); diff != "" {
		t.Error(diff)
	}
	v := f.versions[0]
	if diff := cmp.Diff([]any{"1.0.0", "# Hi", []map[string]string{{"name": "a", "value": "b=c"}}, []string{"champion", "best"}},
		[]any{v.name, v.description, v.metadata, v.aliases}); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(s.stderr.String(), "vitrine pull team/vision/resnet:1.0.0") {
		t.Errorf("no pull command in %s", s.stderr.String())
	}
	puts := f.count("PUT")
	s.run("push", dir, "team/vision/resnet:1.0.0")
	if n := f.count("PUT"); n != puts {
		t.Errorf("pushing the same again sent %d files", n-puts)
	}
}

func TestPushJSON(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	dir := tree(t, map[string]string{"a": "1", "b": "2"})
	s.run("push", filepath.Join(dir, "a"), "team/vision/resnet:2.0.0", "--prefix", "in/")
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	got := s.run("push", dir, "team/vision/resnet:2.0.0", "--json", "--quiet")
	want := `{
  "project": "team/vision",
  "model": "resnet",
  "version": "2.0.0",
  "version_id": 1,
  "files": [
    {
      "path": "b",
      "size": 1,
      "sha256": "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
      "status": "uploaded"
    },
    {
      "path": "c",
      "size": 1,
      "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
      "status": "uploaded"
    }
  ]
}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.stderr.Len() > 0 {
		t.Errorf("--quiet said %s", s.stderr.String())
	}
	if diff := cmp.Diff(map[string]string{"in/a": "1", "b": "2", "c": "1"}, f.texts(1)); diff != "" {
		t.Error(diff)
	}
}

func TestPushEditsAnExistingVersion(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{})
	newShell(t, f).run("push", tree(t, map[string]string{"a": "1"}), "team/vision/resnet:1.0.0", "--metadata", "data=mnist", "--metadata", "x=y")
	want := []map[string]string{{"name": "data", "value": "mnist"}, {"name": "x", "value": "y"}}
	if diff := cmp.Diff(want, f.versions[0].metadata); diff != "" || f.versions[0].description != "# Card" {
		t.Errorf("%s; description %q", diff, f.versions[0].description)
	}
}

func TestPushToRun(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	dir := tree(t, map[string]string{"a": "1"})
	s.run("push", dir, "team/vision", "--candidate", "7")
	s.run("push", filepath.Join(dir, "a"), "team/vision/resnet", "--candidate", "7", "--prefix", "x")
	if diff := cmp.Diff(map[string]string{"a": "1", "x/a": "1"}, f.texts(1)); diff != "" || f.versions[0].name != "candidate:7" {
		t.Errorf("%s: %s", f.versions[0].name, diff)
	}
	out := t.TempDir()
	s.run("pull", "team/vision", "--candidate", "7", "--output", out, "x/*")
	if data, err := os.ReadFile(filepath.Join(out, "x", "a")); err != nil || string(data) != "1" {
		t.Errorf("%s, %v", data, err)
	}
	s.fails(exitUsage, "leave them out", "push", dir, "team/vision", "--candidate", "7", "--alias", "x")
}

// TestPushInParallel: as many uploads as asked for are under way at once, and
// no more.
func TestPushInParallel(t *testing.T) {
	f := newFake(t)
	files := map[string]string{}
	for _, n := range strings.Split("abcdefghij", "") {
		files[n] = strings.Repeat(n, 100)
	}
	var now, most atomic.Int32
	f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			for n := now.Add(1); n > most.Load(); {
				most.CompareAndSwap(most.Load(), n)
			}
			time.Sleep(20 * time.Millisecond)
			now.Add(-1)
		}
		return false
	})
	newShell(t, f).run("push", tree(t, files), "team/vision/resnet", "--parallel", "3")
	if most.Load() != 3 {
		t.Errorf("at most %d uploads at once, want 3", most.Load())
	}
	if diff := cmp.Diff(files, f.texts(1)); diff != "" {
		t.Error(diff)
	}
}

func TestPushRefusals(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	good := tree(t, map[string]string{"a": "1"})
	s.fails(exitUsage, "not an alias", "push", good, "team/vision/m@champion")
	s.fails(exitUsage, "semantic version", "push", good, "team/vision/m:one")
	s.fails(exitUsage, "key=value", "push", good, "team/vision/m", "--metadata", "x")
	s.fails(exitUsage, "highest version", "push", good, "team/vision/m", "--alias", "latest")
	s.fails(exitUsage, "--parallel", "push", good, "team/vision/m", "--parallel", "0")
	s.fails(exitUsage, "write vitrine push", "push", good)
	s.fails(exitFailure, "no such file", "push", filepath.Join(good, "b"), "team/vision/m")
	s.fails(exitFailure, "no file", "push", t.TempDir(), "team/vision/m")
	s.fails(exitFailure, "valid file path", "push", tree(t, map[string]string{`a\b`: ""}), "team/vision/m")
	s.fails(exitFailure, "authorize", "push", tree(t, map[string]string{"d/authorize": ""}), "team/vision/m")
	s.fails(exitFailure, "same name", "push", tree(t, map[string]string{"e\u0301": "", "\u00e9": ""}), "team/vision/m")
	if n := len(f.requests); n > 0 {
		t.Errorf("these mistakes made %d requests: %v", n, f.requests)
	}
	s.fails(exitNotFound, `project "team/nothere" not found`, "push", good, "team/nothere/m")
	s.fails(exitNotFound, `model "team/vision/m" not found`, "push", good, "team/vision/m", "--no-create")

	outside := tree(t, map[string]string{"a": "1", "dir/b": "2"})
	link(t, filepath.Join(good, "a"), filepath.Join(outside, "out"))
	s.fails(exitFailure, "outside of the folder", "push", outside, "team/vision/m")
	folder := tree(t, map[string]string{"dir/b": "2"})
	link(t, "dir", filepath.Join(folder, "also"))
	s.fails(exitFailure, "link to a folder", "push", folder, "team/vision/m")
	nowhere := tree(t, map[string]string{"a": "1"})
	link(t, "gone", filepath.Join(nowhere, "l"))
	s.fails(exitFailure, "leads nowhere", "push", nowhere, "team/vision/m")
}

func TestPushFailures(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	dir := tree(t, map[string]string{"a": "1", "b": "2"})
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		w.Header().Set("X-Checksum-Sha256", strings.Repeat("0", 64))
		w.WriteHeader(http.StatusCreated)
		return true
	})
	s.fails(exitChecksum, "checksum mismatch", "push", dir, "team/vision/m", "--alias", "champion")
	if !strings.Contains(s.stderr.String(), "run: vitrine push "+dir+" team/vision/m:1.0.0") {
		t.Errorf("no way to go on in %s", s.stderr.String())
	}
	if f.versions[0].aliases != nil {
		t.Error("the alias was set to a version without its files")
	}
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut {
			return false
		}
		refuse(w, http.StatusInsufficientStorage, "507 Insufficient Storage - the disk is full")
		return true
	})
	s.fails(exitFailure, ": the disk is full", "push", dir, "team/vision/m:1.0.0")
}

// TestPushInterrupted: Ctrl-C ends with 130 and tells how to go on, and then
// what is there is not sent again.
func TestPushInterrupted(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	dir := tree(t, map[string]string{"a": "1", "b": "2", "c": "3"})
	ctx, cancel := context.WithCancel(t.Context())
	s.ctx = ctx
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/b") {
			io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
			return true
		}
		return false
	})
	s.fails(exitInterrupted, "run: vitrine push "+dir+" team/vision/m:1.0.0", "push", dir, "team/vision/m", "--parallel", "1")
	f.intercept(nil)
	s.ctx = t.Context()
	puts := f.count("PUT")
	s.run("push", dir, "team/vision/m:1.0.0")
	if n := f.count("PUT") - puts; n != 2 {
		t.Errorf("%d files were sent, want the 2 that were missing", n)
	}
}
