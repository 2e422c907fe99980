package registry

import (
	"context"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// maxDepth bounds nested groups, as GitLab does.
const maxDepth = 20

// Group gives one group that the actor may see.
func (s Session) Group(ctx context.Context, ref NamespaceRef) (Namespace, error) {
	return view(ctx, s, func(tx Tx) (Namespace, error) {
		n, _, err := s.namespace(ctx, tx, ref, NoRole)
		return n, err
	})
}

// Namespaces lists the namespaces that the actor may see.
func (s Session) Namespaces(ctx context.Context, q NamespaceQuery) (List[Namespace], error) {
	if err := s.scope(rule{scopes: readScopes}); err != nil {
		return List[Namespace]{}, err
	}
	if err := s.notAJob(); err != nil {
		return List[Namespace]{}, err
	}
	q.Viewer = s.viewer()
	return view(ctx, s, func(tx Tx) (List[Namespace], error) { return tx.ListNamespaces(ctx, q) })
}

// CreateGroup makes a group, of which the actor becomes the owner; inside
// another group this needs the role of maintainer there.
func (s Session) CreateGroup(ctx context.Context, spec GroupSpec) (Namespace, error) {
	if err := s.account(auth.ScopeAPI, false); err != nil {
		return Namespace{}, err
	}
	if s.actor.Bot && spec.ParentID == 0 {
		return Namespace{}, fault.Denied("group", "an access token makes groups inside its own only; give parent_id")
	}
	n := Namespace{ParentID: spec.ParentID, Kind: GroupNamespace, Path: spec.Path, Name: cut(spec.Name),
		Description: spec.Description, Visibility: spec.Visibility, CreatedAt: s.now(), UpdatedAt: s.now()}
	if n.Visibility == "" {
		n.Visibility = Private
	}
	if err := checkGroup(n); err != nil {
		return Namespace{}, err
	}
	return update(ctx, s, func(tx Tx) (Namespace, error) {
		n := n
		if err := s.placeGroup(ctx, tx, &n); err != nil {
			return Namespace{}, err
		}
		id, err := tx.InsertNamespace(ctx, n)
		if err != nil {
			return Namespace{}, err
		}
		n.ID = id
		if err := s.note(ctx, tx, Event{Act: GroupCreated, GroupID: id, Subject: n.FullPath}); err != nil {
			return Namespace{}, err
		}
		if s.actor.IsSystem() {
			return n, nil
		}
		owner := Member{User: UserRef{ID: s.actor.UserID}, Role: Owner, CreatedAt: s.now()}
		return n, tx.PutMember(ctx, Place{NamespaceID: id}, owner)
	})
}

func checkGroup(n Namespace) error {
	if err := checkTitle(n.Name); err != nil {
		return err
	}
	if err := checkPlacePath("path", n.Path, n.ParentID == 0); err != nil {
		return err
	}
	if err := checkVisibility(n.Visibility); err != nil {
		return err
	}
	return checkDescription(n.Description)
}

func checkVisibility(v Visibility) error {
	if v != Private && v != Internal && v != Public {
		return fault.Invalidf("visibility", "does not have a valid value")
	}
	return nil
}

// openness orders visibilities; nothing inside a place is more open than it.
var openness = map[Visibility]int{Private: 0, Internal: 1, Public: 2}

// placeGroup fills the full path and name of n from its parent.
func (s Session) placeGroup(ctx context.Context, tx Tx, n *Namespace) error {
	n.FullPath, n.FullName = n.Path, n.Name
	if n.ParentID == 0 {
		return nil
	}
	parent, _, err := s.namespace(ctx, tx, NamespaceRef{ID: n.ParentID, Kind: GroupNamespace}, Maintainer)
	if err != nil {
		return err
	}
	if err := checkInside(*n, parent); err != nil {
		return err
	}
	n.FullPath, n.FullName = parent.FullPath+"/"+n.Path, parent.FullName+" / "+n.Name
	if depth(n.FullPath) > maxDepth {
		return fault.Invalidf("parent_id", "has too deep level of nesting (maximum is 20)")
	}
	return nil
}

// checkInside refuses a group that is more open than its parent.
func checkInside(n, parent Namespace) error {
	if openness[n.Visibility] > openness[parent.Visibility] {
		return fault.Invalidf("visibility_level", "%s is not allowed since the parent group has %s visibility", n.Visibility, parent.Visibility)
	}
	return nil
}

// checkOpenness refuses a visibility that the parent of a group or what is in
// the group does not allow.
func (s Session) checkOpenness(ctx context.Context, tx Tx, n Namespace) error {
	if n.ParentID != 0 {
		parent, _, err := tx.NamespaceAccess(ctx, NamespaceRef{ID: n.ParentID}, s.viewer())
		if err != nil {
			return err
		}
		if err := checkInside(n, parent); err != nil {
			return err
		}
	}
	below, err := tx.VisibilitiesBelow(ctx, n.ID)
	if err != nil {
		return err
	}
	for _, v := range below {
		if openness[v] > openness[n.Visibility] {
			return fault.Invalidf("visibility_level", "%s is not allowed since the group holds projects or groups with %s visibility", n.Visibility, v)
		}
	}
	return nil
}

func depth(path string) int {
	n := 1
	for _, c := range path {
		if c == '/' {
			n++
		}
	}
	return n
}

// EditGroup changes a group. Owners only.
func (s Session) EditGroup(ctx context.Context, ref NamespaceRef, e GroupEdit) (Namespace, error) {
	return update(ctx, s, func(tx Tx) (Namespace, error) {
		n, _, err := s.namespace(ctx, tx, ref, Owner)
		if err != nil {
			return Namespace{}, err
		}
		oldPath, oldName := n.Path, n.Name
		set(&n.Name, e.Name)
		set(&n.Path, e.Path)
		set(&n.Description, e.Description)
		set(&n.Visibility, e.Visibility)
		n.Name, n.UpdatedAt = cut(n.Name), s.now()
		if err := checkGroup(n); err != nil {
			return Namespace{}, err
		}
		if e.Visibility != nil {
			if err := s.checkOpenness(ctx, tx, n); err != nil {
				return Namespace{}, err
			}
		}
		n.FullPath = n.FullPath[:len(n.FullPath)-len(oldPath)] + n.Path
		n.FullName = n.FullName[:len(n.FullName)-len(oldName)] + n.Name
		if err := tx.UpdateNamespace(ctx, n); err != nil {
			return Namespace{}, err
		}
		return n, s.note(ctx, tx, Event{Act: GroupEdited, GroupID: n.ID, Subject: n.FullPath})
	})
}

// DeleteGroup removes a group with everything in it. Owners only.
func (s Session) DeleteGroup(ctx context.Context, ref NamespaceRef) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		n, _, err := s.namespace(ctx, tx, ref, Owner)
		if err != nil {
			return err
		}
		if err := tx.HideProjectsBelow(ctx, n.ID, s.now()); err != nil {
			return err
		}
		if err := tx.DeleteNamespace(ctx, n.ID); err != nil {
			return err
		}
		if err := s.note(ctx, tx, Event{Act: GroupDeleted, GroupID: n.ID, Place: n.FullPath, Subject: n.FullPath}); err != nil {
			return err
		}
		return tx.Enqueue(ctx, purgeJob(s.now()))
	})
}
