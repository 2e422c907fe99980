package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a Store in memory; the real one is tested with the database.
type shelf struct {
	mu   sync.Mutex
	jobs []*row
}

type row struct {
	Job
	state State
	lease time.Time
	last  string
}

func (s *shelf) Enqueue(_ context.Context, j Job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.jobs {
		if j.UniqueKey != "" && r.UniqueKey == j.UniqueKey && (r.state == Available || r.state == Running) {
			return nil
		}
	}
	j.ID = int64(len(s.jobs) + 1)
	s.jobs = append(s.jobs, &row{Job: j, state: Available})
	return nil
}

func (s *shelf) Claim(_ context.Context, kinds []Kind, now time.Time, lease time.Duration) (Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.jobs {
		if (r.state == Available || r.state == Running) && !r.RunAt.After(now) && !r.lease.After(now) && slices.Contains(kinds, r.Kind) {
			r.state, r.lease = Running, now.Add(lease)
			r.Attempt++
			return r.Job, true, nil
		}
	}
	return Job{}, false, nil
}

func (s *shelf) Extend(_ context.Context, id int64, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.jobs[id-1]
	r.lease = until
	return r.state == Running, nil
}

func (s *shelf) Finish(_ context.Context, id int64, st State, last string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[id-1].state, s.jobs[id-1].last = st, last
	return nil
}

func (s *shelf) Retry(_ context.Context, id int64, at time.Time, last string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.jobs[id-1]
	r.state, r.RunAt, r.lease, r.last = Available, at, time.Time{}, last
	return nil
}

func (s *shelf) Purge(context.Context, time.Time) error { return nil }

func (s *shelf) state(id int64) (State, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id-1].state, s.jobs[id-1].last
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestRetries: a failing job is tried again with growing pauses, a panic is a
// failure, and the last attempt ends it.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		var tries []time.Duration
		begin := time.Now()
		r := &Runner{Store: s, Log: quiet(), Handlers: map[Kind]Handler{"k": func(context.Context, Job) error {
			tries = append(tries, time.Since(begin).Round(time.Second))
			if len(tries) == 2 {
				panic("second")
			}
			return errors.New("broken")
		}}}
		_ = s.Enqueue(t.Context(), Job{Kind: "k", RunAt: begin, MaxAttempts: 3})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		time.Sleep(time.Minute)
		cancel()
		<-done
		if want := []time.Duration{0, 2 * time.Second, 6 * time.Second}; !slices.Equal(tries, want) {
			t.Errorf("tried at %v, want %v", tries, want)
		}
		if st, last := s.state(1); st != Dead || last != "broken" {
			t.Errorf("ended as %s with %q", st, last)
		}
	})
}

// TestPeriodic: the job comes again and again, never twice at once, and a long
// one keeps its lease.
func TestPeriodic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		runs, parallel := 0, 0
		work := func(context.Context, Job) error {
			runs++
			parallel++
			if parallel > 1 {
				t.Error("two at once")
			}
			time.Sleep(3 * time.Minute) // three times the lease
			parallel--
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 2 {
			r := &Runner{Store: s, Log: quiet(), Handlers: map[Kind]Handler{"k": work}, Periodic: []Periodic{{Job{Kind: "k"}, 10 * time.Minute}}}
			wg.Go(func() { r.Run(ctx) })
		}
		time.Sleep(time.Hour - time.Minute)
		cancel()
		wg.Wait()
		if runs < 6 || runs > 12 {
			t.Errorf("ran %d times in an hour", runs)
		}
	})
}

// TestStop: a stop reaches the running handler, and Run waits for it.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		ended := false
		r := &Runner{Store: s, Log: quiet(), Handlers: map[Kind]Handler{"k": func(ctx context.Context, _ Job) error {
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
			return ctx.Err()
		}}}
		_ = s.Enqueue(t.Context(), Job{Kind: "k", RunAt: time.Now()})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(5 * time.Second); cancel() }()
		r.Run(ctx)
		if st, _ := s.state(1); !ended || st != Available {
			t.Errorf("ended %v, state %s; an interrupted job has to be there for the next start", ended, st)
		}
	})
}
