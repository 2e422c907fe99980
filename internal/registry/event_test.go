package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// told gives events in words, the first that happened first.
func told(l registry.List[registry.Event]) []string {
	var out []string
	for _, e := range l.Items {
		out = append([]string{e.Actor.Username + ": " + string(e.Act) + " " + e.Subject + " (" + e.Detail + ") in " + e.Place}, out...)
	}
	return out
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// ann is a person with a session.
func ann(t *testing.T, h *house) registry.Session {
	t.Helper()
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: "ann", Name: "Ann", Email: "ann@example.org", Password: "correct horse"})
	must(t, err)
	_, err = h.sys.AddMember(t.Context(), registry.PlaceRef{Project: home}, registry.MemberSpec{UserID: u.ID, Role: registry.Maintainer})
	must(t, err)
	return h.reg.As(auth.Actor{UserID: u.ID, Username: "ann", Kind: auth.Personal, Scopes: auth.ScopeAPI, TokenID: 5})
}

// TestModelEvents: what is done to a model is told, by whom and in order, and
// what failed is not.
func TestModelEvents(t *testing.T) {
	h := newHouse(t)
	s, ctx := ann(t, h), t.Context()
	m, err := s.CreateModel(ctx, home, registry.ModelSpec{Name: "iris"})
	must(t, err)
	ref := registry.ModelRef{ID: m.ID}
	v, err := s.CreateVersion(ctx, home, ref, registry.VersionSpec{})
	must(t, err)
	h.put(t, v, "weights.bin", "w")
	_, err = s.CreateVersion(ctx, home, ref, registry.VersionSpec{Semver: "1.0.0"})
	is(t, err, fault.Conflict, "version")
	one := registry.VersionRef{ID: v.ID}
	_, err = s.SetAlias(ctx, home, ref, registry.AliasSpec{Name: "champion", Version: one})
	must(t, err)
	_, err = s.MoveToStage(ctx, home, ref, one, registry.StageMove{Stage: registry.Production})
	must(t, err)
	must(t, s.SetVersionTag(ctx, home, ref, one, registry.Tag{Key: "reviewed", Value: "password: hunter2"}))
	must(t, s.DeleteFile(ctx, home, registry.PackageRef{VersionID: v.ID}, "weights.bin"))
	must(t, s.DeleteAlias(ctx, home, ref, "champion", nil))
	name, card := "lily", "A card"
	_, err = s.EditModel(ctx, home, ref, registry.ModelEdit{Name: &name})
	must(t, err)
	_, err = s.EditModel(ctx, home, ref, registry.ModelEdit{Description: &card})
	must(t, err)
	must(t, s.DeleteVersion(ctx, home, ref, one))
	l, err := s.ModelEvents(ctx, home, ref, registry.Page{Limit: 100})
	must(t, err)
	same(t, told(l),
		"ann: model.created iris () in root/default",
		"ann: version.published iris 1.0.0 () in root/default",
		"system: file.uploaded weights.bin (iris 1.0.0) in root/default",
		"ann: alias.moved champion (iris 1.0.0) in root/default",
		"ann: version.staged iris 1.0.0 (production) in root/default",
		"ann: version.tagged iris 1.0.0 (reviewed) in root/default",
		"ann: file.deleted weights.bin (iris 1.0.0) in root/default",
		"ann: alias.deleted champion (iris) in root/default",
		"ann: model.renamed lily (iris) in root/default",
		"ann: model.edited lily () in root/default",
		"ann: version.deleted lily 1.0.0 () in root/default")
	if e := l.Items[0]; e.TokenID != 5 || e.TokenKind != auth.Personal || time.Since(e.At) > time.Minute {
		t.Errorf("%+v", e)
	}
	must(t, s.DeleteModel(ctx, home, ref))
	all, err := h.sys.Events(ctx, "root/default", registry.EventQuery{Actor: "ANN", Topics: []string{"model"}})
	must(t, err)
	if got := told(all); len(got) != 4 || got[3] != "ann: model.deleted lily () in root/default" {
		t.Errorf("%q", got)
	}
}

// TestAudit: what is done around projects, accounts and tokens is told to
// administrators, without a secret.
func TestAudit(t *testing.T) {
	h := newHouse(t)
	s, ctx := ann(t, h), t.Context()
	place := registry.PlaceRef{Project: home}
	expires := h.clock().Add(48 * time.Hour)
	spec := registry.TokenSpec{Name: "ci", Scopes: []string{"api"}, ExpiresAt: expires}
	a, err := s.CreateAccessToken(ctx, place, registry.AccessTokenSpec{TokenSpec: spec, Role: registry.Guest})
	must(t, err)
	b, err := s.RotateAccessToken(ctx, place, a.ID, expires)
	must(t, err)
	_, err = s.RotateAccessToken(ctx, place, a.ID, expires)
	is(t, err, fault.Invalid, "token")
	d, err := s.CreateDeployToken(ctx, place, registry.DeployTokenSpec{Name: "kitchen", Scopes: []string{"read_package_registry"}})
	must(t, err)
	must(t, s.DeleteDeployToken(ctx, place, d.ID))
	k, err := h.reg.As(auth.Actor{}).SignIn(ctx, "ann", "correct horse", registry.Browser{})
	must(t, err)
	yes, path := true, "moved"
	_, err = h.sys.EditUser(ctx, s.Actor().UserID, registry.UserEdit{Blocked: &yes, Admin: &yes})
	must(t, err)
	_, err = h.sys.EditProject(ctx, home, registry.ProjectEdit{Path: &path})
	must(t, err)
	must(t, h.sys.RemoveMember(ctx, place, s.Actor().UserID))
	must(t, h.sys.DeleteProject(ctx, home))
	l, err := h.sys.Events(ctx, "", registry.EventQuery{Page: registry.Page{Limit: 100}})
	must(t, err)
	same(t, told(l),
		"system: user.created ann () in ",
		"system: member.added ann (40) in root/default",
		"ann: token.created ci (personal token "+fmt.Sprint(a.ID)+": api) in root/default",
		"ann: token.rotated ci (personal token "+fmt.Sprint(b.ID)+": api) in root/default",
		"ann: token.reused ci (personal token "+fmt.Sprint(a.ID)+": api) in root/default",
		"ann: token.created kitchen (deploy token "+fmt.Sprint(d.ID)+": read_package_registry) in root/default",
		"ann: token.revoked kitchen (deploy token "+fmt.Sprint(d.ID)+": read_package_registry) in root/default",
		"ann: user.signed_in ann () in ",
		"system: user.blocked ann () in ",
		"system: user.promoted ann () in ",
		"system: project.moved root/moved (root/default) in root/moved",
		"system: member.removed ann () in root/moved",
		"system: project.deleted root/moved () in root/moved")
	for _, e := range l.Items {
		for _, secret := range []string{a.Secret, b.Secret, d.Secret, k.Secret, "correct horse"} {
			if strings.Contains(e.Subject+e.Detail+e.Place+e.Actor.Username, secret) {
				t.Errorf("a secret in %+v", e)
			}
		}
	}
	_, err = s.Events(ctx, "", registry.EventQuery{})
	is(t, err, fault.Forbidden, "")
}

// TestProjectEvents: everybody is told as much as they may see of what it is
// about.
func TestProjectEvents(t *testing.T) {
	h := newHouse(t)
	s, ctx := ann(t, h), t.Context()
	h.version(t, "iris")
	_, err := s.CreateDeployToken(ctx, registry.PlaceRef{Project: home}, registry.DeployTokenSpec{Name: "kitchen", Scopes: []string{"read_package_registry"}})
	must(t, err)
	topics := func(s registry.Session, q registry.EventQuery) string {
		l, err := s.ProjectEvents(ctx, home, q)
		must(t, err)
		var out []string
		for _, e := range l.Items {
			out = append([]string{string(e.Act)}, out...)
		}
		return strings.Join(out, " ")
	}
	if got := topics(s, registry.EventQuery{}); got != "member.added model.created version.published token.created" {
		t.Errorf("a maintainer is told %s", got)
	}
	_, err = h.sys.EditMember(ctx, registry.PlaceRef{Project: home}, registry.MemberSpec{UserID: s.Actor().UserID, Role: registry.Guest})
	must(t, err)
	off := registry.Disabled
	_, err = h.sys.EditProject(ctx, home, registry.ProjectEdit{Models: &off})
	must(t, err)
	if got := topics(s, registry.EventQuery{}); got != "member.added member.edited project.edited" {
		t.Errorf("a guest is told %s", got)
	}
	if got := topics(s, registry.EventQuery{Topics: []string{"token"}}); got != "" {
		t.Errorf("a guest who asks for tokens is told %s", got)
	}
}
