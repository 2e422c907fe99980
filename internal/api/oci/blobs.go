package oci

import (
	"context"
	"io"
	"net/http"
	"path"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// getBlob serves a file by its digest. Every model has the empty value too, for
// it is in all manifests.
func getBlob(c *call) error {
	d, err := parseDigest(c.at.ref)
	if err != nil {
		return err
	}
	f, body, err := c.openBlob(d)
	if fault.Is(err, fault.NotFound) && d == emptyDigest {
		if e, ok := fault.As(err); ok && e.Noun == "blob" {
			return c.send(fileType, d, []byte(emptyContent))
		}
	}
	if err != nil {
		return err
	}
	return httpx.ServeBlob(c.w, c.r, httpx.Content{Name: path.Base(f.Path), Digest: f.Digest, Size: f.Size, ModTime: f.UpdatedAt, Attachment: true,
		Open:   func(context.Context) (io.ReadSeekCloser, error) { return body, nil },
		Header: func(h http.Header) { h.Set(digestHeader, string(d)) }})
}

// openBlob finds a file by its digest, and opens it unless only its head is
// wanted.
func (c *call) openBlob(d blob.Digest) (registry.File, io.ReadSeekCloser, error) {
	if c.r.Method == http.MethodHead {
		f, err := c.s.StatContent(c.ctx(), c.project(), c.model(), d)
		return f, nil, err
	}
	return c.s.OpenContent(c.ctx(), c.project(), c.model(), d)
}
