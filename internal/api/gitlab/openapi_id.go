package gitlab

import (
	"net/http"
	"reflect"
	"strings"
	"unicode"
)

// operationID names an operation after its method and address, so that the
// name stays as long as the address does: listProjectModels,
// getProjectModelVersion, promoteProjectCandidate.
func operationID(rt route) string {
	segs := strings.Split(strings.TrimPrefix(rt.pattern, "/"), "/")
	last := segs[len(segs)-1]
	verb := verbs[rt.method]
	switch {
	case rt.method == http.MethodPost && actions[last]:
		verb, segs = last, segs[:len(segs)-1]
	case rt.method == http.MethodPost && strings.Contains(rt.pattern, "{candidate_id}/"):
		verb = "log" // parameters and metrics are written, not created
	case rt.method == http.MethodGet && isList(rt):
		verb = "list"
	}
	var id strings.Builder
	id.WriteString(verb)
	for i, seg := range segs {
		switch {
		case strings.HasPrefix(seg, "{"), seg == "ml", seg == "packages" && named(segs, i):
		case seg == "user":
			id.WriteString("CurrentUser") // whoever calls; users are others
		case followedByParam(segs, i), verb == "create" && i == len(segs)-1:
			id.WriteString(camel(singular(seg)))
		default:
			id.WriteString(camel(seg))
		}
	}
	return id.String()
}

var verbs = map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodDelete: "delete"}

// actions are the last words of addresses that do something.
var actions = map[string]bool{"block": true, "unblock": true, "archive": true, "unarchive": true, "rotate": true, "promote": true, "log": true}

// isList reports whether a route answers with many things; projectsJSON is the
// one list without a type.
func isList(rt route) bool {
	return rt.out.Kind() == reflect.Slice || rt.out == reflect.TypeFor[projectsJSON]()
}

// named reports whether another word follows, which tells more.
func named(segs []string, i int) bool {
	return i+1 < len(segs) && !strings.HasPrefix(segs[i+1], "{")
}

func followedByParam(segs []string, i int) bool {
	return i+1 < len(segs) && strings.HasPrefix(segs[i+1], "{")
}

func singular(s string) string {
	if base, ok := strings.CutSuffix(s, "ases"); ok {
		return base + "as"
	}
	return strings.TrimSuffix(s, "s")
}

// camel joins the words of a segment, each with a capital.
func camel(s string) string {
	var out strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}
