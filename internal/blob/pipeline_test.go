package blob

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// counted sums what is written, and fails after limit bytes.
type counted struct {
	sum   func([]byte)
	n     int
	limit int
	large int // of the largest write
}

var errFull = errors.New("full")

func (c *counted) Write(p []byte) (int, error) {
	if c.n+len(p) > c.limit {
		return 0, errFull
	}
	c.sum(p)
	c.n += len(p)
	c.large = max(c.large, len(p))
	return len(p), nil
}

// More long copies at once than there are wide slots: all bytes arrive in
// order, some went by wide buffers, and every slot is free again.
func TestCopyLongBodies(t *testing.T) {
	const size = wideAfter + 23<<20 + 17
	var wg sync.WaitGroup
	var mu sync.Mutex
	wides := 0
	for i := range maxWide + 2 {
		wg.Go(func() {
			limit := 1 << 40
			if i == 0 {
				limit = wideAfter + 9<<20
			}
			want, hashed, written := sha256.New(), sha256.New(), sha256.New()
			body := io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), size)
			w := &counted{sum: func(p []byte) { written.Write(p) }, limit: limit}
			src := &source{ctx: t.Context(), r: io.TeeReader(body, want), size: -1, skew: i * 100}
			err := copyHashed(src, w, func(p []byte) { hashed.Write(p) })
			mu.Lock()
			defer mu.Unlock()
			if w.large == wide.size {
				wides++
			}
			if i == 0 {
				if !errors.Is(err, errFull) {
					t.Errorf("a full disk: %v", err)
				}
				return
			}
			sum := want.Sum(nil)
			if err != nil || w.n != size || !bytes.Equal(hashed.Sum(nil), sum) || !bytes.Equal(written.Sum(nil), sum) {
				t.Errorf("copy %d: %v, %d bytes of %d", i, err, w.n, size)
			}
		})
	}
	wg.Wait()
	if wides == 0 || len(wideSlots) != 0 {
		t.Errorf("%d copies had wide buffers, %d slots are still taken", wides, len(wideSlots))
	}
}
