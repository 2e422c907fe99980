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
	return tagged("Model files",
		op("GET", pkg, project(registry.PullFiles), "List the files of a version (5) or run (candidate:5)", listFiles),
		file("GET", one, project(registry.PullFiles), "Download a file", http.StatusOK, download),
		file("PUT", one, project(registry.PushFiles), "Upload a file; below …/authorize only ask whether one may", http.StatusCreated, upload),
		op("DELETE", one, project(registry.PushFiles), "Delete a file", deleteFile),
	)
}

// pkg gives the version or run that the address names.
func (c *call) pkg() (registry.PackageRef, error) {
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

func upload(c *call) error {
	p := c.r.PathValue("file_path")
	if target, ok := strings.CutSuffix(p, authorizeSuffix); ok && target != "" {
		if err := c.s.AuthorizePut(c.ctx(), c.project(), target); err != nil {
			return err
		}
		return httpx.WriteJSON(c.w, http.StatusOK, map[string]string{"status": "ok"})
	}
	f, err := store(c, p)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("X-Checksum-Sha256", f.Digest.Hex())
	h.Set("ETag", `"`+f.Digest.Hex()+`"`)
	return httpx.WriteJSON(c.w, http.StatusCreated, acceptedJSON{"201 Created"})
}

// store sends the body on, raw or out of a form.
func store(c *call, p string) (registry.File, error) {
	ref, err := c.pkg()
	if err != nil {
		// An anonymous caller learns only that an account is needed.
		if aerr := c.s.AuthorizePut(c.ctx(), c.project(), p); aerr != nil {
			err = aerr
		}
		return registry.File{}, err
	}
	o := registry.PutOptions{Size: c.r.ContentLength, Status: registry.FileStatus(c.r.URL.Query().Get("status"))}
	if o.Expect, err = announced(c.r.Header); err != nil {
		return registry.File{}, err
	}
	kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return c.s.PutFile(c.ctx(), c.project(), ref, p, c.r.Body, o)
	}
	if err := c.s.AuthorizePut(c.ctx(), c.project(), p); err != nil {
		return registry.File{}, err
	}
	o.Size = -1
	part, err := filePart(multipart.NewReader(c.r.Body, params["boundary"]), &o)
	if err != nil {
		return registry.File{}, err
	}
	return c.s.PutFile(c.ctx(), c.project(), ref, p, part, o)
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
			return nil, missing("file", httpx.MsgMissing)
		case err != nil:
			return nil, &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "is no whole multipart form", Err: err}
		}
		switch part.FormName() {
		case "file":
			return part, nil
		case "status":
			v, err := io.ReadAll(io.LimitReader(part, formField))
			if err != nil {
				return nil, &fault.Error{Kind: fault.Invalid, Noun: "body", Msg: "is no whole multipart form", Err: err}
			}
			o.Status = registry.FileStatus(v)
		}
	}
}

// announced reads the SHA-256 that the uploader expects: X-Checksum-Sha256 in
// hexadecimal, or Repr-Digest or Content-Digest of RFC 9530.
func announced(h http.Header) (blob.Digest, error) {
	if hx := h.Get("X-Checksum-Sha256"); hx != "" {
		return checkDigest(blob.ParseDigest(hx))
	}
	for _, name := range []string{"Repr-Digest", "Content-Digest"} {
		for entry := range strings.SplitSeq(h.Get(name), ",") {
			alg, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
			if !strings.EqualFold(alg, "sha-256") {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(strings.Trim(value, ":"))
			if err != nil {
				return checkDigest("", err)
			}
			return checkDigest(blob.ParseDigest(hex.EncodeToString(raw)))
		}
	}
	return "", nil
}

func checkDigest(d blob.Digest, err error) (blob.Digest, error) {
	if err != nil {
		return "", &fault.Error{Kind: fault.Invalid, Noun: "digest", Field: "sha256",
			Msg: "the announced SHA-256 is malformed: give 64 hexadecimal digits in X-Checksum-Sha256, or sha-256=:base64: in Repr-Digest", Err: err}
	}
	return d, nil
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
	paging
	sorting
	Search string `param:"search" doc:"Part of the path."`
	Hidden bool   `param:"include_hidden" doc:"Files uploaded with status hidden too."`
}

func listFiles(c *call, in fileFilter) ([]fileJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	o, err := in.order()
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
	l, err := c.s.Files(c.ctx(), c.project(), ref, registry.FileQuery{Page: p, Order: o, Search: in.Search, Hidden: in.Hidden})
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, l, fileWire), nil
}

func deleteFile(c *call, _ none) (none, error) {
	ref, err := c.pkg()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteFile(c.ctx(), c.project(), ref, c.r.PathValue("file_path"))
}
