package mlflow

import (
	"encoding/base64"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// spansFile is the name of a trace's spans as a file.
const spansFile = "traces.json"

// attachmentName is what clients call what they attach to a span: a UUID
// (_validate_attachment_path of mlflow/store/artifact/artifact_repo.py).
var attachmentName = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// getTraceArtifact serves the spans of a trace as a file to pages, or with a path
// what is attached to one of them. Spans come as far as they are here.
func getTraceArtifact(c *call) error {
	q := c.r.URL.Query()
	id, name := q.Get("request_id"), q.Get("path")
	switch {
	case id == "":
		return &apiError{code: badRequest, kind: fault.Invalid, msg: `Request must include the "request_id" query parameter.`}
	case name != "":
		return c.serveAttachment(id, name)
	}
	ts, err := c.s.SpannedTraces(c.ctx(), c.ref, []string{id}, nil)
	switch {
	case err != nil:
		return err
	case len(ts) == 0:
		return noTrace(id)
	case spansElsewhere(ts[0]):
		return c.serveFile(beside(ts[0], spansFile, spansFile))
	}
	h := c.w.Header()
	h.Set("Content-Type", mediaType(spansFile))
	h.Set("Content-Disposition", attachment(spansFile))
	h.Set("X-Content-Type-Options", "nosniff")
	return writeSpans(c.w, ts[0])
}

func noTrace(id string) error {
	return &apiError{code: resourceDoesNotExist, kind: fault.NotFound, msg: "Trace with ID " + id + " is not found."}
}

func (c *call) serveAttachment(id, name string) error {
	if _, err := artifactPath(name); err != nil {
		return err
	}
	if !attachmentName.MatchString(name) {
		return invalid("Invalid attachment path: '" + name + "'. Attachment path must be a valid UUID.")
	}
	t, err := c.s.Trace(c.ctx(), c.ref, id)
	if err != nil {
		return err
	}
	return c.serveFile(beside(t, "attachments/"+name, name))
}

// beside is a file that a client has put beside a trace; where the experiment has
// a place elsewhere, there is none.
func beside(t registry.Trace, path, name string) file {
	folder := traceFolder(registry.Experiment{IID: t.ExperimentIID, Location: t.Location}, t.EID)
	return file{pkg: sharedArea, path: folder + "/artifacts/" + path, name: name}
}

// writeSpans writes spans as MLflow's server does, one Span.to_dict
// (mlflow/entities/span.py) after the other, in which form they are kept but for
// what has columns.
func writeSpans(w io.Writer, t registry.Trace) error {
	sep := `{"spans":[`
	for _, s := range t.Spans {
		// No name has these quotes without a backslash.
		name, rest, _ := strings.Cut(s.Content[1:], `, "events": `)
		text := sep + `{"trace_id": ` + base64Of(t.EID) + `, "span_id": ` + base64Of(s.EID) + `, "parent_span_id": ` + base64Of(s.Parent) + ", " + name +
			`, "start_time_unix_nano": ` + strconv.FormatInt(s.Began, 10) + `, "end_time_unix_nano": ` + ended(s) + `, "events": ` + rest
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		sep = ","
	}
	if len(t.Spans) > 0 {
		sep = ""
	}
	_, err := io.WriteString(w, sep+"]}")
	return err
}

// base64Of writes an id of hexadecimal digits, or null for none.
func base64Of(id string) string {
	if id == "" {
		return "null"
	}
	return `"` + base64.StdEncoding.EncodeToString(idBytes(id)) + `"`
}

// ended is when a span ended, or null while it goes on.
func ended(s registry.TraceSpan) string {
	if s.Ended == 0 {
		return "null"
	}
	return strconv.FormatInt(s.Ended, 10)
}
