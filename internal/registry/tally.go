package registry

import (
	"context"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/jobs"
)

// ForgetKind is the job that removes old events.
const ForgetKind jobs.Kind = "events.forget"

// forgetStep is how many events one transaction removes, so that others write in
// between.
const forgetStep = 500

// ForgetEvents removes events that are older than keep, in small steps, and tells
// how many there were; 0 keeps all. It is for jobs.
func (s Session) ForgetEvents(ctx context.Context, keep time.Duration) (int64, error) {
	if !s.actor.IsSystem() {
		return 0, s.refused()
	}
	if keep <= 0 {
		return 0, nil
	}
	cutoff := s.now().Add(-keep)
	for all := int64(0); ; {
		n, err := update(ctx, s, func(tx Tx) (int64, error) { return tx.DropEvents(ctx, cutoff, forgetStep) })
		all += n
		if err != nil || n < forgetStep {
			return all, err
		}
	}
}

// noteMany records what comes by thousands: a training writes a thousand files,
// and a sweep starts as many runs. What one token does to the same thing within
// a minute is one event, which has the first subject and counts the others. what
// gives that event, and is asked for the first only; the others cost one UPDATE
// of a row that is in memory.
func (s Session) noteMany(ctx context.Context, tx Tx, a Act, of int64, what func() (Event, error)) error {
	tally := strings.Join([]string{string(a), itoa(of), string(s.actor.Kind), itoa(s.actor.UserID),
		itoa(s.actor.TokenID), itoa(s.actor.DeployID), itoa(s.now().Unix() / 60)}, " ")
	counted, err := tx.CountEvent(ctx, tally)
	if err != nil || counted {
		return err
	}
	e, err := what()
	if err != nil {
		return err
	}
	e.Act, e.Tally = a, tally
	return s.note(ctx, tx, e)
}

// about begins an event about a run.
func (r Run) about(a Act) Event {
	return Event{Act: a, ProjectID: r.ProjectID, ModelID: r.ModelID, Subject: r.Name}.with(itoa(r.IID))
}

// noteUpload records that a file was stored.
func (s Session) noteUpload(ctx context.Context, tx Tx, projectID int64, f File) error {
	return s.noteMany(ctx, tx, FileUploaded, f.PackageID, func() (Event, error) {
		found, err := tx.PackagesByID(ctx, projectID, []int64{f.PackageID})
		if err != nil {
			return Event{}, err
		}
		return fileEvent(ctx, tx, FileUploaded, found[f.PackageID], f.Path)
	})
}
