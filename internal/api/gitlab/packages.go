package gitlab

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// packageRoutes has the address that everything turns on. GitLab has GET and
// PUT; HEAD comes with GET, and DELETE and the list are Vitrine's own.
func packageRoutes() []route {
	pkg := "/projects/{id}/packages/ml_models/{model_version_id}/files"
	one := pkg + "/{file_path...}"
	generic := "/projects/{id}/packages/generic/{package_name}/{package_version}/{file_path...}"
	return append(tagged("Generic packages",
		file("GET", generic, project(registry.PullPackages), "Download a file of a generic package", http.StatusOK, download),
		file("PUT", generic, project(registry.PushPackages), "Upload a file to a generic package; below …/authorize only ask whether one may", http.StatusCreated, upload),
		op("DELETE", generic, project(registry.PushPackages), "Delete a file of a generic package", deleteFile),
	), tagged("Model files",
		op("GET", pkg, project(registry.PullFiles), "List the files of a version (5) or run (candidate:5)", listFiles),
		file("GET", one, project(registry.PullFiles), "Download a file", http.StatusOK, download),
		file("PUT", one, project(registry.PushFiles), "Upload a file; below …/authorize only ask whether one may", http.StatusCreated, upload),
		op("DELETE", one, project(registry.PushFiles), "Delete a file", deleteFile),
	)...)
}

// pkg gives the version, run or generic package that the address names.
func (c *call) pkg() (registry.PackageRef, error) {
	if name := c.r.PathValue("package_name"); name != "" {
		return registry.ParseGenericRef(name, c.r.PathValue("package_version"))
	}
	return registry.ParsePackageRef(c.r.PathValue("model_version_id"))
}

func download(c *call) error {
	ref, err := c.pkg()
	if err != nil {
		return err
	}
	p := c.r.PathValue("file_path")
	if c.r.Method == http.MethodHead {
		f, err := c.s.StatFile(c.ctx(), c.project(), ref, p)
		if err != nil {
			return err
		}
		return httpx.ServeBlob(c.w, c.r, content(f, nil))
	}
	f, body, err := c.s.OpenFile(c.ctx(), c.project(), ref, p)
	if err != nil {
		return err
	}
	return httpx.ServeBlob(c.w, c.r, content(f, body))
}

// content describes a file to be served, with its opened bytes.
func content(f registry.File, body io.ReadSeekCloser) httpx.Content {
	return httpx.Content{Name: path.Base(f.Path), Digest: f.Digest, Size: f.Size, ModTime: f.UpdatedAt, Attachment: true,
		Open: func(context.Context) (io.ReadSeekCloser, error) { return body, nil }}
}

// authorizeSuffix ends the address of GitLab's pre-flight for an upload.
const authorizeSuffix = "/authorize"

// selectFile asks an upload for the file instead of a message, as in GitLab.
const selectFile = "package_file"

func upload(c *call) error {
	p := c.r.PathValue("file_path")
	if target, ok := strings.CutSuffix(p, authorizeSuffix); ok && target != "" {
		// Rights only: an unknown version is no reason to refuse here.
		ref, err := c.pkg()
		if fault.Is(err, fault.Invalid) {
			return err
		}
		if err := c.s.AuthorizePut(c.ctx(), c.project(), ref, target); err != nil {
			return err
		}
		return httpx.WriteJSON(c.w, http.StatusOK, map[string]string{"status": "ok"})
	}
	answer := c.r.URL.Query().Get("select")
	if answer != "" && answer != selectFile {
		return badParam("select", "does not have a valid value")
	}
	f, err := store(c, p)
	if err != nil {
		return err
	}
	tellDigest(c.w.Header(), f.Digest)
	if answer == selectFile {
		return httpx.WriteJSON(c.w, http.StatusCreated, packageFileWire(f))
	}
	return httpx.WriteJSON(c.w, http.StatusCreated, acceptedJSON{"201 Created"})
}

// tellDigest writes the headers about the content of a file that was stored.
func tellDigest(h http.Header, d blob.Digest) {
	h.Set("X-Checksum-Sha256", d.Hex())
	h.Set("ETag", `"`+d.Hex()+`"`)
}

// target gives the package that a file is to go to. An anonymous caller learns
// only that an account is needed.
func (c *call) target(p string) (registry.PackageRef, error) {
	ref, err := c.pkg()
	if err == nil {
		return ref, nil
	}
	if aerr := c.s.AuthorizePut(c.ctx(), c.project(), ref, p); aerr != nil {
		err = aerr
	}
	return ref, err
}

// store sends the body on, raw or out of a form.
func store(c *call, p string) (registry.File, error) {
	ref, err := c.target(p)
	if err != nil {
		return registry.File{}, err
	}
	o, err := putOptions(c.r)
	if err != nil {
		return registry.File{}, err
	}
	body := httpx.Body(c.r)
	boundary, form, err := formBoundary(c.r.Header.Get("Content-Type"))
	if err != nil {
		return registry.File{}, err
	}
	if form {
		// What can be refused is refused before the form is read.
		if err := c.s.MayPut(c.ctx(), c.project(), ref, p, o); err != nil {
			return registry.File{}, err
		}
		o.Size = -1
		if body, err = filePart(multipart.NewReader(body, boundary), &o); err != nil {
			return registry.File{}, err
		}
	}
	return c.s.PutFile(c.ctx(), c.project(), ref, p, body, o)
}

// putOptions reads what goes with an upload from address and headers.
func putOptions(r *http.Request) (registry.PutOptions, error) {
	o := registry.PutOptions{Size: r.ContentLength, Status: registry.FileStatus(r.URL.Query().Get("status")),
		Absent: strings.TrimSpace(r.Header.Get("If-None-Match")) == "*"}
	if r.Header.Get("Content-Range") != "" {
		// RFC 9110, section 14.5: a server that does not take parts has to
		// refuse, or it would store the part as the whole.
		return o, &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "is a part of a file (Content-Range); parts are not taken here, send the whole file"}
	}
	if m := r.Header.Get("If-Match"); m != "" && m != "*" {
		d, err := blob.ParseDigest(strings.Trim(m, `"`))
		if err != nil {
			d = "sha256:none" // matches nothing that is stored
		}
		o.Match = d
	}
	var err error
	o.Expect, err = announced(r)
	return o, err
}

// formBoundary reads the boundary of a multipart form; any other content type
// is the raw file.
func formBoundary(contentType string) (boundary string, form bool, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if form = strings.HasPrefix(strings.ToLower(contentType), "multipart/form-data"); !form {
		return "", false, nil
	}
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return "", true, &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "is a multipart form without a boundary", Err: err}
	}
	return params["boundary"], true, nil
}

// formField bounds a text field of an upload form, in bytes.
const formField = 4096

// filePart goes to the part named "file" of a form, reading a "status" that
// comes before it. Nothing is buffered.
func filePart(form *multipart.Reader, o *registry.PutOptions) (io.Reader, error) {
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil, badParam("file", httpx.MsgMissing)
		case err != nil:
			return nil, brokenForm(err)
		}
		switch part.FormName() {
		case "file":
			return wholePart{part, form}, nil
		case "status":
			v, err := io.ReadAll(io.LimitReader(part, formField))
			if err != nil {
				return nil, brokenForm(err)
			}
			o.Status = registry.FileStatus(v)
		}
	}
}

func brokenForm(err error) error {
	if _, known := fault.As(err); known {
		return err
	}
	return &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "is no whole multipart form", Err: err}
}

// wholePart is the file of a form, which ends when the form ends: a form that
// is cut short has no end, and a status after the file comes too late.
type wholePart struct {
	part *multipart.Part
	form *multipart.Reader
}

func (p wholePart) Read(b []byte) (int, error) {
	n, err := p.part.Read(b)
	if errors.Is(err, io.EOF) {
		err = p.end()
	}
	return n, err
}

// end reads what follows the file, and gives io.EOF when all is well.
func (p wholePart) end() error {
	for {
		next, err := p.form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			return brokenForm(err)
		case next.FormName() == "status":
			return badParam("status", "has to come before the file in a form")
		}
		if _, err := io.CopyN(io.Discard, next, formField+1); !errors.Is(err, io.EOF) {
			return &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "has more than small fields after the file"}
		}
	}
}

// announced reads the SHA-256 that the uploader expects: X-Checksum-Sha256 in
// hexadecimal, or Repr-Digest or Content-Digest of RFC 9530. Those that are
// there have to agree. Content-Digest is looked at only where the body is the
// file, and not a form or a part of it.
func announced(r *http.Request) (blob.Digest, error) {
	var want blob.Digest
	h := r.Header
	take := func(d blob.Digest, err error) error {
		if err != nil || want != "" && d != want {
			return &fault.Error{Kind: fault.Invalid, Noun: "digest", Field: "sha256", Msg: "is malformed or contradicts itself: " +
				"give 64 hexadecimal digits in X-Checksum-Sha256, or sha-256=:base64: in Repr-Digest", Err: err}
		}
		want = d
		return nil
	}
	if hx := h.Get("X-Checksum-Sha256"); hx != "" {
		if err := take(blob.ParseDigest(hx)); err != nil {
			return "", err
		}
	}
	fields := h.Values("Repr-Digest")
	if r.Method == http.MethodPut && !strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/") {
		fields = append(fields, h.Values("Content-Digest")...)
	}
	for entry := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		alg, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if !strings.EqualFold(alg, "sha-256") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
		if err == nil {
			err = take(blob.ParseDigest(hex.EncodeToString(raw)))
		} else {
			err = take("", err)
		}
		if err != nil {
			return "", err
		}
	}
	return want, nil
}

type fileJSON struct {
	ID        int64               `json:"id"`
	PackageID int64               `json:"package_id"`
	FileName  string              `json:"file_name"` // URI-encoded whole path, as GitLab's package files
	Path      string              `json:"path"`
	Size      int64               `json:"size"`
	SHA256    string              `json:"file_sha256"`
	Status    registry.FileStatus `json:"status"`
	CreatedAt stamp               `json:"created_at"`
	UpdatedAt stamp               `json:"updated_at"`
}

func fileWire(f registry.File) fileJSON {
	return fileJSON{ID: f.ID, PackageID: f.PackageID, FileName: uriEncode(f.Path), Path: f.Path, Size: f.Size, SHA256: f.Digest.Hex(),
		Status: f.Status, CreatedAt: stamp(f.CreatedAt), UpdatedAt: stamp(f.UpdatedAt)}
}

// uriEncode writes a path as GitLab stores it: slash %2F, blank %20, plus %2B.
func uriEncode(p string) string { return strings.ReplaceAll(url.QueryEscape(p), "+", "%20") }

type fileFilter struct {
	partial
	Search string `param:"search" doc:"Part of the path."`
	Hidden bool   `param:"include_hidden" doc:"Files uploaded with status hidden too."`
}

func listFiles(c *call, in fileFilter) ([]fileJSON, error) {
	p, o, err := in.part("path")
	if err != nil {
		return nil, err
	}
	ref, err := c.pkg()
	if err != nil {
		return nil, err
	}
	if o.By == "" {
		o = registry.Order{By: "path", Desc: in.Sort == "desc"}
	}
	return listed(c, in.paging, fileWire)(c.s.Files(c.ctx(), c.project(), ref, registry.FileQuery{Page: p, Order: o, Search: in.Search, Hidden: in.Hidden}))
}

func deleteFile(c *call, _ none) (none, error) {
	ref, err := c.pkg()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteFile(c.ctx(), c.project(), ref, c.r.PathValue("file_path"))
}
