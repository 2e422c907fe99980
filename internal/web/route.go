package web

import (
	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// gate says what kind of permission a page needs; the registry enforces it,
// this table declares it, and a test compares the two for every role.
type gate uint8

const (
	_         gate = iota
	anyone         // no account needed
	signedIn       // any account
	adminOnly      // administrators; for others the page is not there
	inProject      // a permission in the project
	inGroup        // a role in the group
)

// access is the declared permission of a route.
type access struct {
	gate gate
	perm registry.Permission // for inProject
	role registry.Role       // for inGroup; NoRole: whoever may see it
}

func project(p registry.Permission) access { return access{gate: inProject, perm: p} }

func group(least registry.Role) access { return access{gate: inGroup, role: least} }

// groupScopes is what a token needs in a group; browsers have all scopes.
const groupScopes = auth.ScopeAPI

// route is one page, or what a form of it does. The pattern of a page of a
// project or group is what follows its "/-" (its own page: "/{$}").
type route struct {
	method, pattern string
	access          access
	run             func(*call) error
	bytes           bool // whole files go through it
}

// withBytes marks a route through which whole files go: as long as it takes, but
// not when they stall.
func (rt route) withBytes() route {
	rt.bytes = true
	return rt
}

func get(pattern string, a access, run func(*call) error) route {
	return route{method: "GET", pattern: pattern, access: a, run: run}
}

func post(pattern string, a access, run func(*call) error) route {
	return route{method: "POST", pattern: pattern, access: a, run: run}
}

// table is the whole application.
func (d *door) table() []route {
	var all []route
	for _, part := range [][]route{d.assetRoutes(), signInRoutes(), homeRoutes(), projectRoutes(), modelRoutes(), versionRoutes(), fileRoutes(), loggedRoutes(), compareRoutes(), experimentRoutes(), runRoutes(), chartRoutes(), mlflowRoutes(),
		aroundRoutes()} {
		all = append(all, part...)
	}
	return all
}
