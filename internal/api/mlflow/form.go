package mlflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/httpx"
)

// formType is how curl and Rails' tests send parameters.
const formType = "application/x-www-form-urlencoded"

// gitlabMessage gives the members of a message at GitLab's door, whose API reads
// parameters out of the query of every request, and out of forms as well as
// JSON. What the body has wins.
func gitlabMessage(r *http.Request, plan []field, limit int64) (map[string]json.RawMessage, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("The query is not valid.")
	}
	members, err := formMembers(q, plan)
	if err != nil || r.Method == http.MethodGet {
		return members, err
	}
	body, err := httpx.ReadBody(r, limit)
	body = bytes.TrimSpace(body)
	if err != nil || len(body) == 0 {
		return members, err
	}
	var more map[string]json.RawMessage
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind == formType && body[0] != '{' {
		if q, err = url.ParseQuery(string(body)); err != nil {
			return nil, invalid("The body is not a valid form.")
		}
		more, err = formMembers(q, plan)
	} else if err = checkContentType(r); err == nil {
		more, err = bodyMembers(body)
	}
	maps.Copy(members, more)
	return members, err
}

// formMembers writes the values of a query or form as JSON. A list is written
// as "name[]=a&name[]=b", one of objects as "tags[][key]=a&tags[][value]=b".
func formMembers(q url.Values, plan []field) (map[string]json.RawMessage, error) {
	members, err := valueMembers(q, plan)
	if err != nil {
		return nil, err
	}
	for _, f := range plan {
		if !f.repeated {
			continue
		}
		var list any
		if texts := q[f.name+"[]"]; texts != nil {
			list = texts
		}
		objects, err := formObjects(q, f.name)
		if err != nil {
			return nil, err
		}
		if objects != nil {
			list = objects
		}
		if list == nil {
			continue
		}
		if members[f.name], err = json.Marshal(list); err != nil {
			return nil, fmt.Errorf("mlflow: form as JSON: %w", err) // texts always can be
		}
	}
	return members, nil
}

// formObjects puts a list of objects together.
func formObjects(q url.Values, name string) ([]map[string]string, error) {
	var out []map[string]string
	for key, texts := range q {
		inner, ok := strings.CutPrefix(key, name+"[][")
		inner, closed := strings.CutSuffix(inner, "]")
		switch {
		case !ok || !closed:
			continue
		case out == nil:
			out = make([]map[string]string, len(texts))
		case len(texts) != len(out):
			return nil, invalid("In a form every entry of '" + name + "' has to have the same fields. Send JSON for others.")
		}
		for i, text := range texts {
			if out[i] == nil {
				out[i] = map[string]string{}
			}
			out[i][inner] = text
		}
	}
	return out, nil
}
