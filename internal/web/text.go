package web

import (
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// formProblem gives what a person has to mend in a form; ok is false when the
// error is not about what they wrote.
func formProblem(err error) (string, bool) {
	if e, is := fault.As(err); is && (e.Kind == fault.Invalid || e.Kind == fault.Conflict) {
		return upperFirst(sentence(e)) + ".", true
	}
	return "", false
}

func upperFirst(s string) string {
	s = strings.ReplaceAll(s, "_", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// atoi reads a number of an address; what is none is 0.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
