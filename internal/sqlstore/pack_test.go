package sqlstore

import (
	"testing"
	"time"
)

// TestPack: whatever a text holds, it comes out of a packed row as it went in.
func TestPack(t *testing.T) {
	s := open(t)
	text := "SELECT " + pack([]string{"$1 + 0", "1 = 1", "1 = 0", "7"}, []string{"$2 || ''", "$3 || ''", "''", "$4 || ''"})
	for _, in := range [][3]string{{"", "", ""}, {"a", "b c", " "}, {"12 34", "", "å\nß"}, {" ", "\x00 1", "5 5"}} {
		var n, seven int64
		var yes, no bool
		var at time.Time
		var a, b, none, c string
		if err := s.read.db.QueryRowContext(t.Context(), text, -3, in[0], in[1], in[2]).
			Scan(packed{[]any{&n, &yes, &no, instant{&at}}, []*string{&a, &b, &none, &c}}); err != nil {
			t.Fatal(err)
		}
		if seven = at.UnixMicro(); n != -3 || !yes || no || seven != 7 || a != in[0] || b != in[1] || none != "" || c != in[2] {
			t.Errorf("%q: %d %v %v %d %q", in, n, yes, no, seven, []string{a, b, none, c})
		}
	}
}

// TestPackedAmiss: a row that has not the parts that are wanted is an error.
func TestPackedAmiss(t *testing.T) {
	for _, in := range []any{int64(1), "", "1", "1 x a", "1 2 a", "1 1 ab", "1 -1 a", "x 1 a"} {
		var n int64
		var s string
		if err := (packed{[]any{&n}, []*string{&s}}).Scan(in); err == nil {
			t.Errorf("%q gave %d and %q", in, n, s)
		}
	}
	var f float64
	if err := (packed{numbers: []any{&f}}).Scan("1"); err == nil {
		t.Error("a number went into a float64")
	}
}
