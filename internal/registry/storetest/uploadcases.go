package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

func (b *bench) upload(u registry.Upload) registry.Upload {
	b.t.Helper()
	u.State, u.CreatedAt, u.ExpiresAt = registry.UploadOpen, at, at.Add(time.Hour)
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		u.ID, err = tx.InsertUpload(ctx, u)
		return err
	})
	return u
}

// uploads: rows come back as they were written, lists are narrowed, and they go
// with what they are for.
func uploads(_ *testing.T, b *bench) {
	p, u := b.place(), b.user("owner")
	m := b.model(p, "m")
	v, r := b.version(m, "1.0.0"), b.run(m)
	big := b.upload(registry.Upload{EID: "up-1", Owner: registry.UploadOwner{UserID: u.ID}, ProjectID: p.ID, Package: registry.PackageRef{VersionID: v.ID}, Path: "dir/f", Note: "n",
		PutOptions: registry.PutOptions{Size: 10, Expect: "sha256:aa", Status: registry.FileHidden, Absent: true, Match: "sha256:bb"}})
	b.upload(registry.Upload{EID: "up-2", Owner: registry.UploadOwner{UserID: u.ID}, ProjectID: p.ID, Package: registry.PackageRef{RunIID: r.IID}, Path: "f", Parted: true})
	b.upload(registry.Upload{EID: "up-3", Owner: registry.UploadOwner{UserID: u.ID}, ProjectID: p.ID, Package: registry.PackageRef{Generic: "g", Version: "1"}, Path: "f"})
	b.upload(registry.Upload{EID: "up-4", ProjectID: p.ID, Package: registry.PackageRef{VersionID: v.ID}, Path: "f"})
	big.Progress = blob.Progress{Offset: 7, State: []byte{0, 255, 1}}
	big.Size, big.Digest, big.State, big.ExpiresAt = 7, "sha256:cc", registry.UploadFull, at.Add(2*time.Hour)
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateUpload(ctx, big) })
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.UploadByEID(ctx, p.ID, "up-1")
		b.same([]any{err, got}, []any{nil, big})
		_, err = tx.UploadByEID(ctx, p.ID+1, "up-1")
		b.want(err, fault.NotFound)
		known, err := tx.BlobKnown(ctx, "sha256:cc")
		b.same([]any{err, known}, []any{nil, true})
		needed, err := tx.NeededUploads(ctx, []string{"up-1", "up-2", "put-3"})
		b.same([]any{err, needed}, []any{nil, map[string]bool{"up-1": true, "up-2": true}})
		return nil
	})
	all := registry.UploadQuery{ProjectID: p.ID, Owner: registry.UploadOwner{UserID: u.ID}, Now: at}
	narrow := func(fn func(*registry.UploadQuery)) registry.UploadQuery { q := all; fn(&q); return q }
	b.same(b.uploads(all), []string{"up-3", "up-2", "up-1"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Now = at.Add(time.Hour) })), []string{"up-1"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Package.VersionID = v.ID })), []string{"up-1"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Package.RunIID = r.IID })), []string{"up-2"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Package = registry.PackageRef{Generic: "g", Version: "1"} })), []string{"up-3"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Path, q.Expect = "dir/f", "sha256:aa" })), []string{"up-1"})
	var deploy registry.UploadOwner
	b.update(func(ctx context.Context, tx registry.Tx) (err error) {
		deploy.DeployID, err = tx.InsertDeployToken(ctx, registry.DeployToken{Name: "d", Username: "d", ProjectID: p.ID, CreatedAt: at}, "digest")
		return err
	})
	b.upload(registry.Upload{EID: "up-5", Owner: deploy, ProjectID: p.ID, Package: registry.PackageRef{VersionID: v.ID}, Path: "f"})
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Owner = deploy })), []string{"up-5"})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteDeployToken(ctx, deploy.DeployID) })
	b.same(b.uploads(narrow(func(q *registry.UploadQuery) { q.Owner = deploy })), []string(nil))
	big.State = registry.UploadStored
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.UpdateUpload(ctx, big) })
	b.same(b.uploads(all), []string{"up-3", "up-2"})
	b.update(func(ctx context.Context, tx registry.Tx) error {
		needed, err := tx.NeededUploads(ctx, []string{"up-1"})
		b.same([]any{err, needed}, []any{nil, map[string]bool{}})
		n, err := tx.DropExpiredUploads(ctx, at.Add(time.Hour), 1)
		b.same([]any{err, n}, []any{nil, int64(1)})
		if err := tx.DeleteVersion(ctx, v); err != nil {
			return err
		}
		b.want(tx.UpdateUpload(ctx, big), fault.NotFound)
		return tx.DeleteUpload(ctx, big.ID)
	})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteRun(ctx, r) })
	b.same(b.uploads(all), []string{"up-3"})
	b.update(func(ctx context.Context, tx registry.Tx) error { return tx.DeleteUser(ctx, u.ID) })
	b.same(b.uploads(all), []string(nil))
}

// uploads lists the names of those that a query finds.
func (b *bench) uploads(q registry.UploadQuery) (out []string) {
	b.t.Helper()
	b.view(func(ctx context.Context, tx registry.Tx) error {
		l, err := tx.ListUploads(ctx, q)
		for _, u := range l.Items {
			out = append(out, u.EID)
		}
		return err
	})
	return out
}

// uploadParts: one of a number, in order; they go with their upload.
func uploadParts(_ *testing.T, b *bench) {
	p := b.place()
	v := b.version(b.model(p, "m"), "1.0.0")
	u := b.upload(registry.Upload{EID: "up-1", ProjectID: p.ID, Package: registry.PackageRef{VersionID: v.ID}, Path: "f", Parted: true})
	part := func(n int64, eid string) registry.UploadPart {
		return registry.UploadPart{Number: n, EID: eid, Size: n, Digest: "sha256:aa"}
	}
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for _, c := range []struct {
			p        registry.UploadPart
			replaced string
		}{{part(2, "part-b"), ""}, {part(1, "part-a"), ""}, {part(2, "part-c"), "part-b"}} {
			replaced, err := tx.PutUploadPart(ctx, u.ID, c.p)
			b.same([]any{err, replaced}, []any{nil, c.replaced})
		}
		got, err := tx.UploadParts(ctx, u.ID)
		b.same([]any{err, got}, []any{nil, []registry.UploadPart{part(1, "part-a"), part(2, "part-c")}})
		needed, err := tx.NeededUploads(ctx, []string{"part-a", "part-b", "part-c"})
		b.same([]any{err, needed}, []any{nil, map[string]bool{"part-a": true, "part-c": true}})
		if err := tx.DeleteUpload(ctx, u.ID); err != nil {
			return err
		}
		got, err = tx.UploadParts(ctx, u.ID)
		b.same([]any{err, len(got)}, []any{nil, 0})
		return nil
	})
}
