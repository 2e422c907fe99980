package registry

import (
	"context"
	"io"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Unlimited is the storage limit of a project that has none, whatever the
// server's is.
const Unlimited int64 = -1

// limitField is what GitLab calls the storage limit of a project.
const limitField = "repository_size_limit"

// storageLimit is what a project's own limit comes to: the most bytes that its
// files may take up; 0: as many as there are.
func (r *Registry) storageLimit(own int64) int64 {
	switch own {
	case 0:
		return r.projectLimit
	case Unlimited:
		return 0
	}
	return own
}

// setLimit gives a project a storage limit; nil leaves the one that it has.
// Administrators only.
func (s Session) setLimit(p *Project, limit *int64) error {
	switch {
	case limit == nil:
		return nil
	case !s.actor.Admin:
		return fault.Denied("project", "only administrators may set the storage limit of a project")
	case *limit < Unlimited:
		return fault.Invalidf(limitField, "must be a number of bytes")
	}
	p.StorageLimit = *limit
	return nil
}

// boundless is the room where there is no limit.
const boundless = int64(1<<63 - 1)

// room tells how many bytes a project takes more. Whoever asks in the transaction
// that also names the files cannot be overtaken: p.Size, which that transaction
// has read, moves with the files alone.
func (s Session) room(p Project) int64 {
	limit := s.r.storageLimit(p.StorageLimit)
	if limit == 0 {
		return boundless
	}
	return max(limit-p.Size, 0)
}

// roomAt is the room for a file, with what the one that is there gives back.
func (s Session) roomAt(ctx context.Context, tx Tx, p Project, k Package, path string) (int64, error) {
	room := s.room(p)
	if room == boundless || k.ID == 0 {
		return room, nil
	}
	old, err := tx.FileAt(ctx, p.ID, PackageRef{PackageID: k.ID}, path)
	if fault.Is(err, fault.NotFound) {
		return room, nil
	}
	return room + old.Size, err
}

// fits refuses a file that a project has no room for.
func (s Session) fits(ctx context.Context, tx Tx, p Project, k Package, path string, size int64) error {
	room, err := s.roomAt(ctx, tx, p, k, path)
	if err == nil && size > room {
		err = s.overLimit(p)
	}
	return err
}

func (s Session) overLimit(p Project) error {
	return fault.Oversize("storage", "storage of the project is used up: its limit is %d bytes, %d are used, and this does not fit; "+
		"delete what is not needed, or ask an administrator for a higher limit", s.r.storageLimit(p.StorageLimit), p.Size)
}

// stage takes in the body of a file, of unknown size no further than there is
// room.
func (s Session) stage(ctx context.Context, t target, body io.Reader, o PutOptions) (*blob.Staged, error) {
	most, bounded := s.r.maxFile, t.room != boundless && (s.r.maxFile == 0 || t.room < s.r.maxFile)
	if bounded {
		most = max(t.room, 1) // 0 would be no limit; one byte too many does not pass addFile
	}
	staged, err := s.r.blobs.Stage(ctx, body, blob.StageOptions{Expect: o.Expect, Size: o.Size, Limit: most})
	if bounded && fault.Is(err, fault.TooLarge) {
		err = s.overLimit(t.project)
	}
	return staged, err
}
