package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// writer is one Update among several that wait for each other.
type writer struct {
	name string
	no   error           // instead of all that follows
	also func(*tx) error // after it has made the user of that name

	t   *sql.Tx // of its last try
	err error
	hit any // what it panicked with
}

// together runs Updates so that all but the first wait for it, in their order,
// and gives the names of the users that there are then.
func together(t *testing.T, s *Store, ws ...*writer) (names []string) {
	t.Helper()
	ctx := t.Context()
	s.turns.span = time.Hour
	free := make(chan struct{})
	var all sync.WaitGroup
	for i, w := range ws {
		held := i == 0
		all.Go(func() {
			defer func() { w.hit = recover() }()
			w.err = s.Update(ctx, func(r registry.Tx) error {
				if held {
					<-free
				}
				tr := r.(*tx)
				if w.t = tr.t; w.no != nil {
					return w.no
				}
				if _, err := tr.InsertUser(ctx, registry.User{Username: w.name, Email: w.name}, ""); err != nil || w.also == nil {
					return err
				}
				return w.also(tr)
			})
		})
		waitFor(t, s, i)
	}
	close(free)
	all.Wait()
	rows, err := s.read.db.QueryContext(ctx, "SELECT username FROM users ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		names = append(names, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names
}

// waitFor waits until the turn is taken and so many others wait for it.
func waitFor(t *testing.T, s *Store, waiting int) {
	t.Helper()
	for range 5000 {
		s.turns.mu.Lock()
		there := s.turns.taken && len(s.turns.queue) == waiting
		s.turns.mu.Unlock()
		if there {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nobody waits")
}

// TestWritersShareACommit: what waits for a writer is committed with it; one that
// fails or panics takes nothing of the others along.
func TestWritersShareACommit(t *testing.T) {
	s, no := open(t), errors.New("no")
	s.turns.wary = time.Now().Add(time.Hour)
	a, b, c, d, e := &writer{name: "a"}, &writer{name: "b"}, &writer{name: "c"}, &writer{name: "d"}, &writer{name: "e"}
	b.also = func(*tx) error { return no }
	d.also = func(*tx) error { panic("d") }
	names := together(t, s, a, b, c, d, e)
	if !slices.Equal(names, []string{"a", "c", "e"}) {
		t.Errorf("there are %q", names)
	}
	if a.err != nil || !errors.Is(b.err, no) || c.err != nil || d.hit != "d" || e.err != nil {
		t.Errorf("a: %v, b: %v, c: %v, d: %v, e: %v", a.err, b.err, c.err, d.hit, e.err)
	}
	if c.t == nil || a.t != c.t || c.t != e.t {
		t.Error("a, c and e have transactions of their own")
	}
}

// TestWritersRunAgain: one that fails before it has written is no matter to the
// others; one that fails later makes those before it run again, and savepoints be
// used.
func TestWritersRunAgain(t *testing.T) {
	s, no := open(t), errors.New("no")
	a, b, c, d, e := &writer{name: "a"}, &writer{name: "b", no: no}, &writer{name: "c"}, &writer{name: "d"}, &writer{name: "e"}
	d.also = func(r *tx) error {
		if a.t == nil || a.t != c.t || c.t != r.t {
			t.Error("a, c and d have transactions of their own")
		}
		return no
	}
	names := together(t, s, a, b, c, d, e)
	if slices.Sort(names); !slices.Equal(names, []string{"a", "c", "e"}) {
		t.Errorf("there are %q", names)
	}
	if a.err != nil || !errors.Is(b.err, no) || c.err != nil || !errors.Is(d.err, no) || e.err != nil {
		t.Errorf("a: %v, b: %v, c: %v, d: %v, e: %v", a.err, b.err, c.err, d.err, e.err)
	}
	if s.turns.wary.IsZero() {
		t.Error("no savepoints are used afterwards")
	}
}

// TestWritersOutliveTheEnd: a writer that ends the shared transaction, as an
// interrupt does, fails alone: the others run again.
func TestWritersOutliveTheEnd(t *testing.T) {
	s, no := open(t), errors.New("no")
	a, b, c := &writer{name: "a"}, &writer{name: "b"}, &writer{name: "c"}
	b.also = func(r *tx) error {
		_, err := r.exec(t.Context(), "ROLLBACK")
		return errors.Join(no, err)
	}
	names := together(t, s, a, b, c)
	slices.Sort(names)
	if a.err != nil || !errors.Is(b.err, no) || c.err != nil || !slices.Equal(names, []string{"a", "c"}) {
		t.Errorf("a: %v, b: %v, c: %v: %q", a.err, b.err, c.err, names)
	}
}

// TestWaitingEnds: who gives up waiting to write leaves the queue, and the others
// get their turns.
func TestWaitingEnds(t *testing.T) {
	s := open(t)
	free, first, last := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	nothing := func(registry.Tx) error { return nil }
	go func() { first <- s.Update(t.Context(), func(registry.Tx) error { <-free; return nil }) }()
	waitFor(t, s, 0)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- s.Update(ctx, nothing) }()
	waitFor(t, s, 1)
	go func() { last <- s.Update(t.Context(), nothing) }()
	waitFor(t, s, 2)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up: %v", err)
	}
	close(free)
	if err := errors.Join(<-first, <-last); err != nil {
		t.Error(err)
	}
}

// TestWritersAreExpected: the first of those who were at work lately waits for the
// others, no longer than a commit takes, and then expects fewer.
func TestWritersAreExpected(t *testing.T) {
	s := open(t)
	expect := func(n int, commit time.Duration) {
		s.turns.mu.Lock()
		defer s.turns.mu.Unlock()
		s.turns.span, s.turns.expected, s.turns.commit = time.Hour, n, commit
	}
	var seen [2]*sql.Tx
	write := func(i int) error {
		return s.Update(t.Context(), func(r registry.Tx) error { seen[i] = r.(*tx).t; return nil })
	}
	expect(2, time.Hour)
	first := make(chan error, 1)
	go func() { first <- write(0) }()
	for waits := false; !waits; {
		time.Sleep(time.Millisecond)
		s.turns.mu.Lock()
		waits = s.turns.came != nil
		s.turns.mu.Unlock()
	}
	if err := errors.Join(write(1), <-first); err != nil || seen[0] == nil || seen[0] != seen[1] {
		t.Errorf("one transaction: %v, %v", seen[0] == seen[1], err)
	}
	expect(2, 20*time.Millisecond)
	if err := write(0); err != nil { // though nobody comes
		t.Error(err)
	}
	s.turns.mu.Lock()
	expected := s.turns.expected
	s.turns.mu.Unlock()
	if expected != 1 {
		t.Errorf("%d are expected after one came", expected)
	}
	expect(1, time.Hour)
	if err := write(0); err != nil { // or this test does not end
		t.Error(err)
	}
}
