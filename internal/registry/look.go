package registry

import (
	"context"
	"io"
)

// Look is a part of the files of a version or run whose contents may be read,
// as a page does that shows what is in them. It is no download, and does not
// count as one.
type Look struct {
	List[File]
	s Session
}

// Open opens the content of one of the files; the caller closes it.
func (l Look) Open(ctx context.Context, f File) (io.ReadSeekCloser, error) {
	return l.s.open(ctx, f)
}

// LookAt lists files as Files does, to be looked into.
func (s Session) LookAt(ctx context.Context, ref ProjectRef, pkg PackageRef, q FileQuery) (Look, error) {
	l, err := s.Files(ctx, ref, pkg, q)
	return Look{l, s}, err
}

// LookInto describes a file and opens its content, as OpenFile does, but for a
// look: it does not count as a download. The caller closes it.
func (s Session) LookInto(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) (File, io.ReadSeekCloser, error) {
	f, err := s.StatFile(ctx, ref, pkg, path)
	if err != nil {
		return File{}, nil, err
	}
	c, err := s.open(ctx, f)
	return f, c, err
}

// LookAtFile is a look at one file.
func (s Session) LookAtFile(ctx context.Context, ref ProjectRef, pkg PackageRef, path string) (Look, error) {
	f, err := s.StatFile(ctx, ref, pkg, path)
	return Look{List[File]{Items: []File{f}}, s}, err
}

// LooksOf is FilesOf for files that are to be looked into.
func (s Session) LooksOf(ctx context.Context, ref ProjectRef, packages Nest) (map[int64]Look, error) {
	lists, err := s.FilesOf(ctx, ref, packages)
	out := make(map[int64]Look, len(lists))
	for id, l := range lists {
		out[id] = Look{l, s}
	}
	return out, err
}
