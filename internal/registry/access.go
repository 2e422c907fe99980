package registry

import (
	"context"
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Role is what a member may do, as GitLab numbers it; higher includes lower.
type Role int

// The roles.
const (
	NoRole     Role = 0
	Minimal    Role = 5
	Guest      Role = 10
	Planner    Role = 15
	Reporter   Role = 20
	Developer  Role = 30
	Maintainer Role = 40
	Owner      Role = 50
)

// ParseRole checks a role given by number.
func ParseRole(n int64) (Role, error) {
	switch r := Role(n); r {
	case Minimal, Guest, Planner, Reporter, Developer, Maintainer, Owner:
		return r, nil
	}
	return NoRole, fault.Invalidf("access_level", "does not have a valid value")
}

// Permission is something that an actor may do in a project.
type Permission uint8

// The permissions. Each Session method on a project asks for one of them.
const (
	ReadProject Permission = iota
	ReadModels
	WriteModels
	ReadRuns
	WriteRuns
	PullFiles
	PushFiles
	PullPackages
	PushPackages
	DeletePackages
	ReadMembers
	ReadInvitations
	ManageMembers
	ReadTokens
	ReadEvents
	ManageTokens
	EditProject
	MoveProject
	DeleteProject
	permissionCount
)

// feature tells which level of a project a permission hangs on.
type feature uint8

const (
	noFeature feature = iota
	modelFeature
	runFeature
)

// rule is one row of the permission table.
type rule struct {
	role     Role        // least role of a member
	open     bool        // whoever sees the project, member or not, may
	public   bool        // open on public projects only
	members  bool        // hidden from non-members of internal projects
	write    bool        // needs an account, and a project that is not archived
	archived bool        // with write: archived or not
	packages bool        // needs the package registry to be on
	feature  feature     // needs this part to be on
	scopes   auth.Scopes // any of these
}

const (
	readScopes          = auth.ScopeAPI | auth.ScopeReadAPI
	registryReadScopes  = readScopes | auth.ScopeReadRegistry | auth.ScopeWriteRegistry
	registryWriteScopes = auth.ScopeAPI | auth.ScopeWriteRegistry
)

// rules is the whole table; GitLab's model registry answers the same, except
// that developers may delete what they can write.
var rules = [permissionCount]rule{
	ReadProject:     {role: Guest, open: true, scopes: readScopes},
	ReadModels:      {role: Guest, open: true, feature: modelFeature, scopes: registryReadScopes},
	WriteModels:     {role: Developer, write: true, feature: modelFeature, scopes: registryWriteScopes},
	ReadRuns:        {role: Guest, open: true, feature: runFeature, scopes: registryReadScopes},
	WriteRuns:       {role: Developer, write: true, feature: runFeature, scopes: registryWriteScopes},
	PullFiles:       {role: Reporter, public: true, members: true, packages: true, feature: modelFeature, scopes: registryReadScopes},
	PushFiles:       {role: Developer, members: true, write: true, packages: true, feature: modelFeature, scopes: registryWriteScopes},
	PullPackages:    {role: Reporter, public: true, members: true, packages: true, scopes: registryReadScopes},
	PushPackages:    {role: Developer, members: true, write: true, packages: true, scopes: registryWriteScopes},
	DeletePackages:  {role: Maintainer, members: true, write: true, packages: true, scopes: registryWriteScopes},
	ReadMembers:     {role: Guest, open: true, scopes: readScopes},
	ReadInvitations: {role: Maintainer, write: true, archived: true, scopes: readScopes},
	ManageMembers:   {role: Maintainer, write: true, scopes: auth.ScopeAPI},
	ReadTokens:      {role: Maintainer, write: true, archived: true, scopes: readScopes},
	ReadEvents:      {role: Developer, write: true, archived: true, scopes: readScopes},
	ManageTokens:    {role: Maintainer, write: true, archived: true, scopes: auth.ScopeAPI},
	EditProject:     {role: Maintainer, write: true, archived: true, scopes: auth.ScopeAPI},
	MoveProject:     {role: Owner, write: true, archived: true, scopes: auth.ScopeAPI},
	DeleteProject:   {role: Owner, write: true, archived: true, scopes: auth.ScopeAPI},
}

// project is the one gate to a project: it finds it, decides whether the actor
// may do what p names there, and answers as GitLab does when not. What the
// actor may not see is NotFound.
func (s Session) project(ctx context.Context, tx Tx, ref ProjectRef, p Permission) (Project, error) {
	if err := s.known(p); err != nil {
		return Project{}, err
	}
	pr, err := tx.ProjectAccess(ctx, ref, s.viewer())
	if err != nil {
		return Project{}, err
	}
	return pr, s.allowed(pr, p)
}

// known refuses, before a project is looked up, the tokens and the anonymous that
// may do what p names in none.
func (s Session) known(p Permission) error {
	if err := s.scope(rules[p]); err != nil {
		return err
	}
	if s.actor.Anonymous() && rules[p].write {
		return fault.SignIn("")
	}
	return nil
}

// May reports, as the error that the work itself would give, whether the actor
// may do what p names in a project.
func (s Session) May(ctx context.Context, ref ProjectRef, p Permission) error {
	_, err := s.ProjectFor(ctx, ref, p)
	return err
}

// Allowed reports, as May does, about a project that the session gave.
func (s Session) Allowed(pr Project, p Permission) error {
	if err := s.known(p); err != nil {
		return err
	}
	return s.permitted(pr, p)
}

// MayAsAccount reports whether the actor may do what belongs to accounts, with
// a token that has one of the scopes; admin asks for an administrator.
func (s Session) MayAsAccount(scopes auth.Scopes, admin bool) error { return s.account(scopes, admin) }

// MayInGroup reports the same for a role in a group and the scopes of which a
// token needs one.
func (s Session) MayInGroup(ctx context.Context, ref NamespaceRef, least Role, scopes auth.Scopes) error {
	return s.r.store.View(ctx, func(tx Tx) error {
		_, _, err := s.group(ctx, tx, ref, rule{role: least, write: least > Guest, scopes: scopes})
		return err
	})
}

// scope checks the token, before anything is looked up.
func (s Session) scope(r rule) error {
	if s.actor.Anonymous() || s.actor.Can(r.scopes) {
		return nil
	}
	return &fault.Error{Kind: fault.Forbidden, Noun: "scope", Msg: scopeList(r.scopes)}
}

func scopeList(want auth.Scopes) string {
	s := ""
	for i, n := range want.Names() {
		if i > 0 {
			s += " "
		}
		s += n
	}
	return s
}

// allowed decides, and notes where the project is now if the session wants to
// know; what is hidden stays hidden at its old path.
func (s Session) allowed(pr Project, p Permission) error {
	err := s.permitted(pr, p)
	if pr.Moved && s.exact && !fault.Is(err, fault.NotFound) {
		return &fault.Error{Kind: fault.Moved, Noun: "project", Name: itoa(pr.ID)}
	}
	return err
}

// permitted decides by the table. The order of its questions is GitLab's: what
// is hidden is answered before what is forbidden.
func (s Session) permitted(pr Project, p Permission) error {
	r, role := rules[p], s.role(pr)
	hidden := fault.Missing("project", pr.FullPath)
	member := role >= Guest
	switch {
	case !s.reaches(pr):
		return hidden
	case p == PullPackages && pr.Features.Packages == Everyone:
		// "Allow anyone to pull from package registry", as GitLab has it: even
		// where the project is hidden (Packages::Policies::ProjectPolicy).
		return nil
	case !member && !s.sees(pr.Visibility):
		return hidden
	case !member && r.members && pr.Visibility == Internal:
		return hidden
	case !featureOn(pr.Features, r.feature, member):
		return hidden
	case r.packages && !levelOn(pr.Features.Packages, member):
		return s.refused()
	}
	open := r.open || r.public && (pr.Visibility == Public || pr.Features.Packages == Everyone)
	if !open && role < r.role {
		return s.refused()
	}
	if r.write && pr.Archived && !r.archived {
		return fault.Denied("project", "the project is archived; unarchive it to change it")
	}
	return nil
}

// role is the actor's in a project that it reaches. A deploy token is nobody's
// and no member: what it may do is its scopes, up to reading for one that reads
// and up to a developer's work in the registry for one that writes.
func (s Session) role(pr Project) Role {
	switch {
	case s.actor.Admin:
		return Owner
	case s.actor.Kind != auth.Deploy:
		return max(pr.ProjectRole, pr.GroupRole)
	case s.actor.Can(auth.ScopeWriteRegistry):
		return Developer
	}
	return Reporter
}

// reaches reports whether a project is where the actor's token works.
func (s Session) reaches(pr Project) bool {
	if s.actor.Kind == auth.Deploy && s.actor.GroupID != 0 {
		return pr.InGroup
	}
	return s.actor.ProjectID == 0 || s.actor.ProjectID == pr.ID
}

func (s Session) refused() error {
	if s.actor.Anonymous() {
		return fault.SignIn("")
	}
	return fault.Denied("", "")
}

// sees reports whether a non-member may know of a place. A bot is a member of
// its place, and of no other it may know.
func (s Session) sees(v Visibility) bool {
	return !s.actor.Bot && (v == Public || v == Internal && !s.actor.Anonymous())
}

func featureOn(f Features, which feature, member bool) bool {
	switch which {
	case modelFeature:
		return levelOn(f.Models, member)
	case runFeature:
		return levelOn(f.Experiments, member)
	}
	return true
}

func levelOn(l Level, member bool) bool {
	return l == Enabled || l == Everyone || l == MembersOnly && member
}

// namespace is the gate to a group: least is the role that is needed; NoRole
// is for whoever may see it.
func (s Session) namespace(ctx context.Context, tx Tx, ref NamespaceRef, least Role) (Namespace, Role, error) {
	r := rule{role: least, scopes: readScopes, write: least > Guest}
	if r.write {
		r.scopes = auth.ScopeAPI
	}
	return s.group(ctx, tx, ref, r)
}

// group is the same gate with a rule.
func (s Session) group(ctx context.Context, tx Tx, ref NamespaceRef, r rule) (Namespace, Role, error) {
	if err := s.scope(r); err != nil {
		return Namespace{}, 0, err
	}
	if r.write && s.actor.Anonymous() {
		return Namespace{}, 0, fault.SignIn("")
	}
	ns, role, err := tx.NamespaceAccess(ctx, ref, s.viewer())
	if err != nil {
		return Namespace{}, 0, err
	}
	if s.actor.Admin {
		role = Owner
	}
	switch {
	case s.actor.ProjectID != 0, role < Guest && !s.sees(ns.Visibility):
		return Namespace{}, 0, fault.Missing("group", ns.FullPath)
	case role < r.role:
		return Namespace{}, 0, s.refused()
	}
	return ns, role, nil
}

// account is the gate to what belongs to accounts, not to a place: the actor
// must have signed in with one of the scopes; admin asks for an administrator.
func (s Session) account(want auth.Scopes, admin bool) error {
	if s.actor.Anonymous() {
		return fault.SignIn("")
	}
	if err := s.scope(rule{scopes: want}); err != nil {
		return err
	}
	if admin && !s.actor.Admin {
		return fault.Denied("", "administrators only")
	}
	return s.notAJob()
}

// notAJob keeps the tokens of CI jobs, which are for the registry of one
// project, from everything else.
func (s Session) notAJob() error {
	if s.actor.Kind == auth.Job {
		return fault.Denied("", "a token of one project cannot do this")
	}
	return nil
}

func (s Session) viewer() Viewer {
	return Viewer{UserID: s.actor.UserID, Admin: s.actor.Admin, Members: s.actor.Bot, GroupID: s.actor.GroupID, Now: s.now()}
}

// itoa names a row in an error.
func itoa(n int64) string { return strconv.FormatInt(n, 10) }
