package blobtest

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"io"
	"slices"
	"testing/iotest"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// truncate writes, goes back, and writes something else.
func truncate(e *env) {
	b := Random(30, 3<<20)
	up := e.begin("one")
	e.write(up, b[:1<<20])
	e.ok(up.Save())
	e.write(up, b[:1000])
	e.ok(up.Suspend())
	up = e.begin("one")
	if up.Offset() != 1<<20+1000 {
		e.Fatalf("Offset = %d after Suspend", up.Offset())
	}
	e.kind(up.Truncate(2<<20), fault.NotFound, "upload")
	e.ok(up.Truncate(1 << 20))
	if up.Offset() != 1<<20 {
		e.Fatalf("Offset = %d after Truncate", up.Offset())
	}
	e.write(up, b[1<<20:])
	e.ok(up.Save())
	e.ok(up.Publish(bg, sum(b)))
	e.kept[sum(b)] = true
	e.ok(up.Abort())
	e.has(sum(b), b)
}

func openUpload(e *env) {
	_, err := e.d.OpenUpload(bg, "one")
	e.kind(err, fault.NotFound, "upload")
	up := e.begin("one")
	e.write(up, []byte("content"))
	e.ok(up.Suspend())
	r, err := e.d.OpenUpload(bg, "one")
	e.ok(err)
	defer r.Close()
	e.ok(e.d.RemoveUpload(bg, "one"))
	// A reader goes on reading what was removed.
	if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
		e.Errorf("read %q, %v", got, err)
	}
	ctx, stop := context.WithCancel(bg)
	stop()
	if _, err := e.d.OpenUpload(ctx, "one"); !errors.Is(err, context.Canceled) {
		e.Errorf("OpenUpload with a cancelled context: %v", err)
	}
}

// partial is a resumable upload as its user sees it: what was saved is all that
// is known of it between two pieces.
type partial struct {
	*env
	at    blob.Progress
	saves []int64
}

// append resumes, appends r, and suspends.
func (p *partial) append(ctx context.Context, r io.Reader, o blob.AppendOptions) error {
	p.Helper()
	part, err := p.s.Resume(bg, "slow", p.at)
	p.ok(err)
	o.Save = func(at blob.Progress) error {
		p.at = at
		p.saves = append(p.saves, at.Offset)
		return nil
	}
	err = part.Append(ctx, r, o)
	if got := part.Progress(); got.Offset != p.at.Offset {
		p.Errorf("Progress is %d, saved was %d", got.Offset, p.at.Offset)
	}
	p.ok(part.Suspend())
	return err
}

// complete publishes what is held, which must be want.
func (p *partial) complete(want []byte) {
	p.Helper()
	if d, err := p.at.Digest(); err != nil || d != sum(want) {
		p.Errorf("the digest of the progress is %s, %v", d, err)
	}
	part, err := p.s.Resume(bg, "slow", p.at)
	p.ok(err)
	st := part.Stage()
	if st.Digest != sum(want) || st.Size != int64(len(want)) {
		p.Errorf("staged %s, %d bytes", st.Digest, st.Size)
	}
	p.ok(st.Publish(bg))
	p.ok(st.Close())
	p.kept[st.Digest] = true
	p.has(st.Digest, want)
}

// resume sends content in pieces of odd lengths; some writers are gone before
// they have suspended.
func resume(e *env) {
	b := Random(31, 9<<20+7)
	p := &partial{env: e}
	cuts := []int{0, 0, 1, 1000, 64 << 10, 5<<20 + 3, 6 << 20, len(b), len(b)}
	for i, cut := range cuts[1:] {
		piece := b[cuts[i]:cut]
		size := int64(len(piece))
		if i%2 == 1 {
			size = -1
		}
		e.ok(p.append(bg, iotest.HalfReader(bytes.NewReader(piece)), blob.AppendOptions{Size: size, Most: int64(len(b) - cuts[i])}))
		if p.at.Offset != int64(cut) {
			e.Fatalf("saved %d bytes, want %d", p.at.Offset, cut)
		}
		// As after a crash: bytes that nobody has saved.
		up := e.begin("slow")
		e.write(up, []byte("not saved"))
		e.ok(up.Suspend())
	}
	p.complete(b)
	p = &partial{env: e}
	p.complete(nil)
}

// resumeBroken: what came before a break is kept.
func resumeBroken(e *env) {
	b := Random(32, 12<<20)
	p := &partial{env: e}
	broken := errors.New("the line is down")
	for i, n := range append(slices.Clone(lengths), len(b)-1) {
		at := int(p.at.Offset)
		r := io.MultiReader(bytes.NewReader(b[at:max(n, at)]), iotest.ErrReader(broken))
		ctx, stop := context.WithCancel(bg)
		want := broken
		switch i % 3 {
		case 1:
			r = io.MultiReader(bytes.NewReader(b[at:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
			want = io.ErrUnexpectedEOF
		case 2:
			r = &hook{r: bytes.NewReader(b[at:]), n: n - at, then: stop}
			want = context.Canceled
		}
		if err := p.append(ctx, r, blob.AppendOptions{Size: -1, Most: int64(len(b) - at)}); !errors.Is(err, want) {
			e.Errorf("after %d bytes: %v, want %v", n, err, want)
		}
		if p.at.Offset < int64(n) {
			e.Errorf("%d bytes came, %d are saved", n, p.at.Offset)
		}
		stop()
	}
	at := p.at.Offset
	e.kind(p.append(bg, bytes.NewReader(nil), blob.AppendOptions{Size: 1, Most: 100}), fault.Invalid, "body")
	e.ok(p.append(bg, bytes.NewReader(b[at:]), blob.AppendOptions{Size: -1, Most: int64(len(b)) - at}))
	p.complete(b)
}

// resumeChecked: a piece with a checksum is taken whole or not at all.
func resumeChecked(e *env) {
	b := Random(33, 3<<20)
	p := &partial{env: e}
	check := func(of []byte) *blob.Check {
		want := sha1.Sum(of)
		return &blob.Check{Hash: sha1.New(), Sum: want[:]}
	}
	half := len(b) / 2
	e.ok(p.append(bg, bytes.NewReader(b[:half]), blob.AppendOptions{Size: int64(half), Most: int64(len(b)), Check: check(b[:half])}))
	rest := b[half:]
	most := int64(len(rest))
	e.kind(p.append(bg, bytes.NewReader(rest), blob.AppendOptions{Size: -1, Most: most, Check: check(b)}), fault.Invalid, "checksum")
	cut := io.MultiReader(bytes.NewReader(rest[:1<<20]), iotest.ErrReader(io.ErrUnexpectedEOF))
	e.kind(p.append(bg, cut, blob.AppendOptions{Size: -1, Most: most, Check: check(rest)}), fault.Invalid, "body")
	if p.at.Offset != int64(half) || len(p.saves) != 1 {
		e.Errorf("bytes that failed their check were saved: %d, %v", p.at.Offset, p.saves)
	}
	e.ok(p.append(bg, bytes.NewReader(rest), blob.AppendOptions{Size: -1, Most: most, Check: check(rest)}))
	p.complete(b)
}

// resumeTooLong: a body that is too long leaves nothing, announced or not.
func resumeTooLong(e *env) {
	p := &partial{env: e}
	b := Random(34, 2<<20)
	for _, most := range []int64{0, 1000, 1 << 20, int64(len(b)) - 1} {
		for _, size := range []int64{int64(len(b)), -1} {
			err := p.append(bg, bytes.NewReader(b), blob.AppendOptions{Size: size, Most: most})
			e.kind(err, fault.TooLarge, "file")
			if p.at.Offset != 0 {
				e.Fatalf("%d of at most %d bytes were saved", p.at.Offset, most)
			}
		}
	}
	part, err := blob.New(e.d, blob.Options{MaxSize: 10}).Resume(bg, "slow", p.at)
	e.ok(err)
	e.kind(part.Append(bg, bytes.NewReader(b), blob.AppendOptions{Size: -1, Most: 1 << 30}), fault.TooLarge, "file")
	e.ok(part.Abort())
}

// resumeUnsaved: when a progress cannot be noted, the one before holds.
func resumeUnsaved(e *env) {
	b := Random(35, 1<<20)
	p := &partial{env: e}
	e.ok(p.append(bg, bytes.NewReader(b[:1000]), blob.AppendOptions{Size: -1, Most: int64(len(b))}))
	part, err := e.s.Resume(bg, "slow", p.at)
	e.ok(err)
	lost := errors.New("no database")
	err = part.Append(bg, bytes.NewReader(b[1000:]), blob.AppendOptions{Size: -1, Most: int64(len(b)),
		Save: func(blob.Progress) error { return lost }})
	if !errors.Is(err, lost) || part.Progress().Offset != 1000 {
		e.Errorf("Append = %v at %d", err, part.Progress().Offset)
	}
	e.ok(part.Suspend())
	e.ok(p.append(bg, bytes.NewReader(b[1000:]), blob.AppendOptions{Size: -1, Most: int64(len(b))}))
	p.complete(b)
}

// resumeLost: bytes that are gone are not made up.
func resumeLost(e *env) {
	p := &partial{env: e}
	e.ok(p.append(bg, bytes.NewReader(Random(36, 1000)), blob.AppendOptions{Size: -1, Most: 1000}))
	e.ok(e.s.RemoveUpload(bg, "slow"))
	_, err := e.s.Resume(bg, "slow", p.at)
	e.kind(err, fault.NotFound, "upload")
}

func resumeSecondOpener(e *env) {
	part, err := e.s.Resume(bg, "slow", blob.Progress{})
	e.ok(err)
	_, err = e.s.Resume(bg, "slow", blob.Progress{})
	e.kind(err, fault.Busy, "upload")
	e.ok(part.Abort())
	e.ok(part.Abort())
}

func resumeDamagedState(e *env) {
	at := blob.Progress{Offset: 1, State: []byte("nonsense")}
	if _, err := e.s.Resume(bg, "slow", at); err == nil {
		e.Error("Resume took a damaged state")
	}
	if _, err := at.Digest(); err == nil {
		e.Error("Digest took a damaged state")
	}
}

// join stages parts in an order of their own, and puts them together.
func join(e *env) {
	b := Random(37, 5<<20+1)
	cuts := []int{0, 1 << 20, 1 << 20, 4<<20 + 1, len(b)}
	ids := []string{"a", "b", "c", "d"}
	for _, i := range []int{2, 0, 3, 1} {
		piece := b[cuts[i]:cuts[i+1]]
		st, err := e.s.Stage(bg, bytes.NewReader(piece), blob.StageOptions{ID: ids[i], Size: int64(len(piece))})
		e.ok(err)
		if st.Digest != sum(piece) {
			e.Errorf("part %d is staged as %s", i, st.Digest)
		}
		e.ok(st.Save())
		e.ok(st.Suspend())
		e.ok(st.Suspend())
		e.ok(st.Close()) // too late to drop anything
		if err := st.Save(); err == nil {
			e.Error("Save after Suspend succeeded")
		}
	}
	_, err := e.s.Join(bg, []string{"a", "missing"}, blob.StageOptions{Size: 2 << 20})
	e.kind(err, fault.NotFound, "upload")
	if _, err := e.s.Join(bg, []string{"a", "b"}, blob.StageOptions{Size: 1}); err == nil {
		e.Error("Join took parts of another size")
	}
	_, err = blob.New(e.d, blob.Options{MaxSize: 100}).Join(bg, ids, blob.StageOptions{Size: int64(len(b))})
	e.kind(err, fault.TooLarge, "file")
	_, err = e.s.Join(bg, ids, blob.StageOptions{Size: int64(len(b)), Expect: sum(nil)})
	e.kind(err, fault.Invalid, "digest")
	st, err := e.s.Join(bg, ids, blob.StageOptions{Size: int64(len(b)), Expect: sum(b)})
	e.ok(err)
	e.ok(st.Publish(bg))
	e.ok(st.Close())
	e.kept[sum(b)] = true
	e.has(sum(b), b)
	for _, id := range ids {
		e.ok(e.s.RemoveUpload(bg, id))
	}
}
