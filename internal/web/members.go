package web

import (
	"net/http"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// memberRoutes has the same pages for projects and for groups, under GitLab's
// names of each.
func memberRoutes() []route {
	var all []route
	for page, need := range map[string][2]access{
		"/project_members": {project(registry.ReadMembers), project(registry.ManageMembers)},
		"/group_members":   {group(registry.NoRole), group(registry.Owner)},
	} {
		all = append(all,
			get(page, need[0], listMembers),
			post(page, need[1], addMember),
			post(page+"/leave", need[0], leavePlace),
			post(page+"/{user}", need[1], editMember),
			post(page+"/{user}/delete", need[1], removeMember))
	}
	return all
}

type membersPage struct {
	frame
	Members registry.List[registry.Member]
	Pager   pager
	Search  string
	Direct  bool // only those of this place itself
	May     bool // change them
	Leaves  bool // who looks is a member here, and may leave
	Roles   []choice
	Problem string
	// As given in the form.
	Name, Expires string
}

// membersPath is the address of the members of the place.
func (p *membersPage) Address() string {
	if p.Group != nil {
		return p.Base + "/group_members"
	}
	return p.Base + "/project_members"
}

// Here reports whether a role was given in the place itself, where it can be
// changed.
func (p *membersPage) Here(m registry.Member) bool {
	if p.Group != nil {
		return m.Of.NamespaceID == p.Group.ID
	}
	return m.Of.ProjectID == p.Project.ID
}

// RolesOf offers the roles for a member.
func (p *membersPage) RolesOf(m registry.Member) []choice { return roleChoices(m.Role) }

func listMembers(c *call) error {
	return c.members(&membersPage{Roles: roleChoices(registry.Developer)}, http.StatusOK)
}

// members shows who may what in a place, those of the groups above too.
func (c *call) members(p *membersPage, status int) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p.Search, p.Direct = c.search(), c.r.URL.Query().Get("with_inherited_permissions") == "exclude"
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		if p.frame, err = c.placeFrame(s, "members", "Members"); err != nil {
			return err
		}
		if p.May = p.Manages; p.Project != nil {
			p.May = s.Allowed(*p.Project, registry.ManageMembers) == nil
		}
		p.Members, err = s.Members(c.ctx(), c.place(), registry.MemberQuery{Page: page, Inherited: !p.Direct, Search: p.Search})
		if err != nil || c.s.Actor().UserID == 0 {
			return err
		}
		self, err := s.Members(c.ctx(), c.place(), registry.MemberQuery{Page: registry.Page{Limit: 1}, UserID: c.s.Actor().UserID})
		p.Leaves = len(self.Items) > 0
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.keyPager(p.Members.Next)
	return c.renderAs(status, "members", p)
}

// memberForm reads the form about one member.
func (c *call) memberForm() (spec registry.MemberSpec, err error) {
	if err = c.form(); err != nil {
		return spec, err
	}
	if spec.Role, err = c.formRole(); err != nil {
		return spec, err
	}
	expires, err := c.end()
	spec.Username, spec.ExpiresAt = c.field("username"), &expires
	return spec, err
}

// memberAgain shows the page with what is wrong with a form.
func (c *call) memberAgain(problem string) error {
	role, err := c.formRole()
	if err != nil {
		role = registry.Developer
	}
	return c.members(&membersPage{Problem: problem, Roles: roleChoices(role), Name: c.field("username"), Expires: c.field("expires_at")}, again)
}

func addMember(c *call) error {
	spec, err := c.memberForm()
	if err == nil {
		_, err = c.s.AddMember(c.ctx(), c.place(), spec)
	}
	return c.answer(err, spec.Username+" is a member now.", c.here(), c.memberAgain)
}

func editMember(c *call) error {
	id, err := c.id("user", "member")
	if err != nil {
		return err
	}
	spec, err := c.memberForm()
	if err == nil {
		spec.UserID = id
		_, err = c.s.EditMember(c.ctx(), c.place(), spec)
	}
	return c.answer(err, "Saved.", c.above(1), c.memberAgain)
}

// leavePlace ends one's own role in a place. The last owner of a group stays.
func leavePlace(c *call) error {
	if err := c.authorize(c.access); err != nil && c.access.gate == inProject {
		return err // RemoveMember would ask nobody to sign in, where there is no such project for them
	}
	err := c.s.RemoveMember(c.ctx(), c.place(), c.s.Actor().UserID)
	if e, is := fault.As(err); is && e.Kind == fault.NotFound && e.Noun == "member" {
		return c.memberAgain("You are no member here yourself; your role comes from above, or from your account.")
	}
	return c.answer(err, "You have left.", "/", c.memberAgain)
}

func removeMember(c *call) error {
	id, err := c.id("user", "member")
	if err != nil {
		return err
	}
	err = c.s.RemoveMember(c.ctx(), c.place(), id)
	return c.answer(err, "They are no member any more.", c.above(2), c.memberAgain)
}
