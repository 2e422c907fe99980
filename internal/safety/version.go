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
}

// Whole is what is known of all files of a version or run.
type Whole struct {
	Verdict   Verdict  // the worst
	Files     []Judged // in the order in which they were given
	Signature Signature
	// More tells that there are files beyond MaxFiles, into which nobody looks.
	More bool
	// Waiting counts the files that time did not suffice for; the next look goes
	// on with them.
	Waiting int
}

// Unreadable are the paths of the files that the store could not give.
func (w Whole) Unreadable() []string {
	var paths []string
	for _, j := range w.Files {
		if j.Report.Unreadable {
			paths = append(paths, j.Path)
		}
	}
	return paths
}

// Of looks into the files of a version or run, of which look has the first MaxFiles.
// An error is that of ctx.
func (s *Scanner) Of(ctx context.Context, look registry.Look) (Whole, error) {
	files := make([]File, len(look.Items))
	for i, f := range look.Items {
		files[i] = File{f.Path, f.Digest, f.Size, func(ctx context.Context) (io.ReadSeekCloser, error) { return look.Open(ctx, f) }}
	}
	w, err := s.All(ctx, files)
	if err != nil {
		return w, err
	}
	w.Signature, err = s.signatureOf(ctx, look)
	if w.More = look.More; w.More {
		w.Verdict = max(w.Verdict, Unscanned)
	}
	return w, err
}

// lookTime is after how long no other file is begun within one look.
const lookTime = 4 * time.Second

// All looks into files, until it has taken long: whoever asks for a page waits for
// it. What was seen is remembered, so that asking again goes on.
func (s *Scanner) All(ctx context.Context, files []File) (Whole, error) {
	var w Whole
	end := time.Now().Add(lookTime)
	for _, f := range files {
		r, ok := s.Known(f)
		if !ok && time.Now().After(end) {
			w.Waiting++
			r.add(Unscanned, "has not been looked into yet")
		} else if !ok {
			var err error
			if r, err = s.Scan(ctx, f); err != nil {
				return w, err
			}
		}
		w.Verdict = max(w.Verdict, r.Verdict)
		w.Files = append(w.Files, Judged{f.Path, r})
	}
	return w, nil
}
