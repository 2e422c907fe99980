package registry_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// partCuts divide content into parts of quite different sizes, one empty.
var partCuts = []int{0, 1 << 20, 1<<20 + 1, 1<<20 + 1, len(content)}

func parted(size int) registry.UploadOptions {
	o := sized(size)
	o.Parted = true
	return o
}

func (h *house) part(t *testing.T, u registry.Upload, n int, b []byte) registry.UploadPart {
	t.Helper()
	p, err := h.sys.PutPart(t.Context(), home, u.EID, int64(n), bytes.NewReader(b), registry.PartOptions{Size: int64(len(b)), Expect: sum(b)})
	if err != nil || p.Digest != sum(b) || p.Size != int64(len(b)) || p.Number != int64(n) {
		t.Errorf("part %d: %+v, %v", n, p, err)
	}
	return p
}

// TestPartsInAnyOrder: at the same time, one twice, over a restart and a
// collection.
func TestPartsInAnyOrder(t *testing.T) {
	h := newHouse(t)
	u, v := h.begin(t, h.sys, parted(-1))
	h.part(t, u, 2, []byte("first try"))
	var wg sync.WaitGroup
	for n := 4; n >= 1; n-- {
		wg.Go(func() { h.part(t, u, n, content[partCuts[n-1]:partCuts[n]]) })
	}
	wg.Wait()
	h.part(t, u, 9, []byte("not wanted"))
	h.restart(t)
	c, err := h.sys.Collect(t.Context(), registry.CollectOptions{})
	if err != nil || c != (registry.Collected{}) {
		t.Errorf("collected %+v, %v", c, err)
	}
	there, err := h.sys.UploadParts(t.Context(), home, u.EID)
	if err != nil || len(there) != 5 {
		t.Fatalf("%+v, %v", there, err)
	}
	u, err = h.sys.CompleteUpload(t.Context(), home, u.EID, there[:4])
	if err != nil || u.State != registry.UploadStored || u.Digest != sum(content) || u.Size != int64(len(content)) {
		t.Fatalf("%+v, %v", u, err)
	}
	h.holds(t, v, content)
	h.nothingWaits(t)
	if again, err := h.sys.CompleteUpload(t.Context(), home, u.EID, nil); err != nil || again.State != registry.UploadStored {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = h.sys.PutPart(t.Context(), home, u.EID, 1, strings.NewReader("late"), registry.PartOptions{Size: 4})
	is(t, err, fault.Conflict, "upload")
	h.nothingWaits(t)
}

func TestPartRefusals(t *testing.T) {
	h := newHouse(t)
	whole, _ := h.begin(t, h.sys, sized(10))
	_, err := h.sys.PutPart(t.Context(), home, whole.EID, 1, strings.NewReader("x"), registry.PartOptions{Size: 1})
	is(t, err, fault.Conflict, "upload")
	v := h.version(t, "other")
	u, err := h.sys.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "f", parted(10))
	must(t, err)
	_, err = h.sys.AppendUpload(t.Context(), home, u.EID, strings.NewReader("x"), registry.AppendOptions{Size: 1})
	is(t, err, fault.Conflict, "upload")
	_, err = h.sys.FinishUpload(t.Context(), home, u.EID, "")
	is(t, err, fault.Conflict, "upload")
	for _, n := range []int64{-1, 0, registry.MaxParts + 1} {
		_, err = h.sys.PutPart(t.Context(), home, u.EID, n, strings.NewReader("x"), registry.PartOptions{Size: 1})
		is(t, err, fault.Invalid, "")
	}
	_, err = h.sys.PutPart(t.Context(), home, u.EID, 1, strings.NewReader("x"), registry.PartOptions{Size: 1, Expect: sum(nil)})
	is(t, err, fault.Invalid, "digest")
	_, err = h.sys.PutPart(t.Context(), home, u.EID, 1, strings.NewReader("x"), registry.PartOptions{Size: 2})
	is(t, err, fault.Invalid, "body")
	_, err = h.sys.PutPart(t.Context(), home, u.EID, 1, strings.NewReader("x"), registry.PartOptions{Size: houseLimit + 1})
	is(t, err, fault.TooLarge, "file")

	one, two := h.part(t, u, 1, []byte("12345")), h.part(t, u, 2, []byte("678"))
	for _, wanted := range [][]registry.UploadPart{{one, two}, {one}, {two, one}, {one, one}, {one, two, {Number: 3}}, {{Number: 1, Digest: sum(nil)}}} {
		_, err := h.sys.CompleteUpload(t.Context(), home, u.EID, wanted)
		is(t, err, fault.Invalid, "")
	}
	must(t, h.sys.AbortUpload(t.Context(), home, u.EID))
	_, err = h.sys.UploadParts(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "upload")
	h.nothingWaits(t)
}

// TestPartsOfWhatIsGone go with the next collection.
func TestPartsOfWhatIsGone(t *testing.T) {
	h := newHouse(t)
	u, v := h.begin(t, h.sys, parted(-1))
	h.part(t, u, 1, []byte("x"))
	must(t, h.sys.DeleteVersion(t.Context(), home, registry.ModelRef{ID: v.ModelID}, registry.VersionRef{ID: v.ID}))
	_, err := h.sys.PutPart(t.Context(), home, u.EID, 2, strings.NewReader("x"), registry.PartOptions{Size: 1})
	is(t, err, fault.NotFound, "upload")
	c, err := h.sys.Collect(t.Context(), registry.CollectOptions{Grace: time.Hour})
	if err != nil || c != (registry.Collected{Uploads: 1}) {
		t.Errorf("collected %+v, %v", c, err)
	}
	h.nothingWaits(t)
}
