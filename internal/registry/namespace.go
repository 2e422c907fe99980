package registry

import (
	"context"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// OwnNamespaces lists the namespaces that the actor is a member of, their own
// among them; administrators see all.
func (s Session) OwnNamespaces(ctx context.Context, q NamespaceQuery) (List[Namespace], error) {
	if err := s.account(readScopes, false); err != nil {
		return List[Namespace]{}, err
	}
	q.Viewer = s.viewer()
	q.Viewer.Members = true
	return view(ctx, s, func(tx Tx) (List[Namespace], error) { return tx.ListNamespaces(ctx, q) })
}

// Namespace gives one namespace that the actor is a member of.
func (s Session) Namespace(ctx context.Context, ref NamespaceRef) (Namespace, error) {
	if err := s.account(readScopes, false); err != nil {
		return Namespace{}, err
	}
	return view(ctx, s, func(tx Tx) (Namespace, error) {
		n, _, err := s.membersOnly(ctx, tx, ref)
		return n, err
	})
}

// NamespaceTaken reports whether a path is taken at the top or in a parent, and
// if so suggests one that is free. Whether it is is told to every account, as
// in GitLab: who makes a group is told, too. In a parent that the actor does not
// see nothing is taken.
func (s Session) NamespaceTaken(ctx context.Context, path string, parentID int64) (taken bool, free string, err error) {
	if err := s.account(readScopes, false); err != nil {
		return false, "", err
	}
	err = s.r.store.View(ctx, func(tx Tx) error {
		if parentID != 0 {
			_, _, err := s.namespace(ctx, tx, NamespaceRef{ID: parentID, Kind: GroupNamespace}, NoRole)
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		l, err := tx.ListNamespaces(ctx, NamespaceQuery{TopOnly: parentID == 0, ParentID: parentID, PathPrefix: path,
			Order: Order{By: "path"}, Page: Page{Limit: MaxLimit, NoTotal: true}, Viewer: Viewer{Admin: true}})
		if err != nil {
			return err
		}
		taken, free = firstFree(path, l.Items)
		return nil
	})
	return taken, free, err
}

// firstFree looks for a path among those that begin like it, and for the lowest
// number that makes a free one of it.
func firstFree(path string, have []Namespace) (taken bool, free string) {
	paths := map[string]bool{}
	for _, n := range have {
		paths[strings.ToLower(n.Path)] = true
	}
	if !paths[strings.ToLower(path)] {
		return false, ""
	}
	for i := 1; ; i++ {
		if free = path + strconv.Itoa(i); !paths[strings.ToLower(free)] {
			return true, free
		}
	}
}

// GroupsIn lists the groups in a group that the actor may see: those directly
// in it, or with deep those below, too.
func (s Session) GroupsIn(ctx context.Context, ref NamespaceRef, q NamespaceQuery, deep bool) (List[Namespace], error) {
	return view(ctx, s, func(tx Tx) (List[Namespace], error) {
		n, _, err := s.namespace(ctx, tx, ref, NoRole)
		if err != nil {
			return List[Namespace]{}, err
		}
		q := q
		if q.ParentID = n.ID; deep {
			q.ParentID, q.BelowID = 0, n.ID
		}
		q.Viewer = s.viewer()
		return tx.ListNamespaces(ctx, q)
	})
}
