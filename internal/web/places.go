package web

import (
	"slices"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// aroundRoutes are the pages around the models: places, accounts, administration.
func aroundRoutes() []route {
	return slices.Concat(memberRoutes(), placeTokenRoutes(), accountRoutes(), settingsRoutes(), groupRoutes(), eventRoutes(), adminRoutes(), searchRoutes(), upkeepRoutes())
}

// place is whose page it is, for what projects and groups both have.
func (c *call) place() registry.PlaceRef {
	return registry.PlaceRef{Project: c.ref, Group: c.group, InGroup: c.group.Path != ""}
}

// placeFrame makes the frame of a page that projects and groups both have.
func (c *call) placeFrame(s registry.Session, section, title string) (frame, error) {
	if c.group.Path != "" {
		n, err := s.Group(c.ctx(), c.group)
		if err != nil {
			return frame{}, err
		}
		return c.groupFrame(s, n, section, title), nil
	}
	p, err := s.Project(c.ctx(), c.ref)
	if err != nil {
		return frame{}, err
	}
	return c.projectFrame(p, section, title), nil
}

// choice is one of what a form offers.
type choice struct {
	Value, Text string
	Chosen      bool
}

// roleNames are the roles that people give, from the lowest.
var roleNames = []struct {
	role registry.Role
	name string
}{{registry.Guest, "Guest"}, {registry.Planner, "Planner"}, {registry.Reporter, "Reporter"}, {registry.Developer, "Developer"},
	{registry.Maintainer, "Maintainer"}, {registry.Owner, "Owner"}}

// roleName says a role in words.
func roleName(r registry.Role) string {
	if r == registry.Minimal {
		return "Minimal"
	}
	for _, n := range roleNames {
		if n.role == r {
			return n.name
		}
	}
	return "None"
}

// roleChoices offers the roles.
func roleChoices(chosen registry.Role) []choice {
	out := make([]choice, len(roleNames))
	for i, n := range roleNames {
		out[i] = choice{itoa(int64(n.role)), n.name, n.role == chosen}
	}
	return out
}
