package fsblob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

const (
	// reserveFrom spares small files a system call that cannot pay.
	reserveFrom = 1 << 20
	// writebackStep is how much is collected before the kernel is asked to
	// begin writing it to disk.
	writebackStep = 16 << 20
	// cachedPiece is how much is written into the page cache at once. For more the
	// kernel looks for that much memory in one piece, which takes longer than to
	// copy into it: in a virtual machine, such memory is often not there yet.
	cachedPiece = 64 << 10
	// directFrom is the size from which a file is written around the page
	// cache. Smaller ones are likely to be read again soon.
	directFrom = 64 << 20
)

var (
	errClosed = errors.New("fsblob: upload used after it was closed")
	errSealed = errors.New("fsblob: upload changed after Publish")
)

// upload is a locked temp file. Its life: written, then sealed by the first
// Publish, held until a Publish moves the file, closed at the end.
type upload struct {
	d        *Driver
	f        *os.File
	path     string
	off      int64
	started  int64       // up to here, write-back was asked for
	reserved int64       // up to here, space may be allocated
	direct   bool        // f is set to direct writing
	buffered bool        // f cannot be written directly
	dirty    bool        // not known to be on disk as it is
	named    bool        // the temp name is known to be on disk
	held     bool        // path still names our bytes
	closed   bool        // f is no longer open
	sealed   blob.Digest // the digest of the first Publish
	unsynced string      // the folder that Settle has to sync; empty: none
}

var _ blob.Cloner = (*upload)(nil)

// Begin opens the upload named id.
func (d *Driver) Begin(ctx context.Context, id string) (blob.Upload, error) {
	f, err := d.claim(ctx, id, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	off, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		unlock(f)
		return nil, errors.Join(err, f.Close())
	}
	// Dirty from the start: what an earlier process wrote may not have reached
	// the disk, nor has the file itself if it is new.
	return &upload{d: d, f: f, path: f.Name(), off: off, started: off, held: true, dirty: true}, nil
}

// usable reports why the content cannot be changed, if so.
func (u *upload) usable() error {
	switch {
	case u.closed:
		return errClosed
	case u.sealed != "":
		return errSealed
	}
	return nil
}

func (u *upload) Offset() int64 { return u.off }

func (u *upload) Write(p []byte) (int, error) {
	if err := u.usable(); err != nil {
		return 0, err
	}
	n, err := u.write(p)
	u.off += int64(n)
	u.dirty = u.dirty || n > 0
	if err != nil {
		return n, ioFault(err)
	}
	// Left alone, the kernel begins after seconds or gigabytes; the disk would
	// idle until the final Sync, which would then take all the time.
	if u.direct {
		u.started = u.off
	}
	if u.off-u.started >= writebackStep {
		startWriteback(u.f, u.started, u.off-u.started)
		u.started = u.off
	}
	return n, nil
}

// write writes p where the file ends: directly when the file is large and p is
// fit for it, else by the page cache. Both may follow each other.
func (u *upload) write(p []byte) (int, error) {
	want := !u.buffered && max(u.off, u.reserved) >= directFrom && mayDirect(p, u.off)
	if want != u.direct {
		if err := setDirect(u.f, want); err != nil {
			u.buffered = true
			return u.cached(p)
		}
		u.direct = want
	}
	if !u.direct {
		return u.cached(p)
	}
	n, err := u.f.Write(p)
	if n > 0 || !noDirect(err) {
		return n, err
	}
	// Some file systems take the flag and refuse the write.
	u.buffered, u.direct = true, false
	if err := setDirect(u.f, false); err != nil {
		return 0, err
	}
	return u.cached(p)
}

// cached writes p into the page cache, by pieces.
func (u *upload) cached(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = u.f.Write(p[n:min(n+cachedPiece, len(p))])
		n += m
	}
	return n, err
}

func (u *upload) Reserve(size int64) error {
	if err := u.usable(); err != nil {
		return err
	}
	if size < reserveFrom || size <= u.off {
		return nil
	}
	u.reserved = max(u.reserved, size)
	return ioFault(allocate(u.f, size))
}

func (u *upload) Sync() error {
	if u.closed {
		return errClosed
	}
	if !u.dirty {
		return nil
	}
	if err := u.f.Sync(); err != nil {
		return ioFault(err)
	}
	u.dirty = false
	return nil
}

func (u *upload) Save() error {
	if err := u.Sync(); err != nil || u.named {
		return err
	}
	if err := syncDir(u.d.temps); err != nil {
		return err
	}
	u.named = true
	return nil
}

func (u *upload) Truncate(size int64) error {
	if err := u.usable(); err != nil {
		return err
	}
	if size > u.off {
		return fault.Missing("upload", filepath.Base(u.path))
	}
	// Also when the size is right: what a crashed process had reserved beyond
	// it is given back.
	if err := u.f.Truncate(size); err != nil {
		return ioFault(err)
	}
	if _, err := u.f.Seek(size, io.SeekStart); err != nil {
		return err
	}
	u.off, u.started, u.reserved, u.dirty = size, size, 0, true
	// The bytes were saved once, and the name with them.
	u.named = u.named || size > 0
	return nil
}

// Clone appends the content of r without writing it again, where the file
// system can do that.
func (u *upload) Clone(r io.Reader) (bool, error) {
	if err := u.usable(); err != nil {
		return false, err
	}
	src, ok := r.(*os.File)
	if !ok {
		return false, nil
	}
	done, err := cloneFile(u.f, u.off, src)
	if err != nil || !done {
		return false, ioFault(err)
	}
	end, err := u.f.Seek(0, io.SeekEnd)
	u.off, u.started, u.dirty = end, end, true
	return err == nil, err
}

func (u *upload) Publish(ctx context.Context, d blob.Digest) error {
	p, err := u.d.place(d)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := u.seal(p.digest); err != nil {
		return err
	}
	if err := u.d.ensureShard(p); err != nil {
		return err
	}
	there, err := os.Lstat(p.path)
	switch {
	case err == nil && u.moved(there):
		return nil
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case !u.held:
		return &fault.Error{Kind: fault.Busy, Noun: "blob", Name: p.digest.Hex(),
			Msg: "was removed while it was being stored; send the file again"}
	default:
		if err := u.move(p); err != nil {
			return err
		}
	}
	// Also when the blob was there: whoever put it there may not have come so
	// far as to make its name durable.
	u.unsynced = p.dir
	return nil
}

// moved reports whether a blob is the file that was moved there from here. It is
// open, so no other one has its number.
func (u *upload) moved(there fs.FileInfo) bool {
	if u.held {
		return false
	}
	mine, err := u.f.Stat()
	return err == nil && os.SameFile(mine, there)
}

func (u *upload) Settle() error {
	if u.closed {
		return errClosed
	}
	if u.unsynced == "" {
		return nil
	}
	if err := syncDir(u.unsynced); err != nil {
		return err
	}
	u.unsynced = ""
	return nil
}

// seal makes the content final and durable under the temp name.
func (u *upload) seal(d blob.Digest) error {
	if u.closed {
		return errClosed
	}
	if u.sealed != "" && u.sealed != d {
		return errSealed
	}
	if u.sealed == "" && u.reserved > u.off {
		// Gives back what was reserved and not written.
		if err := u.f.Truncate(u.off); err != nil {
			return ioFault(err)
		}
	}
	if err := u.Sync(); err != nil {
		return err
	}
	u.sealed = d
	return nil
}

// move renames the temp file to its final name.
func (u *upload) move(p place) error {
	err := rename(u.f, u.path, p.path)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody tidied up an empty shard directory.
		u.d.shards[p.shard].Store(false)
		if err := u.d.ensureShard(p); err != nil {
			return err
		}
		err = rename(u.f, u.path, p.path)
	}
	if err != nil {
		return ioFault(err)
	}
	u.held = false
	// Only now, so that a crash never leaves a temp file that its owner cannot
	// open any more. Some network file systems refuse; the blob is fine without.
	_ = os.Chmod(p.path, blobMode)
	return nil
}

func (u *upload) Suspend() error {
	if u.closed {
		return nil
	}
	u.closed = true
	var err error
	if u.sealed == "" && u.reserved > u.off {
		// Nobody may come back for what was reserved.
		err = ioFault(u.f.Truncate(u.off))
	}
	unlock(u.f)
	return errors.Join(err, closeOnce(u.f))
}

func (u *upload) Abort() error {
	if u.closed || !u.held {
		return u.Suspend()
	}
	u.closed = true
	return discard(u.f)
}

// closeOnce closes f, which a rename may have closed already.
func closeOnce(f *os.File) error {
	if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// remove unlinks path; that somebody was faster is no error.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
