// Package memblob keeps blobs in memory, for tests. It has the manners of a
// real driver: one opener per upload, and bytes that are gone once they were
// published and then deleted.
package memblob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Driver keeps everything until it is garbage. It is safe for concurrent use.
type Driver struct {
	mu      sync.Mutex
	blobs   map[blob.Digest]content
	uploads map[string]*pending
}

// content is never changed once it is stored, so that readers need no lock.
type content struct {
	data []byte
	mod  time.Time
}

// pending is what survives of an upload while nobody has it open.
type pending struct {
	data []byte
	mod  time.Time
	live bool
}

var _ blob.Driver = (*Driver)(nil)

// New makes an empty driver.
func New() *Driver {
	return &Driver{blobs: map[blob.Digest]content{}, uploads: map[string]*pending{}}
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

// Open gives the content for reading from its start.
func (d *Driver) Open(ctx context.Context, digest blob.Digest) (io.ReadSeekCloser, error) {
	_, c, err := d.find(ctx, digest)
	if err != nil {
		return nil, err
	}
	return reader{bytes.NewReader(c.data)}, nil
}

// Stat describes a blob.
func (d *Driver) Stat(ctx context.Context, digest blob.Digest) (blob.Info, error) {
	digest, c, err := d.find(ctx, digest)
	if err != nil {
		return blob.Info{}, err
	}
	return c.info(digest), nil
}

func (c content) info(digest blob.Digest) blob.Info {
	return blob.Info{Digest: digest, Size: int64(len(c.data)), ModTime: c.mod}
}

func (d *Driver) find(ctx context.Context, digest blob.Digest) (blob.Digest, content, error) {
	digest, err := check(ctx, digest)
	if err != nil {
		return "", content{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.blobs[digest]
	if !ok {
		return "", content{}, fault.Missing("blob", digest.Hex())
	}
	return digest, c, nil
}

func check(ctx context.Context, digest blob.Digest) (blob.Digest, error) {
	digest, err := blob.ParseDigest(string(digest))
	if err != nil {
		return "", err
	}
	return digest, ctx.Err()
}

// Delete removes a blob; readers that have it open go on reading.
func (d *Driver) Delete(ctx context.Context, digest blob.Digest) error {
	digest, err := check(ctx, digest)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.blobs, digest)
	return nil
}

// Walk calls fn for every blob, in digest order.
func (d *Driver) Walk(ctx context.Context, fn func(blob.Info) error) error {
	d.mu.Lock()
	blobs := maps.Clone(d.blobs)
	d.mu.Unlock()
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(blobs[digest].info(digest)); err != nil {
			return err
		}
	}
	return nil
}

// WalkUploads calls fn for every unfinished upload, in the order of their ids.
func (d *Driver) WalkUploads(ctx context.Context, fn func(blob.UploadInfo) error) error {
	d.mu.Lock()
	var list []blob.UploadInfo
	for id, p := range d.uploads {
		list = append(list, blob.UploadInfo{ID: id, Size: int64(len(p.data)), ModTime: p.mod, Live: p.live})
	}
	d.mu.Unlock()
	slices.SortFunc(list, func(a, b blob.UploadInfo) int { return strings.Compare(a.ID, b.ID) })
	for _, u := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(u); err != nil {
			return err
		}
	}
	return nil
}

// RemoveUpload drops an unfinished upload that nobody has open.
func (d *Driver) RemoveUpload(ctx context.Context, id string) error {
	if err := errors.Join(blob.CheckUploadID(id), ctx.Err()); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.uploads[id]; p != nil && p.live {
		return busy("upload", id)
	}
	delete(d.uploads, id)
	return nil
}

// OpenUpload gives what an unfinished upload holds for reading.
func (d *Driver) OpenUpload(ctx context.Context, id string) (io.ReadCloser, error) {
	if err := errors.Join(blob.CheckUploadID(id), ctx.Err()); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.uploads[id]
	if !ok {
		return nil, fault.Missing("upload", id)
	}
	return reader{bytes.NewReader(p.data)}, nil
}

func busy(noun, name string) error {
	return &fault.Error{Kind: fault.Busy, Noun: noun, Name: name, Msg: "try again later"}
}

// Begin opens the upload named id.
func (d *Driver) Begin(ctx context.Context, id string) (blob.Upload, error) {
	if err := errors.Join(blob.CheckUploadID(id), ctx.Err()); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.uploads[id]
	if p == nil {
		p = &pending{mod: time.Now()}
		d.uploads[id] = p
	}
	if p.live {
		return nil, busy("upload", id)
	}
	p.live = true
	return &upload{d: d, id: id, p: p}, nil
}

var (
	errClosed = errors.New("memblob: upload used after it was closed")
	errSealed = errors.New("memblob: upload changed after Publish")
)

type upload struct {
	d      *Driver
	id     string
	p      *pending
	sealed blob.Digest // the digest of the first Publish
	moved  bool        // the bytes went to a blob and are no longer ours
	closed bool
}

func (u *upload) Offset() int64 {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	return int64(len(u.p.data))
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

func (u *upload) Write(b []byte) (int, error) {
	if err := u.usable(); err != nil {
		return 0, err
	}
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	u.p.data = append(u.p.data, b...)
	u.p.mod = time.Now()
	return len(b), nil
}

func (u *upload) Reserve(int64) error { return u.usable() }

func (u *upload) Sync() error {
	if u.closed {
		return errClosed
	}
	return nil
}

func (u *upload) Save() error { return u.Sync() }

func (u *upload) Truncate(size int64) error {
	if err := u.usable(); err != nil {
		return err
	}
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	if size > int64(len(u.p.data)) {
		return fault.Missing("upload", u.id)
	}
	u.p.data = u.p.data[:size:size] // a copy grows from here, for readers keep the old one
	u.p.mod = time.Now()
	return nil
}

func (u *upload) Publish(ctx context.Context, digest blob.Digest) error {
	digest, err := check(ctx, digest)
	switch {
	case err != nil:
		return err
	case u.closed:
		return errClosed
	case u.sealed != "" && u.sealed != digest:
		return errSealed
	}
	u.sealed = digest
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	if _, ok := u.d.blobs[digest]; ok {
		return nil
	}
	if u.moved {
		return busy("blob", digest.Hex())
	}
	u.d.blobs[digest] = content{data: u.p.data, mod: time.Now()}
	u.moved = true
	delete(u.d.uploads, u.id)
	return nil
}

func (u *upload) Settle() error {
	if u.closed {
		return errClosed
	}
	return nil
}

func (u *upload) Suspend() error { return u.close(false) }

func (u *upload) Abort() error { return u.close(true) }

func (u *upload) close(drop bool) error {
	if u.closed {
		return nil
	}
	u.closed = true
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	u.p.live = false
	if drop && !u.moved {
		delete(u.d.uploads, u.id)
	}
	return nil
}
