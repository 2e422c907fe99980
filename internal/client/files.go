package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Place is where files are: a version or a run.
type Place struct {
	Project string
	Package string // as in the address: "5" or "candidate:5"
}

// VersionPlace is where the files of a version are.
func VersionPlace(project string, id int64) Place {
	return Place{Project: project, Package: strconv.FormatInt(id, 10)}
}

// RunPlace is where the files of a run are; iid is its number in the project.
func RunPlace(project string, iid int64) Place {
	return Place{Project: project, Package: "candidate:" + strconv.FormatInt(iid, 10)}
}

func (p Place) list() string {
	return projectPath(p.Project) + "/packages/ml_models/" + p.Package + "/files"
}

func (p Place) file(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return p.list() + "/" + strings.Join(segments, "/")
}

// missing names what a place has not.
func (p Place) missing(err error, path string) error {
	if path == "" {
		if iid, ok := strings.CutPrefix(p.Package, "candidate:"); ok {
			return about(err, p.Project, "run", iid)
		}
		return about(err, p.Project, "version", p.Package)
	}
	return about(err, p.Project, "file", path)
}

// Files lists the files of a version or run by path.
func (c *Client) Files(ctx context.Context, p Place) ([]File, error) {
	fs, err := either(c, func() ([]File, error) { return list[File](ctx, c, p.list(), url.Values{}) },
		func() ([]File, error) { return c.gitlabFiles(ctx, p) })
	return fs, p.missing(err, "")
}

// Source is the content of a file to be uploaded.
type Source struct {
	Size   int64
	SHA256 string // in hexadecimal; the server refuses other bytes
	// Open gives the content from a byte on; it is called again when an attempt
	// failed.
	Open func(from int64) (io.ReadCloser, error)
}

// smallBody is the size below which a body goes at once: it is sent sooner
// than the server could refuse it.
const smallBody = 64 << 10

// Upload stores a file, in place of one with the same path. A large file, and a
// smaller one whose first attempt broke, goes as a resumable upload where the
// server has that: what has arrived is not sent again, nor after this process
// has ended and another one uploads the same content to the same place.
func (c *Client) Upload(ctx context.Context, p Place, path string, s Source) error {
	if s.Size < c.options.ResumeFrom {
		err := c.put(ctx, p, path, s, s.Size >= smallBody)
		if err == nil || s.Size < smallBody || ctx.Err() != nil || !c.transient(err) {
			return err
		}
		if err := c.pause(ctx, 1, err); err != nil {
			return err
		}
	}
	if offered, err := c.resume(ctx, p, path, s); offered {
		return err
	}
	return c.put(ctx, p, path, s, false)
}

// put stores a file by a plain upload; once: without a second attempt.
func (c *Client) put(ctx context.Context, p Place, path string, s Source, once bool) error {
	cl := &call{method: http.MethodPut, path: p.file(path), size: s.Size, once: once, open: func() (io.ReadCloser, error) { return s.Open(0) }, header: http.Header{
		"Content-Type":      {"application/octet-stream"},
		"X-Checksum-Sha256": {s.SHA256},
	}}
	if s.Size >= smallBody {
		cl.header.Set("Expect", "100-continue")
	}
	resp, err := c.send(ctx, cl)
	if err != nil {
		return p.missing(mismatch(err), "")
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxRefusal)); err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.URL(), err)
	}
	// GitLab takes the address of a file named "authorize" for the question
	// whether one may upload, and answers that with 200.
	if resp.StatusCode != http.StatusCreated {
		return &fault.Error{Kind: fault.Unsupported, Noun: "file", Name: path,
			Msg: fmt.Sprintf("the server did not store %q (status %d); files in folders cannot be called \"authorize\"", path, resp.StatusCode)}
	}
	if got := resp.Header.Get("X-Checksum-Sha256"); got != "" && !strings.EqualFold(got, s.SHA256) {
		return fmt.Errorf("%s has SHA-256 %s here, the server stored %s: %w", path, s.SHA256, got, ErrChecksum)
	}
	return nil
}

// mismatch finds out whether a server refused bytes that are not those of the
// announced SHA-256.
func mismatch(err error) error {
	e, ok := fault.As(err)
	if !ok || e.Kind != fault.Invalid || !strings.Contains(strings.ToLower(e.Msg+e.Field), "sha") {
		return err
	}
	return fmt.Errorf("the server received other bytes than were announced (%s); the file changed meanwhile, or the connection is bad: %w",
		strings.TrimSpace(e.Field+" "+e.Msg), ErrChecksum)
}

// Stat describes a file without fetching it.
func (c *Client) Stat(ctx context.Context, p Place, path string) (File, error) {
	resp, err := c.send(ctx, &call{method: http.MethodHead, path: p.file(path)})
	if err != nil {
		return File{}, p.missing(err, path)
	}
	resp.Body.Close()
	f := File{Path: path, Size: resp.ContentLength, SHA256: resp.Header.Get("X-Checksum-Sha256")}
	f.CreatedAt, _ = time.Parse(http.TimeFormat, resp.Header.Get("Last-Modified")) // zero if the server tells none
	return f, nil
}

// DeleteFile removes a file.
func (c *Client) DeleteFile(ctx context.Context, p Place, path string) error {
	_, err := c.exchange(ctx, http.MethodDelete, p.file(path), nil, nil, nil)
	return p.missing(err, path)
}
