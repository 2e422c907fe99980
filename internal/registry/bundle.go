package registry

import (
	"context"
	"io"
)

// Bundle is a version with all its files, to be sent as one.
type Bundle struct {
	Version Version
	Files   []File // by path; hidden ones are left out

	s Session
}

// Open opens the content of one of the bundle's files; the caller closes it.
func (b Bundle) Open(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	c, err := b.s.open(ctx, f.Digest)
	if err == nil {
		b.s.r.downloads.note(f.PackageID)
	}
	return c, err
}

// Bundle gives a version with all its files as they are now: the list is of
// one moment, whatever is uploaded while the bytes flow.
func (s Session) Bundle(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef) (Bundle, error) {
	return view(ctx, s, func(tx Tx) (Bundle, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, PullFiles)
		if err != nil {
			return Bundle{}, err
		}
		files, err := allFiles(ctx, tx, v.PackageID)
		return Bundle{Version: v, Files: files, s: s}, err
	})
}

// allFiles reads a package's files in stretches of MaxLimit.
func allFiles(ctx context.Context, tx Tx, packageID int64) ([]File, error) {
	var out []File
	q := FileQuery{PackageID: packageID, Page: Page{Limit: MaxLimit, NoTotal: true}}
	for {
		l, err := tx.ListFiles(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if !l.More {
			return out, nil
		}
		q.Page.After = l.Next
	}
}
