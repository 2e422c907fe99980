package web

import (
	"net/url"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestMLflowAddresses: the addresses of MLflow's own pages lead to ours, for those
// who may see them; the others are asked to sign in, or find nothing.
func TestMLflowAddresses(t *testing.T) {
	w := newWorld(t)
	sys, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	r := logged(t, w, "accuracy", 1)
	m, err := sys.CreateLoggedModel(t.Context(), home, registry.LoggedModelSpec{Experiment: registry.ExperimentRef{IID: r.ExperimentIID}, Name: "fitted", SourceRun: r.EID})
	apitest.OK(t, err)
	odd, err := sys.Under(registry.FreeRules).CreateModel(t.Context(), home, registry.ModelSpec{Name: "très #1?"})
	apitest.OK(t, err)
	model, version := itoa(w.IDs["private/model"]), itoa(w.IDs["private/version"])
	experiment, public := "/experiments/"+itoa(r.ExperimentIID), itoa(w.IDs["public"])
	const base = "/root/private/-/ml/"
	for _, c := range []struct{ who, project, to, want string }{
		{"guest", "", experiment, base + experiment[1:]},
		{"guest", "", experiment + "/", base + experiment[1:]},
		{"guest", "", experiment + "/traces?selectedEvaluationId=tr-1", base + experiment[1:]},
		{"guest", "", experiment + "/runs/" + r.EID, base + "candidates/" + itoa(r.IID)},
		{"guest", "", experiment + "/runs/" + r.EID + "/artifacts/a/b?workspace=root%2Fprivate", base + "candidates/" + itoa(r.IID)},
		{"guest", "root/private", experiment + "/runs/" + r.EID, base + "candidates/" + itoa(r.IID)},
		{"guest", "", experiment + "/models/" + m.EID, base + "logged/" + m.EID},
		{"guest", "", "/models/iris", base + "models/" + model},
		{"guest", "", "/models/iris/versions/1", base + "models/" + model + "/versions/" + version},
		{"guest", "root/private", "/models/iris/versions/" + version, base + "models/" + model + "/versions/" + version},
		{"guest", "", "/models/tr%C3%A8s%20%231%3F", base + "models/" + itoa(odd.ID)},
		{"guest", "", "/prompts/iris", base + "models/" + model},
		{"guest", "", "/models", base + "models"},
		{"guest", "", "/", base + "experiments"},
		{"guest", "", "/experiments", base + "experiments"},
		{"guest", "", "/experiments/99", ""},
		{"guest", "", "/experiments/x", ""},
		{"guest", "", experiment + "/runs/" + strings.Repeat("0", 32), ""},
		{"guest", "", "/models/iris/versions/x", ""},
		{"guest", "", "/models/iris/versions/99", ""},
		{"guest", "", "/gateway", ""},
		{"guest", "", "//evil.example.org/x", ""},
		{"guest", "", "%zz", ""},
		{"guest", "nowhere", experiment, ""},
		{"stranger", "", experiment, ""},
		{"stranger", public, "/models", "/root/public/-/ml/models"},
		{"", public, "/models", "/root/public/-/ml/models"},
	} {
		got := w.Do(t, "GET", mlflowHome+"?"+url.Values{"project": {c.project}, "to": {c.to}}.Encode(), c.who, "")
		if c.want == "" && got.Code != 404 || c.want != "" && got.Code != 303 || got.Header().Get("Location") != c.want {
			t.Errorf("%+v: %d %s", c, got.Code, got.Header().Get("Location"))
		}
	}
	asked := visitor{t, w, ""}.leads(mlflowHome + "?to=" + url.QueryEscape(experiment))
	u, err := url.Parse(asked)
	apitest.OK(t, err)
	if u.Path != "/users/sign_in" || u.Query().Get("next") != mlflowHome+"?to="+url.QueryEscape(experiment) {
		t.Errorf("the anonymous are led to %s", asked)
	}
	has(t, visitor{t, w, ""}.get(mlflowHome), "MLFLOW_TRACKING_URI")
}

// TestDefaultExperiment: the experiment with the number 0, which clients that
// choose none log to, has a page.
func TestDefaultExperiment(t *testing.T) {
	w := newWorld(t)
	sys, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	_, err := sys.CreateRun(t.Context(), home, registry.RunSpec{Experiment: &registry.ExperimentRef{IID: registry.DefaultExperiment}, Name: "first-steps"})
	apitest.OK(t, err)
	v := visitor{t, w, "guest"}
	has(t, v.get("/root/private/-/ml/experiments/0"), "first-steps", "/ml/experiments/0.csv")
	if to := v.leads(mlflowHome + "?to=/experiments/0"); to != "/root/private/-/ml/experiments/0" {
		t.Error(to)
	}
}
