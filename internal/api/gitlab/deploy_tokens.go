package gitlab

import (
	"net/http"
	"time"

	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// deployTokenJSON has the fields of GitLab's entity DeployToken.
type deployTokenJSON struct {
	ID        int64    `json:"id"`
	Name      string   `json:"name"`
	Username  string   `json:"username"`
	ExpiresAt stamp    `json:"expires_at"`
	Scopes    []string `json:"scopes"`
	Revoked   bool     `json:"revoked"`
	Expired   bool     `json:"expired"`
	Token     string   `json:"token,omitempty"`
}

func deployTokenWire(d registry.DeployToken) deployTokenJSON {
	return deployTokenJSON{ID: d.ID, Name: d.Name, Username: d.Username, ExpiresAt: stamp(d.ExpiresAt), Scopes: d.Scopes.Names(), Expired: d.Expired(time.Now())}
}

func deployTokenRoutes() []route {
	out := []route{op("GET", "/deploy_tokens", access{gate: adminOnly}, "List all deploy tokens", listAllDeployTokens)}
	for _, in := range []struct {
		kind         string
		place        placeOf
		read, change access
	}{
		{"project", projectPlace, project(registry.ReadTokens), project(registry.ManageTokens)},
		{"group", groupPlace, groupReading(registry.Maintainer), group(registry.Owner)},
	} {
		t := deployTokens{in.place}
		all := "/" + in.kind + "s/{id}/deploy_tokens"
		one := all + "/{token_id}"
		out = append(out,
			op("GET", all, in.read, "List the deploy tokens of a "+in.kind, t.list),
			op("POST", all, in.change, "Create a deploy token of a "+in.kind, t.create),
			op("GET", one, in.read, "Get a deploy token of a "+in.kind, t.get).failing(http.StatusBadRequest),
			op("DELETE", one, in.change, "Delete a deploy token of a "+in.kind, t.remove),
		)
	}
	return tagged("Deploy tokens", out...)
}

type deployTokenFilter struct {
	paging
	Active bool `param:"active" doc:"Only those that have not expired."`
}

func (in deployTokenFilter) query() (registry.DeployTokenQuery, error) {
	p, err := in.page()
	return registry.DeployTokenQuery{Page: p, Active: in.Active}, err
}

func listAllDeployTokens(c *call, in deployTokenFilter) ([]deployTokenJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, deployTokenWire)(c.s.AllDeployTokens(c.ctx(), q))
}

// deployTokens are the operations on the deploy tokens of one kind of place.
type deployTokens struct{ place placeOf }

func (t deployTokens) list(c *call, in deployTokenFilter) ([]deployTokenJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, deployTokenWire)(c.s.DeployTokens(c.ctx(), t.place(c), q))
}

// id reads the number in the address; GitLab finds a malformed one invalid.
func (t deployTokens) id(c *call) (int64, error) {
	id, err := c.id("token_id", "deploy token")
	if err != nil {
		err = badParam("token_id", httpx.MsgInvalid)
	}
	return id, err
}

func (t deployTokens) get(c *call, _ none) (deployTokenJSON, error) {
	id, err := t.id(c)
	if err != nil {
		return deployTokenJSON{}, err
	}
	d, err := c.s.DeployToken(c.ctx(), t.place(c), id)
	return deployTokenWire(d), err
}

type newDeployToken struct {
	Name      string     `param:"name,required"`
	Scopes    []string   `param:"scopes,required,commas" doc:"A list, or one text with commas. read_package_registry means read_model_registry, and write_package_registry means write_model_registry; what has to do with Git, images and proxies opens nothing here."`
	Username  string     `param:"username" doc:"For HTTP Basic; gitlab+deploy-token-N unless told."`
	ExpiresAt *time.Time `param:"expires_at" doc:"Never unless told."`
}

func (t deployTokens) create(c *call, in newDeployToken) (deployTokenJSON, error) {
	d, err := c.s.CreateDeployToken(c.ctx(), t.place(c), registry.DeployTokenSpec{Name: in.Name, Username: in.Username, Scopes: in.Scopes, ExpiresAt: orNever(in.ExpiresAt)})
	out := deployTokenWire(d.DeployToken)
	out.Token = d.Secret
	return out, err
}

func (t deployTokens) remove(c *call, _ none) (none, error) {
	id, err := t.id(c)
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteDeployToken(c.ctx(), t.place(c), id)
}
