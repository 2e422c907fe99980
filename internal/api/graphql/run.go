package graphql

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	gql "github.com/graph-gophers/graphql-go"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// answer runs what a request asks and gives what is to be sent.
func (d *dialect) answer(ctx context.Context, r *http.Request, actor auth.Actor, in request) (any, error) {
	docs := make([]document, len(in.queries))
	for i, q := range in.queries {
		docs[i] = read(q.Query, q.OperationName, q.Variables)
		if docs[i].mutation && r.Method != http.MethodPost {
			return nil, &refusal{http.StatusUnprocessableEntity, "Mutations are forbidden in " + r.Method + " requests"}
		}
	}
	limit(docs, actor)
	answers := make([]*gql.Response, len(docs))
	for i, doc := range docs {
		if doc.refused != nil {
			answers[i] = refused(doc.refused)
			continue
		}
		v := &visit{d: d, s: d.Registry.As(actor), base: httpx.BaseURL(d.URL, r), score: doc.score, limit: scoreLimit(actor), rows: d.rows}
		var err error
		if answers[i], err = d.run(ctx, v, doc, in.queries[i]); err != nil {
			return nil, err
		}
	}
	if in.many {
		return answers, nil
	}
	return answers[0], nil
}

// limit refuses documents that are too much. Those of one request have one
// limit together, as in GitLab, and those about the schema alone another.
func limit(docs []document, actor auth.Actor) {
	total := map[bool]int{}
	for _, d := range docs {
		total[d.meta] += d.score
	}
	most := map[bool]int{false: scoreLimit(actor), true: introspectionScore}
	for i, d := range docs {
		if text := d.over(total[d.meta], most[d.meta], depthLimit(actor)); text != "" && d.refused == nil {
			docs[i].refused = &gqlerror.Error{Message: text}
		}
	}
}

func scoreLimit(a auth.Actor) int {
	switch {
	case a.Admin:
		return adminScore
	case a.Anonymous():
		return anonymousScore
	}
	return userScore
}

func depthLimit(a auth.Actor) int {
	if a.Anonymous() {
		return anonymousDepth
	}
	return userDepth
}

// refused is the answer to a document that is not run.
func refused(e *gqlerror.Error) *gql.Response {
	q := &gqlerrors.QueryError{Message: e.Message}
	for _, l := range e.Locations {
		q.Locations = append(q.Locations, gqlerrors.Location{Line: l.Line, Column: l.Column})
	}
	return &gql.Response{Errors: []*gqlerrors.QueryError{q}}
}

// run runs one document: a query on a snapshot, mutations one by one.
func (d *dialect) run(ctx context.Context, v *visit, doc document, q query) (*gql.Response, error) {
	if e := d.checkVariables(doc.op.VariableDefinitions, q.Variables); e != nil {
		return refused(e), nil
	}
	var out *gql.Response
	exec := func(s registry.Session) error {
		v.s = s
		out = d.schema.Exec(context.WithValue(ctx, visitKey{}, v), doc.text, q.OperationName, q.Variables)
		return nil
	}
	var err error
	if doc.mutation {
		err = exec(v.s)
	} else {
		err = v.s.Snapshot(ctx, exec)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = respell(out, doc)
	}
	return out, err
}

// respell gives the errors of resolvers GitLab's texts, and the places of their
// fields. One that is our own fault makes the whole request fail.
func respell(out *gql.Response, doc document) error {
	for _, e := range out.Errors {
		if errors.Is(e, errPanic) {
			return errPanic
		}
		if e.ResolverError == nil {
			continue
		}
		text, ok := spell(e.ResolverError)
		if !ok {
			return fmt.Errorf("graphql: %v: %w", e.Path, e.ResolverError)
		}
		e.Message = text
		if at := doc.position(e.Path); at != nil {
			e.Locations = []gqlerrors.Location{{Line: at.Line, Column: at.Column}}
		}
	}
	return nil
}

// visitKey finds the visit in a context.
type visitKey struct{}

// visit is one document on its way.
type visit struct {
	d     *dialect
	s     registry.Session
	base  string // external address of the server
	score int
	limit int
	rows  int             // that may still be read
	asked map[string]bool // fields that may be asked once
}

func visiting(ctx context.Context) *visit { return ctx.Value(visitKey{}).(*visit) }

// spend takes rows from what may still be read.
func (v *visit) spend(n int) error {
	if v.rows -= n; v.rows < 0 {
		return tooMany(v.d.rows)
	}
	return nil
}

// paid takes the rows of lists from what may still be read.
func paid[T any](v *visit, lists map[int64]registry.List[T], err error) (map[int64]registry.List[T], error) {
	rows := 0
	for _, l := range lists {
		rows += len(l.Items)
	}
	if err == nil {
		err = v.spend(rows)
	}
	return lists, err
}

// once refuses a field that is asked again: those that begin a tree, which
// could not share their questions.
func (v *visit) once(field, owner string) error {
	if v.asked[field] {
		return onceError(field, owner)
	}
	if v.asked == nil {
		v.asked = map[string]bool{}
	}
	v.asked[field] = true
	return nil
}

// absolute gives the external address of a path of pages.
func (v *visit) absolute(path ...string) string { return v.base + strings.Join(path, "") }
