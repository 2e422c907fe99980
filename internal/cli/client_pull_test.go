package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/client"
)

// found are the files below a folder.
func found(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// noise is content without repetition.
func noise(n int) []byte {
	out, r := make([]byte, n), rand.NewChaCha8([32]byte{1})
	r.Read(out)
	return out
}

func TestPull(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"model.onnx": []byte("weights"), "deep/er/a b+c%#?.bin": []byte("odd"), "empty": {},
		"config.json": []byte("{}"), "deep/x.json": []byte("[]")})
	s := newShell(t, f)
	all := f.texts(1)
	for _, ref := range []string{"team/vision/resnet", "team/vision/resnet:1.0.0", "team/vision/resnet@champion", "team/vision/resnet@latest"} {
		out := filepath.Join(t.TempDir(), "new", "folder")
		s.run("pull", ref, "--output", out)
		if diff := cmp.Diff(all, found(t, out)); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
		gets := f.count("GET /projects/team/vision/packages/ml_models/1/files/")
		s.run("pull", ref, "--output", out)
		if f.count("GET /projects/team/vision/packages/ml_models/1/files/") != gets {
			t.Errorf("%s: pulling again fetched something", ref)
		}
	}
	for pattern, want := range map[string][]string{"*.json": {"config.json"}, "**/*.json": {"config.json", "deep/x.json"},
		"deep": {"deep/er/a b+c%#?.bin", "deep/x.json"}, "deep/er/a b+c%#?.bin": {"deep/er/a b+c%#?.bin"}} {
		out := t.TempDir()
		s.run("pull", "team/vision/resnet", "--output", out, pattern)
		chosen := map[string]string{}
		for _, name := range want {
			chosen[name] = all[name]
		}
		if diff := cmp.Diff(chosen, found(t, out)); diff != "" {
			t.Errorf("%s: %s", pattern, diff)
		}
	}
}

func TestPullJSON(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"a": []byte("1"), "b": []byte("2")})
	s := newShell(t, f)
	out := tree(t, map[string]string{"a": "1"})
	want := strings.ReplaceAll(`{
  "project": "team/vision",
  "model": "resnet",
  "version": "1.0.0",
  "version_id": 1,
  "output": "OUT",
  "files": [
    {
      "path": "a",
      "size": 1,
      "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
      "status": "skipped"
    },
    {
      "path": "b",
      "size": 1,
      "sha256": "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
      "status": "downloaded"
    }
  ]
}
`, "OUT", out)
	if diff := cmp.Diff(want, s.run("pull", "team/vision/resnet@champion", "--json", "--output", out)); diff != "" {
		t.Error(diff)
	}
}

func TestPullDoesNotOverwrite(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"a": []byte("1"), "b": []byte("2")})
	s := newShell(t, f)
	out := tree(t, map[string]string{"a": "x", "b": "other"})
	s.fails(exitConflict, "other files in "+out+": a, b;", "pull", "team/vision/resnet", "--output", out)
	if diff := cmp.Diff(map[string]string{"a": "x", "b": "other"}, found(t, out)); diff != "" {
		t.Error(diff)
	}
	s.run("pull", "team/vision/resnet", "--output", out, "--force")
	if diff := cmp.Diff(f.texts(1), found(t, out)); diff != "" {
		t.Error(diff)
	}
	s.fails(exitFailure, "is a folder", "pull", "team/vision/resnet", "--output", tree(t, map[string]string{"a/x": ""}))
}

func TestPullRefusals(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{})
	s := newShell(t, f)
	out := t.TempDir()
	s.fails(exitNotFound, `model "team/vision/nope" not found`, "pull", "team/vision/nope", "--output", out)
	s.fails(exitNotFound, `version "team/vision/resnet:9.0.0" not found`, "pull", "team/vision/resnet:9.0.0")
	s.fails(exitNotFound, `alias "team/vision/resnet@x" not found`, "pull", "team/vision/resnet@x")
	s.fails(exitNotFound, "has none", "pull", "team/vision/resnet", "--output", out)
	f.versions[0].files["a"] = nil
	s.fails(exitNotFound, `matches "b*"`, "pull", "team/vision/resnet", "--output", out, "a", "b*")
	f.versions = nil
	s.fails(exitNotFound, "has none yet", "pull", "team/vision/resnet", "--output", out)
	s.fails(exitUsage, "names no project", "pull", "resnet")
	s.fails(exitUsage, "--parallel", "pull", "team/vision/resnet", "--parallel", "0")
	s.fails(exitUsage, "unknown flag", "pull", "team/vision/resnet", "--fast")
}

// TestMaliciousServer: no path of a server leads out of the folder, and nothing
// at all is written when one tries.
func TestMaliciousServer(t *testing.T) {
	bad := []string{"../x", "/etc/x", "a/../../x", "..", ".", "a//b", "./x", `..\x`, `a\b`, "C:/x", "c:", "a\x00b", "a\nb", "",
		"%2e%2e/x", "..%2fx", "x" + partSuffix, "x" + stateSuffix, "x" + newSuffix, strings.Repeat("a", 300)}
	for _, path := range bad {
		f := newFake(t)
		f.stock(map[string][]byte{"good": []byte("1"), path: []byte("evil")})
		s := newShell(t, f)
		top := t.TempDir()
		s.fails(exitFailure, "nothing was written", "pull", "team/vision/resnet", "--output", filepath.Join(top, "a", "b"))
		if got := found(t, top); len(got) > 0 {
			t.Errorf("%q wrote %v", path, got)
		}
	}
}

func TestClashingPaths(t *testing.T) {
	sum := fakeSum(nil)
	for _, names := range [][]string{{"a", "a"}, {"a", "a/b"}, {"a/b/c", "a/b"}} {
		var files []client.File
		for _, n := range names {
			files = append(files, client.File{Path: n, SHA256: sum})
		}
		if _, err := checkPaths(files); err == nil {
			t.Errorf("%v are taken", names)
		}
	}
	if _, err := checkPaths([]client.File{{Path: "a", SHA256: "beef"}}); err == nil {
		t.Error("a file without a SHA-256 is taken")
	}
}

// TestLinksDoNotLeadOutside: a link in the output folder is not followed out of
// it.
func TestLinksDoNotLeadOutside(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"dir/a": []byte("evil")})
	s := newShell(t, f)
	outside, out := tree(t, map[string]string{"a": "mine"}), t.TempDir()
	link(t, outside, filepath.Join(out, "dir"))
	s.fails(exitFailure, "escapes", "pull", "team/vision/resnet", "--output", out, "--force")
	if diff := cmp.Diff(map[string]string{"a": "mine"}, found(t, outside)); diff != "" {
		t.Error(diff)
	}
}

func TestWrongChecksum(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"small": noise(100), "large": noise(10_000)})
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/files/") {
			return false
		}
		if r.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", strings.Replace(r.Header.Get("Range"), "bytes=", "bytes ", 1)+"/10000")
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(make([]byte, 1000))
		return true
	})
	s, out := newShell(t, f), t.TempDir()
	for _, name := range []string{"small", "large"} {
		err := small(t, s, out, name)
		if ExitCode(err) != exitChecksum {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := found(t, out); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}

// small pulls one file with pieces of 1000 bytes.
func small(t *testing.T, s *shell, out, name string) error {
	t.Helper()
	s.stderr.Reset()
	r := &remote{env: s.env()}
	return r.pull(s.ctx, "team/vision/resnet", []string{name}, pullOptions{output: out, parallel: 3, whole: 1500, chunk: 1000})
}

// TestPieces: a large file comes in pieces, several at once, also over a
// connection that breaks.
func TestPieces(t *testing.T) {
	f := newFake(t)
	data := noise(12_345)
	f.stock(map[string][]byte{"large": data})
	var cuts atomic.Int32
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "bytes=5000-5999" || cuts.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Range", "bytes 5000-5999/12345")
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[5000:5300])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	s, out := newShell(t, f), t.TempDir()
	if err := small(t, s, out, "large"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"large": string(data)}, found(t, out)); diff != "" {
		t.Error("the file differs")
	}
	if gets := f.count("GET /projects/team/vision/packages/ml_models/1/files/large"); gets != 14 {
		t.Errorf("%d requests, want 13 pieces and one to go on after the cut", gets)
	}
}

// TestPullResumes: what an interrupted pull has is not fetched again.
func TestPullResumes(t *testing.T) {
	f := newFake(t)
	data := noise(10_000)
	f.stock(map[string][]byte{"large": data})
	s, out := newShell(t, f), t.TempDir()
	interruptAt(t, f, s, out, "7999")
	got := found(t, out)
	if got["large"] != "" || got["large"+partSuffix] == "" || got["large"+stateSuffix] == "" {
		t.Fatalf("after the interruption there are %d files", len(got))
	}
	ranges := recordRanges(f)
	if err := small(t, s, out, "large"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"large": string(data)}, found(t, out)); diff != "" {
		t.Error("the file differs, or something was left behind")
	}
	if n := len(ranges()); n == 0 || n > 5 {
		t.Errorf("resuming fetched the pieces %v", ranges())
	}
}

// interruptAt pulls until the piece that ends at a byte is asked for, when six
// other pieces are complete.
func interruptAt(t *testing.T, f *fakeServer, s *shell, out, end string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var complete sync.WaitGroup
	complete.Add(6)
	f.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		rng := r.Header.Get("Range")
		switch {
		case rng == "":
			return false
		case strings.HasSuffix(rng, end):
			complete.Wait()
			cancel()
			<-r.Context().Done()
			return true
		case rng < "bytes=6":
			go func() { <-r.Context().Done(); complete.Done() }()
		}
		return false
	})
	s.ctx = ctx
	if err := small(t, s, out, "large"); !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted pull gave %v", err)
	}
	s.ctx = t.Context()
}

// recordRanges gives a function that tells the ranges asked for from now on.
func recordRanges(f *fakeServer) func() []string {
	var mu sync.Mutex
	var out []string
	f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if rng := r.Header.Get("Range"); rng != "" {
			out = append(out, rng)
		}
		return false
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return out
	}
}

// TestDamagedPart: bytes that went bad between two pulls are found, and the
// file is fetched anew.
func TestDamagedPart(t *testing.T) {
	f := newFake(t)
	data := noise(10_000)
	f.stock(map[string][]byte{"large": data})
	s, out := newShell(t, f), t.TempDir()
	interruptAt(t, f, s, out, "7999")
	part, err := os.OpenFile(filepath.Join(out, "large"+partSuffix), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.WriteAt([]byte("damage"), 100); err != nil {
		t.Fatal(err)
	}
	part.Close()
	f.intercept(nil)
	if err := small(t, s, out, "large"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"large": string(data)}, found(t, out)); diff != "" {
		t.Error("the file differs, or something was left behind")
	}
}

func TestUselessStates(t *testing.T) {
	f := newFake(t)
	data := noise(3000)
	f.stock(map[string][]byte{"large": data})
	s := newShell(t, f)
	sum := fakeSum(data)
	for name, state := range map[string]string{
		"no JSON":       "{",
		"other file":    `{"sha256":"00","size":3000,"chunk":1000,"have":[1000,1000,1000]}`,
		"other pieces":  `{"sha256":"` + sum + `","size":3000,"chunk":500,"have":[500,500,500,500,500,500]}`,
		"too few":       `{"sha256":"` + sum + `","size":3000,"chunk":1000,"have":[1000]}`,
		"too much":      `{"sha256":"` + sum + `","size":3000,"chunk":1000,"have":[1000,2000,0]}`,
		"less than all": `{"sha256":"` + sum + `","size":3000,"chunk":1000,"have":[1000,-1,0]}`,
	} {
		out := tree(t, map[string]string{"large" + partSuffix: strings.Repeat("x", 3000), "large" + stateSuffix: state})
		if err := small(t, s, out, "large"); err != nil || found(t, out)["large"] != string(data) || len(found(t, out)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFileChangesMeanwhile: a file that is replaced during the pull is fetched
// anew, and is the new one as a whole.
func TestFileChangesMeanwhile(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"large": noise(10_000), "tiny": []byte("old")})
	s, out := newShell(t, f), t.TempDir()
	later := bytes.Repeat([]byte("new"), 3000)
	var once sync.Once
	f.intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.Header.Get("Range"), "bytes=4000-") || strings.HasSuffix(r.URL.Path, "/tiny") {
			once.Do(func() {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.versions[0].files["large"] = later
				f.versions[0].files["tiny"] = []byte("newer")
			})
		}
		return false
	})
	if err := small(t, s, out, "*"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"large": string(later), "tiny": "newer"}, found(t, out)); diff != "" {
		t.Error(diff)
	}
}

func TestUnwritableOutput(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // folders have no mode there
	}
	f := newFake(t)
	f.stock(map[string][]byte{"a": []byte("1")})
	newShell(t, f).fails(exitFailure, "not a directory", "pull", "team/vision/resnet", "--output", filepath.Join(tree(t, map[string]string{"x": ""}), "x"))
}
