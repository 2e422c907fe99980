package mlflow

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// code is an error code of MLflow's (mlflow/protos/databricks.proto).
type code string

// The codes that this dialect gives.
const (
	internalError        code = "INTERNAL_ERROR"
	unavailable          code = "TEMPORARILY_UNAVAILABLE"
	badRequest           code = "BAD_REQUEST"
	invalidParameter     code = "INVALID_PARAMETER_VALUE"
	endpointNotFound     code = "ENDPOINT_NOT_FOUND"
	resourceDoesNotExist code = "RESOURCE_DOES_NOT_EXIST"
	resourceExists       code = "RESOURCE_ALREADY_EXISTS"
	resourceExhausted    code = "RESOURCE_EXHAUSTED"
	permissionDenied     code = "PERMISSION_DENIED"
	unauthenticated      code = "UNAUTHENTICATED"
	invalidState         code = "INVALID_STATE"
	notImplemented       code = "NOT_IMPLEMENTED"
)

// statuses are those of mlflow/exceptions.py; a code that is not here is 400.
var statuses = map[code]int{internalError: 500, invalidState: 500, unavailable: 503, notImplemented: 501, endpointNotFound: 404,
	resourceDoesNotExist: 404, permissionDenied: 403, unauthenticated: 401, resourceExhausted: 429}

// classes and states are what MLflow, from 3.14 on, adds to an error of each
// code (mlflow/error_classification.py).
var (
	classes = map[code]string{badRequest: "INVALID_PARAMETER_VALUE", endpointNotFound: "RESOURCE_NOT_FOUND",
		internalError: "CLIENT_INTERNAL_ERROR", invalidState: "CLIENT_INTERNAL_ERROR", unavailable: "CLIENT_INTERNAL_ERROR", invalidParameter: "INVALID_PARAMETER_VALUE", permissionDenied: "PERMISSION_DENIED",
		resourceExists: "RESOURCE_ALREADY_EXISTS", resourceDoesNotExist: "RESOURCE_NOT_FOUND"}
	states = map[code]string{badRequest: "KAM00", endpointNotFound: "KAM00", invalidParameter: "KAM00", permissionDenied: "KAM00",
		resourceExists: "KAM00", resourceDoesNotExist: "KAM00", internalError: "XXM00", invalidState: "XXM00", unavailable: "XXM00"}
)

type errorBody struct {
	Code    code   `json:"error_code"`
	Message string `json:"message"`
	State   string `json:"sqlstate,omitempty"`
	Class   string `json:"error_class,omitempty"`
	// GitLab is GitLab's form of the message, at its door.
	GitLab string `json:"error,omitempty"`
}

func errorJSON(c code, message string) errorBody {
	return errorBody{Code: c, Message: message, State: states[c], Class: classes[c]}
}

// apiError is an error that is born in this dialect, as one about the form of a
// message, with the text that MLflow has for it.
type apiError struct {
	code   code
	msg    string
	kind   fault.Kind
	gitlab string // how GitLab says it, if it does

	missing string // the parameter that is not there

	class, state string // when not those of the code
}

// Error gives the text.
func (e *apiError) Error() string { return e.msg }

// Unwrap gives the kind.
func (e *apiError) Unwrap() error { return &fault.Error{Kind: e.kind, Msg: e.msg} }

// asAPI gives the apiError of err, if there is one.
func asAPI(err error) (*apiError, bool) { return errors.AsType[*apiError](err) }

// invalid makes an INVALID_PARAMETER_VALUE with MLflow's text.
func invalid(msg string) error {
	return &apiError{code: invalidParameter, msg: msg, kind: fault.Invalid}
}

// seeDocs ends MLflow's messages about parameters.
const seeDocs = " See the API docs for more information about request parameters."

// fail is the one place where this dialect turns an error into an answer.
func (d *dialect) fail(w http.ResponseWriter, r *http.Request, door flavour, err error) {
	if e, ok := errors.AsType[*otlpError](err); ok {
		httpx.LogError(d.Log, r, err, e.status)
		if werr := httpx.WriteJSON(w, e.status, e.body()); werr != nil {
			httpx.LogError(d.Log, r, werr, e.status)
		}
		return
	}
	body := spell(err)
	if e, ok := asAPI(err); ok && door == atGitLab {
		body.GitLab = e.gitlab
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	status := statusOf(body.Code)
	if e, ok := fault.As(err); ok && e.Kind == fault.TooLarge && e.Noun == "storage" {
		status = http.StatusRequestEntityTooLarge // clients try a 429 again
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Vitrine"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "2")
	}
	if body.Code == internalError {
		body.Message += " Request " + httpx.RequestIDFrom(r.Context()) + " in the log tells more."
	}
	httpx.LogError(d.Log, r, err, status)
	if werr := httpx.WriteJSON(w, status, body); werr != nil {
		httpx.LogError(d.Log, r, werr, status)
	}
}

func statusOf(c code) int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return http.StatusBadRequest
}

// spell gives the body of an error as MLflow has it.
func spell(err error) errorBody {
	if e, ok := asAPI(err); ok {
		out := errorJSON(e.code, e.msg)
		out.Class, out.State = cmp.Or(e.class, out.Class), cmp.Or(e.state, out.State)
		return out
	}
	e, ok := fault.As(err)
	if !ok {
		return errorJSON(internalError, "The server failed.")
	}
	switch e.Kind {
	case fault.Invalid:
		return errorJSON(invalidParameter, spellInvalid(e))
	case fault.Unauthenticated:
		return errorJSON(unauthenticated, spellSignIn(e))
	case fault.Forbidden:
		return errorJSON(permissionDenied, spellForbidden(e))
	case fault.NotFound:
		return errorJSON(resourceDoesNotExist, spellMissing(e))
	case fault.Conflict:
		return errorJSON(resourceExists, sentence(e))
	case fault.TooLarge:
		if e.Noun == "storage" {
			return errorJSON(resourceExhausted, sentence(e))
		}
		return errorJSON(invalidParameter, sentence(e))
	case fault.Busy:
		return errorJSON(unavailable, sentence(e))
	case fault.Unsupported:
		return errorJSON(notImplemented, sentence(e))
	case fault.Full:
		return errorJSON(resourceExhausted, sentence(e))
	}
	return errorJSON(internalError, "The server failed.")
}

// sentence joins what an error is about with what it says.
func sentence(e *fault.Error) string {
	if e.Field == "" {
		return e.Msg
	}
	return "'" + e.Field + "' " + e.Msg
}

func spellInvalid(e *fault.Error) string {
	if e.Field == "lifecycle_stage" {
		return "The " + e.Noun + " " + e.Name + " must be in the 'active' state. Current state is deleted."
	}
	return sentence(e)
}

func spellSignIn(e *fault.Error) string {
	switch e.Noun {
	case "":
		return "You are not signed in. Set MLFLOW_TRACKING_TOKEN to a token of this server."
	case "role":
		return "Your role in the project does not allow this."
	case "ticket":
		return "The address has expired, or is not one that this server has given for this. Ask for a new one."
	case "expired", "revoked":
		return "The token is " + e.Noun + ". Make a new one and set MLFLOW_TRACKING_TOKEN to it."
	}
	return "The token is not known. Set MLFLOW_TRACKING_TOKEN to a token of this server."
}

func spellForbidden(e *fault.Error) string {
	switch {
	case e.Noun == "scope":
		return "The token lacks the scope for this. One of these would do: " + e.Msg
	case e.Msg != "":
		return e.Msg
	}
	return "Permission denied"
}

// spellMissing says what is not there in the words of mlflow/store/tracking.
func spellMissing(e *fault.Error) string {
	switch e.Noun {
	case "experiment":
		return "No Experiment with id=" + e.Name + " exists"
	case "run":
		return "Run with id=" + e.Name + " not found"
	case "trace":
		return "Trace with ID '" + e.Name + "' not found."
	case "logged model":
		return "Logged model with ID '" + e.Name + "' not found."
	case "project":
		return "There is no project " + e.Name + ", or you may not see it."
	}
	return strings.TrimSpace("There is no " + e.Noun + " " + e.Name)
}
