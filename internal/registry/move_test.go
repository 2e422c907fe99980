package registry_test

import (
	"fmt"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestMoveGroupDepth: moving groups nests them no deeper than making them.
func TestMoveGroupDepth(t *testing.T) {
	h := newHouse(t)
	make := func(path string, parent int64) registry.Namespace {
		n, err := h.sys.CreateGroup(t.Context(), registry.GroupSpec{Name: path, Path: path, ParentID: parent})
		must(t, err)
		return n
	}
	var chain [20]registry.Namespace // of 19 levels; the first is none
	for i := 1; i < len(chain); i++ {
		chain[i] = make(fmt.Sprintf("g%d", i), chain[i-1].ID)
	}
	deep := make("deep", 0)
	make("below", deep.ID)
	ref := func(n registry.Namespace) registry.NamespaceRef {
		return registry.NamespaceRef{ID: n.ID, Kind: registry.GroupNamespace}
	}
	if _, err := h.sys.MoveGroup(t.Context(), ref(deep), ref(chain[19])); !fault.Is(err, fault.Invalid) {
		t.Errorf("21 levels: %v", err)
	}
	got, err := h.sys.MoveGroup(t.Context(), ref(deep), ref(chain[18]))
	if err != nil || got.ParentID != chain[18].ID {
		t.Errorf("20 levels: %+v, %v", got, err)
	}
}

// TestMovedProject: a session of As follows an old path, and one of AsExact is
// told where the project is, also after the other has looked the same file up.
func TestMovedProject(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	h.put(t, v, "f", "content")
	path := "renamed"
	_, err := h.sys.EditProject(t.Context(), home, registry.ProjectEdit{Path: &path})
	must(t, err)
	old, pkg := registry.ProjectRef{Path: "root/default"}, registry.PackageRef{VersionID: v.ID}
	for range 2 {
		if _, err := h.sys.StatFile(t.Context(), old, pkg, "f"); err != nil {
			t.Error(err)
		}
		_, err := h.reg.AsExact(auth.System()).StatFile(t.Context(), old, pkg, "f")
		if e, ok := fault.As(err); !ok || e.Kind != fault.Moved || e.Name != "1" {
			t.Errorf("%v, want moved to 1", err)
		}
		if _, err := h.reg.AsExact(auth.System()).StatFile(t.Context(), home, pkg, "f"); err != nil {
			t.Error(err)
		}
	}
}
