package gitlab

import (
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// uploadsBelow begins, below a project, the addresses of resumable uploads,
// which are Vitrine's own. They lie beside the packages' addresses and not below
// them, for in packages/generic/NAME/VERSION/ every name can be that of a file.
// GitLab has no package type of the name "uploads", and its package ids are
// numbers.
const uploadsBelow = "packages/uploads/"

func uploadRoutes() []route {
	all := "/projects/{id}/packages/uploads"
	one := all + "/{upload_id}"
	models := all + "/ml_models/{model_version_id}"
	generic := all + "/generic/{package_name}/{package_version}"
	files, packages := project(registry.PushFiles), project(registry.PushPackages)
	routes := []route{
		op("GET", all, packages, "List one's own uploads that wait for bytes", listUploads),
		creating(models, files, "Begin an upload to a version or run; the path is the filename in Upload-Metadata"),
		creating(models+"/{file_path...}", files, "Begin an upload to a version or run"),
		creating(generic, packages, "Begin an upload to a generic package; the path is the filename in Upload-Metadata"),
		creating(generic+"/{file_path...}", packages, "Begin an upload to a generic package"),
		tus("GET", one, packages, "How far an upload has come", http.StatusOK, getUpload).failing(412, 410, 423),
		tus("PATCH", one, packages, "Send bytes; with the last one the file is stored", http.StatusNoContent, patchUpload).
			failing(409, 410, 412, 413, 415, 423, statusChecksumMismatch),
		tus("DELETE", one, packages, "End an upload and drop its bytes", http.StatusNoContent, deleteUpload).failing(410, 412, 423),
	}
	for _, pattern := range []string{all, models, models + "/{file_path...}", generic, generic + "/{file_path...}", one} {
		routes = append(routes, tus("OPTIONS", pattern, access{gate: anyone}, "What the server knows of the tus protocol", http.StatusNoContent, uploadOptions))
	}
	return tagged("Resumable uploads", routes...)
}

func creating(pattern string, a access, summary string) route {
	return tus("POST", pattern, a, summary, http.StatusCreated, createUpload).failing(412, 413, 415, statusChecksumMismatch)
}

// tus makes a route of the tus protocol, which answers by itself.
func tus(method, pattern string, a access, summary string, status int, fn func(*call) error) route {
	rt := route{method: method, pattern: pattern, access: a, summary: summary, status: status, tus: true,
		in: reflect.TypeFor[none](), out: reflect.TypeFor[none]()}
	rt.run = func(c *call, _ int) error {
		if err := checkVersion(c.r); err != nil {
			c.w.Header().Set("Tus-Version", tusVersion)
			return err
		}
		return fn(c)
	}
	if method == http.MethodGet {
		rt.out = reflect.TypeFor[uploadJSON]()
	}
	return rt
}

// uploadOptions tells what is offered, to everybody.
func uploadOptions(c *call) error {
	h := c.w.Header()
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", tusExtensions)
	h.Set("Tus-Checksum-Algorithm", strings.Join(checksumNames(), ","))
	if most := c.d.Registry.MaxFileSize(); most > 0 {
		h.Set("Tus-Max-Size", strconv.FormatInt(most, 10))
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func createUpload(c *call) error {
	p := c.r.PathValue("file_path")
	ref, err := c.target(p)
	if err != nil {
		return err
	}
	o, name, err := creation(c.r)
	if err != nil {
		return err
	}
	if p == "" {
		p = name
	}
	u, err := c.begin(ref, p, o)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", c.uploadAddress(u))
	tellProgress(c.w.Header(), u)
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

// begin begins an upload, with the bytes that come with the request. One of no
// bytes is complete at once.
func (c *call) begin(ref registry.PackageRef, p string, o registry.UploadOptions) (registry.Upload, error) {
	if c.r.ContentLength == 0 && o.Size != 0 {
		return c.s.BeginUpload(c.ctx(), c.project(), ref, p, o)
	}
	if c.r.ContentLength != 0 {
		if err := checkContentType(c.r); err != nil {
			return registry.Upload{}, err
		}
	}
	a, err := c.appending(0)
	if err != nil {
		return registry.Upload{}, err
	}
	return c.s.BeginUploadWith(c.ctx(), c.project(), ref, p, o, c.body(), a)
}

// body is what the request brings.
func (c *call) body() io.Reader { return httpx.Body(c.r) }

// appending reads what goes with the bytes of a request.
func (c *call) appending(offset int64) (registry.AppendOptions, error) {
	check, err := checksum(c.r.Header)
	conn := http.NewResponseController(c.w)
	return registry.AppendOptions{Offset: offset, Size: c.r.ContentLength, Check: check,
		// A writer without deadlines, as in tests, cannot be interrupted.
		Interrupt: func() { _ = conn.SetReadDeadline(time.Now()) }}, err
}

// uploadAddress is relative to the host unless the server knows its own
// address: it is the one that the client has reached.
func (c *call) uploadAddress(u registry.Upload) string {
	base := ""
	if c.d.URL != "" {
		base = c.base()
	}
	return base + Prefix + "/projects/" + strconv.FormatInt(u.ProjectID, 10) + "/" + uploadsBelow + u.EID
}

// tellProgress writes the headers about how far an upload is.
func tellProgress(h http.Header, u registry.Upload) {
	h.Set("Upload-Offset", strconv.FormatInt(u.Progress.Offset, 10))
	h.Set("Upload-Expires", u.ExpiresAt.Format(http.TimeFormat))
	if u.State == registry.UploadStored {
		tellDigest(h, u.Digest)
		h.Set("Repr-Digest", "sha-256=:"+u.Digest.Base64()+":")
	}
}

func getUpload(c *call) error {
	u, err := c.s.Upload(c.ctx(), c.project(), c.r.PathValue("upload_id"))
	if err != nil {
		return err
	}
	h := c.w.Header()
	tellProgress(h, u)
	h.Set("Cache-Control", "no-store")
	if u.Size >= 0 {
		h.Set("Upload-Length", strconv.FormatInt(u.Size, 10))
	}
	if u.Note != "" {
		h.Set("Upload-Metadata", u.Note)
	}
	return httpx.WriteJSON(c.w, http.StatusOK, uploadWire(u))
}

func patchUpload(c *call) error {
	if err := checkContentType(c.r); err != nil {
		return err
	}
	offset, err := count(c.r.Header, "Upload-Offset")
	if err != nil {
		return err
	}
	a, err := c.appending(offset)
	if err != nil {
		return err
	}
	u, err := c.s.AppendUpload(c.ctx(), c.project(), c.r.PathValue("upload_id"), c.body(), a)
	if err != nil {
		return err
	}
	tellProgress(c.w.Header(), u)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func deleteUpload(c *call) error {
	if err := c.s.AbortUpload(c.ctx(), c.project(), c.r.PathValue("upload_id")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

type uploadJSON struct {
	ID             string               `json:"id"`
	ModelVersionID text                 `json:"model_version_id"` // as in addresses: 5 or candidate:5; null for a generic package
	PackageName    text                 `json:"package_name"`     // of a generic package
	PackageVersion text                 `json:"package_version"`
	Path           string               `json:"path"`
	Size           *int64               `json:"size"`
	Offset         int64                `json:"offset"`
	SHA256         text                 `json:"sha256"` // as it was announced
	State          registry.UploadState `json:"state"`
	CreatedAt      stamp                `json:"created_at"`
	ExpiresAt      stamp                `json:"expires_at"`
}

func uploadWire(u registry.Upload) uploadJSON {
	out := uploadJSON{ID: u.EID, PackageName: text(u.Package.Generic), PackageVersion: text(u.Package.Version), Path: u.Path,
		Offset: u.Progress.Offset, SHA256: text(u.Expect.Hex()), State: u.State, CreatedAt: stamp(u.CreatedAt), ExpiresAt: stamp(u.ExpiresAt)}
	switch k := u.Package; {
	case k.VersionID != 0:
		out.ModelVersionID = text(strconv.FormatInt(k.VersionID, 10))
	case k.RunIID != 0:
		out.ModelVersionID = text("candidate:" + strconv.FormatInt(k.RunIID, 10))
	}
	if u.Size >= 0 {
		out.Size = &u.Size
	}
	return out
}

type uploadFilter struct {
	paging
	ModelVersionID string `param:"model_version_id" doc:"Those to this version or candidate, as in addresses of files."`
	PackageName    string `param:"package_name" doc:"Those to this generic package; goes with package_version."`
	PackageVersion string `param:"package_version" doc:"Version of the generic package."`
	Path           string `param:"path" doc:"Those to this path."`
	SHA256         string `param:"sha256" doc:"Those that announced this SHA-256."`
}

func (in uploadFilter) query() (registry.UploadQuery, error) {
	p, err := in.page()
	q := registry.UploadQuery{Page: p, Path: in.Path}
	switch {
	case err != nil:
		return q, err
	case in.PackageName != "" || in.PackageVersion != "":
		q.Package, err = registry.ParseGenericRef(in.PackageName, in.PackageVersion)
	case in.ModelVersionID != "":
		q.Package, err = registry.ParsePackageRef(in.ModelVersionID)
	}
	if err == nil && in.SHA256 != "" {
		q.Expect, err = parseSHA256(in.SHA256)
	}
	return q, err
}

func listUploads(c *call, in uploadFilter) ([]uploadJSON, error) {
	q, err := in.query()
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			err = badParam("model_version_id", httpx.MsgInvalid)
		}
		return nil, err
	}
	return listed(c, in.paging, uploadWire)(c.s.Uploads(c.ctx(), c.project(), q))
}
