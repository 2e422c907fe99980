package safety

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

// Scanner looks into the files of versions, and remembers what it saw: one digest
// has one content for ever. It is safe for concurrent use.
type Scanner struct {
	log   *slog.Logger
	turns chan struct{}
	mu    sync.Mutex
	known map[knownKey]seen
	size  int // of what is known, about, in bytes
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

// NewScanner makes a Scanner, which tells log of files that cannot be read.
func NewScanner(log *slog.Logger) *Scanner {
	return &Scanner{log: log, turns: make(chan struct{}, scansAtOnce), known: map[knownKey]seen{}}
}

// File is a file to look into.
type File struct {
	Path   string
	Digest blob.Digest
	Size   int64 // bytes
	Open   Opener
}

// Opener opens a content; the caller closes it.
type Opener = func(context.Context) (io.ReadSeekCloser, error)

// Known gives the report on a file that was looked into before.
func (s *Scanner) Known(f File) (Report, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.known[keyOf(f)]
	return r.Report, ok && (r.until.IsZero() || time.Now().Before(r.until))
}

// Scan gives the report on a file, as it is remembered or made now. That the store
// cannot give the file is told in the report; an error is that of ctx.
func (s *Scanner) Scan(ctx context.Context, f File) (Report, error) {
	if r, ok := s.Known(f); ok {
		return r, nil
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	if r, ok := s.Known(f); ok { // while it waited
		return r, nil
	}
	r, err := s.read(ctx, f)
	if err != nil && ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	var until time.Time
	if err != nil {
		s.log.ErrorContext(ctx, "a file cannot be read from the store", "path", f.Path, "digest", f.Digest, "err", err)
		r, until = Report{Unreadable: true}, time.Now().Add(failedTime)
		r.add(Unscanned, "cannot be read from the store")
	}
	s.remember(f, r, until)
	return r, nil
}

// read looks into a file. An error is the store's, or that of ctx.
func (s *Scanner) read(ctx context.Context, f File) (Report, error) {
	content, err := f.Open(ctx)
	if err != nil {
		return Report{}, err
	}
	defer content.Close()
	short, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	r, err := Scan(short, f.Path, content, f.Size)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = nil // that it takes too long is true of the file
	}
	return r, err
}

// keyOf leaves the folders of a name out.
func keyOf(f File) knownKey { return knownKey{f.Digest, path.Base(f.Path)} }

func (s *Scanner) remember(f File, r Report, until time.Time) {
	n := 300
	for _, x := range r.Findings {
		n += 32 + len(x.What)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size += n; s.size > maxKnown {
		clear(s.known)
		s.size = n
	}
	s.known[keyOf(f)] = seen{r, until}
}
