package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// placeTokenRoutes are the pages about the tokens of a project or group, at
// GitLab's addresses.
func placeTokenRoutes() []route {
	var all []route
	for _, in := range []struct{ access, deploys, change access }{
		{project(registry.ReadTokens), project(registry.ReadTokens), project(registry.ManageTokens)},
		{group(registry.Owner), group(registry.Maintainer), group(registry.Owner)},
	} {
		all = append(all,
			get("/settings/access_tokens", in.access, showAccessTokens),
			post("/settings/access_tokens", in.change, createAccessToken),
			post("/settings/access_tokens/{token}/rotate", in.change, rotateAccessToken),
			post("/settings/access_tokens/{token}/revoke", in.change, revokeAccessToken),
			get("/settings/repository", in.deploys, showDeployTokens),
			post("/settings/repository/deploy_tokens", in.change, createDeployToken),
			post("/settings/repository/deploy_tokens/{token}/revoke", in.change, revokeDeployToken))
	}
	return all
}

// tokensPage is a list of tokens of one sort, with the form for another one.
type tokensPage struct {
	frame
	Tokens  []tokenRow
	Pager   pager
	Ended   bool // shows those that work no more
	May     bool // make, rotate and revoke
	Address string
	Scopes  []choice
	Roles   []choice // of access tokens
	Given   tokenForm
	Problem string
	// Made is a secret, shown this once.
	Made, MadeFor string
}

// Sort tells what tokens they are: "personal", "access" or "deploy".
func (p *tokensPage) Sort() string { return p.Section }

// tokenRow is a token of any sort.
type tokenRow struct {
	ID                            int64
	Name, Username, Note          string
	Scopes                        []string
	Role                          registry.Role
	Created, Expires, Used, Ended time.Time
	State                         string
}

func rowOf(t auth.Token, now time.Time) tokenRow {
	r := tokenRow{ID: t.ID, Name: t.Name, Note: t.Description, Scopes: t.Scopes.Names(), Created: t.CreatedAt, Expires: t.ExpiresAt,
		Used: t.LastUsedAt, Ended: t.RevokedAt, State: "active"}
	switch {
	case !t.RevokedAt.IsZero():
		r.State = "revoked"
	case t.Expired(now):
		r.State = "expired"
	}
	return r
}

// tokenForm is what the form for a token says.
type tokenForm struct {
	Name, Note, Username, Expires string
	Scopes                        []string
	Role                          registry.Role
}

// defaultLife is the end that the form for a token proposes.
const defaultLife = 90 * 24 * time.Hour

// propose fills a form in which nothing was given yet.
func (f *tokenForm) propose(role registry.Role, scope string) {
	if f.Name == "" && f.Scopes == nil {
		*f = tokenForm{Expires: day(time.Now().Add(defaultLife)), Scopes: []string{scope}, Role: role}
	}
}

// tokenForm reads the form for a token.
func (c *call) tokenForm() (f tokenForm, expires time.Time, err error) {
	if err = c.form(); err != nil {
		return f, expires, err
	}
	f = tokenForm{Name: c.field("name"), Note: c.field("description"), Username: c.field("username"), Expires: c.field("expires_at"),
		Scopes: c.r.PostForm["scopes"], Role: registry.Role(atoi(c.field("role")))}
	expires, err = c.end()
	return f, expires, err
}

// scopeTexts say what a scope opens; those that open nothing here are not
// offered.
var scopeTexts = map[string]string{
	"api":                    "Everything that its owner may do",
	"read_api":               "Read everything that its owner may read",
	"read_user":              "Read its owner's name and address",
	"read_model_registry":    "Read models, versions, runs and their files",
	"write_model_registry":   "Read and write models, versions, runs and their files",
	"self_rotate":            "Replace itself by a new token",
	"sudo":                   "Act as any user, with the API",
	"read_package_registry":  "Read packages, which models are, too",
	"write_package_registry": "Read and write packages, which models are, too",
}

// scopeChoices offers those scopes of the allowed that open something.
func scopeChoices(allowed auth.Scopes, chosen []string) []choice {
	var out []choice
	for _, name := range allowed.Names() {
		if text := scopeTexts[name]; text != "" {
			out = append(out, choice{name, text, slices.Contains(chosen, name)})
		}
	}
	return out
}

// activity reads which tokens are wanted: those that work, or those that do not.
func (c *call) activity() (active *bool, ended bool) {
	ended = c.r.URL.Query().Get("state") == "inactive"
	active = new(bool)
	*active = !ended
	return active, ended
}

func showAccessTokens(c *call) error {
	return c.accessTokens(&tokensPage{}, http.StatusOK)
}

func (c *call) accessTokens(p *tokensPage, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	q := registry.TokenQuery{Page: page, Order: registry.Order{By: "id", Desc: true}}
	q.Active, p.Ended = c.activity()
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		found, err := s.AccessTokens(c.ctx(), c.place(), q)
		if err != nil {
			return err
		}
		for _, t := range found.Items {
			r := rowOf(t.Token, time.Now())
			r.Role = t.Role
			p.Tokens = append(p.Tokens, r)
		}
		p.Pager = c.keyPager(found.Next)
		p.frame, err = c.placeFrame(s, "access", "Access tokens")
		return err
	})
	if err != nil {
		return err
	}
	p.Given.propose(registry.Developer, "write_model_registry")
	p.May, p.Address = !c.s.Actor().Bot, p.Base+"/settings/access_tokens"
	p.Scopes, p.Roles = scopeChoices(auth.BotScopes, p.Given.Scopes), roleChoices(p.Given.Role)
	return c.renderAs(status, "tokens", p)
}

func createAccessToken(c *call) error {
	f, expires, err := c.tokenForm()
	var made registry.NewAccessToken
	if err == nil {
		made, err = c.s.CreateAccessToken(c.ctx(), c.place(), registry.AccessTokenSpec{Role: f.Role,
			TokenSpec: registry.TokenSpec{Name: f.Name, Description: f.Note, Scopes: f.Scopes, ExpiresAt: expires}})
	}
	return c.shown(err, made.Secret, made.Name, f, c.accessTokens)
}

func rotateAccessToken(c *call) error {
	return c.rotate(c.accessTokens, func(id int64, expires time.Time) (secret, name string, err error) {
		made, err := c.s.RotateAccessToken(c.ctx(), c.place(), id, expires)
		return made.Secret, made.Name, err
	})
}

// rotate replaces the token of the address, and shows the new one's secret.
func (c *call) rotate(page func(*tokensPage, int) error, act func(id int64, expires time.Time) (secret, name string, err error)) error {
	id, err := c.id("token", "token")
	if err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	var secret, name string
	expires, err := c.end()
	if err == nil {
		secret, name, err = act(id, expires)
	}
	return c.shown(err, secret, name, tokenForm{}, page)
}

// shown ends a form that makes a secret: the page that answers it is the only
// one that shows it, as nothing keeps it.
func (c *call) shown(err error, secret, name string, given tokenForm, page func(*tokensPage, int) error) error {
	if err == nil {
		return page(&tokensPage{Made: secret, MadeFor: name}, http.StatusOK)
	}
	return c.answer(err, "", "", func(problem string) error { return page(&tokensPage{Problem: problem, Given: given}, again) })
}

func revokeAccessToken(c *call) error {
	return c.revoke("The token is revoked.", c.above(2), func(id int64) error { return c.s.RevokeAccessToken(c.ctx(), c.place(), id) })
}

// revoke ends the token of the address, and goes on to a page that says so.
func (c *call) revoke(done, to string, act func(id int64) error) error {
	id, err := c.id("token", "token")
	if err != nil {
		return err
	}
	if err := act(id); err != nil {
		return err
	}
	c.flash(done)
	return c.goTo(to)
}

func showDeployTokens(c *call) error {
	return c.deployTokens(&tokensPage{}, http.StatusOK)
}

func (c *call) deployTokens(p *tokensPage, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		found, err := s.DeployTokens(c.ctx(), c.place(), registry.DeployTokenQuery{Page: page})
		if err != nil {
			return err
		}
		for _, t := range found.Items {
			r := tokenRow{ID: t.ID, Name: t.Name, Username: t.Username, Scopes: t.Scopes.Names(), Created: t.CreatedAt,
				Expires: t.ExpiresAt, Used: t.LastUsedAt, State: "active"}
			if t.Expired(time.Now()) {
				r.State = "expired"
			}
			p.Tokens = append(p.Tokens, r)
		}
		p.Pager = c.keyPager(found.Next)
		if p.frame, err = c.placeFrame(s, "deploy", "Deploy tokens"); err != nil {
			return err
		}
		p.May = p.Project != nil || p.Manages
		return nil
	})
	if err != nil {
		return err
	}
	p.Given.propose(0, "read_package_registry")
	p.Address, p.Scopes = p.Base+"/settings/repository/deploy_tokens", scopeChoices(auth.DeployScopes, p.Given.Scopes)
	return c.renderAs(status, "tokens", p)
}

func createDeployToken(c *call) error {
	f, expires, err := c.tokenForm()
	var made registry.NewDeployToken
	if err == nil {
		made, err = c.s.CreateDeployToken(c.ctx(), c.place(), registry.DeployTokenSpec{Name: f.Name, Username: f.Username,
			Scopes: f.Scopes, ExpiresAt: expires})
	}
	return c.shown(err, made.Secret, made.Name, f, c.deployTokens)
}

func revokeDeployToken(c *call) error {
	return c.revoke("The deploy token is revoked.", c.above(3), func(id int64) error { return c.s.DeleteDeployToken(c.ctx(), c.place(), id) })
}
