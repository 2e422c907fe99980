package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// RowSize is the size in bytes up to which content is kept by [Rows], if the
// store has some: a file of its own costs two waits for the disk, and a row none
// besides the one for the row that names it.
const RowSize = 16 << 10

// Rows keep small contents in a database, each beside the row that names it:
// one commit makes both durable and visible, and one removes both.
type Rows interface {
	// Content gives content and when it was kept; one that is not there is
	// fault.NotFound with noun "blob".
	Content(ctx context.Context, d Digest) ([]byte, time.Time, error)
}

// Row gives content that has to be kept as a row in the transaction that names
// it. Publish makes all other content visible, and does nothing for this one.
func (s *Staged) Row() (content []byte, ok bool) { return s.row, s.up == nil }

var errRow = errors.New("blob: content that belongs in a row is no upload")

// inRow reports whether a body is to become a row. One that does not tell its
// size may be too large for that, and one that has a name is to be saved as an
// upload.
func (s *Store) inRow(o StageOptions) bool {
	return !s.filed && o.ID == "" && 0 <= o.Size && o.Size <= RowSize
}

// stageRow reads a small body.
func stageRow(src *source, o StageOptions) (*Staged, error) {
	// A byte too many would be an error of the source.
	content := make([]byte, o.Size+1)
	n, err := src.fill(content)
	if err != io.EOF {
		return nil, err
	}
	content = content[:n:n]
	d := sumOf(content)
	if o.Expect != "" && d != o.Expect {
		return nil, Mismatch(o.Expect, d)
	}
	return &Staged{Digest: d, Size: int64(n), row: content}, nil
}

// row finds content among the rows; not there is fault.NotFound.
func (s *Store) row(ctx context.Context, d Digest) ([]byte, Info, error) {
	d, err := ParseDigest(string(d))
	if err != nil {
		return nil, Info{}, err
	}
	if s.rows == nil {
		return nil, Info{}, fault.Missing("blob", d.Hex())
	}
	content, at, err := s.rows.Content(ctx, d)
	return content, Info{Digest: d, Size: int64(len(content)), ModTime: at}, err
}

// rowReader reads content that is in memory.
type rowReader struct{ bytes.Reader }

func newRowReader(content []byte) *rowReader {
	r := &rowReader{}
	r.Reset(content)
	return r
}

// Close has nothing to do.
func (*rowReader) Close() error { return nil }

// maxRecent is how many bytes of small contents are remembered.
const maxRecent = 8 << 20

// recent remembers small contents: those of models are read again and again, and
// what a digest names never changes. The zero value is ready.
type recent struct {
	mu    sync.RWMutex
	all   map[Digest][]byte
	bytes int
}

func (m *recent) get(d Digest) ([]byte, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	content, ok := m.all[d]
	return content, ok
}

// put remembers content. When there is no room left all others are forgotten,
// which is cheaper than to know which of them are asked for.
func (m *recent) put(d Digest, content []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil || m.bytes+len(content) > maxRecent {
		m.all, m.bytes = map[Digest][]byte{}, 0
	}
	if _, known := m.all[d]; !known {
		m.all[d] = content
		m.bytes += len(content)
	}
}

func (m *recent) forget(d Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes -= len(m.all[d])
	delete(m.all, d)
}
