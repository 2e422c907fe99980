package gitlab

import (
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

type versionJSON struct {
	Version    string  `json:"version"`
	Revision   string  `json:"revision"`
	KAS        kasJSON `json:"kas"`
	Enterprise bool    `json:"enterprise"`
}

// kasJSON is GitLab's server for Kubernetes, which is not here.
type kasJSON struct {
	Enabled             bool    `json:"enabled"`
	ExternalURL         *string `json:"externalUrl"`
	ExternalK8sProxyURL *string `json:"externalK8sProxyUrl"`
	Version             *string `json:"version"`
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
		CreatedAt: &created, Bio: &empty, Bot: &u.Bot, PublicEmail: &empty}
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
		op("GET", id+"/memberships", access{gate: adminOnly}, "List the groups and projects that a user is a direct member of", listMemberships),
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
	Bots     bool   `param:"exclude_humans" doc:"The bots of access tokens, which are hidden else."`
}

func listUsers(c *call, in userFilter) ([]userJSON, error) {
	p, o, err := in.part("id")
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.user)(c.s.Users(c.ctx(), registry.UserQuery{Page: p, Order: o, Username: in.Username, Search: in.Search,
		Active: in.Active, Blocked: in.Blocked, Admins: in.Admins, Bots: in.Bots}))
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

type membershipFilter struct {
	paging
	Type string `param:"type" doc:"Project or Namespace; both unless told."`
}

type membershipJSON struct {
	SourceID    int64         `json:"source_id"`
	SourceName  string        `json:"source_name"`
	SourceType  string        `json:"source_type"`
	AccessLevel registry.Role `json:"access_level"`
}

func membershipWire(m registry.Membership) membershipJSON {
	out := membershipJSON{SourceID: m.Place.ProjectID, SourceName: m.Name, SourceType: "Project", AccessLevel: m.Role}
	if out.SourceID == 0 {
		out.SourceID, out.SourceType = m.Place.NamespaceID, "Namespace"
	}
	return out
}

func listMemberships(c *call, in membershipFilter) ([]membershipJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	id, err := c.id("user_id", "user")
	if err != nil {
		return nil, err
	}
	q := registry.MembershipQuery{Page: p, Groups: in.Type != "Project", Projects: in.Type != "Namespace"}
	if in.Type != "" && in.Type != "Project" && in.Type != "Namespace" {
		return nil, badParam("type", "does not have a valid value")
	}
	return listed(c, in.paging, membershipWire)(c.s.Memberships(c.ctx(), id, q))
}

func deleteUser(c *call, _ none) (none, error) {
	id, err := c.id("user_id", "user")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.DeleteUser(c.ctx(), id)
}
