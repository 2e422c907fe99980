package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// nameIndex finds rows by any part of a name, of three letters and more:
// project_names (of full paths and names), model_names and run_names, whose rows
// have the ids of projects, models and runs. Triggers keep them. Without "of" it
// looks everywhere: what the viewer may not see is for the list to leave out.
type nameIndex struct {
	table string
	of    string // "project" or, for runs, "experiment"
	id    int64  // of that
}

// fresh has the first row that a transaction has added to each of the tables that
// grow with all work; 0: none. Its new rows are those from there on: there is one
// writer, and ids are not used again.
type fresh struct{ run, event int64 }

// indexFresh adds new rows to the indexes of names, when a transaction is about to end.
// An index takes many at once for little more than one: it writes a part of
// itself each time, and that whenever a statement begins that may have to be
// taken back. Nobody sees a row before, and no transaction searches by name for
// what it has made.
func (t *tx) indexFresh(ctx context.Context, f fresh) error {
	for _, x := range []struct {
		text  string
		first int64
	}{{t.s.e.lateRuns, f.run}, {t.s.e.lateEvents, f.event}} {
		if x.first == 0 {
			continue
		}
		if _, err := t.exec(ctx, query(x.text), x.first); err != nil {
			return err
		}
	}
	return nil
}

// Trigrams of one search: more tell nothing new, and each is looked up.
const maxTrigrams = 32

// trigrams gives the texts of three letters in the literal stretches of a
// pattern, in lower case; none when no stretch is that long.
func trigrams(stretches ...string) (out []string) {
	for _, s := range stretches {
		letters := []rune(strings.ToLower(s))
		for i := 0; i+3 <= len(letters) && len(out) < maxTrigrams; i++ {
			if g := string(letters[i : i+3]); !slices.Contains(out, g) && !strings.Contains(g, "\x00") {
				out = append(out, g)
			}
		}
	}
	return out
}

// match is the condition on a row of the index, under a letter, that its name may
// contain all of some stretches of text. ok is false when there is no index for
// that: the texts are too short, or the engine has its own.
func (x nameIndex) match(e *engine, letter string, stretches ...string) (c condition, ok bool) {
	parts := trigrams(stretches...)
	if e.nameMatch == nil || len(parts) == 0 {
		return condition{}, false
	}
	return condition{letter + "." + x.table + " MATCH ?", []any{e.nameMatch(parts, x)}}, true
}

// named narrows a list to rows that have a part of text, without case, in one
// of some expressions, which the index covers. What the index gives comes in the
// order of ids; for another order it is gone through when it is little. When it
// is much, a page of it is met soon along the list's own order.
func (t *tx) named(ctx context.Context, l *listing, x nameIndex, s string, o registry.Order, exprs ...string) error {
	l.contains(s, exprs...)
	match, ok := x.match(t.s.e, "z", s)
	if !ok {
		return nil
	}
	if l.orders[cmp.Or(o.By, l.initial.By)].expr != l.id {
		few := t.s.reach.few
		n, err := t.count(ctx, lookup{from: x.table + " z", where: []condition{match}}, few+1)
		if err != nil || n > int64(few) {
			return err
		}
	}
	// CROSS JOIN is what begins with the index, whatever the engine thinks of it.
	l.from = x.table + " z CROSS JOIN " + l.from
	l.all([]condition{match})
	l.where = append(l.where, l.id+" = z.rowid")
	for by, col := range l.orders {
		if col.expr == l.id {
			l.orders[by] = column{"z.rowid", true}
		}
	}
	l.id = "z.rowid"
	return nil
}
