package mlflow

import (
	"net/http"
	"net/url"
)

func metaRoutes() []route {
	return []route{
		plain("GET", "", "/version", access{gate: anyone}, tellVersion),
		plain("GET", bare, "/version", access{gate: anyone}, tellVersion), // clients ask before they send spans
		plain("GET", bare, "/{$}", access{gate: anyone}, leadToPages),
		v3("GET", "/mlflow/server-info", access{gate: anyone}, serverInfo),
	}
}

// tellVersion answers as MLflow does, with the bare text and its kind. Clients compare it
// with their own version in a few places.
func tellVersion(c *call) error {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write([]byte(Version))
	return err
}

// leadToPages sends browsers on to the page that understands the addresses which
// clients print here, "…/ml/mlflow/#/experiments/1"; what follows the "#" they
// keep.
func leadToPages(c *call) error {
	http.Redirect(c.w, c.r, "/-/mlflow?project="+url.QueryEscape(c.r.PathValue("id")), http.StatusSeeOther)
	return nil
}

type serverInfoJSON struct {
	StoreType          string          `json:"store_type"`
	Workspaces         bool            `json:"workspaces_enabled"`
	TraceArchival      bool            `json:"trace_archival_enabled"`
	MultipartUploads   bool            `json:"multipart_uploads_enabled"`
	MultipartDownloads bool            `json:"multipart_downloads_enabled"`
	PresignedRun       bool            `json:"presigned_upload_run_id_supported"`
	PresignedModel     bool            `json:"presigned_upload_model_id_supported"`
	Features           map[string]bool `json:"features_enabled"`
}

// serverInfo tells clients, from 3.10 on, what they may ask of this server.
func serverInfo(*call, none) (serverInfoJSON, error) {
	// Transfers in parts work for clients that ask for them, and are not offered.
	// Told of downloads, every client would ask for an address before each file,
	// also the smallest. Told of uploads, it would send files from 500 MB on so:
	// 1 GiB took 9 to 12 s that way and 2 to 3 s by one PUT, as parts are
	// written twice, and of a part that fails the client drops the whole, too.
	return serverInfoJSON{StoreType: "SqlStore", Workspaces: true, PresignedRun: true, PresignedModel: true,
		Features: map[string]bool{"gateway": false}}, nil
}
