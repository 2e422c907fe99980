package httpx

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// disposition writes a Content-Disposition as RFC 6266 has it: a plain name for
// old clients and, where that loses something, the exact one in filename*.
func disposition(attachment bool, name string) string {
	kind := "inline"
	if attachment {
		kind = "attachment"
	}
	name = baseName(name)
	if name == "" {
		return kind
	}
	plain := plainName(name)
	s := kind + `; filename="` + plain + `"`
	if plain != name {
		s += "; filename*=UTF-8''" + extValue(name)
	}
	return s
}

// baseName strips directories in either style, because the client may run on
// another system than the one that uploaded, and whatever could disturb a
// terminal or a header line.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return '_'
		}
		return c
	}, strings.ToValidUTF8(name, "\uFFFD"))
}

// plainName replaces what a quoted string cannot carry safely. "%" goes too:
// some browsers decode it there.
func plainName(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 0x7f || c == '"' || c == '%' {
			return '_'
		}
		return c
	}, name)
}

// attrChars are the characters beside letters and digits that RFC 8187 lets
// stand as they are.
const attrChars = "!#$&+-.^_`|~"

func extValue(name string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c < utf8.RuneSelf && (isAlnum(c) || strings.IndexByte(attrChars, c) >= 0):
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
