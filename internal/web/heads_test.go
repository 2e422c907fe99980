package web

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/apitest"
	"github.com/vitrine-ml/vitrine/internal/blob"
)

// contentOf is a content that is read from memory.
type contentOf struct{ *strings.Reader }

func (contentOf) Close() error { return nil }

// TestTensorsAreRemembered: the head of a content is read once, damaged or not.
func TestTensorsAreRemembered(t *testing.T) {
	h := newHeads()
	for name, content := range map[string]string{"good": sample(t, "model.safetensors"), "damaged": "\x10\x00\x00\x00\x00\x00\x00\x00{"} {
		d, opened := blob.Digest(name), 0
		open := func() (io.ReadSeekCloser, error) {
			if opened++; opened == 1 {
				return nil, errors.New("not now")
			}
			return contentOf{strings.NewReader(content)}, nil
		}
		if _, err := h.tensorsOf(t.Context(), d, int64(len(content)), open); err == nil {
			t.Error("an error is lost")
		}
		first, err := h.tensorsOf(t.Context(), d, int64(len(content)), open)
		apitest.OK(t, err)
		again, err := h.tensorsOf(t.Context(), d, int64(len(content)), open)
		apitest.OK(t, err)
		if opened != 2 || len(again) != len(first) || (len(first) > 0) != (name == "good") {
			t.Errorf("%s: opened %d times, %d and %d tensors", name, opened, len(first), len(again))
		}
	}
}

// TestKeptIsBounded: what is kept takes no more than it may.
func TestKeptIsBounded(t *testing.T) {
	k := kept[int]{most: 100}
	of := func(i int) blob.Digest { return blob.Digest(fmt.Sprint(i)) }
	for i := range 50 {
		k.put(of(i), i, 30)
		k.put(of(i), -1, 30)
		if v, ok := k.get(of(i)); !ok || v != i || len(k.known) > 3 || k.size != 30*len(k.known) {
			t.Fatalf("after %d: %d %t, %d values of %d bytes", i, v, ok, len(k.known), k.size)
		}
	}
	k.put(of(99), 99, 101)
	if _, ok := k.get(of(99)); ok || len(k.known) == 0 {
		t.Error("what is larger than all that may be kept pushed out the rest")
	}
}
