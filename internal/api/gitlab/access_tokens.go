package gitlab

import (
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// accessTokenJSON is an access token of a project or group, with the fields of
// GitLab's entity ResourceAccessToken.
type accessTokenJSON struct {
	tokenJSON
	AccessLevel  registry.Role `json:"access_level"`
	ResourceType string        `json:"resource_type"`
	ResourceID   int64         `json:"resource_id"`
}

func accessTokenWire(t registry.AccessToken) accessTokenJSON {
	out := accessTokenJSON{tokenJSON: tokenWire(t.Token), AccessLevel: t.Role, ResourceType: "project", ResourceID: t.ProjectID}
	if t.ProjectID == 0 {
		out.ResourceType, out.ResourceID = "group", t.GroupID
	}
	return out
}

func newAccessTokenWire(t registry.NewAccessToken) accessTokenJSON {
	out := accessTokenWire(t.AccessToken)
	out.Token = t.Secret
	return out
}

// accessTokenRoutes has the same routes below a project and below a group. How
// a role that is too low is refused is GitLab's choice for each of them
// (lib/api/resource_access_tokens.rb and its request specs).
func accessTokenRoutes() []route {
	var out []route
	for _, in := range []struct {
		kind         string
		place        placeOf
		read, change access
	}{
		{"project", projectPlace, project(registry.ReadTokens), project(registry.ManageTokens)},
		{"group", groupPlace, groupReading(registry.Owner), group(registry.Owner)},
	} {
		a := accessTokens{in.place}
		all := "/" + in.kind + "s/{id}/access_tokens"
		one := all + "/{token_id}"
		mayNot := &fault.Error{Kind: fault.Invalid, Noun: "token", Msg: "User does not have permission to create " + in.kind + " access token"}
		mayNotEnd := &fault.Error{Kind: fault.Invalid, Noun: "token", Msg: "User does not have permission to delete " + in.kind + " access token"}
		out = append(out, tagged("Access tokens",
			op("GET", all, in.read, "List the access tokens of a "+in.kind, a.list).denying(unauthorized),
			op("POST", all, in.change, "Create an access token of a "+in.kind+", which acts as a bot", a.create).denying(mayNot),
			op("GET", one, in.read, "Get an access token of a "+in.kind, a.get).denying(unauthorized),
			op("DELETE", one, in.change, "Revoke an access token of a "+in.kind, a.revoke).denying(mayNotEnd),
			op("POST", one+"/rotate", in.change, "Revoke an access token of a "+in.kind+" and make a new one like it", a.rotate).
				as(http.StatusOK).denying(unauthorized).rotating(),
			op("POST", all+"/self/rotate", access{gate: signedIn}, "Rotate the access token of the "+in.kind+" that calls", a.rotateSelf).
				as(http.StatusOK).denying(unauthorized).rotating().failing(http.StatusMethodNotAllowed),
		)...)
	}
	return out
}

// accessTokens are the operations on the access tokens of one kind of place.
type accessTokens struct{ place placeOf }

func (a accessTokens) list(c *call, in tokenFilter) ([]accessTokenJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, accessTokenWire)(c.s.AccessTokens(c.ctx(), a.place(c), q))
}

func (a accessTokens) get(c *call, _ none) (accessTokenJSON, error) {
	id, err := c.id("token_id", "token")
	if err != nil {
		return accessTokenJSON{}, err
	}
	t, err := c.s.AccessToken(c.ctx(), a.place(c), id)
	return accessTokenWire(t), err
}

type newAccessToken struct {
	newToken
	AccessLevel *int64 `param:"access_level" doc:"10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer (unless told), 50 owner; not above the caller's own."`
}

func (a accessTokens) create(c *call, in newAccessToken) (accessTokenJSON, error) {
	role := registry.Maintainer
	if in.AccessLevel != nil {
		var err error
		if role, err = registry.ParseRole(*in.AccessLevel); err != nil {
			return accessTokenJSON{}, err
		}
	}
	t, err := c.s.CreateAccessToken(c.ctx(), a.place(c), registry.AccessTokenSpec{TokenSpec: in.spec(), Role: role})
	return newAccessTokenWire(t), err
}

func (a accessTokens) rotate(c *call, in rotation) (accessTokenJSON, error) {
	id, err := c.id("token_id", "token")
	if err != nil {
		return accessTokenJSON{}, c.vague(err)
	}
	t, err := c.s.RotateAccessToken(c.ctx(), a.place(c), id, orNever(in.ExpiresAt))
	return newAccessTokenWire(t), c.vague(err)
}

// vague hides from all but administrators whether there is a token, as GitLab
// does where tokens are looked at and rotated.
func (c *call) vague(err error) error {
	if e, ok := fault.As(err); ok && e.Kind == fault.NotFound && e.Noun != "project" && e.Noun != "group" && !c.s.Actor().Admin {
		return fault.SignIn("")
	}
	return err
}

func (a accessTokens) rotateSelf(c *call, in rotation) (accessTokenJSON, error) {
	t, err := c.s.RotateOwnAccessToken(c.ctx(), a.place(c), orNever(in.ExpiresAt))
	return newAccessTokenWire(t), c.vague(err)
}

func (a accessTokens) revoke(c *call, _ none) (none, error) {
	id, err := c.id("token_id", "token")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.RevokeAccessToken(c.ctx(), a.place(c), id)
}
