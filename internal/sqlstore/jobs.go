package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vitrine-ml/vitrine/internal/jobs"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

var (
	enqueue = stmt(`INSERT INTO jobs (kind, args, unique_key, state, run_at, max_attempts) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (unique_key) DO NOTHING`)
	jobDue = stmt(`SELECT 1 FROM jobs WHERE state IN ('available', 'running') AND run_at <= $1 AND lease_until <= $1 LIMIT 1`)
	extend = stmt(`UPDATE jobs SET lease_until = $1 WHERE id = $2 AND state = 'running'`)
	// An ended job gives its unique key free.
	finish    = stmt(`UPDATE jobs SET state = $1, last_error = $2, ended_at = $3, unique_key = NULL, lease_until = 0 WHERE id = $4`)
	retry     = stmt(`UPDATE jobs SET state = 'available', run_at = $1, last_error = $2, lease_until = 0 WHERE id = $3`)
	purgeJobs = stmt(`DELETE FROM jobs WHERE state IN ('done', 'dead') AND ended_at < $1`)
)

// The inner look-up and the outer condition together let one claimer win.
const (
	claimHead = `UPDATE jobs SET state = 'running', attempt = attempt + 1, lease_until = $1
		WHERE id = (SELECT id FROM jobs WHERE state IN ('available', 'running') AND run_at <= $2 AND lease_until <= $2 AND kind IN (`
	claimTail = `) ORDER BY run_at, id LIMIT 1) AND lease_until <= $2
		RETURNING id, kind, args, coalesce(unique_key, ''), run_at, attempt, max_attempts`
)

func (t *tx) Enqueue(ctx context.Context, j jobs.Job) error {
	if j.MaxAttempts == 0 {
		j.MaxAttempts = jobs.DefaultAttempts
	}
	var key any
	if j.UniqueKey != "" {
		key = j.UniqueKey
	}
	_, err := t.exec(ctx, enqueue, j.Kind, j.Args, key, jobs.Available, micros(j.RunAt), j.MaxAttempts)
	return err
}

// Queue is the store as background jobs see it; it implements jobs.Store.
type Queue struct{ s *Store }

// Queue gives the stored jobs.
func (s *Store) Queue() Queue { return Queue{s} }

// run runs one statement in a transaction of its own.
func (q Queue) run(ctx context.Context, fn func(t *tx) error) error {
	return q.s.Update(ctx, func(r registry.Tx) error {
		t, ok := r.(*tx)
		if !ok {
			return errors.New("sqlstore: foreign transaction")
		}
		return fn(t)
	})
}

// Enqueue implements jobs.Store.
func (q Queue) Enqueue(ctx context.Context, j jobs.Job) error {
	return q.run(ctx, func(t *tx) error { return t.Enqueue(ctx, j) })
}

// Claim implements jobs.Store. Kinds that this process does not know are
// claimed by nobody here.
func (q Queue) Claim(ctx context.Context, kinds []jobs.Kind, now time.Time, lease time.Duration) (j jobs.Job, ok bool, err error) {
	due, err := q.due(ctx, now)
	if err != nil || !due {
		return jobs.Job{}, false, err
	}
	args := []any{micros(now.Add(lease)), micros(now)}
	for _, k := range kinds {
		args = append(args, k)
	}
	text := claimHead + placeholders(3, len(kinds)) + claimTail
	err = q.run(ctx, func(t *tx) error {
		j = jobs.Job{}
		return t.row(ctx, query(text), args, &j.ID, &j.Kind, &j.Args, &j.UniqueKey, instant{&j.RunAt}, &j.Attempt, &j.MaxAttempts)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return jobs.Job{}, false, nil
	}
	return j, err == nil, err
}

// due looks without taking the write lock: most polls find nothing.
func (q Queue) due(ctx context.Context, now time.Time) (bool, error) {
	st, err := q.s.read.prepare(ctx, string(jobDue))
	if err != nil {
		return false, err
	}
	var one int
	err = st.QueryRowContext(ctx, micros(now)).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Extend implements jobs.Store.
func (q Queue) Extend(ctx context.Context, id int64, until time.Time) (ok bool, err error) {
	err = q.run(ctx, func(t *tx) error {
		n, err := t.exec(ctx, extend, micros(until), id)
		ok = n == 1
		return err
	})
	return ok, err
}

// Finish implements jobs.Store.
func (q Queue) Finish(ctx context.Context, id int64, s jobs.State, said string) error {
	return q.run(ctx, func(t *tx) error {
		_, err := t.exec(ctx, finish, s, said, time.Now().UnixMicro(), id)
		return err
	})
}

// Retry implements jobs.Store.
func (q Queue) Retry(ctx context.Context, id int64, at time.Time, lastError string) error {
	return q.run(ctx, func(t *tx) error {
		_, err := t.exec(ctx, retry, micros(at), lastError, id)
		return err
	})
}

// Purge implements jobs.Store.
func (q Queue) Purge(ctx context.Context, before time.Time) error {
	return q.run(ctx, func(t *tx) error {
		_, err := t.exec(ctx, purgeJobs, micros(before))
		return err
	})
}
