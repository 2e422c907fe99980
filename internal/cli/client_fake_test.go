package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeServer is the part of a server that the client uses, in memory, with the
// one project team/vision. Of all models and versions it has only the numbers.
type fakeServer struct {
	*httptest.Server
	mu       sync.Mutex
	models   []string
	versions []fakeVersion // the id is the index plus 1
	// before may answer a request itself, by returning true.
	before   func(w http.ResponseWriter, r *http.Request) bool
	requests []string // method and path below /api/v4
}

type fakeVersion struct {
	model       int // id
	name        string
	description string
	metadata    []map[string]string
	aliases     []string
	files       map[string][]byte
}

const fakeToken = "good"

// intercept sets before, also while requests are on their way.
func (f *fakeServer) intercept(before func(http.ResponseWriter, *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

func newFake(t *testing.T) *fakeServer {
	t.Helper()
	f := &fakeServer{}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request){
		"GET /user":                                                    f.user,
		"GET /projects":                                                f.projects,
		"GET /projects/{id}":                                           f.project,
		"GET /projects/{id}/ml/models":                                 f.listModels,
		"POST /projects/{id}/ml/models":                                f.addModel,
		"DELETE /projects/{id}/ml/models/{m}":                          f.done,
		"GET /projects/{id}/ml/models/{m}/versions":                    f.listVersions,
		"POST /projects/{id}/ml/models/{m}/versions":                   f.addVersion,
		"/projects/{id}/ml/models/{m}/versions/{v}":                    f.version,
		"/projects/{id}/ml/models/{m}/aliases/{alias}":                 f.alias,
		"GET /projects/{id}/packages/ml_models/{v}/files":              f.listFiles,
		"GET /projects/{id}/packages/ml_models/{v}/safety":             f.safety,
		"/projects/{id}/packages/ml_models/{v}/files/{path...}":        f.file,
		"DELETE /projects/{id}/packages/ml_models/{v}/files/{path...}": f.removeFile,
	} {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok {
			method, path = "", pattern
		}
		mux.HandleFunc(strings.TrimSpace(method+" /api/v4"+path), h)
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v4"))
		before := f.before
		f.mu.Unlock()
		if r.Header.Get("Private-Token") != fakeToken {
			refuse(w, http.StatusUnauthorized, "401 Unauthorized")
			return
		}
		if id := segment(r.URL.EscapedPath(), "projects"); id != "" && id != "team%2Fvision" {
			refuse(w, http.StatusNotFound, "404 Project Not Found")
			return
		}
		if before == nil || !before(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

// segment gives what follows a word of a path.
func segment(path, word string) string {
	parts := strings.Split(path, "/")
	if i := slices.Index(parts, word); i >= 0 && i+1 < len(parts) {
		return parts[i+1]
	}
	return ""
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

const fakeTime = "2026-11-24T03:08:26.123Z"

func (f *fakeServer) user(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, map[string]any{"id": 7, "username": "ada", "name": "Ada Lovelace"})
}

var fakeProject = map[string]any{"id": 1, "path_with_namespace": "team/vision", "visibility": "private", "created_at": fakeTime, "last_activity_at": fakeTime}

func (f *fakeServer) projects(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, []any{fakeProject})
}
func (f *fakeServer) project(w http.ResponseWriter, _ *http.Request) { answer(w, 200, fakeProject) }

// safety finds something in pickles only.
func (f *fakeServer) safety(w http.ResponseWriter, r *http.Request) {
	v, err := strconv.Atoi(r.PathValue("v"))
	if err != nil {
		refuse(w, http.StatusNotFound, "404 Not found")
		return
	}
	worst, files := "safe", []any{}
	signature := map[string]any{"status": "none"}
	for path := range f.texts(v) {
		if path == "model.sig" {
			signature = map[string]any{"path": path, "status": "differs", "differing": 2, "signer": "ada@example.org", "changed": []string{"m.pkl"}, "additional": []string{"x"}}
		}
		if strings.HasSuffix(path, ".pkl") {
			worst = "unsafe"
			files = append(files, map[string]any{"path": path, "verdict": worst, "form": "pickle", "findings": []any{map[string]any{"verdict": worst, "what": "imports os.system"}}})
		}
	}
	answer(w, 200, map[string]any{"verdict": worst, "waiting": 0, "more": false, "files": files, "signature": signature})
}

func (f *fakeServer) done(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
}

// model must be called with the lock held, as all that follow.
func (f *fakeServer) model(id int) map[string]any {
	n, latest := 0, any(nil)
	for i, v := range f.versions {
		if v.model == id {
			n, latest = n+1, map[string]any{"id": i + 1, "version": v.name}
		}
	}
	return map[string]any{"id": id, "name": f.models[id-1], "version_count": n, "latest_version": latest, "created_at": fakeTime, "updated_at": fakeTime}
}

func (f *fakeServer) listModels(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []any{}
	for i, m := range f.models {
		if strings.Contains(m, r.URL.Query().Get("search")) {
			out = append(out, f.model(i+1))
		}
	}
	answer(w, 200, out)
}

func (f *fakeServer) addModel(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in struct{ Name string }
	json.NewDecoder(r.Body).Decode(&in)
	f.models = append(f.models, in.Name)
	answer(w, 201, f.model(len(f.models)))
}

func (f *fakeServer) wire(id int) map[string]any {
	v, size := f.versions[id-1], 0
	for _, data := range v.files {
		size += len(data)
	}
	return map[string]any{"id": id, "version": v.name, "model_id": v.model, "model_name": f.models[v.model-1], "description": v.description,
		"metadata": v.metadata, "aliases": v.aliases, "file_count": len(v.files), "size": size, "created_at": fakeTime, "updated_at": fakeTime}
}

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.PathValue(name))
	return n
}

func (f *fakeServer) listVersions(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []any{}
	for i, v := range slices.Backward(f.versions) {
		if want := r.URL.Query().Get("version"); v.model == number(r, "m") && (want == "" || want == v.name) {
			out = append(out, f.wire(i+1))
		}
	}
	answer(w, 200, out)
}

type fakeSpec struct {
	Version     string
	Description *string
	Metadata    []map[string]string
	VersionID   int `json:"version_id"`
}

func (f *fakeServer) addVersion(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in fakeSpec
	json.NewDecoder(r.Body).Decode(&in)
	v := fakeVersion{model: number(r, "m"), name: in.Version, metadata: in.Metadata, files: map[string][]byte{}}
	if in.Description != nil {
		v.description = *in.Description
	}
	if v.name == "" {
		v.name = "1.0." + strconv.Itoa(len(f.versions))
	}
	f.versions = append(f.versions, v)
	answer(w, 201, f.wire(len(f.versions)))
}

func (f *fakeServer) version(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := &f.versions[number(r, "v")-1]
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method == http.MethodPut {
		var in fakeSpec
		json.NewDecoder(r.Body).Decode(&in)
		if in.Description != nil {
			v.description = *in.Description
		}
		if in.Metadata != nil {
			v.metadata = in.Metadata
		}
	}
	answer(w, 200, f.wire(number(r, "v")))
}

func (f *fakeServer) alias(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("alias")
	if r.Method == http.MethodPut {
		var in fakeSpec
		json.NewDecoder(r.Body).Decode(&in)
		v := &f.versions[in.VersionID-1]
		v.aliases = append(v.aliases, name)
	}
	for i, v := range slices.Backward(f.versions) {
		if v.model == number(r, "m") && (name == "latest" || slices.Contains(v.aliases, name)) {
			answer(w, 200, map[string]any{"name": name, "version_id": i + 1, "version": v.name})
			return
		}
	}
	refuse(w, http.StatusNotFound, "404 Alias Not Found")
}

// pkg gives the files of a version or run; runs are made when asked for.
func (f *fakeServer) pkg(r *http.Request) map[string][]byte {
	id := r.PathValue("v")
	if strings.HasPrefix(id, "candidate:") {
		for _, v := range f.versions {
			if v.name == id {
				return v.files
			}
		}
		f.versions = append(f.versions, fakeVersion{name: id, files: map[string][]byte{}})
		return f.versions[len(f.versions)-1].files
	}
	return f.versions[number(r, "v")-1].files
}

func fakeSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (f *fakeServer) listFiles(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := f.pkg(r)
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	out := []any{}
	for _, name := range names {
		out = append(out, map[string]any{"path": name, "size": len(files[name]), "file_sha256": fakeSum(files[name]), "created_at": fakeTime})
	}
	answer(w, 200, out)
}

func (f *fakeServer) file(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		f.putFile(w, r)
		return
	}
	f.mu.Lock()
	data, ok := f.pkg(r)[r.PathValue("path")]
	f.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "404 Not Found")
		return
	}
	w.Header().Set("ETag", `"`+fakeSum(data)+`"`)
	w.Header().Set("X-Checksum-Sha256", fakeSum(data))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (f *fakeServer) putFile(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pkg(r)[r.PathValue("path")] = data
	w.Header().Set("X-Checksum-Sha256", fakeSum(data))
	answer(w, 201, map[string]string{"message": "201 Created"})
}

func (f *fakeServer) removeFile(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pkg(r), r.PathValue("path"))
	w.WriteHeader(http.StatusNoContent)
}

// stock gives the server a version of team/vision/resnet with files.
func (f *fakeServer) stock(files map[string][]byte) {
	f.models = []string{"resnet"}
	f.versions = []fakeVersion{{model: 1, name: "1.0.0", aliases: []string{"champion"}, files: files,
		description: "# Card", metadata: []map[string]string{{"name": "data", "value": "imagenet"}}}}
}

// count tells how many requests began like this.
func (f *fakeServer) count(start string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if strings.HasPrefix(r, start) {
			n++
		}
	}
	return n
}

// shell runs commands of the client for a test.
type shell struct {
	t      *testing.T
	ctx    context.Context
	vars   map[string]string
	config string
	stdin  string
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// newShell is signed in to f by variables; nil: to nothing.
func newShell(t *testing.T, f *fakeServer) *shell {
	s := &shell{t: t, ctx: t.Context(), vars: map[string]string{}, config: t.TempDir()}
	if f != nil {
		s.vars["VITRINE_SERVER"], s.vars["VITRINE_TOKEN"] = f.URL, fakeToken
	}
	return s
}

func (s *shell) env() Env {
	return Env{Stdin: strings.NewReader(s.stdin), Stdout: &s.stdout, Stderr: &s.stderr,
		Getenv: func(k string) string { return s.vars[k] }, ConfigDir: s.config}
}

// try runs a command and gives its error.
func (s *shell) try(args ...string) error {
	s.stdout.Reset()
	s.stderr.Reset()
	root := rootCommand(s.env())
	root.SetArgs(args)
	root.SetOut(&s.stdout)
	root.SetErr(&s.stderr)
	return root.ExecuteContext(s.ctx)
}

// run runs a command that has to succeed, and gives its standard output.
func (s *shell) run(args ...string) string {
	s.t.Helper()
	if err := s.try(args...); err != nil {
		s.t.Fatalf("vitrine %s: %v\n%s", strings.Join(args, " "), err, s.stderr.String())
	}
	return s.stdout.String()
}

// fails runs a command that has to fail with an exit code and a text.
func (s *shell) fails(code int, text string, args ...string) {
	s.t.Helper()
	err := s.try(args...)
	if err == nil || ExitCode(err) != code || !strings.Contains(errorText(err), text) {
		s.t.Errorf("vitrine %s: exit %d, %v; want %d and %q", strings.Join(args, " "), ExitCode(err), err, code, text)
	}
	if s.stdout.Len() > 0 {
		s.t.Errorf("vitrine %s failed and printed %s", strings.Join(args, " "), s.stdout.String())
	}
}
