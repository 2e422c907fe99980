package web

import (
	"strings"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// eventRoutes are the pages that tell what was done. GitLab has the project's at
// /:project/activity, which leads here.
func eventRoutes() []route {
	return []route{
		get("/ml/models/{model}/activity", project(registry.ReadModels), showModelActivity),
		get("/activity", project(registry.ReadProject), showActivity),
	}
}

// told is an event in words: somebody Before Subject After.
type told struct {
	registry.Event
	Before, After string
	Href          string // of the subject; "": none, or not any more
	By            string // what the actor came with
}

// deeds are the words for acts; what follows the subject may have the detail as
// its %.
var deeds = map[registry.Act][2]string{
	registry.ModelCreated:       {"made the model", ""},
	registry.ModelEdited:        {"edited the model", ""},
	registry.ModelRenamed:       {"renamed to", "the model %"},
	registry.ModelTagged:        {"changed of the model", "the metadata %"},
	registry.ModelDeleted:       {"deleted the model", ""},
	registry.VersionPublished:   {"published", ""},
	registry.VersionEdited:      {"edited", ""},
	registry.VersionTagged:      {"changed of", "the metadata %"},
	registry.VersionStaged:      {"moved", "to the stage %"},
	registry.VersionDeleted:     {"deleted", ""},
	registry.AliasMoved:         {"pointed the alias", "to %"},
	registry.AliasDeleted:       {"removed the alias", "of %"},
	registry.FileUploaded:       {"uploaded", "to %"},
	registry.FileDeleted:        {"deleted", "from %"},
	registry.ExperimentDeleted:  {"deleted the experiment", "(number %)"},
	registry.ExperimentRestored: {"restored the experiment", "(number %)"},
	registry.RunCreated:         {"started the run", "(number %)"},
	registry.RunDeleted:         {"deleted the run", "(number %)"},
	registry.RunRestored:        {"restored the run", "(number %)"},
	registry.RunPromoted:        {"made of the run", "the version %"},
	registry.ProjectCreated:     {"made the project", ""},
	registry.ProjectEdited:      {"changed the settings of", ""},
	registry.ProjectMoved:       {"moved to", "the project %"},
	registry.ProjectArchived:    {"archived", ""},
	registry.ProjectReopened:    {"unarchived", ""},
	registry.ProjectDeleted:     {"deleted the project", ""},
	registry.GroupCreated:       {"made the group", ""},
	registry.GroupEdited:        {"changed the settings of the group", ""},
	registry.GroupMoved:         {"moved to", "the group %"},
	registry.GroupDeleted:       {"deleted the group", ""},
	registry.MemberAdded:        {"added", "as %"},
	registry.MemberEdited:       {"made", "%"},
	registry.MemberRemoved:      {"removed the member", ""},
	registry.TokenCreated:       {"made the token", "(%)"},
	registry.TokenRotated:       {"rotated the token", "(%)"},
	registry.TokenRevoked:       {"revoked the token", "(%)"},
	registry.TokenRefused:       {"was refused with", "from %"},
	registry.TokenReused:        {"used an old secret of the token", "so that its successors ended: %"},
	registry.UserCreated:        {"made the account", ""},
	registry.UserEdited:         {"changed the account", ""},
	registry.UserBlocked:        {"blocked", ""},
	registry.UserUnblocked:      {"unblocked", ""},
	registry.UserPromoted:       {"made", "an administrator"},
	registry.UserDemoted:        {"took from", "the rights of an administrator"},
	registry.UserPassword:       {"changed the password of", ""},
	registry.UserSignedIn:       {"signed in as", "from %"},
	registry.UserSignedOut:      {"signed out as", ""},
	registry.UserSessionEnded:   {"ended a session of", "(number %)"},
	registry.UserOthersEnded:    {"ended all other sessions of", "(%)"},
	registry.UserRefused:        {"gave a wrong password for", "from %"},
	registry.UserDeleted:        {"deleted the account", ""},
}

// tell puts events into words.
func tell(events []registry.Event) []told {
	out := make([]told, len(events))
	for i, e := range events {
		deed, detail := deeds[e.Act], e.Detail
		if e.Act.Topic() == "member" {
			detail = roleName(registry.Role(atoi(detail)))
		}
		if e.Act.Topic() == "file" {
			detail = packageName(detail)
		}
		if refused[e.Act] {
			detail = orElse(detail, "many addresses")
		}
		out[i] = told{Event: e, Before: deed[0], Href: subjectOf(e), By: cameWith(e)}
		if detail != "" || !strings.Contains(deed[1], "%") {
			out[i].After = strings.Replace(deed[1], "%", detail, 1)
		}
		out[i].Subject = subjectIn(e)
		out[i].After = timesIn(e) + out[i].After
	}
	return out
}

// refused are the acts of somebody whom nobody knows.
var refused = map[registry.Act]bool{registry.UserRefused: true, registry.TokenRefused: true}

// subjectIn is the name of what an event is about.
func subjectIn(e registry.Event) string {
	switch {
	case e.Act == registry.FileDeleted:
		return orElse(e.Subject, "all files")
	case e.Act == registry.UserRefused:
		return orElse(e.Subject, "an account that there is not")
	case e.Act == registry.TokenRefused && e.Subject != "":
		return "the ended token " + e.Subject
	case e.Act == registry.TokenRefused:
		return "an unknown token"
	case e.Act.Topic() == "alias":
		return "@" + e.Subject
	}
	return e.Subject
}

// timesIn says how often it was, if more than once.
func timesIn(e registry.Event) string {
	switch {
	case e.Times < 2:
		return ""
	case refused[e.Act]:
		return grouped(e.Times) + " times "
	}
	return "and " + grouped(e.Times-1) + " more "
}

// subjectOf gives the page of what an event is about.
func subjectOf(e registry.Event) string {
	switch topic := e.Act.Topic(); {
	case strings.HasSuffix(string(e.Act), ".deleted") && topic != "alias" && topic != "file":
		return ""
	case e.ModelID != 0 && e.Place != "" && topic != "file":
		return modelPath(e.Place, e.ModelID)
	case topic == "project":
		return "/" + e.Subject
	case topic == "group":
		return groupPrefix + e.Subject
	}
	return ""
}

// cameWith says how an actor came.
func cameWith(e registry.Event) string {
	switch e.TokenKind {
	case auth.Browser:
		return "in a browser"
	case auth.Deploy:
		return ""
	case auth.Personal, auth.Job:
		return "by " + string(e.TokenKind) + " token " + itoa(e.TokenID)
	}
	return ""
}

type activityPage struct {
	frame
	Events []told
	Pager  pager
	Topics []choice
}

// topicChoices offers what events are about.
func topicChoices(chosen string) []choice {
	out := []choice{{Text: "everything"}}
	for _, t := range registry.Topics() {
		out = append(out, choice{t, t + "s", t == chosen})
	}
	return out
}

// topics is the filter of the address.
func (c *call) topics() (chosen string, all []string) {
	if chosen = c.r.URL.Query().Get("topic"); chosen != "" {
		all = []string{chosen}
	}
	return chosen, all
}

func showActivity(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	p := &activityPage{}
	chosen, topics := c.topics()
	err = c.s.Snapshot(c.ctx(), func(s registry.Session) error {
		pr, err := s.Project(c.ctx(), c.ref)
		if err != nil {
			return err
		}
		p.frame = c.projectFrame(pr, "activity", "Activity")
		l, err := s.ProjectEvents(c.ctx(), c.ref, registry.EventQuery{Page: page, Topics: topics})
		p.Events, p.Pager, p.Topics = tell(l.Items), c.keyPager(l.Next), topicChoices(chosen)
		return err
	})
	if err != nil {
		return err
	}
	return c.render("activity", p)
}

// modelActivity is the page of a model with what was done to it.
type modelActivity struct {
	*modelPage
	Events []told
}

func showModelActivity(c *call) error {
	page, err := c.keyed()
	if err != nil {
		return err
	}
	a := &modelActivity{}
	a.modelPage, err = c.modelTab("activity", registry.ReadModels, func(s registry.Session, p *modelPage, ref registry.ModelRef) error {
		l, err := s.ModelEvents(c.ctx(), c.ref, ref, page)
		a.Events, p.Pager = tell(l.Items), c.keyPager(l.Next)
		return err
	})
	if err != nil {
		return err
	}
	return c.render("model_activity", a)
}
