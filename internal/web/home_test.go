package web

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestWelcome: while there is no model, the first page says how to push one, with
// this server's address and project, and makes a token that shows once.
func TestWelcome(t *testing.T) {
	w := newWorld(t)
	sys := w.Registry.As(auth.System())
	v := visitor{t, w, "boss"}
	lacks(t, v.get("/"), "Push a first model")
	has(t, v.get("/"), "Changed last", ">iris<")
	for _, p := range []string{"private", "internal", "public"} {
		apitest.OK(t, sys.DeleteModel(t.Context(), registry.ProjectRef{ID: w.IDs[p]}, registry.ModelRef{ID: w.IDs[p+"/model"]}))
	}
	page := v.get("/")
	project := regexp.MustCompile(`name="project" value="([^"]+)"`).FindStringSubmatch(page)
	if project == nil {
		t.Fatal("no token can be made")
	}
	has(t, page, "export VITRINE_SERVER=http://example.com", "vitrine push ./model.onnx "+project[1]+"/my-model",
		"P=http://example.com/api/v4/projects/"+strings.ReplaceAll(project[1], "/", "%2F"), "MLFLOW_WORKSPACE="+project[1])
	got := v.send("/-/welcome", "project", project[1])
	m := regexp.MustCompile(`export VITRINE_TOKEN=(vtpat-\w+)`).FindStringSubmatch(got.Body.String())
	if got.Code != 200 || m == nil {
		t.Fatalf("answered %d without a token", got.Code)
	}
	actor, err := w.Auth.Authenticate(t.Context(), auth.Credential{Secret: m[1]})
	if err != nil || actor.Username != "boss" {
		t.Errorf("%+v, %v", actor, err)
	}
	lacks(t, v.get("/-/welcome"), m[1])
	if got := (visitor{t, w, "stranger"}).send("/-/welcome", "project", "root/private"); got.Code != 404 {
		t.Errorf("a stranger is welcomed to a private project: %d", got.Code)
	}
	has(t, v.get("/root/public/-/ml/models"), "Push a first model", `value="root/public"`)
}

// TestRecentModels: the first page has no model that its reader may not see.
func TestRecentModels(t *testing.T) {
	w := newWorld(t)
	for who, seen := range map[string]int{"boss": 3, "guest": 3, "stranger": 2, "": 1} {
		if n := strings.Count(visitor{t, w, who}.get("/"), ">iris<"); n != seen {
			t.Errorf("%q sees %d models", who, n)
		}
	}
}

// TestModelsList: a model is listed with the size of its latest version and how
// often its files were downloaded.
func TestModelsList(t *testing.T) {
	w := newWorld(t)
	v := visitor{t, w, "reporter"}
	const list = "/root/private/-/ml/models"
	has(t, v.get(list), `title="7 bytes"`, `title="files of its versions, ever">0<`)
	for range 3 {
		_, c, err := w.Registry.As(auth.System()).OpenFile(t.Context(), registry.ProjectRef{ID: w.IDs["private"]},
			registry.PackageRef{VersionID: w.IDs["private/version"]}, "dir/model.bin")
		apitest.OK(t, err)
		apitest.OK(t, c.Close())
	}
	apitest.OK(t, w.Registry.FlushDownloads(t.Context()))
	has(t, v.get(list), `title="files of its versions, ever">3<`)
	lacks(t, v.get("/root/public/-/ml/models"), `ever">3<`)
}
