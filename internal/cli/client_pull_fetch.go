package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/vitrine-ml/vitrine/internal/client"
)

const (
	partSuffix  = ".vitrine-part"      // an unfinished file
	stateSuffix = ".vitrine-part.json" // which pieces of it are there
	newSuffix   = ".vitrine-part.new"  // the latter, while it is written
	copyBuffer  = 512 << 10
)

// fetchVersion fetches a file as it was when its SHA-256 was told.
func (p *puller) fetchVersion(ctx context.Context, w *wantedFile) error {
	if dir := filepath.Dir(w.disk); dir != "." {
		if err := p.root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	var err error
	if w.Size <= p.whole {
		err = p.fetchWhole(ctx, w)
	} else {
		err = p.fetchPieces(ctx, w)
	}
	if err != nil {
		return err
	}
	return p.root.Rename(w.disk+partSuffix, w.disk)
}

// fetchWhole fetches a file that is soon fetched anew after an interruption.
func (p *puller) fetchWhole(ctx context.Context, w *wantedFile) (err error) {
	free, err := p.slot(ctx)
	if err != nil {
		return err
	}
	defer free()
	part := w.disk + partSuffix
	out, err := p.root.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	fm := p.meter.file(w.Path, w.Size)
	h := sha256.New()
	n, err := p.copyRange(ctx, w.File, 0, w.Size, io.MultiWriter(out, h), fm.add)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = checkSum(w.File, h)
	}
	if err != nil {
		fm.add(-n)
		fm.close()
		return errors.Join(err, p.root.Remove(part))
	}
	fm.done(statusDownloaded, w.Size)
	return nil
}

// copyRange copies bytes of a file from the server.
func (p *puller) copyRange(ctx context.Context, f client.File, from, to int64, out io.Writer, count func(int64)) (int64, error) {
	in, err := p.c.Download(ctx, p.place, f, from, to)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	size := min(copyBuffer, max(to-from, 1))
	return io.CopyBuffer(&countWriter{out, count}, in, make([]byte, size))
}

// countWriter counts what has been written.
type countWriter struct {
	io.Writer
	count func(int64)
}

// Write counts.
func (c *countWriter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.count(int64(n))
	return n, err
}

// checkSum compares what was received with what the server announced.
func checkSum(f client.File, h hash.Hash) error {
	if got := hex.EncodeToString(h.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("the server announced SHA-256 %s, what arrived has %s: %w", f.SHA256, got, client.ErrChecksum)
	}
	return nil
}

// pieceState is the file that lies beside an unfinished one.
type pieceState struct {
	SHA256 string  `json:"sha256"`
	Size   int64   `json:"size"`
	Chunk  int64   `json:"chunk"`
	Have   []int64 `json:"have"` // bytes at the start of each piece
}

// sum gives how many bytes are there.
func (s pieceState) sum() (n int64) {
	for _, have := range s.Have {
		n += have
	}
	return n
}

// loadState finds what is left of an interrupted pull, if it was one of the
// same bytes.
func (p *puller) loadState(w *wantedFile) (pieceState, bool) {
	fresh := pieceState{SHA256: w.SHA256, Size: w.Size, Chunk: p.chunk, Have: make([]int64, (w.Size+p.chunk-1)/p.chunk)}
	data, err := p.root.ReadFile(w.disk + stateSuffix)
	if err != nil {
		return fresh, false
	}
	var s pieceState
	info, err := p.root.Lstat(w.disk + partSuffix)
	if err != nil || !info.Mode().IsRegular() || info.Size() != w.Size || json.Unmarshal(data, &s) != nil ||
		s.SHA256 != w.SHA256 || s.Size != w.Size || s.Chunk != p.chunk || len(s.Have) != len(fresh.Have) {
		return fresh, false
	}
	for i, have := range s.Have {
		if have < 0 || have > min(p.chunk, w.Size-int64(i)*p.chunk) {
			return fresh, false
		}
	}
	return s, s.sum() > 0
}

// resumes tells how many bytes of a file need not be fetched again.
func (p *puller) resumes(w *wantedFile) int64 {
	if w.Size <= p.whole {
		return 0
	}
	s, _ := p.loadState(w)
	return s.sum()
}

// fetchPieces fetches a large file. When what an earlier pull left turns out to
// be bad, it begins anew.
func (p *puller) fetchPieces(ctx context.Context, w *wantedFile) error {
	state, resumed := p.loadState(w)
	err := p.fetchRest(ctx, w, state)
	if !errors.Is(err, client.ErrChecksum) {
		return err
	}
	err = errors.Join(err, p.root.Remove(w.disk+partSuffix), p.root.Remove(w.disk+stateSuffix))
	if !resumed {
		return err
	}
	state, _ = p.loadState(w)
	return p.fetchRest(ctx, w, state)
}

// pieces is a large file on its way.
type pieces struct {
	*puller
	w     *wantedFile
	part  *os.File
	meter *fileMeter
	saves sync.Mutex
	have  []atomic.Int64
	done  []chan struct{} // closed when a piece is complete
}

func (p *puller) fetchRest(ctx context.Context, w *wantedFile, state pieceState) error {
	part, err := p.root.OpenFile(w.disk+partSuffix, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	x := &pieces{puller: p, w: w, part: part, meter: p.meter.file(w.Path, w.Size-state.sum()),
		have: make([]atomic.Int64, len(state.Have)), done: make([]chan struct{}, len(state.Have))}
	for i, n := range state.Have {
		x.have[i].Store(n)
		x.done[i] = make(chan struct{})
	}
	err = part.Truncate(w.Size)
	if err == nil {
		err = x.run(ctx)
	}
	if cerr := part.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		x.meter.close()
		return errors.Join(err, x.save())
	}
	x.meter.done(statusDownloaded, w.Size)
	if err := p.root.Remove(w.disk + stateSuffix); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// run fetches the pieces, several at once, while what is complete is hashed in
// order, so that the end does not have to wait for a second reading.
func (x *pieces) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	h := sha256.New()
	g.Go(func() error { return x.hash(ctx, h) })
	fetches, fetching := errgroup.WithContext(ctx)
	fetches.SetLimit(x.parallel)
	for i := range x.have {
		if x.have[i].Load() == x.size(i) {
			close(x.done[i])
			continue
		}
		fetches.Go(func() error { return x.fetchPiece(fetching, i) })
	}
	g.Go(fetches.Wait)
	if err := g.Wait(); err != nil {
		return err
	}
	return checkSum(x.w.File, h)
}

// size gives the size of piece i.
func (x *pieces) size(i int) int64 { return min(x.chunk, x.w.Size-int64(i)*x.chunk) }

func (x *pieces) fetchPiece(ctx context.Context, i int) error {
	free, err := x.slot(ctx)
	if err != nil {
		return err
	}
	defer free()
	begin := int64(i) * x.chunk
	from := begin + x.have[i].Load()
	_, err = x.copyRange(ctx, x.w.File, from, begin+x.size(i), io.NewOffsetWriter(x.part, from), func(n int64) {
		x.have[i].Add(n)
		x.meter.add(n)
	})
	if err != nil {
		return err
	}
	if x.have[i].Load() != x.size(i) {
		return io.ErrUnexpectedEOF
	}
	close(x.done[i])
	return x.save()
}

// save writes down what is there, in one step, for a kill can come at any time.
func (x *pieces) save() error {
	x.saves.Lock()
	defer x.saves.Unlock()
	s := pieceState{SHA256: x.w.SHA256, Size: x.w.Size, Chunk: x.chunk, Have: make([]int64, len(x.have))}
	for i := range x.have {
		s.Have[i] = x.have[i].Load()
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := x.root.WriteFile(x.w.disk+newSuffix, data, 0o666); err != nil {
		return err
	}
	return x.root.Rename(x.w.disk+newSuffix, x.w.disk+stateSuffix)
}

// hash reads the pieces back in order, out of memory as a rule.
func (x *pieces) hash(ctx context.Context, h hash.Hash) error {
	buf := make([]byte, copyBuffer)
	for i := range x.done {
		select {
		case <-x.done[i]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		piece := io.NewSectionReader(x.part, int64(i)*x.chunk, x.size(i))
		if _, err := io.CopyBuffer(h, struct{ io.Reader }{piece}, buf); err != nil {
			return err
		}
	}
	return nil
}
