package registry

import (
	"context"
	"io"
	"time"
)

// Bundle is a version or run with all its files, to be sent as one.
type Bundle struct {
	Name      string    // of a version NAME-1.2.3, of a run NAME-candidate_5
	UpdatedAt time.Time // of its latest file; zero without one
	Files     []File    // by path; hidden ones are left out

	s Session
}

// Open opens the content of one of the bundle's files; the caller closes it.
func (b Bundle) Open(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	return b.s.download(ctx, f)
}

// Bundle gives a version with all its files as they are now: the list is of
// one moment, whatever is uploaded while the bytes flow.
func (s Session) Bundle(ctx context.Context, ref ProjectRef, model ModelRef, which VersionRef) (Bundle, error) {
	return view(ctx, s, func(tx Tx) (Bundle, error) {
		_, v, err := s.version(ctx, tx, ref, model, which, PullFiles)
		if err != nil {
			return Bundle{}, err
		}
		return s.bundle(ctx, tx, Package{ID: v.PackageID, Name: v.ModelName, Version: v.Semver})
	})
}

// PackageBundle is Bundle by the name of a package. A run without files is an
// empty bundle.
func (s Session) PackageBundle(ctx context.Context, ref ProjectRef, pkg PackageRef) (Bundle, error) {
	return view(ctx, s, func(tx Tx) (Bundle, error) {
		_, k, err := s.packageOf(ctx, tx, ref, pkg, pkg.pull())
		if err != nil {
			return Bundle{}, err
		}
		return s.bundle(ctx, tx, k)
	})
}

// bundle does the work behind the gate.
func (s Session) bundle(ctx context.Context, tx Tx, k Package) (Bundle, error) {
	b := Bundle{Name: "candidate", s: s}
	if k.ID == 0 {
		return b, nil
	}
	b.Name = k.Name + "-" + k.Version
	files, err := allFiles(ctx, tx, k.ID)
	for _, f := range files {
		if f.UpdatedAt.After(b.UpdatedAt) {
			b.UpdatedAt = f.UpdatedAt
		}
	}
	b.Files = files
	return b, err
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
