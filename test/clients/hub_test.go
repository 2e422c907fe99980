package clients

import (
	"testing"
)

// TestHub lets huggingface_hub load models from a project's address.
func TestHub(t *testing.T) {
	t.Setenv("HF_TOKEN", rootToken)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_DISABLE_TELEMETRY", "1")
	s := start(t, bigDir(t))
	t.Setenv("HF_ENDPOINT", s.url+"/api/v4/projects/root%2Fdefault/ml/hub")
	runPytest(t, s, venvPython(t, "hub"), "hub/test_hub.py")
}
