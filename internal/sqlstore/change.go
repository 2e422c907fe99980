package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// foreignEvery is how often changes by other processes are looked for. The
// process's own changes count at once.
const foreignEvery = 50 * time.Millisecond

// Settle waits until what this process has committed counts in every other
// process on the same data: a command that revokes a token beside a running
// server shall not return before the token has ended there.
func (s *Store) Settle() {
	if s.changes.generation.Load() > 0 {
		time.Sleep(foreignEvery + foreignEvery/10)
	}
}

// changes counts commits, so that look-ups can be remembered between them.
type changes struct {
	generation atomic.Uint64
	checked    atomic.Int64 // Unix ns of the last look for foreign changes

	mu   sync.Mutex
	conn *sql.Conn // its data_version moves with commits of other connections
	seen int64
}

// Generation implements memo.Source. Engines whose other processes cannot be
// watched this cheaply answer false.
func (s *Store) Generation() (uint64, bool) {
	if s.e.version == "" {
		return 0, false
	}
	c := &s.changes
	now := time.Now().UnixNano()
	if now-c.checked.Load() > int64(foreignEvery) && c.mu.TryLock() {
		err := c.lookAbroad(s)
		c.mu.Unlock()
		if err != nil {
			return 0, false
		}
		c.checked.Store(now)
	}
	return c.generation.Load(), true
}

// lookAbroad moves the generation when another connection has committed.
func (c *changes) lookAbroad(s *Store) error {
	ctx := context.Background() // a millisecond at most; nobody's request
	if c.conn == nil {
		conn, err := s.read.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("sqlstore: watch: %w", err)
		}
		c.conn = conn
	}
	var v int64
	if err := c.conn.QueryRowContext(ctx, s.e.version).Scan(&v); err != nil {
		return fmt.Errorf("sqlstore: watch: %w", err)
	}
	if v != c.seen {
		c.seen = v
		c.generation.Add(1)
	}
	return nil
}

// close gives the watching connection back.
func (c *changes) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}
