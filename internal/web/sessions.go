package web

import (
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type sessionsPage struct {
	frame
	Browsers []signedInRow
	Pager    pager
	Others   bool // there is something else to sign out
	Problem  string
}

// signedInRow is a browser session in words.
type signedInRow struct {
	registry.SignedIn
	What string
}

func showSessions(c *call) error { return c.sessions("", http.StatusOK) }

func (c *call) sessions(problem string, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	l, err := c.s.Browsers(c.ctx(), page)
	if err != nil {
		return err
	}
	p := &sessionsPage{frame: c.frame("Sessions"), Pager: c.keyPager(l.Next), Problem: problem}
	p.Section = "sessions"
	for _, b := range l.Items {
		p.Browsers = append(p.Browsers, signedInRow{b, agentName(b.Agent)})
		p.Others = p.Others || !b.This
	}
	return c.renderAs(status, "sessions", p)
}

func endSession(c *call) error {
	id, err := c.id("session", "session")
	if err != nil {
		return err
	}
	return c.sessionsEnded(c.s.EndBrowser(c.ctx(), id), "That browser is signed out.", c.above(2))
}

func endOtherSessions(c *call) error {
	n, err := c.s.EndOtherBrowsers(c.ctx())
	done := plural(n, "other browser") + " signed out."
	if n == 0 {
		done = "No other browser was signed in."
	}
	return c.sessionsEnded(err, done, c.above(1))
}

func (c *call) sessionsEnded(err error, done, to string) error {
	return c.answer(err, done, to, func(problem string) error { return c.sessions(problem, again) })
}

// agentPart is a word of a User-Agent and what people call that.
type agentPart struct{ mark, name string }

// Browsers pass themselves off as others, so that the marks of what is rarer come
// first: Edge also says Chrome, and Chrome also says Safari.
var (
	agents = []agentPart{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"Chrome/", "Chrome"}, {"CriOS/", "Chrome"}, {"Safari/", "Safari"}}
	systems = []agentPart{{"Android", "Android"}, {"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

func named(agent string, parts []agentPart) string {
	for _, p := range parts {
		if strings.Contains(agent, p.mark) {
			return p.name
		}
	}
	return ""
}

// agentName says in short words what a browser calls itself.
func agentName(agent string) string {
	name := named(agent, agents)
	if name == "" {
		name, _, _ = strings.Cut(agent, " ") // as in "curl/8.5.0"
		name, _, _ = strings.Cut(name, "/")
	}
	name = orElse(name, "Unknown browser")
	if on := named(agent, systems); on != "" {
		name += " on " + on
	}
	return name
}
