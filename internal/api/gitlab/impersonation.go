package gitlab

import (
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// impersonationJSON has the fields of GitLab's entity ImpersonationToken.
type impersonationJSON struct {
	tokenJSON
	Impersonation bool `json:"impersonation"`
}

func impersonationWire(t auth.Token) impersonationJSON {
	return impersonationJSON{tokenWire(t), t.Impersonation}
}

// impersonationRoutes are GitLab's (doc/api/user_tokens.md).
func impersonationRoutes() []route {
	all := "/users/{user_id}/impersonation_tokens"
	one := all + "/{token_id}"
	admins := access{gate: adminOnly}
	return tagged("Impersonation tokens",
		op("GET", all, admins, "List the tokens with which administrators act as a user", listImpersonation),
		op("POST", all, admins, "Create a token with which to act as a user", createImpersonation),
		op("GET", one, admins, "Get an impersonation token", getImpersonation),
		op("DELETE", one, admins, "Revoke an impersonation token", revokeImpersonation),
	)
}

type impersonationFilter struct {
	paging
	State string `param:"state" doc:"all (unless told), active or inactive."`
}

func listImpersonation(c *call, in impersonationFilter) ([]impersonationJSON, error) {
	if in.State == "all" {
		in.State = ""
	}
	q, err := tokenFilter{paging: in.paging, State: in.State}.query()
	if err != nil {
		return nil, err
	}
	user, err := c.id("user_id", "user")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, impersonationWire)(c.s.ImpersonationTokens(c.ctx(), user, q))
}

func createImpersonation(c *call, in newToken) (impersonationJSON, error) {
	user, err := c.id("user_id", "user")
	if err != nil {
		return impersonationJSON{}, err
	}
	t, err := c.s.CreateImpersonationToken(c.ctx(), user, in.spec())
	return newImpersonationWire(t), err
}

func newImpersonationWire(t registry.NewToken) impersonationJSON {
	out := impersonationWire(t.Token)
	out.Token = t.Secret
	return out
}

// impersonated reads the user and the token of the address.
func (c *call) impersonated() (user, token int64, err error) {
	if user, err = c.id("user_id", "user"); err != nil {
		return 0, 0, err
	}
	token, err = c.id("token_id", "impersonation token")
	return user, token, err
}

func getImpersonation(c *call, _ none) (impersonationJSON, error) {
	user, token, err := c.impersonated()
	if err != nil {
		return impersonationJSON{}, err
	}
	t, err := c.s.ImpersonationToken(c.ctx(), user, token)
	return impersonationWire(t), err
}

func revokeImpersonation(c *call, _ none) (none, error) {
	user, token, err := c.impersonated()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.RevokeImpersonationToken(c.ctx(), user, token)
}
