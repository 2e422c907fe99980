package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// counted gives events of a topic in words, with how often they were, the first
// that happened first.
func counted(t *testing.T, h *house, topic string) []string {
	t.Helper()
	l, err := h.sys.Events(t.Context(), "", registry.EventQuery{Topics: []string{topic}, Page: registry.Page{Limit: 100}})
	must(t, err)
	out := told(l)
	for i := range out {
		out[i] += fmt.Sprint(" x", l.Items[len(l.Items)-1-i].Times)
	}
	return out
}

// TestManyFilesAreOneEvent: what one token uploads to one package within a minute
// counts as one; another package, token or minute is another event.
func TestManyFilesAreOneEvent(t *testing.T) {
	h := newHouse(t)
	v, other := h.version(t, "iris"), h.version(t, "lily")
	s := ann(t, h)
	put := func(s registry.Session, v registry.Version, path string) {
		t.Helper()
		_, err := s.PutFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, path, strings.NewReader(path), registry.PutOptions{Size: -1})
		must(t, err)
	}
	for i := range 20 {
		put(s, v, fmt.Sprint("shard-", i))
	}
	put(s, other, "a")
	put(h.sys, v, "b")
	h.wait(time.Minute)
	put(s, v, "c")
	must(t, s.DeleteFile(t.Context(), home, registry.PackageRef{VersionID: v.ID}, "c"))
	same(t, counted(t, h, "file"),
		"ann: file.uploaded shard-0 (iris 1.0.0) in root/default x20",
		"ann: file.uploaded a (lily 1.0.0) in root/default x1",
		"system: file.uploaded b (iris 1.0.0) in root/default x1",
		"ann: file.uploaded c (iris 1.0.0) in root/default x1",
		"ann: file.deleted c (iris 1.0.0) in root/default x1")
}

// TestRunEvents: runs are told when they start, go, come back and become a
// version.
func TestRunEvents(t *testing.T) {
	h := newHouse(t)
	s, ctx := ann(t, h), t.Context()
	m, err := s.CreateModel(ctx, home, registry.ModelSpec{Name: "iris"})
	must(t, err)
	start := func(name string) registry.RunRef {
		t.Helper()
		r, err := s.CreateRun(ctx, home, registry.RunSpec{ModelID: m.ID, Name: name})
		must(t, err)
		return registry.RunRef{IID: r.IID}
	}
	one := start("one")
	must(t, s.TrashRun(ctx, home, one))
	must(t, s.RestoreRun(ctx, home, one))
	_, err = s.PromoteRun(ctx, home, one, registry.Promotion{VersionSpec: registry.VersionSpec{Semver: "1.0.0"}})
	must(t, err)
	must(t, s.DeleteRun(ctx, home, start("two")))
	for _, want := range []string{"ann: run.created one (1) in root/default", "ann: run.deleted one (1) in root/default x1",
		"ann: run.restored one (1) in root/default x1", "ann: run.promoted one (iris 1.0.0) in root/default x1", "ann: run.deleted two"} {
		if got := strings.Join(counted(t, h, "run"), "\n"); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestRefusals: what was turned away is an event per minute, address and account
// with its number; a name of no account is not kept, and a flood from everywhere
// is bounded.
func TestRefusals(t *testing.T) {
	h := newHouse(t)
	ann(t, h)
	k, err := h.sys.CreateToken(t.Context(), 1, registry.TokenSpec{Name: "old", Scopes: []string{"api"}})
	must(t, err)
	wrong := func(times int, act registry.Act, meant, from string) {
		for range times {
			h.reg.Refused(registry.Refusal{Act: act, Meant: meant, Address: from})
		}
	}
	flush := func() { must(t, h.reg.FlushRefusals(t.Context())) }
	wrong(3, registry.UserRefused, "ANN@example.org", "10.0.0.1")
	flush()
	wrong(2, registry.UserRefused, "ann", "10.0.0.1")
	wrong(1, registry.UserRefused, "hunter2", "10.0.0.1")
	wrong(4, registry.TokenRefused, fmt.Sprint(k.ID), "10.0.0.2")
	wrong(1, registry.TokenRefused, "", "10.0.0.2")
	flush()
	flush()
	got := strings.Join(append(counted(t, h, "user"), counted(t, h, "token")...), "\n")
	for _, want := range []string{"user.refused ann (10.0.0.1) in  x5", "user.refused  (10.0.0.1) in  x1",
		"token.refused old (10.0.0.2) in  x4", "token.refused  (10.0.0.2) in  x1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Error("a password in the wrong field is kept")
	}
	h.wait(time.Minute)
	for i := range 300 {
		wrong(1, registry.TokenRefused, "", fmt.Sprint("10.1.", i/200, ".", i%200))
	}
	flush()
	if got := counted(t, h, "token"); len(got) > 60 || !strings.Contains(strings.Join(got, "\n"), "token.refused  () in  x250") {
		t.Errorf("%d events of a flood:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestSignOutIsTold in the log, as signing in is.
func TestSignOutIsTold(t *testing.T) {
	h := newHouse(t)
	ann(t, h)
	k, err := h.reg.As(auth.Actor{}).SignIn(t.Context(), "ann", "correct horse", registry.Browser{})
	must(t, err)
	must(t, h.reg.As(auth.Actor{UserID: k.UserID, Username: "ann", Kind: auth.Browser, TokenID: k.ID}).SignOut(t.Context()))
	got := strings.Join(counted(t, h, "user"), "\n")
	if want := fmt.Sprintf("ann: user.signed_out ann (%d)", k.ID); !strings.Contains(got, "ann: user.signed_in ann") || !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

// TestForgetEvents: events go when they are older than they are kept, in several
// steps, and with 0 never.
func TestForgetEvents(t *testing.T) {
	h := newHouse(t)
	s := ann(t, h)
	m, err := s.CreateModel(t.Context(), home, registry.ModelSpec{Name: "iris"})
	must(t, err)
	for range 501 {
		must(t, s.SetModelTag(t.Context(), home, registry.ModelRef{ID: m.ID}, registry.Tag{Key: "k", Value: "v"}))
	}
	h.wait(48 * time.Hour)
	must(t, s.SetModelTag(t.Context(), home, registry.ModelRef{ID: m.ID}, registry.Tag{Key: "late", Value: "v"}))
	for _, c := range []struct {
		keep time.Duration
		gone bool
	}{{0, false}, {72 * time.Hour, false}, {24 * time.Hour, true}} {
		n, err := h.sys.ForgetEvents(t.Context(), c.keep)
		must(t, err)
		if (n > 501) != c.gone {
			t.Errorf("kept for %v: %d went", c.keep, n)
		}
	}
	same(t, counted(t, h, "model"), "ann: model.tagged iris (late) in root/default x1")
}
