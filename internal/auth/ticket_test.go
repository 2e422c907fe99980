package auth

import (
	"testing"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// TestTickets: a ticket is its credential for what it was made for, until its
// time, and in no other process.
func TestTickets(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := &drawer{id: Identity{Token: Token{ID: 7, UserID: 3, Kind: Personal}, Username: "ann"}}
	a := NewAuthenticator(d, func() time.Time { return now })
	ticket := a.Ticket(Credential{Secret: "good"}, "GET /x", "group/p", now.Add(time.Minute))
	actor, note, err := a.AuthenticateTicket(t.Context(), ticket, "GET /x")
	if err != nil || actor.UserID != 3 || note != "group/p" {
		t.Fatalf("%+v %q %v", actor, note, err)
	}
	other := NewAuthenticator(d, func() time.Time { return now })
	for name, try := range map[string]func() error{
		"another request": func() error { _, _, err := a.AuthenticateTicket(t.Context(), ticket, "PUT /x"); return err },
		"changed":         func() error { _, _, err := a.AuthenticateTicket(t.Context(), "A"+ticket[1:]+"A", "GET /x"); return err },
		"no ticket":       func() error { _, _, err := a.AuthenticateTicket(t.Context(), "", "GET /x"); return err },
		"no base64":       func() error { _, _, err := a.AuthenticateTicket(t.Context(), "!", "GET /x"); return err },
		"another process": func() error { _, _, err := other.AuthenticateTicket(t.Context(), ticket, "GET /x"); return err },
	} {
		if err := try(); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = now.Add(2 * time.Minute)
	if _, _, err := a.AuthenticateTicket(t.Context(), ticket, "GET /x"); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("expired: %v", err)
	}
	if got := a.Ticket(Credential{}, "GET /x", "", now); got != "" {
		t.Errorf("the ticket of nobody is %q", got)
	}
}
