package mlflow

import "testing"

func TestPythonSpaced(t *testing.T) {
	for in, want := range map[string]string{`{"a":[1,2.5,null],"b,:":"x:y"}`: `{"a": [1, 2.5, null], "b,:": "x:y"}`, `["é\"\n"]`: `["\u00e9\"\n"]`, `{}`: `{}`} {
		if got := pythonSpaced([]byte(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestBelow(t *testing.T) {
	for in, want := range map[string]string{"mlflow-artifacts:/1": "mlflow-artifacts:/1/r", "s3://b/p/?v=1": "s3://b/p/r?v=1", "/tmp/a?": "/tmp/a?/r"} {
		if got := below(in, "r"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
