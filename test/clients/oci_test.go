package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ociFolder makes a model: nested folders, names that need spelling, an empty
// file, and two of the same content.
func ociFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	weights := strings.Repeat("weights", 300_000)
	for name, content := range map[string]string{"config.json": "{}", "a b/ü+%.txt": "text", "none": "",
		"sub/deeper/model.safetensors": weights, "sub/copy.safetensors": weights} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// folderSums gives the SHA-256 of all files below a folder, by path.
func folderSums(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		sum := sha256.Sum256(content)
		sums[filepath.ToSlash(name)] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// oras is that client with a server to speak to.
type oras struct {
	bin  string
	env  []string
	host string
}

func newOras(t *testing.T, s *server) oras {
	t.Helper()
	return oras{venv(t, "oras", "oras"), s.env("DOCKER_CONFIG=" + t.TempDir()), strings.TrimPrefix(s.url, "http://")}
}

// pull fetches into a new folder and compares.
func (o oras) pull(t *testing.T, name string, want map[string]string) {
	t.Helper()
	dir := t.TempDir()
	run(t, o.env, o.bin, "pull", "--plain-http", "--output", dir, o.host+"/root/default/"+name)
	if got := folderSums(t, dir); !maps.Equal(got, want) {
		t.Errorf("%s gave %v, want %v", name, got, want)
	}
}

// refused runs a command that has to fail with a text.
func (o oras) refused(t *testing.T, text string, args ...string) {
	t.Helper()
	if _, err := attempt(t, o.env, o.bin, args...); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("oras %s: %v, want %q", strings.Join(args, " "), err, text)
	}
}

// TestOras fetches by oras what vitrine, GitLab's API and MLflow have pushed: the
// same bytes, by every kind of tag.
func TestOras(t *testing.T) {
	s := start(t, bigDir(t))
	dir := ociFolder(t)
	want := folderSums(t, dir)
	o := newOras(t, s)
	iris := o.host + "/root/default/iris"

	run(t, s.env(), s.bin, "push", dir, "root/default/Iris:1.0.0+cpu.1")
	o.refused(t, "credential", "pull", "--plain-http", iris+":latest")
	o.refused(t, "The token is not known", "login", "--plain-http", o.host, "--username", "any", "--password", "wrong")
	run(t, o.env, o.bin, "login", "--plain-http", o.host, "--username", "any", "--password", rootToken)

	o.pull(t, "iris:1.0.0_cpu.1", want)
	o.pull(t, "iris:latest", want)
	run(t, s.env(), s.bin, "alias", "set", "root/default/Iris@champion", "1.0.0+cpu.1")
	o.pull(t, "iris:champion", want)
	o.pull(t, "iris@"+o.digest(t, iris+":champion"), want)

	two := s.create(t, s.url+"/api/v4/projects/1/ml/models/1/versions", url.Values{"version": {"2.0.0"}})
	o.pull(t, "iris:2.0.0", map[string]string{})
	s.upload(t, filepath.Join(dir, "none"), s.fileURL(two, "by/gitlab"))
	s.upload(t, filepath.Join(dir, "sub", "copy.safetensors"), s.fileURL(two, "model.safetensors"))
	o.pull(t, "iris:latest", map[string]string{"by/gitlab": want["none"], "model.safetensors": want["sub/copy.safetensors"]})
	o.pull(t, "iris:champion", want)

	tags := strings.Fields(run(t, o.env, o.bin, "repo", "tags", "--plain-http", iris))
	if !slices.Equal(tags, []string{"1.0.0_cpu.1", "2.0.0", "champion", "latest"}) {
		t.Errorf("the tags are %q", tags)
	}
	o.refused(t, "vitrine push", "push", "--plain-http", "--disable-path-validation", iris+":3.0.0", filepath.Join(dir, "config.json"))
	o.refused(t, "not found", "pull", "--plain-http", iris+":9.0.0")
	s.checkManifest(t, o, iris)
}

// digest is what oras takes for the digest of a tag.
func (o oras) digest(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(run(t, o.env, o.bin, "resolve", "--plain-http", name))
}

// checkManifest: the layers of a version have the digests of what GitLab's API
// gives under their titles.
func (s *server) checkManifest(t *testing.T, o oras, iris string) {
	t.Helper()
	var manifest struct {
		ArtifactType string
		Layers       []struct {
			Digest      string
			Annotations map[string]string
		}
	}
	text := run(t, o.env, o.bin, "manifest", "fetch", "--plain-http", iris+":champion")
	if err := json.Unmarshal([]byte(text), &manifest); err != nil || manifest.ArtifactType != "application/vnd.vitrine.model.v1" || len(manifest.Layers) != 5 {
		t.Fatalf("%v: %s", err, text)
	}
	for _, l := range manifest.Layers {
		name := l.Annotations["org.opencontainers.image.title"]
		hash := sha256.New()
		s.download(t, s.fileURL(1, url.PathEscape(name)), hash)
		if got := "sha256:" + hex.EncodeToString(hash.Sum(nil)); got != l.Digest {
			t.Errorf("%s is %s as a layer and %s as a file", name, l.Digest, got)
		}
	}
}

// mlflowModel registers the files of a folder as MLflow's client does.
const mlflowModel = `
import sys, mlflow
client = mlflow.MlflowClient()
run = client.create_run("0")
client.log_artifacts(run.info.run_id, sys.argv[1], "model")
client.create_registered_model("flow")
client.create_model_version("flow", run.info.artifact_uri + "/model", run.info.run_id)
`

// TestOrasAfterMLflow: a model that MLflow has registered comes out the same.
func TestOrasAfterMLflow(t *testing.T) {
	s := start(t, bigDir(t))
	dir := ociFolder(t)
	o := newOras(t, s)
	run(t, s.env("MLFLOW_TRACKING_URI="+s.url, "MLFLOW_TRACKING_TOKEN="+rootToken), venvPython(t, "mlflow3"), "-c", mlflowModel, dir)
	run(t, o.env, o.bin, "login", "--plain-http", o.host, "--username", "any", "--password", rootToken)
	o.pull(t, "flow:latest", folderSums(t, dir))
}
