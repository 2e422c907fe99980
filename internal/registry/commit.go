package registry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Commit is a version with its files as they are at one moment, under a name
// that no other content has.
type Commit struct {
	Version Version
	Files   []File // by path; hidden ones are left out
	// ID has 40 hexadecimal digits, as clients of Git expect them: 16 for the
	// version, 24 of the SHA-256 of the paths and digests of its files.
	ID string

	s Session
}

// File finds one of the files.
func (n Commit) File(path string) (File, bool) {
	i, ok := slices.BinarySearchFunc(n.Files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !ok {
		return File{}, false
	}
	return n.Files[i], true
}

const (
	commitID = 40
	// maxCommits bounds the remembered ones, commitFiles the files of one that
	// is remembered.
	maxCommits  = 64
	commitFiles = 20_000
)

// CommitVersion tells of which version a commit is, by its id.
func CommitVersion(id string) (version int64, ok bool) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(id) != commitID {
		return 0, false
	}
	v := binary.BigEndian.Uint64(raw)
	return int64(v), 0 < v && v < 1<<63 //nolint:gosec // checked beside it
}

// Open opens the content of one of the files, as a download; the caller closes it.
func (n Commit) Open(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	return n.s.download(ctx, f)
}

// Commit gives a version with all its files. Where id is not empty, it has to be
// that of the content: a version whose files have changed since has that commit
// no more.
func (s Session) Commit(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef, id string) (Commit, error) {
	v, err := view(ctx, s, func(tx Tx) (Version, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, PullFiles)
		return v, err
	})
	if err != nil {
		return Commit{}, err
	}
	out, err := s.commit(ctx, v)
	if err == nil && id != "" && out.ID != id {
		err = &fault.Error{Kind: fault.NotFound, Noun: "commit", Name: id, Msg: "the files of version " + v.Semver + " have changed since"}
	}
	return out, err
}

// commit does the work behind the gate. Clients ask for the files of a version
// one by one, so the list is remembered while nothing changes. It is read in a
// transaction of its own: one that had begun before could be older than what the
// memory takes it for.
func (s Session) commit(ctx context.Context, v Version) (Commit, error) {
	take := func() (Commit, error) {
		return view(ctx, s, func(tx Tx) (Commit, error) {
			files, err := allFiles(ctx, tx, v.PackageID)
			return Commit{Files: files, ID: commitOf(v.ID, files)}, err
		})
	}
	look := func() (Commit, error) { return s.r.commits.Get(v.ID, take) }
	if v.FileCount > commitFiles {
		look = take
	}
	n, err := look()
	n.Version, n.s = v, s
	return n, err
}

// commitOf makes the id of a commit.
func commitOf(version int64, files []File) string {
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], uint64(version)) //nolint:gosec // ids are positive
	sum := sha256.New()
	for _, f := range files {
		_, _ = io.WriteString(sum, f.Path+"\x00"+string(f.Digest)+"\n") // a hash never fails
	}
	return hex.EncodeToString(head[:]) + hex.EncodeToString(sum.Sum(nil))[:commitID-2*len(head)]
}

// CommitIDs gives the ids of the commits of several versions of a model, in
// their order.
func (s Session) CommitIDs(ctx context.Context, ref ProjectRef, model ModelRef, vs []Version) ([]string, error) {
	return view(ctx, s, func(tx Tx) ([]string, error) {
		pr, m, err := s.model(ctx, tx, ref, model, PullFiles)
		if err != nil {
			return nil, err
		}
		owners := make([]int64, len(vs))
		for i, v := range vs {
			owners[i] = v.PackageID
		}
		lists, err := tx.FilesEach(ctx, Nest{ProjectID: pr.ID, Owners: owners, Page: Page{Limit: MaxLimit, NoTotal: true}})
		if err != nil {
			return nil, err
		}
		out := make([]string, len(vs))
		for i, v := range vs {
			if v.ModelID != m.ID {
				return nil, fault.Missing("version", v.Semver)
			}
			l := lists[v.PackageID]
			if l.More {
				if l.Items, err = allFiles(ctx, tx, v.PackageID); err != nil {
					return nil, err
				}
			}
			out[i] = commitOf(v.ID, slices.DeleteFunc(l.Items, func(f File) bool { return f.Status != FileDefault }))
		}
		return out, nil
	})
}
