// Package blob keeps bytes under the SHA-256 of their content.
//
// [Store] is the portable type that everybody uses: it hashes while it stages,
// enforces limits and expectations, and verifies. A [Driver] below it only
// moves bytes. Bytes are staged first, published under their digest second,
// and only then named by a database row; so a crash leaves at worst bytes that
// nobody names, which garbage collection removes. Small content may be a row of
// the database instead, see [Rows]; it comes and goes with the row that names it.
//
// Content is immutable: one digest has one content for ever, and publishing
// the same content twice keeps one copy.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

const prefix = "sha256:"

// Digest names content: "sha256:" and 64 lower-case hexadecimal digits.
type Digest string

// ParseDigest accepts "sha256:<hex>" or the 64 hexadecimal digits alone, in
// either case, and returns the canonical form.
func ParseDigest(s string) (Digest, error) {
	if len(s) == len(prefix)+64 && s[:len(prefix)] == prefix {
		s = s[len(prefix):]
	}
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 32 {
		return "", fault.Invalidf("sha256", "is not a SHA-256: 64 hexadecimal digits are wanted")
	}
	return Digest(prefix + hex.EncodeToString(raw)), nil
}

// SumDigest makes a digest of the 32 bytes of a finished SHA-256.
func SumDigest(sum []byte) Digest { return Digest(prefix + hex.EncodeToString(sum)) }

// sumOf is the digest of content that is in memory.
func sumOf(content []byte) Digest {
	sum := sha256.Sum256(content)
	return SumDigest(sum[:])
}

// Hex gives the 64 hexadecimal digits.
func (d Digest) Hex() string {
	if len(d) <= len(prefix) {
		return ""
	}
	return string(d[len(prefix):])
}

// Base64 gives the digest as RFC 9530 header fields want it.
func (d Digest) Base64() string {
	raw, err := hex.DecodeString(d.Hex())
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Info describes one stored blob.
type Info struct {
	Digest  Digest
	Size    int64     // bytes
	ModTime time.Time // when the bytes were published
}

// UploadInfo describes one unfinished upload that a driver still holds.
type UploadInfo struct {
	ID      string
	Size    int64
	ModTime time.Time // last write
	Live    bool      // some process has it open right now
}

// Driver moves bytes for a [Store]. Implementations do no hashing and no
// checking; they must be safe for concurrent use, and pass blobtest.Run.
type Driver interface {
	// Open gives the content for reading from its start; the caller closes it.
	// A missing blob is fault.NotFound with noun "blob".
	Open(ctx context.Context, d Digest) (io.ReadSeekCloser, error)
	// Stat describes a blob without reading it; missing is fault.NotFound.
	Stat(ctx context.Context, d Digest) (Info, error)
	// Begin opens the upload named id (letters, digits, "-", "_"), creating it
	// when it is new; an existing one continues at its Offset. A second opener
	// of an upload that is open gets fault.Busy.
	Begin(ctx context.Context, id string) (Upload, error)
	// Delete removes a blob; a missing one is no error.
	Delete(ctx context.Context, d Digest) error
	// Walk calls fn for every blob, in digest order, until fn fails.
	Walk(ctx context.Context, fn func(Info) error) error
	// WalkUploads calls fn for every unfinished upload, until fn fails.
	WalkUploads(ctx context.Context, fn func(UploadInfo) error) error
	// RemoveUpload drops an unfinished upload that nobody has open; one that
	// is open is fault.Busy, a missing one no error.
	RemoveUpload(ctx context.Context, id string) error
	// OpenUpload gives what an unfinished upload holds for reading from its
	// start; the caller closes it. A missing one is fault.NotFound with noun
	// "upload".
	OpenUpload(ctx context.Context, id string) (io.ReadCloser, error)
}

// Upload is an unfinished transfer: appended to, then published or aborted.
// It is used by one goroutine at a time.
type Upload interface {
	io.Writer
	// Offset is the number of bytes held.
	Offset() int64
	// Reserve announces the final size, so that a full disk shows early as
	// fault.Full; a driver that cannot tell does nothing.
	Reserve(size int64) error
	// Sync makes the bytes written so far survive a crash.
	Sync() error
	// Save is Sync, and makes the upload survive too, so that Begin finds it
	// after a crash with these bytes, and perhaps with some that came later.
	Save() error
	// Truncate drops the bytes from size on, as those that came after the last
	// Save. When fewer are held the answer is fault.NotFound with noun "upload".
	Truncate(size int64) error
	// Publish makes the content durable, and visible under d. It may be called
	// again: when the blob has vanished meanwhile it is put back if the bytes
	// are still held, else the answer is fault.Busy. Content that is there
	// already is kept as it is.
	Publish(ctx context.Context, d Digest) error
	// Settle makes the name durable that Publish has given, if it is not yet.
	Settle() error
	// Suspend closes the upload and keeps its bytes, to be continued by Begin.
	Suspend() error
	// Abort closes the upload and drops what is still held of it. After
	// Publish it leaves the published blob alone. Calling it twice is fine.
	Abort() error
}
