package web

import (
	"net/http"
	"net/url"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
)

type problemPage struct {
	frame
	Status  int
	Heading string
	Text    string
	Request string // id, for the one who asks the administrator
}

// fail is the one place where an error becomes a page.
func (d *door) fail(w http.ResponseWriter, r *http.Request, err error) {
	c := &call{d: d, w: w, r: r, s: d.Registry.As(anonymous)}
	if serr := c.signedInAs(); serr != nil {
		c.s = d.Registry.As(anonymous)
	}
	p := problemOf(err)
	// Who has not signed in is asked to: what is hidden may be theirs.
	if c.s.Actor().Anonymous() && (p.Status == http.StatusNotFound || p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden) &&
		r.Method == http.MethodGet {
		next := c.frame("").Path
		http.Redirect(w, r, "/users/sign_in?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	httpx.LogError(d.Log, r, err, p.Status)
	p.frame, p.Request = c.frame(p.Heading), httpx.RequestIDFrom(r.Context())
	if rerr := c.renderAs(p.Status, "problem", &p); rerr != nil {
		httpx.LogError(d.Log, r, rerr, p.Status)
	}
}

// problemOf says what happened and what to do.
func problemOf(err error) problemPage {
	e, ok := fault.As(err)
	if !ok {
		return problemPage{Status: http.StatusInternalServerError, Heading: "Something broke here", Text: "It is not your fault. Try again; if it stays, give the request id below to whoever runs this server."}
	}
	switch e.Kind {
	case fault.Invalid, fault.Conflict:
		return problemPage{Status: http.StatusBadRequest, Heading: "That cannot be done", Text: sentence(e)}
	case fault.Unauthenticated:
		return problemPage{Status: http.StatusUnauthorized, Heading: "Sign in first", Text: "This needs an account."}
	case fault.Forbidden:
		return problemPage{Status: http.StatusForbidden, Heading: "You may not do that", Text: orElse(sentence(e), "Ask a maintainer of the project for a higher role.")}
	case fault.NotFound:
		return problemPage{Status: http.StatusNotFound, Heading: "Nothing is here", Text: "The address may be wrong, the thing may have been deleted, or you may not be allowed to see it."}
	case fault.TooLarge:
		return problemPage{Status: http.StatusRequestEntityTooLarge, Heading: "That is too large", Text: sentence(e)}
	case fault.Busy:
		return problemPage{Status: http.StatusServiceUnavailable, Heading: "The server is busy", Text: "Try again in a moment."}
	case fault.Full:
		return problemPage{Status: http.StatusInsufficientStorage, Heading: "The disk is full", Text: "Nothing was stored. Ask whoever runs this server for room."}
	}
	return problemPage{Status: http.StatusInternalServerError, Heading: "Something broke here", Text: "Try again; if it stays, give the request id below to whoever runs this server."}
}

// sentence joins what an error is about with what it says.
func sentence(e *fault.Error) string {
	if e.Field == "" {
		return e.Msg
	}
	return upperFirst(e.Field) + " " + e.Msg
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// unmatched answers what no route takes.
func (d *door) unmatched(w http.ResponseWriter, r *http.Request) {
	d.fail(w, r, fault.Missing("page", r.URL.Path))
}

// foreign answers a form that another site sent.
func (d *door) foreign(w http.ResponseWriter, r *http.Request) {
	d.fail(w, r, fault.Denied("", "This form came from another site, so nothing was done."))
}
