package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
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

// sharing is a driver whose uploads take over content by themselves, but for
// content of one byte.
type sharing struct {
	blob.Driver
	cloned, written int
}

type sharingUpload struct {
	blob.Upload
	d *sharing
}

func (d *sharing) Begin(ctx context.Context, id string) (blob.Upload, error) {
	up, err := d.Driver.Begin(ctx, id)
	return &sharingUpload{up, d}, err
}

func (d *sharing) OpenUpload(ctx context.Context, id string) (io.ReadCloser, error) {
	r, err := d.Driver.OpenUpload(ctx, id)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return &shared{Reader: bytes.NewReader(data), all: data}, err
}

type shared struct {
	*bytes.Reader
	all []byte
}

func (*shared) Close() error { return nil }

func (u *sharingUpload) Clone(r io.Reader) (bool, error) {
	s := r.(*shared)
	if len(s.all) == 1 {
		return false, nil
	}
	n, err := u.Upload.Write(s.all)
	u.d.cloned += n
	return err == nil, err
}

func (u *sharingUpload) Write(p []byte) (int, error) {
	u.d.written += len(p)
	return u.Upload.Write(p)
}

// TestJoinClones: what the driver takes over is read for its hash and not
// written again.
func TestJoinClones(t *testing.T) {
	d := &sharing{Driver: memblob.New()}
	s := blob.New(d, blob.Options{})
	ids, whole := []string{"a", "b", "c"}, ""
	for i, content := range []string{strings.Repeat("x", 200<<10), "y", "zz"} {
		st, err := s.Stage(t.Context(), strings.NewReader(content), blob.StageOptions{ID: ids[i], Size: -1})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(st.Save(), st.Suspend()); err != nil {
			t.Fatal(err)
		}
		whole += content
	}
	d.written = 0
	st, err := s.Join(t.Context(), ids, blob.StageOptions{Size: int64(len(whole))})
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256([]byte(whole))
	if st.Digest != blob.SumDigest(want[:]) || d.cloned != 200<<10+2 || d.written != 1 {
		t.Errorf("joined as %s; %d bytes were taken over, %d written", st.Digest, d.cloned, d.written)
	}
	if err := errors.Join(st.Publish(t.Context()), st.Close(), s.Verify(t.Context(), st.Digest)); err != nil {
		t.Error(err)
	}
}
