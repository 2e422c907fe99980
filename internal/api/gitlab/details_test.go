package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
)

// TestDetailsOfTensors reads a file that safetensors wrote; an answer has as many
// tensors as were asked for, and tells how many there are.
func TestDetailsOfTensors(t *testing.T) {
	t.Parallel()
	s := newSite(t, worldOptions{})
	raw, err := os.ReadFile("../../formats/testdata/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if rec := s.do(t, http.MethodPut, s.file("model.safetensors"), "developer", string(raw)); rec.Code != http.StatusCreated {
		t.Fatal(rec.Code, rec.Body)
	}
	for most, want := range map[int]int{0: 3, 2: 2, 100: 3} {
		target := fmt.Sprintf("/api/v4/projects/%d/packages/ml_models/%d/details/model.safetensors?max_tensors=%d", s.ids["private"], s.ids["private/version"], most)
		rec := s.do(t, http.MethodGet, target, "reporter", "")
		var got detailsJSON
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if rec.Code != http.StatusOK || len(got.Tensors) != want || got.Count != 3 || got.Parameters != 60 || got.Tensors[0].Name != "embed.weight" || fmt.Sprint(got.Tensors[0].Shape) != "[10 4]" {
			t.Errorf("%d: %d %s", most, rec.Code, rec.Body)
		}
	}
}
