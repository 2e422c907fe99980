package mlflow

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// A signed address is that of a file, or of a part of one, with a ticket in its
// query: whoever has it may make this one request as the one who asked for it,
// without a token, until it expires. What it asks passes the same gate.

func signedRoutes() []route {
	read, write := project(registry.PullFiles), project(registry.PushFiles)
	return []route{
		v2("GET", "/mlflow-artifacts/presigned/{path...}", read, presignProxied),
		v2("POST", "/mlflow/artifacts/presigned-download-url", read, presignDownload),
		v2("POST", "/mlflow/artifacts/presigned-upload-url", write, presignUpload),
	}
}

const (
	ticketParam = "ticket"
	// signedFor is how long a signed address works when nobody says.
	signedFor = 15 * time.Minute
	// maxSignedFor is the most that MLflow takes, in seconds.
	maxSignedFor = 604_800
)

// signedRequest describes what a ticket is for.
func signedRequest(method, path string) string {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return method + " " + path
}

// signed makes the address of a request below the API at the caller's door. For
// those who need no token it has no ticket.
func (c *call) signed(method, below string, d time.Duration) string {
	u := url.URL{Path: apiPrefix + "2.0" + below}
	if c.door == atGitLab {
		const head, tail = "/api/v4/projects/", "/ml/mlflow"
		id := c.r.PathValue("id")
		u.RawPath = head + url.PathEscape(id) + tail + u.EscapedPath() // a path of several parts is one in the address
		u.Path = head + id + tail + u.Path
	}
	home := cmp.Or(c.ref.Path, strconv.FormatInt(c.ref.ID, 10))
	if t := c.d.Auth.Ticket(credential.Of(c.r), signedRequest(method, u.Path), home, time.Now().Add(d)); t != "" {
		u.RawQuery = ticketParam + "=" + t
	}
	return httpx.BaseURL(c.d.URL, c.r) + u.String()
}

// proxyAddress is where the proxy has a file, in the words of its address.
func proxyAddress(name string) string { return "/mlflow-artifacts/artifacts/" + name }

type presignedJSON struct {
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Size    int64             `json:"file_size"` // bytes
}

// presignProxied gives the address from which a client reads a file in parts.
func presignProxied(c *call, _ none) (presignedJSON, error) {
	f, err := c.fileAt(c.r.PathValue("path"))
	if err != nil {
		return presignedJSON{}, err
	}
	found, err := c.statFile(f)
	if err != nil {
		return presignedJSON{}, err
	}
	return presignedJSON{URL: c.signed(http.MethodGet, proxyAddress(f.name), signedFor), Headers: map[string]string{}, Size: found.Size}, nil
}

type presignRequest struct {
	RunID      string `field:"run_id" check:"string"`
	ModelID    string `field:"model_id" check:"string"` // for uploads
	Path       string `field:"path" check:"required string"`
	Expiration *int64 `field:"expiration" check:"int"`
}

// time reads how long an address shall work.
func (in presignRequest) time() (time.Duration, error) {
	if in.Expiration == nil {
		return signedFor, nil
	}
	if *in.Expiration < 1 || *in.Expiration > maxSignedFor {
		return 0, invalid("expiration must be between 1 and 604800 seconds (got " + strconv.FormatInt(*in.Expiration, 10) + ").")
	}
	return time.Duration(*in.Expiration) * time.Second, nil
}

// file finds the file that is meant, of a run or a logged model, by its address
// below the proxy.
func (in presignRequest) file(c *call) (file, error) {
	p, err := artifactPath(in.Path)
	if err != nil {
		return file{}, err
	}
	home, err := in.home(c)
	if err != nil {
		return file{}, err
	}
	return c.fileAt(strings.TrimPrefix(home, artifactScheme) + "/" + p)
}

// home is the address of all files of the run or logged model.
func (in presignRequest) home(c *call) (string, error) {
	one := registry.FolderQuery{Limit: 1}
	if in.ModelID != "" {
		m, _, err := c.s.LoggedModelFolder(c.ctx(), c.ref, registry.LoggedModelRef{EID: in.ModelID}, one)
		return loggedModelURI(m), err
	}
	run, _, err := c.s.RunFolder(c.ctx(), c.ref, runRef(in.RunID), one)
	return c.runInfo(run).ArtifactURI, err
}

type presignAnswer struct {
	URL     string            `json:"presigned_url"`
	Headers map[string]string `json:"headers,omitempty"`
	Size    int64             `json:"file_size,omitempty"` // bytes
}

func presignDownload(c *call, in presignRequest) (presignAnswer, error) {
	d, err := in.time()
	if err != nil {
		return presignAnswer{}, err
	}
	if in.RunID == "" {
		return presignAnswer{}, missingValue("run_id")
	}
	in.ModelID = "" // it counts for uploads only
	f, err := in.file(c)
	if err != nil {
		return presignAnswer{}, err
	}
	found, err := c.statFile(f)
	if err != nil {
		return presignAnswer{}, err
	}
	return presignAnswer{URL: c.signed(http.MethodGet, proxyAddress(f.name), d), Size: found.Size}, nil
}

func missingValue(field string) error {
	return invalid("Missing value for required parameter '" + field + "'." + seeDocs)
}

func presignUpload(c *call, in presignRequest) (presignAnswer, error) {
	d, err := in.time()
	switch {
	case err != nil:
		return presignAnswer{}, err
	case (in.RunID == "") == (in.ModelID == ""):
		return presignAnswer{}, invalid("Exactly one of run_id and model_id must be provided.")
	}
	f, err := in.file(c)
	if err != nil {
		return presignAnswer{}, err
	}
	if err := c.s.MayPut(c.ctx(), c.ref, f.pkg, f.path, registry.PutOptions{Size: -1}); err != nil {
		return presignAnswer{}, err
	}
	return presignAnswer{URL: c.signed(http.MethodPut, proxyAddress(f.name), d)}, nil
}
