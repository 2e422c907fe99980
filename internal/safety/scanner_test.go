package safety

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

// fileOf is a file of that content, which counts how often it is opened.
func fileOf(path, content string, opened *int) File {
	return File{Path: path, Digest: blob.Digest("sha256:" + content), Size: int64(len(content)), Open: func(context.Context) (io.ReadSeekCloser, error) {
		*opened++
		return closing{strings.NewReader(content)}, nil
	}}
}

// TestScannerRemembers: a content is read once for each name that it has.
func TestScannerRemembers(t *testing.T) {
	s, opened := NewScanner(), 0
	bad := "cos\nsystem\n(S'true'\ntR."
	for range 2 {
		w, err := s.All(context.Background(), []File{fileOf("a/model.pkl", bad, &opened), fileOf("b/model.pkl", bad, &opened), fileOf("x.json", "{}", &opened)})
		if err != nil || w.Verdict != Unsafe || len(w.Files) != 3 || w.Waiting != 0 || w.Files[2].Verdict != Safe {
			t.Errorf("%+v, %v", w, err)
		}
	}
	if opened != 2 {
		t.Errorf("opened %d times", opened)
	}
	if r, err := s.Scan(context.Background(), fileOf("model.json", bad, &opened)); err != nil || len(r.Findings) < 2 {
		t.Errorf("under another name: %+v, %v", r, err)
	}
}

// TestScannerForgets: what is remembered has a bound.
func TestScannerForgets(t *testing.T) {
	s, opened := NewScanner(), 0
	for i := range maxKnown/300 + 10 {
		s.remember(fileOf("x", fmt.Sprint(i), &opened), Report{})
	}
	if s.size > maxKnown || len(s.known) > 20 {
		t.Errorf("%d bytes, %d reports", s.size, len(s.known))
	}
}

// TestScannerFails: an error of the store is not remembered as a verdict.
func TestScannerFails(t *testing.T) {
	s, gone := NewScanner(), errors.New("gone")
	f := File{Path: "a", Digest: "sha256:a", Open: func(context.Context) (io.ReadSeekCloser, error) { return nil, gone }}
	if _, err := s.Scan(context.Background(), f); !errors.Is(err, gone) {
		t.Error(err)
	}
	f.Open = func(context.Context) (io.ReadSeekCloser, error) { return closing{bytes.NewReader(nil)}, nil }
	if r, err := s.Scan(context.Background(), f); err != nil || r.Verdict != Safe {
		t.Error(r, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Scan(ctx, File{Path: "b", Digest: "sha256:b", Open: f.Open}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestScannerTogether(t *testing.T) {
	s := NewScanner()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			opened := 0
			if r, err := s.Scan(context.Background(), fileOf("m.pkl", "N.", &opened)); err != nil || r.Verdict != Safe {
				t.Error(r, err)
			}
		})
	}
	group.Wait()
}
