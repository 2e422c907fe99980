package cli

import (
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// pathPattern selects files of a version: by path, by folder, or by a glob in
// which "*" and "?" stay inside one part of the path and "**" does not.
type pathPattern struct {
	text  string
	parts []string
}

// parsePattern reads a pattern, and refuses those that can never match.
func parsePattern(s string) (pathPattern, error) {
	s = norm.NFC.String(s)
	p := pathPattern{text: strings.TrimSuffix(strings.TrimPrefix(s, "./"), "/")}
	// path.Match writes the negation of a class as "^" only.
	p.parts = strings.Split(strings.ReplaceAll(p.text, "[!", "[^"), "/")
	for i, part := range p.parts {
		if _, err := path.Match(part, ""); err != nil {
			// "[" can be a part of a plain name.
			return pathPattern{text: p.text}, nil
		}
		if strings.Trim(part, "*") == "" && len(part) > 2 {
			p.parts[i] = "**"
		}
	}
	if p.text == "" {
		return p, usagef("an empty path selects nothing; leave it out to select all files")
	}
	return p, nil
}

// match reports whether the pattern selects a path.
func (p pathPattern) match(file string) bool {
	if file == p.text || strings.HasPrefix(file, p.text+"/") {
		return true
	}
	return p.parts != nil && matchParts(p.parts, strings.Split(file, "/"))
}

func matchParts(pattern, file []string) bool {
	for len(pattern) > 0 && pattern[0] != "**" {
		if len(file) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], file[0]); !ok || err != nil {
			return false
		}
		pattern, file = pattern[1:], file[1:]
	}
	if len(pattern) == 0 {
		return len(file) == 0
	}
	for len(pattern) > 1 && pattern[1] == "**" {
		pattern = pattern[1:] // several in a row do what one does, but slower
	}
	if len(pattern) == 1 {
		return len(file) > 0
	}
	for i := range file {
		if matchParts(pattern[1:], file[i:]) {
			return true
		}
	}
	return false
}
