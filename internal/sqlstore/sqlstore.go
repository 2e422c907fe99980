// Package sqlstore keeps the domain's rows in a SQL database. It holds all the
// SQL of Vitrine and none of its rules.
//
// There is one SQL text for all engines, hand-written, with numbered
// parameters in order of first appearance; engine.go lists what differs.
// Times are stored as microseconds, none as 0.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	e       *engine
	write   *pool
	read    *pool
	changes changes
	turns   turns
	watch   atomic.Pointer[func(text string)]
	reach   reach
}

// Watch calls fn with the text of every statement that the domain asks from now
// on; nil ends that. It is for tests and measurements that count statements.
func (s *Store) Watch(fn func(text string)) {
	if fn == nil {
		s.watch.Store(nil)
		return
	}
	s.watch.Store(&fn)
}

// Open opens the database that url names ("sqlite:path") and brings its tables
// up to date.
func Open(ctx context.Context, url string) (*Store, error) {
	scheme, _, _ := strings.Cut(url, ":")
	e, ok := engines[scheme]
	if !ok {
		return nil, fmt.Errorf("sqlstore: %q is no known kind of database; use sqlite:path", scheme)
	}
	w, r, err := e.open(url)
	if err != nil {
		return nil, err
	}
	s := &Store{e: e, write: &pool{db: w, spell: e.spell}, read: &pool{db: r, spell: e.spell}, reach: usualReach, turns: turns{span: groupSpan}}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for the transactions under way and closes the database.
func (s *Store) Close() error {
	err := errors.Join(s.changes.close(), s.read.db.Close())
	if s.write.db != s.read.db {
		err = errors.Join(err, s.write.db.Close())
	}
	if err != nil {
		return fmt.Errorf("sqlstore: close: %w", err)
	}
	return nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.db.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("sqlstore: ping: %w", err)
	}
	return nil
}

// View runs fn on one snapshot.
func (s *Store) View(ctx context.Context, fn func(registry.Tx) error) error {
	return s.in(ctx, s.read, &sql.TxOptions{ReadOnly: true}, fn)
}

// maxRetries bounds how often a transaction runs again after a conflict.
const maxRetries = 8

// Update runs fn in a transaction, again after a conflict.
func (s *Store) Update(ctx context.Context, fn func(registry.Tx) error) error {
	for try := 0; ; try++ {
		err := s.writing(ctx, fn)
		// Also after an error: it may have come from the commit itself.
		s.changes.generation.Add(1)
		switch {
		case err == nil:
			return nil
		case s.e.full(err):
			return &fault.Error{Kind: fault.Full, Noun: "disk", Err: err,
				Msg: "has no room left for the database; free space there, or raise its quota, then try again"}
		case !s.e.retry(err) && !errors.Is(err, errShared):
			return err
		}
		if try == maxRetries {
			return &fault.Error{Kind: fault.Busy, Noun: "database", Msg: "the database is busy; try again", Err: err}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(1+rand.IntN(10<<try)) * time.Millisecond):
		}
	}
}

// writing runs fn once.
func (s *Store) writing(ctx context.Context, fn func(registry.Tx) error) error {
	if s.e.oneWriter {
		return s.share(ctx, fn)
	}
	return s.in(ctx, s.write, nil, fn)
}

func (s *Store) in(ctx context.Context, p *pool, o *sql.TxOptions, fn func(registry.Tx) error) (err error) {
	t, err := p.db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	defer func() {
		// Also after a panic in fn, which goes on up.
		if rerr := t.Rollback(); err == nil && rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = fmt.Errorf("sqlstore: rollback: %w", rerr)
		}
	}()
	tr := &tx{s: s, p: p, t: t}
	if err := fn(tr); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	p.prepareAll(tr.missed)
	return nil
}

// pool is a set of connections with the statements prepared on them.
type pool struct {
	db    *sql.DB
	spell func(text string) string // as the engine likes it best
	stmts sync.Map                 // text → *sql.Stmt
	count atomic.Int64
}

// maxPrepared bounds the kept statements. There are about 150 fixed texts; the
// rest are the shapes of lists.
const maxPrepared = 1000

// prepareAll prepares what was missed in a transaction that has ended.
func (p *pool) prepareAll(missed []string) {
	for _, text := range missed {
		if _, err := p.prepare(context.Background(), text); err != nil {
			return // the work is done; the text will be missed, and tried, again
		}
	}
}

// prepare gives the statement of a text, or nil when enough are kept.
func (p *pool) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if st, ok := p.stmts.Load(text); ok {
		return st.(*sql.Stmt), nil
	}
	if p.count.Load() >= maxPrepared {
		return nil, nil
	}
	st, err := p.db.PrepareContext(ctx, p.spell(text))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: prepare: %w: %s", err, text)
	}
	if kept, loaded := p.stmts.LoadOrStore(text, st); loaded {
		return kept.(*sql.Stmt), st.Close()
	}
	p.count.Add(1)
	return st, nil
}
