package sqlstore

import "testing"

func TestNameless(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1": "SELECT 1",
		"UPDATE t SET a = $1, b = $2 WHERE id = $3":     "UPDATE t SET a = ?, b = ? WHERE id = ?",
		"SELECT '$1', a FROM t WHERE b = $1":            "SELECT '$1', a FROM t WHERE b = ?",
		"SELECT a FROM t WHERE b = $1 OR c = $1":        "SELECT a FROM t WHERE b = $1 OR c = $1",
		"SELECT a FROM t WHERE b = $2 OR c = $1":        "SELECT a FROM t WHERE b = $2 OR c = $1",
		"VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10), ($11": "VALUES (?,?,?,?,?,?,?,?,?,?), (?",
		"SELECT '''$1' || $1 || '$2'":                   "SELECT '''$1' || ? || '$2'",
	} {
		if got := nameless(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}
