package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// UploadPart is one numbered piece of a parted upload.
type UploadPart struct {
	Number int64
	EID    string // the name of its bytes
	Size   int64  // bytes
	Digest blob.Digest
}

// MaxParts is how many parts an upload may have, and their highest number.
const MaxParts = 10_000

// PartOptions go with the bytes of a part.
type PartOptions struct {
	Size   int64       // announced bytes; -1: unknown
	Expect blob.Digest // must match, when not empty
}

// PutPart stores one part of a parted upload. Parts come in any order, at the
// same time, and of any size; one of the same number is replaced. A part is
// whole or not there, and survives a crash.
func (s Session) PutPart(ctx context.Context, ref ProjectRef, eid string, number int64, body io.Reader, o PartOptions) (UploadPart, error) {
	u, err := view(ctx, s, func(tx Tx) (Upload, error) { return s.partedUpload(ctx, tx, ref, eid) })
	switch {
	case err != nil:
		return UploadPart{}, err
	case number < 1 || number > MaxParts:
		return UploadPart{}, fault.Invalidf("part_number", "must be between 1 and %d", MaxParts)
	}
	p := UploadPart{Number: number, EID: "part-" + strings.ToLower(rand.Text())}
	staged, err := s.r.blobs.Stage(ctx, body, blob.StageOptions{ID: p.EID, Expect: o.Expect, Size: o.Size, Limit: s.r.maxFile})
	if err != nil {
		return UploadPart{}, err
	}
	p.Digest, p.Size = staged.Digest, staged.Size
	if err := s.keepPart(ctx, ref, u, p, staged); err != nil {
		return UploadPart{}, errors.Join(err, staged.Close())
	}
	return p, nil
}

// keepPart names the bytes of a part by its row. They stay open until the row
// is there, lest garbage collection takes them for a left-over.
func (s Session) keepPart(ctx context.Context, ref ProjectRef, u Upload, p UploadPart, staged *blob.Staged) error {
	if err := staged.Save(); err != nil {
		return err
	}
	replaced, err := update(ctx, s, func(tx Tx) (string, error) {
		u, err := s.partedUpload(ctx, tx, ref, u.EID)
		if err != nil {
			return "", err
		}
		u.ExpiresAt = s.now().Add(s.r.uploadExpiry)
		if err := tx.UpdateUpload(ctx, u); err != nil {
			return "", err
		}
		return tx.PutUploadPart(ctx, u.ID, p)
	})
	if err != nil {
		return err
	}
	// From here on the part is there; what cannot be closed or removed now
	// changes nothing, and garbage collection finds it.
	_ = staged.Suspend()
	if replaced != "" {
		_ = s.r.blobs.RemoveUpload(ctx, replaced)
	}
	return nil
}

// partedUpload passes the gate and finds an upload that takes parts.
func (s Session) partedUpload(ctx context.Context, tx Tx, ref ProjectRef, eid string) (Upload, error) {
	u, err := s.upload(ctx, tx, ref, eid)
	switch {
	case err != nil:
		return u, err
	case !u.Parted:
		return u, fault.Conflictf("upload", "", "the upload takes its bytes in order, not in parts")
	case u.State == UploadStored:
		return u, fault.Conflictf("upload", "", "the upload is complete")
	}
	_, err = s.checkTarget(ctx, tx, u)
	return u, err
}

// UploadParts lists the parts that an upload has, by number.
func (s Session) UploadParts(ctx context.Context, ref ProjectRef, eid string) ([]UploadPart, error) {
	return view(ctx, s, func(tx Tx) ([]UploadPart, error) {
		u, err := s.upload(ctx, tx, ref, eid)
		if err != nil {
			return nil, err
		}
		return tx.UploadParts(ctx, u.ID)
	})
}

// CompleteUpload stores the file of a parted upload: the bytes of its parts in
// the order of their numbers. wanted names the parts that the caller knows of;
// those that are missing, or have another digest where one is given, are
// fault.Invalid, and parts that it does not name are left out; nil means all
// that are there. The bytes are read once more, for only in order they have a
// SHA-256; they never are in memory.
func (s Session) CompleteUpload(ctx context.Context, ref ProjectRef, eid string, wanted []UploadPart) (Upload, error) {
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
	if err != nil || u.State == UploadStored {
		return u, err
	}
	there, err := view(ctx, s, func(tx Tx) ([]UploadPart, error) {
		u, err := s.partedUpload(ctx, tx, ref, eid)
		if err != nil {
			return nil, err
		}
		return tx.UploadParts(ctx, u.ID)
	})
	if err != nil {
		return u, err
	}
	parts, err := chooseParts(there, wanted)
	if err != nil {
		return u, err
	}
	return s.joinParts(ctx, ref, u, parts, there)
}

// chooseParts gives the wanted ones of the parts that are there.
func chooseParts(there, wanted []UploadPart) ([]UploadPart, error) {
	if wanted == nil {
		return there, nil
	}
	byNumber := make(map[int64]UploadPart, len(there))
	for _, p := range there {
		byNumber[p.Number] = p
	}
	out := make([]UploadPart, 0, len(wanted))
	for _, w := range wanted {
		p, ok := byNumber[w.Number]
		switch {
		case !ok:
			return nil, fault.Invalidf("parts", "part %d was not uploaded", w.Number)
		case w.Digest != "" && w.Digest != p.Digest:
			return nil, fault.Invalidf("parts", "part %d is not the one that was uploaded last", w.Number)
		case len(out) > 0 && out[len(out)-1].Number >= p.Number:
			return nil, fault.Invalidf("parts", "must be in ascending order of their numbers")
		}
		out = append(out, p)
	}
	return out, nil
}

// fitsUpload refuses, before its parts are read, an upload that its project has
// no room for. The parts stay, as after every refusal: whoever sends parts ends an
// upload by AbortUpload.
func (s Session) fitsUpload(ctx context.Context, ref ProjectRef, u Upload, size int64) error {
	_, err := view(ctx, s, func(tx Tx) (Package, error) {
		p, k, err := s.packageOf(ctx, tx, ref, u.Package, u.Package.push())
		if err != nil {
			return k, err
		}
		return k, s.fits(ctx, tx, p, k, u.Path, size)
	})
	return err
}

// joinParts stores the file and drops all parts.
func (s Session) joinParts(ctx context.Context, ref ProjectRef, u Upload, parts, all []UploadPart) (Upload, error) {
	names, size := make([]string, len(parts)), int64(0)
	for i, p := range parts {
		names[i] = p.EID
		size += p.Size
	}
	if u.Size >= 0 && u.Size != size {
		return u, fault.Invalidf("parts", "have %d bytes together, %d were announced", size, u.Size)
	}
	if err := s.fitsUpload(ctx, ref, u, size); err != nil {
		return u, err
	}
	staged, err := s.r.blobs.Join(ctx, names, blob.StageOptions{Expect: u.Expect, Size: size, Limit: s.r.maxFile})
	if err != nil {
		return u, err
	}
	defer staged.Close()
	u.Digest, u.Size = staged.Digest, staged.Size
	_, err = s.publish(ctx, staged, func(tx Tx) (File, error) { return s.storeUpload(ctx, tx, ref, &u) })
	if err != nil {
		return u, err
	}
	for _, p := range all {
		_ = s.r.blobs.RemoveUpload(ctx, p.EID) // or garbage collection does
	}
	return u, nil
}
