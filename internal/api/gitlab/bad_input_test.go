package gitlab

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBadText: what is not valid UTF-8 is refused wherever it comes, because
// no database and no JSON could give it back.
func TestBadText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	models := fmt.Sprintf("/api/v4/projects/%d/ml/models", w.ids["private"])
	for _, c := range []struct{ target, body, want string }{
		{models, "{\"name\": \"caf\xe9\"}", "body is not valid UTF-8"},
		{models, "{\"name\": \"x\", \"description\": \"\xff\"}", "body is not valid UTF-8"},
		{models + "?name=x&description=%FF", "", "description is invalid"},
		{models, `{"name": "x", "description": "a\u0000b"}`, "description is invalid"},
		{models, `{"name": "x", "metadata": [{"name": "a\u0000", "value": ""}]}`, "metadata[0][name] is invalid"},
	} {
		got := w.do(t, "POST", c.target, "developer", c.body)
		if want := fmt.Sprintf(`{"error":%q}`, c.want); got.Code != 400 || got.Body.String() != want {
			t.Errorf("%s %q: %d %s, want %s", c.target, c.body, got.Code, got.Body, want)
		}
	}
}

// zeros is a body without an announced length.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestBadBodySize: parameters are read up to their limit and no further, even
// when nobody has announced how long they are.
func TestBadBodySize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	body := &io.LimitedReader{R: zeros{}, N: 1 << 40}
	r := httptest.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("/api/v4/projects/%d/ml/models", w.ids["private"]), body)
	r.Header.Set("Private-Token", w.tokens["developer"])
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusRequestEntityTooLarge || rec.Body.String() != `{"error":"Request Entity Too Large"}` {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if read := 1<<40 - body.N; read > paramLimit+1<<16 {
		t.Errorf("read %d bytes of it", read)
	}
}

// TestBasic: any user name with a token as password; "gitlab-ci-token" takes
// job tokens only.
func TestBasic(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	minted := w.do(t, "POST", fmt.Sprintf("/api/v4/projects/%d/job_tokens?user_id=%d", w.ids["private"], w.ids["developer"]), "root", "")
	job := strings.Split(minted.Body.String(), `"`)[3]
	ok(t, w.all.DeployToken(t.Context(), "deploy", "private", "read_package_registry"))
	for _, c := range []struct {
		user, password string
		want           int
	}{
		{"developer", w.tokens["developer"], 200},
		{"anybody", w.tokens["developer"], 200},
		{"", w.tokens["developer"], 200},
		{"oauth2", w.tokens["ro"], 200},
		{"gitlab-ci-token", job, 200},
		{"gitlab+deploy-token-1", w.tokens["deploy"], 200},
		{"gitlab-ci-token", w.tokens["deploy"], 401},
		{"gitlab-ci-token", w.tokens["developer"], 401},
		{"developer", w.tokens["revoked"], 401},
		{"developer", w.tokens["expired"], 401},
		{"developer", "correct horse", 401}, // passwords are for the pages
		{"developer", "", 404},              // nobody
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET",
			fmt.Sprintf("/api/v4/projects/%d/packages/ml_models/%d/files/dir/model.bin", w.ids["private"], w.ids["private/version"]), nil)
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password)))
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		if rec.Code != c.want {
			t.Errorf("%s:%.10s…: %d, want %d: %s", c.user, c.password, rec.Code, c.want, rec.Body)
		}
	}
}
