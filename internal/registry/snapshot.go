package registry

import (
	"context"
	"errors"
	"sync"
)

// Snapshot runs fn with a session that reads one moment: however much fn asks,
// no change comes between its questions. The session may be used by several
// goroutines, whose questions wait for each other; it does not write, and ends
// with fn. A project that was let through the gate is looked up once only.
func (s Session) Snapshot(ctx context.Context, fn func(Session) error) error {
	return s.r.store.View(ctx, func(tx Tx) error {
		r := *s.r
		r.store = &moment{tx: rememberingTx{Tx: tx, known: map[ProjectRef]Project{}}}
		s := s
		s.r = &r
		return fn(s)
	})
}

// moment is a Store inside one read transaction.
type moment struct {
	mu sync.Mutex // a transaction answers one question at a time
	tx rememberingTx
}

func (m *moment) View(_ context.Context, fn func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(m.tx)
}

func (m *moment) Update(context.Context, func(Tx) error) error {
	return errors.New("registry: a snapshot does not write")
}

// rememberingTx looks a project up once. What it remembers are rows and roles
// of one moment and one viewer; the gate decides by them each time anew.
type rememberingTx struct {
	Tx
	known map[ProjectRef]Project
}

func (t rememberingTx) ProjectAccess(ctx context.Context, ref ProjectRef, v Viewer) (Project, error) {
	if p, ok := t.known[ref]; ok {
		return p, nil
	}
	p, err := t.Tx.ProjectAccess(ctx, ref, v)
	if err == nil {
		t.known[ref], t.known[ProjectRef{ID: p.ID}] = p, p
	}
	return p, err
}
