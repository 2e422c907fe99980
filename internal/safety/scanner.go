package safety

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// Scanner looks into the files of versions, and remembers what it saw: one digest
// has one content for ever. Whoever asks about files queues those of which nothing
// is known; Run looks into them. It is safe for concurrent use.
//
// What is remembered and what is queued is in memory: after a restart the next one
// who asks queues it again.
type Scanner struct {
	log    *slog.Logger
	mu     sync.Mutex
	known  map[knownKey]seen
	size   int // of what is known, about, in bytes
	queue  queue
	beside Beside
}

// seen is a report that is remembered.
type seen struct {
	Report
	until time.Time // zero: for ever
}

// knownKey is a content with a name: what its name says matters too.
type knownKey struct {
	digest blob.Digest
	name   string
}

// The limits of a Scanner.
const (
	scansAtOnce = 2
	maxKnown    = 16 << 20         // bytes, about
	scanTime    = 10 * time.Second // for one file
	failedTime  = 10 * time.Second // for which nobody tries again to read a file that could not be read
)

// Beside reads a file that is open for the Scanner, for a purpose of its own.
type Beside func(ctx context.Context, f File, content io.ReadSeeker)

// Beside has read see each file before it is looked into: whoever asks about files
// for the first time wants to know more than whether they are safe.
func (s *Scanner) Beside(read Beside) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beside = read
}

// NewScanner makes a Scanner, which tells log of files that cannot be read.
func NewScanner(log *slog.Logger) *Scanner {
	return &Scanner{log: log, known: map[knownKey]seen{}, queue: newQueue()}
}

// File is a file to look into.
type File struct {
	Path   string
	Digest blob.Digest
	Size   int64 // bytes
	Open   Opener
}

// Opener opens a content; the caller closes it. It is called in the background,
// after whoever asked has gone.
type Opener = func(context.Context) (io.ReadSeekCloser, error)

// Run looks into what is queued, until ctx ends.
func (s *Scanner) Run(ctx context.Context) {
	var workers sync.WaitGroup
	for range scansAtOnce {
		workers.Go(func() {
			for j := s.take(ctx); j != nil; j = s.take(ctx) {
				s.scan(ctx, j)
			}
		})
	}
	workers.Wait()
}

// scan looks into a file, remembers what it saw, and tells those who wait for it.
func (s *Scanner) scan(ctx context.Context, j *job) {
	r, err := s.read(ctx, j.File)
	if ctx.Err() != nil {
		return // the server stops, and whoever waits is stopped too
	}
	var until time.Time
	if err != nil {
		s.log.ErrorContext(ctx, "a file cannot be read from the store", "path", j.Path, "digest", j.Digest, "err", err)
		r, until = Report{Unreadable: true}, time.Now().Add(failedTime)
		r.add(Unscanned, "cannot be read from the store")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(j.File, r, until)
	s.queue.finish(j, r)
}

// read looks into a file. An error is the store's, or that of ctx.
func (s *Scanner) read(ctx context.Context, f File) (r Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.ErrorContext(ctx, "looking into a file broke", "path", f.Path, "digest", f.Digest, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r, err = Report{}, nil
			r.add(Suspicious, "could not be looked into: that broke, which is a mistake of this server, and perhaps what the file was made for")
		}
	}()
	content, err := f.Open(ctx)
	if err != nil {
		return Report{}, err
	}
	defer content.Close()
	short, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	s.mu.Lock()
	beside := s.beside
	s.mu.Unlock()
	if beside != nil {
		beside(short, f, content)
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return Report{}, err
		}
	}
	r, err = Scan(short, f.Path, content, f.Size)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // that it takes too long is true of the file
	}
	return r, err
}

// keyOf leaves the folders of a name out.
func keyOf(f File) knownKey { return knownKey{f.Digest, path.Base(f.Path)} }

// recall gives the report on a file that was looked into before. The lock is held.
func (s *Scanner) recall(f File) (Report, bool) {
	r, ok := s.known[keyOf(f)]
	return r.Report, ok && (r.until.IsZero() || time.Now().Before(r.until))
}

// remember keeps a report. The lock is held.
func (s *Scanner) remember(f File, r Report, until time.Time) {
	n := 300
	for _, x := range r.Findings {
		n += 32 + len(x.What)
	}
	if s.size += n; s.size > maxKnown {
		clear(s.known)
		s.size = n
	}
	s.known[keyOf(f)] = seen{r, until}
}
