package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

const (
	// defaultResumeFrom is the size from which a file goes as a resumable
	// upload. Below, sending it again costs less than asking.
	defaultResumeFrom = 64 << 20
	// resumeAttempts without a byte of progress, three minutes, are an end.
	resumeAttempts = 10
)

// The words of the tus protocol (tus.io/protocols/resumable-upload).
const (
	tusVersion   = "1.0.0"
	offsetStream = "application/offset+octet-stream"
)

// resumable is an upload that the server waits for, as its list has it.
type resumable struct {
	ID     string `json:"id"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
}

// resumption is the work of sending one file by resumable uploads.
type resumption struct {
	c     *Client
	place Place
	path  string
	s     Source
	up    resumable // without ID: there is none yet
}

func (p Place) uploads() string { return projectPath(p.Project) + "/packages/uploads" }

// resume sends a file as a resumable upload, from where an earlier attempt of
// this process or another ended. offered is false when the server, as a real
// GitLab, has none of that, or cannot say: then nothing was sent.
func (c *Client) resume(ctx context.Context, p Place, file string, s Source) (offered bool, err error) {
	if c.plain.Load() {
		return false, nil
	}
	r := &resumption{c: c, place: p, path: file, s: s}
	if err := r.find(ctx); err != nil {
		if ctx.Err() != nil || c.transient(err) {
			return true, err
		}
		// Whatever it has against the question, it tells better about the file.
		c.plain.Store(!fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Unauthenticated))
		return false, nil
	}
	return true, r.send(ctx)
}

// find looks for an upload of just this content to just this place.
func (r *resumption) find(ctx context.Context) error {
	query := url.Values{"path": {r.path}, "sha256": {r.s.SHA256}, "model_version_id": {r.place.Package}}
	there, err := list[resumable](ctx, r.c, r.place.uploads(), query)
	for _, up := range there {
		if up.ID != "" && up.Size == r.s.Size && (r.up.ID == "" || up.Offset > r.up.Offset) {
			r.up = up
		}
	}
	return err
}

// send goes on until the server has it all. Attempts that bring no byte
// further, too many in a row, are an end.
func (r *resumption) send(ctx context.Context) error {
	failures, best := 0, r.up.Offset
	for {
		done, err := r.step(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case done || err != nil && !r.goesOn(err):
			return r.place.missing(mismatch(err), "")
		case err == nil:
			continue
		}
		if failures++; r.up.Offset > best {
			failures, best = 1, r.up.Offset
		}
		if failures >= resumeAttempts {
			return err
		}
		if err := r.c.pause(ctx, failures, err); err != nil {
			return err
		}
	}
}

// goesOn reports whether another step could go better.
func (r *resumption) goesOn(err error) bool {
	if s, ok := errors.AsType[*statusError](err); ok {
		switch s.code {
		case http.StatusConflict, http.StatusLocked, http.StatusGone:
			return true
		case http.StatusNotFound:
			return r.up.ID == "" // it was dropped; where it was to go may be gone too, which beginning anew shows
		}
	}
	return r.c.transient(err)
}

// step begins the upload, or sends all that is missing. After a failure it
// asks first how far the server is.
func (r *resumption) step(ctx context.Context) (done bool, err error) {
	if r.up.ID == "" {
		return false, r.create(ctx)
	}
	header, err := r.patch(ctx)
	if err != nil {
		var local *sourceError
		if ctx.Err() != nil || errors.As(err, &local) || !r.goesOn(err) && !gone(err) {
			return false, err
		}
		header, err = r.ask(ctx, err)
	}
	if err != nil || r.up.Offset < r.s.Size {
		return false, err
	}
	if got := header.Get("X-Checksum-Sha256"); !strings.EqualFold(got, r.s.SHA256) {
		return true, fmt.Errorf("%s has SHA-256 %s here, the server stored %q: %w", r.path, r.s.SHA256, got, ErrChecksum)
	}
	return true, nil
}

// gone reports that the server does not know the upload any more.
func gone(err error) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && (s.code == http.StatusNotFound || s.code == http.StatusGone)
}

func (r *resumption) address() string { return r.place.uploads() + "/" + r.up.ID }

func (r *resumption) header() http.Header { return http.Header{"Tus-Resumable": {tusVersion}} }

// create begins an upload. Should the answer get lost, another one is begun;
// the first expires.
func (r *resumption) create(ctx context.Context) error {
	h := r.header()
	h.Set("Upload-Length", strconv.FormatInt(r.s.Size, 10))
	h.Set("Upload-Metadata", "sha256 "+base64.StdEncoding.EncodeToString([]byte(r.s.SHA256)))
	segments := strings.TrimPrefix(r.place.file(r.path), r.place.list())
	resp, err := r.c.try(ctx, &call{method: http.MethodPost, path: r.place.uploads() + "/ml_models/" + r.place.Package + segments, header: h})
	if err != nil {
		return err
	}
	resp.Body.Close()
	// Only the name: before a proxy the server may not know its own address.
	r.up = resumable{ID: path.Base(resp.Header.Get("Location")), Size: r.s.Size}
	if !strings.HasPrefix(r.up.ID, "up-") {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: r.c.URL() + " does not tell the address of an upload; check the proxy before it"}
	}
	return nil
}

// patch sends what is missing.
func (r *resumption) patch(ctx context.Context) (http.Header, error) {
	h, at := r.header(), r.up.Offset
	h.Set("Content-Type", offsetStream)
	h.Set("Upload-Offset", strconv.FormatInt(at, 10))
	h.Set("Expect", "100-continue") // a wrong offset shall not cost the bytes
	resp, err := r.c.try(ctx, &call{method: http.MethodPatch, path: r.address(), header: h, size: r.s.Size - at,
		open: func() (io.ReadCloser, error) { return r.s.Open(at) }})
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return resp.Header, r.read(resp.Header)
}

// ask looks how far the server is after a failure, which stays the error until
// that is known.
func (r *resumption) ask(ctx context.Context, failure error) (http.Header, error) {
	resp, err := r.c.try(ctx, &call{method: http.MethodHead, path: r.address(), header: r.header()})
	switch {
	case gone(err):
		r.up = resumable{} // expired, or it was not what was announced: begin anew
		return nil, failure
	case err != nil:
		return nil, err
	}
	resp.Body.Close()
	if err := r.read(resp.Header); err != nil {
		return nil, err
	}
	if r.up.Offset == r.s.Size {
		return resp.Header, nil
	}
	return nil, failure
}

// read takes over how far the server is.
func (r *resumption) read(h http.Header) error {
	n, err := strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
	if err != nil || n < 0 || n > r.s.Size {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: r.c.URL() + " does not tell how far the upload is; check the proxy before it"}
	}
	r.up.Offset = n
	return nil
}
