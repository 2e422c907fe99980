package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

const createMigrations = `CREATE TABLE IF NOT EXISTS migrations (
  name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)`

// migrate applies the files that have not been applied, each in its own
// transaction, in order of their names. A file that was applied may never
// change: its checksum is compared. NAME.ENGINE.sql is for one engine only.
func (s *Store) migrate(ctx context.Context) error {
	names, err := s.migrations()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.applyPatiently(ctx, name); err != nil {
			return fmt.Errorf("sqlstore: migration %s: %w", name, err)
		}
	}
	return s.knowsAll(ctx, names)
}

// migrations are the names of the engine's files, in order.
func (s *Store) migrations() ([]string, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("sqlstore: migrations: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, engine, one := strings.Cut(strings.TrimSuffix(name, ".sql"), ".")
		return one && engine != s.e.name
	})
	sort.Strings(names)
	return names, nil
}

// applyPatiently tries again while others open the database too: the first
// connection turns the WAL on, for which SQLite does not wait by itself.
func (s *Store) applyPatiently(ctx context.Context, name string) error {
	for try := 1; ; try++ {
		err := s.apply(ctx, name)
		if err == nil || try > maxRetries || !s.e.retry(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Duration(try) * 50 * time.Millisecond):
		}
	}
}

func (s *Store) apply(ctx context.Context, name string) error {
	text, err := migrationFiles.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:])
	t, err := s.write.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = t.Rollback() }() // after Commit it does nothing
	if s.e.migrating != "" {
		if _, err := t.ExecContext(ctx, s.e.migrating); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
	}
	if _, err := t.ExecContext(ctx, createMigrations); err != nil {
		return fmt.Errorf("table of migrations: %w", err)
	}
	var have string
	err = t.QueryRowContext(ctx, "SELECT checksum FROM migrations WHERE name = $1", name).Scan(&have)
	switch {
	case err == nil && have == want:
		return nil
	case err == nil:
		return errors.New("the file has changed since it was applied")
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("look up: %w", err)
	}
	if _, err := t.ExecContext(ctx, s.e.expand.Replace(string(text))); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	if _, err := t.ExecContext(ctx, "INSERT INTO migrations (name, checksum, applied_at) VALUES ($1, $2, $3)", name, want, time.Now().UnixMicro()); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	return t.Commit()
}

// knowsAll refuses a database that a newer Vitrine has changed.
func (s *Store) knowsAll(ctx context.Context, names []string) error {
	var n int
	if err := s.write.db.QueryRowContext(ctx, "SELECT count(*) FROM migrations").Scan(&n); err != nil {
		return fmt.Errorf("sqlstore: migrations: %w", err)
	}
	if n > len(names) {
		return fmt.Errorf("sqlstore: the database was made by a newer Vitrine (%d migrations, %d known); use that version", n, len(names))
	}
	return nil
}
