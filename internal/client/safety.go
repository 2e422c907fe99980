package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// Safety is what loading the files of a version or run would run, as far as the
// server tells.
type Safety struct {
	Verdict string       `json:"verdict"` // safe, notice, not_scanned, suspicious, unsafe
	Waiting int          `json:"waiting"` // files that the server has not looked into yet
	More    bool         `json:"more"`    // there are files into which it does not look
	Files   []FileSafety `json:"files"`

	Signature Signature `json:"signature"`
}

// Signature is how a signature among the files stands to them. Who signed is not
// verified by the server.
type Signature struct {
	Path        string   `json:"path"`
	Status      string   `json:"status"` // none, matches, differs, incomparable, invalid
	Problem     string   `json:"problem"`
	Signer      string   `json:"signer"`
	Issuer      string   `json:"issuer"`
	KeyHint     string   `json:"key_hint"`
	Certificate string   `json:"certificate"` // unchecked, fits, fits_not
	Changed     []string `json:"changed"`
	Missing     []string `json:"missing"`
	Additional  []string `json:"additional"`
	Differing   int      `json:"differing"`
	Ignored     []string `json:"ignored"`
}

// FileSafety is the part about one file.
type FileSafety struct {
	Path     string    `json:"path"`
	Verdict  string    `json:"verdict"`
	Form     string    `json:"form"`
	Findings []Finding `json:"findings"`
}

// Finding is a thing that was found; What completes "the file …".
type Finding struct {
	Verdict string `json:"verdict"`
	What    string `json:"what"`
}

// Safety tells what loading the files of a place would run; nil when the server
// does not tell, as a GitLab.
func (c *Client) Safety(ctx context.Context, p Place) (*Safety, error) {
	if c.GitLab() {
		return nil, nil
	}
	var s Safety
	_, err := c.exchange(ctx, http.MethodGet, projectPath(p.Project)+"/packages/ml_models/"+url.PathEscape(p.Package)+"/safety", nil, nil, &s)
	if errors.Is(err, ErrNoAddress) {
		return nil, nil
	}
	return &s, p.missing(err, "")
}
