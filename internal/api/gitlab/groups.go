package gitlab

import (
	"net/http"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type groupJSON struct {
	ID          int64               `json:"id"`
	WebURL      string              `json:"web_url"`
	Name        string              `json:"name"`
	Path        string              `json:"path"`
	Description string              `json:"description"`
	Visibility  registry.Visibility `json:"visibility"`
	AvatarURL   *string             `json:"avatar_url"`
	FullName    string              `json:"full_name"`
	FullPath    string              `json:"full_path"`
	ParentID    *int64              `json:"parent_id"`
	CreatedAt   stamp               `json:"created_at"`
}

func (c *call) group(n registry.Namespace) groupJSON {
	return groupJSON{ID: n.ID, WebURL: c.base() + "/groups/" + n.FullPath, Name: n.Name, Path: n.Path, Description: n.Description,
		Visibility: n.Visibility, FullName: n.FullName, FullPath: n.FullPath, ParentID: orNull(n.ParentID), CreatedAt: stamp(n.CreatedAt)}
}

// orNull writes 0 as null.
func orNull(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

func groupRoutes() []route {
	one := "/groups/{id}"
	return tagged("Groups",
		op("GET", "/groups", access{gate: anyone}, "List groups", listGroups),
		op("POST", "/groups", access{gate: signedIn}, "Create a group or, with parent_id, a sub-group", createGroup),
		op("GET", one, group(registry.NoRole), "Get a group", getGroup),
		op("PUT", one, group(registry.Owner), "Change a group", editGroup),
		op("DELETE", one, group(registry.Owner), "Delete a group with all that is in it", deleteGroup).as(http.StatusAccepted),
		op("POST", one+"/transfer", group(registry.Owner), "Move a group with all that is in it to another group, or to the top", moveGroup),
		op("POST", one+"/projects/{project_id}", access{gate: adminOnly}, "Move a project to a group", moveProjectHere),
		op("GET", one+"/subgroups", group(registry.NoRole), "List the groups in a group", listGroupsIn(false)),
		op("GET", one+"/descendant_groups", group(registry.NoRole), "List the groups in a group and below", listGroupsIn(true)),
		op("GET", one+"/projects", group(registry.NoRole), "List the projects of a group", listGroupProjects),
	)
}

// groupRef gives the group that the address names.
func (c *call) groupRef() registry.NamespaceRef { return registry.ParseGroupRef(c.r.PathValue("id")) }

type groupFilter struct {
	partial
	Search  string `param:"search" doc:"Part of the name or path."`
	Owned   bool   `param:"owned" doc:"Only groups that the caller owns."`
	TopOnly bool   `param:"top_level_only"`
}

func (in groupFilter) query() (registry.NamespaceQuery, error) {
	p, o, err := in.part("name")
	if in.Sort == "" {
		o.Desc = false // groups go by name, upwards
	}
	return registry.NamespaceQuery{Page: p, Order: o, Kind: registry.GroupNamespace, Search: in.Search, TopOnly: in.TopOnly, Owned: in.Owned}, err
}

func listGroups(c *call, in groupFilter) ([]groupJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.group)(c.s.Namespaces(c.ctx(), q))
}

func listGroupsIn(deep bool) func(*call, groupFilter) ([]groupJSON, error) {
	return func(c *call, in groupFilter) ([]groupJSON, error) {
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		return listed(c, in.paging, c.group)(c.s.GroupsIn(c.ctx(), c.groupRef(), q, deep))
	}
}

type groupMove struct {
	GroupID string `param:"group_id" doc:"Number or path of the new parent; without one the group goes to the top."`
}

func moveGroup(c *call, in groupMove) (groupJSON, error) {
	var to registry.NamespaceRef
	if in.GroupID != "" {
		to = registry.ParseGroupRef(in.GroupID)
	}
	n, err := c.s.MoveGroup(c.ctx(), c.groupRef(), to)
	return c.group(n), err
}

func moveProjectHere(c *call, _ none) (groupJSON, error) {
	n, err := c.s.TakeProject(c.ctx(), c.groupRef(), registry.ParseProjectRef(c.r.PathValue("project_id")))
	return c.group(n), err
}

type newGroup struct {
	Name        string              `param:"name,required"`
	Path        string              `param:"path,required"`
	ParentID    int64               `param:"parent_id"`
	Description string              `param:"description"`
	Visibility  registry.Visibility `param:"visibility" doc:"private (unless told), internal or public."`
}

func createGroup(c *call, in newGroup) (groupJSON, error) {
	n, err := c.s.CreateGroup(c.ctx(), registry.GroupSpec{Name: in.Name, Path: in.Path, ParentID: in.ParentID, Description: in.Description, Visibility: in.Visibility})
	return c.group(n), err
}

func getGroup(c *call, _ none) (groupJSON, error) {
	n, err := c.s.Group(c.ctx(), c.groupRef())
	return c.group(n), err
}

type groupEdit struct {
	Name        *string              `param:"name"`
	Path        *string              `param:"path"`
	Description *string              `param:"description"`
	Visibility  *registry.Visibility `param:"visibility"`
}

func editGroup(c *call, in groupEdit) (groupJSON, error) {
	n, err := c.s.EditGroup(c.ctx(), c.groupRef(), registry.GroupEdit{Name: in.Name, Path: in.Path, Description: in.Description, Visibility: in.Visibility})
	return c.group(n), err
}

// acceptedJSON is GitLab's answer to what goes on in the background.
type acceptedJSON struct {
	Message string `json:"message"`
}

func deleteGroup(c *call, _ none) (acceptedJSON, error) {
	return acceptedJSON{"202 Accepted"}, c.s.DeleteGroup(c.ctx(), c.groupRef())
}

type memberJSON struct {
	userRefJSON
	AccessLevel registry.Role `json:"access_level"`
	CreatedAt   stamp         `json:"created_at"`
	ExpiresAt   date          `json:"expires_at"`
	Membership  string        `json:"membership_state"`
}

func (c *call) member(m registry.Member) memberJSON {
	return memberJSON{userRefJSON: userRefJSON{ID: m.User.ID, Username: m.User.Username, Name: m.User.Name, State: state(m.User.Blocked),
		WebURL: c.base() + "/" + m.User.Username}, AccessLevel: m.Role, CreatedAt: stamp(m.CreatedAt), ExpiresAt: date(m.ExpiresAt), Membership: "active"}
}

// memberRoutes has the same routes below a project and below a group.
func memberRoutes() []route {
	var out []route
	for _, in := range []struct {
		prefix       string
		place        placeOf
		read, change access
		invites      access
	}{
		{"/projects/{id}/members", projectPlace, project(registry.ReadMembers), project(registry.ManageMembers), project(registry.ReadInvitations)},
		{"/groups/{id}/members", groupPlace, group(registry.NoRole), group(registry.Owner), groupReading(registry.Owner)},
	} {
		m := members{in.place}
		one := in.prefix + "/{user_id}"
		out = append(out, tagged("Members",
			op("GET", in.prefix, in.read, "List direct members", m.list(false)),
			op("POST", in.prefix, in.change, "Give a user a role", m.add),
			op("GET", in.prefix+"/all", in.read, "List members, inherited ones too", m.list(true)),
			op("GET", in.prefix+"/all/{user_id}", in.read, "Get a member, inherited or direct", m.get(true)),
			op("GET", one, in.read, "Get a direct member", m.get(false)),
			op("PUT", one, in.change, "Change a member's role", m.edit),
			op("DELETE", one, in.change, "Take a member's role away", m.remove),
			op("GET", strings.TrimSuffix(in.prefix, "members")+"invitations", in.invites, "List invitations that wait: there is never one, roles count at once", m.invitations),
			op("POST", strings.TrimSuffix(in.prefix, "members")+"invitations", in.change, "Give people a role by their addresses or numbers; no mail is sent", m.invite),
		)...)
	}
	return out
}

// placeOf reads which place an address names.
type placeOf func(*call) registry.PlaceRef

func projectPlace(c *call) registry.PlaceRef { return registry.PlaceRef{Project: c.project()} }
func groupPlace(c *call) registry.PlaceRef {
	return registry.PlaceRef{Group: c.groupRef(), InGroup: true}
}

// members are the operations on the members of one kind of place.
type members struct{ place placeOf }

type memberFilter struct {
	paging
	Query string `param:"query" doc:"Part of the username or name."`
}

func (m members) list(inherited bool) func(*call, memberFilter) ([]memberJSON, error) {
	return func(c *call, in memberFilter) ([]memberJSON, error) {
		p, err := in.page()
		if err != nil {
			return nil, err
		}
		return listed(c, in.paging, c.member)(c.s.Members(c.ctx(), m.place(c), registry.MemberQuery{Page: p, Inherited: inherited, Search: in.Query}))
	}
}

func (m members) get(inherited bool) func(*call, none) (memberJSON, error) {
	return func(c *call, _ none) (memberJSON, error) {
		id, err := c.id("user_id", "member")
		if err != nil {
			return memberJSON{}, err
		}
		v, err := c.s.Member(c.ctx(), m.place(c), id, inherited)
		return c.member(v), err
	}
}

type newMember struct {
	UserID      int64      `param:"user_id" doc:"The user, or give username."`
	Username    string     `param:"username"`
	AccessLevel int64      `param:"access_level,required" doc:"5 minimal, 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner."`
	ExpiresAt   *time.Time `param:"expires_at" doc:"Day from which the role has ended."`
}

func (m members) add(c *call, in newMember) (memberJSON, error) {
	if in.UserID == 0 && in.Username == "" {
		return memberJSON{}, badParam("user_id, username", "are missing, exactly one parameter must be provided")
	}
	role, err := registry.ParseRole(in.AccessLevel)
	if err != nil {
		return memberJSON{}, err
	}
	v, err := c.s.AddMember(c.ctx(), m.place(c), registry.MemberSpec{UserID: in.UserID, Username: in.Username, Role: role, ExpiresAt: in.ExpiresAt})
	return c.member(v), err
}

type memberEdit struct {
	AccessLevel int64      `param:"access_level,required"`
	ExpiresAt   *time.Time `param:"expires_at" doc:"Stays as it is unless told."`
}

func (m members) edit(c *call, in memberEdit) (memberJSON, error) {
	id, err := c.id("user_id", "member")
	if err != nil {
		return memberJSON{}, err
	}
	role, err := registry.ParseRole(in.AccessLevel)
	if err != nil {
		return memberJSON{}, err
	}
	v, err := c.s.EditMember(c.ctx(), m.place(c), registry.MemberSpec{UserID: id, Role: role, ExpiresAt: in.ExpiresAt})
	return c.member(v), err
}

func (m members) remove(c *call, _ none) (none, error) {
	id, err := c.id("user_id", "member")
	if err != nil {
		return none{}, err
	}
	return none{}, c.s.RemoveMember(c.ctx(), m.place(c), id)
}
