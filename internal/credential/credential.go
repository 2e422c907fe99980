// Package credential finds the secret that an HTTP request carries, in the
// places where GitLab's clients, and everybody else's, put it: PRIVATE-TOKEN,
// JOB-TOKEN, Deploy-Token, Authorization with Bearer or Basic (the token as
// password), and private_token, access_token and job_token in the query; last,
// the cookie of somebody who signed in at the pages. What the secret is worth is
// decided by auth.
package credential

import (
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
)

// Of finds the secret of a request; without one it is the zero Credential.
func Of(r *http.Request) auth.Credential {
	h := r.Header
	if t := h.Get("Private-Token"); t != "" {
		return auth.Credential{Secret: t, Place: auth.PersonalPlace}
	}
	if t := h.Get("Job-Token"); t != "" {
		return auth.Credential{Secret: t, Place: auth.JobPlace}
	}
	if t := h.Get("Deploy-Token"); t != "" {
		return auth.Credential{Secret: t, Place: auth.DeployPlace}
	}
	if a := h.Get("Authorization"); a != "" {
		if scheme, rest, ok := strings.Cut(a, " "); ok && strings.EqualFold(scheme, "Bearer") {
			return auth.Credential{Secret: strings.TrimSpace(rest)}
		}
		if user, password, ok := r.BasicAuth(); ok {
			c := auth.Credential{Secret: password}
			if user == "gitlab-ci-token" {
				c.Place = auth.JobPlace
			}
			return c
		}
	}
	if c := inQuery(r); c.Secret != "" {
		return c
	}
	return inCookie(r)
}

// inQuery finds a token in the query.
func inQuery(r *http.Request) auth.Credential {
	if !strings.Contains(r.URL.RawQuery, "_token=") {
		return auth.Credential{}
	}
	q := r.URL.Query()
	for _, name := range []string{"private_token", "access_token"} {
		if t := q.Get(name); t != "" {
			return auth.Credential{Secret: t, Place: auth.PersonalPlace}
		}
	}
	return auth.Credential{Secret: q.Get("job_token"), Place: auth.JobPlace}
}

// Cookie is the name of the cookie in which a browser carries its session.
const Cookie = "vitrine_session"

// inCookie finds the session of a browser, which sends it unasked: what changes
// something counts only when a page of this server sent it.
func inCookie(r *http.Request) auth.Credential {
	k, err := r.Cookie(Cookie)
	if err != nil || http.NewCrossOriginProtection().Check(r) != nil {
		return auth.Credential{}
	}
	return auth.Credential{Secret: k.Value, Place: auth.CookiePlace}
}
