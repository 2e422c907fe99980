// Package web is the application for people: pages made on the server, which
// work without JavaScript wherever that is possible, at the addresses that
// GitLab's own pages have.
//
// A page is a route in the table, a handler that asks the registry and fills a
// struct, and a template. Every route declares its permission, as in the other
// doors. The assets are embedded, carry the hash of their content in their
// address, and no page asks another host for anything.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/asset"
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/markdown"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// Options configure the pages.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	Prose    *markdown.Renderer // of model cards
	// URL is the external address, as "https://models.example.org"; empty:
	// that of each request.
	URL     string
	Version string
	// Safety looks into files; somebody has to run it.
	Safety *safety.Scanner
	// Workspace gives the project that MLflow's name of a workspace means.
	Workspace func(name string) registry.ProjectRef
	// Reference names a version of a project as OCI does; ok is false where it
	// cannot.
	Reference func(project string, v registry.Version) (ref string, ok bool)
	// Health tells how the server is; nil: nobody knows.
	Health func(context.Context) Health
	// Draining is closed when the server stops: streams end then, and browsers
	// come back to whoever serves next. Nil: never.
	Draining <-chan struct{}
}

// policy lets a page use what this server serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors 'none'"

// idle is how long a transfer may stall.
const idle = 90 * time.Second

// New makes the door. It takes whatever the doors before it did not.
func New(o Options) (httpx.Mount, error) {
	d := &door{Options: o, throttle: newThrottle(), prose: o.Prose, heads: newHeads(), streams: make(chan struct{}, maxStreams)}
	o.Safety.Beside(d.heads.beside)
	var err error
	if d.assets, err = loadAssets(); err != nil {
		return httpx.Mount{}, err
	}
	if d.pages, err = d.loadPages(); err != nil {
		return httpx.Mount{}, err
	}
	d.top, d.below, d.inGroups = httpx.NewRouter(d.unmatched), httpx.NewRouter(d.unmatched), httpx.NewRouter(d.unmatched)
	for _, rt := range d.table() {
		if rt.access == (access{}) {
			panic("web: " + rt.method + " " + rt.pattern + " declares no permission")
		}
		router := d.top
		switch rt.access.gate {
		case inProject:
			router = d.below
		case inGroup:
			router = d.inGroups
		}
		h := d.serve(rt)
		if rt.bytes {
			h = httpx.Chain(httpx.IdleBody(idle), httpx.IdleWrites(idle))(h)
		}
		router.Handle(rt.method, rt.pattern, h)
	}
	d.top.Seal()
	d.below.Seal()
	d.inGroups.Seal()
	guarded := http.NewCrossOriginProtection()
	guarded.SetDenyHandler(http.HandlerFunc(d.foreign))
	return httpx.Mount{Name: "web", Handler: guarded.Handler(http.HandlerFunc(d.dispatch))}, nil
}

type door struct {
	Options
	assets   *asset.Set
	pages    pages
	throttle *throttle
	prose    *markdown.Renderer
	heads    *heads
	streams  chan struct{} // one for each that is open
	// The pages of the server, of projects, and of groups.
	top, below, inGroups *httpx.Router
}

// placeKey is under what a request's context keeps the project or group whose
// page it asks for.
type placeKey struct{}

// whose is a project or group by its full path.
type whose struct {
	path    string
	inGroup bool
}

// base begins the addresses of its pages, as in "/root/default/-".
func (w whose) base() string {
	if w.inGroup {
		return groupPrefix + w.path + "/-"
	}
	return "/" + w.path + "/-"
}

const (
	// divider stands between the path of a project or group and the name of its
	// page.
	divider = "/-/"
	// groupPrefix begins the addresses of groups' pages, as GitLab's do.
	groupPrefix = "/groups/"
)

// dispatch finds out whether an address is that of a page of a project or group.
// Their paths have several segments, which no pattern of the mux can say.
func (d *door) dispatch(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	if !httpx.IsClean(r) {
		d.unmatched(w, r)
		return
	}
	of, page, ok := placeOf(r.URL.Path)
	if !ok || page == "/" && !d.isFree(r) {
		d.top.ServeHTTP(w, r)
		return
	}
	inner := r.WithContext(context.WithValue(r.Context(), placeKey{}, of))
	u := *r.URL
	u.Path, u.RawPath = page, ""
	inner.URL = &u
	if of.inGroup {
		d.inGroups.ServeHTTP(w, inner)
		return
	}
	d.below.ServeHTTP(w, inner)
}

// placeOf reads an address as that of a page of a project or group.
func placeOf(address string) (of whose, page string, ok bool) {
	path, page, divided := strings.Cut(address, divider)
	if page = "/" + page; !divided {
		path, page = strings.TrimSuffix(path, "/"), "/"
	}
	if of.path, of.inGroup = strings.CutPrefix(path, groupPrefix); !of.inGroup {
		of.path = strings.TrimPrefix(path, "/")
	}
	return of, page, of.path != ""
}

// isFree reports whether an address without a divider is no page of the server's
// own, and so that of a project or group.
func (d *door) isFree(r *http.Request) bool { return d.top.Allowed(r) == nil }

// call is one request on its way.
type call struct {
	d *door
	w http.ResponseWriter
	r *http.Request
	s registry.Session
	// ref or group is whose page it is.
	ref    registry.ProjectRef
	group  registry.NamespaceRef
	access access // of the route
}

func (c *call) ctx() context.Context { return c.r.Context() }

// id gives a number of the address; noun is for the NotFound error.
func (c *call) id(name, noun string) (int64, error) {
	return registry.ParseID(noun, c.r.PathValue(name))
}

// serve wraps one page: who calls, then the work, then the answer.
func (d *door) serve(rt route) http.Handler {
	return httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		c := &call{d: d, w: w, r: r, access: rt.access}
		if err := c.signedInAs(); err != nil {
			return err
		}
		if of, ok := r.Context().Value(placeKey{}).(whose); ok && of.inGroup {
			c.group = registry.NamespaceRef{Path: of.path, Kind: registry.GroupNamespace}
		} else if ok {
			c.ref = registry.ProjectRef{Path: of.path}
		}
		if rt.access.gate != inProject && rt.access.gate != inGroup {
			// The pages of a place pass the gate of the registry by themselves.
			if err := c.authorize(rt.access); err != nil {
				return err
			}
		}
		err := rt.run(c)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
			// Whoever may not do this at all is told that first.
			if refused := c.authorize(rt.access); refused != nil {
				return refused
			}
		}
		return err
	}, d.fail)
}

// authorize asks for the permission that a route declares.
func (c *call) authorize(a access) error {
	actor := c.s.Actor()
	switch {
	case a.gate == anyone:
		return nil
	case a.gate == inProject:
		return c.s.May(context.WithoutCancel(c.ctx()), c.ref, a.perm)
	case a.gate == inGroup:
		return c.s.MayInGroup(context.WithoutCancel(c.ctx()), c.group, a.role, groupScopes)
	case actor.Anonymous():
		return fault.SignIn("")
	case a.gate == adminOnly && !actor.Admin:
		return fault.Missing("page", c.r.URL.Path)
	}
	return nil
}

// secure reports whether the browser speaks to us over https.
func (c *call) secure() bool { return strings.HasPrefix(c.base(), "https://") }

// base gives the external address of the server, without a slash at its end.
func (c *call) base() string {
	if c.d.URL != "" {
		return strings.TrimSuffix(c.d.URL, "/")
	}
	if c.r.TLS != nil {
		return "https://" + c.r.Host
	}
	return "http://" + c.r.Host
}
