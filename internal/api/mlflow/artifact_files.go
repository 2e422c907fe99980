package mlflow

import (
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type fileInfoJSON struct {
	Path string `json:"path"`
	Dir  bool   `json:"is_dir"`
	Size int64  `json:"file_size,omitempty"` // bytes, of a file that is not empty
}

// folderWire gives the entries of a folder by name, below a path as it was
// asked for.
func folderWire(below string, entries []registry.FolderEntry) []fileInfoJSON {
	if below != "" && !strings.HasSuffix(below, "/") {
		below += "/"
	}
	out := make([]fileInfoJSON, len(entries))
	for i, e := range entries {
		out[i] = fileInfoJSON{Path: below + e.Name, Dir: e.Dir, Size: e.Size}
	}
	slices.SortStableFunc(out, func(a, b fileInfoJSON) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

type folderQuery struct {
	Path string `field:"path"`
}

type folderAnswer struct {
	Files []fileInfoJSON `json:"files,omitempty"`
}

// listProxied answers with all of a folder, for MLflow's clients know no pages
// here; each stretch is read by itself.
func listProxied(c *call, in folderQuery) (folderAnswer, error) {
	f, err := c.fileAt(in.Path)
	if err != nil {
		return folderAnswer{}, err
	}
	var entries []registry.FolderEntry
	for q := (registry.FolderQuery{Path: f.path}); ; {
		l, err := c.s.Folder(c.ctx(), c.ref, f.pkg, q)
		if err != nil {
			return folderAnswer{}, err
		}
		entries = append(entries, l.Items...)
		if !l.More {
			return folderAnswer{folderWire("", entries)}, nil
		}
		q.After = l.Next.Key
	}
}

type runFolderQuery struct {
	runOrUUID
	Path      string `field:"path" check:"string"`
	PageToken string `field:"page_token" check:"string"`
}

type runFolderAnswer struct {
	RootURI       string         `json:"root_uri"`
	Files         []fileInfoJSON `json:"files,omitempty"`
	NextPageToken string         `json:"next_page_token,omitempty"`
}

// listArtifacts lists a folder of a run. MLflow's server gives no page tokens
// and ignores those that it gets; here a folder of more than
// registry.MaxFolder entries comes in pages.
func listArtifacts(c *call, in runFolderQuery) (runFolderAnswer, error) {
	q, err := folderOf(in.Path, in.PageToken)
	if err != nil {
		return runFolderAnswer{}, err
	}
	run, l, err := c.s.RunFolder(c.ctx(), c.ref, in.ref(), q)
	if err != nil {
		return runFolderAnswer{}, err
	}
	return folderPage(c.runInfo(run).ArtifactURI, in.Path, l), nil
}

// folderOf reads which stretch of a folder is asked for.
func folderOf(path, token string) (registry.FolderQuery, error) {
	p, err := artifactPath(path)
	q := registry.FolderQuery{Path: p}
	if after, err := base64.RawURLEncoding.DecodeString(token); err == nil {
		q.After = string(after)
	}
	return q, err
}

// folderPage gives a stretch of a folder, which was asked for by a path.
func folderPage(root, path string, l registry.List[registry.FolderEntry]) runFolderAnswer {
	out := runFolderAnswer{RootURI: root, Files: folderWire(unquoted(path), l.Items)}
	if l.More {
		out.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(l.Next.Key))
	}
	return out
}

// downloadArtifact serves a file below the proxy.
func downloadArtifact(c *call) error {
	f, err := c.fileAt(c.r.PathValue("path"))
	if err != nil {
		return err
	}
	return c.serveFile(f)
}

// getArtifact serves a file of a run to pages.
func getArtifact(c *call) error {
	q := c.r.URL.Query()
	p, err := pathParam(c.r)
	if err != nil {
		return err
	}
	id := cmp.Or(q.Get("run_id"), q.Get("run_uuid"))
	if id == "" {
		return fault.Missing("run", "None")
	}
	return c.serveFile(file{pkg: registry.PackageRef{RunEID: id}, path: p, name: p})
}

// getVersionArtifact serves a file of a registered model's version to pages.
func getVersionArtifact(c *call) error {
	q := c.r.URL.Query()
	p, err := pathParam(c.r)
	if err != nil {
		return err
	}
	number, ok := rowID(q.Get("version"))
	if !ok {
		return invalid("Parameter 'version' must be an integer, got '" + q.Get("version") + "'." + seeDocs)
	}
	if q.Get("name") == "" {
		return invalid("Registered model name cannot be empty.")
	}
	return c.serveFile(file{pkg: registry.PackageRef{Model: q.Get("name"), Number: number}, path: p, name: p})
}

// pathParam reads the path of a file in a query.
func pathParam(r *http.Request) (string, error) {
	if !r.URL.Query().Has("path") {
		return "", &apiError{code: badRequest, kind: fault.Invalid, msg: "Give the parameter path: the file in question."}
	}
	return artifactPath(r.URL.Query().Get("path"))
}

// serveFile answers with a file.
func (c *call) serveFile(f file) error {
	if f.path == "" {
		return aFolder(f)
	}
	found, body, err := c.openFile(f)
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "file" {
		return c.noFile(f)
	}
	if err != nil {
		return err
	}
	return httpx.ServeBlob(c.w, c.r, httpx.Content{Name: found.Path, Digest: found.Digest, Size: found.Size, ModTime: found.UpdatedAt,
		MediaType: mediaType(path.Base(found.Path)), Attachment: true,
		Open:   func(context.Context) (io.ReadSeekCloser, error) { return body, nil },
		Header: func(h http.Header) { h.Set("Content-Disposition", attachment(found.Path)) }})
}

// openFile finds a file, and opens it if its bytes are wanted.
func (c *call) openFile(f file) (registry.File, io.ReadSeekCloser, error) {
	if c.r.Method == http.MethodHead {
		found, err := c.s.StatFile(c.ctx(), c.ref, f.pkg, f.path)
		return found, nil, err
	}
	return c.s.OpenFile(c.ctx(), c.ref, f.pkg, f.path)
}

// statFile finds a file of which no byte is wanted.
func (c *call) statFile(f file) (registry.File, error) {
	if f.path == "" {
		return registry.File{}, aFolder(f)
	}
	found, err := c.s.StatFile(c.ctx(), c.ref, f.pkg, f.path)
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun == "file" {
		err = c.noFile(f)
	}
	return found, err
}

// noFile tells what there is instead of a file.
func (c *call) noFile(f file) error {
	l, err := c.s.Folder(c.ctx(), c.ref, f.pkg, registry.FolderQuery{Path: f.path, Limit: 1})
	switch {
	case err != nil:
		return err
	case len(l.Items) > 0:
		return aFolder(f)
	}
	return &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "No such artifact: '" + f.name + "'"}
}

// aFolder is an error in the form of our others; MLflow's server has one of
// another form here, which its clients do not read.
func aFolder(f file) error {
	return invalid("Artifact path refers to a directory, not a file: '" + f.name + "'")
}

// uploadArtifact stores a file below the proxy.
func uploadArtifact(c *call) error {
	address := c.r.PathValue("path")
	f, err := c.fileAt(address)
	if err != nil {
		return err
	}
	if f.path == "" || strings.HasSuffix(address, "/") {
		return invalid("Invalid path: it names a folder; add the name of the file")
	}
	if c.r.Header.Get("Content-Range") != "" {
		// RFC 9110, section 14.5: else the part would be stored as the whole.
		return invalid("The body is a part of a file (Content-Range). Send the whole file, or its parts by /mlflow-artifacts/mpu.")
	}
	_, err = c.s.PutFile(c.ctx(), c.ref, f.pkg, f.path, httpx.Body(c.r), registry.PutOptions{Size: c.r.ContentLength})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK) // and nothing else, as MLflow
	return nil
}

// deleteArtifact removes a file or all of a folder; what is not there is gone.
func deleteArtifact(c *call) error {
	f, err := c.fileAt(c.r.PathValue("path"))
	if err != nil {
		return err
	}
	if f.path == "" && f.pkg == sharedArea {
		return invalid("Invalid path: name what shall be deleted")
	}
	if _, err := c.s.DeleteFiles(c.ctx(), c.ref, f.pkg, f.path); err != nil {
		return err
	}
	return c.send(none{})
}

// empty answers as MLflow does where it has nothing to say: JSON of no bytes.
func (c *call) empty() error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// maxPageUpload bounds what pages upload, in bytes, as MLflow does.
const maxPageUpload = 10 << 20

// uploadFromPage stores a file of a run that MLflow's page sends.
func uploadFromPage(c *call) error {
	q := c.r.URL.Query()
	switch {
	case q.Get("run_uuid") == "":
		return invalid("Request must specify run_uuid.")
	case q.Get("path") == "":
		return invalid("Request must specify path.")
	}
	p, err := artifactPath(q.Get("path"))
	switch {
	case err != nil:
		return err
	case c.r.ContentLength == 0:
		return invalid("Request must specify data.")
	}
	body := &pageUpload{r: httpx.Body(c.r), left: maxPageUpload}
	if c.r.ContentLength > maxPageUpload {
		return body.tooLarge()
	}
	_, err = c.s.PutFile(c.ctx(), c.ref, registry.PackageRef{RunEID: q.Get("run_uuid")}, p, body, registry.PutOptions{Size: c.r.ContentLength})
	if err != nil {
		return err
	}
	return c.empty()
}

// pageUpload is a body that fails when it is too long, or empty.
type pageUpload struct {
	r    io.Reader
	left int64
}

func (*pageUpload) tooLarge() error { return invalid("Artifact size is too large. Max size is 10MB.") }

// Read counts what comes.
func (b *pageUpload) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, b.tooLarge()
	}
	if err == io.EOF && b.left == maxPageUpload {
		return 0, invalid("Request must specify data.")
	}
	return n, err
}
