package httpx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Problem is one thing wrong with one parameter; "<Field> <Msg>" is a sentence.
type Problem struct {
	Field string
	Msg   string
}

// The two messages about a single parameter.
const (
	MsgMissing = "is missing"
	MsgInvalid = "is invalid"
)

// ParamError lists everything that is wrong with the parameters of a request,
// so that the caller can mend it in one go. Its kind is [fault.Invalid].
type ParamError struct {
	Problems []Problem // never empty
}

// Error joins the problems as GitLab does: "name is missing, page is invalid".
func (e *ParamError) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = p.Field + " " + p.Msg
	}
	return strings.Join(parts, ", ")
}

// Unwrap gives the first problem as a [fault.Error].
func (e *ParamError) Unwrap() error {
	return &fault.Error{Kind: fault.Invalid, Field: e.Problems[0].Field, Msg: e.Problems[0].Msg}
}

func badParam(field, msg string) error {
	return &ParamError{Problems: []Problem{{Field: field, Msg: msg}}}
}

// DecodeParams fills the struct that dst points to from the query and the body
// of r, as GitLab's Grape does. Fields are named by tags, `param:"name"` or
// `param:"name,required"`; fields without a tag are left alone, except that
// embedded structs contribute theirs. Unknown parameters are ignored. A list
// with the option commas may come as one text, as "a,b".
//
// A body may be a JSON object, a form or a multipart form without files, of
// limit bytes at most; its values win over those of the query. GET and HEAD
// have no body. A field may be a string, int64, float64, bool, time.Time
// (RFC 3339, or a date), json.RawMessage, struct, a slice of those, or a
// pointer to one of those, which stays nil when the parameter is absent or
// null. Numbers may come as strings and strings as numbers. In queries and
// forms a slice is written "name[]=a&name[]=b"; structs come in JSON only.
//
// Bad input gives a [*ParamError], a body over the limit [fault.TooLarge].
func DecodeParams(r *http.Request, dst any, limit int64) error {
	params, err := queryParams(r)
	if err != nil {
		return err
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := addBody(params, r, limit); err != nil {
			return err
		}
	}
	return assignParams(params, dst)
}

// DecodeJSON fills the value that v points to from a JSON body of at most
// limit bytes. Unknown members are ignored; everything else is strict.
func DecodeJSON(r *http.Request, v any, limit int64) error {
	body, err := ReadBody(r, limit)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return fault.Invalidf("body", "is empty: a JSON document is wanted")
	}
	if !utf8.Valid(body) {
		return fault.Invalidf("body", "is not valid UTF-8")
	}
	err = json.Unmarshal(body, v)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := t.Field
		if field == "" {
			field = "body"
		}
		return &fault.Error{Kind: fault.Invalid, Field: field, Msg: MsgInvalid, Err: err}
	}
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &fault.Error{Kind: fault.Invalid, Field: "body", Err: err,
			Msg: fmt.Sprintf("is not valid JSON, near byte %d", s.Offset)}
	}
	if _, ok := errors.AsType[*json.InvalidUnmarshalError](err); err != nil && !ok {
		// What an UnmarshalJSON method has refused.
		return &fault.Error{Kind: fault.Invalid, Field: "body", Msg: MsgInvalid, Err: err}
	}
	return err
}

// value is a parameter as it came: JSON, or the strings of a query or form.
type value struct {
	json json.RawMessage
	text []string
	list bool // written "name[]"
}

func queryParams(r *http.Request) (map[string]value, error) {
	params := map[string]value{}
	if r.URL.RawQuery == "" {
		return params, nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badParam("query", MsgInvalid)
	}
	addForm(params, q)
	return params, nil
}

// addForm adds the values of a form. "name[]" and "name" are one parameter;
// whoever writes both gets both.
func addForm(params map[string]value, form url.Values) {
	fresh := map[string]value{}
	for key, texts := range form {
		name, list := strings.CutSuffix(key, "[]")
		v := fresh[name]
		fresh[name] = value{text: append(v.text, texts...), list: v.list || list}
	}
	for name, v := range fresh {
		params[name] = v
	}
}

func addBody(params map[string]value, r *http.Request, limit int64) error {
	body, err := ReadBody(r, limit)
	if err != nil || len(body) == 0 {
		return err
	}
	header := r.Header.Get("Content-Type")
	kind, attrs, err := mime.ParseMediaType(header)
	if err != nil && header != "" {
		return badParam("body", "has no valid Content-Type")
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return badParam("body", "is not a valid form")
		}
		addForm(params, form)
		return nil
	case kind == "multipart/form-data":
		return addMultipart(params, body, attrs["boundary"])
	case kind == "" || kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return addJSON(params, body)
	}
	return badParam("body", "has a Content-Type that is not known here: send application/json or a form")
}

func addMultipart(params map[string]value, body []byte, boundary string) error {
	form := url.Values{}
	mr := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			addForm(params, form)
			return nil
		}
		if err != nil || boundary == "" {
			return badParam("body", "is not a valid multipart form")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return badParam("body", "is not a valid multipart form")
		}
		name := part.FormName()
		if part.FileName() != "" {
			return badParam(cmp.Or(name, "body"), "must not be a file")
		}
		form.Add(name, string(text))
	}
}

func addJSON(params map[string]value, body []byte) error {
	if !utf8.Valid(body) {
		return badParam("body", "is not valid UTF-8")
	}
	members, err := objectMembers(body)
	if err != nil {
		return badParam("body", err.Error())
	}
	for name, raw := range members {
		params[name] = value{json: raw}
	}
	return nil
}

// objectMembers takes a JSON object apart. Unlike json.Unmarshal into a map it
// refuses members that come twice, of which each reader believes another one.
func objectMembers(data []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	switch t, err := dec.Token(); {
	case err == io.EOF:
		return nil, nil // only white space
	case err != nil:
		return nil, errors.New("is not valid JSON")
	case t != json.Delim('{'):
		return nil, errors.New("must be a JSON object")
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, errors.New("is not valid JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("has the member %q twice", name)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		members[name] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("has something after the JSON object")
	}
	return members, nil
}

// ReadBody reads a body of at most limit bytes; one that is longer is
// [fault.TooLarge], one that is cut short [fault.Invalid].
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		// A byte more than announced lets ReadFrom see the end without growing.
		buf.Grow(int(min(r.ContentLength, maxPooled)) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(r.Body, limit+1))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || int64(buf.Len()) > limit {
		return nil, tooLarge(limit)
	}
	if _, ok := fault.As(err); ok || clientGone(err) {
		return nil, err
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "body", Msg: "could not be read to its end", Err: err}
	}
	return buf.Bytes(), nil
}

func tooLarge(limit int64) error {
	return &fault.Error{Kind: fault.TooLarge, Noun: "body", Msg: fmt.Sprintf("the body is over the limit of %d bytes", limit)}
}
