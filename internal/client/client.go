// Package client speaks to a Vitrine server from outside, in GitLab's dialect
// of REST, so that it works with a real GitLab wherever that has the same
// operation.
//
// Errors are those of package fault, with a kind taken from the status of the
// answer and a message for people. Requests that may be repeated are repeated
// when the connection breaks or the server is busy. Nothing here bounds the
// time of a whole transfer, only the time in which nothing moves.
package client

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Options say which server to speak to, and as whom.
type Options struct {
	URL   string // as ParseURL takes it
	Token string // empty: anonymous
	Job   bool   // Token is that of a CI job
	// HTTP sends the requests; nil gives one with bounded time to connect. Its
	// Timeout should be zero, for that would bound whole transfers.
	HTTP      *http.Client
	UserAgent string
	Idle      time.Duration // how long a transfer may stall; 0: a minute
	Backoff   time.Duration // pause before the first repetition; 0: half a second
	// ResumeFrom is the size, in bytes, from which files go as resumable
	// uploads; 0: 64 MiB.
	ResumeFrom int64
}

// Client speaks to one server as one user. It may be used by many goroutines.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
	// reached tells that the server has answered once: from then on a refused
	// connection means a restart, before that a mistyped address.
	reached atomic.Bool
	// plain tells that the server has no resumable uploads.
	plain  atomic.Bool
	gitlab gitlabFacts
}

const (
	defaultIdle    = time.Minute
	defaultBackoff = 500 * time.Millisecond
	apiPrefix      = "/api/v4"
)

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	text, err := ParseURL(o.URL)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	o.Idle = cmp.Or(o.Idle, defaultIdle)
	o.Backoff = cmp.Or(o.Backoff, defaultBackoff)
	o.ResumeFrom = cmp.Or(o.ResumeFrom, defaultResumeFrom)
	c := &Client{base: base, options: o, http: &http.Client{Transport: transport()}}
	if o.HTTP != nil {
		own := *o.HTTP // a copy, as the caller's redirects are not ours to change
		c.http = &own
	}
	c.http.CheckRedirect = c.redirect
	return c, nil
}

// URL is the address of the server in its one form.
func (c *Client) URL() string { return c.base.String() }

// Anonymous reports whether requests carry no credential.
func (c *Client) Anonymous() bool { return c.options.Token == "" }

// ParseURL brings the address of a server into one form: scheme and host, and
// the path below which a server lives, without "/" or "/api/v4" at the end.
// Without a scheme it is https, or http on this machine.
func ParseURL(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", &fault.Error{Kind: fault.Invalid, Noun: "server",
			Msg: "the address of a server is like https://models.example.org; " + why}
	}
	if s = strings.TrimSpace(s); s == "" {
		return bad("this one is empty")
	}
	if !strings.Contains(s, "://") {
		s = scheme(s) + "://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return bad("this one cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("this one begins with " + u.Scheme)
	case u.Hostname() == "":
		return bad("this one has no host")
	case u.User != nil:
		return bad("leave user and password out and give a token")
	case u.RawQuery != "" || u.Fragment != "":
		return bad("leave out what follows ? or #")
	}
	path := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), apiPrefix), "/")
	return (&url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: path}).String(), nil
}

// scheme guesses the scheme of an address without one.
func scheme(s string) string {
	host, _, _ := strings.Cut(s, "/")
	if Local(host) {
		return "http"
	}
	return "https"
}

// Local reports whether a host, with or without a port, is this machine.
func Local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

const (
	dialTimeout  = 15 * time.Second
	proceedDelay = 3 * time.Second // after this a body goes without being asked for
	connections  = 64              // kept open, more than anybody transfers at once
	socketBuffer = 256 << 10       // fewer, larger reads and writes than by default
)

// transport bounds the time to connect and keeps as many connections as there
// are parallel transfers. It does not ask for compression: models do not
// shrink, and ranges count plain bytes.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: proceedDelay,
		IdleConnTimeout:       time.Minute,
		MaxIdleConns:          connections,
		MaxIdleConnsPerHost:   connections,
		ReadBufferSize:        socketBuffer,
		WriteBufferSize:       socketBuffer,
		DisableCompression:    true,
	}
}

// authorize puts the credential where GitLab looks for it.
func (c *Client) authorize(h http.Header) {
	if c.options.Token != "" {
		h.Set(c.tokenHeader(), c.options.Token)
	}
}

// tokenHeader gives the header for the client's token. Those of jobs and
// machines have headers of their own, and begin in their own ways, in GitLab
// too (glcbt-, gldt-).
func (c *Client) tokenHeader() string {
	kind, _, _ := strings.Cut(c.options.Token, "-")
	switch {
	case c.options.Job, kind == "vtjob", kind == "glcbt":
		return jobHeader
	case kind == "vtdep", kind == "gldt":
		return deployHeader
	}
	return personalHeader
}

const (
	personalHeader = "Private-Token"
	jobHeader      = "Job-Token"
	deployHeader   = "Deploy-Token"
	maxHops        = 10
)

// redirect follows redirects of what only reads, and keeps the credential from
// other hosts. Go would turn a redirected PUT or DELETE into a GET, whose
// success says nothing.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet && first.Method != http.MethodHead {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: "the server redirects to " +
			req.URL.Scheme + "://" + req.URL.Host + "; use that address instead of " + c.URL()}
	}
	if len(via) >= maxHops {
		return &fault.Error{Kind: fault.Unsupported, Noun: "server", Msg: "the server redirects in circles"}
	}
	if !c.home(req.URL) {
		req.Header.Del(c.tokenHeader())
	}
	return nil
}

// home reports whether u is on the server itself, where http may have become
// https.
func (c *Client) home(u *url.URL) bool {
	if u.Scheme == c.base.Scheme {
		return strings.EqualFold(u.Host, c.base.Host)
	}
	return u.Scheme == "https" && strings.EqualFold(u.Hostname(), c.base.Hostname())
}
