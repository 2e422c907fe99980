package blob_test

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/memblob"
)

// drip gives a byte every second.
type drip struct{ left int }

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Second)
	d.left--
	p[0] = 'x'
	return 1, nil
}

// TestAppendSavesOnASlowLine: what trickles in is saved every few seconds.
func TestAppendSavesOnASlowLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		part, err := blob.New(memblob.New(), blob.Options{}).Resume(t.Context(), "up-1", blob.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		var saves []int64
		err = part.Append(t.Context(), &drip{25}, blob.AppendOptions{Size: 25, Most: 30,
			Save: func(at blob.Progress) error { saves = append(saves, at.Offset); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if want := []int64{11, 22, 25}; !slices.Equal(saves, want) {
			t.Errorf("saved at %v, want %v", saves, want)
		}
		if err := part.Abort(); err != nil {
			t.Fatal(err)
		}
	})
}
