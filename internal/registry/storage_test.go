package registry_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// limit gives the project home a storage limit.
func (h *house) limit(t *testing.T, bytes int64) {
	t.Helper()
	_, err := h.sys.EditProject(t.Context(), home, registry.ProjectEdit{StorageLimit: &bytes})
	must(t, err)
}

// uses checks what the project home counts.
func (h *house) uses(t *testing.T, want int64) {
	t.Helper()
	p, err := h.sys.Project(t.Context(), home)
	if err != nil || p.Size != want {
		t.Errorf("the project counts %d bytes, want %d; %v", p.Size, want, err)
	}
}

// put stores so many bytes; announced or not.
func put(ctx context.Context, s registry.Session, v registry.Version, path string, bytes, announced int) error {
	_, err := s.PutFile(ctx, home, registry.PackageRef{VersionID: v.ID}, path, strings.NewReader(strings.Repeat(path[:1], bytes)), registry.PutOptions{Size: int64(announced)})
	return err
}

// TestStorageLimit: a file that does not fit is refused before its bytes are
// read where its size is told, and leaves nothing where it is not.
func TestStorageLimit(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	must(t, put(t.Context(), h.sys, v, "a", 600, 600))
	h.limit(t, 1000)
	unread := strings.NewReader(strings.Repeat("b", 401))
	_, err := h.sys.PutFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "b", unread, registry.PutOptions{Size: 401})
	is(t, err, fault.TooLarge, "storage")
	if unread.Len() != 401 || !strings.Contains(err.Error(), "its limit is 1000 bytes, 600 are used") {
		t.Errorf("%d bytes are left unread; %v", unread.Len(), err)
	}
	is(t, put(t.Context(), h.sys, v, "b", 5<<20, -1), fault.TooLarge, "storage")
	is(t, put(t.Context(), h.sys, v, "b", 401, -1), fault.TooLarge, "storage")
	must(t, put(t.Context(), h.sys, v, "b", 400, -1))
	is(t, put(t.Context(), h.sys, v, "c", 1, 1), fault.TooLarge, "storage")
	is(t, put(t.Context(), h.sys, v, "c", 1, -1), fault.TooLarge, "storage")
	must(t, put(t.Context(), h.sys, v, "empty", 0, 0))
	h.uses(t, 1000)
	h.nothingWaits(t)
	// What a file gives back that is replaced counts.
	is(t, put(t.Context(), h.sys, v, "b", 401, 401), fault.TooLarge, "storage")
	must(t, put(t.Context(), h.sys, v, "b", 400, 400))
	h.limit(t, 10)
	must(t, put(t.Context(), h.sys, v, "b", 300, -1))
	is(t, put(t.Context(), h.sys, v, "b", 301, 301), fault.TooLarge, "storage")
	h.uses(t, 900)
	must(t, h.sys.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "a"))
	h.uses(t, 300)
	h.limit(t, registry.Unlimited)
	must(t, put(t.Context(), h.sys, v, "c", 5000, 5000))
}

// TestStorageLimitOfServer: it counts for projects without one of their own.
func TestStorageLimitOfServer(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	h.reg = registry.New(h.store, h.blobs, registry.Options{ProjectLimit: 100})
	h.sys = h.reg.As(auth.System())
	is(t, put(t.Context(), h.sys, v, "a", 101, 101), fault.TooLarge, "storage")
	if u, err := h.sys.ProjectUsage(t.Context(), home); err != nil || u.Limit != 100 {
		t.Errorf("%+v, %v", u, err)
	}
	for limit, room := range map[int64]int{200: 200, registry.Unlimited: 300, 50: 50} {
		h.limit(t, limit)
		must(t, put(t.Context(), h.sys, v, "a", room, room))
		must(t, h.sys.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "a"))
	}
	h.limit(t, 0)
	is(t, put(t.Context(), h.sys, v, "a", 101, 101), fault.TooLarge, "storage")
}

// TestStorageLimitAtOnce: uploads that each fit do not slip past it together.
func TestStorageLimitAtOnce(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	h.limit(t, 550)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() { errs[i] = put(t.Context(), h.sys, v, fmt.Sprintf("%c.bin", 'a'+i), 100, []int{100, -1}[i%2]) })
	}
	wg.Wait()
	stored := 0
	for _, err := range errs {
		if err == nil {
			stored++
			continue
		}
		is(t, err, fault.TooLarge, "storage")
	}
	if stored != 5 {
		t.Errorf("%d files of 100 bytes are in 550", stored)
	}
	h.uses(t, 500)
	h.nothingWaits(t)
}

// TestStorageLimitOfUploads: a resumable upload is refused when it begins, or
// when something else has taken the room, and leaves nothing.
func TestStorageLimitOfUploads(t *testing.T) {
	h := newHouse(t)
	v := h.version(t, "m")
	pkg := registry.PackageRef{VersionID: v.ID}
	h.limit(t, 1000)
	_, err := h.sys.BeginUpload(t.Context(), home, pkg, "f", sized(1001))
	is(t, err, fault.TooLarge, "storage")
	begin := func(o registry.UploadOptions) registry.Upload {
		t.Helper()
		u, err := h.sys.BeginUpload(t.Context(), home, pkg, "f", o)
		must(t, err)
		return u
	}
	whole, open, parts := begin(sized(1000)), begin(sized(-1)), begin(registry.UploadOptions{PutOptions: registry.PutOptions{Size: -1}, Parted: true})
	for n := range int64(2) {
		_, err := h.sys.PutPart(t.Context(), home, parts.EID, n+1, bytes.NewReader(content[:500]), registry.PartOptions{Size: 500})
		must(t, err)
	}
	_, err = send(t.Context(), h.sys, open, 0, 1000)
	must(t, err)
	_, err = send(t.Context(), h.sys, whole, 0, 999)
	must(t, err)
	must(t, put(t.Context(), h.sys, v, "b", 1, 1))
	_, err = send(t.Context(), h.sys, whole, 999, 1000)
	is(t, err, fault.TooLarge, "storage")
	_, err = h.sys.FinishUpload(t.Context(), home, open.EID, "")
	is(t, err, fault.TooLarge, "storage")
	_, err = h.sys.CompleteUpload(t.Context(), home, parts.EID, nil)
	is(t, err, fault.TooLarge, "storage")
	must(t, h.sys.AbortUpload(t.Context(), home, parts.EID))
	for _, u := range []registry.Upload{whole, open, parts} {
		_, err := h.sys.Upload(t.Context(), home, u.EID)
		is(t, err, fault.NotFound, "upload")
	}
	h.uses(t, 1)
	h.nothingWaits(t)
}

// TestStorageLimitOfCopies: a promotion moves files, a registration copies them;
// copies count as all files do.
func TestStorageLimitOfCopies(t *testing.T) {
	h := newHouse(t)
	m, err := h.sys.CreateModel(t.Context(), home, registry.ModelSpec{Name: "m"})
	must(t, err)
	r, err := h.sys.CreateRun(t.Context(), home, registry.RunSpec{ModelID: m.ID, Name: "r"})
	must(t, err)
	_, err = h.sys.PutFile(t.Context(), home, registry.PackageRef{RunIID: r.IID}, "f", bytes.NewReader(content[:600]), registry.PutOptions{Size: 600})
	must(t, err)
	h.limit(t, 1000)
	promoted, err := h.sys.CreateVersion(t.Context(), home, registry.ModelRef{ID: m.ID}, registry.VersionSpec{RunIID: r.IID})
	must(t, err)
	h.uses(t, 600)
	copied := registry.VersionSpec{Files: &registry.FilesOf{VersionID: promoted.ID}}
	_, err = h.sys.CreateVersion(t.Context(), home, registry.ModelRef{ID: m.ID}, copied)
	is(t, err, fault.TooLarge, "storage")
	h.limit(t, 1200)
	_, err = h.sys.CreateVersion(t.Context(), home, registry.ModelRef{ID: m.ID}, copied)
	must(t, err)
	h.uses(t, 1200)
}

// TestStorageLimitIsSetByAdministrators: nobody else sets it.
func TestStorageLimitIsSetByAdministrators(t *testing.T) {
	h := newHouse(t)
	owner, limit := h.member(t, "owner", registry.Owner), int64(5)
	_, err := owner().EditProject(t.Context(), home, registry.ProjectEdit{StorageLimit: &limit})
	is(t, err, fault.Forbidden, "project")
	_, err = owner().CreateProject(t.Context(), registry.ProjectSpec{Name: "p", StorageLimit: &limit})
	is(t, err, fault.Forbidden, "project")
	limit = -2
	_, err = h.sys.EditProject(t.Context(), home, registry.ProjectEdit{StorageLimit: &limit})
	is(t, err, fault.Invalid, "")
}
