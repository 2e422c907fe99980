package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listings are what commands print on the stocked fake.
var listings = map[string]string{
	"ls": `
PROJECT      VISIBILITY  LAST ACTIVITY
team/vision  private     2026-11-24 03:08
`,
	"ls team/vision": `
MODEL   LATEST  VERSIONS  UPDATED
resnet  1.0.0   1         2026-11-24 03:08
`,
	"ls team/vision/resnet": `
VERSION  ALIASES   FILES  SIZE  CREATED
1.0.0    champion  1      7 B   2026-11-24 03:08
`,
	"ls team/vision/resnet@champion": `
PATH            SIZE  SHA-256
dir/model.onnx  7 B   9a97c73de890
`,
	"ls team/vision/resnet:1.0.0 --json": `
[
  {
    "path": "dir/model.onnx",
    "size": 7,
    "file_sha256": "SUM",
    "created_at": "2026-11-24T03:08:26.123Z"
  }
]
`,
	"show team/vision/resnet@latest": `
team/vision/resnet:1.0.0
  aliases   champion
  created   2026-11-24 03:08
  files     1, 7 B
  safety    safe
  data = imagenet

# Card

PATH            SIZE  SHA-256
dir/model.onnx  7 B   9a97c73de890
`,
	"show team/vision/resnet": `
team/vision/resnet
  latest    1.0.0
  created   2026-11-24 03:08
  runs      0

VERSION  ALIASES   FILES  SIZE  CREATED
1.0.0    champion  1      7 B   2026-11-24 03:08
`,
	"rm team/vision/resnet:1.0.0 --yes --json --quiet": `
{
  "project": "team/vision",
  "model": "resnet",
  "version": "1.0.0"
}
`,
}

func TestListAndShow(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"dir/model.onnx": []byte("weights")})
	s := newShell(t, f)
	sum := fakeSum([]byte("weights"))
	for command, want := range listings {
		want = strings.NewReplacer("SUM", sum, "9a97c73de890", sum[:12]).Replace(strings.TrimPrefix(want, "\n"))
		if diff := cmp.Diff(want, s.run(strings.Fields(command)...)); diff != "" {
			t.Errorf("vitrine %s: %s", command, diff)
		}
	}
	s.fails(exitNotFound, `model "team/vision/nope" not found`, "ls", "team/vision/nope")
	s.fails(exitNotFound, `project "a/b/c" not found`, "ls", "a/b/c")
	s.fails(exitUsage, "is not of the form", "ls", "team/vision/:1")
}

// TestShowTellsOfSafety: what was found comes with its file.
func TestShowTellsOfSafety(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"m.pkl": []byte("x"), "model.sig": []byte("{}")})
	s := newShell(t, f)
	got := s.run("show", "team/vision/resnet:1.0.0")
	for _, want := range []string{"  safety    unsafe\n", "\nm.pkl: unsafe\n  imports os.system\n",
		"  signature differs: 2 files; by ada@example.org; who signed is not verified\n", "\nm.pkl: changed since it was signed\nx: here, and not signed\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := s.run("show", "team/vision/resnet:1.0.0", "--json"); !strings.Contains(got, `"verdict": "unsafe"`) {
		t.Errorf("no verdict in\n%s", got)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	f := newFake(t)
	s := newShell(t, f)
	if got := s.run("ls", "team/vision", "--json"); got != "[]\n" {
		t.Errorf("got %s", got)
	}
}

func TestRemove(t *testing.T) {
	f := newFake(t)
	f.stock(map[string][]byte{"a": nil, "logs/1": nil, "logs/2": nil})
	s := newShell(t, f)
	s.fails(exitUsage, "the version team/vision/resnet:1.0.0 with 3 files for good; add --yes", "rm", "team/vision/resnet:1.0.0")
	s.fails(exitUsage, "an alias can move", "rm", "team/vision/resnet@champion", "--yes")
	s.fails(exitUsage, "name the version", "rm", "team/vision/resnet", "a", "--yes")
	s.fails(exitNotFound, "matches", "rm", "team/vision/resnet:1.0.0", "b", "--yes")
	if n := f.count("DELETE"); n > 0 {
		t.Fatalf("%d things were deleted", n)
	}
	s.run("rm", "team/vision/resnet:1.0.0", "logs/*", "--yes")
	if diff := cmp.Diff(map[string]string{"a": ""}, f.texts(1)); diff != "" {
		t.Error(diff)
	}
	s.fails(exitUsage, "the model team/vision/resnet with 1 version for good", "rm", "team/vision/resnet")
	s.run("rm", "team/vision/resnet", "--yes")
	if f.count("DELETE /projects/team/vision/ml/models/1") != 1 {
		t.Errorf("requests: %v", f.requests)
	}
}
