package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// tx is one transaction; it implements registry.Tx, file by file.
//
// A statement is not prepared inside a transaction: that takes a second
// connection, and transactions that hold one each while they wait for another
// wait for ever. So the first use of a text goes unprepared and is noted in
// missed, to be prepared afterwards.
type tx struct {
	s      *Store
	p      *pool
	t      *sql.Tx
	missed []string
	// touched says that it has written, or that a statement has failed, which may
	// have ended the transaction: there is something to undo.
	touched bool
	// fresh is what the transaction has added; nil where the engine indexes names
	// by itself.
	fresh *fresh
	// shared says that others' writes are in the transaction too: what is under
	// way for one of them is not broken off, which might end it for all.
	shared bool
}

// ready gives the context to run a text in, and its prepared form for this
// transaction, or nil.
func (t *tx) ready(ctx context.Context, text string) (context.Context, *sql.Stmt, error) {
	if t.shared {
		if err := ctx.Err(); err != nil {
			return ctx, nil, err
		}
		ctx = context.WithoutCancel(ctx)
	}
	if watch := t.s.watch.Load(); watch != nil {
		(*watch)(text)
	}
	t.touched = t.touched || !strings.HasPrefix(text, "SELECT ")
	st, ok := t.p.stmts.Load(text)
	if !ok {
		t.missed = append(t.missed, text)
		return ctx, nil, nil
	}
	return ctx, t.t.StmtContext(ctx, st.(*sql.Stmt)), nil
}

func (t *tx) exec(ctx context.Context, q query, args ...any) (int64, error) {
	res, err := t.run(ctx, string(q), args)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return n, t.wrap(err, string(q))
}

// run executes a statement that gives no rows.
func (t *tx) run(ctx context.Context, text string, args []any) (res sql.Result, err error) {
	ctx, st, err := t.ready(ctx, text)
	if err != nil {
		return nil, err
	}
	if st != nil {
		res, err = st.ExecContext(ctx, args...)
	} else {
		res, err = t.t.ExecContext(ctx, text, args...)
	}
	return res, t.wrap(err, text)
}

// row runs a query for one row; none is sql.ErrNoRows.
func (t *tx) row(ctx context.Context, q query, args []any, dest ...any) error {
	ctx, st, err := t.ready(ctx, string(q))
	if err != nil {
		return err
	}
	var r *sql.Row
	if st != nil {
		r = st.QueryRowContext(ctx, args...)
	} else {
		r = t.t.QueryRowContext(ctx, string(q), args...)
	}
	err = r.Scan(dest...)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return t.wrap(err, string(q))
}

// returning ends an INSERT that tells the id of its row. One that may find the row
// there already has no other way to tell.
const returning = " RETURNING id"

// id runs an INSERT … RETURNING id, or an UPDATE that gives a number.
func (t *tx) id(ctx context.Context, q query, args ...any) (id int64, err error) {
	text, inserts := strings.CutSuffix(string(q), returning)
	if inserts && t.s.e.lastID && !strings.Contains(text, "ON CONFLICT") {
		res, err := t.run(ctx, text, args)
		if err != nil {
			return 0, err
		}
		id, err = res.LastInsertId()
		return id, t.wrap(err, text)
	}
	err = t.row(ctx, q, args, &id)
	return id, err
}

// rows runs a query and calls scan for each row.
func (t *tx) rows(ctx context.Context, text string, args []any, scan func(scanner) error) error {
	ctx, st, err := t.ready(ctx, text)
	if err != nil {
		return err
	}
	var r *sql.Rows
	if st != nil {
		r, err = st.QueryContext(ctx, args...)
	} else {
		r, err = t.t.QueryContext(ctx, text, args...)
	}
	if err != nil {
		return t.wrap(err, text)
	}
	defer r.Close()
	for r.Next() {
		if err := scan(r); err != nil {
			return t.wrap(err, text)
		}
	}
	return t.wrap(r.Err(), text)
}

// scanner is a row to be read.
type scanner interface{ Scan(dest ...any) error }

// wrap adds the statement to an error and knows violated unique indexes.
func (t *tx) wrap(err error, text string) error {
	if err == nil {
		return nil
	}
	t.touched = true
	if what, ok := t.s.e.unique(err); ok {
		noun, field := uniqueField(what)
		return &fault.Error{Kind: fault.Conflict, Noun: noun, Field: field, Msg: "has already been taken", Err: err}
	}
	return fmt.Errorf("sqlstore: %w: %s", err, strings.Join(strings.Fields(text), " "))
}

// uniqueFields tells what a person calls the columns of a unique index.
var uniqueFields = []struct{ column, noun, field string }{
	{"users.username_key", "user", "username"}, {"users.email_key", "user", "email"},
	{"namespaces.full_key", "group", "path"}, {"projects.full_key", "project", "path"},
	{"models.name", "model", "name"}, {"experiments.name", "experiment", "name"},
	{"versions.semver", "version", "version"}, {"run_params.key", "param", "params"}, {"logged_model_params.key", "param", "params"},
}

func uniqueField(what string) (noun, field string) {
	for _, u := range uniqueFields {
		if strings.Contains(what, u.column) {
			return u.noun, u.field
		}
	}
	return "", ""
}

// one gives NotFound for a missing row.
func one(err error, noun string, id int64) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing(noun, strconv.FormatInt(id, 10))
	}
	return err
}

// named gives NotFound for a missing row that was asked for by name.
func named(err error, noun, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.Missing(noun, name)
	}
	return err
}

// hit gives NotFound when a statement touched nothing.
func hit(n int64, err error, noun string, id int64) error {
	if err == nil && n == 0 {
		return fault.Missing(noun, strconv.FormatInt(id, 10))
	}
	return err
}

// micros stores a time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant scans a stored time into t.
type instant struct{ t *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is %T, not a number", v)
	}
	if *i.t = (time.Time{}); n != 0 {
		*i.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// ref stores a foreign key, 0 as NULL.
func ref(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// idsAtOnce bounds a list of parameters: where nameless cannot help, the time to
// bind them grows with the square of their number.
const idsAtOnce = 200

// placeholders gives "$from, …, $(from+n-1)".
func placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(from+i))
	}
	return b.String()
}

// anys makes arguments of ids.
func anys[T any](ids []T) []any {
	out := make([]any, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// scanOne runs a query for one row and lets scan read it; none is
// sql.ErrNoRows.
func (t *tx) scanOne(ctx context.Context, q query, args []any, scan func(scanner) error) error {
	found := false
	err := t.rows(ctx, string(q), args, func(s scanner) error {
		found = true
		return scan(s)
	})
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	return err
}

// ignoreNone drops the error of a missing row.
func ignoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
