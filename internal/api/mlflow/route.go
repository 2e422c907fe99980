package mlflow

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// gate says what kind of permission an operation needs; the registry enforces
// it, this table declares it, and a test compares the two for every role.
type gate uint8

const (
	_         gate = iota
	anyone         // no account needed
	signedIn       // any account
	inProject      // a permission in the project
)

// access is the declared permission of a route.
type access struct {
	gate gate
	perm registry.Permission // for inProject
}

func project(p registry.Permission) access { return access{gate: inProject, perm: p} }

// idle is how long a transfer may stall.
const idle = 90 * time.Second

// route is one operation, at both doors and below all prefixes.
type route struct {
	method string
	api    string // "2.0" or "3.0"; empty: the path is the whole address, at the root; bare: at GitLab's door
	path   string // below the API's version, as "/mlflow/runs/get"
	access access
	bytes  bool // moves a file
	run    func(*call) error
}

// v2 makes a route below /api/2.0 of a function from a message to its answer.
func v2[In, Out any](method, path string, a access, fn func(*call, In) (Out, error)) route {
	return route{method: method, api: "2.0", path: path, access: a, run: answer(fn)}
}

// v3 makes one below /api/3.0.
func v3[In, Out any](method, path string, a access, fn func(*call, In) (Out, error)) route {
	rt := v2(method, path, a, fn)
	rt.api = "3.0"
	return rt
}

// atGitLab gives a route another operation at GitLab's door.
func (rt route) atGitLab(run func(*call) error) route {
	root := rt.run
	rt.run = func(c *call) error {
		if c.door == atGitLab {
			return run(c)
		}
		return root(c)
	}
	return rt
}

// unknownWithout says of a route that a parameter which is missing names a thing
// that there is not, at GitLab's door; MLflow misses the parameter.
func (rt route) unknownWithout(field, noun string) route {
	run := rt.run
	rt.run = func(c *call) error {
		err := run(c)
		if c.door == atGitLab && isMissing(err, field) {
			return fault.Missing(noun, "")
		}
		return err
	}
	return rt
}

// plain makes a route that reads and answers by itself; api is empty for those
// that have another address than the rest.
func plain(method, api, path string, a access, fn func(*call) error) route {
	return route{method: method, api: api, path: path, access: a, run: fn}
}

// withBytes marks a route that moves a file.
func (rt route) withBytes() route {
	rt.bytes = true
	return rt
}

// address is one place where a route answers.
type address struct {
	pattern string
	door    flavour
}

// bare says that a path follows GitLab's prefix without the version of an API.
const bare = "bare"

func (rt route) addresses() []address {
	switch rt.api {
	case "":
		return []address{{rt.path, atRoot}}
	case bare:
		return []address{{gitlabPrefix + rt.path, atGitLab}}
	}
	var all []address
	for _, p := range []string{apiPrefix, ajaxPrefix} {
		all = append(all, address{p + rt.api + rt.path, atRoot}, address{gitlabPrefix + p + rt.api + rt.path, atGitLab})
	}
	return all
}

// table is the whole surface.
func (d *dialect) table() []route {
	var all []route
	for _, part := range [][]route{metaRoutes(), workspaceRoutes(), experimentRoutes(), runRoutes(), runLogRoutes(), historyRoutes(), inputRoutes(), modelRoutes(), versionRoutes(),
		artifactRoutes(), partRoutes(), signedRoutes(), loggedModelRoutes(), traceRoutes(), oldTraceRoutes(), assessmentRoutes(), evalRoutes(), pagesRoutes()} {
		all = append(all, part...)
	}
	return all
}

// none is the message, or the answer, of operations that have nothing to tell.
type none struct{}

// answer decodes, calls once, and encodes.
func answer[In, Out any](fn func(*call, In) (Out, error)) func(*call) error {
	noParams := len(planOf(reflect.TypeFor[In]())) == 0
	return func(c *call) error {
		var in In
		if !noParams {
			if err := decode(c.r, c.door, &in); err != nil {
				return err
			}
		}
		out, err := fn(c, in)
		if err != nil {
			return err
		}
		return c.send(out)
	}
}

// call is one request on its way.
type call struct {
	d         *dialect
	w         http.ResponseWriter
	r         *http.Request
	s         registry.Session
	door      flavour
	ref       registry.ProjectRef
	workspace string
}

// send answers with a message.
func (c *call) send(out any) error { return httpx.WriteJSON(c.w, http.StatusOK, out) }

func (c *call) ctx() context.Context { return c.r.Context() }
