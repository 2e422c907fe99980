package httpx

import (
	"strconv"
	"strings"
)

// Harmless keeps a spreadsheet from taking the text of a cell for a formula;
// numbers stay numbers.
func Harmless(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}
