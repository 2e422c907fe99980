package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// PlaceRef names a group or a project.
type PlaceRef struct {
	Group   NamespaceRef
	Project ProjectRef
	InGroup bool
}

// placeNeed is what something needs in a project, and what in a group.
type placeNeed struct {
	project Permission
	group   rule
}

// What members and tokens of a place need.
var (
	readMembers   = placeNeed{ReadMembers, rule{scopes: readScopes}}
	readInvites   = placeNeed{ReadInvitations, rule{role: Owner, write: true, scopes: readScopes}}
	manageMembers = placeNeed{ManageMembers, rule{role: Owner, write: true, scopes: auth.ScopeAPI}}
	readTokens    = placeNeed{ReadTokens, rule{role: Owner, write: true, scopes: readScopes}}
	manageTokens  = placeNeed{ManageTokens, rule{role: Owner, write: true, scopes: auth.ScopeAPI}}
	readDeploys   = placeNeed{ReadTokens, rule{role: Maintainer, write: true, scopes: readScopes}}
)

// place is the gate to what both projects and groups have. It also gives the
// role that the actor may hand out at most.
func (s Session) place(ctx context.Context, tx Tx, ref PlaceRef, need placeNeed) (Place, Role, error) {
	if ref.InGroup {
		n, role, err := s.group(ctx, tx, ref.Group, need.group)
		return Place{NamespaceID: n.ID}, role, err
	}
	pr, err := s.project(ctx, tx, ref.Project, need.project)
	return Place{NamespaceID: pr.Namespace.ID, ProjectID: pr.ID}, s.role(pr), err
}

// Members lists the members of a place.
func (s Session) Members(ctx context.Context, ref PlaceRef, q MemberQuery) (List[Member], error) {
	return view(ctx, s, func(tx Tx) (List[Member], error) {
		q := q
		var err error
		if q.Place, _, err = s.place(ctx, tx, ref, readMembers); err != nil {
			return List[Member]{}, err
		}
		q.Now = s.now()
		return tx.ListMembers(ctx, q)
	})
}

// Invitations lists those who were invited to a place and have not come yet.
// There is never one: this server sends no mail, and whoever gets a role has it
// at once.
func (s Session) Invitations(ctx context.Context, ref PlaceRef) (List[Member], error) {
	return view(ctx, s, func(tx Tx) (List[Member], error) {
		_, _, err := s.place(ctx, tx, ref, readInvites)
		return List[Member]{}, err
	})
}

// Member gives one member of a place; with inherited, the highest role that
// the user has there or above.
func (s Session) Member(ctx context.Context, ref PlaceRef, userID int64, inherited bool) (Member, error) {
	l, err := s.Members(ctx, ref, MemberQuery{UserID: userID, Inherited: inherited, Page: Page{Limit: 1}})
	if err == nil && len(l.Items) == 0 {
		err = fault.Missing("member", itoa(userID))
	}
	if err != nil {
		return Member{}, err
	}
	return l.Items[0], nil
}

// Memberships lists the places where a user is a direct member. Administrators
// only.
func (s Session) Memberships(ctx context.Context, userID int64, q MembershipQuery) (List[Membership], error) {
	if err := s.account(selfScopes, true); err != nil {
		return List[Membership]{}, err
	}
	return view(ctx, s, func(tx Tx) (List[Membership], error) {
		if _, err := tx.UserByID(ctx, userID); err != nil {
			return List[Membership]{}, err
		}
		q := q
		q.UserID, q.Now = userID, s.now()
		return tx.ListMemberships(ctx, q)
	})
}

// MemberSpec is a role to be given.
type MemberSpec struct {
	UserID    int64
	Email     string // when UserID is 0
	Username  string // when there is neither
	Role      Role
	ExpiresAt *time.Time // nil: never, or as it was; a zero time: never
}

// AddMember gives a user a role; one who is a member already is a Conflict.
func (s Session) AddMember(ctx context.Context, ref PlaceRef, spec MemberSpec) (Member, error) {
	return s.putMember(ctx, ref, spec, false)
}

// EditMember changes the role of a member.
func (s Session) EditMember(ctx context.Context, ref PlaceRef, spec MemberSpec) (Member, error) {
	return s.putMember(ctx, ref, spec, true)
}

func (s Session) putMember(ctx context.Context, ref PlaceRef, spec MemberSpec, exists bool) (Member, error) {
	return update(ctx, s, func(tx Tx) (Member, error) {
		place, role, err := s.place(ctx, tx, ref, manageMembers)
		if err != nil {
			return Member{}, err
		}
		u, old, err := s.memberNow(ctx, tx, place, spec)
		switch {
		case err != nil:
			return Member{}, err
		case exists && old == nil:
			return Member{}, fault.Missing("member", itoa(u.ID))
		case !exists && old != nil:
			return Member{}, fault.Conflictf("member", "", "Member already exists")
		}
		if err := s.mayGive(role, u, old, spec); err != nil {
			return Member{}, err
		}
		return s.giveRole(ctx, tx, place, u, old, spec)
	})
}

// memberNow finds the user of a specification, and what they are in the place;
// nil: no direct member.
func (s Session) memberNow(ctx context.Context, tx Tx, p Place, spec MemberSpec) (User, *Member, error) {
	u, err := memberUser(ctx, tx, spec)
	if err != nil {
		return u, nil, err
	}
	old, err := tx.ListMembers(ctx, MemberQuery{Place: p, UserID: u.ID, Page: Page{Limit: 1}, Now: s.now()})
	if err != nil || len(old.Items) == 0 {
		return u, nil, err
	}
	return u, &old.Items[0], nil
}

// mayGive refuses what an actor with a role may not give, or nobody can have.
func (s Session) mayGive(role Role, u User, old *Member, spec MemberSpec) error {
	switch {
	case old == nil && u.Bot:
		return fault.Denied("member", "the bot of an access token belongs to its own place only")
	case spec.Role > role || old != nil && old.Role > role:
		return fault.Denied("member", "you cannot give or take a role above your own")
	case spec.ExpiresAt != nil && !spec.ExpiresAt.IsZero() && !spec.ExpiresAt.After(s.now()):
		return fault.Invalidf("expires_at", "cannot be a date in the past")
	}
	return nil
}

// giveRole makes a user a member, or changes what they are.
func (s Session) giveRole(ctx context.Context, tx Tx, p Place, u User, old *Member, spec MemberSpec) (Member, error) {
	m, act := Member{User: UserRef{ID: u.ID, Username: u.Username, Name: u.Name, Blocked: u.Blocked}, Role: spec.Role,
		CreatedAt: s.now(), CreatedBy: s.actor.UserID}, MemberAdded
	if old != nil {
		m.ExpiresAt, m.CreatedAt, m.CreatedBy, act = old.ExpiresAt, old.CreatedAt, old.CreatedBy, MemberEdited
	}
	set(&m.ExpiresAt, spec.ExpiresAt)
	if err := tx.PutMember(ctx, p, m); err != nil {
		return Member{}, err
	}
	if err := s.keepsOwner(ctx, tx, p, old != nil); err != nil {
		return Member{}, err
	}
	return m, s.note(ctx, tx, p.in(u.about(act).with(itoa(int64(m.Role)))))
}

func memberUser(ctx context.Context, tx Tx, spec MemberSpec) (User, error) {
	switch {
	case spec.UserID != 0:
		return tx.UserByID(ctx, spec.UserID)
	case spec.Email != "":
		return tx.UserByEmail(ctx, spec.Email)
	}
	return tx.UserByName(ctx, spec.Username)
}

// keepsOwner refuses a change that leaves a group without an owner.
func (s Session) keepsOwner(ctx context.Context, tx Tx, p Place, changed bool) error {
	if !changed || p.ProjectID != 0 {
		return nil
	}
	n, err := tx.CountOwners(ctx, p, s.now())
	if err == nil && n == 0 {
		err = fault.Denied("member", "a group needs an owner; make somebody else an owner first")
	}
	return err
}

// RemoveMember takes a role away; members may also leave by themselves.
func (s Session) RemoveMember(ctx context.Context, ref PlaceRef, userID int64) error {
	return s.r.store.Update(ctx, func(tx Tx) error {
		need := manageMembers
		if userID == s.actor.UserID && userID != 0 {
			need = readMembers // one may always leave
		}
		place, role, err := s.place(ctx, tx, ref, need)
		if err != nil {
			return err
		}
		l, err := tx.ListMembers(ctx, MemberQuery{Place: place, UserID: userID, Page: Page{Limit: 1}, Now: s.now()})
		if err != nil {
			return err
		}
		if len(l.Items) == 0 {
			return fault.Missing("member", itoa(userID))
		}
		if l.Items[0].Role > role {
			return fault.Denied("member", "you cannot remove somebody whose role is above your own")
		}
		if err := tx.DeleteMember(ctx, place, userID); err != nil {
			return err
		}
		if err := s.keepsOwner(ctx, tx, place, true); err != nil {
			return err
		}
		return s.note(ctx, tx, place.in(Event{Act: MemberRemoved, Subject: l.Items[0].User.Username, UserID: userID}))
	})
}
