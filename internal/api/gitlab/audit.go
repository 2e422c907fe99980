package gitlab

import (
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// auditRoutes are GitLab's (doc/api/audit_events.md).
func auditRoutes() []route {
	out := []route{
		op("GET", "/audit_events", access{gate: adminOnly}, "List what was done anywhere, the latest first", listAuditEvents),
		op("GET", "/audit_events/{event_id}", access{gate: adminOnly}, "Get one audit event", getAuditEvent),
	}
	for _, in := range []struct {
		prefix string
		place  placeOf
		read   access
	}{
		{"/projects/{id}/audit_events", projectPlace, project(registry.ReadEvents)},
		{"/groups/{id}/audit_events", groupPlace, groupReading(registry.Developer)},
	} {
		m := audited{in.place}
		out = append(out,
			op("GET", in.prefix, in.read, "List what was done there, the latest first; developers see what they did themselves, as do maintainers of a group", m.list),
			op("GET", in.prefix+"/{event_id}", in.read, "Get one audit event", m.get))
	}
	return tagged("Audit events", out...)
}

// audited are the operations on the events of one kind of place.
type audited struct{ place placeOf }

// auditEventJSON has the fields of GitLab's entity AuditEvent, and the name of the
// author beside the details, too.
type auditEventJSON struct {
	ID         int64            `json:"id"`
	AuthorID   int64            `json:"author_id"`
	AuthorName string           `json:"author_name"`
	EntityID   int64            `json:"entity_id"`
	EntityType string           `json:"entity_type"`
	EventName  string           `json:"event_name"`
	Details    auditDetailsJSON `json:"details"`
	CreatedAt  stamp            `json:"created_at"`
}

// auditDetailsJSON are those of GitLab's details that every event has; detail,
// token_kind, token_id and times are ours.
type auditDetailsJSON struct {
	CustomMessage string `json:"custom_message"`
	EventName     string `json:"event_name"`
	AuthorName    string `json:"author_name"`
	AuthorClass   string `json:"author_class"`
	TargetID      *int64 `json:"target_id"`
	TargetType    string `json:"target_type"`
	TargetDetails string `json:"target_details"`
	IPAddress     text   `json:"ip_address"`
	EntityPath    string `json:"entity_path"`
	Detail        text   `json:"detail"`
	TokenKind     text   `json:"token_kind"`
	TokenID       *int64 `json:"token_id"`
	Times         int64  `json:"times"`
}

// entityTypes are GitLab's words for what events are about.
var entityTypes = map[registry.Entity]string{registry.ProjectEntity: "Project", registry.GroupEntity: "Group",
	registry.UserEntity: "User", registry.ServerEntity: "Gitlab::Audit::InstanceScope"}

// serverID is the id of the instance as an entity, and nobodyID that of an author
// who has not signed in (lib/gitlab/audit/instance_scope.rb and
// unauthenticated_author.rb). A deploy token has deployID (deploy_token_author.rb).
const (
	serverID int64 = 1
	nobodyID int64 = -1
	deployID int64 = -2
)

// targets are the classes of what acts are done to, by topic.
var targets = map[string]string{"model": "Ml::Model", "version": "Ml::ModelVersion", "alias": "Ml::ModelVersion", "file": "Packages::PackageFile",
	"experiment": "Ml::Experiment", "run": "Ml::Candidate", "project": "Project", "group": "Group", "member": "User", "token": "PersonalAccessToken", "user": "User"}

func (c *call) auditEvent(e registry.Event) auditEventJSON {
	entity, id := e.Entity()
	path, name := e.Place, strings.ReplaceAll(string(e.Act), ".", "_")
	switch entity {
	case registry.ServerEntity:
		id, path = serverID, "gitlab_instance"
	case registry.UserEntity:
		path = e.Subject
	}
	author, class := authorOf(e)
	return auditEventJSON{ID: e.ID, AuthorID: author, AuthorName: e.Actor.Username, EntityID: id, EntityType: entityTypes[entity], EventName: name,
		CreatedAt: stamp(e.At), Details: auditDetailsJSON{CustomMessage: sentenceOf(e.Act), EventName: name, AuthorName: e.Actor.Username, AuthorClass: class,
			TargetID: orNull(targetOf(e)), TargetType: targets[e.Act.Topic()], TargetDetails: e.Subject, IPAddress: text(e.Address()), EntityPath: path,
			Detail: text(e.Detail), TokenKind: text(e.TokenKind), TokenID: orNull(e.TokenID), Times: e.Times}}
}

func (c *call) oneEvent(e registry.Event, err error) (auditEventJSON, error) {
	if err != nil {
		return auditEventJSON{}, err
	}
	return c.auditEvent(e), nil
}

// authorOf tells who did it. What the server does by itself is in nobody's name.
func authorOf(e registry.Event) (id int64, class string) {
	switch {
	case e.TokenKind == auth.Deploy:
		return deployID, "DeployToken"
	case e.Actor.ID == 0:
		return nobodyID, "Gitlab::Audit::UnauthenticatedAuthor"
	}
	return e.Actor.ID, "User"
}

// targetOf gives the id of what was done something to, where events keep it.
func targetOf(e registry.Event) int64 {
	switch e.Act.Topic() {
	case "model":
		return e.ModelID
	case "project":
		return e.ProjectID
	case "group":
		return e.GroupID
	case "user", "member":
		return e.UserID
	}
	return 0
}

// sentenceOf says an act as GitLab does: "Project archived".
func sentenceOf(a registry.Act) string {
	s := strings.NewReplacer(".", " ", "_", " ").Replace(string(a))
	return strings.ToUpper(s[:1]) + s[1:]
}

type auditFilter struct {
	paging
	CreatedAfter  time.Time `param:"created_after" doc:"From this time on."`
	CreatedBefore time.Time `param:"created_before" doc:"Up to this time."`
}

// query translates the parameters that all lists of events have.
func (f auditFilter) query() (registry.EventQuery, error) {
	p, err := f.page()
	return registry.EventQuery{Page: p, When: registry.Between(f.CreatedAfter, f.CreatedBefore)}, err
}

func (m audited) list(c *call, in auditFilter) ([]auditEventJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.auditEvent)(c.s.PlaceEvents(c.ctx(), m.place(c), q))
}

func (m audited) get(c *call, _ none) (auditEventJSON, error) {
	id, err := c.id("event_id", "audit event")
	if err != nil {
		return auditEventJSON{}, err
	}
	return c.oneEvent(c.s.PlaceEvent(c.ctx(), m.place(c), id))
}

type serverAuditFilter struct {
	auditFilter
	EntityType string `param:"entity_type" doc:"User, Group, Project or Gitlab::Audit::InstanceScope."`
	EntityID   *int64 `param:"entity_id" doc:"What the events are about; needs entity_type."`
}

func (f serverAuditFilter) query() (registry.EventQuery, error) {
	q, err := f.auditFilter.query()
	if err != nil {
		return q, err
	}
	for entity, name := range entityTypes {
		if f.EntityType == name {
			q.Entity = entity
		}
	}
	switch {
	case f.EntityType != "" && q.Entity == registry.AnyEntity:
		return q, fault.Invalidf("entity_type", "does not have a valid value")
	case f.EntityID == nil:
		return q, nil
	case f.EntityType == "":
		return q, badParam("entity_type", httpx.MsgMissing)
	case *f.EntityID < 1:
		return q, badParam("entity_id", httpx.MsgInvalid)
	}
	return q.About(q.Entity, *f.EntityID), nil
}

func listAuditEvents(c *call, in serverAuditFilter) ([]auditEventJSON, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	return listed(c, in.paging, c.auditEvent)(c.s.Events(c.ctx(), "", q))
}

func getAuditEvent(c *call, _ none) (auditEventJSON, error) {
	id, err := c.id("event_id", "audit event")
	if err != nil {
		return auditEventJSON{}, err
	}
	return c.oneEvent(c.s.Event(c.ctx(), id))
}
