package gitlab

import (
	"net/http"
	"reflect"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// gate says what kind of permission an operation needs; the registry enforces
// it, this table declares it, and a test compares the two for every role.
type gate uint8

const (
	_          gate = iota
	anyone          // no account needed
	signedIn        // any account
	adminOnly       // administrators
	ownOrAdmin      // one's own account, or an administrator
	tokenOwner      // the user of the token, or an administrator
	memberOf        // a member of the namespace, however low, or an administrator
	inGroup         // a role in the group
	inProject       // a permission in the project
)

// access is the declared permission of a route.
type access struct {
	gate gate
	perm registry.Permission // for inProject
	role registry.Role       // for inGroup; NoRole: whoever sees it
	// scopes are those of which a token needs one, for inGroup.
	scopes auth.Scopes
}

func project(p registry.Permission) access { return access{gate: inProject, perm: p} }

// group is for reading by whoever sees a group, and for changes by a role.
func group(r registry.Role) access {
	if r == registry.NoRole {
		return groupReading(r)
	}
	return access{gate: inGroup, role: r, scopes: auth.ScopeAPI}
}

// groupReading is for what only some roles may read.
func groupReading(r registry.Role) access {
	return access{gate: inGroup, role: r, scopes: auth.ScopeAPI | auth.ScopeReadAPI}
}

// route is one operation.
type route struct {
	method, pattern string
	access          access
	summary         string
	status          int          // of success
	in, out         reflect.Type // parameters and answer, for the OpenAPI document
	bytes           bool         // moves a file
	tus             bool         // is part of the tus protocol
	tag             string
	run             func(*call, int) error // answers with the given status
	fails           []int                  // statuses of failures that cannot be told from the rest of the row
	denial          error                  // instead of fault.Forbidden, where GitLab says otherwise
	rotates         bool                   // replaces a secret: an old one gives its whole family away
}

// key names a route in tables.
func (rt route) key() string { return rt.method + " " + rt.pattern }

// none is the answer of operations that have nothing to tell.
type none struct{}

// paramLimit bounds the parameters of a request, in bytes: a batch of 1,000
// metrics and parameters of the longest kind fits.
const paramLimit = 16 << 20

// op makes a route of a function from parameters to an answer. POST answers
// 201 and an operation without an answer 204, unless told otherwise.
func op[In, Out any](method, pattern string, a access, summary string, fn func(*call, In) (Out, error)) route {
	rt := route{method: method, pattern: pattern, access: a, summary: summary, status: http.StatusOK,
		in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	_, empty := any(*new(Out)).(none)
	switch {
	case empty:
		rt.status = http.StatusNoContent
	case method == http.MethodPost:
		rt.status = http.StatusCreated
	}
	rt.run = answer(fn)
	return rt
}

// as gives the route another status of success.
func (rt route) as(status int) route {
	rt.status = status
	return rt
}

// unauthorized is how GitLab spells a role that is too low on some routes of
// tokens.
var unauthorized = fault.SignIn("")

// denying gives the route GitLab's own answer to a role that is too low.
func (rt route) denying(err error) route {
	rt.denial = err
	return rt
}

// failing names statuses of failures for the OpenAPI document that cannot be
// told from the rest of the row; a test finds those that are missing.
func (rt route) failing(status ...int) route {
	rt.fails = status
	return rt
}

// rotating marks a route that replaces a token by another.
func (rt route) rotating() route {
	rt.rotates = true
	return rt
}

// answer decodes, calls once, and encodes.
func answer[In, Out any](fn func(*call, In) (Out, error)) func(*call, int) error {
	noParams := reflect.TypeFor[In]().NumField() == 0
	return func(c *call, status int) error {
		var in In
		if !noParams {
			if err := httpx.DecodeParams(c.r, &in, paramLimit); err != nil {
				return err
			}
		}
		out, err := fn(c, in)
		if err != nil {
			return err
		}
		if status == http.StatusNoContent {
			c.w.WriteHeader(status)
			return nil
		}
		return httpx.WriteJSON(c.w, status, out)
	}
}

// file makes a route that moves bytes and answers by itself.
func file(method, pattern string, a access, summary string, status int, fn func(*call) error) route {
	return route{method: method, pattern: pattern, access: a, summary: summary, status: status, bytes: true,
		in: reflect.TypeFor[none](), out: reflect.TypeFor[none](), run: func(c *call, _ int) error { return fn(c) }}
}

// tagged groups routes in the OpenAPI document.
func tagged(tag string, routes ...route) []route {
	for i := range routes {
		routes[i].tag = tag
	}
	return routes
}

// table is the whole surface.
func (d *dialect) table() []route {
	var all []route
	for _, part := range [][]route{
		metaRoutes(), userRoutes(), tokenRoutes(), impersonationRoutes(), accessTokenRoutes(), deployTokenRoutes(), namespaceRoutes(), groupRoutes(), projectRoutes(), memberRoutes(),
		packageRoutes(), detailRoutes(), safetyRoutes(), uploadRoutes(), registryRoutes(), modelRoutes(), aliasRoutes(), versionRoutes(), archiveRoutes(), experimentRoutes(), csvRoutes(), runRoutes(), searchRoutes(), auditRoutes(),
	} {
		all = append(all, part...)
	}
	return all
}
