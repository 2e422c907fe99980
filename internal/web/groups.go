package web

import (
	"net/http"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

func groupRoutes() []route {
	return []route{
		get("/dashboard/groups", access{gate: signedIn}, listGroups),
		get("/groups/new", access{gate: signedIn}, newGroup),
		post("/groups", access{gate: signedIn}, createGroup),
		get("/{$}", group(registry.NoRole), showGroup),
		get("/edit", group(registry.Owner), showGroupSettings),
		post("/edit", group(registry.Owner), editGroup),
		post("/edit/transfer", group(registry.Owner), moveGroup),
		post("/edit/delete", group(registry.Owner), deleteGroup),
	}
}

type groupsPage struct {
	frame
	Groups registry.List[registry.Namespace]
	Pager  pager
	Search string
}

// listGroups shows the groups that one is a member of; a search finds all that
// one may see.
func listGroups(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &groupsPage{frame: c.frame("Groups"), Search: c.search()}
	list := c.s.OwnNamespaces
	if p.Search != "" {
		list = c.s.Namespaces
	}
	p.Groups, err = list(c.ctx(), registry.NamespaceQuery{Kind: registry.GroupNamespace, Search: p.Search, Page: page, Order: registry.Order{By: "full_path"}})
	if err != nil {
		return err
	}
	p.Section, p.Pager = "groups", c.keyPager(p.Groups.Next)
	return c.render("groups", p)
}

type groupForm struct {
	frame
	Name, Path, Description, Parent, Problem string
	Visibility                               []choice
}

func newGroup(c *call) error {
	return c.render("group_new", &groupForm{frame: c.frame("New group"), Parent: c.r.URL.Query().Get("parent"),
		Visibility: visibilityChoices(registry.Private)})
}

func createGroup(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	spec := registry.GroupSpec{Name: c.field("name"), Path: c.field("path"), Description: c.r.PostFormValue("description"),
		Visibility: registry.Visibility(c.field("visibility"))}
	parent := strings.Trim(c.field("parent"), "/")
	n, err := c.createGroup(parent, spec)
	return c.answer(err, "The group is there. Add members, then make projects in it.", groupPrefix+n.FullPath, func(problem string) error {
		return c.renderAs(again, "group_new", &groupForm{frame: c.frame("New group"), Name: spec.Name, Path: spec.Path, Parent: parent,
			Description: spec.Description, Visibility: visibilityChoices(spec.Visibility), Problem: problem})
	})
}

// createGroup makes a group in another one, or at the top.
func (c *call) createGroup(parent string, spec registry.GroupSpec) (registry.Namespace, error) {
	if parent != "" {
		p, err := c.s.Group(c.ctx(), registry.NamespaceRef{Path: parent, Kind: registry.GroupNamespace})
		if err != nil {
			return registry.Namespace{}, err
		}
		spec.ParentID = p.ID
	}
	return c.s.CreateGroup(c.ctx(), spec)
}

type groupPage struct {
	frame
	Groups   registry.List[registry.Namespace]
	Projects registry.List[registry.Project]
	Pager    pager
	Search   string
	MayAdd   bool // projects
}

// showGroup shows what is in a group, or in a person's own namespace.
func showGroup(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p, ref := &groupPage{Search: c.search()}, registry.NamespaceRef{Path: c.group.Path}
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		n, err := s.Group(c.ctx(), ref)
		if err != nil {
			return err
		}
		p.frame = c.groupFrame(s, n, "group", n.Name)
		ref = registry.NamespaceRef{ID: n.ID}
		p.Projects, err = s.GroupProjects(c.ctx(), ref, registry.ProjectQuery{Search: p.Search, Page: page, Order: registry.Order{By: "last_activity_at", Desc: true}})
		if err != nil {
			return err
		}
		p.MayAdd = p.User != nil && (n.OwnerID == p.User.ID || s.MayInGroup(c.ctx(), ref, registry.Developer, groupScopes) == nil)
		if n.Kind != registry.GroupNamespace {
			return nil
		}
		p.Groups, err = s.GroupsIn(c.ctx(), ref, registry.NamespaceQuery{Page: registry.Page{Limit: maxSubgroups, NoTotal: true}}, false)
		return err
	})
	if err != nil {
		return err
	}
	p.Pager = c.keyPager(p.Projects.Next)
	return c.render("group", p)
}

// maxSubgroups is how many groups the page of a group shows.
const maxSubgroups = 100

type groupSettings struct {
	frame
	Name, Path, Description string // as given in the form
	Visibility              []choice
	Problem                 string
}

func showGroupSettings(c *call) error { return c.groupSettings("", http.StatusOK, nil) }

func (c *call) groupSettings(problem string, status int, given *registry.GroupEdit) error {
	n, err := c.s.Group(c.ctx(), c.group)
	if err != nil {
		return err
	}
	if err := c.authorize(c.access); err != nil {
		return err
	}
	p := &groupSettings{frame: c.groupFrame(c.s, n, "general", "Settings"), Name: n.Name, Path: n.Path, Description: n.Description,
		Visibility: visibilityChoices(n.Visibility), Problem: problem}
	if given != nil {
		p.Name, p.Path, p.Description, p.Visibility = *given.Name, *given.Path, *given.Description, visibilityChoices(*given.Visibility)
	}
	return c.renderAs(status, "group_settings", p)
}

func editGroup(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	name, path, description := c.field("name"), c.field("path"), c.r.PostFormValue("description")
	visibility := registry.Visibility(c.field("visibility"))
	e := registry.GroupEdit{Name: &name, Path: &path, Description: &description, Visibility: &visibility}
	n, err := c.s.EditGroup(c.ctx(), c.group, e)
	return c.answer(err, "Saved.", groupPrefix+n.FullPath+"/-/edit", func(problem string) error { return c.groupSettings(problem, again, &e) })
}

func moveGroup(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	var to registry.NamespaceRef
	if path := strings.Trim(c.field("parent"), "/"); path != "" {
		to = registry.NamespaceRef{Path: path, Kind: registry.GroupNamespace}
	}
	n, err := c.s.MoveGroup(c.ctx(), c.group, to)
	return c.answer(err, "The group has moved. The old paths of its projects lead to them.", groupPrefix+n.FullPath+"/-/edit", func(problem string) error {
		return c.groupSettings(problem, again, nil)
	})
}

func deleteGroup(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	n, err := c.s.Group(c.ctx(), c.group)
	if err != nil {
		return err
	}
	if !c.confirmed(n.FullPath) {
		return c.groupSettings("Type "+n.FullPath+" to delete the group; nothing was deleted.", again, nil)
	}
	if err := c.s.DeleteGroup(c.ctx(), c.group); err != nil {
		return err
	}
	c.flash("The group " + n.FullPath + " is deleted.")
	return c.goTo("/dashboard/groups")
}
