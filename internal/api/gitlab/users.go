package gitlab

import (
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type versionJSON struct {
	Version    string `json:"version"`
	Revision   string `json:"revision"`
	Enterprise bool   `json:"enterprise"`
}

func metaRoutes() []route {
	rs := tagged("Metadata",
		op("GET", "/version", access{gate: signedIn}, "Version of the server", getVersion),
		op("GET", "/metadata", access{gate: signedIn}, "Version of the server", getVersion),
		op("GET", "/openapi.json", access{gate: anyone}, "This description, as OpenAPI 3.1", getOpenAPI),
	)
	return rs
}

func getVersion(c *call, _ none) (versionJSON, error) {
	if _, err := c.s.CurrentUser(c.ctx()); err != nil {
		return versionJSON{}, err
	}
	return versionJSON{Version: c.d.Version, Revision: c.d.Revision}, nil
}

// userJSON is a user as others see it; Email and what follows show to
// administrators and to the user only.
type userJSON struct {
	ID             int64   `json:"id"`
	Username       string  `json:"username"`
	Name           string  `json:"name"`
	State          string  `json:"state"`
	Locked         bool    `json:"locked"`
	AvatarURL      *string `json:"avatar_url"`
	WebURL         string  `json:"web_url"`
	CreatedAt      *stamp  `json:"created_at,omitempty"`
	Bio            *string `json:"bio,omitempty"`
	Bot            *bool   `json:"bot,omitempty"`
	PublicEmail    *string `json:"public_email,omitempty"`
	Email          *string `json:"email,omitempty"`
	CommitEmail    *string `json:"commit_email,omitempty"`
	IsAdmin        *bool   `json:"is_admin,omitempty"`
	LastActivityOn *date   `json:"last_activity_on,omitempty"`
	NamespaceID    *int64  `json:"namespace_id,omitempty"`
	CanCreateGroup *bool   `json:"can_create_group,omitempty"`
	CanCreateProj  *bool   `json:"can_create_project,omitempty"`
	External       *bool   `json:"external,omitempty"`
	TwoFactor      *bool   `json:"two_factor_enabled,omitempty"`
	ConfirmedAt    *stamp  `json:"confirmed_at,omitempty"`
}

func state(blocked bool) string {
	if blocked {
		return "blocked"
	}
	return "active"
}

func (c *call) user(u registry.User) userJSON {
	yes, no, empty := true, false, ""
	created := stamp(u.CreatedAt)
	out := userJSON{ID: u.ID, Username: u.Username, Name: u.Name, State: state(u.Blocked), WebURL: c.base() + "/" + u.Username,
		CreatedAt: &created, Bio: &empty, Bot: &no, PublicEmail: &empty}
	if a := c.s.Actor(); a.Admin || a.UserID == u.ID {
		seen := date(u.LastActivity)
		out.Email, out.CommitEmail, out.IsAdmin, out.LastActivityOn, out.NamespaceID = &u.Email, &u.Email, &u.Admin, &seen, &u.NamespaceID
		out.CanCreateGroup, out.CanCreateProj, out.External, out.TwoFactor, out.ConfirmedAt = &yes, &yes, &no, &no, &created
	}
	return out
}

// userRefJSON is a user inside other things.
type userRefJSON struct {
	ID        int64   `json:"id"`
	Username  string  `json:"username"`
	Name      string  `json:"name"`
	State     string  `json:"state"`
	AvatarURL *string `json:"avatar_url"`
	WebURL    string  `json:"web_url"`
}

// author gives null for what nobody known has made.
func (c *call) author(u registry.UserRef) *userRefJSON {
	if u.ID == 0 || u.Username == "" {
		return nil
	}
	return &userRefJSON{ID: u.ID, Username: u.Username, Name: u.Name, State: state(u.Blocked), WebURL: c.base() + "/" + u.Username}
}

func userRoutes() []route {
	id := "/users/{user_id}"
	return tagged("Users",
		op("GET", "/user", access{gate: signedIn}, "The user who calls", currentUser),
		op("GET", "/users", access{gate: signedIn}, "List users", listUsers),
		op("POST", "/users", access{gate: adminOnly}, "Create a user", createUser),
		op("GET", id, access{gate: signedIn}, "Get a user", getUser),
		op("PUT", id, access{gate: adminOnly}, "Change a user", editUser),
		op("DELETE", id, access{gate: adminOnly}, "Delete a user who owns no projects", deleteUser),
		op("POST", id+"/block", access{gate: adminOnly}, "Block a user", blockUser(true)),
		op("POST", id+"/unblock", access{gate: adminOnly}, "Let a blocked user in again", blockUser(false)),
	)
}

func currentUser(c *call, _ none) (userJSON, error) {
	u, err := c.s.CurrentUser(c.ctx())
	return c.user(u), err
}

type userFilter struct {
	partial
	Username string `param:"username" doc:"Exact username, without case."`
	Search   string `param:"search" doc:"Part of the username, name or email."`
	Active   bool   `param:"active"`
	Blocked  bool   `param:"blocked"`
	Admins   bool   `param:"admins"`
}

func listUsers(c *call, in userFilter) ([]userJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.user)(c.s.Users(c.ctx(), registry.UserQuery{Page: p, Order: o, Username: in.Username, Search: in.Search,
		Active: in.Active, Blocked: in.Blocked, Admins: in.Admins}))
}

type newUser struct {
	Email    string `param:"email,required"`
	Username string `param:"username,required"`
	Name     string `param:"name,required"`
	Password string `param:"password" doc:"8 to 128 characters; without one nobody can sign in by password."`
	Random   bool   `param:"force_random_password"`
	Reset    bool   `param:"reset_password"`
	Admin    bool   `param:"admin"`
}

func createUser(c *call, in newUser) (userJSON, error) {
	if in.Password == "" && !in.Random && !in.Reset {
		return userJSON{}, badParam("password, reset_password, force_random_password",
			"are missing, at least one parameter must be provided")
	}
	if in.Random {
		in.Password = auth.RandomText(32)
	}
	u, err := c.s.CreateUser(c.ctx(), registry.UserSpec{Username: in.Username, Name: in.Name, Email: in.Email, Password: in.Password, Admin: in.Admin})
	return c.user(u), err
}

func getUser(c *call, _ none) (userJSON, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return userJSON{}, err
	}
	u, err := c.s.User(c.ctx(), id)
	return c.user(u), err
}

type userEdit struct {
	Email    *string `param:"email"`
	Username *string `param:"username"`
	Name     *string `param:"name"`
	Password *string `param:"password"`
	Admin    *bool   `param:"admin"`
}

func editUser(c *call, in userEdit) (userJSON, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return userJSON{}, err
	}
	u, err := c.s.EditUser(c.ctx(), id, registry.UserEdit{Username: in.Username, Name: in.Name, Email: in.Email, Password: in.Password, Admin: in.Admin})
	return c.user(u), err
}

func blockUser(blocked bool) func(*call, none) (bool, error) {
	return func(c *call, _ none) (bool, error) {
		id, err := c.id("user_id", "user")
		if err != nil {
			return false, err
		}
		_, err = c.s.EditUser(c.ctx(), id, registry.UserEdit{Blocked: &blocked})
		return err == nil, err
	}
}

func deleteUser(c *call, _ none) (none, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteUser(c.ctx(), id)
}

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
		op("GET", pats, access{gate: signedIn}, "List personal access tokens", listTokens),
		op("GET", one, access{gate: signedIn}, "Get a token; \"self\" is the one that calls", getToken),
		op("DELETE", one, access{gate: signedIn}, "Revoke a token; \"self\" is the one that calls", revokeToken),
		op("POST", one+"/rotate", access{gate: signedIn}, "Revoke a token and make a new one like it", rotateToken).as(http.StatusOK),
		op("GET", "/users/{user_id}/personal_access_tokens", access{gate: ownOrAdmin}, "List the tokens of a user", listUserTokens),
		op("POST", "/users/{user_id}/personal_access_tokens", access{gate: ownOrAdmin}, "Create a token for a user", createUserToken),
		op("POST", "/user/personal_access_tokens", access{gate: signedIn}, "Create a token for the user who calls", createOwnToken),
		op("POST", "/projects/{id}/job_tokens", access{gate: adminOnly}, "Create a token for a CI job", createJobToken),
	)
}

type tokenFilter struct {
	paging
	UserID  int64  `param:"user_id"`
	Search  string `param:"search" doc:"Part of the name."`
	State   string `param:"state" doc:"active or inactive."`
	Revoked *bool  `param:"revoked"`
	Sort    string `param:"sort" doc:"As created_asc, created_desc, expires_asc, expires_desc, last_used_asc, last_used_desc, name_asc, name_desc."`
}

// tokenOrders are GitLab's words for the order of tokens.
var tokenOrders = map[string]string{"": "id", "created": "created_at", "expires": "expires_at", "last_used": "last_used_at", "name": "name"}

func (in tokenFilter) query() (registry.TokenQuery, error) {
	p, err := in.page()
	if err != nil {
		return registry.TokenQuery{}, err
	}
	q := registry.TokenQuery{Page: p, UserID: in.UserID, Search: in.Search, Revoked: in.Revoked}
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

func listTokens(c *call, in tokenFilter) ([]tokenJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, tokenWire)(c.s.Tokens(c.ctx(), q))
}

func listUserTokens(c *call, in tokenFilter) ([]tokenJSON, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return nil, err
	}
	in.UserID = id
	return listTokens(c, in)
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
		return tokenJSON{}, err
	}
	t, err := c.s.Token(c.ctx(), id)
	return tokenWire(t), err
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
		return tokenJSON{}, err
	}
	t, err := c.s.RotateToken(c.ctx(), id, orNever(in.ExpiresAt))
	return newTokenWire(t), err
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
	Scopes      []string   `param:"scopes,required" doc:"Of api, read_api, read_user, read_model_registry, write_model_registry."`
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

func (c *call) createToken(userID int64, in newToken) (tokenJSON, error) {
	t, err := c.s.CreateToken(c.ctx(), userID, registry.TokenSpec{Name: in.Name, Description: in.Description, Scopes: in.Scopes, ExpiresAt: orNever(in.ExpiresAt)})
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
