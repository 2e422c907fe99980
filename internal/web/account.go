package web

import (
	"net/http"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// accountRoutes are the pages about one's own account, at GitLab's addresses.
func accountRoutes() []route {
	const own, tokens, sessions = "/-/user_settings", "/-/user_settings/personal_access_tokens", "/-/user_settings/active_sessions"
	return []route{
		get(tokens, access{gate: signedIn}, showOwnTokens),
		post(tokens, access{gate: signedIn}, createOwnToken),
		post(tokens+"/{token}/rotate", access{gate: signedIn}, rotateOwnToken),
		post(tokens+"/{token}/revoke", access{gate: signedIn}, revokeOwnToken),
		get(own+"/profile", access{gate: signedIn}, showProfile),
		post(own+"/profile", access{gate: signedIn}, editProfile),
		get("/-/profile", access{gate: signedIn}, func(c *call) error { return c.goTo(own + "/profile") }),
		get(sessions, access{gate: signedIn}, showSessions),
		post(sessions+"/end_others", access{gate: signedIn}, endOtherSessions),
		post(sessions+"/{session}/end", access{gate: signedIn}, endSession),
		get(own+"/password/edit", access{gate: signedIn}, showPassword),
		post(own+"/password", access{gate: signedIn}, changePassword),
	}
}

func showOwnTokens(c *call) error {
	return c.ownTokens(&tokensPage{}, http.StatusOK)
}

func (c *call) ownTokens(p *tokensPage, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	q := registry.TokenQuery{Page: page, UserID: c.s.Actor().UserID, Impersonation: new(bool), Order: registry.Order{By: "id", Desc: true}}
	q.Active, p.Ended = c.activity()
	found, err := c.s.Tokens(c.ctx(), q)
	if err != nil {
		return err
	}
	for _, t := range found.Items {
		p.Tokens = append(p.Tokens, rowOf(t, time.Now()))
	}
	p.Given.propose(0, "api")
	p.frame, p.Pager, p.May = c.frame("Personal access tokens"), c.keyPager(found.Next), !c.s.Actor().Bot
	p.Section, p.Address = "personal", "/-/user_settings/personal_access_tokens"
	scopes := auth.PersonalScopes
	if !c.s.Actor().Admin {
		scopes &^= auth.ScopeSudo
	}
	p.Scopes = scopeChoices(scopes, p.Given.Scopes)
	return c.renderAs(status, "tokens", p)
}

func createOwnToken(c *call) error {
	f, expires, err := c.tokenForm()
	var made registry.NewToken
	if err == nil {
		made, err = c.s.CreateToken(c.ctx(), c.s.Actor().UserID, registry.TokenSpec{Name: f.Name, Description: f.Note, Scopes: f.Scopes, ExpiresAt: expires})
	}
	return c.shown(err, made.Secret, made.Name, f, c.ownTokens)
}

func rotateOwnToken(c *call) error {
	return c.rotate(c.ownTokens, func(id int64, expires time.Time) (secret, name string, err error) {
		made, err := c.s.RotateToken(c.ctx(), id, expires)
		return made.Secret, made.Name, err
	})
}

func revokeOwnToken(c *call) error {
	return c.revoke("The token is revoked.", c.above(2), func(id int64) error { return c.s.RevokeToken(c.ctx(), id) })
}

type profilePage struct {
	frame
	Account registry.User
	Problem string
}

func showProfile(c *call) error { return c.profile("", http.StatusOK) }

func (c *call) profile(problem string, status int) error {
	u, err := c.s.CurrentUser(c.ctx())
	if err != nil {
		return err
	}
	p := &profilePage{frame: c.frame("Profile"), Account: u, Problem: problem}
	if p.Section = "profile"; problem != "" {
		p.Account.Name, p.Account.Email = c.field("name"), c.field("email")
	}
	return c.renderAs(status, "profile", p)
}

func editProfile(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	name, email := c.field("name"), c.field("email")
	_, err := c.s.EditProfile(c.ctx(), &name, &email)
	return c.answer(err, "Saved.", c.here(), func(problem string) error { return c.profile(problem, again) })
}

type passwordPage struct {
	frame
	Problem string
}

func showPassword(c *call) error { return c.password("", http.StatusOK) }

func (c *call) password(problem string, status int) error {
	p := &passwordPage{frame: c.frame("Password"), Problem: problem}
	p.Section = "password"
	return c.renderAs(status, "password", p)
}

// changePassword gives the account another password. It is throttled as signing
// in is: a stolen browser shall not guess the old one.
func changePassword(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	name := c.s.Actor().Username
	if !c.d.throttle.allow(c.remoteIP(), name) {
		c.w.Header().Set("Retry-After", "60")
		return c.password("Too many attempts. Wait a minute, then try again.", http.StatusTooManyRequests)
	}
	next := c.r.PostFormValue("new_password")
	if next != c.r.PostFormValue("password_confirmation") {
		return c.password("The two new passwords differ. Type the same one twice.", again)
	}
	err := c.s.ChangePassword(c.ctx(), c.r.PostFormValue("password"), next)
	if e, is := fault.As(err); is && e.Kind == fault.Unauthenticated && e.Noun == "password" {
		return c.password("The present password is not right.", again)
	}
	return c.answer(err, "The password is changed. Sign in with the new one.", "/users/sign_in", func(problem string) error {
		return c.password(problem, again)
	})
}
