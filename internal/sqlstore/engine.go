package sqlstore

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// engine is the complete list of what differs between database engines.
// Everything else is one SQL text.
type engine struct {
	name string
	// open gives a pool for writing and one for reading; they may be the same.
	open func(url string) (write, read *sql.DB, err error)
	// oneWriter says that transactions that write come one after the other; they
	// share commits then.
	oneWriter bool
	// lastID says that the engine tells the id of an inserted row unasked. To
	// SQLite a RETURNING is a trigger: it opens a statement journal, which makes
	// the indexes of names write out what they have so far.
	lastID bool
	// expand replaces the words that begin with "@" in migrations.
	expand *strings.Replacer
	// nameMatch gives the argument of MATCH in an index of names (migration 0040)
	// for texts of three letters that a name has all of; nil: the engine's own
	// indexes answer LIKE '%…%'.
	nameMatch func(trigrams []string, x nameIndex) string
	// lateRuns and lateEvents add the rows of a table from an id on to its index of
	// names; empty with nameMatch nil.
	lateRuns, lateEvents string
	// spell gives a statement as the engine likes it best.
	spell func(text string) string
	// migrating serialises migrations among processes; it runs first in the
	// migration transaction.
	migrating string
	// version is a query whose number moves on one connection when others
	// commit; empty: there is none.
	version string
	// size is a query for the bytes that the database takes up.
	size string
	// unique reports a violated unique index and names what it is on.
	unique func(error) (string, bool)
	// retry reports a conflict that passes when the transaction runs again.
	retry func(error) bool
	// full reports a disk, or a quota, that has no room left.
	full func(error) bool
}

// engines by URL scheme.
var engines = map[string]*engine{"sqlite": sqliteEngine}

// expandSQLite is sqliteEngine.expand.
var expandSQLite = strings.NewReplacer("@id", "INTEGER PRIMARY KEY AUTOINCREMENT", "@bytes", "BLOB", "@clustered", " WITHOUT ROWID",
	"@project", idTrigram("new.project_id"), "@experiment", idTrigram("new.experiment_id"))

var sqliteEngine = &engine{
	name:      "sqlite",
	open:      openSQLite,
	expand:    expandSQLite,
	nameMatch: matchFTS5,
	lateRuns: expandSQLite.Replace(`INSERT OR REPLACE INTO run_names (rowid, name, project, experiment)
		SELECT id, fold(name), @project, @experiment FROM runs AS new WHERE id >= $1`),
	lateEvents: `INSERT INTO event_texts (rowid, name)
		SELECT id, fold(replace(replace(act, '.', ' '), '_', ' ') || ' ' || subject || ' ' || detail || ' ' || place || ' ' || actor)
		FROM events WHERE id >= $1`,
	oneWriter: true,
	lastID:    true,
	spell:     nameless,
	migrating: "",
	version:   "PRAGMA data_version",
	size:      "SELECT c.page_count * s.page_size FROM pragma_page_count() c, pragma_page_size() s",
	unique: func(err error) (string, bool) {
		var e *sqlite.Error
		if !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE && e.Code() != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
			return "", false
		}
		return e.Error(), true
	},
	retry: sqliteSays(sqlite3.SQLITE_BUSY),
	full:  sqliteSays(sqlite3.SQLITE_FULL),
}

// sqliteSays makes a test for errors of a kind.
func sqliteSays(code int) func(error) bool {
	return func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) && e.Code()&0xff == code
	}
}

// nameless spells the parameters of a statement without their numbers when each
// is there once, in order. SQLite takes "$1" for a name, and its driver looks up
// all names at each call, in a time that grows with the square of their number.
func nameless(text string) string {
	var b strings.Builder
	quoted, next, from := false, 1, 0
	for i := 0; i < len(text); i++ {
		if text[i] == '\'' {
			quoted = !quoted
		}
		if text[i] != '$' || quoted {
			continue
		}
		end := i + 1
		for end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		if text[i+1:end] != strconv.Itoa(next) {
			return text
		}
		b.WriteString(text[from:i] + "?")
		next, from, i = next+1, end, end-1
	}
	return b.String() + text[from:]
}

// private is where Unicode has characters that mean nothing; three of them, of
// 12 bits each, hold an id.
const private, bits = 0xf0000, 1<<12 - 1

// idTrigram is the SQL of such a text.
func idTrigram(id string) string {
	return fmt.Sprintf("char(%[1]d + (%[3]s >> 24 & %[2]d), %[1]d + (%[3]s >> 12 & %[2]d), %[1]d + (%[3]s & %[2]d))", private, bits, id)
}

// matchFTS5 asks for rows that have all trigrams in the name and, as one more,
// the id in the column for it.
func matchFTS5(trigrams []string, x nameIndex) string {
	var b strings.Builder
	for i, g := range trigrams {
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(`name : "` + strings.ReplaceAll(g, `"`, `""`) + `"`)
	}
	if x.of != "" {
		id := []rune{rune(private + x.id>>24&bits), rune(private + x.id>>12&bits), rune(private + x.id&bits)}
		b.WriteString(" AND " + x.of + ` : "` + string(id) + `"`)
	}
	return b.String()
}

// functionsOnce registers what SQLite lacks. Each is a call into Go for each row,
// so they are used only where nothing else does.
var functionsOnce = sync.OnceValue(func() error {
	return errors.Join(sqlite.RegisterDeterministicScalarFunction("fold", 1, fold), sqlite.RegisterDeterministicScalarFunction("matches", 2, matcher()),
		sqlite.RegisterDeterministicScalarFunction("number_of", 1, numberOfValue), sqlite.RegisterDeterministicScalarFunction("packed_point", 4, packedPoint))
})

// fold is lower for all letters: SQLite's own lower knows ASCII only.
func fold(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	if s, ok := args[0].(string); ok {
		return strings.ToLower(s), nil
	}
	return args[0], nil
}

// numberOfValue is numberOf, for what was stored before there was a column for it.
func numberOfValue(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
	s, _ := args[0].(string)
	return numberOf(s), nil
}

// matcher makes a function that tells whether a text has a part that a regular
// expression describes. It remembers the last expression, which is the same for
// all rows of a statement.
func matcher() func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
	var last atomic.Pointer[regexp.Regexp]
	return func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, isText := args[0].(string)
		pattern, ok := args[1].(string)
		if !isText || !ok {
			return nil, nil //nolint:nilnil // NULL, as comparisons with it are
		}
		re := last.Load()
		if re == nil || re.String() != pattern {
			var err error
			if re, err = regexp.Compile(pattern); err != nil {
				return nil, fmt.Errorf("sqlstore: %w", err)
			}
			last.Store(re)
		}
		return re.MatchString(text), nil
	}
}

// busyTimeout is how long a writer waits for another process, in ms.
const busyTimeout = 10_000

// openSQLite opens "sqlite:path". One connection writes, so that writers queue
// in Go instead of meeting SQLITE_BUSY; the readers never block it (WAL). FULL
// synchronisation makes a commit survive a power cut. LIKE minds case, as it
// does elsewhere.
func openSQLite(raw string) (write, read *sql.DB, err error) {
	path := strings.TrimPrefix(strings.TrimPrefix(raw, "sqlite:"), "//")
	if path == "" {
		return nil, nil, errors.New("sqlstore: a SQLite URL needs a path, as in sqlite:data/vitrine.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("sqlstore: folder of the database: %w", err)
	}
	if err := functionsOnce(); err != nil {
		return nil, nil, fmt.Errorf("sqlstore: functions: %w", err)
	}
	if write, err = sql.Open("sqlite", sqliteDSN(path, "immediate", "FULL")); err != nil {
		return nil, nil, fmt.Errorf("sqlstore: %w", err)
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", sqliteDSN(path, "deferred", "FULL")+"&_pragma=query_only(1)"); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("sqlstore: %w", err), write.Close())
	}
	readers := max(4, 2*runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return write, read, nil
}

func sqliteDSN(path, lock, sync string) string {
	q := url.Values{"_txlock": {lock}}
	for _, p := range []string{fmt.Sprintf("busy_timeout(%d)", busyTimeout), "journal_mode(WAL)", "synchronous(" + sync + ")",
		"foreign_keys(1)", "case_sensitive_like(1)", "cache_size(-4096)", "temp_store(MEMORY)", "mmap_size(268435456)"} {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}
