package safety

import (
	"context"
	"io"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// MaxFiles is how many files of a version or run are looked into.
const MaxFiles = 1000

// Judged is a file with the report on it.
type Judged struct {
	Path string
	Report
	Waiting bool // nobody has looked into it yet, and the report says no more
}

// Whole is what is known of all files of a version or run.
type Whole struct {
	Verdict   Verdict  // the worst; Unscanned at least while files wait
	Files     []Judged // in the order in which they were given
	Signature Signature
	// More tells that there are files beyond MaxFiles, into which nobody looks.
	More bool
	// Waiting counts the files that are still to be looked into.
	Waiting int
}

// Unreadable are the paths of the files that the store could not give.
func (w Whole) Unreadable() []string {
	var paths []string
	for _, j := range w.Files {
		if j.Unreadable {
			paths = append(paths, j.Path)
		}
	}
	return paths
}

// How long whoever asks waits for files to be looked into.
const (
	// Glance is for pages: most files are quick, and a page can be shown again.
	Glance = 6 * time.Millisecond
	// Patience is for programs, which want to know.
	Patience = 4 * time.Second
)

// Of tells of the files of a version or run, of which look has the first MaxFiles.
// It waits for a while until Run has looked into those of which nothing is known.
// An error is that of ctx.
func (s *Scanner) Of(ctx context.Context, look registry.Look, wait time.Duration) (Whole, error) {
	files := make([]File, len(look.Items))
	for i, f := range look.Items {
		files[i] = File{f.Path, f.Digest, f.Size, func(ctx context.Context) (io.ReadSeekCloser, error) { return look.Open(ctx, f) }}
	}
	w, err := s.All(ctx, files, wait)
	if err != nil {
		return w, err
	}
	w.Signature, err = s.signatureOf(ctx, look)
	if w.More = look.More; w.More {
		w.Verdict = max(w.Verdict, Unscanned)
	}
	return w, err
}

// All tells of files, as Of does.
func (s *Scanner) All(ctx context.Context, files []File, wait time.Duration) (Whole, error) {
	w := Whole{Files: make([]Judged, len(files))}
	var unknown []File
	var at []int // where these are
	s.mu.Lock()
	for i, f := range files {
		r, ok := s.recall(f)
		if w.Files[i] = (Judged{Path: f.Path, Report: r}); !ok {
			unknown, at = append(unknown, f), append(at, i)
		}
	}
	jobs := s.queue.add(unknown)
	s.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	over := false
	for i, j := range jobs {
		done, err := j.wait(ctx, timer.C, &over)
		if err != nil {
			return w, err
		}
		told := &w.Files[at[i]]
		if told.Waiting = !done; done {
			told.Report = j.report
			continue
		}
		w.Waiting++
		told.Report = Report{}
		told.add(Unscanned, "has not been looked into yet")
	}
	for _, j := range w.Files {
		w.Verdict = max(w.Verdict, j.Verdict)
	}
	return w, nil
}

// wait waits until a job is done, or time is over, which is noted.
func (j *job) wait(ctx context.Context, end <-chan time.Time, over *bool) (done bool, err error) {
	if j == nil {
		return false, nil
	}
	select {
	case <-j.done: // even if time is over
		return true, nil
	default:
	}
	if *over {
		return false, nil
	}
	select {
	case <-j.done:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-end:
		*over = true
		return false, nil
	}
}
