package gitlab

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The addresses of a whole version: by numbers, and by everything that the files
// themselves are found by. The second stands beside files/, where GitLab has
// nothing, so that it is no file's address.
const (
	archivePattern        = "/projects/{id}/ml/models/{model_id}/versions/{version_id}/archive"
	packageArchivePattern = "/projects/{id}/packages/ml_models/{model_version_id}/archive"
)

func archiveRoutes() []route {
	return append(tagged("Versions",
		file("GET", archivePattern, project(registry.PullFiles), "Download a whole version as a zip or tar", http.StatusOK, sendVersion),
	), tagged("Model files",
		file("GET", packageArchivePattern, project(registry.PullFiles), "Download all files of a version or run as a zip or tar", http.StatusOK, sendPackage),
	)...)
}

// manifestName is the file in an archive that lists the others with their
// SHA-256, as sha256sum writes and checks it.
const manifestName = "SHA256SUMS"

// archiver writes one kind of archive. Nothing is compressed: weights hardly
// shrink, and the disk and the network would wait for the processor.
type archiver interface {
	// add begins an entry of size bytes.
	add(name string, f registry.File, size int64) (io.Writer, error)
	Close() error
}

type zipper struct{ *zip.Writer }

func (z zipper) add(name string, f registry.File, _ int64) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: f.UpdatedAt})
}

type tarrer struct{ *tar.Writer }

func (t tarrer) add(name string, f registry.File, size int64) (io.Writer, error) {
	return t, t.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644, ModTime: f.UpdatedAt})
}

// archives are the kinds of archive, by their ending.
var archives = map[string]struct {
	mediaType string
	open      func(io.Writer) archiver
}{
	"zip": {"application/zip", func(w io.Writer) archiver { return zipper{zip.NewWriter(w)} }},
	"tar": {"application/x-tar", func(w io.Writer) archiver { return tarrer{tar.NewWriter(w)} }},
}

func sendVersion(c *call) error {
	return sendArchive(c, func() (registry.Bundle, error) {
		m, id, err := c.versionID()
		if err != nil {
			return registry.Bundle{}, err
		}
		return c.s.Bundle(c.ctx(), c.project(), m, id)
	})
}

func sendPackage(c *call) error {
	return sendArchive(c, func() (registry.Bundle, error) {
		ref, err := c.pkg()
		if err != nil {
			return registry.Bundle{}, err
		}
		return c.s.PackageBundle(c.ctx(), c.project(), ref)
	})
}

func sendArchive(c *call, find func() (registry.Bundle, error)) error {
	ending := cmp.Or(c.r.URL.Query().Get("format"), "zip")
	format, ok := archives[ending]
	if !ok {
		return badParam("format", "does not have a valid value")
	}
	b, err := find()
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(b.Name, "/", "-") + "." + ending
	h := c.w.Header()
	h.Set("Content-Type", format.mediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-store")
	if c.r.Method == http.MethodHead {
		return nil
	}
	return writeArchive(c.ctx(), format.open(c.w), b)
}

// writeArchive writes the manifest first, so that a reader can check each file
// as it comes, and then the files.
func writeArchive(ctx context.Context, a archiver, b registry.Bundle) error {
	sums := manifest(b.Files)
	w, err := a.add(manifestPath(b.Files), registry.File{UpdatedAt: b.UpdatedAt}, int64(len(sums)))
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if _, err := io.WriteString(w, sums); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	for _, f := range b.Files {
		if err := writeEntry(ctx, a, b, f); err != nil {
			return fmt.Errorf("archive: %s: %w", f.Path, err)
		}
	}
	if err := a.Close(); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

func writeEntry(ctx context.Context, a archiver, b registry.Bundle, f registry.File) error {
	body, err := b.Open(ctx, f)
	if err != nil {
		return err
	}
	defer body.Close()
	w, err := a.add(f.Path, f, f.Size)
	if err != nil {
		return err
	}
	buf := archiveBuffers.Get().(*[]byte)
	defer archiveBuffers.Put(buf)
	n, err := io.CopyBuffer(w, io.LimitReader(body, f.Size), *buf)
	if err == nil && n < f.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// archiveBuffers are large: each write to an answer of unknown length costs two
// system calls.
var archiveBuffers = sync.Pool{New: func() any {
	b := make([]byte, 256<<10)
	return &b
}}

// manifest lists files as sha256sum does.
func manifest(files []registry.File) string {
	var s strings.Builder
	for _, f := range files {
		s.WriteString(f.Digest.Hex() + "  " + f.Path + "\n")
	}
	return s.String()
}

// manifestPath avoids the name of a file that the version has.
func manifestPath(files []registry.File) string {
	name := manifestName
	for _, f := range files {
		if f.Path == name {
			name += ".vitrine"
		}
	}
	return name
}
