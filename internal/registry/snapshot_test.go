package registry_test

import (
	"sync"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/auth"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// TestSnapshot: many questions, also at once, see one moment; it does not write;
// and each is let through the gate by its own permission.
func TestSnapshot(t *testing.T) {
	h := newHouse(t)
	h.version(t, "before")
	u, err := h.sys.CreateUser(t.Context(), registry.UserSpec{Username: "guest", Name: "G", Email: "g@example.org"})
	must(t, err)
	_, err = h.sys.AddMember(t.Context(), registry.PlaceRef{Project: home}, registry.MemberSpec{UserID: u.ID, Role: registry.Guest})
	must(t, err)
	guest := h.reg.As(auth.Actor{UserID: u.ID, Username: "guest", Scopes: auth.AllScopes})
	must(t, guest.Snapshot(t.Context(), func(s registry.Session) error {
		if got := s.Actor().Username; got != "guest" {
			t.Errorf("the actor is %s", got)
		}
		count := func() int64 {
			l, err := s.Models(t.Context(), home, registry.ModelQuery{})
			must(t, err)
			return l.Total
		}
		first := count()
		h.version(t, "meanwhile")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if n := count(); n != first {
					t.Errorf("%d models, then %d", first, n)
				}
			})
		}
		wg.Wait()
		if err := s.May(t.Context(), home, registry.PullFiles); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a guest pulls: %v", err)
		}
		if _, err := s.CreateModel(t.Context(), home, registry.ModelSpec{Name: "x"}); err == nil {
			t.Error("it writes")
		}
		return nil
	}))
}
