package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// onGitLab is a shell whose server is a GitLab.
func onGitLab(t *testing.T) (*fakeGitLab, *shell) {
	g, s := newGitLab(t), newShell(t, nil)
	s.vars["VITRINE_SERVER"], s.vars["VITRINE_TOKEN"], s.vars["VITRINE_PROJECT"] = g.URL, fakeToken, "team/vision"
	return g, s
}

// TestModelsOfGitLab: models, versions and files by GitLab's own interfaces.
func TestModelsOfGitLab(t *testing.T) {
	g, s := onGitLab(t)
	dir := tree(t, map[string]string{"model.onnx": "weights", "deep/er/a b.txt": "text"})
	s.run("push", dir, "resnet:1.0.0", "--description", "# Card")
	s.run("push", dir, "resnet:1.0.0") // again: nothing new
	if n := len(g.files["1"]); n != 2 {
		t.Errorf("%d files were sent, want 2", n)
	}
	s.run("push", filepath.Join(dir, "model.onnx"), "resnet")
	s.run("push", filepath.Join(dir, "model.onnx"), "other:0.1.0")
	if out := s.run("ls", "team/vision"); !strings.Contains(out, "resnet") || !strings.Contains(out, "other") {
		t.Errorf("ls: %s", out)
	}
	if out := s.run("ls", "resnet"); !strings.Contains(out, "1.0.0") || !strings.Contains(out, "1.0.1") {
		t.Errorf("ls resnet: %s", out)
	}
	if out := s.run("show", "resnet:1.0.0"); !strings.Contains(out, "# Card") || !strings.Contains(out, "deep/er/a b.txt") {
		t.Errorf("show: %s", out)
	}
	out := filepath.Join(t.TempDir(), "out")
	s.run("pull", "resnet:1.0.0", "--output", out)
	if diff := cmp.Diff(map[string]string{"model.onnx": "weights", "deep/er/a b.txt": "text"}, found(t, out)); diff != "" {
		t.Error(diff)
	}
	if got := s.run("pull", "resnet@latest", "--output", t.TempDir(), "--json"); !strings.Contains(got, `"version": "1.0.1"`) {
		t.Errorf("latest: %s", got)
	}
	s.run("edit", "resnet:1.0.0", "--description", "new")
	if g.versions[0].text != "new" {
		t.Errorf("the description is %q", g.versions[0].text)
	}
	s.run("rm", "other", "--yes")
	s.fails(exitNotFound, `version "team/vision/resnet:9.0.0" not found`, "pull", "resnet:9.0.0")
	s.fails(exitNotFound, `model "team/vision/nope" not found`, "show", "nope")
	s.fails(exitNotFound, `project "no/where" not found`, "pull", "no/where/m")
	if diff := cmp.Diff([]string{"resnet"}, s.offers("show", "re")); diff != "" {
		t.Error(diff)
	}
}

// TestRunsOfGitLab: runs by MLflow's API, from the start to a version.
func TestRunsOfGitLab(t *testing.T) {
	g, s := onGitLab(t)
	s.vars["CI_JOB_ID"], s.vars["CI_COMMIT_SHA"] = "4711", "abc"
	id := labRun[:31] + "1"
	if out := s.run("run", "start", "resnet", "--name", "first", "--param", "lr=0.1"); out != "team/vision#"+id+"\n" {
		t.Fatalf("start prints %s", out)
	}
	s.vars["VITRINE_RUN"] = "team/vision#" + id
	s.run("run", "log", "--metric", "acc=0.9", "--step", "3", "--tag", "k=v")
	s.stdin = "acc=0.95 step=4\n"
	s.run("run", "log")
	s.run("run", "put", filepath.Join(tree(t, map[string]string{"model.onnx": "weights"}), "model.onnx"))
	s.run("run", "finish")
	shown := s.run("run", "show")
	for _, want := range []string{"first  finished", "lr                0.1", "0.95 at step 4", "gitlab.CI_JOB_ID", "git.commit", "model.onnx"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show has no %q: %s", want, shown)
		}
	}
	if out := s.run("run", "ls", "resnet", "--by", "acc"); !strings.Contains(out, "first") {
		t.Errorf("ls: %s", out)
	}
	if out := s.run("run", "ls", "resnet", "--by", "val.acc"); out == "" {
		t.Error("ls by a metric with a dot prints nothing")
	}
	if diff := cmp.Diff([]string{"metrics.acc DESC", "created_at DESC"}, g.orders); diff != "" {
		t.Error(diff)
	}
	if out := s.run("run", "promote", "--version", "3.0.0"); out != "team/vision/resnet:3.0.0\n" {
		t.Errorf("promote prints %s", out)
	}
	s.run("run", "start", "--experiment", "fresh")
	if out := s.run("search", "resn"); !strings.Contains(out, "team/vision/resnet") || !strings.Contains(out, "[model]resnet") || strings.Contains(out, "fresh") {
		t.Errorf("search: %s", out)
	}
	if out := s.run("search", "vis", "--all"); !strings.Contains(out, "team/vision ") || strings.Contains(out, "model") {
		t.Errorf("search in all projects: %s", out)
	}
	if g.experiments[len(g.experiments)-1] != "fresh" {
		t.Errorf("the experiments are %v", g.experiments)
	}
}

// TestNotOnGitLab: what GitLab cannot do is told so, and where to read more.
func TestNotOnGitLab(t *testing.T) {
	_, s := onGitLab(t)
	s.run("push", tree(t, map[string]string{"a": "1"}), "resnet:1.0.0")
	for _, tt := range []struct{ want, line string }{
		{"no aliases", "pull resnet@champion"}, {"GitLab, which has no", "alias set resnet@champion 1.0.0"}, {"see: vitrine help gitlab", "alias ls resnet"},
		{"metadata of models", "edit resnet --metadata a=b"}, {"list of all runs", "run ls"}, {"by their id only", "run show 12"},
		{"see: vitrine help gitlab", "rm resnet:1.0.0 a --yes"},
	} {
		s.fails(exitFailure, tt.want, strings.Fields(tt.line)...)
	}
	s.vars["VITRINE_TOKEN"], s.vars["VITRINE_SERVER"] = "", ""
	s.vars["CI_JOB_TOKEN"], s.vars["CI_SERVER_URL"] = "job", newGitLab(t).URL
	s.fails(exitFailure, "set VITRINE_TOKEN", "ls", "resnet")
}
