package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// An engine with one writer makes its commits one after the other, and most of a
// commit is waiting for the disk. So those that wait to write meanwhile share the
// next one: each runs in the same transaction, one after the other, and the last
// of them commits for all. None is answered before that.
//
// Those who were answered together come back one by one, and the first of them
// would commit alone while the others are on their way. So a group waits for as
// many as were at work lately, but no longer than a commit takes: at worst it
// takes twice as long, and then fewer are expected.
//
// One that fails before it has written leaves nothing to undo. One that fails
// later takes the whole transaction along, and the others run again; for a while
// each has a savepoint then. Savepoints for all, always, would cost a tenth of
// what the writes cost: at each, the indexes of names write out what they have.

const (
	groupSize = 64                    // members of a group
	groupSpan = 10 * time.Millisecond // how long a group lets others in
	waryFor   = time.Second           // how long savepoints are used after they were missed
)

var (
	beginOne  = stmt(`SAVEPOINT one`)
	keepOne   = stmt(`RELEASE one`)
	forgetOne = stmt(`ROLLBACK TO one`)
)

// errShared is what the others of a group get when one of them has ended the
// transaction; they try again.
var errShared = errors.New("sqlstore: another write ended the shared transaction")

// group is a transaction that several writers share.
type group struct {
	t      *sql.Tx
	begun  time.Time
	size   int
	missed []string
	fresh  fresh
	done   chan struct{} // closed when err is what became of it
	err    error
}

// turns lets one writer in at a time, first come, first served. Whoever has the
// turn hands it on, with the group that has been begun or without one.
type turns struct {
	span  time.Duration // how long a group lets others in
	wary  time.Time     // until when savepoints are used; whoever has the turn reads and sets it
	mu    sync.Mutex
	taken bool
	queue []chan *group
	// came is closed when somebody joins the queue; nil: nobody waits for that.
	came     chan struct{}
	expected int           // writers of the last group, and those who came meanwhile
	commit   time.Duration // what that took
}

// take waits for the turn. When ctx ends, it comes back without, unless it was
// given one at that moment.
func (w *turns) take(ctx context.Context) (g *group, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: begin: %w", err)
	}
	w.mu.Lock()
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil, nil
	}
	mine := make(chan *group, 1)
	w.queue = append(w.queue, mine)
	if w.came != nil {
		close(w.came)
		w.came = nil
	}
	w.mu.Unlock()
	select {
	case g = <-mine:
		return g, nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.queue, mine); i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		return nil, fmt.Errorf("sqlstore: begin: %w", ctx.Err())
	}
	return <-mine, nil
}

// hand gives the turn to the next, and reports whether there is one. Without a
// group it is free then.
func (w *turns) hand(g *group) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.taken = g != nil
		return false
	}
	w.queue[0] <- g // has room
	w.queue = slices.Delete(w.queue, 0, 1)
	return true
}

// company waits until somebody queues, and reports whether there is any sense in
// that: fewer are in the group than are expected, and it has not lasted as long as
// a commit does.
func (w *turns) company(g *group) bool {
	w.mu.Lock()
	left := min(w.commit, w.span) - time.Since(g.begun)
	if len(w.queue) > 0 || g.size >= w.expected || left <= 0 {
		defer w.mu.Unlock()
		return len(w.queue) > 0
	}
	came := make(chan struct{})
	w.came = came
	w.mu.Unlock()
	late := time.NewTimer(left)
	defer late.Stop()
	select {
	case <-came:
	case <-late.C:
	}
	return true
}

// committed notes how long a group took, and how many are at work.
func (w *turns) committed(g *group, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected, w.commit = g.size+len(w.queue), took
}

// share runs fn in a transaction that others may share.
func (s *Store) share(ctx context.Context, fn func(registry.Tx) error) error {
	g, err := s.turns.take(ctx)
	if err != nil {
		return err
	}
	if g == nil {
		// The group's end is not that of whoever began it.
		t, err := s.write.db.BeginTx(context.WithoutCancel(ctx), nil)
		if err != nil {
			s.turns.hand(nil)
			return fmt.Errorf("sqlstore: begin: %w", err)
		}
		g = &group{t: t, begun: time.Now(), done: make(chan struct{})}
	}
	if err := s.join(ctx, g, fn); err != nil {
		return err
	}
	<-g.done
	return g.err
}

// join runs fn as the next of a group and hands the turn on. The first needs no
// savepoint: nothing is lost with the transaction.
func (s *Store) join(ctx context.Context, g *group, fn func(registry.Tx) error) error {
	tr := &tx{s: s, p: s.write, t: g.t, shared: true, fresh: &g.fresh}
	guarded := g.size > 0 && time.Now().Before(s.turns.wary)
	mark := func(q query) error {
		if !guarded {
			return nil
		}
		_, err := tr.exec(context.WithoutCancel(ctx), q)
		return err
	}
	kept := false
	defer func() {
		// Also after a panic in fn, which goes on up.
		switch g.missed = append(g.missed, tr.missed...); {
		case kept:
			g.size++
			s.leave(g)
		case g.size > 0 && !tr.touched, guarded && mark(forgetOne) == nil && mark(keepOne) == nil:
			s.leave(g)
		default:
			if g.size > 0 {
				s.turns.wary = time.Now().Add(waryFor)
			}
			s.end(g, errShared)
		}
	}()
	if err := mark(beginOne); err != nil {
		return err
	}
	if err := fn(tr); err != nil {
		return err
	}
	if err := mark(keepOne); err != nil {
		return errors.Join(errShared, err)
	}
	kept = true
	return nil
}

// leave hands a group on, or ends it when it is full, or nobody comes.
func (s *Store) leave(g *group) {
	for g.size < groupSize && time.Since(g.begun) < s.turns.span {
		if s.turns.hand(g) {
			return
		}
		if !s.turns.company(g) {
			break
		}
	}
	s.end(g, nil)
}

// end commits a group, or with an error forgets it, tells its members, and hands
// the turn on.
func (s *Store) end(g *group, err error) {
	if err == nil {
		begun := time.Now()
		err = s.commit(g)
		s.turns.committed(g, time.Since(begun))
	} else if rerr := g.t.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
		err = errors.Join(err, rerr)
	}
	s.changes.generation.Add(1)
	g.err = err
	close(g.done)
	s.write.prepareAll(g.missed)
	s.turns.hand(nil)
}

// commit adds what is left to the indexes of names, and commits.
func (s *Store) commit(g *group) error {
	tr := &tx{s: s, p: s.write, t: g.t, shared: true}
	err := tr.indexFresh(context.Background(), g.fresh)
	g.missed = append(g.missed, tr.missed...)
	if err != nil {
		return errors.Join(err, g.t.Rollback())
	}
	if err := g.t.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}
