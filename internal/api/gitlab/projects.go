package gitlab

import (
	"net/http"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

type namespaceJSON struct {
	ID        int64   `json:"id"`
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Kind      string  `json:"kind"`
	FullPath  string  `json:"full_path"`
	ParentID  *int64  `json:"parent_id"`
	AvatarURL *string `json:"avatar_url"`
	WebURL    string  `json:"web_url"`
}

func (c *call) namespace(n registry.Namespace) namespaceJSON {
	web := c.base() + "/" + n.FullPath
	if n.Kind == registry.GroupNamespace {
		web = c.base() + "/groups/" + n.FullPath
	}
	return namespaceJSON{ID: n.ID, Name: n.Name, Path: n.Path, Kind: string(n.Kind), FullPath: n.FullPath, ParentID: orNull(n.ParentID), WebURL: web}
}

// projectBasicsJSON is a project with simple=true.
type projectBasicsJSON struct {
	ID                int64         `json:"id"`
	Description       text          `json:"description"`
	Name              string        `json:"name"`
	NameWithNamespace string        `json:"name_with_namespace"`
	Path              string        `json:"path"`
	PathWithNamespace string        `json:"path_with_namespace"`
	CreatedAt         stamp         `json:"created_at"`
	DefaultBranch     *string       `json:"default_branch"`
	TagList           []string      `json:"tag_list"`
	Topics            []string      `json:"topics"`
	WebURL            string        `json:"web_url"`
	ReadmeURL         *string       `json:"readme_url"`
	AvatarURL         *string       `json:"avatar_url"`
	ForksCount        int64         `json:"forks_count"`
	StarCount         int64         `json:"star_count"`
	LastActivityAt    stamp         `json:"last_activity_at"`
	Visibility        string        `json:"visibility"`
	Namespace         namespaceJSON `json:"namespace"`
}

type roleJSON struct {
	AccessLevel       registry.Role `json:"access_level"`
	NotificationLevel int           `json:"notification_level"`
}

type permissionsJSON struct {
	ProjectAccess *roleJSON `json:"project_access"`
	GroupAccess   *roleJSON `json:"group_access"`
}

type projectLinksJSON struct {
	Self    string `json:"self"`
	Members string `json:"members"`
}

type projectJSON struct {
	projectBasicsJSON
	Links            projectLinksJSON `json:"_links"`
	PackagesEnabled  bool             `json:"packages_enabled"`
	EmptyRepo        bool             `json:"empty_repo"`
	Archived         bool             `json:"archived"`
	UpdatedAt        stamp            `json:"updated_at"`
	CreatorID        *int64           `json:"creator_id"`
	ModelsLevel      registry.Level   `json:"model_registry_access_level"`
	ExperimentsLevel registry.Level   `json:"model_experiments_access_level"`
	PackagesLevel    registry.Level   `json:"package_registry_access_level"`
	Duplicates       bool             `json:"generic_duplicates_allowed"`
	DuplicatesExcept string           `json:"generic_duplicate_exception_regex"`
	StorageLimit     *int64           `json:"repository_size_limit,omitempty"` // for administrators
	Statistics       *statisticsJSON  `json:"statistics,omitempty"`
	Permissions      permissionsJSON  `json:"permissions"`
}

func (c *call) basics(p registry.Project) projectBasicsJSON {
	return projectBasicsJSON{ID: p.ID, Description: text(p.Description), Name: p.Name, NameWithNamespace: p.Namespace.Name + " / " + p.Name,
		Path: p.Path, PathWithNamespace: p.FullPath, CreatedAt: stamp(p.CreatedAt), TagList: []string{}, Topics: []string{},
		WebURL: c.base() + "/" + p.FullPath, LastActivityAt: stamp(p.ActiveAt), Visibility: string(p.Visibility), Namespace: c.namespace(p.Namespace)}
}

func role(r registry.Role) *roleJSON {
	if r == registry.NoRole {
		return nil
	}
	return &roleJSON{AccessLevel: r, NotificationLevel: 3}
}

func (c *call) projectWire(p registry.Project) projectJSON {
	self := c.base() + Prefix + "/projects/" + strconv.FormatInt(p.ID, 10)
	out := projectJSON{projectBasicsJSON: c.basics(p), Links: projectLinksJSON{Self: self, Members: self + "/members"},
		PackagesEnabled: p.Features.Packages != registry.Disabled, EmptyRepo: true, Archived: p.Archived, UpdatedAt: stamp(p.UpdatedAt),
		CreatorID: orNull(p.CreatorID), ModelsLevel: p.Features.Models, ExperimentsLevel: p.Features.Experiments, PackagesLevel: p.Features.Packages,
		Duplicates: !p.Duplicates.Refused, DuplicatesExcept: p.Duplicates.Except,
		Permissions: permissionsJSON{ProjectAccess: role(p.ProjectRole), GroupAccess: role(p.GroupRole)}}
	if c.s.Actor().Admin {
		limit := swapLimit(p.StorageLimit)
		out.StorageLimit = &limit
	}
	return out
}

// swapLimit translates a storage limit, either way: to GitLab 0 is no limit, and
// what stands for the server's is null, which changes nothing in a request; here
// that is -1.
func swapLimit(limit int64) int64 {
	switch limit {
	case 0:
		return registry.Unlimited
	case registry.Unlimited:
		return 0
	}
	return limit
}

// statisticsJSON has what there is here of GitLab's statistics of a project, in
// bytes.
type statisticsJSON struct {
	StorageSize  int64 `json:"storage_size"`
	PackagesSize int64 `json:"packages_size"`
}

func projectRoutes() []route {
	one := "/projects/{id}"
	return tagged("Projects",
		op("GET", "/projects", access{gate: anyone}, "List projects", listProjects),
		op("POST", "/projects", access{gate: signedIn}, "Create a project", createProject),
		op("GET", "/users/{user_id}/projects", access{gate: signedIn}, "List the projects of a user", listUserProjects),
		op("GET", one, project(registry.ReadProject), "Get a project", getProject),
		op("PUT", one, project(registry.EditProject), "Change a project", editProject),
		op("DELETE", one, project(registry.DeleteProject), "Delete a project with all that is in it", deleteProject).as(http.StatusAccepted),
		op("PUT", one+"/transfer", project(registry.MoveProject), "Move a project to another namespace", moveProject),
		op("GET", one+"/users", project(registry.ReadMembers), "List the users of a project: its members, inherited ones too", listProjectUsers),
		op("POST", one+"/archive", project(registry.EditProject), "Make a project read-only", archiveProject(true)),
		op("POST", one+"/unarchive", project(registry.EditProject), "Make an archived project writable again", archiveProject(false)),
	)
}

type projectFilter struct {
	partial
	Search     string              `param:"search" doc:"Part of the name or path."`
	Membership bool                `param:"membership" doc:"Only projects that the caller is a member of."`
	Owned      bool                `param:"owned" doc:"Only projects that the caller owns."`
	Simple     bool                `param:"simple" doc:"Fewer fields."`
	Visibility registry.Visibility `param:"visibility"`
	Archived   *bool               `param:"archived"`
	MinRole    int64               `param:"min_access_level"`
	Subgroups  bool                `param:"include_subgroups" doc:"For groups: the projects of their sub-groups too."`
}

func (in projectFilter) query() (registry.ProjectQuery, error) {
	p, o, err := in.part("created_at")
	if err != nil {
		return registry.ProjectQuery{}, err
	}
	if in.Visibility != "" && in.Visibility != registry.Private && in.Visibility != registry.Internal && in.Visibility != registry.Public {
		return registry.ProjectQuery{}, badParam("visibility", "does not have a valid value")
	}
	if in.MinRole != 0 {
		if _, err := registry.ParseRole(in.MinRole); err != nil {
			return registry.ProjectQuery{}, badParam("min_access_level", "does not have a valid value")
		}
	}
	return registry.ProjectQuery{Page: p, Order: o, Search: in.Search, Membership: in.Membership, Owned: in.Owned, Visibility: in.Visibility,
		Archived: in.Archived, MinRole: registry.Role(in.MinRole), Subgroups: in.Subgroups}, nil
}

// projects gives what writes a list, with all fields or few.
func (c *call) projects(in projectFilter) func(registry.List[registry.Project], error) (projectsJSON, error) {
	return func(l registry.List[registry.Project], err error) (projectsJSON, error) {
		if in.Simple {
			return listed(c, in.paging, c.basics)(l, err)
		}
		return listed(c, in.paging, c.projectWire)(l, err)
	}
}

// projectsJSON is a list of projectJSON, or of projectBasicsJSON when simple.
type projectsJSON = any

func listProjects(c *call, in projectFilter) (projectsJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return c.projects(in)(c.s.Projects(c.ctx(), q))
}

func listUserProjects(c *call, in projectFilter) (projectsJSON, error) {
	// GitLab takes a number or a name here.
	find := func() (registry.User, error) { return c.s.UserByName(c.ctx(), c.r.PathValue("user_id")) }
	if id, err := c.id("user_id", "user"); err == nil {
		find = func() (registry.User, error) { return c.s.User(c.ctx(), id) }
	}
	u, err := find()
	if err != nil {
		return nil, err
	}
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	if q.NamespaceID = u.NamespaceID; u.Bot {
		q.NamespaceID = -1 // it has none
	}
	return c.projects(in)(c.s.Projects(c.ctx(), q))
}

func listGroupProjects(c *call, in projectFilter) (projectsJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return c.projects(in)(c.s.GroupProjects(c.ctx(), c.groupRef(), q))
}

type newProject struct {
	Name             string              `param:"name" doc:"Name, or give path."`
	Path             string              `param:"path"`
	NamespaceID      int64               `param:"namespace_id" doc:"A group's or user's namespace; the caller's own unless told."`
	Description      string              `param:"description"`
	Visibility       registry.Visibility `param:"visibility" doc:"private (unless told), internal or public."`
	ModelsLevel      registry.Level      `param:"model_registry_access_level" doc:"enabled, private or disabled."`
	ExperimentsLevel registry.Level      `param:"model_experiments_access_level"`
	PackagesLevel    registry.Level      `param:"package_registry_access_level"`
	StorageLimit     *int64              `param:"repository_size_limit" doc:"Most bytes that its files may take up: 0 is no limit, -1 (unless told) that of the server. Administrators only."`
}

func createProject(c *call, in newProject) (projectJSON, error) {
	if in.Name == "" && in.Path == "" {
		return projectJSON{}, badParam("name, path", "are missing, at least one parameter must be provided")
	}
	p, err := c.s.CreateProject(c.ctx(), registry.ProjectSpec{Name: in.Name, Path: in.Path, NamespaceID: in.NamespaceID, Description: in.Description,
		Visibility: in.Visibility, Features: registry.Features{Models: in.ModelsLevel, Experiments: in.ExperimentsLevel, Packages: in.PackagesLevel},
		StorageLimit: limitParam(in.StorageLimit)})
	return c.projectWire(p), err
}

// limitParam translates a storage limit that may not be given.
func limitParam(limit *int64) *int64 {
	if limit == nil {
		return nil
	}
	own := swapLimit(*limit)
	return &own
}

type projectView struct {
	Statistics bool `param:"statistics" doc:"With what its files take up, for members from reporter up."`
}

func getProject(c *call, in projectView) (projectJSON, error) {
	p, err := c.s.Project(c.ctx(), c.project())
	out := c.projectWire(p)
	if in.Statistics && err == nil && c.s.MaySeeSize(p) == nil {
		out.Statistics = &statisticsJSON{p.Size, p.Size}
	}
	return out, err
}

type projectEdit struct {
	Name             *string              `param:"name"`
	Path             *string              `param:"path"`
	Description      *string              `param:"description"`
	Visibility       *registry.Visibility `param:"visibility"`
	ModelsLevel      *registry.Level      `param:"model_registry_access_level"`
	ExperimentsLevel *registry.Level      `param:"model_experiments_access_level"`
	PackagesLevel    *registry.Level      `param:"package_registry_access_level"`
	Duplicates       *bool                `param:"generic_duplicates_allowed" doc:"Whether a file of a generic package may be uploaded again; GitLab has this setting for groups."`
	DuplicatesExcept *string              `param:"generic_duplicate_exception_regex" doc:"Packages whose whole name or version matches are treated the other way."`
	StorageLimit     *int64               `param:"repository_size_limit" doc:"Most bytes that its files may take up: 0 is no limit, -1 that of the server. Administrators only."`
}

func editProject(c *call, in projectEdit) (projectJSON, error) {
	p, err := c.s.EditProject(c.ctx(), c.project(), registry.ProjectEdit{Name: in.Name, Path: in.Path, Description: in.Description,
		Visibility: in.Visibility, Models: in.ModelsLevel, Experiments: in.ExperimentsLevel, Packages: in.PackagesLevel,
		DuplicatesAllowed: in.Duplicates, DuplicatesExcept: in.DuplicatesExcept, StorageLimit: limitParam(in.StorageLimit)})
	return c.projectWire(p), err
}

type projectMove struct {
	Namespace string `param:"namespace,required" doc:"Number or path of the new namespace."`
}

func moveProject(c *call, in projectMove) (projectJSON, error) {
	p, err := c.s.MoveProject(c.ctx(), c.project(), registry.ParseNamespaceRef(in.Namespace))
	return c.projectWire(p), err
}

type userRefFilter struct {
	paging
	Search string `param:"search" doc:"Part of the username or name."`
}

func listProjectUsers(c *call, in userRefFilter) ([]userRefJSON, error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, func(m registry.Member) userRefJSON { return c.member(m).userRefJSON })(
		c.s.Members(c.ctx(), projectPlace(c), registry.MemberQuery{Page: p, Inherited: true, Search: in.Search}))
}

func archiveProject(archived bool) func(*call, none) (projectJSON, error) {
	return func(c *call, _ none) (projectJSON, error) {
		p, err := c.s.EditProject(c.ctx(), c.project(), registry.ProjectEdit{Archived: &archived})
		return c.projectWire(p), err
	}
}

func deleteProject(c *call, _ none) (acceptedJSON, error) {
	return acceptedJSON{"202 Accepted"}, c.s.DeleteProject(c.ctx(), c.project())
}
