package mlflow

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind sorts the words of a filter.
type tokenKind uint8

const (
	wordToken   tokenKind = iota // a name, dotted, its parts perhaps in backticks or double quotes
	textToken                    // '…'
	numberToken                  // 1, -2.5, 1e3
	signToken                    // a comparison
	otherToken                   // a bracket, a comma, anything else
)

// token is one word of a filter as it was written.
type token struct {
	kind tokenKind
	text string
	at   int // where it begins
}

// is reports whether a word is one of MLflow's own, which have no case.
func (t token) is(word string) bool { return t.kind == wordToken && strings.EqualFold(t.text, word) }

// lex takes a filter apart. It never fails: what belongs to nothing is a token
// of its own, which the parser refuses by name.
func lex(s string) []token {
	var out []token
	whole := len(s)
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.IsSpace(r) {
			s = s[size:]
			continue
		}
		t := next(s, r, size)
		t.at = whole - len(s)
		out = append(out, t)
		s = s[len(t.text):]
	}
	return out
}

func next(s string, r rune, size int) token {
	switch {
	case r == '\'' && quoted(s, '\'') > 0:
		return token{kind: textToken, text: s[:quoted(s, '\'')]}
	case part(s) > 0 && !unicode.IsDigit(r):
		t := token{kind: wordToken, text: s[:name(s)]}
		if t.is("TRUE") || t.is("FALSE") || t.is("VERSION") {
			t.kind = otherToken // words of SQL: neither a key nor a value
		}
		return t
	case number(s) > 0:
		n := number(s)
		more := part(s[n:])
		switch {
		case more == 0 || s[n] == '`' || s[n] == '"':
		case s[n] == 'x':
			return token{kind: otherToken, text: s[:n+more]} // hexadecimal is nothing to compare with
		default:
			return token{kind: wordToken, text: s[:n+more]} // as 1e, which is no number
		}
		return token{kind: numberToken, text: s[:n]}
	}
	if n := len(s) - len(strings.TrimLeft(s, "<>=~!")); n > 0 {
		return token{kind: signToken, text: s[:n]}
	}
	return token{kind: otherToken, text: s[:size]}
}

func nameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

func nameRune(r rune) bool { return nameStart(r) || unicode.IsDigit(r) || r == '$' }

// quoted gives the length of a text in quotes, 0 for one that does not end.
func quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if quote == '\'' {
				i++
			}
		case quote:
			if quote == '\'' && i+1 < len(s) && s[i+1] == quote {
				i++
				continue
			}
			return i + 1
		}
	}
	return 0
}

// name gives the length of a dotted name.
func name(s string) int {
	i := 0
	for {
		i += part(s[i:])
		if i+1 >= len(s) || s[i] != '.' || part(s[i+1:]) == 0 {
			return i
		}
		i++
	}
}

// part gives the length of one part of a name.
func part(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '`' || s[0] == '"' {
		return quoted(s, s[0])
	}
	end := strings.IndexFunc(s, func(r rune) bool { return !nameRune(r) })
	if end < 0 {
		return len(s)
	}
	return end
}

// number gives the length of a number, 0 for none.
func number(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	digits := func() int {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i - from
	}
	n := digits()
	if i < len(s) && s[i] == '.' {
		i++
		n += digits()
	}
	if n == 0 {
		return 0
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		mark := i
		i++
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		if digits() == 0 {
			i = mark
		}
	}
	return i
}
