package blobtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

func walkOrder(e *env) {
	var want []blob.Digest
	for i := range byte(40) {
		want = append(want, e.put([]byte{i}))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, e.blobs()); diff != "" {
		e.Errorf("Walk (-want +got):\n%s", diff)
	}
}

func walkStops(e *env) {
	e.put([]byte("one"))
	e.put([]byte("two"))
	e.begin("up-1")
	e.begin("up-2")
	enough := errors.New("enough")
	calls := 0
	if err := e.s.Walk(bg, func(blob.Info) error { calls++; return enough }); err != enough || calls != 1 {
		e.Errorf("Walk = %v after %d calls", err, calls)
	}
	calls = 0
	if err := e.s.WalkUploads(bg, func(blob.UploadInfo) error { calls++; return enough }); err != enough || calls != 1 {
		e.Errorf("WalkUploads = %v after %d calls", err, calls)
	}
	ctx, stop := context.WithCancel(bg)
	stop()
	if err := e.s.Walk(ctx, func(blob.Info) error { return nil }); !errors.Is(err, context.Canceled) {
		e.Errorf("Walk with a cancelled context: %v", err)
	}
	if err := e.s.WalkUploads(ctx, func(blob.UploadInfo) error { return nil }); !errors.Is(err, context.Canceled) {
		e.Errorf("WalkUploads with a cancelled context: %v", err)
	}
	if _, err := e.d.Begin(ctx, "up-3"); !errors.Is(err, context.Canceled) {
		e.Errorf("Begin with a cancelled context: %v", err)
	}
}

func uploadIDs(e *env) {
	for _, id := range []string{"", ".", "..", "a/b", "../x", "a.b", "a b", "é", "a\x00", strings.Repeat("x", 129)} {
		_, err := e.d.Begin(bg, id)
		e.kind(err, fault.Invalid, "")
		e.kind(e.d.RemoveUpload(bg, id), fault.Invalid, "")
		_, err = e.d.OpenUpload(bg, id)
		e.kind(err, fault.Invalid, "")
	}
	for _, id := range []string{"a", "A-_9", strings.Repeat("x", 128)} {
		e.ok(e.begin(id).Abort())
	}
}

func suspendContinue(e *env) {
	b := Random(20, 3<<20)
	cuts := []int{0, 1000, 1 << 20, len(b)}
	for i, cut := range cuts[1:] {
		up := e.begin("slow")
		if up.Offset() != int64(cuts[i]) {
			e.Fatalf("Offset = %d, want %d", up.Offset(), cuts[i])
		}
		e.write(up, b[cuts[i]:cut])
		e.ok(up.Sync())
		if up.Offset() != int64(cut) {
			e.Fatalf("Offset = %d, want %d", up.Offset(), cut)
		}
		e.ok(up.Suspend())
		e.ok(up.Abort()) // too late to drop anything
		got := e.uploads()
		if len(got) != 1 || got[0].ID != "slow" || got[0].Live || got[0].Size != int64(cut) || got[0].ModTime.IsZero() {
			e.Fatalf("suspended: %+v", got)
		}
	}
	up := e.begin("slow")
	e.ok(up.Publish(bg, sum(b)))
	e.kept[sum(b)] = true
	e.ok(up.Abort())
	e.has(sum(b), b)
}

func secondOpener(e *env) {
	up := e.begin("one")
	e.write(up, []byte("content"))
	_, err := e.d.Begin(bg, "one")
	e.kind(err, fault.Busy, "upload")
	e.ok(up.Abort())
	up = e.begin("one")
	if up.Offset() != 0 {
		e.Errorf("an aborted upload came back with %d bytes", up.Offset())
	}
}

func removeUpload(e *env) {
	up := e.begin("one")
	e.write(up, []byte("content"))
	e.kind(e.s.RemoveUpload(bg, "one"), fault.Busy, "upload")
	if got := e.uploads(); len(got) != 1 || !got[0].Live || got[0].Size != 7 {
		e.Errorf("open: %+v", got)
	}
	e.ok(up.Suspend())
	e.ok(e.s.RemoveUpload(bg, "one"))
	e.ok(e.s.RemoveUpload(bg, "one"))
	if got := e.uploads(); got != nil {
		e.Errorf("removed: %+v", got)
	}
}

func abortAfterPublish(e *env) {
	b := Random(21, 100)
	up := e.begin("one")
	e.write(up, b)
	e.ok(up.Publish(bg, sum(b)))
	e.kept[sum(b)] = true
	// The id is free again, and belongs to whoever takes it.
	next := e.begin("one")
	e.ok(up.Abort())
	e.ok(up.Abort())
	if got := e.uploads(); len(got) != 1 || !got[0].Live {
		e.Errorf("the abort of a published upload hit another: %+v", got)
	}
	e.ok(next.Abort())
	e.has(sum(b), b)
}

// sealedUpload checks that what was published cannot be changed any more.
func sealedUpload(e *env) {
	b := Random(22, 100)
	e.put(b)
	for _, content := range [][]byte{b, Random(23, 100)} { // there before, and new
		up := e.begin("one")
		e.write(up, content)
		e.ok(up.Publish(bg, sum(content)))
		e.kept[sum(content)] = true
		if _, err := up.Write([]byte("x")); err == nil {
			e.Error("Write after Publish succeeded")
		}
		if err := up.Reserve(2 << 20); err == nil {
			e.Error("Reserve after Publish succeeded")
		}
		if err := up.Truncate(0); err == nil {
			e.Error("Truncate after Publish succeeded")
		}
		if err := up.Publish(bg, sum([]byte("other"))); err == nil {
			e.Error("Publish under a second digest succeeded")
		}
		e.ok(up.Sync())
		e.ok(up.Settle())
		e.ok(up.Settle())
		e.ok(up.Abort())
		e.has(sum(content), content)
		if up.Settle() == nil {
			e.Error("Settle of a closed upload succeeded")
		}
	}
}

// publishedByAnother: what was published, deleted, and published by somebody else
// is made sure of like any other.
func publishedByAnother(e *env) {
	b := Random(26, 100)
	one, two := e.begin("one"), e.begin("two")
	e.write(one, b)
	e.write(two, b)
	e.ok(one.Settle())
	e.ok(one.Publish(bg, sum(b)))
	e.ok(one.Publish(bg, sum(b)))
	e.ok(one.Settle())
	e.ok(e.s.Delete(bg, sum(b)))
	e.ok(two.Publish(bg, sum(b)))
	e.kept[sum(b)] = true
	for _, up := range []blob.Upload{one, two} {
		e.ok(up.Publish(bg, sum(b)))
		e.ok(up.Settle())
		e.ok(up.Abort())
	}
	e.has(sum(b), b)
}

func closedUpload(e *env) {
	for _, end := range []func(blob.Upload) error{blob.Upload.Abort, blob.Upload.Suspend} {
		up := e.begin("one")
		e.ok(end(up))
		e.ok(end(up))
		if _, err := up.Write([]byte("x")); err == nil {
			e.Error("Write to a closed upload succeeded")
		}
		if err := up.Sync(); err == nil {
			e.Error("Sync of a closed upload succeeded")
		}
		if err := up.Save(); err == nil {
			e.Error("Save of a closed upload succeeded")
		}
		if err := up.Truncate(0); err == nil {
			e.Error("Truncate of a closed upload succeeded")
		}
		if err := up.Reserve(2 << 20); err == nil {
			e.Error("Reserve of a closed upload succeeded")
		}
		if err := up.Publish(bg, sum(nil)); err == nil {
			e.Error("Publish of a closed upload succeeded")
		}
		e.ok(e.d.RemoveUpload(bg, "one"))
	}
}

// beginWhileWalking checks that looking at uploads does not get in the way of
// those who use them.
func beginWhileWalking(e *env) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := e.d.WalkUploads(bg, func(blob.UploadInfo) error { return nil }); err != nil {
					e.Error(err)
					return
				}
			}
		}
	})
	for i := range 200 {
		up, err := e.d.Begin(bg, "one")
		if err != nil {
			e.Error(err)
			break
		}
		end := up.Suspend
		if i%2 == 1 {
			end = up.Abort
		}
		if err := end(); err != nil {
			e.Error(err)
		}
	}
	close(done)
	wg.Wait()
	e.ok(e.d.RemoveUpload(bg, "one"))
}

func reserveMoreThanWrite(e *env) {
	b := Random(24, 100)
	up := e.begin("one")
	e.ok(up.Reserve(8 << 20))
	if up.Offset() != 0 {
		e.Errorf("Reserve moved the offset to %d", up.Offset())
	}
	e.write(up, b)
	e.ok(up.Publish(bg, sum(b)))
	e.kept[sum(b)] = true
	e.ok(up.Abort())
	e.has(sum(b), b)
}
