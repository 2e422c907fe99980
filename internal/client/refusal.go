package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// statusError is the cause of a refusal, for the decision to repeat.
type statusError struct {
	code  int
	after time.Duration // what the server asks to wait; 0: nothing
}

func (e *statusError) Error() string { return "status " + strconv.Itoa(e.code) }

// ErrChanged is the cause when a file is no more what it was when it was
// first looked at.
var ErrChanged = errors.New("the file has changed on the server")

// ErrNoAddress is the cause when the server does not know an address at all: a
// GitLab where the address is Vitrine's own, or something else altogether.
var ErrNoAddress = errors.New("the server does not know the address")

// ErrChecksum is the cause when bytes are not those that their SHA-256 says.
var ErrChecksum = errors.New("checksum mismatch")

// certificate reports whether the server's certificate is the problem.
func certificate(err error) bool {
	_, a := errors.AsType[*tls.CertificateVerificationError](err)
	_, b := errors.AsType[x509.UnknownAuthorityError](err)
	_, c := errors.AsType[x509.HostnameError](err)
	_, d := errors.AsType[tls.RecordHeaderError](err)
	return a || b || c || d
}

// kinds translates statuses; others are Internal from 500 on, else Invalid.
var kinds = map[int]fault.Kind{
	http.StatusUnauthorized:          fault.Unauthenticated,
	http.StatusForbidden:             fault.Forbidden,
	http.StatusNotFound:              fault.NotFound,
	http.StatusMethodNotAllowed:      fault.Unsupported,
	http.StatusNotImplemented:        fault.Unsupported,
	http.StatusConflict:              fault.Conflict,
	http.StatusGone:                  fault.NotFound,
	http.StatusLocked:                fault.Busy,
	http.StatusPreconditionFailed:    fault.Conflict,
	http.StatusRequestEntityTooLarge: fault.TooLarge,
	http.StatusTooManyRequests:       fault.Busy,
	http.StatusBadGateway:            fault.Busy,
	http.StatusServiceUnavailable:    fault.Busy,
	http.StatusGatewayTimeout:        fault.Busy,
	http.StatusInsufficientStorage:   fault.Full,
}

func kindOf(status int) fault.Kind {
	if k, ok := kinds[status]; ok {
		return k
	}
	switch {
	case status >= 500:
		return fault.Internal
	case status >= 400:
		return fault.Invalid
	}
	return fault.Unsupported
}

const maxRefusal = 64 << 10 // bytes of an error that are read

// refusal makes an error of an answer that is no success.
func refusal(resp *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what has arrived is enough
	e := &fault.Error{Kind: kindOf(resp.StatusCode), Err: &statusError{resp.StatusCode, retryAfter(resp.Header)}}
	if resp.StatusCode == http.StatusPreconditionFailed {
		e.Err = ErrChanged
	}
	if unknownAddress(resp.StatusCode, data) {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server", Err: ErrNoAddress,
			Msg: "the server does not offer this: it is a GitLab, which has no such address, or no model registry at all"}
	}
	e.Noun, e.Field, e.Msg = spoken(resp.StatusCode, data)
	if mlflowTaken(data) {
		e.Kind = fault.Conflict
	}
	if target := resp.Header.Get("Location"); resp.StatusCode < 400 && target != "" {
		e.Msg = "the server redirects to " + target + "; use that address"
	}
	return e
}

// unknownAddress recognizes what GitLab says about an address below /api/v4 that
// none of its routes matches (lib/api/api.rb, the route "*path"), and about a
// method that the address does not know. What is missing at a known address is
// told in "message" instead.
func unknownAddress(status int, data []byte) bool {
	var in refusalJSON
	if json.Unmarshal(data, &in) != nil || in.Message != nil {
		return false
	}
	return status == http.StatusNotFound && in.Error == "404 Not Found" ||
		status == http.StatusMethodNotAllowed && in.Error == "405 Not Allowed"
}

// retryAfter reads the header, which is a number of seconds or a date.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return min(time.Duration(n)*time.Second, maxPause)
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

// refusalJSON has the two forms in which GitLab reports errors.
type refusalJSON struct {
	Message     any    `json:"message"`
	Error       any    `json:"error"`
	Description string `json:"error_description"`
	Code        string `json:"error_code"` // of MLflow
}

// spoken finds what the body of an error says to people: the noun and the field
// when it is about one, and the message.
func spoken(status int, data []byte) (noun, field, msg string) {
	var in refusalJSON
	if json.Unmarshal(data, &in) != nil {
		return "", "", plainStatus(status)
	}
	if fields, ok := in.Message.(map[string]any); ok && len(fields) == 1 {
		for f, v := range fields {
			if f != "base" {
				return "", f, words(v)
			}
		}
	}
	for _, v := range []any{in.Description, in.Message, in.Error} {
		if s := words(v); s != "" {
			return describe(status, s)
		}
	}
	return "", "", plainStatus(status)
}

// describe takes the status out of texts like "404 Project Not Found" and
// "400 Bad request - the body is no JSON".
func describe(status int, s string) (noun, field, msg string) {
	s = strings.TrimPrefix(s, strconv.Itoa(status)+" ")
	if about, ok := strings.CutSuffix(s, " Not Found"); ok && status == http.StatusNotFound {
		return strings.ToLower(about), "", strings.ToLower(s)
	}
	if head, rest, ok := strings.Cut(s, " - "); ok && strings.EqualFold(head, http.StatusText(status)) {
		return "", "", rest
	}
	if strings.EqualFold(s, http.StatusText(status)) {
		return "", "", plainStatus(status)
	}
	return "", "", s
}

// plainStatus explains a status that came without words.
func plainStatus(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "the server does not accept the token"
	case http.StatusForbidden:
		return "not allowed"
	case http.StatusNotFound:
		return "not found"
	case http.StatusPreconditionFailed:
		return ErrChanged.Error()
	case http.StatusRequestEntityTooLarge:
		return "too large for the server, or for a proxy before it"
	}
	return fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
}

// words makes a text of what GitLab puts into "message".
func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = words(e)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		parts := make([]string, 0, len(v))
		for f, e := range v {
			parts = append(parts, strings.TrimPrefix(f+" "+words(e), "base "))
		}
		slices.Sort(parts)
		return strings.Join(parts, "; ")
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// about completes an error that says only that something is missing. When the
// server names another thing than noun, as the project above it, name is not
// what is missing.
func about(err error, project, noun, name string) error {
	e, ok := fault.As(err)
	if !ok || e.Kind != fault.NotFound {
		return err
	}
	out := *e
	if e.Noun == "project" && noun != "project" {
		noun, name = "project", project
	}
	out.Noun, out.Name, out.Msg = noun, name, fmt.Sprintf("%s %q not found", noun, name)
	return &out
}
