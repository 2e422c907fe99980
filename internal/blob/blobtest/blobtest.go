// Package blobtest checks that a blob.Driver keeps the promises of the
// interface, alone and below a blob.Store.
package blobtest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Run checks drivers made by open, which gives an empty one at every call. At
// the end of each subtest nothing may be left but the blobs that it published.
func Run(t *testing.T, open func(t *testing.T) blob.Driver) {
	cases := map[string]func(*env){
		"Empty":                emptyStore,
		"Digests":              badDigests,
		"Sizes":                sizes,
		"Seek":                 seek,
		"SameContentAtOnce":    sameContentAtOnce,
		"ReadWhileDeleted":     readWhileDeleted,
		"FailedReader":         failedReader,
		"CutBody":              cutBody,
		"WrongSize":            wrongSize,
		"Limit":                limit,
		"Expectation":          expectation,
		"Cancel":               cancel,
		"Panic":                panicking,
		"CloseUnpublished":     closeUnpublished,
		"PublishTwice":         publishTwice,
		"PublishAfterClose":    publishAfterClose,
		"DedupVanished":        dedupVanished,
		"PublishedVanished":    publishedVanished,
		"Verify":               verify,
		"WalkOrder":            walkOrder,
		"WalkStops":            walkStops,
		"UploadIDs":            uploadIDs,
		"SuspendContinue":      suspendContinue,
		"SecondOpener":         secondOpener,
		"RemoveUpload":         removeUpload,
		"AbortAfterPublish":    abortAfterPublish,
		"SealedUpload":         sealedUpload,
		"PublishedByAnother":   publishedByAnother,
		"ClosedUpload":         closedUpload,
		"BeginWhileWalking":    beginWhileWalking,
		"ReserveMoreThanWrite": reserveMoreThanWrite,
		"Truncate":             truncate,
		"OpenUpload":           openUpload,
		"Resume":               resume,
		"ResumeBroken":         resumeBroken,
		"ResumeChecked":        resumeChecked,
		"ResumeTooLong":        resumeTooLong,
		"ResumeUnsaved":        resumeUnsaved,
		"ResumeLost":           resumeLost,
		"ResumeSecondOpener":   resumeSecondOpener,
		"ResumeDamagedState":   resumeDamagedState,
		"Join":                 join,
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			e := &env{T: t, d: d, s: blob.New(d, blob.Options{}), kept: map[blob.Digest]bool{}}
			t.Cleanup(e.nothingLeft)
			cases[name](e)
		})
	}
}

// env is one driver under test; kept are the blobs that it should have.
type env struct {
	*testing.T
	d    blob.Driver
	s    *blob.Store
	kept map[blob.Digest]bool
}

// bg is the context of steps that are not about contexts; that of the test is
// cancelled before its cleanup.
var bg = context.Background()

// ok ends the test when a step that must succeed did not.
func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// kind checks the kind and the noun of an error.
func (e *env) kind(err error, k fault.Kind, noun string) *fault.Error {
	e.Helper()
	f, ok := fault.As(err)
	if !ok || f.Kind != k || f.Noun != noun {
		e.Fatalf("got error %v, want %s %q", err, k, noun)
	}
	return f
}

// stage stages b and closes it with the test.
func (e *env) stage(b []byte) *blob.Staged {
	e.Helper()
	st, err := e.s.Stage(bg, bytes.NewReader(b), blob.StageOptions{Size: int64(len(b))})
	e.ok(err)
	e.Cleanup(func() { st.Close() })
	return st
}

// put stores b.
func (e *env) put(b []byte) blob.Digest {
	e.Helper()
	st := e.stage(b)
	e.ok(st.Publish(bg))
	e.ok(st.Close())
	e.kept[st.Digest] = true
	return st.Digest
}

// drop deletes a blob.
func (e *env) drop(d blob.Digest) {
	e.Helper()
	e.ok(e.s.Delete(bg, d))
	delete(e.kept, d)
}

// has checks that d has the content want.
func (e *env) has(d blob.Digest, want []byte) {
	e.Helper()
	f, err := e.s.Open(bg, d, int64(len(want)))
	e.ok(err)
	defer f.Close()
	got, err := io.ReadAll(f)
	e.ok(err)
	if !bytes.Equal(got, want) {
		e.Fatalf("blob %s has %d bytes that differ from the %d stored", d, len(got), len(want))
	}
	info, err := e.s.Stat(bg, d)
	e.ok(err)
	if info.Digest != d || info.Size != int64(len(want)) || info.ModTime.IsZero() {
		e.Errorf("Stat(%s) = %+v", d, info)
	}
}

// begin opens an upload and aborts it with the test.
func (e *env) begin(id string) blob.Upload {
	e.Helper()
	up, err := e.d.Begin(bg, id)
	e.ok(err)
	e.Cleanup(func() { up.Abort() })
	return up
}

// write appends b.
func (e *env) write(up blob.Upload, b []byte) {
	e.Helper()
	n, err := up.Write(b)
	if n != len(b) || err != nil {
		e.Fatalf("Write = %d, %v; want %d", n, err, len(b))
	}
}

func (e *env) blobs() []blob.Digest {
	e.Helper()
	var list []blob.Digest
	e.ok(e.s.Walk(bg, func(i blob.Info) error { list = append(list, i.Digest); return nil }))
	return list
}

func (e *env) uploads() []blob.UploadInfo {
	e.Helper()
	var list []blob.UploadInfo
	e.ok(e.s.WalkUploads(bg, func(u blob.UploadInfo) error { list = append(list, u); return nil }))
	return list
}

// nothingLeft checks what every case has to leave behind.
func (e *env) nothingLeft() {
	if diff := cmp.Diff(slices.Sorted(maps.Keys(e.kept)), e.blobs()); diff != "" {
		e.Errorf("blobs left behind (-want +got):\n%s", diff)
	}
	for _, d := range e.blobs() {
		e.drop(d)
	}
	if left := e.blobs(); left != nil {
		e.Errorf("blobs left behind after deleting all: %v", left)
	}
	if left := e.uploads(); left != nil {
		e.Errorf("uploads left behind: %+v", left)
	}
}

// Random gives n bytes that look random and depend on seed only.
func Random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// Bench measures [blob.Store.Stage] over drivers made by open, from a source
// that costs next to nothing, at sizes from 4 KiB to 64 MiB.
func Bench(b *testing.B, open func(b *testing.B) blob.Driver) {
	for _, c := range []struct {
		name string
		size int64
	}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}, {"64MiB", 64 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			s := blob.New(open(b), blob.Options{})
			b.SetBytes(c.size)
			for b.Loop() {
				st, err := s.Stage(bg, Repeat(c.size), blob.StageOptions{Size: c.size})
				if err != nil {
					b.Fatal(err)
				}
				if err := st.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// pattern is what [Repeat] repeats; random, lest a disk that compresses shines.
var pattern = Random(1, 1<<20)

// Repeat gives a body of n bytes at the price of copying them.
func Repeat(n int64) io.Reader { return &repeat{left: n} }

type repeat struct {
	left int64
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], pattern[r.at:])
	r.at = (r.at + n) % len(pattern)
	r.left -= int64(n)
	return n, nil
}
