package mlflow

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// partRoutes take a file in numbered parts, as MLflow's client sends it
// (mlflow/store/artifact/http_artifact_repo.py): it asks for the addresses of
// all parts, PUTs each without a token, and gives back their ETags. MLflow's own
// server hands out addresses of a cloud; ours are its own.
func partRoutes() []route {
	write := project(registry.PushFiles)
	const mpu = "/mlflow-artifacts/mpu"
	return []route{
		v2("POST", mpu+"/create/{path...}", write, createParts),
		transfer("PUT", mpu+"/part/{upload_id}/{number}", write, uploadPart),
		v2("POST", mpu+"/complete/{path...}", write, completeParts),
		v2("POST", mpu+"/abort/{path...}", write, abortParts),
	}
}

// partsFor is how long the addresses of parts work. The upload itself waits
// longer for a caller with a token.
const partsFor = 12 * time.Hour

type newParts struct {
	Path  string `field:"path" check:"required string"` // of the file where the client has it
	Count *int64 `field:"num_parts" check:"int"`
}

type partAddressJSON struct {
	URL     string            `json:"url"`
	Number  int64             `json:"part_number"`
	Headers map[string]string `json:"headers"`
}

type partsAnswer struct {
	UploadID    string            `json:"upload_id"`
	Credentials []partAddressJSON `json:"credentials,omitempty"`
}

// createParts begins an upload; the address names the folder.
func createParts(c *call, in newParts) (partsAnswer, error) {
	count := int64(1)
	if in.Count != nil {
		count = *in.Count
	}
	if count < 1 || count > registry.MaxParts {
		return partsAnswer{}, invalid("num_parts must be between 1 and " + strconv.Itoa(registry.MaxParts) + ". Send larger parts (MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE).")
	}
	f, err := c.partedFile(in.Path)
	if err != nil {
		return partsAnswer{}, err
	}
	u, err := c.s.BeginUpload(c.ctx(), c.ref, f.pkg, f.path, registry.UploadOptions{PutOptions: registry.PutOptions{Size: -1}, Parted: true, Note: f.name})
	if err != nil {
		return partsAnswer{}, err
	}
	out := partsAnswer{UploadID: u.EID, Credentials: make([]partAddressJSON, count)}
	for i := range out.Credentials {
		n := int64(i) + 1
		below := "/mlflow-artifacts/mpu/part/" + u.EID + "/" + strconv.FormatInt(n, 10)
		out.Credentials[i] = partAddressJSON{URL: c.signed(http.MethodPut, below, partsFor), Number: n, Headers: map[string]string{}}
	}
	return out, nil
}

// partedFile finds the file that a request is about: the address names its
// folder, the message where the client has it.
func (c *call) partedFile(local string) (file, error) {
	name := path.Base(strings.ReplaceAll(local, `\`, "/")) // the client may run on Windows
	return c.fileAt(strings.TrimSuffix(c.r.PathValue("path"), "/") + "/" + name)
}

// checkParted holds a request about an upload to the file that the upload is
// for: its note is the address.
func (c *call) checkParted(eid, local string) error {
	f, err := c.partedFile(local)
	if err != nil {
		return err
	}
	u, err := c.s.Upload(c.ctx(), c.ref, eid)
	if err != nil {
		return err
	}
	if u.Note != f.name {
		return invalid("The upload '" + eid + "' is one of another file: '" + u.Note + "'.")
	}
	return nil
}

// uploadPart stores one part; its ETag is its SHA-256.
func uploadPart(c *call) error {
	n, ok := rowID(c.r.PathValue("number"))
	if !ok {
		return invalid("The number of a part is one from 1 on.")
	}
	p, err := c.s.PutPart(c.ctx(), c.ref, c.r.PathValue("upload_id"), n, httpx.Body(c.r), registry.PartOptions{Size: c.r.ContentLength})
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", `"`+p.Digest.Hex()+`"`)
	c.w.WriteHeader(http.StatusOK)
	return nil
}

type partRef struct {
	Number int64  `field:"part_number"`
	ETag   string `field:"etag"`
}

type wholeOfParts struct {
	Path     string    `field:"path" check:"required string"`
	UploadID string    `field:"upload_id" check:"string"`
	Parts    []partRef `field:"parts" check:"required"`
}

// completeParts stores the file when the parts are those that the caller sent.
func completeParts(c *call, in wholeOfParts) (none, error) {
	if len(in.Parts) == 0 {
		return none{}, missingValue("parts")
	}
	wanted := make([]registry.UploadPart, len(in.Parts))
	for i, p := range in.Parts {
		d, err := blob.ParseDigest(strings.Trim(p.ETag, `"`))
		if err != nil {
			return none{}, invalid("Part " + strconv.FormatInt(p.Number, 10) + " has no ETag of this server's: give back the one that its upload was answered with.")
		}
		wanted[i] = registry.UploadPart{Number: p.Number, Digest: d}
	}
	if err := c.checkParted(in.UploadID, in.Path); err != nil {
		return none{}, err
	}
	_, err := c.s.CompleteUpload(c.ctx(), c.ref, in.UploadID, wanted)
	return none{}, err
}

type uploadOfParts struct {
	Path     string `field:"path" check:"required string"`
	UploadID string `field:"upload_id" check:"string"`
}

func abortParts(c *call, in uploadOfParts) (none, error) {
	if err := c.checkParted(in.UploadID, in.Path); err != nil {
		return none{}, err
	}
	return none{}, c.s.AbortUpload(c.ctx(), c.ref, in.UploadID)
}
