package graphql

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// refusal is a request that is not answered, as a status and GitLab's text.
type refusal struct {
	status int
	msg    string
}

func (r *refusal) Error() string { return r.msg }

// problem is one entry of an answer's errors.
type problem struct {
	Message string `json:"message"`
}

// fail is the one place where a request that is not answered gets its status.
// What goes wrong inside of an answer is spelled by spell.
func (d *dialect) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusInternalServerError, internalError
	refused, ok := errors.AsType[*refusal](err)
	switch {
	case ok:
		status, text = refused.status, refused.msg
	case fault.Is(err, fault.Busy):
		status, text = http.StatusServiceUnavailable, "The server is busy. Please try again."
		w.Header().Set("Retry-After", "2")
	case fault.Is(err, fault.TooLarge):
		status, text = http.StatusRequestEntityTooLarge, "Request Entity Too Large"
	case fault.Is(err, fault.Invalid):
		e, _ := fault.As(err)
		status, text = http.StatusBadRequest, sentence(e)
	}
	httpx.LogError(d.Log, r, err, status)
	body := map[string]any{"errors": []problem{{text}}}
	if status == http.StatusInternalServerError {
		body["request_id"] = httpx.RequestIDFrom(r.Context())
	}
	if werr := httpx.WriteJSON(w, status, body); werr != nil {
		httpx.LogError(d.Log, r, werr, status)
	}
}

// Texts of GitLab's.
const (
	internalError = "Internal server error"
	accessError   = "The resource that you are attempting to access does not exist or you don't have permission to perform this action"
	cursorError   = "Please provide a valid cursor"
)

// spell gives the text of an error inside of an answer; false: it is not the
// caller's business, and the whole request fails.
func spell(err error) (string, bool) {
	e, ok := fault.As(err)
	if !ok {
		return "", false
	}
	switch e.Kind {
	case fault.NotFound, fault.Forbidden, fault.Unauthenticated:
		return accessError, true
	case fault.Invalid, fault.Conflict, fault.Unsupported:
		if e.Field == "cursor" {
			return cursorError, true
		}
		return sentence(e), true
	case fault.TooLarge:
		if e.Noun == "list" {
			return "Query asks for too many records. Ask for fewer of them with `first`", true
		}
	}
	return "", false
}

// tooMany says that a document asks for more rows than it may read.
func tooMany(most int) error {
	return &fault.Error{Kind: fault.TooLarge, Noun: "list", Msg: "holds more than " + itoa(int64(most)) + " rows"}
}

// onceError says that a field was asked more often than a document may.
func onceError(field, owner string) error {
	return fault.Invalidf("", `"%s" field can be requested only for 1 %s(s) at a time.`, field, owner)
}

// sentence joins what an error is about with what it says, as Rails does.
func sentence(e *fault.Error) string {
	switch {
	case e.Kind == fault.Conflict && (e.Noun == "model" || e.Noun == "prompt") && e.Field == "name":
		return "Name should be unique in the project"
	case e.Field == "version" && strings.HasSuffix(e.Msg, "semantic version"):
		return "Version must be semantic version"
	case e.Field == "":
		return e.Msg
	}
	f := strings.ReplaceAll(e.Field, "_", " ")
	return strings.ToUpper(f[:1]) + f[1:] + " " + e.Msg
}

// refusals reports whether an error says that the caller may not see or do a
// thing, or that there is none.
func refusals(err error) bool {
	return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Unauthenticated)
}

// seen makes nothing of what the caller may not see: a query answers null
// there, as GitLab does, and does not tell why.
func seen[T any](v *T, err error) (*T, error) {
	if refusals(err) {
		return nil, nil
	}
	return v, err
}

// missing are the nouns that a mutation tells apart from a refusal, for those
// who may do what it does.
var missing = map[string]string{"model": "Model not found", "version": "Model version not found", "run": "Run not found"}

// broken splits an error of a mutation: rules that were broken go into its
// payload, all else is an error of the answer.
func broken(err error) ([]string, error) {
	e, ok := fault.As(err)
	switch {
	case err == nil:
		return []string{}, nil
	case ok && (e.Kind == fault.Invalid || e.Kind == fault.Conflict):
		return []string{sentence(e)}, nil
	case ok && e.Kind == fault.NotFound && missing[e.Noun] != "":
		return []string{missing[e.Noun]}, nil
	}
	return nil, err
}

// errPanic marks what a panic of a resolver became.
var errPanic = errors.New("graphql: a resolver panicked")

// panics hides the values of panics, which are not the caller's business.
type panics struct{}

func (panics) MakePanicError(context.Context, any) *gqlerrors.QueryError {
	return &gqlerrors.QueryError{Message: internalError, Err: errPanic}
}

// panicLog keeps them for those who run the server.
type panicLog struct{ log *slog.Logger }

func (l panicLog) LogPanic(ctx context.Context, value any) {
	l.log.ErrorContext(ctx, "panic in a resolver", slog.Any("panic", value), slog.String("stack", string(debug.Stack())),
		slog.String("request_id", httpx.RequestIDFrom(ctx)))
}
