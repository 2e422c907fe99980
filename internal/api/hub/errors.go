package hub

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// The values of X-Error-Code that clients know (huggingface_hub/utils/_http.py).
const (
	repoNotFound     = "RepoNotFound"
	revisionNotFound = "RevisionNotFound"
	entryNotFound    = "EntryNotFound"
)

// hubError is an error that is born in this dialect.
type hubError struct {
	status int
	code   string
	msg    string
}

// Error gives the text.
func (e *hubError) Error() string { return e.msg }

var readOnly = &hubError{status: http.StatusMethodNotAllowed,
	msg: "This address is for reading. Publish with `vitrine push`, MLflow or GitLab's API; the new version is here at once."}

// unescape reads a part of an address.
func unescape(s string) (string, error) {
	text, err := url.PathUnescape(s)
	if err != nil {
		return "", &hubError{status: http.StatusBadRequest, msg: "The address is not properly escaped."}
	}
	return text, nil
}

// spell gives the status, code and text of an error.
func spell(err error) *hubError {
	if e, ok := errors.AsType[*hubError](err); ok {
		return e
	}
	e, ok := fault.As(err)
	if !ok {
		return &hubError{status: http.StatusInternalServerError, msg: "The server failed."}
	}
	switch e.Kind {
	case fault.Unauthenticated:
		return spellSignIn(e)
	case fault.NotFound:
		return spellMissing(e)
	case fault.Forbidden:
		return &hubError{status: http.StatusForbidden, msg: spellForbidden(e)}
	case fault.Invalid:
		return &hubError{status: http.StatusBadRequest, msg: strings.TrimSpace(e.Field + " " + e.Msg)}
	case fault.Busy:
		return &hubError{status: http.StatusServiceUnavailable, msg: "The server is busy; try again."}
	}
	return &hubError{status: http.StatusInternalServerError, msg: "The server failed."}
}

// spellSignIn says who has to sign in. Clients take a 401 for a repository that
// is not there only with its code; a token that is refused is told apart by the
// text (hf_raise_for_status).
func spellSignIn(e *fault.Error) *hubError {
	out := &hubError{status: http.StatusUnauthorized, code: repoNotFound, msg: "Sign in to see this: set HF_TOKEN to a token of this server."}
	if e.Noun != "" && e.Noun != "role" {
		out.code, out.msg = "", "Invalid credentials in Authorization header: the token is unknown, expired or revoked. Set HF_TOKEN to a valid token of this server."
	}
	return out
}

func spellMissing(e *fault.Error) *hubError {
	out := &hubError{status: http.StatusNotFound, code: repoNotFound}
	switch e.Noun {
	case "file":
		out.code, out.msg = entryNotFound, "There is no file "+e.Name+" in this version."
	case "version", "alias", "commit":
		out.code, out.msg = revisionNotFound, "There is no version or alias "+e.Name+" of this model."
		if e.Msg != "" {
			out.msg += " (" + e.Msg + ")"
		}
	case "project":
		out.msg = "There is no project " + e.Name + ", or you may not see it."
	default:
		out.msg = "There is no " + e.Noun + " " + e.Name + " in this project."
	}
	return out
}

func spellForbidden(e *fault.Error) string {
	switch {
	case e.Noun == "scope":
		return "The token lacks the scope for this. One of these would do: " + e.Msg
	case e.Msg != "":
		return e.Msg
	}
	return "Your role in the project does not allow this."
}

// fail is the one place where this dialect turns an error into an answer.
func (d *dialect) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := spell(err)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if e.code != "" {
		h.Set("X-Error-Code", e.code)
	}
	msg := e.msg
	switch e.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="Vitrine"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "2")
	case http.StatusInternalServerError:
		msg += " Request " + httpx.RequestIDFrom(r.Context()) + " in the log tells more."
	}
	h.Set("X-Error-Message", header(msg))
	httpx.LogError(d.Log, r, err, e.status)
	if werr := httpx.WriteJSON(w, e.status, map[string]string{"error": msg}); werr != nil {
		httpx.LogError(d.Log, r, werr, e.status)
	}
}

// header makes a text fit for a header: names that came with the request may
// have any letters.
func header(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
