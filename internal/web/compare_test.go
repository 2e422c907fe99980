package web

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// safetensorsOf writes a file with a head, and elements of so many bytes.
func safetensorsOf(head string, data int) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(head)))) + head + strings.Repeat("\x00", data)
}

// compared makes a version and a run that differ in all that is compared, and
// gives the query that names both.
func compared(t *testing.T, w *apitest.World) string {
	t.Helper()
	sys, home := w.Registry.As(auth.System()), registry.ProjectRef{Path: "root/private"}
	v, err := sys.Version(t.Context(), home, registry.ModelRef{ID: w.IDs["private/model"]}, registry.VersionRef{ID: w.IDs["private/version"]})
	apitest.OK(t, err)
	apitest.OK(t, sys.Log(t.Context(), home, registry.RunRef{IID: v.RunIID}, registry.RunData{Params: []registry.Param{{Key: "lr", Value: "0.1"}, {Key: "seed", Value: "7"}},
		Metrics: []registry.Metric{{Key: "acc", Value: .5}}}))
	r, err := sys.Run(t.Context(), home, registry.RunRef{IID: w.IDs["private/run"]})
	apitest.OK(t, err)
	apitest.OK(t, sys.Log(t.Context(), home, registry.RunRef{IID: r.IID}, registry.RunData{Params: []registry.Param{{Key: "lr", Value: "0.2"}, {Key: "seed", Value: "7"}},
		Metrics: []registry.Metric{{Key: "acc", Value: .75}}}))
	one, other := registry.PackageRef{VersionID: v.ID}, registry.PackageRef{RunIID: r.IID}
	put(t, w, one, "m.safetensors", safetensorsOf(`{"gone":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"kept":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"w":{"dtype":"F16","shape":[2,1],"data_offsets":[2,6]}}`, 6))
	put(t, w, other, "m.safetensors", safetensorsOf(`{"new":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"kept":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]}}`, 10))
	put(t, w, one, "same.txt", "S")
	put(t, w, other, "same.txt", "S")
	return "v=" + itoa(v.ID) + "&run=" + r.EID
}

// row gives the row of a table that begins with a key.
func row(t *testing.T, page, key string) string {
	t.Helper()
	for part := range strings.SplitSeq(page, "<tr") {
		if strings.Contains(part, `<th scope="row">`+key+"<") {
			return part
		}
	}
	t.Errorf("no row %s in\n%s", key, page)
	return ""
}

// TestCompare sets a version and a run side by side: values, files by content,
// tensors by type and shape.
func TestCompare(t *testing.T) {
	w := newWorld(t)
	query := compared(t, w)
	got := w.Do(t, "GET", "/root/private/-/ml/compare?"+query+"&"+query, "reporter", "")
	page := got.Body.String()
	if got.Code != 200 {
		t.Fatal(got.Code, page)
	}
	for key, want := range map[string]string{"acc": `mark">&#43;0.25<`, "lr": `mark">changed<`, "m.safetensors": `mark">changed<`, "dir/model.bin": `mark">removed<`,
		"run.txt": `mark">added<`, "gone": `mark">removed<`, "new": `mark">added<`, "w": `F32 2 × 1 <span class="badge mark">changed<`} {
		if r := row(t, page, key); !strings.Contains(r, want) || !strings.Contains(r, `class="differs"`) {
			t.Errorf("%s: no %s in %s", key, want, r)
		}
	}
	for _, key := range []string{"seed", "same.txt"} {
		if r := row(t, page, key); strings.Contains(r, "mark") || strings.Contains(r, `class="differs"`) {
			t.Errorf("%s differs: %s", key, r)
		}
	}
	if !strings.Contains(page, "1 tensor of the changed safetensors files has the same type and shape") {
		t.Error("the same tensor is not told")
	}
	if guest := w.Do(t, "GET", "/root/private/-/ml/compare?"+query, "guest", "").Body.String(); strings.Contains(guest, "m.safetensors") || !strings.Contains(guest, "ask for Reporter") {
		t.Error("a guest sees files")
	}
}

func TestCompareRefused(t *testing.T) {
	w := newWorld(t)
	many := "run=x"
	for i := range maxCompared + 1 {
		many += "&v=" + itoa(int64(i+1))
	}
	for query, want := range map[string]int{many: 400, "v=x": 404, "": 200, "run=none&run=nobody": 200} {
		if got := w.Do(t, "GET", "/root/private/-/ml/compare?"+query, "guest", ""); got.Code != want {
			t.Errorf("%.20s: %d, want %d", query, got.Code, want)
		}
	}
}
