package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/blob/memblob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// table is a database of contents, which counts how often it is asked.
type table struct {
	all   map[blob.Digest][]byte
	asked int
}

var keptAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (t *table) Content(_ context.Context, d blob.Digest) ([]byte, time.Time, error) {
	t.asked++
	content, ok := t.all[d]
	if !ok {
		return nil, time.Time{}, fault.Missing("blob", d.Hex())
	}
	return content, keptAt, nil
}

// withRows makes a store that has rows.
func withRows() (*blob.Store, *memblob.Driver, *table) {
	d, rows := memblob.New(), &table{all: map[blob.Digest][]byte{}}
	return blob.New(d, blob.Options{Rows: rows}), d, rows
}

// keep stages a body and keeps it as whoever names it does.
func keep(t *testing.T, s *blob.Store, rows *table, body string, o blob.StageOptions) (d blob.Digest, inRow bool) {
	t.Helper()
	st, err := s.Stage(t.Context(), strings.NewReader(body), o)
	if err != nil {
		t.Fatal(err)
	}
	content, inRow := st.Row()
	if inRow {
		if string(content) != body {
			t.Errorf("the row has %d bytes of %d", len(content), len(body))
		}
		rows.all[st.Digest] = content
	}
	if err := errors.Join(st.Publish(t.Context()), st.Close(), st.Close()); err != nil || st.Size != int64(len(body)) {
		t.Errorf("%d bytes: %d, %v", len(body), st.Size, err)
	}
	return st.Digest, inRow
}

// holds checks what a store gives for a digest.
func holds(t *testing.T, s *blob.Store, d blob.Digest, want string) {
	t.Helper()
	f, err := s.Open(t.Context(), d, int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if _, serr := f.Seek(int64(len(want)/2), io.SeekStart); err != nil || serr != nil || string(got) != want {
		t.Errorf("read %d bytes of %d, %v, %v", len(got), len(want), err, serr)
	}
	half, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil || string(half) != want[len(want)/2:] {
		t.Errorf("the second half: %d bytes, %v", len(half), err)
	}
	info, err := s.Stat(t.Context(), d)
	if err != nil || info.Digest != d || info.Size != int64(len(want)) || info.ModTime.IsZero() {
		t.Errorf("%+v, %v", info, err)
	}
	if err := s.Verify(t.Context(), d); err != nil {
		t.Error(err)
	}
}

// TestWhatBecomesARow: small content of known size does, and everything is read
// by the same calls.
func TestWhatBecomesARow(t *testing.T) {
	for name, c := range map[string]struct {
		size  int
		o     blob.StageOptions
		inRow bool
	}{
		"empty":       {0, blob.StageOptions{}, true},
		"a byte":      {1, blob.StageOptions{Size: 1}, true},
		"largest":     {blob.RowSize, blob.StageOptions{Size: blob.RowSize}, true},
		"larger":      {blob.RowSize + 1, blob.StageOptions{Size: blob.RowSize + 1}, false},
		"unknown":     {1, blob.StageOptions{Size: -1}, false},
		"with a name": {1, blob.StageOptions{Size: 1, ID: "part-1"}, false},
	} {
		s, _, rows := withRows()
		body := string(blobtest.Random(1, c.size))
		d, inRow := keep(t, s, rows, body, c.o)
		if inRow != c.inRow {
			t.Errorf("%s: is a row: %v", name, inRow)
		}
		holds(t, s, d, body)
	}
}

// TestOldAndNewContents: what came before there were rows is read, also beside a
// row of the same content, and a store that makes no rows reads those there are.
func TestOldAndNewContents(t *testing.T) {
	d, rows := memblob.New(), &table{all: map[blob.Digest][]byte{}}
	before := blob.New(d, blob.Options{})
	after := blob.New(d, blob.Options{Rows: rows})
	filed := blob.New(d, blob.Options{Rows: rows, NoNewRows: true})
	small := blob.StageOptions{Size: 3}
	old, inRow := keep(t, before, rows, "old", small)
	if inRow {
		t.Error("a row without rows")
	}
	holds(t, after, old, "old")
	fresh, _ := keep(t, after, rows, "new", small)
	holds(t, filed, fresh, "new")
	if again, inRow := keep(t, after, rows, "old", small); again != old || !inRow {
		t.Errorf("%s is a row: %v", again, inRow)
	}
	holds(t, after, old, "old")
	if _, inRow := keep(t, filed, rows, "new", small); inRow {
		t.Error("a new row where none are wanted")
	}
}

// TestRowsThatFail: a bad body is refused as everywhere, and leaves nothing.
func TestRowsThatFail(t *testing.T) {
	s, d, _ := withRows()
	broken := errors.New("the line is down")
	for name, c := range map[string]struct {
		body io.Reader
		o    blob.StageOptions
		kind fault.Kind
		noun string
	}{
		"short":     {strings.NewReader("ab"), blob.StageOptions{Size: 3}, fault.Invalid, "body"},
		"long":      {strings.NewReader("abcd"), blob.StageOptions{Size: 3}, fault.Invalid, "body"},
		"other":     {strings.NewReader("abc"), blob.StageOptions{Size: 3, Expect: blob.Digest(strings.Repeat("0", 64))}, fault.Invalid, "digest"},
		"no digest": {strings.NewReader("abc"), blob.StageOptions{Size: 3, Expect: "x"}, fault.Invalid, ""},
		"limit":     {strings.NewReader("abc"), blob.StageOptions{Size: 3, Limit: 2}, fault.TooLarge, "file"},
		"broken":    {io.MultiReader(strings.NewReader("a"), brokenReader{broken}), blob.StageOptions{Size: 3}, fault.Internal, ""},
	} {
		st, err := s.Stage(t.Context(), c.body, c.o)
		e, _ := fault.As(err)
		if st != nil || fault.KindOf(err) != c.kind || c.noun != "" && e.Noun != c.noun {
			t.Errorf("%s: %v", name, err)
		}
	}
	noUploads(t, d)
	st, err := s.Stage(t.Context(), strings.NewReader("abc"), blob.StageOptions{Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	if st.Save() == nil {
		t.Error("a row was saved as an upload")
	}
	if st.Suspend() == nil || st.Suspend() != nil || st.Publish(t.Context()) == nil {
		t.Error("a row was suspended, or used afterwards")
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

// TestDamagedRow: a row that is not what its name says is found, though it was
// read whole before.
func TestDamagedRow(t *testing.T) {
	s, _, rows := withRows()
	d, _ := keep(t, s, rows, "weights", blob.StageOptions{Size: 7})
	holds(t, s, d, "weights")
	rows.all[d] = []byte("wEights")
	var corrupt *blob.CorruptError
	if err := s.Verify(t.Context(), d); !errors.As(err, &corrupt) || corrupt.Digest != d || corrupt.Size != 7 {
		t.Errorf("%v", err)
	}
	delete(rows.all, d)
	if err := s.Verify(t.Context(), d); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

// TestRecentContents: what is read again is not asked for again, until it is
// deleted, or too much was read in between.
func TestRecentContents(t *testing.T) {
	s, _, rows := withRows()
	open := func(d blob.Digest, size int64) error {
		f, err := s.Open(t.Context(), d, size)
		if err != nil {
			return err
		}
		return f.Close()
	}
	first, _ := keep(t, s, rows, "first", blob.StageOptions{Size: 5})
	for range 3 {
		if err := open(first, 5); err != nil {
			t.Fatal(err)
		}
	}
	if rows.asked != 1 {
		t.Errorf("asked %d times", rows.asked)
	}
	body := bytes.Repeat([]byte("x"), blob.RowSize)
	for i := range 600 { // 9.4 MiB
		copy(body, fmt.Sprint(i))
		d, _ := keep(t, s, rows, string(body), blob.StageOptions{Size: blob.RowSize})
		if err := open(d, blob.RowSize); err != nil {
			t.Fatal(err)
		}
	}
	rows.asked = 0
	if err := open(first, 5); err != nil || rows.asked != 1 {
		t.Errorf("asked %d times, %v", rows.asked, err)
	}
	delete(rows.all, first)
	if err := s.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := open(first, 5); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	second, _ := keep(t, s, rows, "second", blob.StageOptions{Size: 6})
	if err := open(second, 6); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(cancelled, second, 6); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
