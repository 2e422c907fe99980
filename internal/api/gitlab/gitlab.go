// Package gitlab speaks GitLab's REST API, version 4, for the part of GitLab
// that a model registry needs: accounts, groups, projects, members, tokens,
// and the files of models; and, in the same style, the models, versions, runs
// and experiments that GitLab itself offers by GraphQL and MLflow only.
//
// It owns spelling: addresses, field names, paging words, statuses. Every
// decision is the registry's. Each operation is one row of the route table,
// which names the permission that it needs; the OpenAPI document is made of
// the same rows.
package gitlab

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/formats"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
	"github.com/vitrine-ml/vitrine/internal/safety"
)

// Prefix begins every address of this dialect.
const Prefix = "/api/v4"

// Options configure the dialect.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	// URL is the external address, as "https://models.example.org"; empty:
	// that of each request.
	URL string
	// Safety looks into files; somebody has to run it.
	Safety   *safety.Scanner
	Version  string
	Revision string
}

// idle is how long a transfer may stall.
const idle = 90 * time.Second

// New makes the door.
func New(o Options) httpx.Mount {
	d := &dialect{Options: o, heads: formats.NewReader()}
	d.mux, d.files = httpx.NewRouter(d.unmatched), httpx.NewRouter(d.unmatched)
	d.routes = d.table()
	for _, rt := range d.routes {
		if rt.access == (access{}) {
			panic("gitlab: " + rt.method + " " + rt.pattern + " declares no permission")
		}
		d.muxOf(rt.pattern).Handle(rt.method, Prefix+rt.pattern, d.serve(rt))
	}
	d.mux.Seal()
	d.files.Seal()
	return httpx.Mount{
		Name:    "gitlab",
		Match:   func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, Prefix+"/") },
		Handler: http.HandlerFunc(d.dispatch),
	}
}

type dialect struct {
	Options
	mux    *httpx.Router
	files  *httpx.Router // addresses of files, see muxOf
	routes []route
	heads  *formats.Reader
}

// dispatch refuses the addresses that the mux would answer with a redirect to
// a cleaned form: a client that wrote "..", "." or an empty segment is told
// so, and nothing else is done in its name.
func (d *dialect) dispatch(w http.ResponseWriter, r *http.Request) {
	raw := r.URL.EscapedPath()
	if _, rest, ok := below(raw[len(Prefix):]); ok && strings.HasPrefix(rest, uploadsBelow) {
		r = overridden(r)
	}
	if !httpx.IsClean(r) {
		d.unclean(w, r, raw)
		return
	}
	d.muxOf(raw[len(Prefix):]).ServeHTTP(w, r)
}

// muxOf gives the mux for an address or pattern below the prefix. Files have
// their own: packages/{package_id}/package_files/{id} and
// packages/ml_models/{id}/files would clash in one.
func (d *dialect) muxOf(address string) *httpx.Router {
	if _, rest, ok := below(address); ok && fileAddress(rest) {
		return d.files
	}
	return d.mux
}

// below cuts an address into the project and what is below it.
func below(address string) (id, rest string, ok bool) {
	rest, ok = strings.CutPrefix(address, "/projects/")
	id, rest, _ = strings.Cut(rest, "/")
	return id, rest, ok
}

// preflight is the address of a pre-flight; a file may be named authorize, too.
var preflight = regexp.MustCompile(`^packages(/[^/]+){3}/.+` + authorizeSuffix + `$`)

func fileAddress(rest string) bool {
	return strings.HasPrefix(rest, "packages/ml_models/") || strings.HasPrefix(rest, "packages/generic/") || strings.HasPrefix(rest, uploadsBelow)
}

// unclean answers an address that is not in its shortest form: about files, to
// those who may ask, that the path is wrong.
func (d *dialect) unclean(w http.ResponseWriter, r *http.Request, raw string) {
	id, rest, ok := below(raw[len(Prefix):])
	ref, err := url.PathUnescape(id)
	if !ok || err != nil || !fileAddress(rest) {
		unknownRoute(w, r)
		return
	}
	perm := registry.PushFiles
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		perm = registry.PullFiles
	}
	r.SetPathValue("id", ref)
	d.serve(route{access: project(perm), run: func(c *call, _ int) error {
		if err := c.authorize(route{access: project(perm)}); err != nil {
			return err
		}
		return fault.Invalidf("file_name", "should be a valid file path")
	}}).ServeHTTP(w, r)
}

func unknownRoute(w http.ResponseWriter, _ *http.Request) {
	_ = httpx.WriteJSON(w, http.StatusNotFound, map[string]string{"error": "404 Not Found"})
}

// unmatched answers 405 when the address knows another method, else 404.
func (d *dialect) unmatched(w http.ResponseWriter, r *http.Request) {
	address := r.URL.EscapedPath()[len(Prefix):]
	allow := d.muxOf(address).Allowed(r)
	if _, rest, ok := below(address); ok && preflight.MatchString(rest) {
		allow = []string{http.MethodPut}
	}
	if allow == nil {
		unknownRoute(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	_ = httpx.WriteJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "405 Not Allowed"})
}

// serve wraps one operation: who calls, then the work, then the answer.
func (d *dialect) serve(rt route) http.Handler {
	h := httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if rt.tus {
			w.Header().Set("Tus-Resumable", tusVersion)
		}
		actor, err := d.Auth.Authenticate(r.Context(), credential.Of(r))
		if err != nil {
			return d.refuseCredential(r.Context(), rt, err)
		}
		s, err := d.session(r, actor)
		if err != nil {
			return err
		}
		c := &call{d: d, w: w, r: r, s: s}
		err = rt.run(c, rt.status)
		if fault.Is(err, fault.Invalid) {
			// Whoever may not do this at all is told that first, and learns
			// nothing about what is valid.
			if refused := c.authorize(rt); refusal(refused) {
				err = refused
			}
		}
		if e, ok := fault.As(err); ok && e.Kind == fault.Forbidden && e.Noun == "" && e.Msg == "" && rt.denial != nil {
			return rt.denial
		}
		return err
	}, d.failOf(rt))
	if rt.bytes || rt.tus {
		h = httpx.Chain(httpx.IdleBody(idle), httpx.IdleWrites(idle))(h)
	}
	return h
}

// session begins what an actor does, in the name of another user when the header
// Sudo or the parameter sudo wants that. The log tells of both.
func (d *dialect) session(r *http.Request, actor auth.Actor) (registry.Session, error) {
	s := d.Registry.AsExact(actor)
	if !actor.Anonymous() {
		httpx.SetUser(r.Context(), actor.Username)
	}
	who := r.Header.Get("Sudo")
	if strings.Contains(r.URL.RawQuery, sudoParam) {
		who = cmp.Or(r.URL.Query().Get(sudoParam), who)
	}
	if who == "" {
		return s, nil
	}
	s, err := s.Sudo(r.Context(), who)
	if err == nil {
		httpx.SetUser(r.Context(), actor.Username+" as "+s.Actor().Username)
	}
	return s, err
}

const sudoParam = "sudo"

// refuseCredential answers a credential that does not count. Who rotates with a
// secret that was rotated away has found or kept an old one: nobody knows who
// holds the new one, so all of its family end, as in GitLab.
func (d *dialect) refuseCredential(ctx context.Context, rt route, err error) error {
	e, ok := fault.As(err)
	if !ok || e.Noun != "revoked" || !rt.rotates {
		return err
	}
	id, perr := strconv.ParseInt(e.Name, 10, 64)
	if perr != nil {
		return err
	}
	d.Log.WarnContext(ctx, "a token that was revoked was used to rotate; what it was rotated to is revoked", "token_id", id)
	if rerr := d.Registry.As(auth.System()).RevokeReused(ctx, id); rerr != nil {
		return rerr
	}
	return err
}

// refusal reports whether an error says that the caller may not, rather than
// that the question failed.
func refusal(err error) bool {
	return fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound)
}

// authorize asks for the permission that a route declares. The request may have
// ended meanwhile, as one whose body was cut short.
func (c *call) authorize(rt route) error {
	ctx := context.WithoutCancel(c.ctx())
	a := rt.access
	switch a.gate {
	case anyone:
		if needOf(rt).Scopes == nil {
			return nil
		}
		return c.s.MayFind()
	case inProject:
		return c.s.May(ctx, c.project(), a.perm)
	case inGroup:
		return c.s.MayInGroup(ctx, c.groupRef(), a.role, a.scopes)
	}
	if err := c.s.MayAsAccount(accountScopes(rt), a.gate == adminOnly); err != nil {
		return err
	}
	if actor := c.s.Actor(); a.gate == ownOrAdmin && !actor.Admin && c.r.PathValue("user_id") != strconv.FormatInt(actor.UserID, 10) {
		return fault.Denied("", "")
	}
	return nil
}

// call is one request on its way.
type call struct {
	d *dialect
	w http.ResponseWriter
	r *http.Request
	s registry.Session
}

func (c *call) ctx() context.Context { return c.r.Context() }

// project gives the project that the address names.
func (c *call) project() registry.ProjectRef { return registry.ParseProjectRef(c.r.PathValue("id")) }

// id gives a number of the address; noun is for the NotFound error.
func (c *call) id(name, noun string) (int64, error) {
	return registry.ParseID(noun, c.r.PathValue(name))
}

// base gives the external address of the server, without a slash at its end.
func (c *call) base() string { return httpx.BaseURL(c.d.URL, c.r) }
