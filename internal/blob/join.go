package blob

import (
	"context"
	"errors"
	"io"
)

// Join stages the contents of several unfinished uploads, one after the other,
// as one. The parts stay; what is said of Stage holds for the whole. A part
// that is missing is fault.NotFound with noun "upload".
func (s *Store) Join(ctx context.Context, parts []string, o StageOptions) (*Staged, error) {
	r := &joined{ctx: ctx, d: s.d, ids: parts}
	st, err := s.Stage(ctx, r, o)
	if cerr := r.close(); err == nil && cerr != nil {
		return nil, errors.Join(cerr, st.Close())
	}
	return st, err
}

// joined reads uploads one after the other, of which one is open at a time.
type joined struct {
	ctx context.Context
	d   Driver
	ids []string
	r   io.ReadCloser // nil: the next one is to be opened
}

// Read reads on, and in the next upload when one has ended.
func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.r == nil {
			if len(j.ids) == 0 {
				return 0, io.EOF
			}
			r, err := j.d.OpenUpload(j.ctx, j.ids[0])
			if err != nil {
				return 0, err
			}
			j.r, j.ids = r, j.ids[1:]
		}
		n, err := j.r.Read(p)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		if err == nil {
			return 0, nil
		}
		if err := j.close(); err != nil {
			return 0, err
		}
	}
}

func (j *joined) close() error {
	if j.r == nil {
		return nil
	}
	err := j.r.Close()
	j.r = nil
	return err
}
