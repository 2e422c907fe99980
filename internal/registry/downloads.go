package registry

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// maxDownloads bounds the packages that are remembered until the next flush.
const maxDownloads = 100_000

// downloads remembers which packages were downloaded from since the last flush:
// a write for each download would cost more than the download.
type downloads struct {
	mu   sync.Mutex
	seen map[int64]struct{}
}

func (d *downloads) note(packageID int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[int64]struct{}{}
	}
	if len(d.seen) < maxDownloads {
		d.seen[packageID] = struct{}{}
	}
}

func (d *downloads) take() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := slices.Sorted(maps.Keys(d.seen))
	d.seen = nil
	return ids
}

// FlushDownloads writes which packages were downloaded from since it was called
// last; the time is that of the call. Whoever serves calls it every few seconds
// and at the end.
func (r *Registry) FlushDownloads(ctx context.Context) error {
	ids := r.downloads.take()
	if len(ids) == 0 {
		return nil
	}
	now := r.now().UTC()
	return r.store.Update(ctx, func(tx Tx) error { return tx.DownloadedFrom(ctx, ids, now) })
}
