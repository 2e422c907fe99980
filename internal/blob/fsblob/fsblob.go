// Package fsblob keeps blobs in a local directory.
//
// A blob is the file <root>/sha256/<first two digits>/<all digits>, read-only;
// an unfinished upload is <root>/tmp/<id>. Publishing renames one to the other,
// so that both must be on one file system, and a blob is there as a whole or
// not at all. A process holds a lock on the uploads that it has open; the
// kernel drops it with the process, which is how an upload that nobody will
// finish is told from one in progress.
//
// Several processes may use one root. The file system has to support flock,
// on the systems that have it.
package fsblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

const (
	dirMode  = 0o700
	tempMode = 0o600
	blobMode = 0o400 // guards against a slip of an operator or a tool, not against an attacker
)

// Driver keeps blobs below one directory. It is safe for concurrent use.
type Driver struct {
	blobs string
	temps string
	// shards tells which shard directories are known to exist durably.
	shards [256]atomic.Bool
}

var _ blob.Driver = (*Driver)(nil)

// Open makes a driver for the directory root, which it creates where needed,
// readable for the owner only. It fails when files cannot be created, locked
// and moved there.
func Open(root string) (*Driver, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	d := &Driver{blobs: filepath.Join(root, "sha256"), temps: filepath.Join(root, "tmp")}
	for _, dir := range []string{d.blobs, d.temps} {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return nil, fmt.Errorf("blob directory: %w", ioFault(err))
		}
	}
	if err := d.probe(); err != nil {
		return nil, fmt.Errorf("blob directory %s cannot be used: %w", root, ioFault(err))
	}
	if err := syncDir(root); err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	// The parent may belong to somebody else and not be readable.
	_ = syncDir(filepath.Dir(root))
	return d, nil
}

// probe does in miniature what an upload does, so that a read-only or split
// directory shows at the start and not with the first upload.
func (d *Driver) probe() error {
	f, err := os.CreateTemp(d.temps, "probe-*")
	if err != nil {
		return err
	}
	temp := f.Name()
	defer os.Remove(temp)
	err = lock(f)
	unlock(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	target := filepath.Join(d.blobs, filepath.Base(temp))
	if err := os.Rename(temp, target); err != nil {
		return err
	}
	return os.Remove(target)
}

// place is where one blob belongs.
type place struct {
	digest blob.Digest
	shard  byte
	dir    string
	path   string
}

// place refuses anything but a proper digest, so that no path is ever made of
// unchecked text.
func (d *Driver) place(digest blob.Digest) (place, error) {
	digest, err := blob.ParseDigest(string(digest))
	if err != nil {
		return place{}, err
	}
	hex := digest.Hex()
	dir := filepath.Join(d.blobs, hex[:2])
	return place{digest, nibble(hex[0])<<4 | nibble(hex[1]), dir, filepath.Join(dir, hex)}, nil
}

// nibble is the value of a lower-case hexadecimal digit.
func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

// Open gives the content as an [*os.File], so that the kernel can send it
// without copying; the caller closes it.
func (d *Driver) Open(ctx context.Context, digest blob.Digest) (io.ReadSeekCloser, error) {
	p, err := d.place(digest)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(p.path)
	if err != nil {
		return nil, p.fault(err)
	}
	return f, nil
}

// Stat describes a blob without reading it.
func (d *Driver) Stat(ctx context.Context, digest blob.Digest) (blob.Info, error) {
	p, err := d.place(digest)
	if err != nil {
		return blob.Info{}, err
	}
	if err := ctx.Err(); err != nil {
		return blob.Info{}, err
	}
	fi, err := os.Lstat(p.path)
	if err != nil {
		return blob.Info{}, p.fault(err)
	}
	return blob.Info{Digest: p.digest, Size: fi.Size(), ModTime: fi.ModTime()}, nil
}

// Delete removes a blob; readers that have it open go on reading. The removal
// is not forced to disk: a blob that comes back after a crash is only unnamed
// bytes, which the next collection removes.
func (d *Driver) Delete(ctx context.Context, digest blob.Digest) error {
	p, err := d.place(digest)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.fault(err)
	}
	return nil
}

// fault words a failed access to the blob.
func (p place) fault(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Missing("blob", p.digest.Hex())
	}
	return ioFault(err)
}

// ensureShard makes the directory of p exist durably. Its name is synced even
// when it is there already, because whoever made it may not have come so far.
func (d *Driver) ensureShard(p place) error {
	if d.shards[p.shard].Load() {
		return nil
	}
	if err := os.Mkdir(p.dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return ioFault(err)
	}
	if err := syncDir(d.blobs); err != nil {
		return err
	}
	d.shards[p.shard].Store(true)
	return nil
}

// Walk calls fn for every blob in digest order; it holds the names of one
// shard (a 256th of all blobs) in memory. Files that are not named like a blob
// are passed over.
func (d *Driver) Walk(ctx context.Context, fn func(blob.Info) error) error {
	for i := range 256 {
		if err := d.walkShard(ctx, fmt.Sprintf("%02x", i), fn); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) walkShard(ctx context.Context, shard string, fn func(blob.Info) error) error {
	return walkFiles(ctx, filepath.Join(d.blobs, shard), func(fi fs.FileInfo) error {
		digest, err := blob.ParseDigest(fi.Name())
		if err != nil || digest.Hex() != fi.Name() || fi.Name()[:2] != shard {
			return nil
		}
		return fn(blob.Info{Digest: digest, Size: fi.Size(), ModTime: fi.ModTime()})
	})
}

// walkFiles calls fn for every regular file of dir, in the order of names.
// What is missing, or vanishes meanwhile, is passed over.
func walkFiles(ctx context.Context, dir string, fn func(fs.FileInfo) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !e.Type().IsRegular() {
			continue
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := fn(fi); err != nil {
			return err
		}
	}
	return nil
}

// WalkUploads calls fn for every unfinished upload.
func (d *Driver) WalkUploads(ctx context.Context, fn func(blob.UploadInfo) error) error {
	return walkFiles(ctx, d.temps, func(fi fs.FileInfo) error {
		if blob.CheckUploadID(fi.Name()) != nil {
			return nil
		}
		live, err := isLive(filepath.Join(d.temps, fi.Name()), fi)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(blob.UploadInfo{ID: fi.Name(), Size: fi.Size(), ModTime: fi.ModTime(), Live: live})
	})
}

// RemoveUpload drops an unfinished upload that nobody has open.
func (d *Driver) RemoveUpload(ctx context.Context, id string) error {
	f, err := d.claim(ctx, id, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if keepsFresh(f) {
		unlock(f)
		return errors.Join(busyUpload(id, nil), f.Close())
	}
	return discard(f)
}

// OpenUpload gives what an unfinished upload holds for reading.
func (d *Driver) OpenUpload(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckUploadID(id), ctx.Err()); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(d.temps, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Missing("upload", id)
	}
	return f, err
}

// claim opens the temp file of id and locks it.
func (d *Driver) claim(ctx context.Context, id string, flags int) (*os.File, error) {
	if err := blob.CheckUploadID(id); err != nil {
		return nil, err
	}
	path := filepath.Join(d.temps, id)
	// Between opening and locking, the file may be published or removed by
	// somebody else; the lock is then one on a file that has another name or
	// none. More than a few times in a row that is a fight, not a race.
	for range 8 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(path, flags, tempMode)
		if err != nil {
			return nil, ioFault(err)
		}
		if err := lockPatiently(f); err != nil {
			f.Close()
			if errors.Is(err, errLocked) {
				return nil, busyUpload(id, err)
			}
			return nil, ioFault(err)
		}
		if still(f, path) {
			return f, nil
		}
		unlock(f)
		f.Close()
	}
	return nil, busyUpload(id, nil)
}

// lockPatiently outlasts the moment for which a [Driver.WalkUploads], here or
// in another process, holds a lock to see whether there is one.
func lockPatiently(f *os.File) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := lock(f)
		if !errors.Is(err, errLocked) || wait > 8*time.Millisecond {
			return err
		}
		time.Sleep(wait)
	}
}

// still reports whether path names the file f.
func still(f *os.File, path string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	want, err := os.Lstat(path)
	return err == nil && os.SameFile(have, want)
}

var errLocked = errors.New("the file is locked")

func busyUpload(id string, cause error) error {
	return &fault.Error{Kind: fault.Busy, Noun: "upload", Name: id, Msg: "is in use; try again later", Err: cause}
}

// ioFault makes a full disk known as such; other errors stay what they are.
func ioFault(err error) error {
	if !isFull(err) {
		return err
	}
	return &fault.Error{Kind: fault.Full, Noun: "disk", Err: err,
		Msg: "has no room left for this file; free space below the blob directory, or raise its quota, then send the file again"}
}
