package registry

import (
	"context"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Entity is the sort of thing that an event counts as being about.
type Entity uint8

// The sorts. An event is of the first of them that it names.
const (
	AnyEntity Entity = iota
	ProjectEntity
	GroupEntity
	UserEntity
	ServerEntity // nothing of the above: the server itself
)

// Entity tells what an event is about, and its id.
func (e Event) Entity() (Entity, int64) {
	switch {
	case e.ProjectID != 0:
		return ProjectEntity, e.ProjectID
	case e.GroupID != 0:
		return GroupEntity, e.GroupID
	case e.UserID != 0:
		return UserEntity, e.UserID
	}
	return ServerEntity, 0
}

// About narrows a query to events about one thing of a sort. The server has no
// id.
func (q EventQuery) About(what Entity, id int64) EventQuery {
	q.Entity = what
	switch what {
	case ProjectEntity:
		q.ProjectID = id
	case GroupEntity:
		q.GroupID = id
	case UserEntity:
		q.UserID = id
	}
	return q
}

// Address gives the address of the network that an event came from, "" when it
// was not noted.
func (e Event) Address() string {
	switch e.Act {
	case UserSignedIn, UserRefused, TokenRefused:
		return e.Detail
	}
	return ""
}

// Between is the stretch of time from one moment to another, with both; a zero
// end is open.
func Between(first, last time.Time) Span {
	if !first.IsZero() {
		first = first.Add(-time.Microsecond)
	}
	if !last.IsZero() {
		last = last.Add(time.Microsecond)
	}
	return Span{After: first, Before: last}
}

// readEvents is what the audit log of a place needs.
var readEvents = placeNeed{ReadEvents, rule{role: Developer, write: true, scopes: readScopes}}

// PlaceEvents lists what was done in a project, or to a group itself: all of it
// for a project's maintainers and a group's owners, and for developers what they
// did themselves, as in GitLab.
func (s Session) PlaceEvents(ctx context.Context, ref PlaceRef, q EventQuery) (List[Event], error) {
	return view(ctx, s, func(tx Tx) (List[Event], error) {
		p, role, err := s.place(ctx, tx, ref, readEvents)
		if err != nil {
			return List[Event]{}, err
		}
		q, all := q, Maintainer
		if q.ProjectID = p.ProjectID; ref.InGroup {
			q.GroupID, all = p.NamespaceID, Owner
		}
		if role < all {
			q.ActorID = s.actor.UserID
		}
		return tx.ListEvents(ctx, q)
	})
}

// PlaceEvent gives one of PlaceEvents.
func (s Session) PlaceEvent(ctx context.Context, ref PlaceRef, id int64) (Event, error) {
	l, err := s.PlaceEvents(ctx, ref, EventQuery{ID: id, Page: Page{Limit: 1, NoTotal: true}})
	return theEvent(l, id, err)
}

// Event gives one of Events. Administrators only.
func (s Session) Event(ctx context.Context, id int64) (Event, error) {
	l, err := s.Events(ctx, "", EventQuery{ID: id, Page: Page{Limit: 1, NoTotal: true}})
	return theEvent(l, id, err)
}

func theEvent(l List[Event], id int64, err error) (Event, error) {
	switch {
	case err != nil:
		return Event{}, err
	case len(l.Items) == 0:
		return Event{}, fault.Missing("audit event", itoa(id))
	}
	return l.Items[0], nil
}
