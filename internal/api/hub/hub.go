// Package hub speaks the reading part of the Hugging Face Hub's API, so that
// huggingface_hub and what is built on it load models unchanged: with
// HF_ENDPOINT set to a project's address, /api/v4/projects/:id/ml/hub, and
// HF_TOKEN to a token of this server.
//
// A repository is a model of the project, by its name or by PROJECT/NAME with
// the last part of the project's path. A revision is a semantic version, an
// alias, "main" for the latest version, or the commit that an earlier answer
// told: see [registry.Commit].
//
// It owns spelling: addresses, fields, headers, error codes. Every decision is
// the registry's. What clients send and read was seen with huggingface_hub 2.4
// and read in its source (hf_api.py, file_download.py, errors.py).
package hub

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Options configure the dialect.
type Options struct {
	Registry *registry.Registry
	Auth     *auth.Authenticator
	Log      *slog.Logger
	// URL is the external address of the server; empty: as requests name it.
	URL string
}

// gate says what an operation needs; the registry enforces it, the table
// declares it, and a test compares the two for every role.
type gate struct {
	signedIn bool                // any account, or else
	perm     registry.Permission // this in the project
}

// operation is what an address of one kind answers.
type operation struct {
	methods string // "GET HEAD"
	gate    gate
	run     func(*call) error
}

func operations() map[verb]operation {
	reads := gate{perm: registry.PullFiles}
	return map[verb]operation{
		whoami:    {"GET", gate{signedIn: true}, whoAmI},
		list:      {"GET", gate{perm: registry.ReadModels}, listRepos},
		info:      {"GET HEAD", reads, showRepo},
		tree:      {"GET", reads, showTree},
		refs:      {"GET", reads, showRefs},
		pathsInfo: {"POST", reads, showPaths},
		resolve:   {"GET HEAD", reads, sendFile},
	}
}

type dialect struct {
	Options
	ops map[verb]operation
}

// New makes the door. It has to be asked before the GitLab dialect, which takes
// all that begins with /api/v4/.
func New(o Options) httpx.Mount {
	d := &dialect{Options: o, ops: operations()}
	serve := httpx.Handle(d.serve, d.fail)
	return httpx.Mount{Name: "hub", Match: func(r *http.Request) bool {
		_, _, ok := split(r)
		return ok
	}, Handler: httpx.Chain(httpx.IdleWrites(idle))(serve)}
}

// idle is how long a transfer may stall.
const idle = 90 * time.Second

const (
	projects = "/api/v4/projects/"
	below    = "ml/hub"
)

// endpoint is the address that HF_ENDPOINT has to be set to, below a server's.
func endpoint(project string) string { return projects + project + "/" + below }

// split takes the project off an address, and what follows the door's prefix.
func split(r *http.Request) (project, rest string, ok bool) {
	rest, ok = strings.CutPrefix(r.URL.EscapedPath(), projects)
	if !ok {
		return "", "", false
	}
	project, rest, _ = strings.Cut(rest, "/")
	rest, ok = strings.CutPrefix(rest, below)
	return project, rest, ok && (rest == "" || rest[0] == '/')
}

// call is one request on its way.
type call struct {
	d    *dialect
	w    http.ResponseWriter
	r    *http.Request
	s    registry.Session
	ref  registry.ProjectRef
	at   address
	base string // HF_ENDPOINT as the client has it
}

func (c *call) ctx() context.Context { return c.r.Context() }

func (d *dialect) serve(w http.ResponseWriter, r *http.Request) error {
	escaped, rest, _ := split(r)
	at, ok := parseAddress(rest)
	if !ok || !httpx.IsClean(r) {
		return d.unknown(r)
	}
	op := d.ops[at.verb]
	if !strings.Contains(" "+op.methods+" ", " "+r.Method+" ") {
		w.Header().Set("Allow", strings.ReplaceAll(op.methods, " ", ", "))
		return readOnly
	}
	actor, err := d.Auth.Authenticate(r.Context(), credential.Of(r))
	if err != nil {
		return err
	}
	if !actor.Anonymous() {
		httpx.SetUser(r.Context(), actor.Username)
	}
	project, err := unescape(escaped)
	if err != nil {
		return err
	}
	c := &call{d: d, w: w, r: r, s: d.Registry.As(actor), ref: registry.ParseProjectRef(project), at: at,
		base: httpx.BaseURL(d.URL, r) + endpoint(escaped)}
	return c.run(op)
}

// run does the work; whoever may not do it at all is told that before they
// learn what is there.
func (c *call) run(op operation) error {
	if op.gate.signedIn {
		if c.s.Actor().Anonymous() {
			return fault.SignIn("")
		}
		return op.run(c)
	}
	err := op.run(c)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		refused := c.s.May(context.WithoutCancel(c.ctx()), c.ref, op.gate.perm)
		if fault.Is(refused, fault.NotFound) && c.s.Actor().Anonymous() {
			return fault.SignIn("") // a client without a token has to be told to send one
		}
		if refused != nil {
			return refused
		}
	}
	return err
}

// unknown answers what no operation takes. Those that write have addresses of
// their own.
func (d *dialect) unknown(r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return readOnly
	}
	return &hubError{status: http.StatusNotFound, msg: "There is no " + r.Method + " " + r.URL.EscapedPath() + " here."}
}

// place finds the project of a request; a repository of another namespace is not
// in it.
func (c *call) place() (registry.Project, error) {
	p, err := c.s.ProjectFor(c.ctx(), c.ref, registry.PullFiles)
	if err == nil && c.at.namespace != "" && !strings.EqualFold(path.Base(p.FullPath), c.at.namespace) {
		err = fault.Missing("model", c.at.namespace+"/"+c.at.model)
	}
	return p, err
}

// model names the repository of a request.
func (c *call) model() (registry.ModelRef, error) {
	ref := registry.ModelRef{Name: c.at.model}
	if c.at.namespace == "" {
		return ref, nil
	}
	_, err := c.place()
	return ref, err
}

// mainBranch is the revision that clients ask for when nobody says one.
const mainBranch = "main"

// commit finds what the revision of a request is.
func (c *call) commit() (registry.Commit, error) {
	model, err := c.model()
	if err != nil {
		return registry.Commit{}, err
	}
	return c.commitOf(model)
}

func (c *call) commitOf(model registry.ModelRef) (registry.Commit, error) {
	which, id := revision(c.at.revision)
	return c.s.Commit(c.ctx(), c.ref, model, which, id)
}

// revision reads the name of a revision; id is that of a commit.
func revision(name string) (which registry.VersionRef, id string) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/")
	if name == "" || name == mainBranch {
		return registry.VersionRef{Alias: registry.Latest}, ""
	}
	if v, ok := registry.CommitVersion(name); ok {
		return registry.VersionRef{ID: v}, name
	}
	if _, err := registry.ParseSemver(name); err == nil {
		return registry.VersionRef{Semver: name}, ""
	}
	return registry.VersionRef{Alias: strings.TrimPrefix(name, "@")}, ""
}
