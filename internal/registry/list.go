package registry

// Limits of lists.
const (
	MaxLimit  = 1000   // items in one answer
	MaxOffset = 50_000 // rows skipped by page number; beyond, use a cursor
	// MaxTotal is how far a list is counted; longer ones have Total -1.
	MaxTotal = 10_000
)

// Cursor names a row of an ordered list: the ordering value as text, and the
// id that breaks ties.
type Cursor struct {
	Key string
	ID  int64
}

// Page says which part of a list is wanted.
type Page struct {
	Limit   int     // items; 0 means 20
	Offset  int     // rows to skip; not with After
	After   *Cursor // continue behind this row
	Before  *Cursor // stop before this row
	NoTotal bool    // do not count
	Known   *int64  // the number of rows, where the caller knows it
	Cursors bool    // give the cursor of every item
}

// Order names the ordering value and direction of a list; an unknown value is
// fault.Invalid. The zero Order is the list's own default.
type Order struct {
	By   string
	Desc bool
}

// List is one part of a list.
type List[T any] struct {
	Items   []T
	Total   int64    // rows in all; -1 when unknown or above MaxTotal
	More    bool     // rows follow
	Next    *Cursor  // the last row, when More
	Cursors []Cursor // of the items, where they were asked for
}
