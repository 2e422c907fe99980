package web

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/formats"
)

// heads remembers what was read of contents. Tensors, which are many, are kept
// apart from the rest: only comparisons want them.
type heads struct {
	insides kept[inside]
	tensors kept[[]formats.Tensor]
	*formats.Reader
}

// The memory of heads, about, in bytes.
const (
	maxInsides     = 16 << 20
	maxKeptTensors = 32 << 20
)

func newHeads() *heads {
	return &heads{kept[inside]{most: maxInsides}, kept[[]formats.Tensor]{most: maxKeptTensors}, formats.NewReader()}
}

// kept holds values that were read of contents. A digest has one content for ever,
// so what is kept stays true. Who gets a value shares it.
type kept[T any] struct {
	mu    sync.Mutex
	known map[blob.Digest]T
	size  int // of what is known, about, in bytes
	most  int
}

func (k *kept[T]) get(d blob.Digest) (T, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.known[d]
	return v, ok
}

// put keeps a value of a size. When there is too much, all else is forgotten.
func (k *kept[T]) put(d blob.Digest, v T, size int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.known[d]; ok || size > k.most {
		return
	}
	if k.size += size; k.known == nil || k.size > k.most {
		k.known, k.size = map[blob.Digest]T{}, size
	}
	k.known[d] = v
}

// size is about how much memory it takes.
func (in inside) size() int {
	n := 500
	for _, f := range slices.Concat(in.Facts, in.Metadata) {
		n += 64 + len(f.Name) + len(f.Value)
	}
	for _, v := range slices.Concat(in.Inputs, in.Outputs) {
		n += 64 + len(v.Name) + len(v.Type) + len(v.Shape)
	}
	return n
}

// tensorsOf gives the tensors of a safetensors file, as they are remembered or
// read; one that is damaged has those before the damage.
func (h *heads) tensorsOf(ctx context.Context, d blob.Digest, size int64, open func() (io.ReadSeekCloser, error)) ([]formats.Tensor, error) {
	if ts, ok := h.tensors.get(d); ok {
		return ts, nil
	}
	content, err := open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	read, err := h.Read(ctx, formats.Safetensors, content, size)
	if err != nil && !errors.Is(err, formats.ErrMalformed) {
		return nil, err
	}
	h.tensors.put(d, read.Tensors, sizeOf(read.Tensors))
	return read.Tensors, nil
}

// sizeOf is about how much memory tensors take.
func sizeOf(ts []formats.Tensor) int {
	n := 100
	for _, t := range ts {
		n += 80 + len(t.Name) + len(t.Type) + 8*len(t.Shape)
	}
	return n
}
