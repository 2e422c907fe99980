package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/credential"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The cookies: who is signed in, what to say on the next page, and how pages
// look.
const (
	sessionCookie = credential.Cookie
	flashCookie   = "vitrine_flash"
	themeCookie   = "vitrine_theme"
)

// signedInAs finds out who calls: a browser by its cookie, or a program with a
// token, as curl. A cookie that is no good any more is one of nobody.
func (c *call) signedInAs() error {
	cred := credential.Of(c.r)
	actor, err := c.d.Auth.Authenticate(c.ctx(), cred)
	if fault.Is(err, fault.Unauthenticated) && cred.Place == auth.CookiePlace {
		c.setCookie(sessionCookie, "", -1)
		err = nil
	}
	if err != nil {
		return err
	}
	if !actor.Anonymous() {
		httpx.SetUser(c.ctx(), actor.Username)
	}
	c.s = c.d.Registry.As(actor)
	return nil
}

// setCookie sets a cookie for a time; less than none removes it.
func (c *call) setCookie(name, value string, life time.Duration) {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	http.SetCookie(c.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: c.secure()})
}

func signInRoutes() []route {
	return []route{
		get("/users/sign_in", access{gate: anyone}, showSignIn),
		post("/users/sign_in", access{gate: anyone}, signIn),
		post("/users/sign_out", access{gate: signedIn}, signOut),
		post("/-/theme", access{gate: anyone}, setTheme),
	}
}

type signInPage struct {
	frame
	Login, Next, Problem string
}

func showSignIn(c *call) error {
	next := localPath(c.r.URL.Query().Get("next"))
	if !c.s.Actor().Anonymous() {
		return c.goTo(next)
	}
	return c.render("sign_in", &signInPage{frame: c.frame("Sign in"), Next: next})
}

func signIn(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := &signInPage{Login: strings.TrimSpace(c.r.PostFormValue("login")), Next: localPath(c.r.PostFormValue("next"))}
	refuse := func(status int, problem string) error {
		p.frame, p.Problem = c.frame("Sign in"), problem
		return c.renderAs(status, "sign_in", p)
	}
	if !c.d.throttle.allow(c.remoteIP(), p.Login) {
		c.w.Header().Set("Retry-After", "60")
		return refuse(http.StatusTooManyRequests, "Too many attempts. Wait a minute, then try again.")
	}
	k, err := c.s.SignIn(c.ctx(), p.Login, c.r.PostFormValue("password"),
		registry.Browser{Address: c.remoteIP(), Agent: c.r.UserAgent()})
	switch {
	case fault.Is(err, fault.Unauthenticated):
		c.d.Registry.Refused(registry.Refusal{Act: registry.UserRefused, Meant: p.Login, Address: c.remoteIP()})
		return refuse(http.StatusUnprocessableEntity, "The name or the password is not right.")
	case err != nil:
		return err
	}
	c.d.throttle.forget(c.remoteIP(), p.Login)
	c.setCookie(sessionCookie, k.Secret, time.Until(k.ExpiresAt))
	return c.goTo(p.Next)
}

func signOut(c *call) error {
	err := c.s.SignOut(c.ctx())
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		return err
	}
	c.setCookie(sessionCookie, "", -1)
	return c.goTo("/users/sign_in")
}

// themes are how pages may look; without one they look as the system does.
var themes = map[string]bool{"light": true, "dark": true}

func setTheme(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	if t := c.r.PostFormValue("theme"); themes[t] {
		c.setCookie(themeCookie, t, 365*24*time.Hour)
	} else {
		c.setCookie(themeCookie, "", -1)
	}
	return c.goTo(localPath(c.r.PostFormValue("next")))
}

// maxForm bounds the body of a form, in bytes: a model card fits.
const maxForm = 256 << 10

// form reads a form.
func (c *call) form() error {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxForm)
	if err := c.r.ParseForm(); err != nil {
		return fault.Invalidf("form", "cannot be read")
	}
	return nil
}

// goTo sends the browser to a page after a form has done its work.
func (c *call) goTo(path string) error {
	http.Redirect(c.w, c.r, path, http.StatusSeeOther)
	return nil
}

// flash keeps a sentence for the next page.
func (c *call) flash(text string) { c.setCookie(flashCookie, url.QueryEscape(text), time.Minute) }

// takeFlash gives the kept sentence, once.
func (c *call) takeFlash() string {
	k, err := c.r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	c.setCookie(flashCookie, "", -1)
	text, err := url.QueryUnescape(k.Value)
	if err != nil {
		return ""
	}
	return text
}

// localPath gives where a form leads to, if that is on this server, else home.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(s, "//") || strings.Contains(s, `\`) {
		return "/"
	}
	return u.RequestURI()
}
