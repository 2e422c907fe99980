package mlflow

import "testing"

func TestPythonSpaced(t *testing.T) {
	for in, want := range map[string]string{`{"a":[1,2.5,null],"b,:":"x:y"}`: `{"a": [1, 2.5, null], "b,:": "x:y"}`, `["é\"\n"]`: `["\u00e9\"\n"]`, `{}`: `{}`} {
		if got := pythonSpaced([]byte(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
