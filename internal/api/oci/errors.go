package oci

import (
	"cmp"
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// code is an error code of the distribution specification ("Error Codes").
type code string

// The codes that this dialect gives.
const (
	blobUnknown     code = "BLOB_UNKNOWN"
	digestInvalid   code = "DIGEST_INVALID"
	manifestUnknown code = "MANIFEST_UNKNOWN"
	nameInvalid     code = "NAME_INVALID"
	nameUnknown     code = "NAME_UNKNOWN"
	sizeInvalid     code = "SIZE_INVALID"
	unauthorized    code = "UNAUTHORIZED"
	denied          code = "DENIED"
	unsupported     code = "UNSUPPORTED"
	tooManyRequests code = "TOOMANYREQUESTS"
	// The specification has none for what follows; the distribution project has
	// (registry/api/errcode, registry/api/v2/errors.go).
	unknown           code = "UNKNOWN"
	pageNumberInvalid code = "PAGINATION_NUMBER_INVALID"
)

// problem is what an error is about.
type problem struct {
	kind fault.Kind
	noun string // empty: any other
}

// spelling is how an error is told; an empty text is that of the error.
type spelling struct {
	status int
	code   code
	text   string
}

// spellings is the whole table.
var spellings = map[problem]spelling{
	{fault.Invalid, "name"}:            {400, nameInvalid, ""},
	{fault.Invalid, "digest"}:          {400, digestInvalid, ""},
	{fault.Invalid, "page"}:            {400, pageNumberInvalid, ""},
	{fault.Invalid, ""}:                {400, unsupported, ""},
	{fault.Unauthenticated, "expired"}: {401, unauthorized, "The token has expired. Make a new one and log in with it."},
	{fault.Unauthenticated, "revoked"}: {401, unauthorized, "The token was revoked. Make a new one and log in with it."},
	{fault.Unauthenticated, "token"}:   {401, unauthorized, "The token is not known. The password is a token of this server; the user name does not matter."},
	{fault.Unauthenticated, ""}:        {401, unauthorized, "Log in first: the password is a token of this server; the user name does not matter."},
	{fault.Forbidden, "scope"}:         {403, denied, ""},
	{fault.Forbidden, ""}:              {403, denied, "Your role in the project does not allow this."},
	{fault.NotFound, "project"}:        {404, nameUnknown, ""},
	{fault.NotFound, "model"}:          {404, nameUnknown, ""},
	{fault.NotFound, "version"}:        {404, manifestUnknown, ""},
	{fault.NotFound, "alias"}:          {404, manifestUnknown, ""},
	{fault.NotFound, "manifest"}:       {404, manifestUnknown, ""},
	{fault.NotFound, "blob"}:           {404, blobUnknown, ""},
	{fault.NotFound, ""}:               {404, unsupported, ""},
	{fault.TooLarge, ""}:               {413, sizeInvalid, ""},
	{fault.Busy, ""}:                   {429, tooManyRequests, ""},
	{fault.Unsupported, ""}:            {405, unsupported, ""},
	{fault.Full, ""}:                   {507, unknown, ""},
}

type errorWire struct {
	Code    code   `json:"code"`
	Message string `json:"message"`
	Detail  string `json:"detail,omitempty"`
}

type errorsWire struct {
	Errors []errorWire `json:"errors"`
}

// fail is the one place where this dialect turns an error into an answer.
func (d *dialect) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, body := spell(err)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="Vitrine"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD")
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "2")
	case http.StatusInternalServerError:
		body.Detail = "request " + httpx.RequestIDFrom(r.Context())
	}
	httpx.LogError(d.Log, r, err, status)
	if werr := httpx.WriteJSON(w, status, errorsWire{[]errorWire{body}}); werr != nil {
		httpx.LogError(d.Log, r, werr, status)
	}
}

// spell gives the status and the body of an error.
func spell(err error) (int, errorWire) {
	e, ok := fault.As(err)
	if !ok {
		return http.StatusInternalServerError, errorWire{Code: unknown, Message: "The server failed."}
	}
	as, ok := spellings[problem{e.Kind, e.Noun}]
	if !ok {
		as, ok = spellings[problem{e.Kind, ""}]
	}
	if !ok {
		return http.StatusInternalServerError, errorWire{Code: unknown, Message: "The server failed."}
	}
	body := errorWire{Code: as.code, Message: cmp.Or(as.text, sentence(e))}
	if e.Kind == fault.NotFound {
		body.Detail = e.Name
	}
	return as.status, body
}

// sentence says what an error is, where its table does not.
func sentence(e *fault.Error) string {
	switch {
	case e.Kind == fault.Forbidden && e.Noun == "scope":
		return "The token lacks the scope for this. One of these would do: " + e.Msg
	case e.Kind == fault.TooLarge:
		return "The " + e.Noun + " " + e.Msg + "; fetch it with `vitrine pull` or as an archive."
	case e.Msg != "":
		return e.Msg
	}
	switch e.Noun {
	case "project":
		return "There is no such project, or you may not see it. A name is GROUP/PROJECT/MODEL."
	case "model":
		return "The project has no such model. A name is GROUP/PROJECT/MODEL; models with a slash in their names cannot be named here."
	case "version", "alias":
		return "The model has no such version or alias."
	case "manifest":
		return "No version of the model has this digest now: its files have changed, or it was never asked for by a tag."
	case "blob":
		return "No version of the model has a file with this digest."
	}
	return "There is no such " + e.Noun + "."
}
