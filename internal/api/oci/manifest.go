package oci

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Media types.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json"
	modelType    = "application/vnd.vitrine.model.v1" // of the artifacts
	fileType     = "application/octet-stream"         // of their layers
)

// Annotations: those of the image specification, and one of the CNCF ModelPack,
// which has the whole path where oras looks for it in the title.
const (
	titleKey   = "org.opencontainers.image.title"
	versionKey = "org.opencontainers.image.version"
	createdKey = "org.opencontainers.image.created"
	sourceKey  = "org.opencontainers.image.source"
	pathKey    = "org.cncf.model.filepath"
)

// The empty JSON value, which the image specification wants where there is
// nothing to say ("Guidance for an Empty Descriptor").
const (
	emptyContent = "{}"
	emptyDigest  = blob.Digest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
)

var empty = descriptor{MediaType: emptyType, Digest: emptyDigest, Size: int64(len(emptyContent)), Data: []byte(emptyContent)}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      blob.Digest       `json:"digest"`
	Size        int64             `json:"size"`           // bytes
	Data        []byte            `json:"data,omitempty"` // the content itself
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifestWire struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations"`
}

const (
	// maxManifest is what registries and clients take, by the distribution
	// specification, in bytes.
	maxManifest = 4 << 20
	// maxLayers is how many layers fit in at the very most: none takes less than
	// leastLayer bytes.
	maxLayers  = maxManifest / leastLayer
	leastLayer = 200
)

// manifestOf gives the artifact of a version. It depends on the version, its
// files and the names of model and project alone: asked again, it is the same.
func (d *dialect) manifestOf(a registry.Artifact) ([]byte, error) {
	m := manifestWire{SchemaVersion: 2, MediaType: manifestType, ArtifactType: modelType, Config: empty,
		Layers:      make([]descriptor, 0, max(1, len(a.Files))),
		Annotations: map[string]string{titleKey: a.ModelName, versionKey: a.Semver, createdKey: a.CreatedAt.UTC().Format(time.RFC3339)}}
	if d.URL != "" {
		m.Annotations[sourceKey] = fmt.Sprintf("%s/%s/-/ml/models/%d/versions/%d", strings.TrimSuffix(d.URL, "/"), a.ProjectPath, a.ModelID, a.ID)
	}
	for _, f := range a.Files {
		m.Layers = append(m.Layers, descriptor{MediaType: fileType, Digest: f.Digest, Size: f.Size,
			Annotations: map[string]string{titleKey: f.Path, pathKey: f.Path}})
	}
	if len(m.Layers) == 0 {
		// "For portability, layers SHOULD have at least one entry" (manifest.md).
		m.Layers = append(m.Layers, empty)
	}
	body, err := json.Marshal(m)
	if err == nil && len(body) > maxManifest {
		err = fault.Oversize("version", "has %d files, whose list is larger than the %d bytes of a manifest", len(a.Files), maxManifest)
	}
	return body, err
}

func getManifest(c *call) error {
	which, err := parseReference(c.at.ref)
	if err != nil {
		return err
	}
	a, err := c.s.Artifact(c.ctx(), c.project(), c.model(), which, maxLayers)
	if err != nil {
		return err
	}
	body, err := c.d.manifestOf(a)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	d := blob.SumDigest(sum[:])
	switch {
	case which.Manifest != "" && which.Manifest != d:
		return fault.Missing("manifest", string(which.Manifest)) // its files have changed
	case which.Manifest == "" && a.Manifest != d:
		if err := c.s.KeepManifest(c.ctx(), c.project(), a.ID, d); err != nil {
			return err
		}
	}
	return c.send(manifestType, d, body)
}

// send answers with content that is in memory, with ranges and conditions as files
// have them.
func (c *call) send(mediaType string, d blob.Digest, body []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	if d != "" {
		h.Set(digestHeader, string(d))
		h.Set("Etag", `"`+d.Hex()+`"`)
	}
	http.ServeContent(c.w, c.r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// digestHeader tells the digest of what is sent.
const digestHeader = "Docker-Content-Digest"

func answerPing(c *call) error { return c.send("application/json", "", []byte(emptyContent)) }
