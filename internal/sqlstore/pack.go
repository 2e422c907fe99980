package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
)

// Rows that are read often, or by the hundred, come packed into one text. The
// driver takes longer to hand a column over than the engine does to find it: a row
// of twenty columns costs twice as much as one text of them all, and more.

// pack gives the SQL of one column that holds many: the numbers, how many bytes
// the texts have, and the texts. None of them may be NULL.
func pack(numbers, texts []string) string {
	parts := append([]string{"' '"}, numbers...)
	for _, t := range texts {
		parts = append(parts, "octet_length("+t+")")
	}
	return "concat_ws(" + strings.Join(append(parts, texts...), ", ") + ")"
}

// packed scans such a column; it points to where its parts go, in their order.
type packed struct {
	numbers []any // *int64, *bool or instant
	texts   []*string
}

// maxTexts is how many texts a packed row may have.
const maxTexts = 16

// Scan implements sql.Scanner.
func (p packed) Scan(v any) error {
	rest, ok := v.(string)
	if !ok || len(p.texts) > maxTexts {
		return fmt.Errorf("a packed row is %T with %d texts", v, len(p.texts))
	}
	var word string
	for _, dest := range p.numbers {
		word, rest, _ = strings.Cut(rest, " ")
		if err := setNumber(dest, word); err != nil {
			return err
		}
	}
	var sizes [maxTexts]int64
	for i := range p.texts {
		word, rest, _ = strings.Cut(rest, " ")
		if err := setNumber(&sizes[i], word); err != nil {
			return err
		}
	}
	for i, dest := range p.texts {
		if i > 0 {
			rest = strings.TrimPrefix(rest, " ")
		}
		n := sizes[i]
		if n < 0 || n > int64(len(rest)) {
			return fmt.Errorf("packed row: text %d of %d is cut off", i+1, len(p.texts))
		}
		*dest, rest = rest[:n], rest[n:]
	}
	if rest != "" {
		return fmt.Errorf("packed row: %d bytes too many", len(rest))
	}
	return nil
}

// perhaps is a packed row that may be NULL, and then leaves its parts as they are.
type perhaps struct{ packed }

// Scan implements sql.Scanner.
func (p perhaps) Scan(v any) error {
	if v == nil {
		return nil
	}
	return p.packed.Scan(v)
}

// setNumber stores a number of a packed row. Engines that know booleans spell
// them as letters.
func setNumber(dest any, word string) error {
	if d, ok := dest.(*bool); ok {
		*d = word == "1" || word == "t"
		return nil
	}
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return fmt.Errorf("packed row: %w", err)
	}
	switch d := dest.(type) {
	case *int64:
		*d = n
	case instant:
		return d.Scan(n)
	default:
		return fmt.Errorf("packed row: no number goes into %T", dest)
	}
	return nil
}
