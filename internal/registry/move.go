package registry

import (
	"context"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// MoveProject takes a project to another namespace, where it keeps its name.
// It needs the owner of the project, and in the new place a maintainer of the
// group or the person whose namespace it is. A project that is more open than
// the group is closed as far. The old path leads to the new one.
func (s Session) MoveProject(ctx context.Context, ref ProjectRef, to NamespaceRef) (Project, error) {
	return update(ctx, s, func(tx Tx) (Project, error) {
		p, err := s.moveProject(ctx, tx, ref, to)
		if err != nil {
			return Project{}, err
		}
		return tx.ProjectAccess(ctx, ProjectRef{ID: p.ID}, s.viewer())
	})
}

// TakeProject is MoveProject as a group sees it, which it gives. Administrators
// only.
func (s Session) TakeProject(ctx context.Context, to NamespaceRef, ref ProjectRef) (Namespace, error) {
	if err := s.account(auth.ScopeAPI, true); err != nil {
		return Namespace{}, err
	}
	return update(ctx, s, func(tx Tx) (Namespace, error) {
		if _, err := s.moveProject(ctx, tx, ref, to); err != nil {
			return Namespace{}, err
		}
		n, _, err := tx.NamespaceAccess(ctx, to, s.viewer())
		return n, err
	})
}

func (s Session) moveProject(ctx context.Context, tx Tx, ref ProjectRef, to NamespaceRef) (Project, error) {
	p, err := s.project(ctx, tx, ref, MoveProject)
	if err != nil {
		return Project{}, err
	}
	ns, err := s.target(ctx, tx, to, p.Namespace.ID)
	if err != nil {
		return Project{}, err
	}
	old := p.FullPath
	p.Namespace, p.FullPath, p.UpdatedAt = ns, ns.FullPath+"/"+p.Path, s.now()
	if ns.Kind == GroupNamespace && openness[p.Visibility] > openness[ns.Visibility] {
		p.Visibility = ns.Visibility
	}
	err = tx.UpdateProject(ctx, p)
	if fault.Is(err, fault.Conflict) {
		err = stays("project", "Project with same name or path in target namespace already exists")
	}
	if err != nil {
		return p, err
	}
	if err := s.note(ctx, tx, Event{Act: ProjectMoved, ProjectID: p.ID, Subject: p.FullPath, Detail: old}); err != nil || ns.Kind != UserNamespace {
		return p, err
	}
	return p, s.ownProject(ctx, tx, ns, p.ID)
}

// ownProject makes the person of a namespace an owner of a project in it.
func (s Session) ownProject(ctx context.Context, tx Tx, ns Namespace, projectID int64) error {
	owner := Member{User: UserRef{ID: ns.OwnerID}, Role: Owner, CreatedAt: s.now(), CreatedBy: s.actor.UserID}
	return tx.PutMember(ctx, Place{NamespaceID: ns.ID, ProjectID: projectID}, owner)
}

// stays says why a project or group was not moved.
func stays(noun, why string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: noun + " transfer", Msg: why}
}

// target finds the namespace that a project shall go to from another.
func (s Session) target(ctx context.Context, tx Tx, to NamespaceRef, from int64) (Namespace, error) {
	ns, role, err := s.membersOnly(ctx, tx, to)
	switch {
	case err != nil:
		return Namespace{}, err
	case ns.ID == from:
		return Namespace{}, stays("project", "Project is already in this namespace.")
	case ns.Kind == GroupNamespace && role < Maintainer, ns.Kind == UserNamespace && role < Owner:
		return Namespace{}, stays("project", "You don't have permission to transfer projects into that namespace.")
	}
	return ns, nil
}

// membersOnly finds a namespace for those who are members of it, with their
// role; from others it is hidden, however open it is.
func (s Session) membersOnly(ctx context.Context, tx Tx, ref NamespaceRef) (Namespace, Role, error) {
	ns, role, err := tx.NamespaceAccess(ctx, ref, s.viewer())
	if err != nil {
		return Namespace{}, 0, err
	}
	if s.actor.Admin {
		role = Owner
	}
	if role < Guest {
		return Namespace{}, 0, fault.Missing("namespace", ns.FullPath)
	}
	return ns, role, nil
}

// MoveGroup takes a group with all that is in it to another group, or with the
// zero ref to the top. It needs the owner of the group, and a maintainer of the
// new parent. What is more open than the parent is closed as far. The old paths
// of projects lead to the new ones.
func (s Session) MoveGroup(ctx context.Context, ref, to NamespaceRef) (Namespace, error) {
	return update(ctx, s, func(tx Tx) (Namespace, error) {
		n, _, err := s.namespace(ctx, tx, ref, Owner)
		if err != nil {
			return Namespace{}, err
		}
		parent, err := s.parent(ctx, tx, n, to)
		if err != nil {
			return Namespace{}, err
		}
		old := n.FullPath
		n.ParentID, n.FullPath, n.FullName, n.UpdatedAt = parent.ID, n.Path, n.Name, s.now()
		if parent.ID != 0 {
			n.FullPath, n.FullName = parent.FullPath+"/"+n.Path, parent.FullName+" / "+n.Name
		}
		if err := s.rehang(ctx, tx, &n, parent); err != nil {
			return Namespace{}, err
		}
		if err := s.note(ctx, tx, Event{Act: GroupMoved, GroupID: n.ID, Subject: n.FullPath, Detail: old}); err != nil {
			return Namespace{}, err
		}
		return n, s.keepOwned(ctx, tx, n)
	})
}

// parent finds the new parent of a group; none is the zero Namespace.
func (s Session) parent(ctx context.Context, tx Tx, n Namespace, to NamespaceRef) (Namespace, error) {
	if to == (NamespaceRef{}) {
		switch {
		case n.ParentID == 0:
			return Namespace{}, stays("group", "Group is already a root group.")
		case s.actor.Bot:
			return Namespace{}, stays("group", "You don't have enough permissions.")
		}
		return Namespace{}, nil
	}
	p, role, err := s.namespace(ctx, tx, to, NoRole)
	switch {
	case err != nil:
		return Namespace{}, err
	case p.ID == n.ParentID:
		return Namespace{}, stays("group", "Group is already associated to the parent group.")
	case p.ID == n.ID, strings.HasPrefix(p.FullPath, n.FullPath+"/"):
		return Namespace{}, stays("group", "Cannot transfer group to one of its subgroup.")
	case role < Maintainer:
		return Namespace{}, stays("group", "You don't have enough permissions.")
	}
	return p, nil
}

// rehang writes a group below its new parent.
func (s Session) rehang(ctx context.Context, tx Tx, n *Namespace, parent Namespace) error {
	deepest, err := tx.DeepestBelow(ctx, n.ID)
	if err != nil {
		return err
	}
	if depth(n.FullPath)+deepest > maxDepth {
		return stays("group", "The groups below would be nested too deeply (maximum is 20).")
	}
	if parent.ID != 0 && openness[n.Visibility] > openness[parent.Visibility] {
		n.Visibility = parent.Visibility
		if err := tx.CapVisibility(ctx, n.ID, n.Visibility); err != nil {
			return err
		}
	}
	err = tx.UpdateNamespace(ctx, *n)
	if fault.Is(err, fault.Conflict) {
		err = stays("group", "The parent group already has a subgroup or a project with the same path.")
	}
	return err
}

// keepOwned makes the actor an owner of a group that has none of its own and
// none above it any more.
func (s Session) keepOwned(ctx context.Context, tx Tx, n Namespace) error {
	if n.ParentID != 0 || s.actor.UserID == 0 {
		return nil
	}
	place := Place{NamespaceID: n.ID}
	owners, err := tx.CountOwners(ctx, place, s.now())
	if err != nil || owners > 0 {
		return err
	}
	return tx.PutMember(ctx, place, Member{User: UserRef{ID: s.actor.UserID}, Role: Owner, CreatedAt: s.now(), CreatedBy: s.actor.UserID})
}
