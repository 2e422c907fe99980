package credential

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/auth"
)

func TestOf(t *testing.T) {
	browser := map[string]string{"Cookie": Cookie + "=s"}
	with := func(extra map[string]string) map[string]string {
		out := map[string]string{"Cookie": browser["Cookie"]}
		for k, v := range extra {
			out[k] = v
		}
		return out
	}
	for name, c := range map[string]struct {
		method, target string
		headers        map[string]string
		want           auth.Credential
	}{
		"nothing":            {want: auth.Credential{}},
		"private token":      {headers: map[string]string{"PRIVATE-TOKEN": "t"}, want: auth.Credential{Secret: "t", Place: auth.PersonalPlace}},
		"job token":          {headers: map[string]string{"JOB-TOKEN": "t"}, want: auth.Credential{Secret: "t", Place: auth.JobPlace}},
		"deploy token":       {headers: map[string]string{"Deploy-Token": "t"}, want: auth.Credential{Secret: "t", Place: auth.DeployPlace}},
		"bearer":             {headers: map[string]string{"Authorization": "bearer t"}, want: auth.Credential{Secret: "t"}},
		"basic":              {headers: map[string]string{"Authorization": "Basic dTp0"}, want: auth.Credential{Secret: "t"}},
		"query":              {target: "/?private_token=t", want: auth.Credential{Secret: "t", Place: auth.PersonalPlace}},
		"job token in query": {target: "/?job_token=t", want: auth.Credential{Secret: "t", Place: auth.JobPlace}},
		"browser":            {headers: browser, want: auth.Credential{Secret: "s", Place: auth.CookiePlace}},
		"token and browser":  {headers: with(map[string]string{"PRIVATE-TOKEN": "t"}), want: auth.Credential{Secret: "t", Place: auth.PersonalPlace}},
		"own page changes":   {method: http.MethodPut, headers: with(map[string]string{"Sec-Fetch-Site": "same-origin"}), want: auth.Credential{Secret: "s", Place: auth.CookiePlace}},
		"other page changes": {method: http.MethodPut, headers: with(map[string]string{"Sec-Fetch-Site": "cross-site"}), want: auth.Credential{}},
		"other origin":       {method: http.MethodPost, headers: with(map[string]string{"Origin": "https://evil.example"}), want: auth.Credential{}},
	} {
		if c.method == "" {
			c.method = http.MethodGet
		}
		if c.target == "" {
			c.target = "/"
		}
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, nil)
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		if got := Of(r); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
