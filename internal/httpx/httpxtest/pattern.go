package httpxtest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// placeholder finds variables, captures and wildcards: $$, $name, ${name},
// $=name, ${=name}, $ANY, $INT and $TIME.
var placeholder = regexp.MustCompile(`\$(?:\$|(=?[a-z][A-Za-z0-9_]*|ANY\b|INT\b|TIME\b)|\{(=?[a-z][A-Za-z0-9_]*|ANY|INT|TIME)\})`)

// wildcards are the texts that the placeholders without a name match.
var wildcards = map[string]string{
	"ANY":  `.*?`,
	"INT":  `-?\d+`,
	"TIME": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`,
}

// nameOf gives the name that a match of placeholder stands for; "" for "$$".
func nameOf(match []string) string { return match[1] + match[2] }

// whole gives the name of the placeholder that s consists of, if it does.
func whole(s string) (name string, ok bool) {
	m := placeholder.FindStringSubmatch(s)
	if m == nil || m[0] != s || nameOf(m) == "" {
		return "", false
	}
	return nameOf(m), true
}

// expand replaces the variables in what is sent.
func expand(s string, vars map[string]string) (string, error) {
	var missing error
	out := placeholder.ReplaceAllStringFunc(s, func(text string) string {
		name := nameOf(placeholder.FindStringSubmatch(text))
		if name == "" {
			return "$"
		}
		v, ok := vars[name]
		if !ok {
			missing = fmt.Errorf("the variable $%s is not set", name)
		}
		return v
	})
	return out, missing
}

// matchText compares text with a pattern. On a match it sets the captured
// variables; else it gives the pattern with its variables filled in, to show.
func matchText(pattern, text string, vars map[string]string) (ok bool, want string, err error) {
	var re, show strings.Builder
	var captures []string
	re.WriteString(`(?s)^`)
	rest := pattern
	for {
		loc := placeholder.FindStringSubmatchIndex(rest)
		if loc == nil {
			break
		}
		m := placeholder.FindStringSubmatch(rest)
		re.WriteString(regexp.QuoteMeta(rest[:loc[0]]))
		show.WriteString(rest[:loc[0]])
		rest = rest[loc[1]:]
		name := nameOf(m)
		switch {
		case name == "":
			re.WriteString(`\$`)
			show.WriteString("$")
		case wildcards[name] != "":
			re.WriteString("(?:" + wildcards[name] + ")")
			show.WriteString(m[0])
		case name[0] == '=':
			captures = append(captures, name[1:])
			re.WriteString(`(.+?)`)
			show.WriteString(m[0])
		default:
			v, ok := vars[name]
			if !ok {
				return false, pattern, fmt.Errorf("the variable $%s is not set", name)
			}
			re.WriteString(regexp.QuoteMeta(v))
			show.WriteString(v)
		}
	}
	re.WriteString(regexp.QuoteMeta(rest) + `$`)
	show.WriteString(rest)
	groups := regexp.MustCompile(re.String()).FindStringSubmatch(text)
	if groups == nil {
		return false, show.String(), nil
	}
	for i, name := range captures {
		vars[name] = groups[i+1]
	}
	return true, text, nil
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}
