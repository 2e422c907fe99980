package mlflow

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestStorageLimit: an artifact that the project has no room for is refused with
// a status that clients do not try again, at once or when its parts are complete.
func TestStorageLimit(t *testing.T) {
	w := newWorld(t)
	sys, ref, limit := w.Registry.As(auth.System()), registry.ProjectRef{ID: w.IDs["private"]}, int64(20)
	_, err := sys.EditProject(t.Context(), ref, registry.ProjectEdit{StorageLimit: &limit})
	apitest.OK(t, err)
	check := func(status int, body string) {
		t.Helper()
		if status != http.StatusRequestEntityTooLarge || !strings.Contains(body, `"error_code":"RESOURCE_EXHAUSTED"`) || !strings.Contains(body, "its limit is 20 bytes, 10 are used") {
			t.Errorf("%d %s", status, body)
		}
	}
	large := strings.Repeat("x", 11)
	rec := w.Do(t, "PUT", proxied+"large", "developer", large)
	check(rec.Code, rec.Body.String())
	var up partsAnswer
	mpu := doors["GitLab"] + "/mlflow-artifacts/mpu/"
	if code := post(t, w, mpu+"create/dir", "developer", `{"path": "large", "num_parts": 1}`, &up); code != http.StatusOK {
		t.Fatal(code)
	}
	done := wholeWire{Path: "large", UploadID: up.UploadID}
	done.put(1, request(t, w, "PUT", local(t, up.Credentials[0].URL), "", large, nil).Header().Get("ETag"))
	body, err := json.Marshal(done)
	apitest.OK(t, err)
	rec = request(t, w, "POST", mpu+"complete/dir", "developer", string(body), nil)
	check(rec.Code, rec.Body.String())
	rec = request(t, w, "POST", mpu+"abort/dir", "developer", string(body), nil)
	if rec.Code != http.StatusOK || there(t, w, "large") || there(t, w, "dir/large") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
