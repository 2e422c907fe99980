package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// foreignEvery is how often changes by other processes are looked for: a token
// that vitrine revokes on the data folder of a running server works for this
// long at most. The server's own changes count at once.
const foreignEvery = 100 * time.Millisecond

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
