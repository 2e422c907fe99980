package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Download reads bytes from up to, not including, to of a file. When the
// connection breaks it goes on from there. When the file is no more the one of
// f.SHA256, reading fails with [ErrChanged].
func (c *Client) Download(ctx context.Context, p Place, f File, from, to int64) (io.ReadCloser, error) {
	d := &download{c: c, ctx: ctx, place: p, file: f, at: from, end: to}
	return d, d.open()
}

// download is a read that outlives its connections.
type download struct {
	c        *Client
	ctx      context.Context
	place    Place
	file     File
	at, end  int64
	body     io.ReadCloser
	failures int // since the last byte
}

// Read gives the next bytes, from a new connection if need be.
func (d *download) Read(p []byte) (int, error) {
	for d.at < d.end {
		if d.body == nil {
			if err := d.open(); err != nil {
				return 0, err
			}
		}
		n, err := d.body.Read(p[:min(int64(len(p)), d.end-d.at)])
		d.at += int64(n)
		if n > 0 {
			d.failures = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if err := d.broke(err); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// broke decides whether to go on after a failure, and waits before that.
func (d *download) broke(err error) error {
	d.body.Close()
	d.body = nil
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	d.failures++
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	if d.failures >= maxAttempts {
		return fmt.Errorf("the download of %s broke off at byte %d: %w", d.file.Path, d.at, err)
	}
	return d.c.pause(d.ctx, d.failures, err)
}

// open asks for what is missing.
func (d *download) open() error {
	h := http.Header{}
	if d.file.SHA256 != "" && !d.c.gitlab.found.Load() { // GitLab's files have other ETags, or none
		h.Set("If-Match", `"`+d.file.SHA256+`"`)
	}
	part := d.at > 0 || d.end < d.file.Size
	if part {
		h.Set("Range", "bytes="+strconv.FormatInt(d.at, 10)+"-"+strconv.FormatInt(d.end-1, 10))
	}
	resp, err := d.c.send(d.ctx, &call{method: http.MethodGet, path: d.place.file(d.file.Path), header: h})
	if err != nil {
		return d.place.missing(err, d.file.Path)
	}
	if part && resp.StatusCode != http.StatusPartialContent || part && !startsAt(resp.Header.Get("Content-Range"), d.at) {
		resp.Body.Close()
		return &fault.Error{Kind: fault.Unsupported, Noun: "server",
			Msg: "the server, or a proxy before it, does not send parts of files; large files need that"}
	}
	d.body = resp.Body
	return nil
}

// startsAt reports whether a Content-Range begins where it should.
func startsAt(contentRange string, at int64) bool {
	var from, to int64
	n, err := fmt.Sscanf(contentRange, "bytes %d-%d", &from, &to)
	return err == nil && n == 2 && from == at
}

// Close ends the download.
func (d *download) Close() error {
	d.end = d.at
	if d.body == nil {
		return nil
	}
	return d.body.Close()
}
