package sqlstore

// query is a fixed SQL text. Declaring each with stmt lets a test prepare all
// of them on every engine and check the numbering of their parameters.
type query string

var statements []query

// stmt declares a statement. It is called for package variables only.
func stmt(text string) query {
	q := query(text)
	statements = append(statements, q)
	return q
}
