package gitlab

import (
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type tokenJSON struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Revoked     bool     `json:"revoked"`
	CreatedAt   stamp    `json:"created_at"`
	Description text     `json:"description"`
	Scopes      []string `json:"scopes"`
	UserID      int64    `json:"user_id"`
	LastUsedAt  stamp    `json:"last_used_at"`
	Active      bool     `json:"active"`
	ExpiresAt   date     `json:"expires_at"`
	Token       string   `json:"token,omitempty"`
}

func tokenWire(t auth.Token) tokenJSON {
	return tokenJSON{ID: t.ID, Name: t.Name, Revoked: !t.RevokedAt.IsZero(), CreatedAt: stamp(t.CreatedAt), Description: text(t.Description),
		Scopes: t.Scopes.Names(), UserID: t.UserID, LastUsedAt: stamp(t.LastUsedAt), Active: t.Active(time.Now()), ExpiresAt: date(t.ExpiresAt)}
}

func newTokenWire(t registry.NewToken) tokenJSON {
	out := tokenWire(t.Token)
	out.Token = t.Secret
	return out
}

func tokenRoutes() []route {
	pats, one := "/personal_access_tokens", "/personal_access_tokens/{token_id}"
	return tagged("Tokens",
		op("GET", pats, access{gate: signedIn}, "List personal access tokens", listTokens).denying(unauthorized),
		op("GET", one, access{gate: tokenOwner}, "Get a token; \"self\" is the one that calls", getToken).denying(unauthorized),
		op("DELETE", one, access{gate: tokenOwner}, "Revoke a token; \"self\" is the one that calls", revokeToken).denying(fault.Missing("token", "")),
		op("POST", one+"/rotate", access{gate: tokenOwner}, "Revoke a token and make a new one like it", rotateToken).
			as(http.StatusOK).denying(unauthorized).rotating(),
		op("GET", "/users/{user_id}/personal_access_tokens", access{gate: ownOrAdmin}, "List the tokens of a user", listUserTokens),
		op("POST", "/users/{user_id}/personal_access_tokens", access{gate: ownOrAdmin}, "Create a token for a user", createUserToken),
		op("POST", "/user/personal_access_tokens", access{gate: signedIn}, "Create a token for the user who calls", createOwnToken),
		op("POST", "/projects/{id}/job_tokens", access{gate: adminOnly}, "Create a token for a CI job", createJobToken),
	)
}

// tokenFilter narrows lists of tokens, as GitLab's does.
type tokenFilter struct {
	paging
	Search        string     `param:"search" doc:"Part of the name."`
	State         string     `param:"state" doc:"active or inactive."`
	Revoked       *bool      `param:"revoked"`
	CreatedAfter  *time.Time `param:"created_after"`
	CreatedBefore *time.Time `param:"created_before"`
	UsedAfter     *time.Time `param:"last_used_after"`
	UsedBefore    *time.Time `param:"last_used_before"`
	ExpiresAfter  *time.Time `param:"expires_after"`
	ExpiresBefore *time.Time `param:"expires_before"`
	Sort          string     `param:"sort" doc:"As created_asc, created_desc, expires_asc, expires_desc, last_used_asc, last_used_desc, name_asc, name_desc."`
}

type userTokenFilter struct {
	tokenFilter
	UserID int64 `param:"user_id"`
}

// tokenOrders are GitLab's words for the order of tokens.
var tokenOrders = map[string]string{"": "id", "created": "created_at", "expires": "expires_at", "last_used": "last_used_at", "name": "name"}

func (in tokenFilter) query() (registry.TokenQuery, error) {
	p, err := in.page()
	if err != nil {
		return registry.TokenQuery{}, err
	}
	q := registry.TokenQuery{Page: p, Search: in.Search, Revoked: in.Revoked, Created: span(in.CreatedAfter, in.CreatedBefore),
		Used: span(in.UsedAfter, in.UsedBefore), Expires: span(in.ExpiresAfter, in.ExpiresBefore)}
	by, desc := strings.CutSuffix(in.Sort, "_desc")
	by = strings.TrimSuffix(by, "_asc")
	name, ok := tokenOrders[by]
	if !ok {
		return q, badParam("sort", "does not have a valid value")
	}
	q.Order = registry.Order{By: name, Desc: desc}
	switch active := in.State == "active"; in.State {
	case "":
	case "active", "inactive":
		q.Active = &active
	default:
		return q, badParam("state", "does not have a valid value")
	}
	return q, nil
}

func span(after, before *time.Time) registry.Span {
	return registry.Span{After: orNever(after), Before: orNever(before)}
}

func listTokens(c *call, in userTokenFilter) ([]tokenJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.UserID = in.UserID
	return listed(c, in.paging, tokenWire)(c.s.Tokens(c.ctx(), q))
}

func listUserTokens(c *call, in tokenFilter) ([]tokenJSON, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return nil, err
	}
	return listTokens(c, userTokenFilter{in, id})
}

// self is the word for the token that calls.
const self = "self"

func getToken(c *call, _ none) (tokenJSON, error) {
	if c.r.PathValue("token_id") == self {
		t, err := c.s.CurrentToken(c.ctx())
		return tokenWire(t), err
	}
	id, err := c.id("token_id", "token")
	if err != nil {
		return tokenJSON{}, c.vague(err)
	}
	t, err := c.s.Token(c.ctx(), id)
	return tokenWire(t), c.vague(err)
}

// tokenID reads the id of a token, or takes the caller's own.
func (c *call) tokenID() (int64, error) {
	if c.r.PathValue("token_id") != self {
		return c.id("token_id", "token")
	}
	t, err := c.s.CurrentToken(c.ctx())
	return t.ID, err
}

func revokeToken(c *call, _ none) (none, error) {
	id, err := c.tokenID()
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.RevokeToken(c.ctx(), id)
}

type rotation struct {
	ExpiresAt *time.Time `param:"expires_at" doc:"Day of expiry; a week from now unless told."`
}

func rotateToken(c *call, in rotation) (tokenJSON, error) {
	id, err := c.tokenID()
	if err != nil {
		return tokenJSON{}, c.vague(err)
	}
	t, err := c.s.RotateToken(c.ctx(), id, orNever(in.ExpiresAt))
	return newTokenWire(t), c.vague(err)
}

func orNever(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

type newToken struct {
	Name        string     `param:"name,required"`
	Description string     `param:"description"`
	Scopes      []string   `param:"scopes,required,commas" doc:"A list, or one text with commas."`
	ExpiresAt   *time.Time `param:"expires_at" doc:"Day of expiry; never unless told."`
}

func createOwnToken(c *call, in newToken) (tokenJSON, error) {
	return c.createToken(c.s.Actor().UserID, in)
}

func createUserToken(c *call, in newToken) (tokenJSON, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return tokenJSON{}, err
	}
	return c.createToken(id, in)
}

func (in newToken) spec() registry.TokenSpec {
	return registry.TokenSpec{Name: in.Name, Description: in.Description, Scopes: in.Scopes, ExpiresAt: orNever(in.ExpiresAt)}
}

func (c *call) createToken(userID int64, in newToken) (tokenJSON, error) {
	t, err := c.s.CreateToken(c.ctx(), userID, in.spec())
	return newTokenWire(t), err
}

type newJobToken struct {
	UserID    int64 `param:"user_id,required" doc:"The user that the token acts as."`
	JobID     int64 `param:"job_id" doc:"The CI job that the token is for."`
	ExpiresIn int64 `param:"expires_in" doc:"Seconds; an hour unless told, a week at most."`
}

type jobTokenJSON struct {
	Token     string `json:"token"`
	ExpiresAt stamp  `json:"expires_at"`
}

func createJobToken(c *call, in newJobToken) (jobTokenJSON, error) {
	// A week in seconds fits any integer; more is refused by the registry.
	life := time.Duration(min(max(in.ExpiresIn, -1), 1<<30)) * time.Second
	t, err := c.s.CreateJobToken(c.ctx(), c.project(), registry.JobTokenSpec{UserID: in.UserID, JobID: in.JobID, Life: life})
	return jobTokenJSON{Token: t.Secret, ExpiresAt: stamp(t.ExpiresAt)}, err
}
