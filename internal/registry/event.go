package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

// Event is something that somebody did. It is written in the transaction of the
// act, outlives what it is about, and never holds a secret: of metadata it has
// the names, of tokens what lists show of them.
type Event struct {
	ID        int64
	At        time.Time
	Actor     UserRef   // Username as it was; ID 0: the system, or a deploy token
	TokenKind auth.Kind // how the actor came; empty: the system
	TokenID   int64
	Act       Act
	ProjectID int64  // or GroupID, or neither
	GroupID   int64  // of a group
	ModelID   int64  // of what is about a model
	UserID    int64  // of what is about an account, or a member
	Whose     string // whose account a refusal is about: it is found by that name, as nobody did it
	Place     string // full path of the project or group, as it was
	Subject   string // to what it was done, by its name then
	Detail    string // what more there is to say
	Times     int64  // how often, within a minute; 0 counts as 1
	Tally     string // what is the same of those that count as one; "": counts alone
}

// Act names what was done, as in "model.created": a topic and a deed.
type Act string

// The acts. What Subject and Detail are stands beside them, where it is not the
// name of the thing and nothing.
const (
	ModelCreated       Act = "model.created"
	ModelEdited        Act = "model.edited"
	ModelRenamed       Act = "model.renamed" // detail: the old name
	ModelTagged        Act = "model.tagged"  // detail: the entry's name
	ModelDeleted       Act = "model.deleted"
	VersionPublished   Act = "version.published" // subject: model and version
	VersionEdited      Act = "version.edited"
	VersionTagged      Act = "version.tagged" // detail: the entry's name
	VersionStaged      Act = "version.staged" // detail: the stage
	VersionDeleted     Act = "version.deleted"
	AliasMoved         Act = "alias.moved" // subject: the alias; detail: model and version
	AliasDeleted       Act = "alias.deleted"
	FileUploaded       Act = "file.uploaded"      // subject: the first path; detail: the package
	FileDeleted        Act = "file.deleted"       // subject: the path; detail: the package
	ExperimentDeleted  Act = "experiment.deleted" // detail: its number
	ExperimentRestored Act = "experiment.restored"
	RunCreated         Act = "run.created" // subject: the first name; detail: its number
	RunDeleted         Act = "run.deleted"
	RunRestored        Act = "run.restored"
	RunPromoted        Act = "run.promoted" // detail: model and version
	ProjectCreated     Act = "project.created"
	ProjectEdited      Act = "project.edited"
	ProjectMoved       Act = "project.moved" // detail: the old path
	ProjectArchived    Act = "project.archived"
	ProjectReopened    Act = "project.reopened"
	ProjectDeleted     Act = "project.deleted"
	GroupCreated       Act = "group.created"
	GroupEdited        Act = "group.edited"
	GroupMoved         Act = "group.moved" // detail: the old path
	GroupDeleted       Act = "group.deleted"
	MemberAdded        Act = "member.added" // subject: who; detail: the role's number
	MemberEdited       Act = "member.edited"
	MemberRemoved      Act = "member.removed"
	TokenCreated       Act = "token.created" // detail: sort, whose, and scopes
	TokenRotated       Act = "token.rotated"
	TokenRevoked       Act = "token.revoked"
	TokenRefused       Act = "token.refused" // subject: the name of one that has ended; detail: the address
	TokenReused        Act = "token.reused"  // an old secret was used; its family ended
	UserCreated        Act = "user.created"
	UserEdited         Act = "user.edited"
	UserBlocked        Act = "user.blocked"
	UserUnblocked      Act = "user.unblocked"
	UserPromoted       Act = "user.promoted" // to administrator
	UserDemoted        Act = "user.demoted"
	UserPassword       Act = "user.password"
	UserSignedIn       Act = "user.signed_in"      // detail: the address
	UserSignedOut      Act = "user.signed_out"     // detail: the number of the session
	UserSessionEnded   Act = "user.session_ended"  // detail: the number of the session
	UserOthersEnded    Act = "user.sessions_ended" // all but this one; detail: how many
	UserRefused        Act = "user.refused"        // a wrong password; detail: the address
	UserDeleted        Act = "user.deleted"
)

// Topic is what an act is about.
func (a Act) Topic() string {
	topic, _, _ := strings.Cut(string(a), ".")
	return topic
}

// topics are what acts are about, and what somebody needs in a project to see
// that they were done.
var topics = []struct {
	name string
	need Permission
}{
	{"model", ReadModels}, {"version", ReadModels}, {"alias", ReadModels}, {"file", ReadModels}, {"experiment", ReadRuns}, {"run", ReadRuns},
	{"project", ReadProject}, {"group", ReadProject}, {"member", ReadMembers}, {"token", ReadTokens}, {"user", ManageTokens},
}

// Topics lists what acts are about.
func Topics() []string {
	out := make([]string, len(topics))
	for i, t := range topics {
		out[i] = t.name
	}
	return out
}

// EventQuery narrows a list of events, which has the latest first.
type EventQuery struct {
	Page      Page
	ID        int64
	Topics    []string // nil: all
	Actor     string   // username, without case; or whose account a refusal is about
	ActorID   int64
	ProjectID int64
	GroupID   int64
	ModelID   int64
	UserID    int64  // with Entity: UserEntity
	Entity    Entity // what it is about
	Text      string // part of the act, subject, detail, place or actor
	When      Span
}

// note records that the actor did something. The clock of At is the session's.
func (s Session) note(ctx context.Context, tx Tx, e Event) error {
	a := s.actor
	e.At, e.Actor = s.now(), UserRef{ID: a.UserID, Username: a.Username}
	e.TokenKind, e.TokenID = a.Kind, a.TokenID
	if a.Kind == auth.Deploy {
		e.TokenID, e.Actor.Username = a.DeployID, "deploy token "+itoa(a.DeployID)
	}
	return tx.InsertEvent(ctx, e)
}

// noteAll records several of them.
func (s Session) noteAll(ctx context.Context, tx Tx, es []Event) error {
	for _, e := range es {
		if err := s.note(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// about begins an event about a model.
func (m Model) about(a Act) Event {
	return Event{Act: a, ProjectID: m.ProjectID, ModelID: m.ID, Subject: m.Name}
}

// edited is the event of a model that may have had another name.
func edited(m Model, old string) Event {
	if old != m.Name {
		return m.about(ModelRenamed).with(old)
	}
	return m.about(ModelEdited)
}

// about begins an event about a version.
func (v Version) about(a Act) Event {
	return Event{Act: a, ProjectID: v.ProjectID, ModelID: v.ModelID, Subject: v.ModelName + " " + v.Semver}
}

// noteFiles records that a file of a package was deleted; "" is all of them.
func (s Session) noteFiles(ctx context.Context, tx Tx, k Package, path string) error {
	e, err := fileEvent(ctx, tx, FileDeleted, k, path)
	if err != nil {
		return err
	}
	return s.note(ctx, tx, e)
}

// fileEvent is an event about a file of a package.
func fileEvent(ctx context.Context, tx Tx, a Act, k Package, path string) (Event, error) {
	e := Event{Act: a, ProjectID: k.ProjectID, Subject: path, Detail: k.Name + " " + k.Version}
	if k.Type != ModelPackage {
		return e, nil
	}
	m, err := tx.ModelByName(ctx, k.ProjectID, k.Name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return e, err
	}
	e.ModelID = m.ID
	return e, nil
}

// with adds to an event what more there is to say.
func (e Event) with(detail string) Event {
	e.Detail = detail
	return e
}

// since is the event of a project that was something else.
func (p Project) since(old Project) Event {
	e := Event{Act: ProjectEdited, ProjectID: p.ID, Subject: p.FullPath}
	switch {
	case p.Archived && !old.Archived:
		e.Act = ProjectArchived
	case !p.Archived && old.Archived:
		e.Act = ProjectReopened
	case p.FullPath != old.FullPath:
		e.Act, e.Detail = ProjectMoved, old.FullPath
	}
	return e
}

// since are the events of an account that was something else; password says that
// it has another one.
func (u User) since(old User, password bool) []Event {
	var out []Event
	for _, c := range []struct {
		is, was bool
		on, off Act
	}{{u.Blocked, old.Blocked, UserBlocked, UserUnblocked}, {u.Admin, old.Admin, UserPromoted, UserDemoted}} {
		switch {
		case c.is && !c.was:
			out = append(out, u.about(c.on))
		case !c.is && c.was:
			out = append(out, u.about(c.off))
		}
	}
	if password {
		out = append(out, u.about(UserPassword))
	}
	if u.Username != old.Username || u.Name != old.Name || u.Email != old.Email {
		out = append(out, u.about(UserEdited))
	}
	return out
}

// in places an event.
func (p Place) in(e Event) Event {
	if e.ProjectID = p.ProjectID; p.ProjectID == 0 {
		e.GroupID = p.NamespaceID
	}
	return e
}

// about begins an event about an account.
func (u User) about(a Act) Event { return Event{Act: a, Subject: u.Username, UserID: u.ID} }

// self begins an event about the actor's account.
func (s Session) self(a Act) Event {
	return Event{Act: a, Subject: s.actor.Username, UserID: s.actor.UserID}
}

// about begins an event about an experiment.
func (e Experiment) about(a Act) Event {
	return Event{Act: a, ProjectID: e.ProjectID, ModelID: e.ModelID, Subject: e.Name, Detail: itoa(e.IID)}
}

// tokenEvent is an event about a token of whatever sort.
func tokenEvent(a Act, t auth.Token) Event {
	sort := string(t.Kind)
	if t.Impersonation {
		sort = "impersonation"
	}
	return Event{Act: a, ProjectID: t.ProjectID, GroupID: t.GroupID, UserID: t.UserID, Subject: t.Name,
		Detail: sort + " token " + itoa(t.ID) + ": " + strings.Join(t.Scopes.Names(), ", ")}
}

// deployEvent is an event about a deploy token.
func deployEvent(a Act, d DeployToken) Event {
	return Event{Act: a, ProjectID: d.ProjectID, GroupID: d.GroupID, Subject: d.Name,
		Detail: "deploy token " + itoa(d.ID) + ": " + strings.Join(d.Scopes.Names(), ", ")}
}

// ModelEvents lists what was done to a model and its versions.
func (s Session) ModelEvents(ctx context.Context, ref ProjectRef, which ModelRef, p Page) (List[Event], error) {
	return view(ctx, s, func(tx Tx) (List[Event], error) {
		_, m, err := s.model(ctx, tx, ref, which, ReadModels)
		if err != nil {
			return List[Event]{}, err
		}
		return tx.ListEvents(ctx, EventQuery{ModelID: m.ID, Page: p})
	})
}

// ProjectEvents lists what was done in a project, as far as the actor may see
// what it is about.
func (s Session) ProjectEvents(ctx context.Context, ref ProjectRef, q EventQuery) (List[Event], error) {
	return view(ctx, s, func(tx Tx) (List[Event], error) {
		pr, err := s.project(ctx, tx, ref, ReadProject)
		if err != nil {
			return List[Event]{}, err
		}
		q := q
		q.ProjectID = pr.ID
		if q.Topics = s.visibleTopics(pr, q.Topics); len(q.Topics) == 0 {
			return List[Event]{}, nil
		}
		return tx.ListEvents(ctx, q)
	})
}

// visibleTopics gives those of the wanted topics that the actor may see.
func (s Session) visibleTopics(pr Project, wanted []string) []string {
	var out []string
	for _, t := range topics {
		if (wanted == nil || slices.Contains(wanted, t.name)) && s.Allowed(pr, t.need) == nil {
			out = append(out, t.name)
		}
	}
	return out
}

// Events lists what was done anywhere. Administrators only. path names a project;
// "" is all.
func (s Session) Events(ctx context.Context, path string, q EventQuery) (List[Event], error) {
	if err := s.account(readScopes, true); err != nil {
		return List[Event]{}, err
	}
	return view(ctx, s, func(tx Tx) (List[Event], error) {
		q := q
		if path != "" {
			pr, err := tx.ProjectAccess(ctx, ProjectRef{Path: path}, s.viewer())
			if fault.Is(err, fault.NotFound) {
				return List[Event]{}, fault.Invalidf("project", "is not known: there is no project %s", path)
			}
			if err != nil {
				return List[Event]{}, err
			}
			q.ProjectID = pr.ID
		}
		return tx.ListEvents(ctx, q)
	})
}
