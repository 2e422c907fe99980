package safety

import (
	"context"
	"time"
)

// Judged is a file with the report on it.
type Judged struct {
	Path string
	Report
}

// Whole is what is known of all files of a version or run.
type Whole struct {
	Verdict Verdict  // the worst
	Files   []Judged // in the order in which they were given
	// Waiting counts the files that time did not suffice for; the next look goes
	// on with them.
	Waiting int
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
