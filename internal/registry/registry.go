package registry

import (
	"cmp"
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/memo"
)

// Options configure a Registry; the zero value works.
type Options struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// MaxFileSize bounds one package file, in bytes; 0 means no bound.
	MaxFileSize int64
	// ProjectLimit bounds what the files of a project take up that has no limit
	// of its own, in bytes; 0 means no bound.
	ProjectLimit int64
	// TraceFiles is where clients put files beside traces, which go with them.
	TraceFiles TraceFiles
	// UploadExpiry is how long a resumable upload waits for its next byte; 0
	// means a week.
	UploadExpiry time.Duration
}

// Registry holds what all sessions share. It is safe for concurrent use.
type Registry struct {
	store        Store
	blobs        *blob.Store
	now          func() time.Time
	maxFile      int64
	projectLimit int64
	uploadExpiry time.Duration
	traceFiles   TraceFiles
	transfers    *transfers
	hot          *memo.Memo[hotKey, hotFile]
	commits      *memo.Memo[int64, Commit] // by the version
	downloads    *downloads
	refusals     *refusals
}

// New makes a Registry over a database and a blob store. A database that is a
// memo.Source has the look-ups of downloads remembered between changes.
func New(s Store, b *blob.Store, o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	source, _ := s.(memo.Source)
	return &Registry{store: s, blobs: b, now: o.Now, maxFile: o.MaxFileSize, projectLimit: o.ProjectLimit, uploadExpiry: cmp.Or(o.UploadExpiry, defaultUploadExpiry), traceFiles: o.TraceFiles, transfers: newTransfers(),
		hot: memo.New[hotKey, hotFile](source, maxHot), commits: memo.New[int64, Commit](source, maxCommits), downloads: &downloads{}, refusals: &refusals{}}
}

// MaxFileSize is the most bytes that one file may have; 0 means no bound.
func (r *Registry) MaxFileSize() int64 { return r.maxFile }

// Session is the registry as one actor may see and change it.
type Session struct {
	r     *Registry
	actor auth.Actor
	exact bool // see AsExact
	rules Rules
}

// As gives the session of actor. Jobs and administration use auth.System.
func (r *Registry) As(actor auth.Actor) Session { return Session{r: r, actor: actor} }

// AsExact gives the session of actor for a door that sends its callers on to
// where things are: a project that is asked for by a path which it no longer
// has is fault.Moved, with its number as name. A session of As follows such
// paths.
func (r *Registry) AsExact(actor auth.Actor) Session {
	return Session{r: r, actor: actor, exact: true}
}

// Actor tells whose session it is.
func (s Session) Actor() auth.Actor { return s.actor }

// now is the session's clock, cut to the microseconds that a database keeps.
func (s Session) now() time.Time { return s.r.now().UTC().Truncate(time.Microsecond) }

// atRest gives a time as a database keeps it, in microseconds; 1970 begins with
// none.
func atRest(t time.Time) time.Time {
	if n := t.UnixMicro(); !t.IsZero() && n != 0 {
		return time.UnixMicro(n).UTC()
	}
	return time.Time{}
}

// view runs fn in a read transaction and gives its result.
func view[T any](ctx context.Context, s Session, fn func(Tx) (T, error)) (T, error) {
	return result(ctx, s.r.store.View, fn)
}

// update runs fn in a write transaction and gives its result. fn may run more
// than once: it must have no effect outside tx.
func update[T any](ctx context.Context, s Session, fn func(Tx) (T, error)) (T, error) {
	return result(ctx, s.r.store.Update, fn)
}

// result carries the result of fn out of a transaction; with an error it is
// the zero value.
func result[T any](ctx context.Context, run func(context.Context, func(Tx) error) error, fn func(Tx) (T, error)) (T, error) {
	var out T
	err := run(ctx, func(tx Tx) error {
		var err error
		out, err = fn(tx)
		return err
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return out, nil
}
