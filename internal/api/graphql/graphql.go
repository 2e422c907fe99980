// Package graphql speaks the part of GitLab's GraphQL API that is about the
// model registry, at /api/graphql.
//
// It owns spelling: the schema (schema.graphql), global ids, cursors, the texts
// of errors. Every decision is the registry's. A query reads one moment, by a
// snapshot; mutations are done one after another. What a tree of a query asks
// is asked once for each of its levels, never once for each node: the nodes of
// a level share their questions (see level).
//
// Names, limits and texts were read off GitLab's source (app/graphql,
// app/controllers/graphql_controller.rb) and its request specs.
package graphql

import (
	"context"
	_ "embed" // the schema
	"errors"
	"log/slog"
	"net/http"
	"time"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Path is the address of this dialect.
const Path = "/api/graphql"

// Schema is the schema, in GraphQL's own language.
//
//go:embed schema.graphql
var Schema string

// Options configure the dialect.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	Prose    *markdown.Renderer // of model cards
	// URL is the external address, as "https://models.example.org"; empty:
	// that of each request.
	URL      string
	Version  string
	Revision string
}

// patience is how long one request may take, as in GitLab.
const patience = 30 * time.Second

// New makes the door. It panics when the resolvers do not fit the schema.
func New(o Options) httpx.Mount {
	d := newDialect(o)
	return httpx.Mount{
		Name:    "graphql",
		Match:   func(r *http.Request) bool { return r.URL.Path == Path },
		Handler: httpx.Handle(d.serve, d.fail),
	}
}

func newDialect(o Options) *dialect {
	d := &dialect{Options: o, rows: maxRows}
	d.schema = gql.MustParseSchema(Schema, &root{}, gql.UseStringDescriptions(), gql.UseFieldResolvers(),
		gql.MaxDepth(userDepth), gql.MaxQueryLength(4*maxQuery), gql.OverlapValidationLimit(maxOverlaps),
		// The nodes of a level share their questions, so resolvers that ran
		// at the same time would only wait for each other.
		gql.MaxParallelism(1),
		gql.PanicHandler(panics{}), gql.Logger(panicLog{o.Log}))
	return d
}

type dialect struct {
	Options
	schema *gql.Schema
	rows   int // that one document may read
}

// maxRows bounds the rows that one document may read. The score does not bound
// them: three lists inside each other may give a million.
const maxRows = 10_000

// reach are the scopes of tokens that have any business here.
const reach = auth.ScopeAPI | auth.ScopeReadAPI | auth.ScopeReadRegistry | auth.ScopeWriteRegistry

func (d *dialect) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, POST")
		return &refusal{http.StatusMethodNotAllowed, "405 Not Allowed"}
	}
	actor, err := d.Auth.Authenticate(r.Context(), credential.Of(r))
	if fault.Is(err, fault.Unauthenticated) || err == nil && !actor.Anonymous() && !actor.Can(reach) {
		return &refusal{http.StatusUnauthorized, "Invalid token"}
	}
	if err != nil {
		return err
	}
	if !actor.Anonymous() {
		httpx.SetUser(r.Context(), actor.Username)
	}
	in, err := decode(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	out, err := d.answer(ctx, r, actor, in)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &refusal{http.StatusServiceUnavailable, "Request timed out. Please try a less complex query or a smaller set of records."}
	}
	if err != nil {
		return err
	}
	return httpx.WriteJSON(w, http.StatusOK, out)
}
