package gitlab

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// failOf gives the one place where this dialect turns an error into an answer.
func (d *dialect) failOf(rt route) httpx.ErrorWriter {
	spell := spell
	if rt.tus {
		spell = spellTus
	}
	return func(w http.ResponseWriter, r *http.Request, err error) { d.fail(w, r, err, spell) }
}

func (d *dialect) fail(w http.ResponseWriter, r *http.Request, err error, spell func(error) (int, map[string]any)) {
	if e, ok := fault.As(err); ok && e.Kind == fault.Moved && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		d.sendOn(w, r, e.Name)
		return
	}
	status, body := spell(err)
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Vitrine"`)
	case http.StatusServiceUnavailable, http.StatusLocked:
		w.Header().Set("Retry-After", "2")
	case http.StatusInternalServerError:
		body["request_id"] = httpx.RequestIDFrom(r.Context())
	}
	httpx.LogError(d.Log, r, err, status)
	if werr := httpx.WriteJSON(w, status, body); werr != nil {
		httpx.LogError(d.Log, r, werr, status)
	}
}

// sendOn answers a request for a project by an old path with its address by
// number, as GitLab does (lib/api/helpers.rb, find_project!; doc/api/rest). What
// is no reading is refused there, and here: clients would repeat it as a GET.
func (d *dialect) sendOn(w http.ResponseWriter, r *http.Request, id string) {
	to := httpx.BaseURL(d.URL, r) + Prefix + "/projects/" + id
	if _, rest, _ := below(r.URL.EscapedPath()[len(Prefix):]); rest != "" {
		to += "/" + rest
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusMovedPermanently)
	if _, err := io.WriteString(w, "This resource has been moved permanently to "+to); err != nil {
		httpx.LogError(d.Log, r, err, http.StatusMovedPermanently)
	}
}

func message(s any) map[string]any { return map[string]any{"message": s} }

// problem is GitLab's form of a broken rule about one field.
func problem(field, msg string) map[string]any {
	return message(map[string][]string{field: {msg}})
}

// spell gives status and body as GitLab has them.
func spell(err error) (int, map[string]any) {
	var p *httpx.ParamError
	if errors.As(err, &p) {
		return http.StatusBadRequest, map[string]any{"error": p.Error()}
	}
	e, ok := fault.As(err)
	if !ok {
		return http.StatusInternalServerError, message("500 Internal Server Error")
	}
	switch e.Kind {
	case fault.Invalid:
		return http.StatusBadRequest, spellInvalid(e)
	case fault.Unauthenticated:
		return http.StatusUnauthorized, spellSignIn(e)
	case fault.Forbidden:
		return http.StatusForbidden, spellForbidden(e)
	case fault.NotFound:
		return http.StatusNotFound, message(spellMissing(e))
	case fault.Conflict:
		return spellConflict(e)
	case fault.TooLarge:
		if e.Noun == "file" {
			return http.StatusBadRequest, message("400 Bad request - Artifact file is too large")
		}
		if e.Noun == "storage" {
			return http.StatusRequestEntityTooLarge, message("413 Request Entity Too Large - " + e.Msg)
		}
		return http.StatusRequestEntityTooLarge, map[string]any{"error": "Request Entity Too Large"}
	case fault.Busy:
		return http.StatusServiceUnavailable, message("503 Service Unavailable - " + e.Msg)
	case fault.Unsupported:
		if e.Noun != "" {
			return http.StatusMethodNotAllowed, message(e.Msg)
		}
		return http.StatusMethodNotAllowed, map[string]any{"error": e.Msg}
	case fault.Moved:
		return http.StatusMethodNotAllowed, message("Non GET methods are not allowed for moved projects")
	case fault.Full:
		return http.StatusInsufficientStorage, message("507 Insufficient Storage - " + e.Msg)
	}
	return http.StatusInternalServerError, message("500 Internal Server Error")
}

func spellInvalid(e *fault.Error) map[string]any {
	switch {
	case e.Noun == "path", e.Field == "file_name", e.Field == "cursor", e.Field == "order_by", e.Field == "expires_in",
		strings.HasPrefix(e.Msg, "does not have a valid value"):
		return map[string]any{"error": e.Field + " " + e.Msg}
	case e.Noun == "project transfer":
		// GitLab writes the errors of its model as Ruby shows them.
		return message("Failed to transfer project {:new_namespace=>[" + strconv.Quote(e.Msg) + "]}")
	case e.Noun == "group transfer":
		return message("Transfer failed: " + e.Msg)
	case e.Noun == "invitation" && e.Field != "":
		return map[string]any{"error": e.Field + " " + e.Msg}
	case e.Noun == "token", e.Noun == "invitation":
		return message("400 Bad request - " + e.Msg)
	case e.Noun == "body", e.Noun == "digest":
		return message("400 Bad request - " + sentence(e))
	case e.Field == "":
		return message(e.Msg)
	}
	return problem(e.Field, e.Msg)
}

// sentence joins what an error is about with what it says.
func sentence(e *fault.Error) string {
	about := e.Field
	if about == "" {
		about = e.Noun
	}
	if strings.HasPrefix(e.Msg, about) {
		return e.Msg
	}
	return about + " " + e.Msg
}

func spellSignIn(e *fault.Error) map[string]any {
	switch e.Noun {
	case "expired":
		return map[string]any{"error": "invalid_token",
			"error_description": "Token is expired. You can either do re-authorization or token refresh."}
	case "revoked":
		return map[string]any{"error": "invalid_token",
			"error_description": "Token was revoked. You have to re-authorize from the user."}
	}
	return message("401 Unauthorized")
}

func spellForbidden(e *fault.Error) map[string]any {
	if e.Noun == "scope" {
		return map[string]any{"error": "insufficient_scope",
			"error_description": "The request requires higher privileges than provided by the access token.", "scope": e.Msg}
	}
	if e.Msg != "" {
		return message("403 Forbidden - " + e.Msg)
	}
	return message("403 Forbidden")
}

// missingNouns are the nouns that GitLab names in its 404.
var missingNouns = map[string]string{"project": "Project", "user": "User", "group": "Group", "namespace": "Namespace",
	"model": "Model", "experiment": "Experiment", "alias": "Alias",
	"impersonation token": "Impersonation Token", "project access token": "project Access Token", "group access token": "group Access Token"}

func spellMissing(e *fault.Error) string {
	if e.Noun == "sudo" {
		return "404 User with ID or username '" + e.Name + "' Not Found"
	}
	if n, ok := missingNouns[e.Noun]; ok {
		return "404 " + n + " Not Found"
	}
	return "404 Not Found"
}

// spellConflict: GitLab says 409 about users and members, and 400 with the
// field about everything else.
func spellConflict(e *fault.Error) (int, map[string]any) {
	switch {
	case e.Noun == "condition":
		return http.StatusPreconditionFailed, message("412 Precondition Failed - " + e.Msg)
	case e.Noun == "package":
		return http.StatusBadRequest, message("400 Bad request - " + e.Msg)
	case e.Noun == "user" && e.Field != "":
		return http.StatusConflict, message(strings.ToUpper(e.Field[:1]) + e.Field[1:] + " " + e.Msg)
	case e.Field == "":
		return http.StatusConflict, message(e.Msg)
	}
	return http.StatusBadRequest, problem(e.Field, e.Msg)
}

// badParam reports a parameter that cannot be taken; the message completes the
// sentence "<fields> …".
func badParam(fields, msg string) error {
	return &httpx.ParamError{Problems: []httpx.Problem{{Field: fields, Msg: msg}}}
}
