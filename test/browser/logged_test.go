package browser

import (
	"bytes"
	"net/http"
	"os"
	"testing"
)

// TestLoggedModelPage goes from a run to the model that it has made, and looks
// into its files.
func TestLoggedModelPage(t *testing.T) {
	home := serve(t)
	tr := newTrainer(t, home)
	run := tr.start("fit")
	model := tr.post(tracking+"logged-models", map[string]any{"experiment_id": tr.experiment, "name": "fitted", "source_run_id": run})["model"].(map[string]any)["info"].(map[string]any)["model_id"].(string)
	tr.post(tracking+"runs/outputs", map[string]any{"run_id": run, "models": []any{map[string]any{"model_id": model, "step": 0}}})
	raw, err := os.ReadFile("../../internal/formats/testdata/MLmodel")
	ok(t, err)
	ask(t, http.MethodPut, home+"/api/v4/projects/root%2Fdigits/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/"+tr.experiment+"/models/"+model+"/artifacts/MLmodel", bytes.NewReader(raw))
	for name, l := range map[string]look{"desktop": desktop, "phone-dark": phoneDark} {
		t.Run(name, func(t *testing.T) {
			b := open(t, home, l)
			b.signIn()
			b.visit("/root/digits/-/ml/candidates/1")
			b.follow(`a[href$="/ml/logged/` + model + `"]`)
			b.wait("#insides-head")
			b.shot("logged")
			b.look("logged")
			b.follow(`.tree a[href$="/files/MLmodel"]`)
			b.wait("a.main[download]")
			b.look("logged/files")
			if status := get[int](b, `fetch(document.querySelector("a.main[download]").href).then((r) => r.status)`); status != 200 {
				t.Errorf("the download answers %d", status)
			}
		})
	}
}
