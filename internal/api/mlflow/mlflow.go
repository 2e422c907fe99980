// Package mlflow speaks MLflow's REST API, so that MLflow's own clients work
// unchanged with no more than MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN.
//
// It has two doors of one table of routes. At the root (/api/2.0/mlflow…) the
// project is the one that the header X-MLFLOW-WORKSPACE names, else the first
// one of the server; there MLflow's own answers are given. Below
// /api/v4/projects/:id/ml/mlflow, GitLab's address, the project is that of the
// address, and GitLab's answers win where the two differ.
//
// It owns spelling: addresses, field names, the grammar of filters, messages,
// error codes. Every decision is the registry's. Behaviour was read off the
// mlflow package, version 3.17.2, and off its server; GitLab's off its request
// specs.
package mlflow

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Version is the MLflow whose API this is, as /version tells it.
const Version = "3.17.2"

// Options configure the dialect.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	// URL is the external address of the server; empty: as requests name it.
	URL string
}

// flavour tells by which door a request came, where the answers differ.
type flavour uint8

const (
	atRoot   flavour = iota
	atGitLab         // below /api/v4/projects/:id/ml/mlflow
)

// The project at the root when no header names one, and its workspace.
const (
	defaultProject   = "root/default"
	defaultWorkspace = "default"
)

// workspaceHeader names the project at the root: MLflow's clients send it when
// MLFLOW_WORKSPACE is set.
const workspaceHeader = "X-MLFLOW-WORKSPACE"

const (
	gitlabPrefix = "/api/v4/projects/{id}/ml/mlflow"
	// Clients of the web page use the second one for the same endpoints.
	apiPrefix  = "/api/"
	ajaxPrefix = "/ajax-api/"
)

// New makes the doors. It has to be asked before the GitLab dialect, which
// takes all that begins with /api/v4/.
func New(o Options) httpx.Mount {
	d := &dialect{Options: o}
	d.mux = httpx.NewRouter(d.unmatched)
	for _, rt := range d.table() {
		if rt.access == (access{}) {
			panic("mlflow: " + rt.method + " " + rt.path + " declares no permission")
		}
		for _, a := range rt.addresses() {
			d.mux.Handle(rt.method, a.pattern, d.serve(rt, a.door))
		}
	}
	d.mux.Seal()
	return httpx.Mount{Name: "mlflow", Match: matches, Handler: http.HandlerFunc(d.dispatch)}
}

type dialect struct {
	Options
	mux *httpx.Router
}

// matches takes what is below one of the prefixes, known or not, and the few
// addresses that MLflow has outside of them.
func matches(r *http.Request) bool {
	p := withoutSlashes(r.URL.EscapedPath())
	for _, prefix := range []string{"/api/2.0/", "/api/3.0/", "/ajax-api/2.0/", "/ajax-api/3.0/"} {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	return p == "/version" || p == spansAddress || p == pagesAddress || p == "/get-artifact" || p == "/model-versions/get-artifact" || gitlabDoor(p)
}

// gitlabDoor reports whether an address is below GitLab's one for MLflow.
func gitlabDoor(p string) bool {
	rest, ok := strings.CutPrefix(p, "/api/v4/projects/")
	_, rest, _ = strings.Cut(rest, "/")
	return ok && strings.HasPrefix(rest, "ml/mlflow/")
}

// withoutSlashes drops those that a client has too many before a path.
func withoutSlashes(p string) string { return "/" + strings.TrimLeft(p, "/") }

func (d *dialect) dispatch(w http.ResponseWriter, r *http.Request) {
	if to := withoutSlashes(r.URL.EscapedPath()); to != r.URL.EscapedPath() {
		// A tracking URI that ends in one; MLflow's server sends clients on, too.
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, to, http.StatusPermanentRedirect)
		return
	}
	if !httpx.IsClean(r) {
		if strings.Contains(r.URL.EscapedPath(), "/mlflow-artifacts/") {
			d.fail(w, r, atRoot, invalid("Invalid path")) // as MLflow says it of what climbs
			return
		}
		d.unmatched(w, r)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// unmatched answers what no route takes. MLflow's own server sends a page of
// HTML, which its clients read as ENDPOINT_NOT_FOUND.
func (d *dialect) unmatched(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	if allow := d.mux.Allowed(r); allow != nil && httpx.IsClean(r) {
		status = http.StatusMethodNotAllowed
		w.Header().Set("Allow", strings.Join(allow, ", "))
	}
	if err := httpx.WriteJSON(w, status, errorJSON(endpointNotFound, "There is no "+r.Method+" "+r.URL.EscapedPath()+" here.")); err != nil {
		httpx.LogError(d.Log, r, err, status)
	}
}

// serve wraps one operation: who calls, then the work, then the answer.
func (d *dialect) serve(rt route, door flavour) http.Handler {
	h := httpx.Handle(func(w http.ResponseWriter, r *http.Request) error {
		actor, home, err := d.caller(r, rt)
		if err != nil {
			return err
		}
		if !actor.Anonymous() {
			httpx.SetUser(r.Context(), actor.Username)
		}
		c := &call{d: d, w: w, r: r, door: door}
		c.s = d.Registry.As(actor).Under(c.rules())
		c.ref, c.workspace = place(r, door)
		if home != "" {
			c.ref = registry.ParseProjectRef(home)
		}
		return c.serve(rt)
	}, func(w http.ResponseWriter, r *http.Request, err error) { d.fail(w, r, door, err) })
	if rt.bytes {
		h = httpx.Chain(httpx.IdleBody(idle), httpx.IdleWrites(idle))(h)
	}
	return h
}

// caller tells who calls. A signed address of a file carries that, and the
// project, by itself; see signed.
func (d *dialect) caller(r *http.Request, rt route) (actor auth.Actor, home string, err error) {
	if rt.bytes && strings.Contains(r.URL.RawQuery, ticketParam+"=") {
		return d.Auth.AuthenticateTicket(r.Context(), r.URL.Query().Get(ticketParam), signedRequest(r.Method, r.URL.Path))
	}
	actor, err = d.Auth.Authenticate(r.Context(), credential.Of(r))
	return actor, "", err
}

// place gives the project that a request means, and the workspace that its
// answers name.
func place(r *http.Request, door flavour) (registry.ProjectRef, string) {
	if door == atGitLab {
		return registry.ParseProjectRef(r.PathValue("id")), defaultWorkspace
	}
	return workspace(strings.TrimSpace(r.Header.Get(workspaceHeader)))
}

// serve runs an operation behind what both doors say about those who may not.
func (c *call) serve(rt route) error {
	anonymous := c.s.Actor().Anonymous()
	if anonymous && (rt.access.gate == signedIn || c.door == atGitLab && rt.access.gate == inProject) {
		return fault.SignIn("") // at GitLab's door also of public projects
	}
	err := rt.run(c)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		// Whoever may not do this at all is told that first, and learns
		// nothing about what is valid or there.
		if refused := c.authorize(rt.access); refusal(refused) {
			err = refused
		}
	}
	if e, ok := fault.As(err); ok && c.door == atGitLab && e.Kind == fault.Forbidden && e.Noun == "" {
		return fault.SignIn("role") // as GitLab has it
	}
	return err
}

// authorize asks for the permission that a route declares. The request may have
// ended meanwhile, as one whose body was cut short.
func (c *call) authorize(a access) error {
	if a.gate != inProject {
		return nil
	}
	err := c.s.May(context.WithoutCancel(c.ctx()), c.ref, a.perm)
	if c.s.Actor().Anonymous() && fault.Is(err, fault.NotFound) {
		// At the root nobody chose the project by its name: there is nothing
		// to hide, and a client without a token has to be told to send one.
		return fault.SignIn("")
	}
	return err
}

// refusal reports whether an error says that the caller may not, rather than
// that the question failed.
func refusal(err error) bool {
	return fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound)
}
