package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// events stay in order, are found by all that they are about, and outlive it.
func events(_ *testing.T, b *bench) {
	p := b.place()
	m := b.model(p, "iris")
	acts := []registry.Event{
		{At: at, Actor: registry.UserRef{ID: 1, Username: "Ann"}, Act: registry.ModelCreated, ProjectID: p.ID, ModelID: m.ID, Subject: "iris"},
		{At: at.Add(time.Second), Actor: registry.UserRef{Username: "system"}, Act: registry.TokenCreated, ProjectID: p.ID, Subject: "ci", Detail: "api"},
		{At: at.Add(2 * time.Second), Actor: registry.UserRef{ID: 1, Username: "ann"}, Act: registry.UserBlocked, UserID: 7, Subject: "bob"},
		{At: at.Add(3 * time.Second), Act: registry.UserRefused, UserID: 8, Whose: "Eve", Subject: "Eve", Detail: "192.0.2.1"},
		{At: at.Add(4 * time.Second), Actor: registry.UserRef{ID: 2, Username: "eve"}, Act: registry.GroupCreated, GroupID: p.Namespace.ID, UserID: 8, Subject: "crew"},
		{At: at.Add(5 * time.Second), Act: registry.TokenRefused, Detail: "192.0.2.2"},
	}
	b.update(func(ctx context.Context, tx registry.Tx) error {
		for _, e := range acts {
			if err := tx.InsertEvent(ctx, e); err != nil {
				return err
			}
		}
		return tx.HideProject(ctx, p.ID, at)
	})
	for _, c := range []struct {
		want string
		q    registry.EventQuery
	}{
		{" crew Eve bob ci iris", registry.EventQuery{}}, {"bob iris", registry.EventQuery{Actor: "ANN"}}, {"ci iris", registry.EventQuery{ProjectID: p.ID}},
		{"iris", registry.EventQuery{ModelID: m.ID}}, {"ci", registry.EventQuery{ProjectID: p.ID, Topics: []string{"token"}}},
		{"Eve bob", registry.EventQuery{Topics: []string{"user", "alias"}}}, {"iris", registry.EventQuery{When: registry.Span{Before: at.Add(time.Second)}}},
		{"bob", registry.EventQuery{When: registry.Span{After: at.Add(time.Second), Before: at.Add(3 * time.Second)}}},
		{"crew Eve", registry.EventQuery{Actor: "eve"}}, {"iris", registry.EventQuery{ProjectID: p.ID, ActorID: 1}}, {"bob iris", registry.EventQuery{ActorID: 1}},
		{"crew", registry.EventQuery{GroupID: p.Namespace.ID}}, {"ci iris", registry.EventQuery{Entity: registry.ProjectEntity}},
		{"crew", registry.EventQuery{Entity: registry.GroupEntity}}, {"Eve bob", registry.EventQuery{Entity: registry.UserEntity}},
		{"Eve", registry.EventQuery{}.About(registry.UserEntity, 8)}, {"", registry.EventQuery{}.About(registry.UserEntity, 9)},
		{"crew", registry.EventQuery{}.About(registry.GroupEntity, p.Namespace.ID)}, {"ci iris", registry.EventQuery{}.About(registry.ProjectEntity, p.ID)},
		{"", registry.EventQuery{Entity: registry.ServerEntity, Text: "192.0.2.1"}}, {"", registry.EventQuery{Entity: registry.ServerEntity, Actor: "eve"}},
		{"Eve", registry.EventQuery{Text: "192.0.2.1"}}, {"bob", registry.EventQuery{Text: "User Blo"}}, {"bob iris", registry.EventQuery{Text: "nn"}},
		{"ci iris", registry.EventQuery{Text: p.FullPath}}, {"iris", registry.EventQuery{Text: "ANN", ProjectID: p.ID}}, {"", registry.EventQuery{Text: "iriss"}},
	} {
		want, q := c.want, c.q
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.ListEvents(ctx, q)
			got := ""
			for _, e := range l.Items {
				if got += " " + e.Subject; e.ProjectID != 0 && e.Place != p.FullPath {
					b.t.Errorf("%s is in %q, want %q", e.Subject, e.Place, p.FullPath)
				}
			}
			if got = got[min(1, len(got)):]; got != want {
				b.t.Errorf("%+v gives %q, want %q", q, got, want)
			}
			return err
		})
	}
}

// finds look into all projects, and give what the viewer may see.
func finds(_ *testing.T, b *bench) {
	ada := b.user("ada")
	own := b.project(b.group(registry.Namespace{}, "own"), "p")
	other := b.project(b.group(registry.Namespace{}, "other"), "q")
	for _, p := range []registry.Project{own, other} {
		v := b.version(b.model(p, "iris"), "1.2.0")
		b.update(func(ctx context.Context, tx registry.Tx) error {
			return tx.SetTags(ctx, registry.VersionTags, v.ID, []registry.Tag{{Key: "Framework", Value: "Sklearn"}})
		})
	}
	b.update(func(ctx context.Context, tx registry.Tx) error {
		return tx.PutMember(ctx, registry.Place{ProjectID: own.ID}, registry.Member{User: registry.UserRef{ID: ada.ID}, Role: registry.Guest, CreatedAt: at})
	})
	member, admin := registry.Viewer{UserID: ada.ID, Now: at}, registry.Viewer{Admin: true}
	for _, c := range []struct {
		want string
		q    registry.FindQuery
	}{
		{"", registry.FindQuery{}}, {"own/p", registry.FindQuery{Viewer: member}}, {"other/q own/p", registry.FindQuery{Viewer: admin}},
		{"other/q", registry.FindQuery{ProjectID: other.ID}}, {"", registry.FindQuery{ProjectID: other.ID + 1, Viewer: admin}},
		{"other/q", registry.FindQuery{NamespaceID: other.Namespace.ID, Viewer: admin}}, {"", registry.FindQuery{NamespaceID: other.Namespace.ID, Viewer: member}},
		{"own/p", registry.FindQuery{NamespaceID: own.Namespace.ID, Viewer: member}},
	} {
		b.view(func(ctx context.Context, tx registry.Tx) error { return b.findsAs(ctx, tx, c.q, c.want) })
	}
	b.findsBehind(other, own, member)
}

// findsBehind: however much matches where a viewer may not look, the little that
// matches where they may is found, wherever it comes in an index.
func (b *bench) findsBehind(hidden, seen registry.Project, v registry.Viewer) {
	many := make([]registry.Tag, 1500)
	for i := range many {
		many[i] = registry.Tag{Key: fmt.Sprintf("lens%04d", i), Value: "lens"}
	}
	tag := func(p registry.Project, tags []registry.Tag) {
		m := b.model(p, "camera")
		one := b.version(m, "1.0.0")
		b.update(func(ctx context.Context, tx registry.Tx) error {
			if err := tx.SetTags(ctx, registry.ModelTags, m.ID, tags); err != nil {
				return err
			}
			return tx.SetTags(ctx, registry.VersionTags, one.ID, tags)
		})
	}
	tag(hidden, many)
	tag(seen, []registry.Tag{{Key: "lens9999", Value: "lens"}})
	for _, text := range []string{"lens", "lens9999=lens"} {
		b.view(func(ctx context.Context, tx registry.Tx) error {
			l, err := tx.FindTags(ctx, registry.FindQuery{Text: text, Viewer: v})
			if len(l.Items) != 2 || l.More || l.Items[0].VersionID != 0 || l.Items[1].Semver != "1.0.0" {
				b.t.Errorf("%q finds %+v", text, l)
			}
			return err
		})
	}
}

// findsAs holds each search, with other texts, to the projects that it shall meet.
func (b *bench) findsAs(ctx context.Context, tx registry.Tx, q registry.FindQuery, want string) error {
	b.t.Helper()
	met := func(what string, paths []string) {
		got := ""
		for _, p := range []string{"other/q", "own/p"} {
			if slices.Contains(paths, p) {
				got += " " + p
			}
		}
		if got = got[min(1, len(got)):]; got != want {
			b.t.Errorf("%s by %+v meets %q, want %q", what, q, got, want)
		}
	}
	for _, text := range []string{"", "iri", "ri", "IRIS"} {
		q.Text = text
		l, err := tx.FindModels(ctx, q)
		if err != nil {
			return err
		}
		met("model "+text, pathsOf(l.Items, func(m registry.Model) string { return m.ProjectPath }))
	}
	for _, text := range []registry.VersionText{{Semver: "1.2"}, {Name: "iri", Semver: "1"}, {Name: "ri", Semver: "1.2.0"}} {
		l, err := tx.FindVersions(ctx, q, text)
		if err != nil {
			return err
		}
		met(fmt.Sprint("version ", text), pathsOf(l.Items, func(m registry.Version) string { return m.ProjectPath }))
	}
	for _, text := range []string{"frame", "SKL", "framework=skl"} {
		q.Text = text
		l, err := tx.FindTags(ctx, q)
		if err != nil {
			return err
		}
		met("tag "+text, pathsOf(l.Items, func(m registry.FoundTag) string { return m.ProjectPath }))
	}
	return nil
}

// pathsOf gives where each of some things is.
func pathsOf[T any](found []T, path func(T) string) []string {
	out := make([]string, len(found))
	for i, f := range found {
		out[i] = path(f)
	}
	return out
}
