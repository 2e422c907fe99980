package registry

import (
	"context"
	"sync"
)

// maxDownloads bounds the packages that are remembered until the next flush.
const maxDownloads = 100_000

// downloads counts the files of packages that were downloaded since the last
// flush: a write for each download would cost more than the download.
type downloads struct {
	mu   sync.Mutex
	seen map[int64]int64
}

func (d *downloads) note(packageID int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[int64]int64{}
	}
	if _, known := d.seen[packageID]; known || len(d.seen) < maxDownloads {
		d.seen[packageID]++
	}
}

func (d *downloads) take() map[int64]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.seen
	d.seen = nil
	return seen
}

// FlushDownloads writes what was downloaded from which packages since it was called
// last; the time is that of the call. Whoever serves calls it every few seconds
// and at the end.
func (r *Registry) FlushDownloads(ctx context.Context) error {
	seen := r.downloads.take()
	if len(seen) == 0 {
		return nil
	}
	now := r.now().UTC()
	return r.store.Update(ctx, func(tx Tx) error { return tx.DownloadedFrom(ctx, seen, now) })
}
