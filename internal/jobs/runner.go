package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Handler does one kind of work. An error makes the job try again later.
type Handler func(ctx context.Context, j Job) error

// Periodic enqueues a job again and again.
type Periodic struct {
	Job   Job
	Every time.Duration
}

// Runner claims jobs and runs them, one at a time: jobs are housekeeping and
// shall not compete with requests.
type Runner struct {
	Store    Store
	Log      *slog.Logger
	Handlers map[Kind]Handler
	Periodic []Periodic
	Poll     time.Duration // how often to look; 0 means 2 s
	Lease    time.Duration // 0 means 1 min
	Now      func() time.Time
}

// Run works until ctx ends, then lets the running job see the ended context,
// waits for it, and returns.
func (r *Runner) Run(ctx context.Context) {
	r.defaults()
	kinds := make([]Kind, 0, len(r.Handlers))
	for k := range r.Handlers {
		kinds = append(kinds, k)
	}
	due := make([]time.Time, len(r.Periodic))
	for {
		r.enqueueDue(ctx, due)
		worked := r.once(ctx, kinds)
		if worked && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.Poll):
		}
	}
}

func (r *Runner) defaults() {
	if r.Poll == 0 {
		r.Poll = 2 * time.Second
	}
	if r.Lease == 0 {
		r.Lease = time.Minute
	}
	if r.Now == nil {
		r.Now = time.Now
	}
}

// enqueueDue adds the periodic jobs whose time has come. Their unique keys
// keep many processes from adding them twice.
func (r *Runner) enqueueDue(ctx context.Context, due []time.Time) {
	now := r.Now()
	for i, p := range r.Periodic {
		if now.Before(due[i]) {
			continue
		}
		due[i] = now.Add(p.Every)
		j := p.Job
		j.UniqueKey, j.RunAt = "periodic:"+string(j.Kind), now
		if err := r.Store.Enqueue(ctx, j); err != nil && ctx.Err() == nil {
			r.Log.Error("a periodic job could not be enqueued", "kind", j.Kind, "err", err)
		}
	}
}

// once claims and runs at most one job.
func (r *Runner) once(ctx context.Context, kinds []Kind) bool {
	j, ok, err := r.Store.Claim(ctx, kinds, r.Now(), r.Lease)
	if err != nil {
		if ctx.Err() == nil {
			r.Log.Error("no job could be claimed", "err", err)
		}
		return false
	}
	if !ok {
		return false
	}
	var said string
	err = r.leased(context.WithValue(ctx, reportKey{}, &said), j)
	r.finish(context.WithoutCancel(ctx), j, err, said)
	return true
}

// leased runs the handler while a heartbeat keeps the lease.
func (r *Runner) leased(ctx context.Context, j Job) error {
	ctx, cancel := context.WithCancel(ctx)
	var beat sync.WaitGroup
	beat.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(r.Lease / 3):
			}
			ok, err := r.Store.Extend(ctx, j.ID, r.Now().Add(r.Lease))
			if err == nil && !ok {
				cancel()
			}
		}
	})
	defer beat.Wait()
	defer cancel()
	return r.call(ctx, j)
}

// call runs the handler and turns a panic into an error.
func (r *Runner) call(ctx context.Context, j Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("jobs: %s panicked: %v\n%s", j.Kind, p, debug.Stack())
		}
	}()
	return r.Handlers[j.Kind](ctx, j)
}

// finish writes how a job went, and what it reported.
func (r *Runner) finish(ctx context.Context, j Job, err error, said string) {
	limit := j.MaxAttempts
	if limit == 0 {
		limit = DefaultAttempts
	}
	var werr error
	switch {
	case err == nil:
		werr = r.Store.Finish(ctx, j.ID, Done, said)
	case j.Attempt >= limit:
		r.Log.Error("a job was given up", "kind", j.Kind, "job", j.ID, "attempts", j.Attempt, "err", err)
		werr = r.Store.Finish(ctx, j.ID, Dead, err.Error())
	default:
		r.Log.Warn("a job failed and will be tried again", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "err", err)
		werr = r.Store.Retry(ctx, j.ID, r.Now().Add(backOff(j.Attempt)), err.Error())
	}
	if werr != nil {
		r.Log.Error("the end of a job could not be written", "job", j.ID, "err", werr)
	}
}

// backOff is the pause after the nth attempt: 2, 4, 8 … seconds, at most an
// hour.
func backOff(attempt int) time.Duration {
	return min(time.Hour, time.Second<<min(attempt, 12))
}
