// Package oci speaks the reading half of the OCI distribution API, so that oras,
// crane and others fetch the versions of models.
//
// A name is the full path of a project and the name of one of its models; a tag
// is a semantic version, an alias, or "latest"; a version is an artifact whose
// layers are its files, under the digests that they have anyway: nothing is
// copied. There is no writing: versions come by the other doors.
//
// It owns spelling: addresses, manifests, tags, error codes. Every decision is
// the registry's. Wire facts are those of the distribution specification 1.1
// (spec.md) and the image specification 1.1 (manifest.md, annotations.md), both
// of opencontainers.
package oci

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Prefix is the address of this dialect.
const Prefix = "/v2/"

// Options configure the dialect.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	// URL is the external address, as "https://models.example.org". It goes into
	// manifests; empty: these do not tell the page of their version. What a
	// request names would make another manifest for every name of the server.
	URL string
}

// New makes the door.
func New(o Options) httpx.Mount {
	d := &dialect{Options: o}
	for what, rt := range routes {
		if rt.access == (access{}) {
			panic("oci: " + string(what) + " declares no permission")
		}
	}
	return httpx.Mount{Name: "oci", Match: matches, Handler: http.HandlerFunc(d.dispatch)}
}

type dialect struct{ Options }

func matches(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, Prefix) || r.URL.Path+"/" == Prefix
}

// idle is how long a transfer may stall.
const idle = 90 * time.Second

// dispatch finds the route of a request. Whether its address is one at all is no
// secret, and told to everybody.
func (d *dialect) dispatch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	at, err := find(r)
	rt := routes[at.what]
	h := httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if err != nil {
			return err
		}
		return d.serve(w, r, rt, at)
	}, d.fail)
	if rt.bytes {
		h = httpx.IdleWrites(idle)(h)
	}
	h.ServeHTTP(w, r)
}

// noPush is what those who write are told.
const noPush = "This registry does not take pushes by OCI. Push with `vitrine push FILE… GROUP/PROJECT/MODEL:1.0.0`, " +
	"or with GitLab's API: PUT /api/v4/projects/:id/packages/ml_models/:version_id/files/:path"

// find reads where a request goes.
func find(r *http.Request) (address, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return address{}, &fault.Error{Kind: fault.Unsupported, Noun: "push", Msg: noPush}
	}
	at, ok := parseAddress(r.URL.EscapedPath())
	if !ok {
		return address{}, &fault.Error{Kind: fault.NotFound, Noun: "address", Msg: "There is no " + r.URL.EscapedPath() + " here."}
	}
	if at.what == ping {
		return at, nil
	}
	return at, checkName(at.name)
}

// serve runs one operation: who calls, then the work.
func (d *dialect) serve(w http.ResponseWriter, r *http.Request, rt route, at address) error {
	actor, err := d.Auth.Authenticate(r.Context(), credential.Of(r))
	if err != nil {
		return err
	}
	if actor.Anonymous() && rt.access.gate == signedIn {
		return fault.SignIn("")
	}
	if !actor.Anonymous() {
		httpx.SetUser(r.Context(), actor.Username)
	}
	c := &call{d: d, w: w, r: r, at: at, s: d.Registry.As(actor)}
	err = rt.run(c)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		// Whoever may not do this at all is told that first.
		if refused := c.authorize(rt.access); refused != nil {
			return refused
		}
	}
	return err
}

// authorize asks for the permission that a route declares. Somebody without a
// token is asked for one where there may be something to see: clients send
// theirs only when they are told to.
func (c *call) authorize(a access) error {
	if a.gate != inProject {
		return nil
	}
	err := c.s.May(c.ctx(), c.project(), a.perm)
	if c.s.Actor().Anonymous() && fault.Is(err, fault.NotFound) {
		return fault.SignIn("")
	}
	return err
}

// call is one request on its way.
type call struct {
	d  *dialect
	w  http.ResponseWriter
	r  *http.Request
	s  registry.Session
	at address
}

func (c *call) ctx() context.Context { return c.r.Context() }

// project and model are what the name in the address means.
func (c *call) project() registry.ProjectRef {
	path, _ := splitName(c.at.name)
	return registry.ProjectRef{Path: path}
}

func (c *call) model() registry.ModelRef {
	_, name := splitName(c.at.name)
	return registry.ModelRef{Name: name, AnyCase: true}
}
