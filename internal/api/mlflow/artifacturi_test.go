package mlflow

import (
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func TestParseArtifactPath(t *testing.T) {
	run := strings.Repeat("0", 32)
	inRun := func(path string) artifactRef {
		return artifactRef{experiment: 3, run: registry.RunRef{EID: run, Deleted: true}, path: path}
	}
	for in, want := range map[string][2]artifactRef{ // at the root, at GitLab's; zero: nothing
		"3/" + run + "/artifacts":       {inRun(""), inRun("")},
		"3/" + run + "/artifacts/a/b":   {inRun("a/b"), inRun("a/b")},
		"versions/5":                    {{version: 5}, {version: 5}},
		"versions/5/a/b":                {{version: 5, path: "a/b"}, {version: 5, path: "a/b"}},
		"5":                             {{}, {version: 5}},
		"5/a/b":                         {{}, {version: 5, path: "a/b"}},
		"candidate:7":                   {{}, {run: registry.RunRef{IID: 7}}},
		"candidate:7/a":                 {{}, {run: registry.RunRef{IID: 7}, path: "a"}},
		"3/" + run:                      {{}, {version: 3, path: run}},
		"":                              {},
		"versions":                      {},
		"versions/x":                    {},
		"versions/05":                   {},
		"candidate:x":                   {},
		"-3/" + run + "/artifacts":      {},
		"0":                             {},
		"x/" + run + "/artifacts/model": {},
	} {
		for i, door := range []flavour{atRoot, atGitLab} {
			got, ok := parseArtifactPath(door, in)
			if !ok {
				got = artifactRef{}
			}
			if got != want[i] {
				t.Errorf("%q at door %d is %+v, want %+v", in, door, got, want[i])
			}
		}
	}
	for _, uri := range []string{versionURI(5), gitlabVersionURI(5)} {
		if got, ok := parseArtifactPath(atGitLab, strings.TrimPrefix(uri, artifactScheme)); !ok || got != (artifactRef{version: 5}) {
			t.Errorf("%s is %+v", uri, got)
		}
	}
}

// FuzzSource: whatever a source is, one that passes names no host, no local
// file and nothing that climbs.
func FuzzSource(f *testing.F) {
	for _, s := range []string{"s3://b/k", "runs:/r/m", "models:/n/1", "mlflow-artifacts:/0/r/artifacts/m", "file:///x", "a:/%2e%2e/x", "A://h/x?y#z", "x:/a/./b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := parseURI(s)
		if u.checkScheme() != nil || u.checkPath("run_id") != nil {
			return
		}
		plain := decoded(s)
		if u.scheme == "" || u.scheme == "file" || u.scheme == "http" || strings.Contains(plain, "/../") || strings.HasSuffix(plain, "/..") || strings.ContainsRune(plain, 0) {
			t.Errorf("%q passed as %+v", s, u)
		}
		_, _ = u.model()
		_, _ = parseArtifactPath(atRoot, cleanParts(u.path))
	})
}
