package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestGitLabCI runs the scripts of examples/gitlab-ci as GitLab's runner does,
// with the variables that GitLab sets and a job token that the server made, and
// looks at what came of it through the API.
func TestGitLabCI(t *testing.T) {
	s := start(t, t.TempDir())
	s.offerBinary(t)
	ci := readYAML[pipeline](t, "gitlab-ci/.gitlab-ci.yml")
	dir := checkout(t)
	const commit = "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
	env := ci.env(s, map[string]string{
		"CI": "true", "GITLAB_CI": "true", "CI_SERVER_URL": s.url, "CI_API_V4_URL": s.url + "/api/v4",
		"CI_PROJECT_ID": "1", "CI_PROJECT_PATH": "root/default", "CI_PROJECT_DIR": dir,
		"CI_JOB_ID": "4711", "CI_JOB_URL": s.url + "/root/default/-/jobs/4711", "CI_JOB_TOKEN": s.jobToken(t, 4711),
		"CI_COMMIT_SHA": commit, "CI_COMMIT_REF_NAME": "main", "CI_JOB_STATUS": "success",
	})
	train := slices.Concat(ci.Default.BeforeScript, ci.Train.Script)
	out := bash(t, dir, append(env, pythonPath(t)), train)
	if !strings.Contains(out, `{"step": 19, "accuracy": `) {
		t.Errorf("the training's own output is missing:\n%s", out)
	}
	s.checkTrained(t, commit, trained{version: "1.0.0", alias: "candidate", jobID: 4711, jobURL: s.url + "/root/default/-/jobs/4711"})

	release := slices.Concat(ci.Default.BeforeScript, ci.Release.Script)
	bash(t, dir, append(env, "CI_COMMIT_TAG=v2.0.0", "PATH="+os.Getenv("PATH")), release)
	if v := s.versionOf(t, "champion"); v.Version != "2.0.0" {
		t.Errorf("champion is %s after the release", v.Version)
	}

	// A training that fails ends its run as failed, by what runs after a job.
	if err := os.WriteFile(filepath.Join(dir, "train.py"), []byte("raise SystemExit(3)"), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := tryBash(t, dir, append(env, pythonPath(t)), train); err == nil {
		t.Errorf("the job succeeded though the training failed:\n%s", out)
	}
	bash(t, dir, append(env, pythonPath(t), "CI_JOB_STATUS=failed"), ci.Train.AfterScript)
	if r := s.run(t, 3); r.Status != "failed" {
		t.Errorf("the run of the failed job is %s", r.Status)
	}
}

// TestGitHubActions runs the steps of examples/github as GitHub's runner does:
// each in a shell of its own, with files for what it hands to the next ones.
func TestGitHubActions(t *testing.T) {
	s := start(t, t.TempDir())
	s.offerBinary(t)
	wf := readYAML[workflow](t, "github/.github/workflows/train.yml")
	dir, home := checkout(t), t.TempDir()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	env := map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SHA": commit, "GITHUB_RUN_ID": "815", "GITHUB_REF_NAME": "main",
		"GITHUB_REPOSITORY": "ada/iris", "GITHUB_SERVER_URL": "https://github.com", "HOME": home, "PYTHONDONTWRITEBYTECODE": "1",
		"GITHUB_ENV": filepath.Join(home, "env"), "GITHUB_PATH": filepath.Join(home, "path"), "PIP_NO_INDEX": "1",
	}
	for name, value := range wf.Env {
		env[name] = strings.NewReplacer("${{ vars.VITRINE_SERVER }}", s.url, "${{ vars.VITRINE_PROJECT }}", "root/default",
			"${{ secrets.VITRINE_TOKEN }}", rootToken).Replace(value)
		if strings.Contains(env[name], "${{") {
			t.Fatalf("%s=%s: what is that on GitHub?", name, value)
		}
	}
	steps := 0
	for _, step := range wf.Jobs.Train.Steps {
		if step.Run == "" {
			continue
		}
		steps++
		list := []string{"PATH=" + strings.ReplaceAll(readIf(t, env["GITHUB_PATH"]), "\n", ":") + strings.TrimPrefix(pythonPath(t), "PATH=")}
		for name, value := range env {
			list = append(list, name+"="+value)
		}
		list = append(list, strings.Fields(readIf(t, env["GITHUB_ENV"]))...)
		bash(t, dir, list, []string{step.Run})
	}
	if steps != 4 {
		t.Errorf("%d steps were run, want 4", steps)
	}
	page := "https://github.com/ada/iris/actions/runs/815"
	s.checkTrained(t, commit, trained{version: "1.0.0", alias: "champion", jobURL: page})
	if v := s.versionOf(t, "candidate"); v.Version != "1.0.0" {
		t.Errorf("candidate is %s", v.Version)
	}
}

// pipeline is the part of a .gitlab-ci.yml that the runner executes.
type pipeline struct {
	Variables map[string]string
	Default   struct {
		BeforeScript []string `yaml:"before_script"`
	}
	Train, Release struct {
		Script      []string
		AfterScript []string `yaml:"after_script"`
	}
}

// env joins the file's variables with those of the system.
func (p pipeline) env(s *server, system map[string]string) []string {
	env := []string{"PIP_NO_INDEX=1", "PYTHONDONTWRITEBYTECODE=1", "HOME=" + system["CI_PROJECT_DIR"]}
	for _, vars := range []map[string]string{p.Variables, system} {
		for name, value := range vars {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// workflow is the part of a GitHub workflow that its runner executes.
type workflow struct {
	Env  map[string]string
	Jobs struct {
		Train struct {
			Steps []struct{ Name, Run string }
		}
	}
}

func readYAML[T any](t *testing.T, name string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := yaml.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkout is the repository of the job: the training, and nothing of ours.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root(t), "examples", "training"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pythonPath finds the Python that scripts/setup-tests prepared.
func pythonPath(t *testing.T) string {
	t.Helper()
	return "PATH=" + filepath.Dir(venvPython(t, "clients")) + ":" + os.Getenv("PATH")
}

// bash runs lines as the runners do, which end at the first failure.
func bash(t *testing.T, dir string, env, lines []string) string {
	t.Helper()
	out, err := tryBash(t, dir, env, lines)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func tryBash(t *testing.T, dir string, env, lines []string) (string, error) {
	t.Helper()
	if len(lines) == 0 {
		t.Fatal("the example has no such script")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", strings.Join(lines, "\n"))
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func readIf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(data)
}

// offerBinary puts vitrine where the examples fetch it from.
func (s *server) offerBinary(t *testing.T) {
	t.Helper()
	run(t, s.env(), "curl", "-q", "-sSf", "-H", "PRIVATE-TOKEN: "+rootToken, "-T", s.bin, "-o", os.DevNull,
		s.url+"/api/v4/projects/root%2Fdefault/packages/generic/vitrine/0.1.0/vitrine")
}

// jobToken mints what GitLab would give the job.
func (s *server) jobToken(t *testing.T, job int64) string {
	t.Helper()
	text := s.call(t, http.MethodPost, s.url+"/api/v4/projects/1/job_tokens", url.Values{"user_id": {"1"}, "job_id": {fmt.Sprint(job)}}, http.StatusCreated)
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Token == "" {
		t.Fatalf("no token in %s: %v", text, err)
	}
	return made.Token
}

// ciVersion and ciRun are what the API tells about the results.
type ciVersion struct {
	ID          int64
	Version     string
	CandidateID int64 `json:"candidate_id"`
	Metadata    []ciPair
}

type ciRun struct {
	Status   string
	JobID    int64 `json:"ci_job_id"`
	Params   []ciPair
	Metadata []ciPair
	Metrics  []struct {
		Name  string
		Value float64
		Step  int64
	}
}

type ciPair struct{ Name, Value string }

// get reads an answer of the API.
func get[T any](t *testing.T, s *server, path string) T {
	t.Helper()
	var out T
	text := s.call(t, http.MethodGet, s.url+"/api/v4/projects/root%2Fdefault"+path, nil, http.StatusOK)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

// versionOf is the version of the model iris that an alias names.
func (s *server) versionOf(t *testing.T, alias string) ciVersion {
	t.Helper()
	models := get[[]struct{ ID int64 }](t, s, "/ml/models?name=iris")
	if len(models) != 1 {
		t.Fatalf("there are %d models iris", len(models))
	}
	vs := get[[]ciVersion](t, s, fmt.Sprintf("/ml/models/%d/versions?alias=%s", models[0].ID, alias))
	if len(vs) != 1 {
		t.Fatalf("%s names %d versions", alias, len(vs))
	}
	return vs[0]
}

func (s *server) run(t *testing.T, number int64) ciRun {
	t.Helper()
	return get[ciRun](t, s, fmt.Sprintf("/ml/candidates/%d", number))
}

// trained is what a training in CI has to leave behind.
type trained struct {
	version, alias string
	jobID          int64
	jobURL         string
}

func (s *server) checkTrained(t *testing.T, commit string, want trained) {
	t.Helper()
	v := s.versionOf(t, want.alias)
	if v.Version != want.version || !slices.Contains(v.Metadata, ciPair{"commit", commit}) {
		t.Errorf("the version is %+v", v)
	}
	files := get[[]struct{ Path string }](t, s, fmt.Sprintf("/packages/ml_models/%d/files", v.ID))
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	if !slices.Equal(paths, []string{"model.joblib", "scores.json"}) {
		t.Errorf("the files are %v", paths)
	}
	r := s.run(t, v.CandidateID)
	if r.Status != "finished" || r.JobID != want.jobID || !slices.Contains(r.Params, ciPair{"epochs", "20"}) {
		t.Errorf("the run is %+v", r)
	}
	for _, tag := range []ciPair{{"ci.job_url", want.jobURL}, {"git.commit", commit}, {"git.ref", "main"}, {"dataset", "iris"}} {
		if !slices.Contains(r.Metadata, tag) {
			t.Errorf("the run has no %v: %v", tag, r.Metadata)
		}
	}
	for _, m := range r.Metrics {
		if m.Step != 19 || m.Name == "accuracy" && m.Value < 0.8 {
			t.Errorf("the last metric is %+v", m)
		}
	}
	if len(r.Metrics) != 2 {
		t.Errorf("the metrics are %v", r.Metrics)
	}
}
