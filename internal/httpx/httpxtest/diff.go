package httpxtest

import (
	"slices"
	"strings"
)

// manyLines is where finding the shortest difference becomes too slow.
const manyLines = 2000

// lineDiff shows how got differs from want, line by line: "-" before lines that
// are missing, "+" before lines that are too many. Unlike a general differ it
// quotes nothing, because JSON in quotes cannot be read.
func lineDiff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	show := func(sign string, lines ...string) {
		for _, line := range lines {
			out.WriteString(sign + line + "\n")
		}
	}
	if len(a) > manyLines || len(b) > manyLines {
		show("-", a...)
		show("+", b...)
		return out.String()
	}
	common := commonLines(a, b)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			show(" ", a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			show("-", a[i])
			i++
		default:
			show("+", b[j])
			j++
		}
	}
	return out.String()
}

// commonLines counts at [i][j] how many lines a[i:] and b[j:] can have in
// common, in order.
func commonLines(a, b []string) [][]int {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	return n
}
