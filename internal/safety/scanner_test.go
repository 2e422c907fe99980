package safety

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
	s, opened := NewScanner(slog.New(slog.DiscardHandler)), 0
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
	s, opened := NewScanner(slog.New(slog.DiscardHandler)), 0
	for i := range maxKnown/300 + 10 {
		s.remember(fileOf("x", fmt.Sprint(i), &opened), Report{}, time.Time{})
	}
	if s.size > maxKnown || len(s.known) > 20 {
		t.Errorf("%d bytes, %d reports", s.size, len(s.known))
	}
}

// TestScannerFails: what the store cannot give is told as that, and tried again
// after a while.
func TestScannerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opened := NewScanner(slog.New(slog.DiscardHandler)), 0
		f := File{Path: "a", Digest: "sha256:a"}
		f.Open = func(context.Context) (io.ReadSeekCloser, error) { opened++; return nil, errors.New("gone") }
		for range 2 {
			w, err := s.All(context.Background(), []File{f, fileOf("b.json", "{}", new(int))})
			if err != nil || w.Verdict != Unscanned || !slices.Equal(w.Unreadable(), []string{"a"}) || w.Files[1].Verdict != Safe {
				t.Errorf("%+v, %v", w, err)
			}
		}
		if opened != 1 {
			t.Errorf("opened %d times", opened)
		}
		f.Open = func(context.Context) (io.ReadSeekCloser, error) { return closing{bytes.NewReader(nil)}, nil }
		time.Sleep(failedTime)
		if r, err := s.Scan(context.Background(), f); err != nil || r.Verdict != Safe || r.Unreadable {
			t.Error(r, err)
		}
	})
}

// TestScannerStopped: whoever goes away gets no report, and leaves none.
func TestScannerStopped(t *testing.T) {
	s := NewScanner(slog.New(slog.DiscardHandler))
	f := fileOf("b", "", new(int))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Scan(ctx, f); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestScannerTogether(t *testing.T) {
	s := NewScanner(slog.New(slog.DiscardHandler))
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
