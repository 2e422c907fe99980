package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// content is longer than what is copied at once.
var content = blobtest.Random(50, 3<<20+11)

func sum(b []byte) blob.Digest {
	h := sha256.Sum256(b)
	return blob.SumDigest(h[:])
}

// member makes a user with a role in the project and gives their session, which
// ends with a restart.
func (h *house) member(t *testing.T, name string, role registry.Role) func() registry.Session {
	t.Helper()
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: name, Name: name, Email: name + "@example.org"})
	must(t, err)
	_, err = h.sys.AddMember(t.Context(), registry.PlaceRef{Project: home}, registry.MemberSpec{UserID: u.ID, Role: role})
	must(t, err)
	return func() registry.Session {
		return h.reg.As(auth.Actor{UserID: u.ID, Username: name, Scopes: auth.AllScopes, TokenID: 7})
	}
}

// begin begins an upload of content to a new version.
func (h *house) begin(t *testing.T, s registry.Session, o registry.UploadOptions) (registry.Upload, registry.Version) {
	t.Helper()
	v := h.version(t, "m")
	u, err := s.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "dir/big.bin", o)
	must(t, err)
	return u, v
}

func sized(n int) registry.UploadOptions {
	return registry.UploadOptions{PutOptions: registry.PutOptions{Size: int64(n)}}
}

// send appends a part of content.
func send(ctx context.Context, s registry.Session, u registry.Upload, from, to int) (registry.Upload, error) {
	return s.AppendUpload(ctx, home, u.EID, bytes.NewReader(content[from:to]), registry.AppendOptions{Offset: int64(from), Size: int64(to - from)})
}

// is checks the kind and the noun of an error.
func is(t *testing.T, err error, k fault.Kind, noun string) {
	t.Helper()
	if e, ok := fault.As(err); !ok || e.Kind != k || e.Noun != noun {
		t.Errorf("got %v, want %s %q", err, k, noun)
	}
}

// nothingWaits checks that no bytes are left of uploads.
func (h *house) nothingWaits(t *testing.T) {
	t.Helper()
	must(t, h.blobs.WalkUploads(t.Context(), func(u blob.UploadInfo) error {
		t.Errorf("%s is left with %d bytes", u.ID, u.Size)
		return nil
	}))
}

// holds checks that the file of an upload has the content.
func (h *house) holds(t *testing.T, v registry.Version, want []byte) {
	t.Helper()
	f, body, err := h.sys.OpenFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "dir/big.bin")
	must(t, err)
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, want) || f.Digest != sum(want) || f.Size != int64(len(want)) {
		t.Errorf("the file has %d bytes, %v; its row says %+v", len(got), err, f)
	}
}

// TestUploadInPieces: breaks, restarts and repeated questions end in the file.
func TestUploadInPieces(t *testing.T) {
	h := newHouse(t)
	dev := h.member(t, "dev", registry.Developer)
	o := sized(len(content))
	o.Expect, o.Note, o.Status = sum(content), "note", registry.FileHidden
	u, v := h.begin(t, dev(), o)
	u, err := send(t.Context(), dev(), u, 0, 1000)
	if err != nil || u.Progress.Offset != 1000 || u.State != registry.UploadOpen {
		t.Fatalf("%+v, %v", u, err)
	}
	cut := io.MultiReader(bytes.NewReader(content[1000:1<<20]), iotest.ErrReader(io.ErrUnexpectedEOF))
	_, err = dev().AppendUpload(t.Context(), home, u.EID, cut, registry.AppendOptions{Offset: 1000, Size: 2 << 20})
	is(t, err, fault.Invalid, "body")
	h.restart(t)
	u, err = dev().Upload(t.Context(), home, u.EID)
	if err != nil || u.Progress.Offset != 1<<20 || u.Note != "note" {
		t.Fatalf("%+v, %v", u, err)
	}
	l, err := dev().Uploads(t.Context(), home, registry.UploadQuery{Path: "dir/big.bin", Package: registry.PackageRef{Model: "m", Alias: "latest"}})
	if err != nil || len(l.Items) != 1 || l.Items[0].EID != u.EID {
		t.Errorf("listed %+v, %v", l, err)
	}
	u, err = send(t.Context(), dev(), u, 1<<20, len(content))
	if err != nil || u.State != registry.UploadStored || u.Digest != sum(content) {
		t.Fatalf("%+v, %v", u, err)
	}
	h.holds(t, v, content)
	h.nothingWaits(t)
	// A client that missed the answer asks again, or sends nothing again.
	again, err := dev().Upload(t.Context(), home, u.EID)
	if err != nil || again.State != registry.UploadStored || again.Progress.Offset != int64(len(content)) {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = send(t.Context(), dev(), u, len(content), len(content))
	must(t, err)
	_, err = send(t.Context(), dev(), u, 0, 10)
	is(t, err, fault.Conflict, "offset")
	f, err := h.sys.StatFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "dir/big.bin")
	if err != nil || f.Status != registry.FileHidden {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestUploadOfNothing(t *testing.T) {
	h := newHouse(t)
	u, v := h.begin(t, h.sys, sized(0))
	u, err := send(t.Context(), h.sys, u, 0, 0)
	if err != nil || u.State != registry.UploadStored {
		t.Fatalf("%+v, %v", u, err)
	}
	h.holds(t, v, nil)
	h.nothingWaits(t)
}

// TestUploadOfUnknownSize is how a client works that ends with a digest.
func TestUploadOfUnknownSize(t *testing.T) {
	h := newHouse(t)
	u, v := h.begin(t, h.sys, sized(-1))
	u, err := send(t.Context(), h.sys, u, 0, len(content))
	if err != nil || u.State != registry.UploadOpen {
		t.Fatalf("%+v, %v", u, err)
	}
	u, err = h.sys.FinishUpload(t.Context(), home, u.EID, sum(content))
	if err != nil || u.State != registry.UploadStored || u.Size != int64(len(content)) {
		t.Fatalf("%+v, %v", u, err)
	}
	h.holds(t, v, content)

	v = h.version(t, "other")
	u, err = h.sys.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "f", sized(-1))
	must(t, err)
	_, err = send(t.Context(), h.sys, u, 0, 1000)
	must(t, err)
	_, err = h.sys.FinishUpload(t.Context(), home, u.EID, sum(content))
	is(t, err, fault.Invalid, "digest")
	h.nothingWaits(t)
}

// TestUploadIsItsOwners: others do not see it, whatever their role, nor does its
// owner with a role that is not enough any more.
func TestUploadIsItsOwners(t *testing.T) {
	h := newHouse(t)
	dev, other := h.member(t, "dev", registry.Developer), h.member(t, "other", registry.Owner)
	u, _ := h.begin(t, dev(), sized(len(content)))
	for _, s := range []registry.Session{other(), h.sys} {
		_, err := s.Upload(t.Context(), home, u.EID)
		is(t, err, fault.NotFound, "upload")
		_, err = send(t.Context(), s, u, 0, 10)
		is(t, err, fault.NotFound, "upload")
		is(t, s.AbortUpload(t.Context(), home, u.EID), fault.NotFound, "upload")
		if l, err := s.Uploads(t.Context(), home, registry.UploadQuery{}); err != nil || len(l.Items) != 0 {
			t.Errorf("listed %+v, %v", l, err)
		}
	}
	var machines []registry.Session
	for _, name := range []string{"one", "two"} {
		k, err := h.sys.CreateDeployToken(t.Context(), registry.PlaceRef{Project: home}, registry.DeployTokenSpec{Name: name, Scopes: []string{"write_package_registry"}})
		must(t, err)
		machines = append(machines, h.reg.As(auth.Actor{Kind: auth.Deploy, DeployID: k.ID, ProjectID: 1, Scopes: auth.ScopeWriteRegistry}))
	}
	v := h.version(t, "other")
	theirs, err := machines[0].BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "f", sized(10))
	must(t, err)
	_, err = machines[1].Upload(t.Context(), home, theirs.EID)
	is(t, err, fault.NotFound, "upload")
	theirs, err = send(t.Context(), machines[0], theirs, 0, 10)
	if err != nil || theirs.State != registry.UploadStored {
		t.Errorf("%+v, %v", theirs, err)
	}
	actor := dev().Actor()
	_, err = h.sys.EditMember(t.Context(), registry.PlaceRef{Project: home}, registry.MemberSpec{UserID: actor.UserID, Role: registry.Reporter})
	must(t, err)
	_, err = send(t.Context(), dev(), u, 0, 10)
	is(t, err, fault.Forbidden, "")
}

// TestUploadRefusals: what can be refused is refused before a byte is read, and
// leaves nothing.
func TestUploadRefusals(t *testing.T) {
	h := newHouse(t)
	dev := h.member(t, "dev", registry.Developer)()
	v := h.version(t, "m")
	ref := registry.PackageRef{VersionID: v.ID}
	begin := func(path string, o registry.UploadOptions) (registry.Upload, error) {
		return dev.BeginUpload(t.Context(), home, ref, path, o)
	}
	_, err := begin("a/../b", sized(1))
	is(t, err, fault.Invalid, "path")
	_, err = begin("f", sized(houseLimit+1))
	is(t, err, fault.TooLarge, "file")
	_, err = begin("f", registry.UploadOptions{Note: strings.Repeat("x", 5000)})
	is(t, err, fault.Invalid, "")
	_, err = dev.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: 99}, "f", sized(1))
	is(t, err, fault.NotFound, "version")
	_, err = dev.BeginUpload(t.Context(), home, registry.PackageRef{RunIID: 99}, "f", sized(1))
	is(t, err, fault.NotFound, "run")
	h.put(t, v, "taken", "x")
	absent := sized(10)
	absent.Absent = true
	_, err = begin("taken", absent)
	is(t, err, fault.Conflict, "condition")

	h.nothingWaits(t)
}

// TestAppendRefusals: the same for the bytes; what turns out wrong at the end
// leaves nothing either.
func TestAppendRefusals(t *testing.T) {
	h := newHouse(t)
	dev := h.member(t, "dev", registry.Developer)()
	v := h.version(t, "m")
	begin := func(path string, o registry.UploadOptions) (registry.Upload, error) {
		return dev.BeginUpload(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path, o)
	}
	u, err := begin("f", sized(10))
	must(t, err)
	unread := strings.NewReader("12345678901")
	_, err = dev.AppendUpload(t.Context(), home, u.EID, unread, registry.AppendOptions{Size: 11})
	is(t, err, fault.TooLarge, "file")
	_, err = dev.AppendUpload(t.Context(), home, u.EID, unread, registry.AppendOptions{Offset: 1, Size: 1})
	is(t, err, fault.Conflict, "offset")
	if unread.Len() != 11 {
		t.Error("the body was read")
	}
	_, err = dev.AppendUpload(t.Context(), home, u.EID, unread, registry.AppendOptions{Size: -1})
	is(t, err, fault.TooLarge, "file")
	if u, err = dev.Upload(t.Context(), home, u.EID); err != nil || u.Progress.Offset != 0 {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = dev.FinishUpload(t.Context(), home, u.EID, "")
	is(t, err, fault.Conflict, "offset")
	must(t, dev.AbortUpload(t.Context(), home, u.EID))
	_, err = dev.Upload(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "upload")

	wrong := sized(10)
	wrong.Expect = sum([]byte("other"))
	u, err = begin("f", wrong)
	must(t, err)
	_, err = send(t.Context(), dev, u, 0, 10)
	is(t, err, fault.Invalid, "digest")
	_, err = dev.Upload(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "upload")

	absent := sized(10)
	absent.Absent = true
	u, err = begin("late", absent)
	must(t, err)
	_, err = send(t.Context(), dev, u, 0, 5)
	must(t, err)
	h.put(t, v, "late", "x")
	_, err = send(t.Context(), dev, u, 5, 10)
	is(t, err, fault.Conflict, "condition")
	must(t, dev.AbortUpload(t.Context(), home, u.EID))
	h.nothingWaits(t)
}

// TestUploadToWhatIsGone: a version that is deleted meanwhile takes its uploads
// along, one that is just receiving included.
func TestUploadToWhatIsGone(t *testing.T) {
	h := newHouse(t)
	dev := h.member(t, "dev", registry.Developer)()
	u, v := h.begin(t, dev, sized(len(content)))
	_, err := send(t.Context(), dev, u, 0, 1000)
	must(t, err)
	body := io.MultiReader(bytes.NewReader(content[1000:1<<20]), &trap{func() {
		must(t, h.sys.DeleteVersion(t.Context(), home, registry.ModelRef{ID: v.ModelID}, registry.VersionRef{ID: v.ID}))
	}}, bytes.NewReader(content[1<<20:]))
	_, err = dev.AppendUpload(t.Context(), home, u.EID, body, registry.AppendOptions{Offset: 1000, Size: int64(len(content) - 1000)})
	is(t, err, fault.NotFound, "upload")
	h.nothingWaits(t)
}

// trap does something when it is read.
type trap struct{ do func() }

func (r *trap) Read([]byte) (int, error) {
	r.do()
	return 0, io.EOF
}

// TestUploadExpires: an upload that nobody comes back for goes, and its bytes
// with the next collection; one that goes on does not.
func TestUploadExpires(t *testing.T) {
	h := newHouse(t)
	const week = 7 * 24 * time.Hour
	u, _ := h.begin(t, h.sys, sized(len(content)))
	_, err := send(t.Context(), h.sys, u, 0, 1000)
	must(t, err)
	h.wait(week - time.Hour)
	u, err = send(t.Context(), h.sys, u, 1000, 2000)
	must(t, err)
	h.wait(week - time.Hour)
	collect := func(dry bool) registry.Collected {
		c, err := h.sys.Collect(t.Context(), registry.CollectOptions{DryRun: dry})
		must(t, err)
		return c
	}
	if c := collect(false); c != (registry.Collected{}) {
		t.Errorf("collected %+v of a living upload", c)
	}
	if u, err = h.sys.Upload(t.Context(), home, u.EID); err != nil || u.Progress.Offset != 2000 {
		t.Errorf("%+v, %v", u, err)
	}
	h.wait(2 * time.Hour)
	_, err = h.sys.Upload(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "expired upload")
	if c := collect(false); c != (registry.Collected{Uploads: 1}) {
		t.Errorf("collected %+v", c)
	}
	_, err = h.sys.Upload(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "upload")
	h.nothingWaits(t)
}

// TestUploadLost: an upload whose bytes are gone is not made up.
func TestUploadLost(t *testing.T) {
	h := newHouse(t)
	u, _ := h.begin(t, h.sys, sized(len(content)))
	_, err := send(t.Context(), h.sys, u, 0, 1000)
	must(t, err)
	must(t, os.Remove(filepath.Join(h.dir, "tmp", u.EID)))
	_, err = send(t.Context(), h.sys, u, 1000, 2000)
	is(t, err, fault.NotFound, "upload")
	_, err = h.sys.Upload(t.Context(), home, u.EID)
	is(t, err, fault.NotFound, "upload")
	h.nothingWaits(t)
}
