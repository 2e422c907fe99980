package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/registry/storetest"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// firstProject puts the group g with the project g/p into a store, and gives
// the project's id.
func firstProject(ctx context.Context, tx registry.Tx) (int64, error) {
	n, err := tx.InsertNamespace(ctx, registry.Namespace{Kind: registry.GroupNamespace, Path: "g", FullPath: "g", Name: "g", FullName: "g"})
	if err != nil {
		return 0, err
	}
	return tx.InsertProject(ctx, registry.Project{Namespace: registry.Namespace{ID: n}, Path: "p", Name: "p", FullPath: "g/p"})
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) registry.Store { return open(t) })
}

// TestEveryWayToSearch: an answer does not depend on the way that it is found
// by.
func TestEveryWayToSearch(t *testing.T) {
	for _, r := range []reach{{few: 0, slice: 3, wide: 0}, {few: 10, slice: 4, wide: 40}, {few: 0, slice: 20, wide: 1000}, {few: 1000}, {few: 0, slice: 1000}} {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			s := open(t)
			s.reach = r
			storetest.RunSearches(t, s)
		})
	}
}

// TestEveryStatementPrepares gives the safety of generated code: a text with a
// wrong column or table never leaves the tests.
func TestEveryStatementPrepares(t *testing.T) {
	s := open(t)
	for _, q := range append(slices.Clone(statements), query(claimHead+"$3"+claimTail)) {
		st, err := s.write.db.PrepareContext(t.Context(), string(q))
		if err != nil {
			t.Errorf("%v: %s", err, q)
			continue
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestParametersAreInOrder: some drivers number parameters by their first
// appearance whatever their number says, and swap arguments silently.
func TestParametersAreInOrder(t *testing.T) {
	param := regexp.MustCompile(`\$(\d+)`)
	for _, q := range statements {
		seen := 0
		for _, m := range param.FindAllStringSubmatch(string(q), -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil || n > seen+1 {
				t.Errorf("$%s comes before $%d: %s", m[1], seen+1, q)
			}
			seen = max(seen, n)
		}
	}
}

func TestOpenTwiceMigratesOnce(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "new", "folder", "db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpenRefuses(t *testing.T) {
	for _, url := range []string{"", "mysql://x", "sqlite:", "/tmp/x"} {
		if s, err := Open(t.Context(), url); err == nil {
			t.Errorf("%q: opened", url)
			_ = s.Close()
		}
	}
}

// TestNewerDatabase: a database that a newer Vitrine has changed is refused,
// not damaged.
func TestNewerDatabase(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.db.ExecContext(t.Context(), "INSERT INTO migrations VALUES ('migrations/9999_future.sql', '', 0)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), url); err == nil {
		t.Error("opened")
	}
}

// TestManyWriters: writers of several processes (here: stores) queue and none
// fails or is lost.
func TestManyWriters(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	var wg sync.WaitGroup
	for p := range 2 {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for w := range 4 {
			wg.Go(func() {
				for i := range 20 {
					name := fmt.Sprintf("u%d-%d-%d", p, w, i)
					err := s.Update(t.Context(), func(tx registry.Tx) error {
						_, err := tx.InsertUser(t.Context(), registry.User{Username: name, Email: name}, "")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var n int
	if err := s.read.db.QueryRowContext(t.Context(), "SELECT count(*) FROM users").Scan(&n); err != nil || n != 160 {
		t.Errorf("%d users, %v", n, err)
	}
}

// TestClaim: many claimers, each job once; a lease that has ended is claimed
// again; a unique key holds one job.
func TestClaim(t *testing.T) {
	s := open(t)
	q, ctx, now := s.Queue(), t.Context(), time.Now()
	for i := range 40 {
		if err := q.Enqueue(ctx, jobs.Job{Kind: "k", Args: strconv.Itoa(i), RunAt: now}); err != nil {
			t.Fatal(err)
		}
	}
	var got atomic.Int64
	var seen sync.Map
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				j, ok, err := q.Claim(ctx, []jobs.Kind{"k"}, now, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if !ok {
					return
				}
				if _, twice := seen.LoadOrStore(j.ID, true); twice {
					t.Errorf("job %d was claimed twice", j.ID)
				}
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 40 {
		t.Errorf("%d jobs claimed, want 40", got.Load())
	}
	j, ok, err := q.Claim(ctx, []jobs.Kind{"k"}, now.Add(2*time.Minute), time.Minute)
	if err != nil || !ok || j.Attempt != 2 {
		t.Errorf("after the lease: %v %v attempt %d", ok, err, j.Attempt)
	}
	if _, ok, _ := q.Claim(ctx, []jobs.Kind{"unknown"}, now.Add(time.Hour), time.Minute); ok {
		t.Error("claimed a job of another kind")
	}
}

func TestUniqueKey(t *testing.T) {
	s := open(t)
	q, ctx, now := s.Queue(), t.Context(), time.Now()
	add := func() {
		if err := q.Enqueue(ctx, jobs.Job{Kind: "k", UniqueKey: "one", RunAt: now}); err != nil {
			t.Fatal(err)
		}
	}
	add()
	add()
	j, ok, err := q.Claim(ctx, []jobs.Kind{"k"}, now, time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, _ := q.Claim(ctx, []jobs.Kind{"k"}, now, time.Minute); ok {
		t.Error("the key was there twice")
	}
	if err := q.Finish(ctx, j.ID, jobs.Done, ""); err != nil {
		t.Fatal(err)
	}
	add()
	if _, ok, _ := q.Claim(ctx, []jobs.Kind{"k"}, now, time.Minute); !ok {
		t.Error("the key was not free after the end")
	}
	if err := q.Purge(ctx, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func TestCancelledContext(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Update(ctx, func(registry.Tx) error { return nil }); err == nil {
		t.Error("an ended context was not noticed")
	}
}

// TestFullDatabase: a disk without room is told as such, and what is there stays.
func TestFullDatabase(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	keep := func(name string, size int) error {
		return s.Update(ctx, func(tx registry.Tx) error {
			d := blob.Digest("sha256:" + name)
			if _, err := tx.KeepBlob(ctx, d, int64(size), time.Now()); err != nil {
				return err
			}
			return tx.KeepContent(ctx, d, make([]byte, size), time.Now())
		})
	}
	if err := keep("small", 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.write.db.ExecContext(ctx, "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err) // as few as it has, says SQLite
	}
	if err := keep("large", 1<<20); !fault.Is(err, fault.Full) {
		t.Errorf("%v", err)
	}
	if _, _, err := s.Content(ctx, "sha256:large"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	if got, _, err := s.Content(ctx, "sha256:small"); err != nil || len(got) != 10 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
