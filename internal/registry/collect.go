package registry

import (
	"context"
	"errors"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// collectStep is how many blobs one look-up of garbage collection takes.
const collectStep = 500

// Collected is what garbage collection did, or would do.
type Collected struct {
	Blobs   int64 // removed
	Bytes   int64 // freed by them
	Uploads int64 // left-over transfers removed
	Trash   int64 // runs, logged models and experiments that were deleted long ago
}

// CollectOptions go with Collect.
type CollectOptions struct {
	Grace  time.Duration // blobs younger than this stay
	DryRun bool          // only count
	// Retention is how long deleted runs, logged models and experiments stay; 0:
	// for ever.
	Retention time.Duration
}

// Collect removes the bytes that no file names and the left-overs of killed
// servers. It may run beside uploads, in any number of processes: a blob is
// marked dying in one transaction, and its bytes are removed inside a second
// one that still finds it unnamed; an upload that names it in between takes
// the mark away or makes sure of the bytes again. It is for jobs and
// administration.
func (s Session) Collect(ctx context.Context, o CollectOptions) (Collected, error) {
	if !s.actor.IsSystem() {
		return Collected{}, s.refused()
	}
	var c Collected
	if err := s.collectTrash(ctx, o, &c); err != nil {
		return c, err
	}
	if err := s.collectUploads(ctx, o, &c); err != nil {
		return c, err
	}
	cutoff := s.now().Add(-o.Grace)
	if err := s.collectRows(ctx, o, cutoff, &c); err != nil {
		return c, err
	}
	return c, s.collectStrays(ctx, o, cutoff, &c)
}

// collectTrash removes for good what was deleted longer ago than the retention
// allows; the bytes of its files go in their own time.
func (s Session) collectTrash(ctx context.Context, o CollectOptions, c *Collected) error {
	if o.Retention <= 0 {
		return nil
	}
	cutoff := s.now().Add(-o.Retention)
	if o.DryRun {
		var err error
		c.Trash, err = view(ctx, s, func(tx Tx) (int64, error) { return tx.CountTrash(ctx, cutoff) })
		return err
	}
	for more := true; more; {
		var err error
		more, err = update(ctx, s, func(tx Tx) (bool, error) { return s.purgeTraces(ctx, tx, cutoff) })
		if err != nil {
			return err
		}
	}
	for more := true; more; {
		n, err := update(ctx, s, func(tx Tx) (n int64, err error) {
			n, more, err = tx.PurgeTrash(ctx, cutoff, purgeStep)
			return n, err
		})
		if err != nil {
			return err
		}
		c.Trash += n
	}
	return nil
}

// traceStep is how many traces go in one transaction: each may have many spans.
const traceStep = 100

// purgeTraces removes some traces of an experiment that was deleted before cutoff,
// with the files beside them, and tells whether there were any. The experiment
// itself goes later, with what else it has; until then nothing comes into it.
func (s Session) purgeTraces(ctx context.Context, tx Tx, cutoff time.Time) (bool, error) {
	e, err := tx.TrashedTraces(ctx, cutoff)
	if err != nil {
		return false, ifThere(err)
	}
	n, err := s.r.traceFiles.drop(ctx, tx, e, allTraces(traceStep))
	return n > 0, err
}

// collectUploads drops transfers that no living process holds and nobody may
// come back for: an upload that is to be resumed has a row for as long as it
// waits, and its row comes before its bytes.
func (s Session) collectUploads(ctx context.Context, o CollectOptions, c *Collected) error {
	if err := s.expireUploads(ctx, o); err != nil {
		return err
	}
	var idle []string
	err := s.r.blobs.WalkUploads(ctx, func(u blob.UploadInfo) error {
		if !u.Live {
			idle = append(idle, u.ID)
		}
		if len(idle) < collectStep {
			return nil
		}
		defer func() { idle = idle[:0] }()
		return s.collectIdle(ctx, idle, o, c)
	})
	if err != nil {
		return err
	}
	return s.collectIdle(ctx, idle, o, c)
}

// expireUploads removes the rows of uploads whose time has come.
func (s Session) expireUploads(ctx context.Context, o CollectOptions) error {
	for n := int64(collectStep); n == collectStep && !o.DryRun; {
		var err error
		n, err = update(ctx, s, func(tx Tx) (int64, error) { return tx.DropExpiredUploads(ctx, s.now(), collectStep) })
		if err != nil {
			return err
		}
	}
	return nil
}

// collectIdle drops those of the uploads that have no row.
func (s Session) collectIdle(ctx context.Context, idle []string, o CollectOptions, c *Collected) error {
	if len(idle) == 0 {
		return nil
	}
	needed, err := view(ctx, s, func(tx Tx) (map[string]bool, error) { return tx.NeededUploads(ctx, idle) })
	if err != nil {
		return err
	}
	for _, id := range idle {
		if needed[id] {
			continue
		}
		if !o.DryRun {
			err = s.r.blobs.RemoveUpload(ctx, id)
		}
		switch {
		case err == nil:
			c.Uploads++
		case !fault.Is(err, fault.Busy):
			return err
		}
	}
	return nil
}

// collectRows goes through the rows that no file names.
func (s Session) collectRows(ctx context.Context, o CollectOptions, cutoff time.Time, c *Collected) error {
	var after blob.Digest
	for {
		unused, err := view(ctx, s, func(tx Tx) ([]blob.Info, error) {
			return tx.UnusedBlobs(ctx, cutoff, after, collectStep)
		})
		if err != nil || len(unused) == 0 {
			return err
		}
		for _, b := range unused {
			if err := s.collectOne(ctx, b, o, cutoff, c); err != nil {
				return err
			}
			after = b.Digest
		}
	}
}

// collectStrays goes through the bytes that have no row: those of a server
// that was killed between publishing and committing.
func (s Session) collectStrays(ctx context.Context, o CollectOptions, cutoff time.Time, c *Collected) error {
	return s.r.blobs.Walk(ctx, func(b blob.Info) error {
		if !b.ModTime.Before(cutoff) {
			return nil
		}
		known, err := view(ctx, s, func(tx Tx) (bool, error) { return tx.BlobKnown(ctx, b.Digest) })
		if err != nil || known {
			return err
		}
		return s.collectOne(ctx, b, o, cutoff, c)
	})
}

// collectOne removes one blob if it is still unnamed.
func (s Session) collectOne(ctx context.Context, b blob.Info, o CollectOptions, cutoff time.Time, c *Collected) error {
	if !o.DryRun {
		gone, err := s.drop(ctx, b.Digest, cutoff)
		if err != nil || !gone {
			return err
		}
	}
	c.Blobs++
	c.Bytes += b.Size
	return nil
}

func (s Session) drop(ctx context.Context, d blob.Digest, cutoff time.Time) (bool, error) {
	dying, err := update(ctx, s, func(tx Tx) (bool, error) { return tx.MarkDying(ctx, d, cutoff) })
	if err != nil || !dying {
		return false, err
	}
	return update(ctx, s, func(tx Tx) (bool, error) {
		ok, err := tx.DropDying(ctx, d)
		if err != nil || !ok {
			return false, err
		}
		// Inside the transaction on purpose: the row is locked, so no upload
		// can name these bytes meanwhile. When the commit fails afterwards the
		// row stays dying, which promises no bytes.
		return true, s.r.blobs.Delete(ctx, d)
	})
}

// BadBlob is a blob whose bytes are not what its name says.
type BadBlob struct {
	Digest blob.Digest
	Reason string // for people
}

// Verify reads every stored blob again and calls bad for each that is missing
// or damaged; those that no file names count too, for a later upload of the
// same bytes would rely on them. It gives the number of blobs
// read and their bytes. It is for administration.
func (s Session) Verify(ctx context.Context, bad func(BadBlob) error) (blobs, bytes int64, err error) {
	if !s.actor.IsSystem() {
		return 0, 0, s.refused()
	}
	var after blob.Digest
	for {
		live, err := view(ctx, s, func(tx Tx) ([]blob.Info, error) { return tx.LiveBlobs(ctx, after, collectStep) })
		if err != nil || len(live) == 0 {
			return blobs, bytes, err
		}
		for _, b := range live {
			if err := s.verifyOne(ctx, b, bad); err != nil {
				return blobs, bytes, err
			}
			after = b.Digest
			blobs++
			bytes += b.Size
		}
	}
}

func (s Session) verifyOne(ctx context.Context, b blob.Info, bad func(BadBlob) error) error {
	info, err := s.r.blobs.Stat(ctx, b.Digest)
	switch {
	case fault.Is(err, fault.NotFound):
		return bad(BadBlob{b.Digest, "missing: its bytes are not in the store"})
	case err != nil:
		return err
	case info.Size != b.Size:
		return bad(BadBlob{b.Digest, "wrong size: " + itoa(info.Size) + " bytes instead of " + itoa(b.Size)})
	}
	err = s.r.blobs.Verify(ctx, b.Digest)
	var corrupt *blob.CorruptError
	if errors.As(err, &corrupt) {
		return bad(BadBlob{b.Digest, "damaged: its bytes hash to " + string(corrupt.Got)})
	}
	return err
}
