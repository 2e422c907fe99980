package gitlab

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// recorded holds an example of each operation: a request that was sent and
// what the server answered. TestOpenAPIExamples plays the requests and writes
// this file with -update; nobody edits it.
//
//go:embed openapi_examples.json
var recorded []byte

// example is one recorded exchange, by "METHOD pattern" of its route.
type example struct {
	Path   map[string]string `json:"path,omitempty"`   // values in the address
	Body   json.RawMessage   `json:"body,omitempty"`   // parameters, as JSON
	Answer json.RawMessage   `json:"answer,omitempty"` // JSON, or a string for a text
}

func readExamples() (map[string]example, error) {
	out := map[string]example{}
	if err := json.Unmarshal(recorded, &out); err != nil {
		return nil, fmt.Errorf("openapi_examples.json: %w", err)
	}
	return out, nil
}

// illustrate puts the recorded example of a route into an operation made of
// it: into the parameters of the address, the JSON body and the answer.
func (e example) illustrate(op object, status string) {
	params, _ := op["parameters"].([]object)
	for _, p := range params {
		if v := e.Path[p["name"].(string)]; p["in"] == "path" && v != "" {
			p["example"] = asSchema(p["schema"].(object), v)
		}
	}
	if body, ok := op["requestBody"].(object); ok && e.Body != nil {
		if media, ok := body["content"].(object)["application/json"].(object); ok {
			media["example"] = e.Body
		}
	}
	answer, _ := op["responses"].(object)[status].(object)
	content, _ := answer["content"].(object)
	for kind, media := range content {
		if e.Answer != nil && (kind == "application/json" || strings.HasPrefix(kind, "text/")) {
			media.(object)["example"] = e.Answer
		}
	}
}

// asSchema writes a value of an address as its schema has it.
func asSchema(schema object, v string) any {
	if schema["type"] == "integer" {
		return json.Number(v)
	}
	return v
}

// errorExamples are answers that the server gives with each status of an
// error, by a word that says when. A test provokes each of them.
var errorExamples = map[int]map[string]object{
	400: {"parameter": {"error": "name is missing"}, "rule": problem("name", "has already been taken")},
	401: {"credential": message("401 Unauthorized"),
		"ended": {"error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user."}},
	403: {"role": message("403 Forbidden"),
		"scope": {"error": "insufficient_scope", "error_description": "The request requires higher privileges than provided by the access token.", "scope": "api"}},
	404: {"project": message("404 Project Not Found"), "other": message("404 Not Found")},
	405: {"moved": message("Non GET methods are not allowed for moved projects"), "depth": {"error": "Offset pagination has a maximum allowed offset of 50000 for requests that return objects of this type. " +
		"Remaining records can be retrieved using keyset pagination."}},
	409: {"user": message("Username has already been taken")},
	412: {"condition": message("412 Precondition Failed - the file there is not as the request's conditions want it")},
	413: {"size": {"error": "Request Entity Too Large"}},
	500: {"failure": {"message": "500 Internal Server Error", "request_id": "f3b1c2d4e5f60718293a4b5c6d7e8f90"}},
	503: {"busy": message("503 Service Unavailable - the database is busy; try again")},
	507: {"full": message("507 Insufficient Storage - has no room left for this file; free space below the blob directory, or raise its quota, then send the file again")},
}
