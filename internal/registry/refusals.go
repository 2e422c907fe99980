package registry

import (
	"context"
	"strconv"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// maxRefused bounds the events of refusals within a minute. Somebody who comes
// from more addresses than that is one event more, without a name: a flood of
// wrong secrets shall not fill the disk.
const maxRefused = 50

// Refusal is a sign-in or a token that was turned away. Which account or token
// was meant is looked up when it is written: a name that no account has may be a
// password in the wrong field, and is not kept.
type Refusal struct {
	Act     Act    // UserRefused or TokenRefused
	Meant   string // the login, or the number of a token that has ended; "": unknown
	Address string // that it came from; "": several
}

// refused is a refusal in its minute.
type refused struct {
	Refusal
	minute int64
}

// Refused counts a refusal; FlushRefusals writes it. It costs no transaction.
func (r *Registry) Refused(of Refusal) {
	key := refused{of, r.now().Unix() / 60}
	if len(key.Meant) > maxName {
		key.Meant = ""
	}
	r.refusals.take(key, maxRefused)
}

// FlushRefusals writes what was turned away since it was called last. Whoever
// serves calls it every few seconds and at the end.
func (r *Registry) FlushRefusals(ctx context.Context) error {
	seen := r.refusals.all()
	if len(seen) == 0 {
		return nil
	}
	now := r.now().UTC()
	return r.store.Update(ctx, func(tx Tx) error {
		for k, n := range seen {
			e, err := k.event(ctx, tx)
			if err != nil {
				return err
			}
			e.At, e.Times = now, n
			if err := tx.InsertEvent(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// refusals counts what was turned away until it is written.
type refusals struct {
	mu     sync.Mutex
	minute int64
	known  map[refused]bool // of this minute, written or not
	seen   map[refused]int64
}

// take counts one; beyond most of a minute they are told apart no more.
func (t *refusals) take(k refused, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[refused]int64{}
	}
	if t.known == nil || t.minute != k.minute {
		t.minute, t.known = k.minute, map[refused]bool{}
	}
	if !t.known[k] && len(t.known) >= most {
		k.Meant, k.Address = "", ""
	} else {
		t.known[k] = true
	}
	t.seen[k]++
}

// all gives what was counted since it was asked last.
func (t *refusals) all() map[refused]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.seen
	t.seen = nil
	return seen
}

// event finds out who or what was meant.
func (k refused) event(ctx context.Context, tx Tx) (Event, error) {
	e := Event{Act: k.Act, Detail: k.Address}
	err := k.meant(ctx, tx, &e)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return e, err
	}
	e.Tally = string(k.Act) + " " + e.Subject + " " + itoa(e.TokenID) + " " + k.Address + " " + itoa(k.minute)
	return e, nil
}

func (k refused) meant(ctx context.Context, tx Tx, e *Event) error {
	if k.Meant == "" {
		return nil
	}
	if k.Act == UserRefused {
		a, err := accountOf(ctx, tx, k.Meant)
		e.Subject, e.UserID, e.Whose = a.user.Username, a.user.ID, a.user.Username
		return err
	}
	id, err := strconv.ParseInt(k.Meant, 10, 64)
	if err != nil {
		return fault.Missing("token", k.Meant)
	}
	t, err := tx.TokenByID(ctx, id)
	if err != nil || t.Kind == auth.Browser {
		return err
	}
	e.TokenID, e.Subject, e.ProjectID, e.GroupID, e.UserID = t.ID, t.Name, t.ProjectID, t.GroupID, t.UserID
	u, err := tx.UserByID(ctx, t.UserID)
	e.Whose = u.Username
	return err
}
