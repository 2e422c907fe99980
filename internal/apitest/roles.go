package apitest

import (
	"strconv"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Caller is somebody who is sent through the routes.
type Caller struct {
	Who   string        // name of the token; "" is anonymous
	Level registry.Role // orders the rights in a private project
}

// Callers are those whom a walk over all routes sends.
var Callers = []Caller{{"", registry.NoRole}, {"stranger", registry.NoRole}, {"guest", registry.Guest}, {"reporter", registry.Reporter},
	{"developer", registry.Developer}, {"maintainer", registry.Maintainer}, {"owner", registry.Owner}, {"boss", 60}}

// Outcome is what a route may answer: passed the gate, or the status of one
// refusal.
type Outcome string

// The outcomes.
const (
	Passes Outcome = "anything but 401, 403" // 404 too: of things that the world lacks
	Asks   Outcome = "401"
	Hides  Outcome = "404"
	Denies Outcome = "403"
)

// Matches reports whether a status is the outcome.
func (o Outcome) Matches(status int) bool {
	if o == Passes {
		return status != 401 && status != 403
	}
	return string(o) == strconv.Itoa(status)
}

// Least are the roles that permissions need in a private project.
var Least = map[registry.Permission]registry.Role{registry.ReadProject: registry.Guest, registry.ReadModels: registry.Guest,
	registry.WriteModels: registry.Developer, registry.ReadRuns: registry.Guest, registry.WriteRuns: registry.Developer,
	registry.PullFiles: registry.Reporter, registry.PushFiles: registry.Developer, registry.ReadMembers: registry.Guest, registry.ReadInvitations: registry.Maintainer, registry.PullPackages: registry.Reporter,
	registry.PushPackages: registry.Developer, registry.DeletePackages: registry.Maintainer,
	registry.ManageMembers: registry.Maintainer, registry.ReadTokens: registry.Maintainer, registry.ReadEvents: registry.Developer, registry.ManageTokens: registry.Maintainer,
	registry.EditProject: registry.Maintainer, registry.MoveProject: registry.Owner, registry.DeleteProject: registry.Owner}

// Writes are the permissions for which an anonymous caller is asked to sign in.
var Writes = map[registry.Permission]bool{registry.WriteModels: true, registry.WriteRuns: true, registry.PushFiles: true, registry.PushPackages: true, registry.DeletePackages: true,
	registry.ReadInvitations: true, registry.ManageMembers: true, registry.ReadTokens: true, registry.ReadEvents: true, registry.ManageTokens: true, registry.EditProject: true, registry.MoveProject: true, registry.DeleteProject: true}

// Expect gives what a caller gets who needs a role, at least, in a private
// place.
func (c Caller) Expect(need registry.Role, write bool) Outcome {
	switch {
	case c.Who == "" && write:
		return Asks
	case c.Level == registry.NoRole:
		return Hides
	case c.Level < need:
		return Denies
	}
	return Passes
}
