package mlflow

import (
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzSplit: what is valid is taken apart as encoding/json does it.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{`[]`, `{}`, ` [ 1 ,"a\"]",{"b":[2,"}"]} , null ] `, `{"a" : 1, "a":{"b":"c\\"},"\u0041":[[],{}], "": "é\n"}`, `[[[]]]`, `{"a":-1.5e3}`, `["\ud800"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var raw json.RawMessage
		if !utf8.ValidString(s) || json.Unmarshal([]byte(s), &raw) != nil {
			return
		}
		switch raw[0] {
		case '[':
			var want []json.RawMessage
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if got := splitList(raw); len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s, want %s", raw, got, want)
			}
		case '{':
			var want map[string]json.RawMessage
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if got := splitObject(raw); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s, want %s", raw, got, want)
			}
		case '"':
			var want string
			if err := json.Unmarshal(raw, &want); err != nil || stringOf(raw) != want {
				t.Errorf("%s: %q, want %q (%v)", raw, stringOf(raw), want, err)
			}
		}
	})
}
