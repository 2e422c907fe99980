package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// EvalRecords is what a client puts into a data set.
type EvalRecords struct {
	Records []EvalRecord
	// Merge says what becomes of a record when one with the same inputs comes, and
	// Schema of what the data set says of its records. Both have no other effect.
	Merge  func(old, come EvalRecord) EvalRecord
	Schema func(old string) string
	By     string // who does it, as the client says
}

// PutEvalRecords adds records to a data set. One with the inputs of another is
// merged into it. It tells how many were new, and how many were not.
func (s Session) PutEvalRecords(ctx context.Context, ref ProjectRef, eid string, in EvalRecords) (added, changed int64, err error) {
	_, err = s.changeEval(ctx, ref, eid, func(tx Tx, d EvalDataset) error {
		added, changed = 0, 0
		if len(in.Records) > maxEvalRecords {
			return fault.Invalidf("records", "has too many entries (maximum is %d)", maxEvalRecords)
		}
		hashes := make([]string, len(in.Records))
		for i, r := range in.Records {
			hashes[i] = r.Hash
		}
		there, err := tx.EvalRecordsByHash(ctx, d.ID, hashes)
		if err != nil {
			return err
		}
		now := s.now().UTC().Truncate(time.Millisecond)
		for _, r := range in.Records {
			old, known := there[r.Hash]
			if known {
				changed++
				r = in.Merge(old, r)
			} else {
				added++
				r.EID, r.CreatedAt = "dr-"+newEID(), now
			}
			r.UpdatedAt = now
			if err := r.check(); err != nil {
				return err
			}
			if r.ID, err = tx.PutEvalRecord(ctx, d.ID, r); err != nil {
				return err
			}
			there[r.Hash] = r
		}
		d.Schema, d.UpdatedBy, d.UpdatedAt, d.Records = in.Schema(d.Schema), in.By, now, d.Records+added
		d.Digest = d.digest()
		_, err = tx.PutEvalDataset(ctx, d)
		return err
	})
	return added, changed, err
}

func (r EvalRecord) check() error {
	for field, text := range map[string]string{"inputs": r.Inputs, "outputs": r.Outputs, "expectations": r.Expectations, "tags": r.Tags, "source": r.Source} {
		if err := checkUTF8(field, text); err != nil {
			return err
		}
	}
	for field, text := range map[string]string{"created_by": r.CreatedBy, "last_updated_by": r.UpdatedBy} {
		if err := checkLength(field, text, maxEvalName); err != nil {
			return err
		}
	}
	return nil
}

// EvalPage is a place in the records of a data set: behind one of them.
type EvalPage struct {
	At  time.Time
	EID string // empty: the beginning
}

// EvalRecordsOf gives records of a data set as they came, at most limit and
// about 32 MiB of them, and whether there are more.
func (s Session) EvalRecordsOf(ctx context.Context, ref ProjectRef, eid string, after EvalPage, limit int) (List[EvalRecord], error) {
	return view(ctx, s, func(tx Tx) (List[EvalRecord], error) {
		p, err := s.project(ctx, tx, ref, ReadRuns)
		if err != nil {
			return List[EvalRecord]{}, err
		}
		d, err := tx.EvalDatasetByEID(ctx, p.ID, eid)
		if err != nil {
			return List[EvalRecord]{}, err
		}
		return tx.ListEvalRecords(ctx, d.ID, after, min(max(limit, 1), MaxLimit), maxEvalBytes)
	})
}

// DeleteEvalRecords removes records of a data set by their ids and tells how many
// there were.
func (s Session) DeleteEvalRecords(ctx context.Context, ref ProjectRef, eid string, records []string) (n int64, err error) {
	_, err = s.changeEval(ctx, ref, eid, func(tx Tx, d EvalDataset) error {
		if len(records) > maxEvalRecords {
			return fault.Invalidf("dataset_record_ids", "has too many entries (maximum is %d)", maxEvalRecords)
		}
		if n, err = tx.DeleteEvalRecords(ctx, d.ID, records); err != nil || n == 0 {
			return err
		}
		d.Records -= n
		_, err := tx.PutEvalDataset(ctx, d)
		return err
	})
	return n, err
}
