package registry

import "time"

// Visibility says who may see a namespace or project without being a member.
type Visibility string

// The visibilities.
const (
	Private  Visibility = "private"  // members only
	Internal Visibility = "internal" // everybody who has signed in
	Public   Visibility = "public"   // everybody
)

// Level says for whom a feature of a project is on.
type Level string

// The feature levels.
const (
	Everyone    Level = "public"   // packages only: everybody, whoever sees the project
	Enabled     Level = "enabled"  // whoever sees the project
	MembersOnly Level = "private"  // members, from guest up
	Disabled    Level = "disabled" // nobody
)

// NamespaceKind tells users' own namespaces from groups.
type NamespaceKind string

// The kinds of namespace.
const (
	UserNamespace  NamespaceKind = "user"
	GroupNamespace NamespaceKind = "group"
)

// Namespace is an owner path: a user's own, or a group.
type Namespace struct {
	ID          int64
	ParentID    int64 // 0 at the top
	Kind        NamespaceKind
	Path        string // last segment of FullPath
	Name        string
	FullPath    string
	FullName    string // names from the top, joined by " / "
	Description string
	Visibility  Visibility
	OwnerID     int64 // of a user's namespace
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// GroupSpec is a group to be made.
type GroupSpec struct {
	Name        string
	Path        string
	ParentID    int64
	Description string
	Visibility  Visibility // empty: private
}

// GroupEdit changes a group; nil fields stay.
type GroupEdit struct {
	Name        *string
	Path        *string
	Description *string
	Visibility  *Visibility
}

// NamespaceQuery narrows a list of namespaces to those an actor may see.
type NamespaceQuery struct {
	Page     Page
	Order    Order // name (default), path, full_path, id
	Kind     NamespaceKind
	Search   string
	TopOnly  bool
	ParentID int64
	BelowID  int64 // anywhere below
	// PathPrefix begins the last segment of the path, without case.
	PathPrefix string
	Owned      bool // the actor is owner
	Viewer     Viewer
}

// Viewer is the part of an actor that a database needs to filter lists.
type Viewer struct {
	UserID  int64 // 0: anonymous
	Admin   bool
	Members bool  // sees only what it is a member of
	GroupID int64 // asks whether projects are in this group or below
	Now     time.Time
}

// Features are the levels of a project's parts.
type Features struct {
	Models      Level
	Experiments Level
	Packages    Level
}

// Project is the unit of permission.
type Project struct {
	ID          int64
	Namespace   Namespace // without FullName and Description in lists
	Path        string
	Name        string
	FullPath    string
	Description string
	Visibility  Visibility
	Archived    bool
	CreatorID   int64
	Features    Features
	Duplicates  DuplicateRule
	// StorageLimit is the most bytes that its files may take up; 0: the
	// server's, see Unlimited.
	StorageLimit int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
	ActiveAt     time.Time // last change of its content
	// ProjectRole and GroupRole are the viewer's own, where they were asked for.
	ProjectRole Role
	GroupRole   Role
	InGroup     bool // it is in the viewer's group or below
	Moved       bool // it was found by a path that it no longer has
	// How much it holds, kept so that lists need not count.
	ModelCount      int64 // without prompts
	PromptCount     int64
	ExperimentCount int64
	RunCount        int64
	Size            int64 // bytes of all files, whether or not the same content is kept once only
}

// ProjectSpec is a project to be made.
type ProjectSpec struct {
	Name        string // empty: Path
	Path        string // empty: made of Name
	NamespaceID int64  // 0: the actor's own
	Description string
	Visibility  Visibility // empty: private
	Features    Features   // empty levels: enabled
	// StorageLimit is for administrators to set; nil: the server's.
	StorageLimit *int64
}

// ProjectEdit changes a project; nil fields stay.
type ProjectEdit struct {
	Name        *string
	Path        *string
	Description *string
	Visibility  *Visibility
	Archived    *bool
	Models      *Level
	Experiments *Level
	Packages    *Level
	// The parts of Duplicates.
	DuplicatesAllowed *bool
	DuplicatesExcept  *string
	StorageLimit      *int64 // administrators only
}

// ProjectQuery narrows a list of projects to those an actor may see.
type ProjectQuery struct {
	Page        Page
	Order       Order // created_at (default, descending), id, name, path, updated_at, last_activity_at
	Search      string
	Membership  bool
	Owned       bool
	Visibility  Visibility
	Archived    *bool
	NamespaceID int64
	Subgroups   bool // with NamespaceID: its sub-groups' projects too
	MinRole     Role
	Viewer      Viewer
}

// Member is a user's role in a group or project.
type Member struct {
	User      UserRef
	Role      Role
	ExpiresAt time.Time // zero: never
	CreatedAt time.Time
	CreatedBy int64
	// Of is where the role was given, in lists: with Inherited it may be a group
	// above, whose full path is From.
	Of   Place
	From string
	Bot  bool // of an access token
}

// MemberQuery narrows a list of members of one place.
type MemberQuery struct {
	Page      Page
	Place     Place
	Inherited bool // those of the places above, too
	UserID    int64
	Search    string
	Now       time.Time
}

// Membership is one place where a user is a member.
type Membership struct {
	Place    Place // NamespaceID or ProjectID
	Name     string
	FullPath string
	Role     Role
}

// MembershipQuery narrows a list of memberships.
type MembershipQuery struct {
	Page     Page
	UserID   int64
	Groups   bool // those in groups
	Projects bool // those in projects
	Now      time.Time
}

// Place is a group or a project, where members are.
type Place struct {
	NamespaceID int64
	ProjectID   int64 // 0: the namespace itself
}
