// Package jobs runs stored background work.
//
// A [Job] is a row. It is enqueued in the transaction of the work that wants
// it, claimed by any one process under a lease, tried again with a growing
// pause when it fails, and given up after its last attempt. A handler must be
// idempotent: after a crash the lease ends and another process runs it again.
package jobs

import (
	"context"
	"time"
)

// Kind names a handler, as in "gc.sweep".
type Kind string

// State is where a job stands.
type State string

// The states of a job.
const (
	Available State = "available"
	Running   State = "running"
	Done      State = "done"
	Dead      State = "dead" // its last attempt failed
)

// Job is one unit of work.
type Job struct {
	ID   int64
	Kind Kind
	Args string // the handler's own, as JSON; may be empty
	// UniqueKey, when not empty, lets one available or running job of that key
	// exist; another Enqueue does nothing.
	UniqueKey   string
	RunAt       time.Time // not before
	Attempt     int       // tries so far
	MaxAttempts int       // 0 means DefaultAttempts
}

// Record is a job with how it stands.
type Record struct {
	Job
	State   State
	Said    string    // what its last attempt reported, or the text of its error
	EndedAt time.Time // zero: not yet
}

// DefaultAttempts is how often a job is tried unless it says otherwise.
const DefaultAttempts = 10

// Queue is the part of a transaction that enqueues.
type Queue interface {
	Enqueue(ctx context.Context, j Job) error
}

// Store is what a [Runner] asks of a database.
type Store interface {
	// Enqueue adds a job in a transaction of its own.
	Enqueue(ctx context.Context, j Job) error
	// Claim takes the job that has been due longest among kinds, available or
	// with a lease that has ended, and leases it until now + lease. ok is
	// false when there is none.
	Claim(ctx context.Context, kinds []Kind, now time.Time, lease time.Duration) (j Job, ok bool, err error)
	// Extend moves the end of a lease; false: the lease was lost.
	Extend(ctx context.Context, id int64, until time.Time) (bool, error)
	// Finish ends a job: state Done with its report, or Dead with the last error's
	// text.
	Finish(ctx context.Context, id int64, s State, said string) error
	// Retry makes a job available again at a later time.
	Retry(ctx context.Context, id int64, at time.Time, lastError string) error
	// Purge removes ended jobs that are older than before.
	Purge(ctx context.Context, before time.Time) error
}
