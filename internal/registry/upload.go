package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// UploadState is where a resumable upload stands.
type UploadState string

// The states of an upload.
const (
	UploadOpen   UploadState = "open"   // bytes are missing
	UploadFull   UploadState = "full"   // all bytes are there, the file is not
	UploadStored UploadState = "stored" // the file is there
)

// UploadOwner is who began an upload, whatever token they come with later.
type UploadOwner struct {
	UserID   int64
	DeployID int64 // a deploy token, which is nobody's
}

func (s Session) uploadOwner() UploadOwner {
	return UploadOwner{UserID: s.actor.UserID, DeployID: s.actor.DeployID}
}

// Upload is a file on its way: what has come of it survives broken connections
// and restarts. It belongs to who began it, and to one project, package and
// path. When it is stored it stays for a while, so that a client
// that missed the last answer can ask.
type Upload struct {
	ID         int64
	EID        string // what addresses call it; also the name of its bytes
	Owner      UploadOwner
	ProjectID  int64
	Package    PackageRef
	Path       string
	Parted     bool   // comes in numbered parts, see PutPart
	Note       string // the caller's own words, given back as they are
	PutOptions        // Size is -1 as long as it is unknown
	Progress   blob.Progress
	Digest     blob.Digest // once all bytes are there
	State      UploadState
	CreatedAt  time.Time
	ExpiresAt  time.Time // moves on with every byte
}

// UploadOptions go with an upload that begins.
type UploadOptions struct {
	PutOptions
	Note   string
	Parted bool // see Upload
}

// UploadQuery narrows a list of uploads; empty fields do not.
type UploadQuery struct {
	Page      Page
	ProjectID int64
	Owner     UploadOwner
	Package   PackageRef
	Path      string
	Expect    blob.Digest
	Now       time.Time // those that have expired are left out
}

const (
	maxNote = 4096 // bytes
	// defaultUploadExpiry is how long an upload waits for its next byte.
	defaultUploadExpiry = 7 * 24 * time.Hour
)

// BeginUpload begins a resumable upload: the same gate and the same checks as
// those of PutFile, before a byte flows. A package that is named by a model's
// version or alias is the one of now, whatever the alias says later.
func (s Session) BeginUpload(ctx context.Context, ref ProjectRef, pkg PackageRef, path string, o UploadOptions) (Upload, error) {
	path, err := s.checkPut(path, &o.PutOptions)
	switch {
	case err != nil:
		return Upload{}, err
	case len(o.Note) > maxNote:
		return Upload{}, fault.Invalidf("metadata", "is too long (maximum is %d bytes)", maxNote)
	case s.r.maxFile > 0 && o.Size > s.r.maxFile:
		return Upload{}, fault.Oversize("file", "is larger than the %d bytes that are allowed", s.r.maxFile)
	}
	u := Upload{EID: "up-" + strings.ToLower(rand.Text()), Owner: s.uploadOwner(), Path: path, Parted: o.Parted, Note: o.Note,
		PutOptions: o.PutOptions, State: UploadOpen, CreatedAt: s.now(), ExpiresAt: s.now().Add(s.r.uploadExpiry)}
	return update(ctx, s, func(tx Tx) (Upload, error) {
		p, err := s.project(ctx, tx, ref, pkg.push())
		if err != nil {
			return Upload{}, err
		}
		u := u
		u.ProjectID = p.ID
		if u.Package, err = resolvePackage(ctx, tx, p.ID, pkg); err != nil {
			return Upload{}, err
		}
		k, err := s.checkTarget(ctx, tx, u)
		if err != nil {
			return Upload{}, err
		}
		if err := s.fits(ctx, tx, p, k, path, u.Size); err != nil {
			return Upload{}, err
		}
		u.ID, err = tx.InsertUpload(ctx, u)
		return u, err
	})
}

// checkTarget holds an upload to what it is for: the package must be there, and
// the file as the conditions want it.
func (s Session) checkTarget(ctx context.Context, tx Tx, u Upload) (Package, error) {
	k, err := tx.PackageOf(ctx, u.ProjectID, u.Package)
	if err != nil {
		return Package{}, err
	}
	k.ProjectID = u.ProjectID
	return k, checkPresent(ctx, tx, k, u.Path, u.PutOptions)
}

// upload passes the gate and finds an upload of the actor's own; those of
// others are hidden from everybody.
func (s Session) upload(ctx context.Context, tx Tx, ref ProjectRef, eid string) (Upload, error) {
	p, err := s.project(ctx, tx, ref, PushPackages)
	if err != nil {
		return Upload{}, err
	}
	u, err := tx.UploadByEID(ctx, p.ID, eid)
	switch {
	case err != nil:
		return Upload{}, err
	case u.Owner != s.uploadOwner():
		return Upload{}, fault.Missing("upload", eid)
	case !s.now().Before(u.ExpiresAt):
		return Upload{}, fault.Missing("expired upload", eid)
	}
	if err := s.scope(rules[u.Package.push()]); err != nil {
		return Upload{}, err
	}
	return u, s.allowed(p, u.Package.push())
}

// Upload tells how far an upload has come. A transfer to it that has stalled is
// ended first, and what it has received counts: its client is most likely the
// one that asks, on a new connection.
func (s Session) Upload(ctx context.Context, ref ProjectRef, eid string) (Upload, error) {
	find := func(tx Tx) (Upload, error) { return s.upload(ctx, tx, ref, eid) }
	u, err := view(ctx, s, find)
	if err != nil || u.State == UploadStored {
		return u, err
	}
	if s.r.transfers.settle(ctx, eid) {
		u, err = view(ctx, s, find)
	}
	if err != nil || u.State != UploadFull {
		return u, err
	}
	// A crash came between the last byte and the file.
	done, err := s.r.transfers.take(ctx, eid, nil)
	if err != nil {
		return Upload{}, err
	}
	defer done()
	if u, err = view(ctx, s, find); err != nil || u.State != UploadFull {
		return u, err
	}
	return s.finish(ctx, ref, u)
}

// Uploads lists the actor's own uploads to a project that wait for bytes.
func (s Session) Uploads(ctx context.Context, ref ProjectRef, q UploadQuery) (List[Upload], error) {
	return view(ctx, s, func(tx Tx) (List[Upload], error) {
		p, err := s.project(ctx, tx, ref, PushPackages)
		if err != nil {
			return List[Upload]{}, err
		}
		q := q
		q.ProjectID, q.Owner, q.Now = p.ID, s.uploadOwner(), s.now()
		if q.Package, err = resolvePackage(ctx, tx, p.ID, q.Package); err != nil {
			return List[Upload]{}, err
		}
		return tx.ListUploads(ctx, q)
	})
}

// AbortUpload ends an upload, also one that is receiving right now, and drops
// its bytes; a file that it has become stays.
func (s Session) AbortUpload(ctx context.Context, ref ProjectRef, eid string) error {
	if _, err := view(ctx, s, func(tx Tx) (Upload, error) { return s.upload(ctx, tx, ref, eid) }); err != nil {
		return err
	}
	done, err := s.r.transfers.seize(ctx, eid)
	if err != nil {
		return err
	}
	defer done()
	u, err := view(ctx, s, func(tx Tx) (Upload, error) { return s.upload(ctx, tx, ref, eid) })
	if err != nil {
		return err
	}
	return s.dropUpload(ctx, u)
}

// dropUpload removes an upload that this process has taken, row first: bytes
// without a row go with the next collection if they do not go now.
func (s Session) dropUpload(ctx context.Context, u Upload) error {
	var parts []UploadPart
	err := s.r.store.Update(ctx, func(tx Tx) error {
		var err error
		if parts, err = tx.UploadParts(ctx, u.ID); err != nil {
			return err
		}
		return tx.DeleteUpload(ctx, u.ID)
	})
	if err != nil {
		return err
	}
	err = s.r.blobs.RemoveUpload(ctx, u.EID)
	for _, p := range parts {
		err = errors.Join(err, s.r.blobs.RemoveUpload(ctx, p.EID))
	}
	if fault.Is(err, fault.Busy) {
		return nil // whoever has them open drops them, or the next collection
	}
	return err
}
