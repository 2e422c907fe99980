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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
)

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

// fileOf is a file of that content, which counts how often it is opened.
func fileOf(path, content string, opened *atomic.Int64) File {
	return File{Path: path, Digest: blob.Digest("sha256:" + content), Size: int64(len(content)), Open: func(context.Context) (io.ReadSeekCloser, error) {
		opened.Add(1)
		return closing{strings.NewReader(content)}, nil
	}}
}

func newScanner() *Scanner { return NewScanner(slog.New(slog.DiscardHandler)) }

// running runs a scanner until the test ends.
func running(t *testing.T, s *Scanner) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { stop(); group.Wait() })
}

func all(t *testing.T, s *Scanner, files ...File) Whole {
	t.Helper()
	w, err := s.All(t.Context(), files, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const calls = "cos\nsystem\n(S'true'\ntR."

// TestScannerRemembers: a content is read once for each name that it has.
func TestScannerRemembers(t *testing.T) {
	s, opened := newScanner(), new(atomic.Int64)
	running(t, s)
	for range 2 {
		w := all(t, s, fileOf("a/model.pkl", calls, opened), fileOf("b/model.pkl", calls, opened), fileOf("x.json", "{}", opened))
		if w.Verdict != Unsafe || len(w.Files) != 3 || w.Waiting != 0 || w.Files[1].Verdict != Unsafe || w.Files[2].Verdict != Safe {
			t.Errorf("%+v", w)
		}
	}
	if n := opened.Load(); n != 2 {
		t.Errorf("opened %d times", n)
	}
	if w := all(t, s, fileOf("model.json", calls, opened)); len(w.Files[0].Findings) < 2 {
		t.Errorf("under another name: %+v", w)
	}
}

// TestScannerForgets: what is remembered has a bound.
func TestScannerForgets(t *testing.T) {
	s := newScanner()
	for i := range maxKnown/300 + 10 {
		s.remember(fileOf("x", fmt.Sprint(i), nil), Report{}, time.Time{})
	}
	if s.size > maxKnown || len(s.known) > 20 {
		t.Errorf("%d bytes, %d reports", s.size, len(s.known))
	}
}

// TestScannerFails: what the store cannot give is told as that, and tried again
// after a while; so is what breaks the server's own reading.
func TestScannerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opened := newScanner(), 0
		running(t, s)
		f := File{Path: "a", Digest: "sha256:a"}
		f.Open = func(context.Context) (io.ReadSeekCloser, error) { opened++; return nil, errors.New("gone") }
		for range 2 {
			w := all(t, s, f, fileOf("b.json", "{}", new(atomic.Int64)))
			if w.Verdict != Unscanned || !slices.Equal(w.Unreadable(), []string{"a"}) || w.Files[1].Verdict != Safe {
				t.Errorf("%+v", w)
			}
		}
		if opened != 1 {
			t.Errorf("opened %d times", opened)
		}
		f.Open = func(context.Context) (io.ReadSeekCloser, error) { return closing{bytes.NewReader(nil)}, nil }
		time.Sleep(failedTime)
		if w := all(t, s, f); w.Verdict != Safe || w.Unreadable() != nil {
			t.Errorf("%+v", w)
		}
		f.Digest, f.Open = "sha256:b", func(context.Context) (io.ReadSeekCloser, error) { panic("broken") }
		if w := all(t, s, f); w.Verdict != Suspicious || w.Unreadable() != nil {
			t.Errorf("%+v", w)
		}
	})
}

// TestScannerWaits: whoever asks waits no longer than they want, and is told later
// what was found meanwhile; who goes away waits no more.
func TestScannerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, turn := newScanner(), make(chan struct{})
		running(t, s)
		slow, opened := fileOf("m.pkl", calls, new(atomic.Int64)), new(atomic.Int64)
		open := slow.Open
		slow.Open = func(ctx context.Context) (io.ReadSeekCloser, error) { <-turn; return open(ctx) }
		files := []File{slow, fileOf("x.json", "{}", opened)}
		w, err := s.All(t.Context(), files, time.Second)
		if err != nil || w.Waiting != 1 || !w.Files[0].Waiting || w.Verdict != Unscanned || w.Files[1].Waiting || w.Files[1].Verdict != Safe {
			t.Errorf("%+v, %v", w, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.All(ctx, files, time.Second); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		close(turn)
		synctest.Wait()
		w, err = s.All(t.Context(), files, 0)
		if err != nil || w.Waiting != 0 || w.Verdict != Unsafe || opened.Load() != 1 {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

// TestQueueTakesTurns: looks with many files and with few take turns; a file waits
// once, and the queue has an end.
func TestQueueTakesTurns(t *testing.T) {
	q, opened := newQueue(), new(atomic.Int64)
	file := func(name string) File { return fileOf(name, name, opened) }
	many := q.add([]File{file("a1"), file("a2"), file("a3")})
	q.add([]File{file("b1")})
	if again := q.add([]File{file("a2"), file("c1")}); again[0] != many[1] {
		t.Error("a file waits twice")
	}
	var order []string
	for j := q.next(); j != nil; j = q.next() {
		order = append(order, j.Path)
		q.finish(j, Report{})
	}
	if got := strings.Join(order, " "); got != "a1 b1 c1 a2 a3" {
		t.Errorf("the order is %s", got)
	}
	lots := make([]File, maxQueued+1)
	for i := range lots {
		lots[i] = file(fmt.Sprint(i))
	}
	if jobs := q.add(lots); jobs[maxQueued-1] == nil || jobs[maxQueued] != nil {
		t.Error("the queue has no end")
	}
}

// TestScannerStops: files that wait are left when the server stops.
func TestScannerStops(t *testing.T) {
	s, opened := newScanner(), new(atomic.Int64)
	s.queue.add([]File{fileOf("x", "{}", opened)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Run(ctx)
	if opened.Load() != 0 {
		t.Error("a file was opened")
	}
}

func TestScannerTogether(t *testing.T) {
	s := newScanner()
	running(t, s)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			w := all(t, s, fileOf("m.pkl", "N.", new(atomic.Int64)), fileOf("n.pkl", fmt.Sprintf("I%d\n.", i), new(atomic.Int64)))
			if w.Verdict != Safe {
				t.Errorf("%+v", w)
			}
		})
	}
	group.Wait()
}
