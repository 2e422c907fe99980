package registry

import (
	"context"
	"errors"
	"io"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// AppendOptions go with bytes for an upload.
type AppendOptions struct {
	Offset int64       // where they belong; must be how far the upload has come
	Size   int64       // announced bytes; -1: unknown
	Check  *blob.Check // takes all of them or none; nil: as much as comes
	// Interrupt makes a read of the body that is waiting end with an error. It
	// is called, perhaps more than once and from other goroutines, when nothing
	// comes and somebody else asks for the upload. nil: the body ends by itself.
	Interrupt func()
}

// AppendUpload adds the bytes of body to an upload, as many as come: what was
// received when the connection breaks is kept, and the error of the break is
// returned. What an Upload tells of its progress survives a crash. With the
// last byte the file is stored, as PutFile would.
//
// Errors beside those of the gate: fault.Conflict with noun "offset" when the
// bytes do not belong where the upload ends; fault.Busy with noun "upload" while
// another request sends to it; fault.TooLarge for more bytes than were
// announced; those of blob.Partial.Append. When the whole is not what was
// expected (fault.Invalid, noun "digest"), or a condition does not hold any
// more, the upload is gone.
func (s Session) AppendUpload(ctx context.Context, ref ProjectRef, eid string, body io.Reader, o AppendOptions) (Upload, error) {
	find := func(tx Tx) (Upload, error) { return s.upload(ctx, tx, ref, eid) }
	if _, err := view(ctx, s, find); err != nil {
		return Upload{}, err
	}
	t, done, err := s.r.transfers.acquire(ctx, eid, o.Interrupt, (*transfer).stalled)
	if err != nil {
		return Upload{}, err
	}
	defer done()
	u, err := view(ctx, s, func(tx Tx) (Upload, error) {
		u, err := find(tx)
		if err != nil || u.State == UploadStored {
			return u, err
		}
		_, err = s.checkTarget(ctx, tx, u)
		return u, err
	})
	if err != nil {
		return Upload{}, err
	}
	if err := u.takes(o); err != nil {
		return u, err
	}
	if u.State == UploadOpen {
		if u, err = s.receive(ctx, u, t.hear(body), o); err != nil {
			return u, err
		}
	}
	if u.State != UploadFull {
		return u, nil
	}
	return s.finish(ctx, ref, u)
}

// BeginUploadWith begins an upload with bytes that come at once. When they fail
// nothing is left: the client has not heard yet what the upload is called.
func (s Session) BeginUploadWith(ctx context.Context, ref ProjectRef, pkg PackageRef, path string, o UploadOptions, body io.Reader, a AppendOptions) (Upload, error) {
	u, err := s.BeginUpload(ctx, ref, pkg, path, o)
	if err != nil {
		return Upload{}, err
	}
	now, err := s.AppendUpload(ctx, ref, u.EID, body, a)
	if err != nil {
		return Upload{}, errors.Join(err, s.dropUpload(context.WithoutCancel(ctx), u))
	}
	return now, nil
}

// takes reports why the upload does not take bytes where they are offered.
func (u Upload) takes(o AppendOptions) error {
	switch {
	case u.Parted:
		return fault.Conflictf("upload", "", "the upload takes numbered parts only")
	case o.Offset != u.Progress.Offset:
		return fault.Conflictf("offset", "", "the upload has %d bytes; go on from there", u.Progress.Offset)
	case u.State != UploadOpen && o.Size > 0:
		return fault.Oversize("file", "is larger than the %d bytes that were announced", u.Size)
	}
	return nil
}

// receive appends to the bytes of an open upload.
func (s Session) receive(ctx context.Context, u Upload, body io.Reader, o AppendOptions) (Upload, error) {
	part, err := s.r.blobs.Resume(ctx, u.EID, u.Progress)
	if fault.Is(err, fault.NotFound) {
		// The bytes are lost; the client has to begin anew.
		return Upload{}, errors.Join(err, s.dropUpload(ctx, u))
	}
	if err != nil {
		return u, err
	}
	// What has come is noted although the client has gone.
	saving := context.WithoutCancel(ctx)
	err = part.Append(ctx, body, blob.AppendOptions{Size: o.Size, Most: s.missing(u), Check: o.Check, Save: func(at blob.Progress) error {
		next, err := u.advanced(at)
		if err != nil {
			return err
		}
		next.ExpiresAt = s.now().Add(s.r.uploadExpiry)
		if err := s.r.store.Update(saving, func(tx Tx) error { return tx.UpdateUpload(saving, next) }); err != nil {
			return err
		}
		u = next
		return nil
	}})
	if fault.Is(err, fault.NotFound) {
		return Upload{}, errors.Join(err, part.Abort()) // it was ended meanwhile, or what it was for is gone
	}
	if serr := part.Suspend(); err == nil {
		err = serr
	}
	if err == nil && u.Size == 0 {
		u, err = u.advanced(u.Progress)
	}
	return u, err
}

// missing is how many bytes an upload may still take.
func (s Session) missing(u Upload) int64 {
	switch {
	case u.Size >= 0:
		return u.Size - u.Progress.Offset
	case s.r.maxFile > 0:
		return s.r.maxFile - u.Progress.Offset
	}
	return 1<<63 - 1
}

// advanced is the upload with more bytes.
func (u Upload) advanced(at blob.Progress) (Upload, error) {
	u.Progress = at
	if at.Offset != u.Size {
		return u, nil
	}
	var err error
	u.State = UploadFull
	u.Digest, err = at.Digest()
	return u, err
}

// FinishUpload stores the file of an upload whose size was not announced, with
// the bytes that it has; expect, when not empty, is what they must be.
func (s Session) FinishUpload(ctx context.Context, ref ProjectRef, eid string, expect blob.Digest) (Upload, error) {
	find := func(tx Tx) (Upload, error) { return s.upload(ctx, tx, ref, eid) }
	if _, err := view(ctx, s, find); err != nil {
		return Upload{}, err
	}
	done, err := s.r.transfers.take(ctx, eid, nil)
	if err != nil {
		return Upload{}, err
	}
	defer done()
	u, err := view(ctx, s, find)
	switch {
	case err != nil || u.State == UploadStored:
		return u, err
	case u.Parted:
		return u, fault.Conflictf("upload", "", "the upload takes numbered parts only")
	case u.Size >= 0 && u.State == UploadOpen:
		return u, fault.Conflictf("offset", "", "the upload has %d of %d bytes; send the rest first", u.Progress.Offset, u.Size)
	}
	if expect != "" {
		u.Expect = expect
	}
	u.Size = u.Progress.Offset
	if u, err = u.advanced(u.Progress); err != nil {
		return u, err
	}
	if err := s.r.store.Update(ctx, func(tx Tx) error { return tx.UpdateUpload(ctx, u) }); err != nil {
		return u, err
	}
	return s.finish(ctx, ref, u)
}

// finish stores the file of an upload that has all its bytes. It goes on when
// the client has gone, and whatever fails for now is tried again when somebody
// asks; what can never succeed drops the upload.
func (s Session) finish(ctx context.Context, ref ProjectRef, u Upload) (Upload, error) {
	ctx = context.WithoutCancel(ctx)
	staged, err := s.stageUpload(ctx, u)
	if err == nil {
		_, err = s.publish(ctx, staged, func(tx Tx) (File, error) { return s.storeUpload(ctx, tx, ref, &u) })
		if err == nil || hopeless(err) {
			_ = staged.Close() // what is left was not needed; garbage collection finds it
		} else {
			_ = staged.Suspend() // the bytes are saved already
		}
	} else if fault.Is(err, fault.NotFound) {
		u, err = s.adopt(ctx, ref, u)
	}
	if err != nil && hopeless(err) {
		return Upload{}, errors.Join(err, s.dropUpload(ctx, u))
	}
	return u, err
}

// stageUpload makes the bytes of a full upload ready to be published.
func (s Session) stageUpload(ctx context.Context, u Upload) (*blob.Staged, error) {
	if u.Expect != "" && u.Expect != u.Digest {
		return nil, blob.Mismatch(u.Expect, u.Digest)
	}
	part, err := s.r.blobs.Resume(ctx, u.EID, u.Progress)
	if err != nil {
		return nil, err
	}
	return part.Stage(), nil
}

// storeUpload names the content of an upload by its file.
func (s Session) storeUpload(ctx context.Context, tx Tx, ref ProjectRef, u *Upload) (File, error) {
	f, err := s.addFile(ctx, tx, ref, u.Package, File{Path: u.Path, Digest: u.Digest, Size: u.Size, Status: u.Status}, u.PutOptions)
	if err != nil {
		return f, err
	}
	next := *u
	next.State, next.ExpiresAt = UploadStored, s.now().Add(s.r.uploadExpiry)
	if err := tx.UpdateUpload(ctx, next); err != nil {
		return f, err
	}
	*u = next
	return f, nil
}

// adopt stores the file of an upload whose bytes a crash has left published
// and unnamed.
func (s Session) adopt(ctx context.Context, ref ProjectRef, u Upload) (Upload, error) {
	err := s.r.store.Update(ctx, func(tx Tx) error {
		kept, err := tx.KeepBlob(ctx, u.Digest, u.Size, s.now())
		if err != nil {
			return err
		}
		if !kept {
			// Inside the transaction, which garbage collection cannot
			// interleave with, see publish.
			if _, err := s.r.blobs.Stat(ctx, u.Digest); err != nil {
				return err
			}
		}
		_, err = s.storeUpload(ctx, tx, ref, &u)
		return err
	})
	return u, err
}

// hopeless reports an error that no later attempt can cure, or that only people
// can: nothing is kept for a project that has no room for it.
func hopeless(err error) bool {
	return fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.TooLarge)
}
