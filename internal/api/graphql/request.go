package graphql

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// Limits of a request.
const (
	maxBody  = 1 << 20 // bytes
	maxQuery = 10_000  // characters of all its queries, as in GitLab
	maxBatch = 50      // queries
)

// query is one document with what goes with it.
type query struct {
	Query         string         `json:"query"`
	Variables     map[string]any `json:"-"`
	RawVariables  any            `json:"variables"`
	OperationName string         `json:"operationName"`
}

// request is what a client sent: one query, or several in a list.
type request struct {
	queries []query
	many    bool
}

// decode reads a request: JSON, a form, or the parameters of the address, which
// GET has only.
func decode(r *http.Request) (in request, err error) {
	if r.Method != http.MethodPost {
		in = decodeForm(r.URL.Query())
	} else {
		in, err = decodeBody(r)
	}
	if err != nil {
		return in, err
	}
	size := 0
	for i := range in.queries {
		q := &in.queries[i]
		if q.Variables, err = variables(q.RawVariables); err != nil {
			return in, err
		}
		size += utf8.RuneCountInString(q.Query)
	}
	switch {
	case size > maxQuery:
		return in, &refusal{http.StatusUnprocessableEntity, "Query too large"}
	case len(in.queries) > maxBatch:
		return in, &refusal{http.StatusUnprocessableEntity, "Too many queries in one request: at most 50 are allowed"}
	}
	return in, nil
}

func decodeBody(r *http.Request) (request, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			return request{}, badBody(err)
		}
		return decodeForm(r.Form), nil
	}
	var raw json.RawMessage
	if err := httpx.DecodeJSON(r, &raw, maxBody); err != nil {
		return request{}, err
	}
	in := request{queries: make([]query, 1)}
	var into any = &in.queries[0]
	if in.many = bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")); in.many {
		into = &in.queries
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return request{}, &refusal{http.StatusBadRequest, "The body should be an object with query, variables and operationName, or a list of such objects"}
	}
	return in, nil
}

func badBody(err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &fault.Error{Kind: fault.TooLarge, Noun: "body", Msg: err.Error()}
	}
	return &refusal{http.StatusBadRequest, "The form cannot be read"}
}

func decodeForm(v url.Values) request {
	return request{queries: []query{{Query: v.Get("query"), RawVariables: v.Get("variables"), OperationName: v.Get("operationName")}}}
}

// variables takes an object, or one that is written as text, as forms have it.
func variables(v any) (map[string]any, error) {
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	case string:
		if v == "" {
			return map[string]any{}, nil
		}
		var inner any
		if err := json.Unmarshal([]byte(v), &inner); err != nil {
			return nil, &refusal{http.StatusUnprocessableEntity, "The variables are not valid JSON"}
		}
		if _, again := inner.(string); !again {
			return variables(inner)
		}
	}
	return nil, &refusal{http.StatusUnprocessableEntity, "The variables should be an object"}
}
