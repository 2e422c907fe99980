package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// doors are the two ways to the API of root/private.
var doors = map[string]string{"root": "/api/2.0", "GitLab": "/api/v4/projects/root%2Fprivate/ml/mlflow/api/2.0"}

// post sends a message as somebody and reads the answer.
func post(t testing.TB, w *apitest.World, target, who, body string, out any) int {
	t.Helper()
	return request(t, w, "POST", target, who, body, out).Code
}

func request(t testing.TB, w *apitest.World, method, target, who, body string, out any) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+w.Tokens[who])
		r.Header.Set(workspaceHeader, "root/private")
	}
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	if out != nil && rec.Code == http.StatusOK {
		apitest.OK(t, json.Unmarshal(rec.Body.Bytes(), out))
	}
	return rec
}

// local cuts an address that we gave down to what a request of a test has.
func local(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	apitest.OK(t, err)
	if u.Host != "example.com" {
		t.Errorf("the address %s is not ours", address)
	}
	return u.RequestURI()
}

// TestParts: parts come in any order, by their addresses alone; the whole is
// there when all are, and only if they are those that the caller knows of.
func TestParts(t *testing.T) {
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var up partsAnswer
			if code := post(t, w, door+"/mlflow-artifacts/mpu/create/big/folder", "developer", `{"path": "C:\\data\\w.bin", "num_parts": 3}`, &up); code != 200 || len(up.Credentials) != 3 {
				t.Fatalf("%d %+v", code, up)
			}
			var done wholeWire
			done.Path, done.UploadID = "/tmp/w.bin", up.UploadID
			for _, i := range []int{2, 0, 1} {
				c := up.Credentials[i]
				rec := request(t, w, "PUT", local(t, c.URL), "", strings.Repeat(string(rune('a'+i)), 3), nil)
				if rec.Code != 200 {
					t.Fatalf("part %d: %d %s", c.Number, rec.Code, rec.Body)
				}
				done.put(c.Number, rec.Header().Get("ETag"))
			}
			if there(t, w, "big/folder/w.bin") {
				t.Error("the file is there before it is complete")
			}
			for what, body := range map[string]string{"no parts": `{"path": "w.bin", "upload_id": "` + up.UploadID + `", "parts": []}`,
				"a foreign ETag": `{"path": "w.bin", "upload_id": "` + up.UploadID + `", "parts": [{"part_number": 1, "etag": "x"}]}`,
				"another part":   `{"path": "w.bin", "upload_id": "` + up.UploadID + `", "parts": [{"part_number": 1, "etag": "` + strings.Repeat("0", 64) + `"}]}`,
				"a part too far": `{"path": "w.bin", "upload_id": "` + up.UploadID + `", "parts": [{"part_number": 4, "etag": "` + strings.Repeat("0", 64) + `"}]}`} {
				if code := post(t, w, door+"/mlflow-artifacts/mpu/complete/big/folder", "developer", body, nil); code != 400 {
					t.Errorf("%s: %d", what, code)
				}
			}
			body, err := json.Marshal(done)
			apitest.OK(t, err)
			elsewhere := map[string]string{"complete/big": string(body), "complete/big/folder": strings.Replace(string(body), "w.bin", "v.bin", 1),
				"abort/big": string(body), "abort/big/folder": strings.Replace(string(body), "w.bin", "v.bin", 1)}
			for below, body := range elsewhere {
				if code := post(t, w, door+"/mlflow-artifacts/mpu/"+below, "developer", body, nil); code != 400 {
					t.Errorf("%s, which is another file's: %d", below, code)
				}
			}
			if code := post(t, w, door+"/mlflow-artifacts/mpu/complete/big/folder", "developer", string(body), nil); code != 200 {
				t.Fatalf("complete: %d", code)
			}
			if rec := w.Do(t, "GET", proxied+"big/folder/w.bin", "reporter", ""); rec.Body.String() != "aaabbbccc" {
				t.Errorf("the file is %q", rec.Body)
			}
		})
	}
}

// wholeWire is what a client sends at the end.
type wholeWire struct {
	Path     string     `json:"path"`
	UploadID string     `json:"upload_id"`
	Parts    []partWire `json:"parts"`
}

type partWire struct {
	Number int64  `json:"part_number"`
	ETag   string `json:"etag"`
}

// put notes a part, in the order of the numbers.
func (w *wholeWire) put(n int64, etag string) {
	i := 0
	for i < len(w.Parts) && w.Parts[i].Number < n {
		i++
	}
	w.Parts = append(w.Parts[:i], append([]partWire{{n, etag}}, w.Parts[i:]...)...)
}

// TestPartsRefused: wrong numbers, strangers' uploads and aborted ones.
func TestPartsRefused(t *testing.T) {
	w := newWorld(t)
	const create = "/api/2.0/mlflow-artifacts/mpu/create/x"
	for _, body := range []string{`{"num_parts": 1}`, `{"path": "f", "num_parts": 0}`, `{"path": "f", "num_parts": 10001}`, `{"path": "f", "num_parts": "many"}`, `{"path": ".."}`} {
		if code := post(t, w, create, "developer", body, nil); code != 400 {
			t.Errorf("%s: %d", body, code)
		}
	}
	var up partsAnswer
	if code := post(t, w, create, "developer", `{"path": "f"}`, &up); code != 200 || len(up.Credentials) != 1 {
		t.Fatalf("%d %+v", code, up)
	}
	whole := `{"path": "/home/f", "upload_id": "` + up.UploadID + `", "parts": [{"part_number": 1, "etag": "` + strings.Repeat("0", 64) + `"}]}`
	for _, what := range []string{"complete", "abort"} {
		if code := post(t, w, "/api/2.0/mlflow-artifacts/mpu/"+what+"/x", "maintainer", whole, nil); code != 404 {
			t.Errorf("%s by another: %d", what, code)
		}
	}
	part := local(t, up.Credentials[0].URL)
	if code := request(t, w, "PUT", strings.Replace(part, "/1?", "/2?", 1), "", "x", nil).Code; code != 401 {
		t.Errorf("a ticket for another part: %d", code)
	}
	if code := post(t, w, "/api/2.0/mlflow-artifacts/mpu/abort/x", "developer", whole, nil); code != 200 {
		t.Errorf("abort: %d", code)
	}
	if code := request(t, w, "PUT", part, "", "x", nil).Code; code != 404 {
		t.Errorf("a part of an aborted upload: %d", code)
	}
}

// TestSignedAddresses: an address works without a token, for its request alone,
// as long as the one who asked for it may, and as its token lives.
func TestSignedAddresses(t *testing.T) {
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			run := runWithFile(t, w, door)
			var down, up presignAnswer
			ask := `{"run_id": "` + run + `", "path": "dir/a b.txt"}`
			if code := post(t, w, door+"/mlflow/artifacts/presigned-download-url", "reporter", ask, &down); code != 200 || down.Size != 4 {
				t.Fatalf("%d %+v", code, down)
			}
			if code := post(t, w, door+"/mlflow/artifacts/presigned-upload-url", "developer", ask, &up); code != 200 {
				t.Fatalf("%d %+v", code, up)
			}
			get, put := local(t, down.URL), local(t, up.URL)
			for _, c := range []struct {
				method, target, body string
				status               int
			}{
				{"GET", get, "", 200}, {"HEAD", get, "", 200}, {"PUT", get, "x", 401}, {"DELETE", get, "", 401},
				{"GET", strings.Replace(get, "a%20b", "b", 1), "", 401}, {"GET", get + "x", "", 401}, {"GET", strings.Replace(get, "ticket=", "ticket=A", 1), "", 401},
				{"PUT", put, "new text", 200}, {"GET", put, "", 401},
			} {
				if rec := request(t, w, c.method, c.target, "", c.body, nil); rec.Code != c.status {
					t.Errorf("%s %s: %d, want %d: %s", c.method, c.target, rec.Code, c.status, rec.Body)
				}
			}
			if got := request(t, w, "GET", get, "", "", nil).Body.String(); got != "new text" {
				t.Errorf("the file is %q", got)
			}
			endToken(t, w, "developer")
			if code := request(t, w, "PUT", put, "", "late", nil).Code; code != 401 {
				t.Errorf("after the token's end: %d", code)
			}
		})
	}
}

// runWithFile makes a run with dir/a b.txt in it.
func runWithFile(t *testing.T, w *apitest.World, door string) string {
	t.Helper()
	var made runAnswerWire
	if code := post(t, w, door+"/mlflow/runs/create", "developer", `{"experiment_id": "0"}`, &made); code != 200 {
		t.Fatalf("create a run: %d", code)
	}
	at := strings.TrimPrefix(made.Run.Info.ArtifactURI, artifactScheme)
	if rec := request(t, w, "PUT", door+"/mlflow-artifacts/artifacts/"+at+"/dir/a%20b.txt", "developer", "text", nil); rec.Code != 200 {
		t.Fatalf("upload: %d %s", rec.Code, rec.Body)
	}
	return made.Run.Info.ID
}

type runAnswerWire struct {
	Run struct {
		Info struct {
			ID          string `json:"run_id"`
			ArtifactURI string `json:"artifact_uri"`
		} `json:"info"`
	} `json:"run"`
}

// TestSignedUploadToLoggedModel: an address is signed for the files of a logged
// model, too.
func TestSignedUploadToLoggedModel(t *testing.T) {
	for name, door := range doors {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var made struct {
				Model struct {
					Info struct {
						ID string `json:"model_id"`
					} `json:"info"`
				} `json:"model"`
			}
			if code := post(t, w, door+"/mlflow/logged-models", "developer", `{"experiment_id": "0", "name": "m"}`, &made); code != 200 {
				t.Fatalf("create: %d", code)
			}
			id := made.Model.Info.ID
			ask := `{"model_id": "` + id + `", "path": "data/w.bin"}`
			var up presignAnswer
			if code := post(t, w, door+"/mlflow/artifacts/presigned-upload-url", "developer", ask, &up); code != 200 {
				t.Fatalf("sign: %d", code)
			}
			if rec := request(t, w, "PUT", local(t, up.URL), "", "weights", nil); rec.Code != 200 {
				t.Fatalf("upload: %d %s", rec.Code, rec.Body)
			}
			if rec := request(t, w, "GET", door+"/mlflow-artifacts/artifacts/0/models/"+id+"/artifacts/data/w.bin", "reporter", "", nil); rec.Body.String() != "weights" {
				t.Errorf("the file is %d %q", rec.Code, rec.Body)
			}
			for who, want := range map[string]int{"reporter": 403, "stranger": 404} {
				if code := post(t, w, door+"/mlflow/artifacts/presigned-upload-url", who, ask, nil); name == "root" && code != want {
					t.Errorf("%s: %d, want %d", who, code, want)
				}
			}
			unknown := strings.Replace(ask, id, "m-"+strings.Repeat("0", 32), 1)
			if code := post(t, w, door+"/mlflow/artifacts/presigned-upload-url", "developer", unknown, nil); code != 404 {
				t.Errorf("an unknown model: %d", code)
			}
		})
	}
}

// endToken revokes a token.
func endToken(t *testing.T, w *apitest.World, name string) {
	t.Helper()
	actor, err := w.Auth.Authenticate(t.Context(), auth.Credential{Secret: w.Tokens[name]})
	apitest.OK(t, err)
	apitest.OK(t, w.Registry.As(auth.System()).RevokeToken(t.Context(), actor.TokenID))
}

// TestSigningByRole: who asks for an address needs what the file needs.
func TestSigningByRole(t *testing.T) {
	w := newWorld(t)
	run := runWithFile(t, w, doors["root"])
	ask := `{"run_id": "` + run + `", "path": "dir/a b.txt"}`
	for _, c := range []struct {
		who      string
		down, up int
	}{{"", 401, 401}, {"stranger", 404, 404}, {"guest", 403, 403}, {"planner", 403, 403}, {"reporter", 200, 403}, {"developer", 200, 200}, {"ro", 200, 403}, {"rw", 200, 200}} {
		send := func(method, target, body string) int {
			r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
			r.Header.Set(workspaceHeader, "root/private")
			if c.who != "" {
				r.Header.Set("Authorization", "Bearer "+w.Tokens[c.who])
			}
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			w.Handler.ServeHTTP(rec, r)
			return rec.Code
		}
		got := [4]int{send("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", ask), send("GET", "/api/2.0/mlflow-artifacts/presigned/0/"+run+"/artifacts/dir/a%20b.txt", ""),
			send("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", ask), send("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/"+run+"/artifacts", `{"path": "f"}`)}
		if want := [4]int{c.down, c.down, c.up, c.up}; got != want {
			t.Errorf("%s: %v, want %v", c.who, got, want)
		}
	}
	for _, body := range []string{`{"path": "x"}`, `{"run_id": "` + run + `", "model_id": "m", "path": "x"}`, `{"model_id": "m", "path": "../x"}`,
		`{"run_id": "` + run + `", "path": "x", "expiration": 0}`, `{"run_id": "` + run + `", "path": "x", "expiration": 604801}`, `{"run_id": "` + run + `", "path": "../x"}`} {
		if code := post(t, w, "/api/2.0/mlflow/artifacts/presigned-upload-url", "developer", body, nil); code != 400 {
			t.Errorf("%s: %d", body, code)
		}
	}
}

// TestTicketsAreNotLogged: what an address carries is in no line of the log.
func TestTicketsAreNotLogged(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	handler := httpx.AccessLog(slog.New(slog.NewTextHandler(&log, nil)), func(*http.Request) bool { return false })(w.Handler)
	r := httptest.NewRequestWithContext(context.Background(), "GET", "/api/2.0/mlflow-artifacts/artifacts/x?ticket=verysecret", http.NoBody)
	rec := httptest.NewRecorder()
	handler.ServeHTTP(rec, r)
	line, err := io.ReadAll(&log)
	apitest.OK(t, err)
	if rec.Code != 401 || !strings.Contains(string(line), "artifacts/x") || strings.Contains(string(line), "verysecret") {
		t.Errorf("%d, logged %s", rec.Code, line)
	}
}
