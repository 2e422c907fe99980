package hub

import (
	"net/url"
	"strings"
)

// verb is what an address asks for.
type verb string

const (
	whoami    verb = "whoami"     // /api/whoami-v2
	list      verb = "list"       // /api/models
	info      verb = "info"       // /api/models/REPO[/revision/REV]
	tree      verb = "tree"       // /api/models/REPO/tree/REV[/PATH]
	refs      verb = "refs"       // /api/models/REPO/refs
	pathsInfo verb = "paths-info" // /api/models/REPO/paths-info/REV
	resolve   verb = "resolve"    // /REPO/resolve/REV/PATH
)

// address is what comes after the door's prefix, taken apart. A repository is a
// model's name, with or without a namespace before it.
type address struct {
	verb      verb
	namespace string
	model     string
	revision  string // empty: main
	path      string
}

// parseAddress reads a path as it was sent, with its escapes: a revision may
// have slashes in it, as "refs%2Fpr%2F1".
func parseAddress(escaped string) (address, bool) {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil || text == "" {
			return address{}, false
		}
		parts[i] = text
	}
	switch {
	case len(parts) < 2:
		return address{}, false
	case parts[0] == "api" && parts[1] == "whoami-v2":
		return address{verb: whoami}, len(parts) == 2
	case parts[0] == "api" && parts[1] == "models" && len(parts) == 2:
		return address{verb: list}, true
	case parts[0] == "api" && parts[1] == "models":
		return splitRepo(parts[2:], aboutRepo)
	case parts[0] == "api":
		return address{}, false
	}
	return splitRepo(parts, ofRepo)
}

// splitRepo tells where the name of a repository ends: what follows has to make
// sense. One without a namespace is tried first.
func splitRepo(parts []string, rest func(*address, []string) bool) (address, bool) {
	for n := 1; n <= min(2, len(parts)); n++ {
		a := address{model: parts[n-1]}
		if n == 2 {
			a.namespace = parts[0]
		}
		if rest(&a, parts[n:]) {
			return a, true
		}
	}
	return address{}, false
}

// aboutRepo reads what follows a repository's name below /api/models.
func aboutRepo(a *address, rest []string) bool {
	if len(rest) == 0 {
		a.verb = info
		return true
	}
	if len(rest) == 1 {
		a.verb = refs
		return rest[0] == string(refs)
	}
	a.revision = rest[1]
	switch rest[0] {
	case "revision":
		a.verb = info
		return len(rest) == 2
	case string(pathsInfo):
		a.verb = pathsInfo
		return len(rest) == 2
	case string(tree):
		a.verb, a.path = tree, strings.Join(rest[2:], "/")
		return true
	}
	return false
}

// ofRepo reads what follows a repository's name at the root.
func ofRepo(a *address, rest []string) bool {
	if len(rest) < 3 || rest[0] != string(resolve) {
		return false
	}
	a.verb, a.revision, a.path = resolve, rest[1], strings.Join(rest[2:], "/")
	return true
}
