package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

func sum(b []byte) blob.Digest {
	h := sha256.Sum256(b)
	return blob.SumDigest(h[:])
}

func emptyStore(e *env) {
	d := sum([]byte("absent"))
	if got := e.blobs(); got != nil {
		e.Errorf("Walk gave %v", got)
	}
	_, err := e.s.Open(bg, d, 6)
	e.kind(err, fault.NotFound, "blob")
	_, err = e.s.Stat(bg, d)
	e.kind(err, fault.NotFound, "blob")
	e.kind(e.s.Verify(bg, d), fault.NotFound, "blob")
	e.ok(e.s.Delete(bg, d))
	e.ok(e.s.RemoveUpload(bg, "absent"))
}

func badDigests(e *env) {
	for _, d := range []blob.Digest{"", "sha256:", "sha256:00", "../../etc/passwd",
		blob.Digest("sha256:" + strings.Repeat("../", 21) + "x")} {
		_, err := e.d.Open(bg, d)
		e.kind(err, fault.Invalid, "")
		_, err = e.d.Stat(bg, d)
		e.kind(err, fault.Invalid, "")
		e.kind(e.d.Delete(bg, d), fault.Invalid, "")
		e.kind(e.s.Verify(bg, d), fault.Invalid, "")
		up := e.begin("up")
		e.kind(up.Publish(bg, d), fault.Invalid, "")
		e.ok(up.Abort())
	}
}

func sizes(e *env) {
	for i, n := range []int{0, 1, 4096, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 9<<20 + 7} {
		b := Random(byte(i), n)
		for _, announced := range []int64{int64(n), -1} {
			// Odd little reads at the small sizes, large ones at the large.
			var r io.Reader = bytes.NewReader(b)
			if n <= 4096 {
				r = iotest.OneByteReader(r)
			}
			st, err := e.s.Stage(bg, iotest.DataErrReader(r), blob.StageOptions{Size: announced, Expect: sum(b), Limit: int64(n)})
			e.ok(err)
			if st.Digest != sum(b) || st.Size != int64(n) {
				e.Errorf("Stage of %d bytes = %s, %d", n, st.Digest, st.Size)
			}
			e.ok(st.Publish(bg))
			e.ok(st.Close())
			e.kept[st.Digest] = true
			e.has(st.Digest, b)
			e.ok(e.s.Verify(bg, st.Digest))
		}
	}
}

func seek(e *env) {
	b := Random(1, 3<<20)
	f, err := e.s.Open(bg, e.put(b), int64(len(b)))
	e.ok(err)
	defer f.Close()
	for _, off := range []int64{2<<20 + 5, 0, 1, int64(len(b)) - 1, int64(len(b))} {
		at, err := f.Seek(off, io.SeekStart)
		e.ok(err)
		got, err := io.ReadAll(io.LimitReader(f, 1000))
		e.ok(err)
		want := b[off:min(off+1000, int64(len(b)))]
		if at != off || !bytes.Equal(got, want) {
			e.Errorf("read at %d: at %d, %d bytes, want %d", off, at, len(got), len(want))
		}
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end != int64(len(b)) {
		e.Errorf("Seek to the end = %d, %v", end, err)
	}
}

func sameContentAtOnce(e *env) {
	b := Random(2, 200<<10)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			st, err := e.s.Stage(bg, bytes.NewReader(b), blob.StageOptions{Size: -1})
			if err != nil {
				e.Error(err)
				return
			}
			if err := errors.Join(st.Publish(bg), st.Publish(bg), st.Close()); err != nil {
				e.Error(err)
			}
		})
	}
	wg.Wait()
	e.kept[sum(b)] = true
	e.has(sum(b), b)
}

func readWhileDeleted(e *env) {
	b := Random(3, 5<<20)
	d := e.put(b)
	f, err := e.s.Open(bg, d, int64(len(b)))
	e.ok(err)
	defer f.Close()
	head := make([]byte, 1000)
	_, err = io.ReadFull(f, head)
	e.ok(err)
	e.drop(d)
	rest, err := io.ReadAll(f)
	e.ok(err)
	if !bytes.Equal(append(head, rest...), b) {
		e.Error("a reader lost the content when the blob was deleted")
	}
	_, err = e.s.Open(bg, d, int64(len(b)))
	e.kind(err, fault.NotFound, "blob")
}

// lengths are how many bytes come before a body goes wrong: none, within the
// part that is copied inline, and far enough for the pipeline to be running.
var lengths = []int{0, 1000, 64<<10 + 1, 7 << 20}

func failedReader(e *env) {
	broken := errors.New("the line is down")
	for _, n := range lengths {
		r := io.MultiReader(bytes.NewReader(Random(4, n)), iotest.ErrReader(broken))
		_, err := e.s.Stage(bg, r, blob.StageOptions{Size: -1})
		if !errors.Is(err, broken) || fault.KindOf(err) != fault.Internal {
			e.Errorf("after %d bytes: got %v, want the error of the reader", n, err)
		}
	}
}

func cutBody(e *env) {
	for _, n := range lengths {
		for _, last := range []error{io.EOF, io.ErrUnexpectedEOF} {
			r := io.MultiReader(bytes.NewReader(Random(5, n)), iotest.ErrReader(last))
			_, err := e.s.Stage(bg, r, blob.StageOptions{Size: int64(n) + 1})
			f := e.kind(err, fault.Invalid, "body")
			if !errors.Is(err, io.ErrUnexpectedEOF) || f.Msg != "ended before its announced length" {
				e.Errorf("after %d bytes and %v: got %v", n, last, err)
			}
		}
	}
	_, err := e.s.Stage(bg, iotest.ErrReader(io.ErrUnexpectedEOF), blob.StageOptions{Size: -1})
	e.kind(err, fault.Invalid, "body")
}

func wrongSize(e *env) {
	for _, n := range lengths[1:] {
		_, err := e.s.Stage(bg, bytes.NewReader(Random(6, n)), blob.StageOptions{Size: int64(n) - 1})
		e.kind(err, fault.Invalid, "body")
	}
	_, err := e.s.Stage(bg, strings.NewReader("x"), blob.StageOptions{})
	e.kind(err, fault.Invalid, "body")
}

func limit(e *env) {
	for _, n := range lengths[1:] {
		most := int64(n) - 1
		for _, c := range []struct{ store, stage int64 }{{most, 0}, {0, most}, {most, most + 9}, {most + 9, most}} {
			s := blob.New(e.d, blob.Options{MaxSize: c.store})
			r := bytes.NewReader(Random(7, n))
			_, err := s.Stage(bg, r, blob.StageOptions{Size: int64(n), Limit: c.stage})
			e.kind(err, fault.TooLarge, "file")
			if r.Len() != n {
				e.Errorf("%d bytes were read of a body that announced itself as too large", n-r.Len())
			}
			_, err = s.Stage(bg, r, blob.StageOptions{Size: -1, Limit: c.stage})
			e.kind(err, fault.TooLarge, "file")
		}
	}
}

func expectation(e *env) {
	for _, n := range lengths {
		b := Random(8, n)
		other := sum([]byte("something else"))
		_, err := e.s.Stage(bg, bytes.NewReader(b), blob.StageOptions{Size: -1, Expect: other})
		f := e.kind(err, fault.Invalid, "digest")
		if f.Field != "sha256" || !strings.Contains(f.Msg, other.Hex()) || !strings.Contains(f.Msg, sum(b).Hex()) {
			e.Errorf("got %+v", f)
		}
		upper := blob.Digest(strings.ToUpper(sum(b).Hex()))
		st, err := e.s.Stage(bg, bytes.NewReader(b), blob.StageOptions{Size: -1, Expect: upper})
		e.ok(err)
		e.ok(st.Close())
	}
	_, err := e.s.Stage(bg, strings.NewReader(""), blob.StageOptions{Expect: "nonsense"})
	e.kind(err, fault.Invalid, "")
}

// hook calls then, once, before the read that follows n bytes.
type hook struct {
	r    io.Reader
	n    int
	then func()
}

func (h *hook) Read(p []byte) (int, error) {
	if h.n <= 0 && h.then != nil {
		h.then()
		h.then = nil
	}
	n, err := h.r.Read(p)
	h.n -= n
	return n, err
}

func cancel(e *env) {
	for _, n := range lengths {
		ctx, stop := context.WithCancel(bg)
		r := &hook{r: bytes.NewReader(Random(9, n+(9<<20))), n: n, then: stop}
		_, err := e.s.Stage(ctx, r, blob.StageOptions{Size: -1})
		if !errors.Is(err, context.Canceled) {
			e.Errorf("cancelled after %d bytes: %v", n, err)
		}
		_, err = e.s.Stage(ctx, strings.NewReader(""), blob.StageOptions{})
		if !errors.Is(err, context.Canceled) {
			e.Errorf("Stage with a cancelled context: %v", err)
		}
	}
}

func panicking(e *env) {
	for _, n := range lengths {
		func() {
			defer func() {
				if got := recover(); got != "reader" {
					e.Errorf("recovered %v", got)
				}
			}()
			r := &hook{r: bytes.NewReader(Random(10, n+(1<<20))), n: n, then: func() { panic("reader") }}
			_, err := e.s.Stage(bg, r, blob.StageOptions{Size: -1})
			e.Errorf("a panic of the reader was swallowed: %v", err)
		}()
	}
}

func closeUnpublished(e *env) {
	st := e.stage(Random(11, 100))
	if got := e.uploads(); len(got) != 1 || !got[0].Live || got[0].Size != 100 {
		e.Errorf("while staged: %+v", got)
	}
	e.ok(st.Close())
	e.ok(st.Close())
}

func publishTwice(e *env) {
	b := Random(12, 100)
	st := e.stage(b)
	e.ok(st.Publish(bg))
	e.ok(st.Publish(bg))
	e.kept[st.Digest] = true
	e.ok(st.Close())
	e.ok(st.Close())
	e.has(st.Digest, b)
}

func publishAfterClose(e *env) {
	st := e.stage(Random(13, 100))
	e.ok(st.Close())
	if err := st.Publish(bg); err == nil {
		e.Error("Publish after Close succeeded")
	}
	ctx, stop := context.WithCancel(bg)
	stop()
	st = e.stage(Random(13, 100))
	if err := st.Publish(ctx); !errors.Is(err, context.Canceled) {
		e.Errorf("Publish with a cancelled context: %v", err)
	}
}

func dedupVanished(e *env) {
	b := Random(14, 2<<20)
	d := e.put(b)
	st := e.stage(b)
	e.ok(st.Publish(bg))
	e.drop(d)
	e.ok(st.Publish(bg))
	e.kept[d] = true
	e.ok(st.Close())
	e.has(d, b)
}

func publishedVanished(e *env) {
	b := Random(15, 100)
	st := e.stage(b)
	e.ok(st.Publish(bg))
	e.ok(e.s.Delete(bg, st.Digest))
	if err := st.Publish(bg); err == nil {
		e.kept[st.Digest] = true
		e.has(st.Digest, b)
	} else if !fault.Is(err, fault.Busy) {
		e.Errorf("Publish of a vanished blob: %v", err)
	}
	// Whatever became of it, the bytes may be stored again.
	e.put(b)
}

// verify checks good blobs, and a bad one made by publishing under a name that
// is not that of the content; drivers do not look.
func verify(e *env) {
	for _, n := range []int{0, 100, 3<<20 + 1} {
		e.ok(e.s.Verify(bg, e.put(Random(16, n))))
	}
	b, name := Random(17, 1<<20), sum([]byte("wrong name"))
	up := e.begin("bad")
	e.write(up, b)
	e.ok(up.Publish(bg, name))
	e.kept[name] = true
	bad, ok := errors.AsType[*blob.CorruptError](e.s.Verify(bg, name))
	if !ok {
		e.Fatal("Verify passed a corrupt blob")
	}
	if diff := cmp.Diff(&blob.CorruptError{Digest: name, Got: sum(b), Size: 1 << 20}, bad); diff != "" {
		e.Error(diff)
	}
	ctx, stop := context.WithCancel(bg)
	stop()
	if err := e.s.Verify(ctx, name); !errors.Is(err, context.Canceled) {
		e.Errorf("Verify with a cancelled context: %v", err)
	}
}
